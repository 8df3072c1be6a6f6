"""Units on the wire to SI inside. Pint is asked at load time only; what it answers is an affine map."""

from __future__ import annotations

import contextlib
import functools
import re
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

BOOL = "bool"

_COMMON: dict[tuple[str, str], tuple[float, float]] = {
    ("kPa", "Pa"): (1000.0, 0.0),
    ("degC", "K"): (1.0, 273.15),
    ("mA", "A"): (0.001, 0.0),
    ("Wh", "J"): (3600.0, 0.0),
    ("kWh", "J"): (3.6e6, 0.0),
}
"""Gain and bias of conversions that every cell has, so that pint, which takes its time to load, is asked for others."""
_COMMON_UNITS = frozenset(
    (
        "1",
        "A",
        "EUR/kWh",
        "Hz",
        "J",
        "K",
        "N*m",
        "N.m",
        "Pa",
        "V",
        "W",
        "lux",
        "m",
        "m/s^2",
        "m/s**2",
        "rad",
        "rad/s",
        "s",
    )
)


_BY_SPELLING = (
    ("N", "N*m"),
    ("rpm", "rad/s"),
    ("rev", "rad/s"),
    ("rad", "rad"),
    ("rad", "rad/s"),
    ("deg", "rad"),
    ("deg", "rad/s"),
    ("EUR", "EUR/J"),
)
_BY_DIMENSION = (
    "1",
    "K",
    "Pa",
    "A",
    "V",
    "W",
    "J",
    "N",
    "Hz",
    "m",
    "m/s",
    "m/s^2",
    "s",
    "kg",
    "lux",
    "m^3/s",
    "kg/s",
    "ohm",
)


@dataclass(frozen=True)
class Affine:
    """`si = gain * raw + bias`."""

    gain: float
    bias: float

    def after(self, scale: float, offset: float) -> Affine:
        """Returns the map that first applies `scale * raw + offset`.

        >>> conversion("kPa", "Pa").after(0.01, 0.0)
        Affine(gain=10.0, bias=0.0)
        """
        return Affine(self.gain * scale, self.gain * offset + self.bias)


UNIT_CHARACTERS_MAX = 64
_LARGE_POWER = re.compile(r"(\*\*|\^)[\s()+-]*(\d{3}|[\s()+\-.\deE]*(\*\*|\^))")
"""A power of three digits, or a power of a power."""
_UNREADABLE = (AssertionError, TypeError, OverflowError, RecursionError, SyntaxError, tokenize.TokenError)
"""What pint's reader makes of texts that are no unit, beside its own errors."""


class UnitError(ValueError):
    """A unit is unknown, or two units do not measure the same thing."""


@functools.cache
def conversion(wire: str, si: str) -> Affine:
    """Returns the map from a number in `wire` to a number in `si`.

    Raises:
        UnitError: a unit is unknown or the two are of different dimension.

    >>> conversion("degC", "K")
    Affine(gain=1.0, bias=273.15)
    """
    if wire == si:
        _known(wire)
        return Affine(1.0, 0.0)
    if BOOL in (wire, si):
        raise UnitError(f"{wire} is not {si}")
    if (wire, si) in _COMMON:
        return Affine(*_COMMON[wire, si])
    return _converted(wire, si)


def si_unit(wire: str) -> str:
    """Returns the unit that a quantity in `wire` has inside: SI, by its usual name.

    Raises:
        UnitError: the unit is unknown.

    >>> [si_unit(unit) for unit in ("degC", "mbar", "rpm", "N*mm", "kWh", "percent", "bool")]
    ['K', 'Pa', 'rad/s', 'N*m', 'J', '1', 'bool']
    """
    _known(wire)
    if wire == BOOL:
        return BOOL
    import pint

    dimension = _registry().Unit(wire).dimensionality
    # Units of one dimension that measure different things are told apart by how the device writes them.
    preferred = [named for hint, named in _BY_SPELLING if hint in wire] + list(_BY_DIMENSION)
    for unit in preferred:
        if _registry().Unit(unit).dimensionality == dimension:
            return unit
    base: pint.Unit = _registry().Quantity(1.0, wire).to_base_units().units
    return f"{base:~C}"


def _converted(wire: str, si: str) -> Affine:
    """Asks pint."""
    registry = _registry()
    with _understood(wire, si):
        zero = float(registry.Quantity(0.0, wire).to(si).magnitude)
        one = float(registry.Quantity(1.0, wire).to(si).magnitude)
    return Affine(round(one - zero, 12) if zero else one, zero)


def _known(unit: str) -> None:
    if unit == BOOL or unit in _COMMON_UNITS:
        return
    with _understood(unit):
        _registry().Unit(unit)


@contextlib.contextmanager
def _understood(*units: str) -> Iterator[None]:
    """Lets pint read units, which may be whatever a device calls them.

    Raises:
        UnitError: it cannot, or should not be let try: it works out every power that stands there.
    """
    import pint

    for unit in units:
        if len(unit) > UNIT_CHARACTERS_MAX or _LARGE_POWER.search(unit):
            raise UnitError(f"{unit[:UNIT_CHARACTERS_MAX]!r} is no unit")
    try:
        yield
    except _UNREADABLE as error:
        raise UnitError(f"{' or '.join(map(repr, units))} cannot be read ({type(error).__name__})") from None
    except (pint.PintError, AttributeError, ValueError) as error:
        raise UnitError(str(error)) from None


@functools.cache
def _registry() -> Any:
    import pint

    registry: Any = pint.UnitRegistry(cache_folder=None)
    registry.define("EUR = [currency]")
    return registry
