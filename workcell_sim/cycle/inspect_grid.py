"""Measures how the inspection judges under every light and smear: the table that the cycle simulator draws from.

`python -m workcell_sim.cycle.inspect_grid [--parts N] [--seed S] [--out FILE]`

Real renderings go through the real inspection, as in the whole cell. `gain` is exposure times light over the nominal
exposure; `smear_px` the way of the part's image during the exposure.
"""

from __future__ import annotations

import argparse
import csv
import itertools
import math
import tempfile
from collections import Counter
from collections.abc import Iterable
from dataclasses import astuple, fields
from pathlib import Path

import cv2
import numpy as np

from workcell_perception.golden import GoldenStore
from workcell_perception.inspector import GoldenInspector
from workcell_perception.locator import PartLocator
from workcell_perception.station import Inspection, InspectionStation
from workcell_perception.verdict_file import load_rules
from workcell_sim.cycle.verdict_table import KINDS, TABLE_FILE, VerdictRow
from workcell_sim.world.board import Board, BoardFactory
from workcell_sim.world.camera import CameraModel
from workcell_sim.world.parts import InfeedConfig
from workcell_sim.world.teach_golden import EXPOSURE_S, calibration_of, held_pose, teach_goldens

GAINS = (0.45, 0.55, 0.62, 0.65, 0.68, 0.75, 0.85, 1.0, 1.15, 1.25, 1.3, 1.35, 1.4, 1.5, 1.7)
SMEARS_PX = (0.0, 0.7, 1.4, 2.2, 3.0, 4.0, 5.0, 7.0)
RULES_FILE = "config/verdict.yaml"


def boards_of(kind: str, count: int, factory: BoardFactory) -> list[Board]:
    """The factory's first boards that a perfect inspection would give `kind`."""
    rate = 0.0 if kind == "accept" else 1.0
    boards = (factory.board(number, rate) for number in itertools.count())
    return list(itertools.islice((board for board in boards if board.disposition == kind), count))


def measure(
    station: InspectionStation, camera: CameraModel, boards: Iterable[Board], gain: float, smear_px: float, seed: int
) -> list[Inspection]:
    """Inspects boards as they hang at the cup: off their seat as the infeed leaves them, smeared any way."""
    infeed = InfeedConfig()
    results = []
    for number, board in enumerate(boards):
        rng = np.random.default_rng([seed, number])
        x_m, y_m = infeed.seat_spread_m * rng.standard_normal(2)
        pose = held_pose(camera, float(x_m), float(y_m), infeed.seat_spread_rad * float(rng.standard_normal()))
        heading = rng.uniform(0.0, 2.0 * math.pi)
        speed = smear_px / EXPOSURE_S
        velocity = (speed * math.cos(heading), speed * math.sin(heading))
        image = camera.render(board.texture, pose, EXPOSURE_S, gain, velocity, rng)
        results.append(station.inspect(image, EXPOSURE_S))
    return results


def row_of(gain: float, smear_px: float, kind: str, results: list[Inspection]) -> VerdictRow:
    """Sums up the inspections of one kind of part under one condition."""
    counts = Counter(result.verdict.outcome.value for result in results)
    health = [result.health for result in results if result.health is not None]
    lights = [item.light_level for item in health if math.isfinite(item.light_level)]
    blurs = [item.blur_px for item in health if math.isfinite(item.blur_px)]
    return VerdictRow(
        gain=gain,
        smear_px=smear_px,
        kind=kind,
        parts=len(results),
        accept=counts["accept"],
        rework=counts["rework"],
        reject=counts["reject"],
        unsure=counts["unsure"],
        light_level=round(float(np.mean(lights)), 4) if lights else 0.0,
        blur_px=round(float(np.mean(blurs)), 4) if blurs else 0.0,
        blur_spread_px=round(float(np.std(blurs)), 4) if blurs else 0.0,
    )


def write(rows: Iterable[VerdictRow], path: Path) -> None:
    """Writes the table."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([entry.name for entry in fields(VerdictRow)])
        writer.writerows(astuple(row) for row in rows)


def main(args: list[str] | None = None) -> None:
    """Measures and writes the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--parts", type=int, default=60, help="parts of each kind under each condition")
    parser.add_argument("--seed", type=int, default=100, help="seed of boards and noise")
    parser.add_argument("--out", type=Path, default=TABLE_FILE)
    options = parser.parse_args(args)
    cv2.setNumThreads(1)
    camera, factory = CameraModel(), BoardFactory(options.seed)
    rules = load_rules(RULES_FILE)
    with tempfile.TemporaryDirectory() as folder:
        teach_goldens(factory, folder, camera)
        goldens = GoldenStore(folder)
        locator = PartLocator(goldens, residual_max_px=rules.image.residual_px_max)
        station = InspectionStation(calibration_of(camera), GoldenInspector(goldens), rules, locator)
        boards = {kind: boards_of(kind, options.parts, factory) for kind in KINDS}
        rows = [
            row_of(gain, smear_px, kind, measure(station, camera, boards[kind], gain, smear_px, options.seed))
            for gain in GAINS
            for smear_px in SMEARS_PX
            for kind in KINDS
        ]
    write(rows, options.out)


if __name__ == "__main__":
    main()
