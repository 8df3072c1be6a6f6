"""The account of what a bound has cost: how much, of which source, of which time."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass

from workcell_sensors.frame_codec import Summary


@dataclass(frozen=True)
class Loss:
    """What was dropped of one source."""

    frames: int
    values: int
    first_ns: int
    """Source time of the oldest frame dropped."""
    last_ns: int
    """Source time of the newest frame dropped."""


class Losses:
    """Losses by source, added up."""

    def __init__(self, by_source: Mapping[str, Loss] | None = None) -> None:
        self._by_source = dict(by_source or {})

    @property
    def by_source(self) -> Mapping[str, Loss]:
        """What was dropped, by source; replaced at each loss, so that another thread may read it."""
        return self._by_source

    @property
    def frames(self) -> int:
        """Frames dropped of all sources."""
        return sum(loss.frames for loss in self._by_source.values())

    @property
    def values(self) -> int:
        """Values dropped of all sources."""
        return sum(loss.values for loss in self._by_source.values())

    def add(self, dropped: Iterable[Summary]) -> None:
        """Adds frames that were dropped."""
        total = dict(self._by_source)
        for item in dropped:
            known = total.get(item.source, Loss(0, 0, item.stamp_ns, item.stamp_ns))
            total[item.source] = Loss(
                known.frames + 1,
                known.values + item.values,
                min(known.first_ns, item.stamp_ns),
                max(known.last_ns, item.stamp_ns),
            )
        self._by_source = total

    def to_json(self) -> bytes:
        """Returns the account as bytes, for the journal."""
        return json.dumps({source: asdict(loss) for source, loss in self._by_source.items()}).encode()

    @classmethod
    def from_json(cls, data: bytes) -> Losses:
        """Returns the account that `to_json` wrote.

        Raises:
            ValueError: `data` is none.

        >>> losses = Losses()
        >>> losses.add([Summary("plc", 3, 10), Summary("plc", 3, 20)])
        >>> Losses.from_json(losses.to_json()).by_source["plc"]
        Loss(frames=2, values=6, first_ns=10, last_ns=20)
        """
        try:
            return cls({source: Loss(**loss) for source, loss in json.loads(data).items()})
        except (UnicodeDecodeError, AttributeError, TypeError, RecursionError) as error:
            raise ValueError(f"no account of losses: {error}") from None
