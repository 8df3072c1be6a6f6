"""MQTT: one subscription per topic; values in JSON, as text or in binary."""

from __future__ import annotations

import asyncio
import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from workcell_sensors.reading import Quality
from workcell_sensors.sources.batch import Batch
from workcell_sensors.sources.mqtt_codec import (
    Mapping,
    Path,
    RawFormat,
    load_payload,
    parse_address,
    parse_path,
    quality_at,
    stamp_at,
    value_at,
    word,
)
from workcell_sensors.sources.mqtt_link import LinkConfig, Message, MqttLink, Will
from workcell_sensors.sources.mqtt_protocol import IGNORE, BrokerOptions, MqttOptions
from workcell_sensors.sources.session import AsyncSource, LinkLost
from workcell_sensors.sources.source import ClockNs, Emit, SourceSpec
from workcell_sensors.sources.worker import AsyncWorker
from workcell_sensors.tags import TagRow

KEEPALIVE_S_MIN = 2
SUBSCRIBE_MAX = 200
"""Topic filters per packet; some brokers take no more."""


@dataclass(frozen=True)
class _Place:
    """Where a tag's value lies in its topic's payload."""

    tag: TagRow
    path: Path
    raw: RawFormat | None


class MqttSource(AsyncSource):
    """Subscribes to the tags' topics; what came in one wake-up is handed on together."""

    def __init__(self, spec: SourceSpec, emit: Emit, clock_ns: ClockNs, worker: AsyncWorker) -> None:
        super().__init__(spec, emit, clock_ns, worker)
        self._options = spec.options(MqttOptions)
        self._mapping = mapping_of(self._options)
        self._batch = Batch(self.deliver)
        self._places: dict[str, list[_Place]] = defaultdict(list)
        for tag in spec.tags:
            address = parse_address(tag.address)
            path = self._mapping.value if address.path is None else address.path
            self._places[address.topic].append(_Place(tag, path, address.raw))

    async def session(self) -> None:
        """Connects, subscribes and delivers until the link is lost."""
        options = self._options
        link = MqttLink(
            link_config(self.spec, options, session_expiry_s=options.session_s), self._handle, self._batch.flush
        )
        try:
            # A session that the broker has kept sends its messages before the subscriptions are renewed.
            await link.open()
            refused = await subscribe(link, [(topic, options.qos) for topic in self._places])
            self.up()
            self._tell_refused(refused)
            raise LinkLost(await link.lost())
        finally:
            await link.close()

    def _tell_refused(self, refused: Sequence[str]) -> None:
        """Says what the broker does not let us hear; the other topics are none the worse for it."""
        for place in (place for topic in refused for place in self._places[topic]):
            self.reject()
            self._batch.add(place.tag.address, math.nan, Quality.BAD, self.clock_ns(), device_time=False)
        self._batch.flush()
        if refused:
            self.doubt(f"the broker refuses {len(refused)} of {len(self._places)} topics, the first is {refused[0]}")

    def _handle(self, message: Message) -> None:
        places = self._places.get(message.topic)
        if places is None or (message.retained and self._options.retained == IGNORE):
            return
        data: Any = None
        doubt = Quality.GOOD
        stamp_ns: int | None = None
        if any(place.raw is None for place in places):
            try:
                data = load_payload(message.payload)
                stamp_ns = stamp_at(data, self._mapping)
                doubt = quality_at(data, self._mapping)
            except ValueError:
                doubt = Quality.BAD
                self.reject()
        if message.retained and stamp_ns is None:
            # It may be of any age.
            self.count("retained_without_time")
            doubt = max(doubt, Quality.STALE)
        at_ns = self.clock_ns() if stamp_ns is None else stamp_ns
        for place in places:
            value, quality = self._value(place, data, message.payload, doubt)
            self._batch.add(place.tag.address, value, quality, at_ns, device_time=stamp_ns is not None)

    def _value(self, place: _Place, data: Any, payload: bytes, doubt: Quality) -> tuple[float, Quality]:
        if doubt is Quality.BAD and place.raw is None:
            return math.nan, Quality.BAD
        try:
            found = place.raw.read(payload) if place.raw else value_at(data, place.path, self._mapping)
        except ValueError:
            self.reject()
            return math.nan, Quality.BAD
        if found is None:
            return math.nan, Quality.BAD
        truth = word(found) if isinstance(found, str) and found not in place.tag.states else None
        value = place.tag.number_of(found if truth is None else truth)
        if math.isfinite(value):
            return value, doubt
        self.reject()
        return math.nan, Quality.BAD


def mapping_of(options: MqttOptions) -> Mapping:
    """Returns the payload mapping that a source's row describes."""
    return Mapping(
        parse_path(options.value_path),
        parse_path(options.time_path) if options.time_path else (),
        options.time_unit,
        parse_path(options.quality_path) if options.quality_path else (),
        frozenset(word.lower() for word in options.quality_good),
        frozenset(word.lower() for word in options.quality_uncertain),
    )


def link_config(
    spec: SourceSpec, options: BrokerOptions, *, session_expiry_s: int = 0, will: Will | None = None
) -> LinkConfig:
    """Returns how a source connects to its broker."""
    # Not shorter: on a machine that is short of time a broker may be late with its answer and none the worse.
    by_stall_s = max(KEEPALIVE_S_MIN, math.ceil(2.0 * spec.stall_s / spec.time_scale))
    return LinkConfig(
        spec.host,
        spec.port,
        options.version,
        options.client_id,
        options.keepalive_s or by_stall_s,
        session_expiry_s,
        spec.timeout_s,
        options.tls,
        spec.credentials,
        will,
    )


async def subscribe(link: MqttLink, filters: Sequence[tuple[str, int]]) -> list[str]:
    """Subscribes to any number of topic filters; returns those that the server refused.

    All at once, for what the first bring may already hold up the answers to the others.
    """
    starts = range(0, len(filters), SUBSCRIBE_MAX)
    parts = await asyncio.gather(*(link.subscribe(filters[start : start + SUBSCRIBE_MAX]) for start in starts))
    return [topic for part in parts for topic in part]
