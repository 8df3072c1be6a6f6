"""The seam between a replay and the runtime that it runs on. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol, Self


class Stage(Protocol):
    """Where the deciders of a replay run, and how time passes for them; a context manager that ends all of it.

    Time passes only in `run_until`, from one event to the next, however long that takes.
    """

    told_elsewhere: frozenset[str]
    """Inputs, by relative name, that the deciders hear without the replay."""
    discovery_s: float
    """Wall time that a service is given to be found; 0 where all that are there are known at once."""

    def __enter__(self) -> Self:
        """Begins."""
        ...

    def __exit__(self, *error: object) -> None:
        """Ends every node."""
        ...

    def spawn(self, name: str, arguments: Sequence[str]) -> None:
        """Starts a node of the cell with ROS arguments."""
        ...

    def kill(self, name: str) -> None:
        """Ends a node without warning."""
        ...

    def stall(self, name: str, duration_ns: int) -> None:
        """Lets a node stand still."""
        ...

    def call_later(self, delay_ns: int, call: Callable[[], object]) -> None:
        """Has something done when that time has passed."""
        ...

    def play_along(self, make_nodes: Callable[[], Sequence[Any]]) -> None:
        """Runs nodes of the replay itself beside the deciders."""
        ...

    def happen(self) -> None:
        """Lets everything happen that follows, at this instant, from what the replay's nodes have just said."""
        ...

    def run_until(self, now_ns: int) -> None:
        """Lets time pass, and everything happen that is due by then; `happen` comes before."""
        ...
