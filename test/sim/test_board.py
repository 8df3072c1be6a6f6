from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from workcell_perception.layout import BOARD_LAYOUT, Corner
from workcell_ros.errors import ConfigError
from workcell_sim.world.board import BoardFactory
from workcell_sim.world.parts import Infeed, InfeedConfig, arrivals_max


def write_pair(folder: Path, name: str, labels: str = "100 100 130 130 4\n") -> None:
    template = np.full((640, 640), 255, dtype=np.uint8)
    template[200:300, 100:500] = 0
    part = template.copy()
    part[185:200, 105:125] = 0
    cv2.imwrite(str(folder / f"{name}_temp.jpg"), template)
    cv2.imwrite(str(folder / f"{name}_test.jpg"), part)
    (folder / f"{name}.txt").write_text(labels)


def test_same_seed_gives_the_same_board_in_any_order() -> None:
    first, second = BoardFactory(5, defect_rate=0.5), BoardFactory(5, defect_rate=0.5)
    boards = {number: first.board(number) for number in (7, 3, 5)}
    for number in (3, 5, 7):
        again = second.board(number)
        assert again.serial == f"p{number:05d}" == boards[number].serial
        assert again.defects == boards[number].defects
        assert np.array_equal(again.texture, boards[number].texture)


def test_next_board_counts_up() -> None:
    factory = BoardFactory(1)
    assert [factory.next_board().serial for _ in range(3)] == ["p00000", "p00001", "p00002"]


def test_artwork_depends_on_the_variant_alone() -> None:
    one, other = BoardFactory(1).golden_texture(2), BoardFactory(99).golden_texture(2)
    assert np.array_equal(one, other)
    assert not np.array_equal(one, BoardFactory(1).golden_texture(3))


def test_defect_rate_is_kept_and_can_be_overridden() -> None:
    factory = BoardFactory(3, defect_rate=0.3)
    share = np.mean([not factory.board(number).is_good for number in range(200)])
    assert 0.2 < share < 0.4
    assert all(factory.board(number, defect_rate=0.0).is_good for number in range(20))
    assert not any(factory.board(number, defect_rate=1.0).is_good for number in range(20))


def test_defective_board_differs_from_golden_only_in_its_boxes() -> None:
    factory = BoardFactory(4, defect_rate=1.0)
    for number in range(15):
        board = factory.board(number)
        differs = board.texture != factory.golden_texture(board.variant)
        margin = BOARD_LAYOUT.margin_px
        for defect in board.defects:
            x1, y1, x2, y2 = (value + margin for value in defect.box)
            assert differs[y1:y2, x1:x2].any()
            differs[y1 - 2 : y2 + 2, x1 - 2 : x2 + 2] = False
        assert not differs.any()


def test_disposition_follows_the_worst_defect() -> None:
    factory = BoardFactory(2, defect_rate=0.8)
    seen = set()
    for number in range(80):
        board = factory.board(number)
        severities = {defect.severity.value for defect in board.defects}
        expected = "reject" if "reject" in severities else "rework" if severities else "accept"
        assert board.disposition == expected
        seen.add(expected)
    assert seen == {"accept", "rework", "reject"}


@pytest.mark.parametrize("variant", [0, 17, 949])
def test_board_carries_its_four_fiducials(variant: int) -> None:
    texture = BoardFactory(0, variants=[variant]).golden_texture(variant)
    detector = cv2.aruco.ArucoDetector(cv2.aruco.getPredefinedDictionary(cv2.aruco.DICT_5X5_1000))
    quads, ids, _ = detector.detectMarkers(np.asarray(texture))
    found = dict(zip((int(i) for i in ids.ravel()), quads, strict=True))
    expected = BOARD_LAYOUT.marker_corners()
    for corner in Corner:
        quad = found[BOARD_LAYOUT.marker_id(corner, variant)].reshape(4, 2) - BOARD_LAYOUT.margin_px
        assert np.abs(quad - expected[corner]).max() <= 1.0


def test_texture_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="read-only"):
        BoardFactory(0).board(0).texture[0, 0] = 1


@pytest.mark.parametrize("rate", [-0.1, 1.5])
def test_wrong_defect_rate_is_refused(rate: float) -> None:
    with pytest.raises(ConfigError, match="defect_rate"):
        BoardFactory(0, defect_rate=rate)


