"""Lines of generated source, with what reading and writing have in common: where they stand in the data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .layout import START, Position, aligned
from .model import FieldType


class CdrSource:
    """Lines of one function, and the names that they use.

    Args:
        namespace: what the lines may use from the start.
    """

    def __init__(self, namespace: Mapping[str, Any]) -> None:
        self.lines: list[str] = []
        self.namespace = dict(namespace)
        self._position = START
        self._run: list[tuple[str, str]] = []
        """Neighbouring numbers not yet emitted: code of each for ``struct``, and the variable or expression it is."""
        self._indent = 1
        self._names = 0

    def flush(self) -> None:
        """Emit the numbers collected so far."""
        raise NotImplementedError

    def _line(self, text: str) -> None:
        self.lines.append("    " * self._indent + text)

    def _name(self) -> str:
        self._names += 1
        return f"v{self._names}"

    def _aligning(self, size: int) -> str:
        """Return the line that skips padding whose length is known only when it runs."""
        raise NotImplementedError

    def _align(self, size: int) -> None:
        padding = self._position.padding(size)
        if padding is None:
            self.flush()
            self._line(self._aligning(size))
            self._position = aligned(size)
        else:
            self._run.extend([("x", "")] * padding)
            self._position = self._position.after(padding)

    def _scalar(self, item: str, kind: FieldType) -> None:
        """Emit one value that is no array."""
        raise NotImplementedError

    def _fresh(self) -> CdrSource:
        """Return an empty one of the same kind, for a trial."""
        raise NotImplementedError

    def _loop_entry(self, item: str, kind: FieldType) -> Position:
        """Return what holds at the start of every round of a loop, by trying until it holds at its end too."""
        entry = self._position
        while True:
            trial = self._fresh()
            trial._body(item, kind, entry)
            held = entry.meet(trial._position)
            if held == entry:
                return entry
            entry = held

    def _body(self, item: str, kind: FieldType, entry: Position, last: str = "") -> None:
        """Emit a loop's round, and a line at its end."""
        self._position = entry
        self._indent += 1
        self._scalar(item, kind)
        self.flush()
        if last:
            self._line(last)
        self._indent -= 1
