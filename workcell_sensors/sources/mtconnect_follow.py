"""Where a client stands in an agent's stream: what to ask for next, what is new, what was lost; pure."""

from __future__ import annotations

from dataclasses import dataclass

from workcell_sensors.sources.mtconnect_streams import Header, Streams
from workcell_sensors.sources.mtconnect_values import Observation


class InstanceChanged(Exception):  # noqa: N818 - an event of the agent, not a programming error
    """The agent is another run, or another agent: its sequences have begun anew."""


@dataclass(frozen=True)
class Caught:
    """What a document brought."""

    observations: tuple[Observation, ...]
    lost: int
    """Observations that the agent had already given up."""
    duplicates: int
    """Observations that had been seen; left out."""


class Follower:
    """Follows one agent through reconnects and buffer overruns."""

    def __init__(self) -> None:
        self._instance_id: int | None = None
        self._next = 0

    @property
    def is_following(self) -> bool:
        """Whether it knows where to go on."""
        return self._instance_id is not None

    @property
    def next_sequence(self) -> int:
        """From where to ask on."""
        return self._next

    def forget(self) -> None:
        """Begins anew, with the next current document."""
        self._instance_id = None

    def begin(self, current: Streams) -> Caught:
        """Takes a first current document in: everything in it is new."""
        self._instance_id = current.header.instance_id
        self._next = current.header.next_sequence
        return Caught(current.observations, 0, 0)

    def sampled(self, sample: Streams) -> Caught:
        """Takes in what came of a request for everything from `next_sequence` on.

        Raises:
            InstanceChanged: `begin` is called for.
        """
        header = self._checked(sample.header)
        new = tuple(seen for seen in sample.observations if seen.sequence >= self._next)
        # Before its first sequence the agent knows nothing any more; a filtered stream has other gaps by nature.
        lost = max(0, header.first_sequence - self._next)
        self._next = max(self._next, header.next_sequence)
        return Caught(new, lost, len(sample.observations) - len(new))

    def overrun(self, current: Streams) -> Caught:
        """Takes a current document in after the agent has refused `next_sequence` as out of range.

        What the agent still has in its buffer is not lost: it is asked for from its first sequence on. Of what is
        lost the newest value of each data item stands in the current document.

        Raises:
            InstanceChanged: `begin` is called for; also where the agent says that it has not come so far yet.
        """
        header = self._checked(current.header)
        if header.next_sequence < self._next:
            raise InstanceChanged("its sequence has gone back")
        saved = tuple(seen for seen in current.observations if self._next <= seen.sequence < header.first_sequence)
        lost = max(0, header.first_sequence - self._next - len(saved))
        self._next = max(self._next, header.first_sequence)
        return Caught(saved, lost, 0)

    def _checked(self, header: Header) -> Header:
        if header.instance_id != self._instance_id:
            raise InstanceChanged(f"instance {header.instance_id} after {self._instance_id}")
        return header
