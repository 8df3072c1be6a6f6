"""Sends seeded parts through the simulated station: escapes and false rejects by class, and how well parts are found.

`python -m bench.station [--parts N] [--seed S] [--shift-parts N]`

Each part lies turned by up to 180 degrees, off centre by up to 28 px, tilted by up to two degrees, in light 30 %
stronger or weaker, out of focus (Gaussian, sigma up to 2 px) or smeared (up to 2 px), with the sensor's noise. Half of
the parts are good, the others have one defect, class by class in turn. An escape is a defective part that is accepted;
a false reject is a good one that is not, whatever the verdict. A second run is a shift of a focused camera (blur
up to 0.5 px) whose light falls by 40 % while the exposure follows what image health proposes.
"""

from __future__ import annotations

import argparse
import math
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from bench.output import keep, show
from workcell_perception.golden import GoldenStore
from workcell_perception.image_watch import Concern, ImageWatch
from workcell_perception.inspector import GoldenInspector
from workcell_perception.locator import PartLocator
from workcell_perception.station import Inspection, InspectionStation
from workcell_perception.verdict import Outcome
from workcell_perception.verdict_file import load_rules
from workcell_ros.errors import WorkcellError
from workcell_sim.world.artwork import draw_artwork, paint
from workcell_sim.world.board import BoardFactory, assemble
from workcell_sim.world.camera import CameraModel
from workcell_sim.world.defects import DefectKind, inject
from workcell_sim.world.teach_golden import calibration_of, teach_goldens

ImageU8 = npt.NDArray[np.uint8]
FloatArray = npt.NDArray[np.float64]

RULES_FILE = Path(__file__).parents[1] / "config" / "verdict.yaml"
VARIANTS = 8
VIEW_PX = 880
"""Side of the image: a board fits into it however it is turned, with 5 px and more to spare."""
SHIFT_MAX_M = 0.005
TILT_MAX_RAD = math.radians(2.0)
LIGHT_SPAN = 0.3
BLUR_MAX_PX = 2.0
LIGHT_LOST = 0.4
SHIFT_BLUR_MAX_PX = 0.5
EXPOSURE_S = 0.004
GRID_STEP_PX = 64
CONFIDENCE_Z = 1.96


@dataclass(frozen=True)
class Conditions:
    """How one part is presented: pose (4, 4), light relative to nominal, smear in [px/s] and defocus in [px]."""

    pose: FloatArray
    light: float
    velocity: tuple[float, float]
    defocus_px: float


@dataclass(frozen=True)
class Outcomes:
    """What became of the parts of one kind; `kind` is `good` or the class of their defect."""

    kind: str
    parts: int
    wrong: int
    unsure: int
    named: int

    def interval(self) -> tuple[float, float]:
        """95 % interval of the share of wrong verdicts (E. B. Wilson, 1927)."""
        z, n = CONFIDENCE_Z, max(self.parts, 1)
        share = self.wrong / n
        middle = (share + z * z / (2 * n)) / (1 + z * z / n)
        reach = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / (1 + z * z / n)
        return max(middle - reach, 0.0), min(middle + reach, 1.0)


def anywhere(camera: CameraModel, rng: np.random.Generator, blur_max_px: float = BLUR_MAX_PX) -> Conditions:
    """Draws how a part is presented."""
    turn = rng.uniform(-math.pi, math.pi)
    tilt = rng.uniform(-TILT_MAX_RAD, TILT_MAX_RAD, size=2)
    pose = camera.nominal_pose.copy()
    rotation, _ = cv2.Rodrigues(np.array([tilt[0], tilt[1], 0.0]))
    about_axis, _ = cv2.Rodrigues(np.array([0.0, 0.0, turn]))
    pose[:3, :3] = rotation @ about_axis
    pose[:2, 3] = rng.uniform(-SHIFT_MAX_M, SHIFT_MAX_M, size=2)
    blur_px, is_smeared, heading = rng.uniform(0, blur_max_px), rng.random() < 0.5, rng.uniform(0, 2 * math.pi)
    speed = blur_px / EXPOSURE_S if is_smeared else 0.0
    light = float(rng.uniform(1 - LIGHT_SPAN, 1 + LIGHT_SPAN))
    velocity = (speed * math.cos(heading), speed * math.sin(heading))
    return Conditions(pose, light, velocity, 0.0 if is_smeared else float(blur_px))


