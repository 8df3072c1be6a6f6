"""An MTConnect agent: the newest values first, then its stream, without a gap through reconnects and overruns.

Agents tell changes only. As long as the agent's heartbeat comes, what has not changed still holds, and is confirmed.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Iterable

import httpx

from workcell_sensors.reading import NS_PER_S, Quality
from workcell_sensors.sources.batch import Batch
from workcell_sensors.sources.mtconnect_follow import Caught, Follower, InstanceChanged
from workcell_sensors.sources.mtconnect_held import Held
from workcell_sensors.sources.mtconnect_http import AgentClient
from workcell_sensors.sources.mtconnect_model import Model, parse_model
from workcell_sensors.sources.mtconnect_protocol import MtconnectOptions
from workcell_sensors.sources.mtconnect_streams import OUT_OF_RANGE, AgentError, Streams, parse_streams
from workcell_sensors.sources.mtconnect_values import Interpreter, Observation
from workcell_sensors.sources.patience import within
from workcell_sensors.sources.session import FIRST_PAUSE_S, AsyncSource, LinkLost
from workcell_sensors.sources.source import ClockNs, Emit, SourceSpec
from workcell_sensors.sources.worker import AsyncWorker

CONFIRM_S = 0.5
SHOWN_MAX = 5
HEARTBEATS_MISSED = 2.5
"""After so many without a word the agent counts as gone."""


class MtconnectSource(AsyncSource):
    """Follows one agent."""

    def __init__(self, spec: SourceSpec, emit: Emit, clock_ns: ClockNs, worker: AsyncWorker) -> None:
        super().__init__(spec, emit, clock_ns, worker)
        self._options = spec.options(MtconnectOptions)
        self._interpreter = Interpreter(spec.tags)
        self._follower = Follower()
        self._held = Held()
        self._batch = Batch(self.deliver)
        self._confirmed_s = -math.inf
        self._is_up = False
        self._problem = ""

    async def session(self) -> None:
        """Follows the agent; where it is another one, or runs anew, its devices and values are asked for first."""
        self._is_up = False
        async with AgentClient(self.spec) as client:
            is_overrun = False
            while True:
                try:
                    if not self._follower.is_following:
                        await self._begin(client)
                    elif is_overrun:
                        await self._recover(client)
                    is_overrun = False
                    await self._follow(client)
                    continue
                except InstanceChanged:
                    self._follower.forget()
                    self.count("agent_restarts")
                except AgentError as error:
                    is_overrun = error.code == OUT_OF_RANGE and self._follower.is_following
                    if not is_overrun:
                        raise LinkLost(str(error)) from None
                except httpx.TimeoutException:
                    raise TimeoutError from None
                except ValueError as error:
                    self.count("malformed_documents")
                    raise LinkLost(f"the agent sends {error}") from None
                # Two agents behind one address are a new one at every answer: not asked as fast as they answer.
                await asyncio.sleep(FIRST_PAUSE_S)

    async def _begin(self, client: AgentClient) -> None:
        model = parse_model(await client.probe())
        current = parse_streams(await client.current())
        self._interpreter.forget_conditions()
        self._tell_missing(model)
        self._say_up()
        # What it shows first may be of long ago; that tells nothing of its clock.
        self._take(current, self._follower.begin(current), device_time=False)

    async def _recover(self, client: AgentClient) -> None:
        """Goes on after the agent has given up what was to come next."""
        current = parse_streams(await client.current())
        self.count("overruns")
        self._take(current, self._follower.overrun(current), device_time=False)

    async def _follow(self, client: AgentClient) -> None:
        interval_s = self.wall_period_s(self.spec.period_s_min)
        silence_s = max(HEARTBEATS_MISSED * self._options.heartbeat_s, self.wall_s(self.spec.stall_s))
        self.grant(heartbeat_s=self._options.heartbeat_s, interval_s=interval_s)
        is_first = True
        async with client.sample(self._follower.next_sequence, interval_s, silence_s) as documents:
            while (document := await _next(documents, silence_s)) is not None:
                streams = parse_streams(document)
                caught = self._follower.sampled(streams)
                if is_first:
                    self._say_up()
                    is_first = False
                self._take(streams, caught, device_time=True)
                self._confirm()
        # It does not stream, or ends its streams after a while: asked again, but no faster than it was to stream.
        await asyncio.sleep(interval_s)

    def _say_up(self) -> None:
        if not self._is_up:
            self._is_up = True
            self.up()
        self.doubt(self._problem)

    def _take(self, streams: Streams, caught: Caught, device_time: bool) -> None:
        if streams.malformed:
            self.reject(streams.malformed)
        if caught.lost:
            self.lose(caught.lost)
        if caught.duplicates:
            self.count("duplicates_left_out", caught.duplicates)
        self._hand_on(caught.observations, device_time)

    def _hand_on(self, observations: Iterable[Observation], device_time: bool) -> None:
        now_ns = self.clock_ns()
        rejected = 0
        for seen in observations:
            if seen.is_unavailable:
                self._lose(seen, now_ns)
                continue
            for value in self._interpreter.values(seen):
                rejected += value.quality != Quality.GOOD
                self._held.note(value, seen.stamp_ns, now_ns)
                self._batch.add(value.address, value.number, value.quality, seen.stamp_ns, device_time)
        self._batch.flush()
        self.reject(rejected)

    def _lose(self, seen: Observation, now_ns: int) -> None:
        """Calls BAD what is unavailable; what never was there is silent, and so STALE."""
        for value in self._interpreter.values(seen):
            stamp_ns = self._held.lost_ns(value.address, seen.stamp_ns, now_ns)
            if stamp_ns is not None:
                self._held.lose(value.address, stamp_ns)
                self._batch.add(value.address, math.nan, Quality.BAD, stamp_ns, device_time=False)

    def _tell_missing(self, model: Model) -> None:
        """Calls BAD what the agent does not have."""
        missing = [
            address
            for item in self._interpreter.items
            if item not in model.by_id
            for address in self._interpreter.addresses_of(item)
        ]
        shown = ", ".join(missing[:SHOWN_MAX]) + (" ..." if len(missing) > SHOWN_MAX else "")
        self._problem = f"the agent has no {shown}" if missing else ""
        if missing:
            self._held.forget(missing)
            self.reject(len(missing))
            self.deliver(tuple(missing), [math.nan] * len(missing), [Quality.BAD] * len(missing))

    def _confirm(self) -> None:
        now_s = asyncio.get_running_loop().time()
        if now_s < self._confirmed_s + CONFIRM_S:
            return
        self._confirmed_s = now_s
        found = self._held.confirmed(self.clock_ns(), round(self._options.lag_s * NS_PER_S))
        if found is not None:
            self.deliver(found.addresses, found.values, found.quality, found.stamp_ns, device_time=False)


async def _next(documents: AsyncIterator[bytes], silence_s: float) -> bytes | None:
    try:
        return await within(silence_s, anext(documents, None))
    except TimeoutError:
        raise LinkLost(f"no heartbeat for {silence_s:g} s") from None
