"""Sparkplug B: a host application over one or several MQTT servers."""

from __future__ import annotations

import asyncio
import dataclasses
import functools
import random

from workcell_sensors.sources.backoff import Backoff
from workcell_sensors.sources.batch import Batch
from workcell_sensors.sources.mqtt import link_config, subscribe
from workcell_sensors.sources.mqtt_link import LinkError, Message, MqttLink, Will, check_granted
from workcell_sensors.sources.session import FIRST_PAUSE_S, AsyncSource, LinkLost
from workcell_sensors.sources.source import ClockNs, Emit, SourceSpec
from workcell_sensors.sources.sparkplug_protocol import Server, SparkplugOptions, parse_server
from workcell_sensors.sources.sparkplug_tags import TagValues
from workcell_sensors.sources.worker import AsyncWorker
from workcell_sensors.sparkplug.events import HostCounts, Outcome
from workcell_sensors.sparkplug.host import HostApplication, HostConfig

TICK_S = 0.1
"""How often timeouts and silent tags are looked at, wall clock."""
_LOST = ("missing",)
_REJECTED = ("malformed", "undeclared")


class SparkplugSource(AsyncSource):
    """Listens to the edge nodes that have tags. It is up while any of its servers is."""

    def __init__(self, spec: SourceSpec, emit: Emit, clock_ns: ClockNs, worker: AsyncWorker) -> None:
        super().__init__(spec, emit, clock_ns, worker)
        self._options = spec.options(SparkplugOptions)
        further = (parse_server(text) for text in self._options.further_servers)
        self._servers = (Server(spec.host, spec.port), *further)
        self._batch = Batch(self.deliver)
        self._tags = TagValues(spec.tags, self._batch, self.reject)
        self._host = self._make_host()
        self._counted = HostCounts()
        self._links: dict[int, MqttLink] = {}
        self._failures: dict[int, str] = {}

    def start(self) -> None:
        """Begins to connect and deliver."""
        self._host, self._counted = self._make_host(), HostCounts()
        super().start()

    async def session(self) -> None:
        """Keeps every server connected; ends when the last one that was up or tried has failed."""
        self._failures = {}
        keepers = [asyncio.create_task(self._keep(number)) for number in range(len(self._servers))]
        try:
            await asyncio.gather(*keepers)
        finally:
            for keeper in keepers:
                keeper.cancel()
            await asyncio.gather(*keepers, return_exceptions=True)

    def _make_host(self) -> HostApplication:
        options = self._options
        timeout_s = options.reorder_timeout_s * self.spec.time_scale
        return HostApplication(
            HostConfig(
                options.host_id, self._tags.nodes, reorder_timeout_s=timeout_s, asks_rebirths=options.asks_rebirths
            )
        )

    async def _keep(self, number: int) -> None:
        backoff = Backoff(FIRST_PAUSE_S, self.spec.backoff_s_max, random.Random())
        while True:
            try:
                await self._serve(number, backoff)
            except (LinkError, LinkLost, OSError, TimeoutError) as error:
                self._failures[number] = f"{' '.join(str(error).split()) or 'no answer'}"
            if len(self._failures) == len(self._servers):
                raise LinkLost(self._failure_text())
            self._tell_trouble()
            await asyncio.sleep(backoff.next_s())

    async def _serve(self, number: int, backoff: Backoff) -> None:
        server = self._servers[number]
        will = Will(*self._host.connect(number, self.clock_ns()))
        config = link_config(self.spec, self._options, will=will)
        config = dataclasses.replace(config, host=server.host, port=server.port)
        link = MqttLink(config, functools.partial(self._message, number), self._flush)
        try:
            await link.open()
            check_granted(await subscribe(link, self._host.subscriptions))
            self._links[number] = link
            self._act(self._host.connected(number, self.clock_ns()))
            self._failures.pop(number, None)
            backoff.reset()
            if len(self._links) == 1:
                self.up()
            self._tell_trouble()
            raise LinkLost(await self._until_lost(link))
        except asyncio.CancelledError:
            self._say_goodbye(number)
            raise
        finally:
            self._links.pop(number, None)
            self._act(self._host.link_lost(number, self.clock_ns()))
            self._flush()
            await link.close()

    async def _until_lost(self, link: MqttLink) -> str:
        lost = asyncio.create_task(link.lost())
        try:
            while not lost.done():
                await asyncio.wait((lost,), timeout=TICK_S)
                self._tick()
            return lost.result()
        finally:
            lost.cancel()

    def _say_goodbye(self, number: int) -> None:
        link = self._links.get(number)
        if link is not None:
            link.publish(*self._host.disconnecting(number, self.clock_ns()))

    def _message(self, number: int, message: Message) -> None:
        now_ns = self.clock_ns()
        outcome = self._host.message(number, message.topic, message.payload, now_ns, message.retained)
        self._tags.take(outcome.events, now_ns)
        if outcome.publishes:
            self._send(outcome)

    def _tick(self) -> None:
        self._act(self._host.tick(self.clock_ns()))
        self._tags.confirm(self.clock_ns())
        self._flush()
        self._tell_trouble()

    def _act(self, outcome: Outcome) -> None:
        self._tags.take(outcome.events, self.clock_ns())
        self._send(outcome)

    def _send(self, outcome: Outcome) -> None:
        for number, publish in outcome.publishes:
            link = self._links.get(number)
            if link is not None:
                link.publish(*publish)

    def _flush(self) -> None:
        self._batch.flush()
        counts = self._host.counts
        if counts == self._counted:
            return
        for item in dataclasses.fields(HostCounts):
            grown = getattr(counts, item.name) - getattr(self._counted, item.name)
            if not grown or item.name == "messages":
                continue
            if item.name in _LOST:
                self.lose(grown)
            if item.name in _REJECTED:
                self.reject(grown)
            self.count(item.name, grown)
        self._counted = dataclasses.replace(counts)

    def _tell_trouble(self) -> None:
        if self._links:
            self.doubt("; ".join(filter(None, (self._failure_text(), self._host.trouble()))))

    def _failure_text(self) -> str:
        if len(self._servers) == 1:
            return "".join(self._failures.values())
        where = {number: f"{server.host}:{server.port}" for number, server in enumerate(self._servers)}
        return "; ".join(f"{where[number]}: {reason}" for number, reason in sorted(self._failures.items()))
