"""Keeps an edge node connected: one MQTT server at a time, the next one where the rules or a failure ask for it."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import dataclasses
import random
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from workcell_sensors.outward.cell_report import CellReport, Observation
from workcell_sensors.sources.backoff import Backoff
from workcell_sensors.sources.mqtt_link import LinkConfig, LinkError, Message, MqttLink, Will, check_granted
from workcell_sensors.sources.source import ClockNs
from workcell_sensors.sources.sparkplug_protocol import Server
from workcell_sensors.sources.worker import AsyncWorker
from workcell_sensors.sparkplug.edge import Directive, EdgeNode

NS_PER_MS = 1_000_000
FIRST_PAUSE_S = 0.2
STOP_TIMEOUT_S = 5.0


@dataclass(frozen=True)
class ClientConfig:
    """How to connect.

    Attributes:
        servers: to choose from, in this order.
        link: everything about a connection but server and will.
        flush_s: how often what has changed is sent, wall clock.
        backoff_s_max: longest pause between two attempts.
        inbox_max: observations that may wait for the next flush; the oldest give way.
    """

    servers: tuple[Server, ...]
    link: LinkConfig
    flush_s: float = 0.2
    backoff_s_max: float = 30.0
    inbox_max: int = 20_000


@dataclass(frozen=True)
class ClientStatus:
    """How the edge node stands."""

    server: str = ""
    """The one it is connected to or tries; empty: stopped."""
    is_connected: bool = False
    is_born: bool = False
    reason: str = ""
    """Why it is not connected, or what it waits for."""
    births: int = 0
    data: int = 0
    historical: int = 0
    backlog: int = 0
    dropped: int = 0
    refused: int = 0
    failure: str = ""
    """What went wrong last where nothing should have."""


class EdgeClient:
    """Runs an edge node in the worker's loop. `put`, `status`, `start` and `stop` may be called from other threads."""

    def __init__(self, edge: EdgeNode, config: ClientConfig, clock_ns: ClockNs, worker: AsyncWorker) -> None:
        self._edge = edge
        self._config = config
        self._clock_ns = clock_ns
        self._worker = worker
        self._report = CellReport(edge)
        self._inbox: deque[Observation] = deque(maxlen=config.inbox_max)
        self._overflow = 0
        self._link: MqttLink | None = None
        self._leave = asyncio.Event()
        self._future: concurrent.futures.Future[None] | None = None
        self._task: asyncio.Task[None] | None = None
        self._status = ClientStatus()

    def put(self, observations: Iterable[Observation]) -> None:
        """Takes what is to be told; the next flush tells it."""
        for each in observations:
            if len(self._inbox) == self._config.inbox_max:
                self._overflow += 1
            self._inbox.append(each)

    def status(self) -> ClientStatus:
        """Returns how it stands now."""
        return self._status

    def start(self) -> None:
        """Begins to connect and tell."""
        if self._future is not None:
            raise RuntimeError("the edge node is already started")
        self._future = self._worker.submit(self._run())

    def stop(self) -> None:
        """Says goodbye and disconnects; returns when that is done or has had time enough."""
        if self._future is None:
            return
        with contextlib.suppress(TimeoutError):
            self._worker.submit(self._cancelled()).result(STOP_TIMEOUT_S)
        self._future = None
        self._status = ClientStatus()

    async def _run(self) -> None:
        self._task = asyncio.current_task()
        ticker = asyncio.create_task(self._tick_forever())
        backoff = Backoff(FIRST_PAUSE_S, self._config.backoff_s_max, random.Random())
        try:
            while True:
                reason = await self._session(backoff)
                self._tell(is_connected=False, reason=reason)
                await asyncio.sleep(backoff.next_s())
        finally:
            ticker.cancel()

    async def _cancelled(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _session(self, backoff: Backoff) -> str:
        """Runs one session with one server and returns why it ended."""
        plan = self._edge.connect(self._now_ms())
        server = self._config.servers[plan.server]
        self._leave.clear()
        config = dataclasses.replace(self._config.link, host=server.host, port=server.port, will=Will(*plan.will))
        self._tell(server=f"{server.host}:{server.port}", is_connected=False)
        link: MqttLink | None = None
        try:
            # Within: certificates that cannot be used are found out here.
            link = MqttLink(config, self._on_message)
            await link.open()
            check_granted(await link.subscribe(plan.subscriptions))
            self._link = link
            backoff.reset()
            self._tell(is_connected=True, reason="")
            self._act(self._edge.connected(self._now_ms()))
            return await self._until_over(link)
        except (LinkError, OSError, TimeoutError) as error:
            self._edge.connect_failed()
            return f"{server.host}:{server.port}: {' '.join(str(error).split()) or 'no answer'}"
        except Exception as error:
            # Whatever it is, the cell is to be seen again; the reason is on diagnostics.
            return f"{server.host}:{server.port}: {type(error).__name__}: {error}"
        except asyncio.CancelledError:
            self._flush()
            self._act(self._edge.close(self._now_ms()))
            raise
        finally:
            self._link = None
            self._edge.connection_lost(self._now_ms())
            if link is not None:
                await link.close(with_will=True)

    async def _until_over(self, link: MqttLink) -> str:
        lost, leave = asyncio.create_task(link.lost()), asyncio.create_task(self._leave.wait())
        try:
            await asyncio.wait((lost, leave), return_when=asyncio.FIRST_COMPLETED)
            return lost.result() if lost.done() else "the primary host is not connected to this server"
        finally:
            lost.cancel()
            leave.cancel()

    async def _tick_forever(self) -> None:
        while True:
            await asyncio.sleep(self._config.flush_s)
            try:
                self._flush()
            except Exception as error:
                # What cannot be told must not end the telling.
                self._tell(failure=f"{type(error).__name__}: {error}")

    def _flush(self) -> None:
        now_ms = self._now_ms()
        waiting = [self._inbox.popleft() for _ in range(len(self._inbox))]
        directive = self._report.take(waiting, now_ms)
        if self._link is None or not self._link.is_congested:
            # Otherwise the changes wait in the edge node, which bounds them.
            directive.publishes += self._edge.flush(now_ms).publishes
        self._act(directive)
        self._tell()

    def _on_message(self, message: Message) -> None:
        self._act(self._edge.message(message.topic, message.payload, self._now_ms(), message.retained))

    def _act(self, directive: Directive) -> None:
        link = self._link
        if link is not None:
            # A link that breaks here is noticed by who waits for that, and what was sent is told again as history.
            with contextlib.suppress(LinkError):
                for publish in directive.publishes:
                    link.publish(*publish)
        if directive.disconnect:
            self._leave.set()

    def _tell(self, **changes: object) -> None:
        edge, counts = self._edge, self._edge.counts
        status = dataclasses.replace(self._status, **changes)  # type: ignore[arg-type]
        reason = status.reason
        if status.is_connected:
            reason = "" if edge.is_born else f"waits for primary host {edge.config.primary_host}"
        self._status = dataclasses.replace(
            status,
            is_born=edge.is_born,
            reason=reason,
            births=counts.births,
            data=counts.data,
            historical=counts.historical,
            backlog=edge.model.backlog,
            dropped=edge.model.dropped + self._overflow,
            refused=counts.refused + self._report.refused,
        )

    def _now_ms(self) -> int:
        return self._clock_ns() // NS_PER_MS


def server_list(servers: Sequence[Server]) -> str:
    """Returns servers as one text for a person.

    >>> server_list([Server("a", 1883), Server("b", 8883)])
    'a:1883, b:8883'
    """
    return ", ".join(f"{server.host}:{server.port}" for server in servers)
