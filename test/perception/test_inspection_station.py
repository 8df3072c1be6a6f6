"""The whole way from image to verdict, and images that no camera should deliver."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pytest
from board_views import CALIBRATION, EXPOSURE_S, FACTORY, good_texture, view
from hypothesis import given, settings
from hypothesis import strategies as st

from workcell_perception.golden import GoldenStore
from workcell_perception.inspector import GoldenInspector
from workcell_perception.locator import PartLocator
from workcell_perception.station import Inspection, InspectionStation
from workcell_perception.verdict import Outcome
from workcell_perception.verdict_file import load_rules
from workcell_sim.world.board import BoardFactory
from workcell_sim.world.teach_golden import main as teach_main
from workcell_sim.world.teach_golden import teach_goldens

RULES = load_rules(Path(__file__).parents[2] / "config" / "verdict.yaml")


@pytest.fixture(scope="module")
def golden_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("golden")
    assert teach_goldens(FACTORY, folder) == (0, 1, 2, 3)
    assert teach_goldens(FACTORY, folder) == ()
    return folder


@pytest.fixture(scope="module")
def station(golden_dir: Path) -> InspectionStation:
    return InspectionStation(
        CALIBRATION, GoldenInspector(GoldenStore(golden_dir)), RULES, PartLocator(GoldenStore(golden_dir))
    )


def conditions(seed: int) -> tuple[dict[str, object], float]:
    rng = np.random.default_rng(seed)
    light = float(rng.uniform(0.7, 1.3))
    shift_m = (float(rng.uniform(-0.003, 0.003)), float(rng.uniform(-0.003, 0.003)))
    exposure_s = EXPOSURE_S / light
    held = {"shift_m": shift_m, "turn_rad": float(rng.uniform(-0.087, 0.087)), "seed": seed, "light": light}
    return {**held, "exposure_s": exposure_s, "velocity": tuple(rng.normal(0, 60, 2))}, exposure_s


def test_no_escape_and_no_false_reject_within_tolerance(station: InspectionStation) -> None:
    counts: Counter[tuple[bool, bool]] = Counter()
    for number in range(60):
        board = FACTORY.board(number)
        held, exposure_s = conditions(number)
        inspection = station.inspect(view(board.texture, **held), exposure_s)
        counts[board.is_good, inspection.verdict.outcome is Outcome.ACCEPT] += 1
    assert counts[True, False] == 0
    assert counts[False, True] == 0
    assert min(counts[True, True], counts[False, False]) >= 20


def test_light_loss_at_fixed_exposure_is_unsure_and_says_what_helps(station: InspectionStation) -> None:
    verdict = station.inspect(view(good_texture(), light=0.6), EXPOSURE_S).verdict
    assert verdict.outcome is Outcome.UNSURE
    assert "too dark" in verdict.reason
    assert "raise exposure_s" in verdict.reason


def test_light_loss_with_adapted_exposure_is_accepted(station: InspectionStation) -> None:
    exposure_s = EXPOSURE_S / 0.6
    inspection = station.inspect(view(good_texture(), light=0.6, exposure_s=exposure_s), exposure_s)
    assert inspection.verdict.outcome is Outcome.ACCEPT


@pytest.mark.parametrize(
    ("image", "reason"),
    [
        (np.zeros((640, 640), dtype=np.uint8), "no fiducial found"),
        (np.full((640, 640), 255, dtype=np.uint8), "no fiducial found"),
        (np.random.default_rng(0).integers(0, 256, (640, 640), dtype=np.uint8), "fiducial"),
        (np.zeros((480, 640), dtype=np.uint8), "image is 640x480; valid: 640x640"),
        (np.zeros((640, 640, 3), dtype=np.uint8), "valid: 640x640"),
        (np.zeros((0, 0), dtype=np.uint8), "image is 0x0"),
        (np.zeros((640, 640), dtype=np.uint16), "holds uint16"),
        (np.zeros((640, 640), dtype=np.float32), "holds float32"),
        (view(None), "no part in view"),
        (view(good_texture(), velocity=(1200.0, 0.0)), "blurred"),
        (view(good_texture(), light=2.5), "over-exposed"),
        (np.ascontiguousarray(view(good_texture())[:, ::-1]), "fiducial"),
    ],
)
def test_image_that_cannot_be_judged_is_unsure_with_reason(
    station: InspectionStation, image: np.ndarray, reason: str
) -> None:
    inspection = station.inspect(image, EXPOSURE_S)
    assert inspection.verdict.outcome is Outcome.UNSURE
    assert reason in inspection.verdict.reason
    after = station.inspect(view(good_texture()), EXPOSURE_S)
    assert after.verdict.outcome is Outcome.ACCEPT


@settings(max_examples=40)
@given(
    x_m=st.floats(-0.05, 0.05),
    y_m=st.floats(-0.05, 0.05),
    turn_rad=st.floats(-3.2, 3.2),
    light=st.floats(0.0, 3.0),
    speed=st.floats(-5000.0, 5000.0),
)
def test_part_held_anyhow_never_stops_the_station(
    station: InspectionStation, x_m: float, y_m: float, turn_rad: float, light: float, speed: float
) -> None:
    image = view(good_texture(), shift_m=(x_m, y_m), turn_rad=turn_rad, light=light, velocity=(speed, -speed))
    inspection = station.inspect(image, EXPOSURE_S)
    assert inspection.verdict.outcome in (Outcome.ACCEPT, Outcome.UNSURE)
    assert inspection.verdict.reason


def test_half_an_image_is_unsure(station: InspectionStation) -> None:
    image = view(good_texture())
    image[320:] = 0
    inspection: Inspection = station.inspect(image, EXPOSURE_S)
    assert inspection.verdict.outcome is Outcome.UNSURE
    assert "only 2 of 4 fiducials" in inspection.verdict.reason


def test_variant_without_reference_is_unsure(tmp_path: Path) -> None:
    station = InspectionStation(
        CALIBRATION, GoldenInspector(GoldenStore(tmp_path)), RULES, PartLocator(GoldenStore(tmp_path))
    )
    verdict = station.inspect(view(good_texture(2)), EXPOSURE_S).verdict
    assert verdict.outcome is Outcome.UNSURE
    assert "no golden reference of variant 2" in verdict.reason


def test_inspection_carries_health_and_pose(station: InspectionStation) -> None:
    inspection = station.inspect(view(good_texture(3)), EXPOSURE_S)
    assert inspection.registration is not None
    assert inspection.registration.variant == 3
    assert inspection.health is not None
    assert inspection.health.light_level == pytest.approx(1.0, abs=0.05)
    assert inspection.rectified is not None
    assert inspection.rectified.shape == (640, 640)


def test_teach_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert teach_main(["--out", str(tmp_path), "--variants", "2"]) == 0
    assert "taught 2 of 2 variants" in capsys.readouterr().out
    assert GoldenStore(tmp_path).variants() == (0, 1)


def test_reference_of_another_artwork_is_taught_again(tmp_path: Path) -> None:
    template = np.full((640, 640), 255, dtype=np.uint8)
    template[100:200, 100:500] = 0
    boards = tmp_path / "boards"
    boards.mkdir()
    for name in ("temp", "test"):
        cv2.imwrite(str(boards / f"1_{name}.jpg"), template)
    (boards / "1.txt").write_text("")
    golden_dir = tmp_path / "golden"
    assert teach_goldens(FACTORY, golden_dir, variants=(0, 1)) == (0, 1)
    assert teach_goldens(BoardFactory(0, boards_dir=boards), golden_dir) == (0,)
    assert GoldenStore(golden_dir).load(0).version == 2
    assert teach_goldens(FACTORY, golden_dir, variants=(0, 1)) == (0,)


def test_damaged_manifest_is_taught_again(tmp_path: Path) -> None:
    teach_goldens(FACTORY, tmp_path, variants=(0,))
    (tmp_path / "0000" / "v0001.json").write_text("{")
    assert teach_goldens(FACTORY, tmp_path, variants=(0,)) == (0,)


def test_teach_command_names_a_missing_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert teach_main(["--out", str(tmp_path / "g"), "--boards", str(tmp_path / "none")]) == 2
    assert "is no folder" in capsys.readouterr().err
    assert not (tmp_path / "g").exists()
