"""`workcell teach`: what is taken, what is refused by name, and what the report says."""

from __future__ import annotations

import json
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
from board_views import CAMERA, FACTORY, defective_texture, view
from test_surface import brushed, scratched

from workcell_console.main import main
from workcell_perception.defect_model import load_defect_model
from workcell_perception.golden import GoldenStore
from workcell_perception.inspector import SurfaceInspector
from workcell_perception.questions import Answer, Question, QuestionStore
from workcell_perception.registration import Registrar
from workcell_sim.world.artwork import draw_artwork, paint
from workcell_sim.world.defects import DefectKind, inject
from workcell_sim.world.real_boards import LABEL_KINDS
from workcell_sim.world.teach_golden import good_views


def save(folder: Path, name: str, image: np.ndarray) -> str:
    file = folder / name
    assert cv2.imwrite(str(file), image)
    return str(file)


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    folder = tmp_path_factory.mktemp("good")
    views = good_views(FACTORY, CAMERA, 0, views=10)
    return [save(folder, f"good{index}.png", item.image) for index, item in enumerate(views)]


def test_ten_good_parts_are_taught_fast_with_a_report(
    good: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    blurred = save(tmp_path, "blurred.png", view(FACTORY.golden_texture(0), velocity=(900.0, 0.0)))
    (tmp_path / "torn.png").write_bytes(b"\x89PNG torn")
    bad = save(tmp_path, "bad.png", view(defective_texture(DefectKind.SHORT)[0]))
    begin_s = time.process_time()
    arguments = [*good, blurred, str(tmp_path / "torn.png"), "--bad", bad, "--models", str(tmp_path / "models")]
    assert main(["teach", "0", *arguments]) == 0
    assert time.process_time() - begin_s < 30
    out = capsys.readouterr().out
    assert "Taught from 10 good images, 2 refused" in out
    assert "0 of 10 would have been a false alarm" in out
    assert "| blurred.png | blurred by" in out
    assert "| torn.png | " in out
    assert "| bad.png | short" in out
    manifest = json.loads((tmp_path / "models" / "0000" / "v0001.json").read_text())
    assert len(manifest["sha256"]) == 64
    assert GoldenStore(tmp_path / "models").load(0).images == 10


def test_too_few_good_images_fail_and_say_why(good: list[str], tmp_path: Path, capsys) -> None:
    assert main(["teach", "1", *good[:4], "--models", str(tmp_path)]) == 2
    assert "good0.png: shows variant 0, not 1" in capsys.readouterr().err
    assert main(["teach", "0", "--models", str(tmp_path)]) == 2
    assert "no image of a good part can be read" in capsys.readouterr().err


def test_an_image_that_cannot_be_read_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "junk.png").write_bytes(b"no image")
    assert main(["teach", "0", str(tmp_path / "junk.png"), "--models", str(tmp_path)]) == 2
    assert "no image of a good part can be read (junk.png: " in capsys.readouterr().err


@pytest.mark.parametrize("name", ["950", "board", "-1"])
def test_name_that_is_no_product_is_refused(name: str, good: list[str], capsys) -> None:
    assert main(["teach", "--", name, *good]) == 2
    assert "valid: 0..949" in capsys.readouterr().err


def test_surface_is_taught_from_good_images(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    images = [save(tmp_path, f"{seed}.png", brushed(seed)) for seed in range(8)]
    images.append(save(tmp_path, "soft.png", cv2.GaussianBlur(brushed(9), (0, 0), 3)))
    images.append(save(tmp_path, "white.png", np.full((320, 320), 255, np.uint8)))
    images.append(save(tmp_path, "black.png", np.zeros((320, 320), np.uint8)))
    images.append(save(tmp_path, "small.png", brushed(10)[:160]))
    bad = save(tmp_path, "bad.png", scratched(brushed(60)))
    assert main(["teach", "3", *images, "--surface", "--bad", bad, "--models", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert "Taught from 8 good images" in out
    for refusal in ("soft.png | blurred", "white.png | over-exposed", "black.png | too dark", "small.png | is 320x160"):
        assert refusal in out
    assert "bad.png" in out
    assert "**nothing**" not in out
    inspector = SurfaceInspector(GoldenStore(tmp_path))
    assert inspector.inspect(scratched(brushed(61)), 3).defects
    assert inspector.inspect(brushed(62), 3).defects == ()


def test_defect_classes_are_taught_from_labelled_pairs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pairs = tmp_path / "pairs"
    pairs.mkdir()
    for number in range(10):
        artwork = draw_artwork(number % 2)
        copper, defects = inject(artwork, LABEL_KINDS[:3], np.random.default_rng(number))
        cv2.imwrite(str(pairs / f"{number}_temp.jpg"), paint(artwork.copper))
        cv2.imwrite(str(pairs / f"{number}_test.jpg"), paint(copper))
        rows = [(*defect.box, LABEL_KINDS.index(defect.kind) + 1) for defect in defects]
        (pairs / f"{number}.txt").write_text("\n".join(" ".join(map(str, row)) for row in rows))
    assert main(["teach", "defects", "--labelled", str(pairs), "--models", str(tmp_path / "models")]) == 0
    assert "learned from 10 parts" in capsys.readouterr().out
    assert [kind.value for kind in load_defect_model(tmp_path / "models").kinds] == ["open", "short", "mouse_bite"]
    assert main(["teach", "defects"]) == 2
    assert "--labelled FOLDER" in capsys.readouterr().err


def test_answers_of_a_person_are_learned_from(good: list[str], tmp_path: Path, capsys) -> None:
    store, registrar = QuestionStore(tmp_path / "questions"), Registrar()
    textures = {1: FACTORY.golden_texture(0), 2: defective_texture(DefectKind.SHORT)[0]}
    for stamp_ns, texture in textures.items():
        image = view(texture)
        store.ask(Question(stamp_ns, 0, "in doubt"), registrar.rectify(image, registrar.locate(image)))
    store.ask(Question(3, 7, "another product"), np.zeros((640, 640), dtype=np.uint8))
    for stamp_ns, answer in ((1, Answer.GOOD), (2, Answer.BAD), (3, Answer.GOOD)):
        store.answer(stamp_ns, answer)
    arguments = [*good[:4], "--answers", str(store.folder), "--models", str(tmp_path)]
    assert main(["teach", "0", *arguments]) == 0
    out = capsys.readouterr().out
    assert "Taught from 5 good images" in out
    assert "| q1 |" in out
    assert "| q2 | short" in out
