"""An SHDR adapter read directly, without an agent in between.

Adapters tell changes only. While an adapter keeps the heartbeat, what has not changed still holds and is confirmed;
one without a heartbeat cannot be told from a dead one, so its values grow stale as the tag table says.
"""

from __future__ import annotations

import math
from collections import Counter
from pathlib import Path

from workcell_ros.errors import ConfigError
from workcell_sensors.reading import NS_PER_S, Quality
from workcell_sensors.sources.batch import Batch
from workcell_sensors.sources.mtconnect_held import Held
from workcell_sensors.sources.mtconnect_model import Model, parse_model
from workcell_sensors.sources.mtconnect_values import Interpreter
from workcell_sensors.sources.session import AsyncSource
from workcell_sensors.sources.shdr_codec import Kind, ShdrParser
from workcell_sensors.sources.shdr_link import AdapterLink
from workcell_sensors.sources.shdr_protocol import ShdrOptions
from workcell_sensors.sources.source import ClockNs, Emit, SourceSpec
from workcell_sensors.sources.worker import AsyncWorker

CONFIRM_S = 0.5


class ShdrSource(AsyncSource):
    """Reads one adapter."""

    def __init__(self, spec: SourceSpec, emit: Emit, clock_ns: ClockNs, worker: AsyncWorker) -> None:
        super().__init__(spec, emit, clock_ns, worker)
        self._options = spec.options(ShdrOptions)
        self._model = load_model(self._options.devices_file)
        self._interpreter = Interpreter(spec.tags)
        self._held = Held()
        self._batch = Batch(self.deliver)

    async def session(self) -> None:
        """Connects and takes lines in until the adapter is gone."""
        options = self._options
        # What an adapter says first is everything it knows: nothing of before holds any more.
        self._held.clear()
        self._interpreter.forget_conditions()
        parser = ShdrParser(self._model)
        confirmed_ns = 0
        async with AdapterLink(self.spec.host, self.spec.port, self.spec.timeout_s, options.legacy_timeout_s) as link:
            self._is_heard = False
            async for lines in link.wake_ups():
                now_ns = self.clock_ns()
                self._take(parser, link, lines, now_ns)
                if link.heartbeat_s and now_ns - confirmed_ns >= CONFIRM_S * NS_PER_S:
                    confirmed_ns = now_ns
                    self._confirm(now_ns)

    def _take(self, parser: ShdrParser, link: AdapterLink, lines: list[str], now_ns: int) -> None:
        kinds: Counter[Kind] = Counter()
        rejected = 0
        for text in lines:
            line = parser.parse(text, now_ns)
            kinds[line.kind] += 1
            rejected += line.malformed
            link.keep_heartbeat(line.heartbeat_s)
            for seen in line.observations:
                for value in self._interpreter.values(seen):
                    rejected += value.quality != Quality.GOOD
                    self._held.note(value, seen.stamp_ns, now_ns)
                    self._batch.add(value.address, value.number, value.quality, seen.stamp_ns, seen.stamp_ns != now_ns)
        self._batch.flush()
        overlong, link.lines.overlong = link.lines.overlong, 0
        self.reject(rejected + overlong)
        kinds[Kind.MALFORMED] += overlong
        for kind, count in kinds.items():
            if count:
                self.count(f"{kind.value}_lines", count)
        self._say_up(link, kinds)

    def _say_up(self, link: AdapterLink, kinds: Counter[Kind]) -> None:
        # Something that speaks another protocol on this port is no adapter.
        if not self._is_heard and set(kinds) & {Kind.DATA, Kind.PONG, Kind.COMMAND, Kind.ASSET}:
            self._is_heard = True
            self.up()
            self.grant(heartbeat_s=link.heartbeat_s or math.nan)

    def _confirm(self, now_ns: int) -> None:
        found = self._held.confirmed(now_ns, round(self._options.lag_s * NS_PER_S))
        if found is not None:
            self.deliver(found.addresses, found.values, found.quality, found.stamp_ns, device_time=False)


def load_model(file: str) -> Model | None:
    """Returns the device description in a file, None where `file` is empty.

    Raises:
        ConfigError: it cannot be read.
    """
    if not file:
        return None
    try:
        return parse_model(Path(file).read_bytes())
    except (OSError, ValueError) as error:
        raise ConfigError(file, "devices_file", str(error), "an MTConnectDevices document") from None
