"""Asking a server for values where it does not report them: no more at once than it takes, never faster than it can."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from asyncua.ua.uaerrors import BadEncodingLimitsExceeded, BadResponseTooLarge, BadTooManyOperations

from workcell_sensors.sources.opcua_connection import Connection, run_together
from workcell_sensors.sources.opcua_subscription import chunks
from workcell_sensors.sources.opcua_transport import value_of
from workcell_sensors.sources.opcua_wire import Samples

BUSY_SHARE_MAX = 0.5
"""Of its time a server spends at most this on our questions; a slow one is asked less often."""

OnSamples = Callable[[Samples, float], None]
"""Takes values, by handle, and the loop's time when they were asked for."""


@dataclass(frozen=True)
class PolledNode:
    """One node to ask for."""

    handle: int
    node_id: Any
    period_s: float
    """Wall clock."""


class Poller:
    """Reads nodes, each as often as wanted, in calls as large as the server takes."""

    def __init__(self, connection: Connection, nodes: Sequence[PolledNode], on_samples: OnSamples) -> None:
        self._connection = connection
        self._on_samples = on_samples
        self._size = connection.limits.nodes_per_read
        groups: dict[float, list[PolledNode]] = {}
        for node in nodes:
            groups.setdefault(node.period_s, []).append(node)
        self._groups = groups
        self.period_s = min(groups, default=0.0)
        """How often the quickest nodes are asked for at present."""

    async def run(self) -> None:
        """Asks for ever.

        Raises:
            ConnectionError, TimeoutError, UaError, LinkLost: the server does not answer, or not as it should.
        """
        await run_together(*(self._keep_asking(period_s, nodes) for period_s, nodes in self._groups.items()))

    async def _keep_asking(self, period_s: float, nodes: Sequence[PolledNode]) -> None:
        loop = asyncio.get_running_loop()
        while True:
            began = loop.time()
            await self.ask(nodes)
            took_s = loop.time() - began
            pause_s = max(period_s - took_s, took_s * (1.0 / BUSY_SHARE_MAX - 1.0))
            if period_s == min(self._groups):
                self.period_s = took_s + pause_s
            await asyncio.sleep(pause_s)

    async def ask(self, nodes: Sequence[PolledNode]) -> None:
        """Asks for nodes once, in smaller calls where the server finds one too large."""
        loop = asyncio.get_running_loop()
        done = 0
        while done < len(nodes):
            part = next(chunks(nodes[done:], self._size))
            asked_at = loop.time()
            try:
                samples = await self._connection.read([value_of(node.node_id) for node in part])
            except (BadTooManyOperations, BadResponseTooLarge, BadEncodingLimitsExceeded):
                if self._size == 1:
                    raise
                self._size = max(1, self._size // 2)
                continue
            samples.handles = np.array([node.handle for node in part], dtype=np.uint32)
            self._on_samples(samples, asked_at)
            done += len(part)