def texture_of(kind: DefectKind | None, variant: int, rng: np.random.Generator) -> ImageU8:
    """A good board's face, or one with a single defect."""
    artwork = draw_artwork(variant)
    copper = artwork.copper if kind is None else inject(artwork, (kind,), rng)[0]
    return assemble(paint(copper), variant)


def take(
    camera: CameraModel, texture: ImageU8, held: Conditions, exposure_s: float, rng: np.random.Generator
) -> ImageU8:
    """Takes the image of a part."""
    if held.defocus_px > 0.1:
        sigma = held.defocus_px / (camera.pixels_per_m * camera.layout.metres_per_px)
        texture = np.asarray(cv2.GaussianBlur(texture, (0, 0), sigma), dtype=np.uint8)
    return camera.render(texture, held.pose, exposure_s, held.light, held.velocity, rng)


def registration_error_px(camera: CameraModel, held: Conditions, inspection: Inspection) -> float | None:
    """RMS distance in [px] of the image between where the artwork is and where it was found; None if it was not."""
    if inspection.registration is None:
        return None
    layout = camera.layout
    ticks = np.arange(GRID_STEP_PX / 2, layout.artwork_px, GRID_STEP_PX)
    points = np.stack(np.meshgrid(ticks, ticks), axis=-1).reshape(-1, 1, 2)
    true = cv2.perspectiveTransform(points + layout.margin_px, camera.homography(held.pose))
    found = cv2.perspectiveTransform(points, inspection.registration.homography)
    return float(np.sqrt(np.mean(np.sum((true - found) ** 2, axis=-1))))


@dataclass(frozen=True)
class PartResult:
    """One inspected part: its defect or None, and the registration error in [px], None where it was not found."""

    kind: DefectKind | None
    inspection: Inspection
    error_px: float | None
    ms: float