@pytest.mark.parametrize("variants", [[], [950], 0, [-1]])
def test_wrong_variants_are_refused(variants: list[int] | int) -> None:
    with pytest.raises(ConfigError, match="variants"):
        BoardFactory(0, variants=variants)


def test_real_boards_flow_as_parts(tmp_path: Path) -> None:
    write_pair(tmp_path, "00001")
    write_pair(tmp_path, "00002")
    factory = BoardFactory(1, defect_rate=0.5, boards_dir=tmp_path)
    boards = [factory.board(number) for number in range(40)]
    assert factory.variants == (0, 1)
    assert {board.variant for board in boards} == {0, 1}
    bad = [board for board in boards if not board.is_good]
    assert 8 < len(bad) < 32
    assert bad[0].defects[0].kind.value == "spur"
    assert bad[0].defects[0].box == (100, 100, 130, 130)
    assert not np.array_equal(bad[0].texture, factory.golden_texture(bad[0].variant))


def test_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nowhere.*is no folder"):
        BoardFactory(0, boards_dir=tmp_path / "nowhere")


def test_empty_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"holds no \*_temp\.jpg"):
        BoardFactory(0, boards_dir=tmp_path)


def test_missing_part_of_a_pair_is_named(tmp_path: Path) -> None:
    write_pair(tmp_path, "00001")
    (tmp_path / "00001_test.jpg").unlink()
    with pytest.raises(ConfigError, match=r"00001_test\.jpg.*is missing"):
        BoardFactory(0, boards_dir=tmp_path)


@pytest.mark.parametrize("content", [b"", b"no image", b"\xff\xd8\xff\xe0"])
def test_unreadable_image_is_named(tmp_path: Path, content: bytes) -> None:
    write_pair(tmp_path, "00001")
    (tmp_path / "00001_temp.jpg").write_bytes(content)
    with pytest.raises(ConfigError, match=r"00001_temp\.jpg.*cannot be decoded"):
        BoardFactory(0, boards_dir=tmp_path).board(0, defect_rate=0.0)


def test_image_of_wrong_size_is_named(tmp_path: Path) -> None:
    write_pair(tmp_path, "00001")
    cv2.imwrite(str(tmp_path / "00001_temp.jpg"), np.zeros((100, 200), dtype=np.uint8))
    with pytest.raises(ConfigError, match=r"200x100 pixels; valid: 640x640"):
        BoardFactory(0, boards_dir=tmp_path).golden_texture(0)


@pytest.mark.parametrize("line", ["1 2 3", "a b c d e", "10 10 5 20 1", "10 10 20 20 7", "10 10 20 900 1", "1 1 9 9 0"])
def test_bad_label_line_is_named(tmp_path: Path, line: str) -> None:
    write_pair(tmp_path, "00001", labels=f"100 100 130 130 4\n{line}\n")
    with pytest.raises(ConfigError, match=r"00001\.txt: line 2"):
        BoardFactory(0, boards_dir=tmp_path).board(0, defect_rate=1.0)


def test_labels_may_be_separated_by_commas(tmp_path: Path) -> None:
    write_pair(tmp_path, "00001", labels="1,2,30,40,6\n\n")
    board = BoardFactory(0, boards_dir=tmp_path).board(0, defect_rate=1.0)
    assert [(defect.kind.value, defect.box) for defect in board.defects] == [("pin_hole", (1, 2, 30, 40))]


def test_the_variants_of_the_first_boards_are_those_that_come() -> None:
    factory = BoardFactory(3, variants=40)
    assert factory.variants_of(25) == tuple(sorted({factory.board(number).variant for number in range(25)}))
    assert factory.variants_of(0) == ()


def test_no_more_boards_arrive_than_foretold() -> None:
    config = InfeedConfig(queue_max=1000)
    infeed = Infeed(config, 0.12, np.random.default_rng(1))
    for tick in range(6000):
        infeed.advance(tick * 0.1, 0.5, 1.0, None)
    assert 0.6 * arrivals_max(config, 600.0, 0.5) < infeed.state.arrived <= arrivals_max(config, 600.0, 0.5)
