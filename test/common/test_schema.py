"""Parameter schemas and configuration: what is accepted, and what each mistake says."""

import math
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workcell_ros import schema
from workcell_ros.config import check_keys, check_parameters, load_yaml
from workcell_ros.errors import ConfigError
from workcell_ros.schema import param


@dataclass(frozen=True)
class Sample:
    """Every kind of parameter."""

    speed: float = param(0.5, "Speed", unit="1", low=0.1, high=1.0)
    count: int = param(3, "Count", low=0)
    mode: str = param("a", "Mode", choices=("a", "b"))
    on: bool = param(True, "On")
    names: list[str] = param([], "Names")


def test_defaults_build():
    assert schema.build(Sample, {}) == Sample()


def test_whole_numbers_become_floats_where_floats_are_meant():
    built = schema.build(Sample, {"speed": 1})
    assert built.speed == 1.0
    assert isinstance(built.speed, float)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"speed": 2.0}, "speed: 2.0 is outside 0.1..1.0"),
        ({"speed": math.nan}, "speed: nan is not finite"),
        ({"speed": "fast"}, "speed: 'fast' is not a float"),
        ({"speed": True}, "speed: True is not a float"),
        ({"count": 1.5}, "count: 1.5 is not a int"),
        ({"count": -1}, "count: -1.0 is outside 0..inf"),
        ({"mode": "c"}, "mode: 'c' is not one of a, b"),
        ({"names": "x"}, "names: 'x' is not a list of str"),
        ({"names": [1]}, "names: 1 is not a str"),
        ({"sped": 1.0}, "sped: unknown parameter"),
    ],
)
def test_each_mistake_is_named(values, words):
    (problem,) = schema.validate(Sample, values)
    assert words in problem
    with pytest.raises(ValueError, match=r"speed|count|mode|names|sped"):
        schema.build(Sample, values)


@given(st.floats())
def test_a_range_lets_through_exactly_what_is_inside(value):
    assert (schema.validate(Sample, {"speed": value}) == []) is (0.1 <= value <= 1.0)


def test_a_field_not_made_by_param_is_a_programming_error():
    @dataclass(frozen=True)
    class Plain:
        speed: float = 1.0

    with pytest.raises(TypeError, match="speed is not made by param"):
        schema.infos(Plain)


def test_a_block_of_a_file_is_checked_with_file_and_key():
    with pytest.raises(ConfigError) as caught:
        check_parameters("cell.yaml", "cell", {"speed": 9.0}, Sample)
    assert str(caught.value) == "cell.yaml: cell.speed: 9.0 is outside 0.1..1.0; valid: float in 0.1..1 1"


def test_an_unknown_key_gets_the_nearest_one():
    with pytest.raises(ConfigError, match=r"x\.yaml: a\.sped: unknown key; did you mean speed\?; valid: speed, mode"):
        check_keys("x.yaml", "a", ["sped"], ["speed", "mode"])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: [", "is not YAML"),
        ("- 1", "holds a list"),
        ("", "is empty"),
        ("42", "holds a number"),
        ("2026-01-01", "holds something else"),
        ("a: \x00", "is not YAML"),
        ("a: 1\nb: {c: 1, c: 2}", r"line 2: is not YAML \(key 'c' stands twice\)"),
    ],
)
def test_a_file_that_is_no_mapping_is_named(tmp_path, text, words):
    path = tmp_path / "bad.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=words) as caught:
        load_yaml(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_key_may_stand_beside_what_is_merged_in(tmp_path):
    path = tmp_path / "merged.yaml"
    path.write_text("a: &a {x: 1, y: 2}\nb: &b {<<: *a, x: 3}\nc: {<<: *b, y: 4}\n", encoding="utf-8")
    assert load_yaml(path) == {"a": {"x": 1, "y": 2}, "b": {"x": 3, "y": 2}, "c": {"x": 3, "y": 4}}


def test_a_missing_or_binary_file_is_named(tmp_path):
    with pytest.raises(ConfigError, match="does not exist"):
        load_yaml(tmp_path / "none.yaml")
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00\xff")
    with pytest.raises(ConfigError, match="readable UTF-8"):
        load_yaml(tmp_path / "binary.yaml")
