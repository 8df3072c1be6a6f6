from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from board_views import golden

from workcell_perception.errors import GoldenError
from workcell_perception.golden import GoldenReference, GoldenStore


def plain(level: int, variant: int = 1, *, copper_is_dark: bool = True) -> GoldenReference:
    mean = np.full((64, 64), level, dtype=np.uint8)
    return GoldenReference(variant, mean, np.zeros_like(mean), copper_is_dark, 1)


def test_store_gives_back_what_was_saved(tmp_path: Path) -> None:
    store = GoldenStore(tmp_path)
    file = store.save(golden(2))
    again = GoldenStore(tmp_path).load(2)
    assert file == tmp_path / "0002" / "v0001.npz"
    assert np.array_equal(again.mean, golden(2).mean)
    assert np.array_equal(again.spread, golden(2).spread)
    assert (again.variant, again.images, again.version) == (2, 5, 1)
    assert store.variants() == (2,)


def test_same_reference_gives_the_same_bytes(tmp_path: Path) -> None:
    files = [GoldenStore(tmp_path / name).save(golden(1)) for name in ("a", "b")]
    assert files[0].read_bytes() == files[1].read_bytes()


def test_newest_version_counts_and_older_ones_stay(tmp_path: Path) -> None:
    store = GoldenStore(tmp_path)
    store.save(plain(200))
    assert store.load(1).version == 1
    store.save(plain(100))
    assert store.load(1).version == 2
    assert int(store.load(1).mean[0, 0]) == 100
    assert (tmp_path / "0001" / "v0001.npz").is_file()


def test_unknown_variant_names_those_taught(tmp_path: Path) -> None:
    store = GoldenStore(tmp_path)
    store.save(plain(200, variant=3))
    with pytest.raises(GoldenError, match=r"no golden reference of variant 8; taught: 3"):
        store.load(8)


def test_empty_folder_names_none(tmp_path: Path) -> None:
    with pytest.raises(GoldenError, match="taught: none"):
        GoldenStore(tmp_path / "absent").load(0)


@pytest.mark.parametrize("suffix", [".npz", ".json"])
def test_damaged_file_is_named(tmp_path: Path, suffix: str) -> None:
    file = GoldenStore(tmp_path).save(plain(200)).with_suffix(suffix)
    file.write_bytes(file.read_bytes()[:-7])
    with pytest.raises(GoldenError, match=r"v0001\.npz: .*teach 0001 again"):
        GoldenStore(tmp_path).load(1)


def test_manifest_without_keys_is_named(tmp_path: Path) -> None:
    file = GoldenStore(tmp_path).save(plain(200)).with_suffix(".json")
    file.write_text(json.dumps({"format": 1}))
    with pytest.raises(GoldenError, match="teach 0001 again"):
        GoldenStore(tmp_path).load(1)


def test_levels_divide_copper_from_substrate() -> None:
    mean = np.full((64, 64), 180, dtype=np.uint8)
    mean[20:30] = 30
    reference = GoldenReference(0, mean, np.zeros_like(mean), True, 1)
    assert reference.levels.contrast == pytest.approx(150.0)
    assert reference.copper().sum() == 10 * 64


@pytest.mark.parametrize(
    ("level", "is_dark", "copper"), [(200, True, 0), (200, False, 1), (20, True, 1), (20, False, 0)]
)
def test_plain_board_is_one_level_not_noise(level: int, is_dark: bool, copper: int) -> None:
    reference = plain(level, copper_is_dark=is_dark)
    assert set(np.unique(reference.copper())) == {copper}
    assert reference.levels.contrast > 50
