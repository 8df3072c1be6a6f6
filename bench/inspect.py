"""Measures the inspection: defects on real board pairs beside a plain difference, and parts through the camera.

`python -m bench.inspect [--data DIR] [--boards N] [--out DIR]`

DIR holds pairs as `workcell_sim.world.real_boards` describes (the layout of DeepPCB). Settings were tuned on the pairs
with an even index; the table reports the odd ones. A defect counts as found where a box overlaps it by IoU >= 0.33.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from workcell_perception.comparison import TWO_LEVEL_COMPARISON, Comparator
from workcell_perception.defects import ClassifierSettings, DefectClass, FoundDefect, name_defects
from workcell_perception.golden import GoldenStore
from workcell_perception.inspector import GoldenInspector
from workcell_perception.station import InspectionStation
from workcell_perception.teach import teach_clean
from workcell_perception.verdict import Outcome, load_rules
from workcell_ros.errors import WorkcellError
from workcell_sim.world.board import BoardFactory
from workcell_sim.world.camera import CameraModel
from workcell_sim.world.defects import Defect
from workcell_sim.world.real_boards import BoardPair, find_pairs
from workcell_sim.world.teach_golden import calibration_of, held_pose, teach_goldens

ImageU8 = npt.NDArray[np.uint8]
Box = tuple[int, int, int, int]
Finder = Callable[[ImageU8, ImageU8], tuple[FoundDefect, ...]]

IOU_MIN = 0.33
SIDE_PX = 640
BOX_PAD_PX = 9
PEER_AREA_MIN_PX = 30
RULES_FILE = Path(__file__).parents[1] / "config" / "verdict.yaml"
SHIFT_MAX_M = 0.003
ROTATION_MAX_RAD = float(np.radians(5.0))
LIGHT_SPAN = 0.3
NOMINAL_EXPOSURE_S = 0.004


@dataclass(frozen=True)
class PairScore:
    """How well a finder does on labelled pairs; `f_with_class` also asks for the right class."""

    finder: str
    pairs: int
    precision: float
    recall: float
    f: float
    f_with_class: float | None
    ms_median: float


@dataclass(frozen=True)
class CellScore:
    """How parts fare that go through the simulated camera."""

    parts: str
    light: str
    boards: int
    escapes: int
    false_rejects: int
    unsure: int
    good: int
    defective: int
    ms_median: float
    ms_p95: float


def iou(first: Box, second: Box) -> float:
    """Overlap of two boxes as intersection over union."""
    width = min(first[2], second[2]) - max(first[0], second[0])
    height = min(first[3], second[3]) - max(first[1], second[1])
    if width <= 0 or height <= 0:
        return 0.0
    area = [(box[2] - box[0]) * (box[3] - box[1]) for box in (first, second)]
    return width * height / (sum(area) - width * height)


def count_matches(found: Sequence[FoundDefect], true: Sequence[Defect], *, with_class: bool) -> int:
    """Matches found defects to true ones one to one, the most certain first; returns how many match."""
    left = list(true)
    matches = 0
    for defect in sorted(found, key=lambda item: -item.score):
        fitting = [item for item in left if not with_class or item.kind.value == defect.kind.value]
        best = max(fitting, key=lambda item: iou(defect.box, item.box), default=None)
        if best is not None and iou(defect.box, best.box) >= IOU_MIN:
            left.remove(best)
            matches += 1
    return matches


def compare_finder(template: ImageU8, part: ImageU8) -> tuple[FoundDefect, ...]:
    """Our comparison with the template as reference."""
    comparator = Comparator(teach_clean(template, variant=0), TWO_LEVEL_COMPARISON)
    return name_defects(comparator.compare(part), comparator.copper, ClassifierSettings(box_pad_px=BOX_PAD_PX))


def difference_finder(template: ImageU8, part: ImageU8) -> tuple[FoundDefect, ...]:
    """The peer: exclusive-or of both images at half level, opened, one box per component. It has no classes."""
    differs = ((template > 127) ^ (part > 127)).astype(np.uint8)
    opened = cv2.morphologyEx(differs, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    _, _, stats, _ = cv2.connectedComponentsWithStats(opened, connectivity=8)
    found = []
    for x, y, width, height, area in stats[1:].tolist():
        if area >= PEER_AREA_MIN_PX:
            low = (max(x - BOX_PAD_PX, 0), max(y - BOX_PAD_PX, 0))
            high = (min(x + width + BOX_PAD_PX, SIDE_PX), min(y + height + BOX_PAD_PX, SIDE_PX))
            found.append(FoundDefect(DefectClass.OTHER, (*low, *high), area, min(area / 400.0, 1.0)))
    return tuple(found)


def score_pairs(name: str, finder: Finder, pairs: Sequence[BoardPair], *, has_classes: bool) -> PairScore:
    """Runs a finder over pairs."""
    found_count = true_count = matched = named = 0
    times_ms = []
    for pair in pairs:
        template, (part, true) = pair.load_template(SIDE_PX), pair.load_part(SIDE_PX)
        begin_s = time.thread_time()
        found = finder(template, part)
        times_ms.append((time.thread_time() - begin_s) * 1e3)
        found_count += len(found)
        true_count += len(true)
        matched += count_matches(found, true, with_class=False)
        named += count_matches(found, true, with_class=True) if has_classes else 0
    both = max(found_count + true_count, 1)
    return PairScore(
        finder=name,
        pairs=len(pairs),
        precision=matched / max(found_count, 1),
        recall=matched / max(true_count, 1),
        f=2 * matched / both,
        f_with_class=2 * named / both if has_classes else None,
        ms_median=float(np.median(times_ms)),
    )


def score_cell(parts: str, factory: BoardFactory, golden_dir: Path, boards: int, *, light: str, seed: int) -> CellScore:
    """Sends boards through camera and inspection, held anyhow within tolerance.

    `light` is adapted (drifting by 30 %, the exposure follows) or "40 % lost" (the exposure does not follow).
    """
    camera, rng = CameraModel(), np.random.default_rng(seed)
    inspector = GoldenInspector(GoldenStore(golden_dir))
    station = InspectionStation(calibration_of(camera), inspector, load_rules(RULES_FILE))
    outcomes: list[tuple[bool, Outcome]] = []
    times_ms = []
    for number in range(boards):
        board = factory.board(number)
        level = float(rng.uniform(1 - LIGHT_SPAN, 1 + LIGHT_SPAN)) if light == "adapted" else 0.6
        exposure_s = NOMINAL_EXPOSURE_S / level if light == "adapted" else NOMINAL_EXPOSURE_S
        shift = rng.uniform(-SHIFT_MAX_M, SHIFT_MAX_M, size=2)
        pose = held_pose(camera, shift[0], shift[1], rng.uniform(-ROTATION_MAX_RAD, ROTATION_MAX_RAD))
        motion = rng.normal(0.0, 60.0, size=2)
        image = camera.render(board.texture, pose, exposure_s, level, (motion[0], motion[1]), rng)
        begin_s = time.thread_time()
        outcome = station.inspect(image, exposure_s).verdict.outcome
        times_ms.append((time.thread_time() - begin_s) * 1e3)
        outcomes.append((board.is_good, outcome))
    return CellScore(
        parts=parts,
        light=light,
        boards=boards,
        escapes=sum(not good and outcome is Outcome.ACCEPT for good, outcome in outcomes),
        false_rejects=sum(good and outcome in (Outcome.REWORK, Outcome.REJECT) for good, outcome in outcomes),
        unsure=sum(outcome is Outcome.UNSURE for _, outcome in outcomes),
        good=sum(good for good, _ in outcomes),
        defective=sum(not good for good, _ in outcomes),
        ms_median=float(np.median(times_ms)),
        ms_p95=float(np.percentile(times_ms, 95)),
    )


def print_pairs(scores: Sequence[PairScore]) -> None:
    print(f"{'real pairs':<22}{'pairs':>6}{'prec.':>8}{'recall':>8}{'F':>8}{'F class':>9}{'ms':>8}")
    for s in scores:
        named = "-" if s.f_with_class is None else f"{s.f_with_class:.3f}"
        numbers = f"{s.pairs:>6}{s.precision:>8.3f}{s.recall:>8.3f}{s.f:>8.3f}"
        print(f"{s.finder:<22}{numbers}{named:>9}{s.ms_median:>8.1f}")


def print_cell(scores: Sequence[CellScore]) -> None:
    heads = ("boards", "escapes", "false rej.", "unsure", "ms", "ms p95")
    print(f"{'through the camera':<22}{'light':<12}" + "".join(f"{head:>11}" for head in heads))
    for s in scores:
        counts = (s.boards, f"{s.escapes}/{s.defective}", f"{s.false_rejects}/{s.good}", s.unsure)
        numbers = (*counts, f"{s.ms_median:.1f}", f"{s.ms_p95:.1f}")
        print(f"{s.parts:<22}{s.light:<12}" + "".join(f"{number:>11}" for number in numbers))


def run(data: Path | None, boards: int, out: Path) -> None:
    """Measures, prints and writes `inspect.json`."""
    pair_scores: list[PairScore] = []
    cell_scores: list[CellScore] = []
    with tempfile.TemporaryDirectory() as folder:
        drawn, drawn_goldens = BoardFactory(29, variants=8, defect_rate=0.5), Path(folder, "drawn")
        teach_goldens(drawn, drawn_goldens)
        cell_scores += [
            score_cell("drawn boards", drawn, drawn_goldens, boards, light=light, seed=31)
            for light in ("adapted", "40 % lost")
        ]
        if data is not None:
            held_out = find_pairs(data)[1::2]
            pair_scores.append(score_pairs("comparison", compare_finder, held_out, has_classes=True))
            pair_scores.append(score_pairs("plain difference", difference_finder, held_out, has_classes=False))
            real, real_goldens = BoardFactory(29, boards_dir=data, defect_rate=0.5), Path(folder, "real")
            teach_goldens(real, real_goldens, variants={real.board(number).variant for number in range(boards)})
            cell_scores.append(score_cell("real boards", real, real_goldens, boards, light="adapted", seed=31))
    if pair_scores:
        print_pairs(pair_scores)
        print()
    print_cell(cell_scores)
    out.mkdir(parents=True, exist_ok=True)
    result = {"pairs": [asdict(s) for s in pair_scores], "cell": [asdict(s) for s in cell_scores], "iou_min": IOU_MIN}
    file = out / "inspect.json"
    file.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(f"\n{file}")


def main(args: list[str] | None = None) -> int:
    """Runs the command; returns its exit code."""
    parser = argparse.ArgumentParser(prog="bench.inspect", description=__doc__)
    parser.add_argument("--data", type=Path, default=None, help="folder of real pairs; without it only drawn boards")
    parser.add_argument("--boards", type=int, default=300, help="boards through the camera per row")
    parser.add_argument("--out", type=Path, default=Path("out/bench"), help="folder for inspect.json")
    options = parser.parse_args(args)
    cv2.setNumThreads(1)
    try:
        run(options.data, options.boards, options.out)
    except WorkcellError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