def run_parts(camera: CameraModel, station: InspectionStation, parts: int, seed: int) -> Iterator[PartResult]:
    """Inspects seeded parts: one good, one with a defect, and so on."""
    kinds = tuple(DefectKind)
    for number in range(parts):
        rng = np.random.default_rng([seed, number])
        kind = kinds[(number // 2) % len(kinds)] if number % 2 else None
        texture = texture_of(kind, number % VARIANTS, rng)
        held = anywhere(camera, rng)
        image = take(camera, texture, held, EXPOSURE_S, rng)
        begin_s = time.thread_time()
        inspection = station.inspect(image, EXPOSURE_S)
        ms = (time.thread_time() - begin_s) * 1e3
        yield PartResult(kind, inspection, registration_error_px(camera, held, inspection), ms)


def outcomes_of(results: Sequence[PartResult]) -> list[Outcomes]:
    """Counts by kind, good parts first, then all defective ones, then class by class."""
    groups: dict[str, list[PartResult]] = {"good": [], "defective": []}
    for result in results:
        groups["good" if result.kind is None else "defective"].append(result)
        if result.kind is not None:
            groups.setdefault(result.kind.value, []).append(result)
    return [_outcomes(kind, members) for kind, members in groups.items()]


def _outcomes(kind: str, members: Sequence[PartResult]) -> Outcomes:
    verdicts = Counter(result.inspection.verdict.outcome for result in members)
    accepted = verdicts[Outcome.ACCEPT]
    named = sum(any(item.kind.value == kind for item in result.inspection.defects) for result in members)
    wrong = len(members) - accepted if kind == "good" else accepted
    return Outcomes(kind, len(members), wrong, verdicts[Outcome.UNSURE], named)


@dataclass(frozen=True)
class ShiftResult:
    """A shift in which the light falls: exposures proposed, and the standing concerns raised otherwise."""

    parts: int
    light_lost: float
    escapes: int
    false_rejects: int
    proposals: int
    exposure_end_s: float
    other_concerns: int


def run_shift(camera: CameraModel, station: InspectionStation, parts: int, seed: int) -> ShiftResult:
    """Lets the light fall evenly by 40 %; proposed exposures come into force with the next part."""
    kinds, watch = tuple(DefectKind), ImageWatch()
    exposure_s, proposals, others, escapes, false_rejects = EXPOSURE_S, 0, 0, 0, 0
    for number in range(parts):
        rng = np.random.default_rng([seed, number])
        kind = kinds[(number // 2) % len(kinds)] if number % 2 else None
        texture = texture_of(kind, number % VARIANTS, rng)
        held = replace(anywhere(camera, rng, SHIFT_BLUR_MAX_PX), light=1.0 - LIGHT_LOST * number / parts)
        inspection = station.inspect(take(camera, texture, held, exposure_s, rng), exposure_s)
        accepted = inspection.verdict.outcome is Outcome.ACCEPT
        escapes += int(accepted and kind is not None)
        false_rejects += int(not accepted and kind is None)
        if inspection.health is None:
            continue
        for advice in watch.learn(inspection.health, is_trusted=inspection.verdict.outcome is not Outcome.UNSURE):
            if advice.exposure_s is None:
                others += int(advice.concern is not Concern.LIGHT)
            else:
                exposure_s, proposals = advice.exposure_s, proposals + 1
    return ShiftResult(parts, LIGHT_LOST, escapes, false_rejects, proposals, exposure_s, others)


def print_outcomes(outcomes: Sequence[Outcomes]) -> None:
    rows: list[list[object]] = []
    for item in outcomes:
        low, high = item.interval()
        what = "false rejects" if item.kind == "good" else "escapes"
        named = "" if item.kind in ("good", "defective") else f"{item.named / item.parts:.1%}"
        interval = f"{low:.2%}-{high:.2%}"
        rows.append([item.kind, item.parts, f"{item.wrong} {what}", interval, item.unsure, named])
    show("parts anywhere in view", ["kind", "parts", "wrong", "95 %", "unsure", "named"], rows)


def run(parts: int, shift_parts: int, seed: int) -> None:
    """Measures, prints and writes `station.json`."""
    camera = CameraModel(width_px=VIEW_PX, height_px=VIEW_PX)
    rules = load_rules(RULES_FILE)
    with tempfile.TemporaryDirectory() as folder:
        begin_s = time.process_time()
        teach_goldens(BoardFactory(0, variants=VARIANTS), folder, camera)
        teaching_s = (time.process_time() - begin_s) / VARIANTS
        goldens = GoldenStore(folder)
        locator = PartLocator(goldens, residual_max_px=rules.image.residual_px_max)
        station = InspectionStation(calibration_of(camera), GoldenInspector(goldens), rules, locator)
        results = list(run_parts(camera, station, parts, seed))
        shift = run_shift(camera, station, shift_parts, seed + 1)
    outcomes = outcomes_of(results)
    errors_px = [result.error_px for result in results if result.error_px is not None]
    times_ms = [result.ms for result in results]
    error_p50, error_p99, error_max = (float(n) for n in np.percentile(errors_px, (50, 99, 100)))
    print_outcomes(outcomes)
    print(
        f"{len(errors_px)} of {parts} parts found; registration error (RMS over artwork) median {error_p50:.3f} px, "
        f"p99 {error_p99:.3f} px, worst {error_max:.3f} px"
    )
    median_ms, p99_ms = (float(n) for n in np.percentile(times_ms, (50, 99)))
    print(f"{median_ms:.1f} ms a part on one core (p99 {p99_ms:.1f}), teaching a variant {teaching_s:.2f} s")
    print(
        f"light falling by {shift.light_lost:.0%} over {shift.parts} parts: {shift.escapes} escapes, "
        f"{shift.false_rejects} false rejects, {shift.proposals} exposure proposals up to "
        f"{shift.exposure_end_s * 1e3:.2f} ms, {shift.other_concerns} other concerns"
    )
    figures = {
        "outcomes": [{**asdict(item), "interval": item.interval()} for item in outcomes],
        "found": len(errors_px),
        "registration_error_px": {"median": error_p50, "p99": error_p99, "worst": error_max},
        "ms": {"median": median_ms, "p99": p99_ms},
        "shift": asdict(shift),
    }
    keep("station", figures)


def main(args: list[str] | None = None) -> int:
    """Runs the command; returns its exit code."""
    parser = argparse.ArgumentParser(prog="bench.station", description=__doc__)
    parser.add_argument("--parts", type=int, default=2000, help="parts anywhere in view")
    parser.add_argument("--shift-parts", type=int, default=400, help="parts of the shift with falling light")
    parser.add_argument("--seed", type=int, default=41, help="seed of parts and conditions")
    options = parser.parse_args(args)
    cv2.setNumThreads(1)
    try:
        run(options.parts, options.shift_parts, options.seed)
    except WorkcellError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
