"""The tag table: what loads, what it converts, and how it says what is wrong."""

from __future__ import annotations

import contextlib
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workcell_ros.errors import ConfigError
from workcell_sensors.tags import TagRow, load_tags, parse_tags, problems

CONFIG = Path(__file__).parents[2] / "config" / "tags.yaml"
GOOD = """
sources: {mqtt: {protocol: mqtt}, plc: {protocol: modbus}}
tags:
  - {tag: cell/temperature, source: mqtt, address: t, unit: degC, si: K}
  - {tag: gripper/vacuum, source: plc, address: "input:0:int16", unit: kPa, si: Pa, scale: 0.01}
"""


def write(path: Path, text: str) -> Path:
    file = path / "tags.yaml"
    file.write_text(text, encoding="utf-8")
    return file


def test_the_shipped_table_has_every_tag_of_the_cell_with_finite_conversion() -> None:
    table = load_tags(CONFIG)
    joints = [f"arm/joint_{n}/{what}" for n in range(1, 7) for what in ("current", "temperature", "vibration")]
    assert {*joints, "gripper/vacuum", "cell/power", "cell/energy", "arm/protective_stop"} <= set(table.tags)
    assert {source.protocol for source in table.sources.values()} == {"mqtt", "opcua", "modbus"}
    assert table.row("gripper/vacuum").to_si(5500) == pytest.approx(55e3)
    assert table.row("cell/energy").to_si(2) == pytest.approx(7200.0)
    assert table.row("arm/joint_1/temperature").to_si(20.0) == pytest.approx(293.15)


@given(raw=st.floats(-1e6, 1e6))
def test_si_and_raw_are_inverse(raw: float) -> None:
    for row in load_tags(CONFIG).rows:
        assert row.to_raw(row.to_si(raw)) == pytest.approx(raw, rel=1e-9, abs=1e-6)


def test_columns_cannot_be_written() -> None:
    table = load_tags(CONFIG)
    with pytest.raises(ValueError, match="read-only"):
        table.gain[0] = 2.0


def test_an_unchanged_file_is_read_once_and_a_changed_one_again(tmp_path: Path) -> None:
    file = write(tmp_path, GOOD)
    first = load_tags(file)
    assert load_tags(file) is first
    write(tmp_path, GOOD + "  - {tag: x, source: mqtt, address: x, unit: V, si: V}\n")
    assert "x" in load_tags(file).index


@pytest.mark.parametrize(
    ("old", "new", "key", "valid"),
    [
        ("unit: kPa", "unit: kPascals", "tags.gripper/vacuum.unit", "pint"),
        ("unit: kPa", "unit: degC", "tags.gripper/vacuum.unit", "one dimension"),
        ("source: plc", "source: plk", "tags.gripper/vacuum.source", "mqtt, plc"),
        ("scale: 0.01", "scale: 0.0", "tags.gripper/vacuum.scale", "any number but 0"),
        ("scale: 0.01", "scale: tiny", "tags.gripper/vacuum.scale", "a number"),
        ("scale: 0.01", "skale: 0.01", "tags.gripper/vacuum.skale", "scale"),
        ("input:0:int16", "input:0:int17", "tags.gripper/vacuum.address", "int16"),
        ("input:0:int16", "inputs:0:int16", "tags.gripper/vacuum.address", "discrete"),
        ("protocol: modbus", "protocol: profibus", "sources.plc.protocol", "opcua"),
        ("address: t,", "", "tags.cell/temperature.address", "every row has"),
        ("tag: gripper/vacuum", "tag: cell/temperature", "tags.cell/temperature", "every tag once"),
        ("scale: 0.01", "low: 5, high: 1", "tags.gripper/vacuum.low", "below high"),
        ("scale: 0.01", "period_s: 0", "tags.gripper/vacuum.period_s", "positive"),
        ("scale: 0.01", "period_s: 2, stale_after_s: 1", "tags.gripper/vacuum.stale_after_s", "at least 2.0 s"),
        ("scale: 0.01", "deadband: -1", "tags.gripper/vacuum.deadband", "0 or more"),
        ("scale: 0.01", "scale: .inf", "tags.gripper/vacuum.scale", "a finite number"),
        ("scale: 0.01", "offset: .inf", "tags.gripper/vacuum.offset", "a finite number"),
        ("scale: 0.01", "stale_after_s: .inf", "tags.gripper/vacuum.stale_after_s", "up to 1e+09 s"),
        ("scale: 0.01", "period_s: .nan", "tags.gripper/vacuum.period_s", "a number"),
        ("unit: kPa", "unit: 9**9**9", "tags.gripper/vacuum.unit", "pint"),
    ],
)
def test_an_error_names_file_key_and_what_is_valid(tmp_path: Path, old: str, new: str, key: str, valid: str) -> None:
    assert old in GOOD
    file = write(tmp_path, GOOD.replace(old, new, 1))
    with pytest.raises(ConfigError) as caught:
        load_tags(file)
    assert caught.value.key == key
    assert valid in caught.value.valid
    assert str(caught.value).startswith(str(file))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "row",
    [
        '{protocol: modbus, host: "operator:hunter2@10.0.0.1"}',
        '{protocol: modbus, host: "modbus://operator:hunter2@plc:502/"}',
        '"modbus://operator:hunter2@plc"',
        "{protocol: modbus, password: hunter2}",
        "{protocol: modbus, credentials: {user: operator, password: hunter2}}",
        '{protocol: sparkplug, further_servers: ["operator:hunter2@broker:1883"]}',
        '{protocol: sparkplug, further_servers: ["operator:hunter2"]}',
    ],
)
def test_a_password_in_the_wrong_place_is_refused_and_not_repeated(tmp_path: Path, row: str) -> None:
    text = GOOD.replace("plc: {protocol: modbus}", f"plc: {row}")
    assert text != GOOD
    with pytest.raises(ConfigError) as caught:
        load_tags(write(tmp_path, text))
    assert caught.value.key.startswith("sources.plc")
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(("port", "fits"), [(65_535, True), (65_536, False)])
def test_a_port_is_one_of_tcp(tmp_path: Path, port: int, fits: bool) -> None:
    file = write(tmp_path, GOOD.replace("{protocol: modbus}", f'{{protocol: modbus, host: "fe80::1", port: {port}}}'))
    assert [problem.key for problem in problems(file)] == ([] if fits else ["sources.plc.port"])


