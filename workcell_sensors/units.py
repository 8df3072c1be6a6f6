"""Units on the wire to SI inside. Pint is asked at load time only; what it answers is an affine map."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

BOOL = "bool"


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
    import pint

    registry = _registry()
    try:
        zero = float(registry.Quantity(0.0, wire).to(si).magnitude)
        one = float(registry.Quantity(1.0, wire).to(si).magnitude)
    except (pint.PintError, AttributeError, ValueError, SyntaxError) as error:
        raise UnitError(str(error)) from None
    return Affine(round(one - zero, 12) if zero else one, zero)


def _known(unit: str) -> None:
    if unit == BOOL:
        return
    import pint

    try:
        _registry().Unit(unit)
    except (pint.PintError, AttributeError, ValueError, SyntaxError) as error:
        raise UnitError(str(error)) from None


@functools.cache
def _registry() -> Any:
    import pint

    registry: Any = pint.UnitRegistry(cache_folder=None)
    registry.define("EUR = [currency]")
    return registry
