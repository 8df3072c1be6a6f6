"""What the contract suite needs of a protocol: a real server with its devices, and every fault it can suffer.

One file per protocol, `harness_<protocol>.py`, with `HARNESS`, a `SourceHarness`; `make_harness` finds it.
"""

from __future__ import annotations

import enum
import importlib
import importlib.util
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

from workcell_sensors.sources.credentials import Credentials
from workcell_sensors.tags import SourceRow, TagRow

LOOPBACK = "127.0.0.1"


class Lie(enum.Enum):
    """What a server says that it should not."""

    WRONG_TYPE = "a text, list or structure where a number was"
    NOT_A_NUMBER = "NaN or infinity as a number"
    HUGE_TEXT = "a megabyte of text as a value"
    GARBAGE = "bytes that are no message of the protocol"
    GAP = "a sequence number left out, or values said to be lost"
    OLD_TIME = "a value with the time of long ago"


@dataclass(frozen=True)
class Facts:
    """What the protocol can do, so that the suite asks for that and no more."""

    has_source_time: bool = True
    """Values carry the device's time."""
    says_no_value: bool = True
    """A device can say that it has no value (NaN in `show`)."""
    tells_missing: bool = True
    """An address that the server lacks comes back BAD; otherwise its silence becomes STALE later."""
    keeps_bursts: bool = True
    """Every value shown reaches the source, not only the one shown last."""


class SourceHarness(ABC):
    """A server of one protocol on a free loopback port, with devices that show what the test says.

    `tags` are two or more tags of one period (0.05 to 0.2 s) whose raw numbers 0..1000 the devices can show exactly.
    """

    facts = Facts()
    row: SourceRow
    tags: tuple[TagRow, ...]
    missing: str
    """An address that is valid and that the server does not have."""
    host = LOOPBACK
    port = 0
    credentials: Credentials | None = None

    @property
    @abstractmethod
    def is_up(self) -> bool:
        """Whether its server runs; a fault that went wrong may have left it without."""

    @abstractmethod
    def start(self) -> None:
        """Listens on a free port with the whole address space; may be called again after `close`."""

    @abstractmethod
    def close(self) -> None:
        """Ends whatever of it still runs; again is harmless."""

    @abstractmethod
    def show(self, values: Sequence[float], stamp_ns: int) -> None:
        """Puts raw numbers on the tags, NaN for none; does nothing while the server is away."""

    @abstractmethod
    def kill(self) -> None:
        """Takes the server away without a goodbye."""

    @abstractmethod
    def restart(self) -> None:
        """Brings a killed server back on the same port."""

    @abstractmethod
    def stall(self) -> None:
        """Makes the server hang: connections stay open, nothing is answered."""

    @abstractmethod
    def unstall(self) -> None:
        """Lets it go on; harmless where it does not hang."""

    @abstractmethod
    def reshape(self) -> None:
        """Kills the server and brings it back with another address space.

        The first tag is gone; all others are there under their addresses but lie elsewhere: in another order, with
        other aliases, handles or identifiers, as far as the protocol has them.
        """

    def lie(self, lie: Lie) -> bool:
        """Tells one lie on the first tag, once; returns False where the protocol has no way to."""
        return False


def make_harness(protocol: str) -> SourceHarness:
    """Returns a protocol's harness, not yet started."""
    name = f"harness_{protocol}"
    assert importlib.util.find_spec(name), f"protocol {protocol} has no test/contract/{name}.py"
    harness: SourceHarness = importlib.import_module(name).HARNESS()
    return harness
