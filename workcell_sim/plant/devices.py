"""Models of the field devices: they sample the world, add their noise and resolution, and show raw numbers."""

from __future__ import annotations

import fnmatch
from dataclasses import dataclass

import numpy as np

from workcell_sensors.reading import FloatArray, IndexArray
from workcell_sensors.sources.modbus_codec import parse_address
from workcell_sensors.tags import TagRow, TagTable


@dataclass(frozen=True)
class Instrument:
    """How well a kind of sensor measures, in the unit on the wire, as its data sheet would say."""

    tags: str
    """Which tags, with shell wildcards; the first instrument that matches counts."""
    noise: float = 0.0
    """Standard deviation."""
    resolution: float = 0.0
    """Smallest step of its output; zero: as fine as a float."""


INSTRUMENTS = (
    Instrument("arm/joint_?/vibration", noise=0.02, resolution=0.005),
    Instrument("arm/joint_?/current", noise=0.02, resolution=0.001),
    Instrument("arm/joint_?/temperature", noise=0.03, resolution=0.0625),
    Instrument("arm/joint_?/torque", noise=0.2, resolution=0.01),
    Instrument("arm/joint_?/speed", noise=0.001, resolution=0.0001),
    Instrument("arm/tool_current", noise=0.002, resolution=0.001),
    Instrument("gripper/vacuum", noise=0.05, resolution=0.01),
    Instrument("gripper/pump_current", noise=4.0, resolution=1.0),
    Instrument("cell/power", noise=3.0, resolution=1.0),
    Instrument("cell/energy", resolution=1.0),
    Instrument("cell/temperature", noise=0.05, resolution=0.1),
    Instrument("cell/ambient_light", noise=2.0, resolution=1.0),
    Instrument("cell/tariff", resolution=0.0001),
    Instrument("*"),
)


class SignalBoard:
    """The newest true value of every tag, in SI; NaN where the world has not told one."""

    def __init__(self, table: TagTable) -> None:
        self._table = table
        self.values: FloatArray = np.full(len(table), np.nan)
        self._routes: dict[tuple[str, ...], tuple[list[int], IndexArray]] = {}

    def update(self, names: tuple[str, ...], values: list[float]) -> None:
        """Takes the world's signals in; names that are no tag are ignored."""
        route = self._routes.get(names)
        if route is None:
            known = [i for i, name in enumerate(names) if name in self._table.index]
            rows = np.array([self._table.index[names[i]] for i in known], dtype=np.intp)
            route = self._routes[names] = (known, rows)
        known, rows = route
        self.values[rows] = values if len(known) == len(names) else [values[i] for i in known]


class DeviceScan:
    """The tags of one field server that one device takes together, at one period."""

    def __init__(self, source: str, period_s: float, tags: tuple[TagRow, ...], table: TagTable) -> None:
        instruments = [_instrument(tag.tag) for tag in tags]
        self.source = source
        self.period_s = period_s
        self.addresses: tuple[str, ...] = tuple(tag.address for tag in tags)
        self.rows: IndexArray = np.array([table.index[tag.tag] for tag in tags], dtype=np.intp)
        self._gain = table.gain[self.rows]
        self._bias = table.bias[self.rows]
        # Instruments are given in the unit on the wire; raw numbers may be scaled (0.01 kPa).
        scale = np.array([tag.scale for tag in tags])
        self._noise = np.array([instrument.noise for instrument in instruments]) / np.abs(scale)
        self._noisy: IndexArray = np.flatnonzero(self._noise > 0.0)
        steps = np.array([_step(tag, instrument) for tag, instrument in zip(tags, instruments, strict=True)])
        self._step = np.where(steps > 0.0, steps, 1.0)
        self._stepped = steps > 0.0
        self._low = (table.low[self.rows] - self._bias) / self._gain
        self._high = (table.high[self.rows] - self._bias) / self._gain

    def sample(self, signals: FloatArray, rng: np.random.Generator) -> FloatArray:
        """Returns the raw numbers (n,) the device shows for the true values of all tags; NaN stays NaN."""
        raw = (signals[self.rows] - self._bias) / self._gain
        noisy = self._noisy
        raw[noisy] += self._noise[noisy] * rng.standard_normal(len(noisy))
        # A sensor saturates at the ends of its range.
        raw = np.minimum(np.maximum(raw, self._low), self._high)
        return np.where(self._stepped, np.round(raw / self._step) * self._step, raw)


def make_scans(table: TagTable) -> tuple[DeviceScan, ...]:
    """Returns one scan per source and period of the tag table."""
    groups: dict[tuple[str, float], list[TagRow]] = {}
    for row in table.rows:
        groups.setdefault((row.source, row.period_s), []).append(row)
    return tuple(
        DeviceScan(source, period_s, tuple(rows), table) for (source, period_s), rows in sorted(groups.items())
    )


def _instrument(tag: str) -> Instrument:
    return next(instrument for instrument in INSTRUMENTS if fnmatch.fnmatchcase(tag, instrument.tags))


def _step(tag: TagRow, instrument: Instrument) -> float:
    """Returns the smallest step of the raw number: the sensor's, or that of an integer register."""
    step = instrument.resolution / abs(tag.scale)
    if tag.unit == "bool":
        return 1.0
    prefix = tag.address.partition(":")[0]
    if prefix in ("input", "holding") and not parse_address(tag.address).kind.startswith("float"):
        return max(1.0, step)
    return step
