"""Inspects a board without ROS: teaches a reference, looks at one good and one defective board, tells the verdicts.

Run it from the repository's root: python examples/inspect_board.py [--out DIR]
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import cv2
import numpy as np

from workcell_perception.annotate import annotate
from workcell_perception.golden import GoldenStore
from workcell_perception.inspector import GoldenInspector
from workcell_perception.locator import PartLocator
from workcell_perception.station import InspectionStation
from workcell_perception.verdict_file import load_rules
from workcell_sim.world.board import BoardFactory
from workcell_sim.world.camera import CameraModel
from workcell_sim.world.teach_golden import calibration_of, held_pose, teach_goldens

EXPOSURE_S = 0.004
RULES_FILE = Path(__file__).parents[1] / "config" / "verdict.yaml"


def main(args: list[str] | None = None) -> int:
    """Runs the example; returns its exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=None, help="folder for annotated images")
    options = parser.parse_args(args)
    camera, factory, rng = CameraModel(), BoardFactory(seed=1, variants=2), np.random.default_rng(1)
    with tempfile.TemporaryDirectory() as golden_dir:
        teach_goldens(factory, golden_dir, camera)
        goldens = GoldenStore(golden_dir)
        inspector, locator = GoldenInspector(goldens), PartLocator(goldens)
        station = InspectionStation(calibration_of(camera), inspector, load_rules(RULES_FILE), locator)
        for number, defect_rate in enumerate((0.0, 1.0)):
            board = factory.board(number, defect_rate)
            pose = held_pose(camera, x_m=0.002, y_m=-0.001, rotation_rad=0.05)
            image = camera.render(board.texture, pose, EXPOSURE_S, 1.0, (50.0, 0.0), rng)
            inspection = station.inspect(image, EXPOSURE_S)
            truth = ", ".join(defect.kind for defect in board.defects) or "good"
            print(f"{board.serial} ({truth}): {inspection.verdict.outcome}, {inspection.verdict.reason}")
            if options.out is not None:
                options.out.mkdir(parents=True, exist_ok=True)
                cv2.imwrite(str(options.out / f"{board.serial}.png"), annotate(inspection, image))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
