"""Gathers single values of one wake-up into as few frames as the order allows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np


class Batch:
    """Values with times of their own; an address that comes again begins a new frame, so that order is kept.

    Args:
        deliver: `AsyncSource.deliver`.
    """

    def __init__(self, deliver: Callable[..., Any]) -> None:
        self._deliver = deliver
        self._places: dict[str, None] = {}
        self._values: list[float] = []
        self._qualities: list[int] = []
        self._stamps_ns: list[int] = []
        self._kind = (True, False)

    def add(
        self,
        address: str,
        value: float,
        quality: int,
        stamp_ns: int,
        device_time: bool = True,
        historical: bool = False,
    ) -> None:
        """Takes one value."""
        kind = (device_time, historical)
        if address in self._places or kind != self._kind:
            self.flush()
            self._kind = kind
        self._places[address] = None
        self._values.append(value)
        self._qualities.append(quality)
        self._stamps_ns.append(stamp_ns)

    def flush(self) -> None:
        """Hands on what has been gathered."""
        if not self._places:
            return
        device_time, historical = self._kind
        self._deliver(
            tuple(self._places),
            self._values,
            self._qualities,
            stamps_ns=np.array(self._stamps_ns, dtype=np.int64),
            device_time=device_time,
            historical=historical,
        )
        self._places, self._values, self._qualities, self._stamps_ns = {}, [], [], []
