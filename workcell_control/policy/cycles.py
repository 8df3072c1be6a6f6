"""Puts the metrics of one cycle, which arrive one message each, back together with the conditions it ran under."""

from __future__ import annotations

from collections.abc import Mapping

from workcell_control.policy.policy import Cycle

VERDICTS = ("accept", "rework", "reject", "none")
WANTED = (
    "drop",
    "verdict",
    "cycle_time",
    "vacuum_min",
    "acceleration_max",
    "pick_attempts",
    "tracking_error_max",
    "energy",
)
SERIAL = "serial"
"""Told among the others; a cycle that lacks it is whole without."""
STEADY_WITHIN_NS = 1_500_000_000
"""What changes so soon after the last cycle ended counts for the whole of the next: policies answer cycle by cycle."""

Parameters = Mapping[str, Mapping[str, float]]


class CycleConditions:
    """Mean readings since the last cycle ended, and whether the parameters stood meanwhile.

    A tag with one BAD or STALE reading is distrusted for the whole cycle: what was learned from the rest of it would
    be of a sensor that was failing.
    """

    def __init__(self) -> None:
        self._sums: dict[str, float] = {}
        self._counts: dict[str, int] = {}
        self._bad_now: set[str] = set()
        self._distrusted: set[str] = set()
        self._parameters: dict[str, dict[str, float]] = {}
        self._began_ns = 0
        self._changed_ns = 0

    def note_reading(self, tag: str, value: float) -> None:
        """Takes in a GOOD or UNCERTAIN reading."""
        self._sums[tag] = self._sums.get(tag, 0.0) + value
        self._counts[tag] = self._counts.get(tag, 0) + 1
        self._bad_now.discard(tag)

    def note_unusable(self, tag: str) -> None:
        """Takes in that a tag was BAD or STALE."""
        self._bad_now.add(tag)
        self._distrusted.add(tag)

    def note_parameter(self, node: str, name: str, value: float, now_ns: int) -> None:
        """Takes in a governed value in force; a late change makes the running cycle one of two sets."""
        own = self._parameters.setdefault(node, {})
        if own.get(name) != value:
            own[name] = value
            self._changed_ns = now_ns

    def end(self, now_ns: int) -> tuple[Parameters, bool, dict[str, float], frozenset[str]]:
        """Returns parameters, steadiness, mean readings and distrusted tags of a cycle, and begins the next.

        A tag that is unusable at the end stays distrusted in the next cycle until it has a usable reading again.
        """
        parameters = {node: dict(values) for node, values in self._parameters.items()}
        is_steady = self._changed_ns - self._began_ns <= STEADY_WITHIN_NS
        distrusted = frozenset(self._distrusted)
        means = {tag: total / self._counts[tag] for tag, total in self._sums.items() if tag not in distrusted}
        self._sums, self._counts = {}, {}
        self._distrusted = set(self._bad_now)
        self._began_ns = now_ns
        return parameters, is_steady, means, distrusted


class CycleAssembler:
    """Collects metrics by the end of their window until a cycle is whole."""

    def __init__(self, conditions: CycleConditions | None = None) -> None:
        self._conditions = conditions or CycleConditions()
        self._window_ns = -1
        self._metrics: dict[str, float] = {}
        self._serial = 0

    def add(self, window_stop_ns: int, name: str, value: float) -> Cycle | None:
        """Takes one metric in and returns the cycle once all of `WANTED` are there."""
        if window_stop_ns != self._window_ns:
            self._window_ns, self._metrics, self._serial = window_stop_ns, {}, 0
        if name == SERIAL:
            self._serial = round(value)
        if name not in WANTED or name in self._metrics:
            return None
        self._metrics[name] = value
        return self._cycle() if len(self._metrics) == len(WANTED) else None

    def _cycle(self) -> Cycle:
        got = self._metrics
        index = round(got["verdict"])
        parameters, is_steady, readings, distrusted = self._conditions.end(self._window_ns)
        return Cycle(
            is_dropped=got["drop"] > 0.5,
            verdict=VERDICTS[index] if 0 <= index < len(VERDICTS) else "none",
            cycle_time_s=got["cycle_time"],
            vacuum_min_pa=got["vacuum_min"],
            acceleration_max_m_s2=got["acceleration_max"],
            pick_attempts=round(got["pick_attempts"]),
            tracking_error_max_rad=got["tracking_error_max"],
            energy_j=got["energy"],
            parameters=parameters,
            is_steady=is_steady,
            readings=readings,
            distrusted=distrusted,
            serial=self._serial,
        )
