"""Threshold alarms with hysteresis, on-delay and off-delay, for all tags at once."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from workcell_sensors.health.threshold import Threshold
from workcell_sensors.reading import NS_PER_S, FloatArray, IndexArray
from workcell_sensors.tags import TagTable

OK = 0
WARN = 1
ALARM = 2

_LevelArray = npt.NDArray[np.int8]


class AlarmBank:
    """The alarm level of every tag: 0 OK, 1 warning, 2 alarm.

    A level rises when a limit has been exceeded for the on-delay, and falls when the measure has been back inside
    by the hysteresis for the off-delay. Outside the states of the cell a threshold is active in, its level is OK.
    """

    def __init__(self, table: TagTable, thresholds: Mapping[str, Threshold]) -> None:
        n = len(table)
        self._table = table
        self.level: _LevelArray = np.zeros(n, dtype=np.int8)
        self.worst = np.full(n, np.nan)
        """The measure nearest to (or furthest beyond) its warning limit since `reset_worst`, while armed; NaN: none."""
        self.worst_context = np.full(n, np.nan)
        """The context in which that was; NaN where the limit has none."""
        self._excess = np.full(n, -np.inf)
        self._context = np.full(n, np.nan)
        self._pending: _LevelArray = np.zeros(n, dtype=np.int8)
        self._since_ns = np.zeros(n, dtype=np.int64)
        self._waiting = False
        self._armed = np.zeros(n, dtype=np.bool_)
        self._state: str | None = None
        self.set_thresholds(thresholds)

    def set_thresholds(self, thresholds: Mapping[str, Threshold]) -> None:
        """Takes other limits into force; levels follow with the next measures."""
        rows = {self._table.index[tag]: threshold for tag, threshold in thresholds.items()}
        self._thresholds = rows
        n = len(self._table)

        def column(name: str, absent: float) -> FloatArray:
            values = np.full(n, absent)
            for row, threshold in rows.items():
                limit = getattr(threshold, name)
                values[row] = absent if np.isnan(limit) else limit
            return values

        self._low_alarm, self._low_warn = column("low_alarm", -np.inf), column("low_warn", -np.inf)
        self._high_warn, self._high_alarm = column("high_warn", np.inf), column("high_alarm", np.inf)
        self._hysteresis = column("hysteresis", 0.0)
        self._on_ns = np.round(column("on_delay_s", 0.0) * NS_PER_S).astype(np.int64)
        self._off_ns = np.round(column("off_delay_s", 0.0) * NS_PER_S).astype(np.int64)
        self._watches_low = np.isfinite(self._low_warn) | np.isfinite(self._low_alarm)
        for row in np.flatnonzero(np.isfinite(self._context)):
            self._warn_in_context(int(row))
        self._rearm()

    def context(self, tag: str) -> float:
        """The context in which a tag's warning limit is taken; NaN while none is known."""
        return float(self._context[self._table.index[tag]])

    def set_context(self, tag: str, context: float) -> None:
        """Takes the warning limit of another context into force; the level follows with the next measure."""
        row = self._table.index[tag]
        self._context[row] = context
        self._warn_in_context(row)

    def _warn_in_context(self, row: int) -> None:
        threshold = self._thresholds[row]
        column = self._low_warn if threshold.warn_name == "low_warn" else self._high_warn
        column[row] = threshold.warn_at(float(self._context[row]))

    def set_state(self, state: str) -> tuple[IndexArray, IndexArray]:
        """Takes the cell's state in.

        Returns:
            The rows that are watched from now on, and those whose level fell to OK because they no longer are.
        """
        none: IndexArray = np.empty(0, dtype=np.intp)
        if state == self._state:
            return none, none
        self._state = state
        before = self._armed.copy()
        self._rearm()
        fallen: IndexArray = np.flatnonzero(~self._armed & (self.level > OK))
        self.level[~self._armed] = OK
        self._pending[~self._armed] = OK
        return np.flatnonzero(self._armed & ~before), fallen

    def step(self, rows: IndexArray, measures: FloatArray, now_ns: int) -> IndexArray:
        """Takes one finite measure (m,) per tag in `rows` (m,); returns the rows whose level changed."""
        armed = self._armed[rows]
        if not armed.all():
            rows, measures = rows[armed], measures[armed]
        if not len(rows):
            return rows
        self._keep_worst(rows, measures)
        level = self.level[rows]
        entered = self._level_at(rows, measures, self._hysteresis[rows] * 0.0)
        kept = self._level_at(rows, measures, self._hysteresis[rows])
        target = np.maximum(entered, np.minimum(level, kept))
        if (target == level).all():
            self._pending[rows] = level
            return rows[:0]
        return self._delay(rows, level, target, now_ns)

    def due(self, now_ns: int) -> IndexArray:
        """Returns the rows whose level changes because a delay has run out on the measure last taken.

        Devices report by exception, so no further measure need come while the last one holds.
        """
        if not self._waiting:
            return np.empty(0, dtype=np.intp)
        rows = np.flatnonzero(self._pending != self.level)
        self._waiting = len(rows) > 0
        return self._delay(rows, self.level[rows], self._pending[rows], now_ns)

    def clear(self, rows: IndexArray) -> None:
        """Sets tags whose value has become unknown back to OK; their quality tells the rest."""
        self.level[rows] = OK
        self._pending[rows] = OK

    def reset_worst(self) -> None:
        """Forgets the worst measures, at the end of a cycle."""
        self.worst.fill(np.nan)
        self.worst_context.fill(np.nan)
        self._excess.fill(-np.inf)

    def _delay(self, rows: IndexArray, level: _LevelArray, target: _LevelArray, now_ns: int) -> IndexArray:
        # The wait starts anew whenever the target does; a target back at the level ends it.
        fresh = target != self._pending[rows]
        self._since_ns[rows[fresh]] = now_ns
        self._pending[rows] = target
        self._waiting = True
        delay_ns = np.where(target > level, self._on_ns[rows], self._off_ns[rows])
        due = (target != level) & (now_ns - self._since_ns[rows] >= delay_ns)
        changed: IndexArray = rows[due]
        self.level[changed] = target[due]
        return changed

    def _level_at(self, rows: IndexArray, measures: FloatArray, margin: FloatArray) -> _LevelArray:
        warn = (measures < self._low_warn[rows] + margin) | (measures > self._high_warn[rows] - margin)
        alarm = (measures < self._low_alarm[rows] + margin) | (measures > self._high_alarm[rows] - margin)
        # An alarm limit without a warning limit alarms all the same.
        return np.where(alarm, ALARM, np.where(warn, WARN, OK)).astype(np.int8)

    def _keep_worst(self, rows: IndexArray, measures: FloatArray) -> None:
        is_low = self._watches_low[rows]
        limits = np.where(is_low, self._low_warn[rows], self._high_warn[rows])
        excess = np.where(is_low, -1.0, 1.0) * (measures - np.where(np.isfinite(limits), limits, 0.0))
        worse = excess > self._excess[rows]
        if worse.any():
            rows = rows[worse]
            self.worst[rows] = measures[worse]
            self.worst_context[rows] = self._context[rows]
            self._excess[rows] = excess[worse]

    def _rearm(self) -> None:
        self._armed.fill(False)
        for row, threshold in self._thresholds.items():
            self._armed[row] = not threshold.active_in or self._state in threshold.active_in
