"""Units: what is known by heart is what pint says."""

import pytest

from workcell_sensors import units


@pytest.mark.parametrize(("wire", "si"), sorted(units._COMMON))
def test_common_conversions_are_those_of_pint(wire, si):
    assert units.conversion(wire, si) == units._converted(wire, si)


def test_common_units_are_known_to_pint():
    for unit in units._COMMON_UNITS:
        assert units._registry().Unit(unit) is not None


def test_other_units_are_converted_as_well():
    assert units.conversion("bar", "Pa").gain == pytest.approx(1e5)


@pytest.mark.parametrize(
    ("wire", "si"), [("kPa", "A"), ("furlongs_per_kPa", "Pa"), ("bool", "A"), ("nonsense", "nonsense")]
)
def test_what_is_no_conversion_says_so(wire, si):
    with pytest.raises(units.UnitError):
        units.conversion(wire, si)


@pytest.mark.parametrize(
    "text",
    [
        "(",
        ")",
        "{",
        "\x00",
        "m**",
        "m**m",
        "'",
        '"',
        "@",
        "(" * 5000,
        "m" * 5000,
        "9**9**9",
        "9^(9^9)",
        "2** 30 **2",
        "m**999",
    ],
)
def test_what_a_device_may_call_a_unit_is_none_and_takes_no_time(text):
    for ask in (lambda: units.si_unit(text), lambda: units.conversion(text, "m"), lambda: units.conversion("m", text)):
        with pytest.raises(units.UnitError):
            ask()


@pytest.mark.parametrize(
    ("text", "si"), [("kg*m**2/s**2", "N*m"), ("m^2 s^-2", "m ** 2 / s ** 2"), ("(kg/m^3)", "kg / m ** 3")]
)
def test_powers_of_ordinary_units_are_read(text, si):
    assert units.conversion(text, units.si_unit(text)).gain == pytest.approx(1.0)