def test_one_address_cannot_be_two_tags(tmp_path: Path) -> None:
    row = "  - {tag: other, source: mqtt, address: t, unit: V, si: V}\n"
    with pytest.raises(ConfigError, match="already the address of cell/temperature"):
        load_tags(write(tmp_path, GOOD + row))


def test_each_makes_a_row_per_item(tmp_path: Path) -> None:
    row = '  - {tag: "j{n}", each: [1, 2], source: mqtt, address: "j/{n}", unit: A, si: A}\n'
    table = load_tags(write(tmp_path, GOOD + row))
    assert [(r.tag, r.address) for r in table.rows[2:]] == [("j1", "j/1"), ("j2", "j/2")]


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("tags: []\nsources: {a: mqtt}", "tags"),
        ("sources: {}\ntags: [1]", "sources"),
        ("tags: 3\nsources: {a: mqtt}", "tags"),
        ("tags: [1]\nsources: {a: mqtt}", r"tags\[1\]"),
    ],
)
def test_an_empty_or_shapeless_file_is_refused(tmp_path: Path, text: str, key: str) -> None:
    with pytest.raises(ConfigError, match=f"yaml: {key}: is"):
        load_tags(write(tmp_path, text))


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="does not exist"):
        load_tags(tmp_path / "none.yaml")


KEYS = st.sampled_from(
    ["sources", "tags", "protocol", "tag", "source", "address", "unit", "si", "each", "states", "scale", "port", "low"]
)
WORDS = st.sampled_from(["plc", "modbus", "mqtt", "opcua", "coil:1", "V", "bool", "degC", "a{n}", "1", ""])
LEAVES = WORDS | st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
ANYTHING = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS | LEAVES, inner, max_size=6), max_leaves=20
)


@given(sources=ANYTHING, tags=ANYTHING | st.lists(st.dictionaries(KEYS, ANYTHING, min_size=3), max_size=3))
def test_whatever_stands_in_the_file_is_a_table_or_an_error_that_says_where(sources: object, tags: object) -> None:
    with contextlib.suppress(ConfigError):
        parse_tags("fuzzed", {"sources": sources, "tags": tags})
    with contextlib.suppress(ConfigError):
        parse_tags("fuzzed", {"sources": {"plc": {"protocol": "modbus"}, "m": "mqtt"}, "tags": tags})


@given(value=st.text() | st.floats() | st.booleans() | st.integers() | st.binary(max_size=4) | st.none())
def test_whatever_a_device_says_is_a_finite_number_or_none(value: object) -> None:
    for states in ({}, {"ACTIVE": 1.0}):
        number = TagRow("x", "plc", "coil:1", "1", "1", states=states).number_of(value)
        assert math.isfinite(number) or math.isnan(number)


@pytest.mark.parametrize(
    ("said", "number"),
    [("ACTIVE", 1.0), ("active", math.nan), ("1", math.nan), (True, 1.0), (2, 2.0), (math.inf, math.nan)],
)
def test_a_text_is_what_the_row_s_states_say(said: object, number: float) -> None:
    row = TagRow("x", "plc", "coil:1", "1", "1", states={"ACTIVE": 1.0})
    assert row.number_of(said) == pytest.approx(number, nan_ok=True)


@pytest.mark.parametrize(("said", "number"), [("1.5", 1.5), (" 2 ", 2.0), ("nan", math.nan), ("1" * 100, math.nan)])
def test_a_text_without_states_is_the_number_that_it_spells(said: str, number: float) -> None:
    assert TagRow("x", "plc", "coil:1", "1", "1").number_of(said) == pytest.approx(number, nan_ok=True)


def test_yaml_s_booleans_among_states_are_the_words_that_devices_say(tmp_path: Path) -> None:
    row = GOOD.rstrip() + "\n  - {tag: x, source: mqtt, address: x, unit: '1', si: '1', states: {ON: 1, OFF: 0}}\n"
    assert load_tags(write(tmp_path, row)).row("x").states == {"ON": 1.0, "OFF": 0.0}


def test_problems_are_all_told(tmp_path: Path) -> None:
    assert problems(CONFIG) == []
    text = GOOD.replace("scale: 0.01", "skale: 1").replace("unit: degC", "unit: degX")
    assert [problem.key for problem in problems(write(tmp_path, text))] == [
        "tags.cell/temperature.unit",
        "tags.gripper/vacuum.skale",
    ]
    assert [problem.key for problem in problems(tmp_path / "gone")] == ["file"]
