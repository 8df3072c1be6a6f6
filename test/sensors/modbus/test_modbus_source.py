"""The Modbus source against a gateway whose units go wrong in every way the specification and the field know."""

from __future__ import annotations

import asyncio
import itertools
import math
import queue
import struct
import time
from collections.abc import Callable, Iterator, Mapping

import pytest
from scripted_device import LOOPBACK, Asked, ScriptedDevice, Unit
from waiting import until

from workcell_ros.errors import ConfigError
from workcell_sensors.reading import Frame, Quality
from workcell_sensors.sources.discovery import DiscoveryRequest
from workcell_sensors.sources.modbus import ModbusSource
from workcell_sensors.sources.modbus_discover import discover
from workcell_sensors.sources.modbus_protocol import ModbusOptions
from workcell_sensors.sources.session import LinkLost
from workcell_sensors.sources.source import Link, SourceSpec
from workcell_sensors.sources.worker import AsyncWorker
from workcell_sensors.tags import SourceRow, TagRow

TIMEOUT_S = 0.25


class Rig:
    """A source on a scripted device; `latest` holds value and quality per address."""

    def __init__(
        self, device: ScriptedDevice, *addresses: str, period_s: Mapping[str, float] | None = None, **options: float
    ) -> None:
        self.device = device
        self.latest: dict[str, tuple[float, Quality]] = {}
        self.frames: queue.Queue[Frame] = queue.Queue()
        row = SourceRow("plc", "modbus", options=ModbusOptions(**options))
        tags = tuple(
            TagRow(text, "plc", text, "1", "1", period_s=(period_s or {}).get(text, 0.03)) for text in addresses
        )
        self.spec = SourceSpec(row, tags, LOOPBACK, device.port, timeout_s=TIMEOUT_S, backoff_s_max=0.3)
        self._worker = AsyncWorker("test-source")
        self.source = ModbusSource(self.spec, self.frames.put, time.time_ns, self._worker)
        self.source.start()

    def until(self, condition: Callable[[], bool], what: str) -> None:
        until(condition, lambda: f"{what}; {self.source.status()}; {self.latest}", self.drain)

    def drain(self) -> None:
        while not self.frames.empty():
            frame = self.frames.get()
            qualities = [0] * len(frame.values) if frame.quality is None else frame.quality.tolist()
            for address, value, quality in zip(frame.addresses, frame.values.tolist(), qualities, strict=True):
                self.latest[address] = (value, Quality(quality))

    def until_good(self, *addresses: str) -> None:
        self.drain()
        self.latest.clear()
        self.until(lambda: all(self.latest.get(a, (0, None))[1] is Quality.GOOD for a in addresses), "good values")

    def close(self) -> None:
        self.source.stop()
        self._worker.stop()


@pytest.fixture
def device() -> Iterator[ScriptedDevice]:
    device = ScriptedDevice(unit_1=Unit(), unit_2=Unit(values={5: 55}), unit_3=Unit())
    yield device
    device.close()


@pytest.fixture
def rig_of(device: ScriptedDevice) -> Iterator[Callable[..., Rig]]:
    made: list[Rig] = []

    def make(*addresses: str, **options: float) -> Rig:
        made.append(Rig(device, *addresses, **options))
        return made[-1]

    yield make
    for rig in made:
        rig.close()


def test_units_share_a_connection_and_each_has_one_request_in_flight(device, rig_of) -> None:
    async def slow(asked: Asked) -> bytes | int | None:
        await asyncio.sleep(0.01)
        return await device.honest(asked)

    device.react = slow
    addresses = [f"{unit}/holding:{offset}:uint16" for unit in (1, 2, 3) for offset in (5, 100, 200)]
    rig = rig_of(*addresses)
    rig.until_good(*addresses)
    assert rig.latest["2/holding:5:uint16"][0] == 55.0
    assert rig.latest["1/holding:200:uint16"][0] == 200.0
    assert device.connections == 1
    assert device.most_at_once_per_unit == 1
    assert device.most_at_once == 3


def test_in_flight_max_bounds_the_whole_connection(device, rig_of) -> None:
    async def slow(asked: Asked) -> bytes | int | None:
        await asyncio.sleep(0.005)
        return await device.honest(asked)

    device.react = slow
    addresses = [f"{unit}/holding:5:uint16" for unit in (1, 2, 3)]
    rig_of(*addresses, in_flight_max=1).until_good(*addresses)
    assert device.most_at_once == 1


def test_one_bad_register_does_not_take_its_block_with_it(device, rig_of) -> None:
    device.units[1] = Unit(missing=frozenset({17}))
    addresses = [f"holding:{n}:uint16" for n in range(60)]
    rig = rig_of(*addresses)
    good = [text for text in addresses if text != "holding:17:uint16"]
    rig.until_good(*good)
    assert rig.latest["holding:17:uint16"][1] is Quality.BAD
    assert all(rig.latest[text][0] == float(n) for n, text in enumerate(addresses) if n != 17)
    # Once found out it is left alone for a while, and what else there is takes few requests.
    device.asked.clear()
    rig.until(lambda: len(device.asked) >= 24, "more requests")
    assert not any(asked.offset <= 17 < asked.offset + asked.count for asked in device.asked)
    assert len({(asked.offset, asked.count) for asked in device.asked}) <= 7


def test_what_was_refused_is_asked_for_again_after_a_while(device, rig_of, monkeypatch) -> None:
    monkeypatch.setattr("workcell_sensors.sources.modbus.REFUSED_RETRY_S", 0.1)
    device.units[1] = Unit(missing=frozenset({3}))
    addresses = [f"holding:{n}:uint16" for n in range(8)]
    rig = rig_of(*addresses)
    rig.until(lambda: rig.latest.get(addresses[3], (0, None))[1] is Quality.BAD, "a refusal")
    device.units[1] = Unit()
    rig.until_good(*addresses)
    device.asked.clear()
    rig.until(lambda: len(device.asked) > 3, "more requests")
    assert {(asked.offset, asked.count) for asked in device.asked} == {(0, 8)}


def test_a_late_answer_is_discarded_and_counted(device, rig_of) -> None:
    rig = rig_of("1/holding:5:uint16", "2/holding:5:uint16")
    rig.until_good("1/holding:5:uint16", "2/holding:5:uint16")
    late = itertools.count()

    async def first_is_late(asked: Asked) -> bytes | int | None:
        if asked.unit == 2 and next(late) == 0:
            await asyncio.sleep(TIMEOUT_S * 1.5)
            return struct.pack(">H", 666)
        return await device.honest(asked)

    device.react = first_is_late
    rig.until(lambda: rig.source.status().counts.get("late_answers", 0) == 1, "the late answer")
    rig.until_good("2/holding:5:uint16")
    assert rig.latest["2/holding:5:uint16"][0] == 55.0
    assert rig.source.status().reconnects == 0
    assert device.connections == 1


def test_an_answer_with_a_number_nobody_gave_is_discarded(device, rig_of) -> None:
    rig = rig_of("holding:5:uint16")
    rig.until_good("holding:5:uint16")
    device.say(struct.pack(">HHHBBBH", 60_000, 0, 5, 1, 3, 2, 666))
    rig.until(lambda: rig.source.status().counts.get("late_answers", 0) == 1, "the stray answer")
    rig.until_good("holding:5:uint16")
    assert rig.latest["holding:5:uint16"][0] == 5.0
    assert device.connections == 1


NO_MODBUS = {
    "http": b"HTTP/1.1 400 Bad Request\r\n\r\n",
    "long": b"\0\1\0\0\xff\xff\1",
    "short": b"\0\1\0\0\0\1\1",
}


@pytest.mark.parametrize("data", NO_MODBUS.values(), ids=NO_MODBUS)
def test_what_is_no_modbus_ends_the_connection_and_a_new_one_is_made(device, rig_of, data: bytes) -> None:
    rig = rig_of("holding:5:uint16")
    rig.until_good("holding:5:uint16")
    device.say(data)
    rig.until(lambda: rig.source.status().reconnects == 1, "a new connection")
    rig.until_good("holding:5:uint16")


def test_a_wrong_answer_under_the_right_number_ends_the_connection(device, rig_of) -> None:
    rig = rig_of("holding:5:uint16")
    rig.until_good("holding:5:uint16")

    async def too_much(asked: Asked) -> bytes | int | None:
        device.react = device.honest
        return b"\0\1\0\2"

    device.react = too_much
    rig.until(lambda: rig.source.status().reconnects == 1, "a new connection")
    rig.until_good("holding:5:uint16")


def test_a_busy_device_is_asked_less_often_and_then_again_as_wished(device, rig_of) -> None:
    rig = rig_of("holding:5:uint16")
    rig.until_good("holding:5:uint16")

    async def busy(asked: Asked) -> bytes | int | None:
        return 6

    device.react = busy
    rig.until(lambda: rig.source.status().counts.get("busy", 0) >= 4, "busy answers")
    status = rig.source.status()
    assert status.link is Link.CONNECTED
    device.react = device.honest
    rig.until_good("holding:5:uint16")
    assert rig.source.status().granted["poll_stretch"] > 1.0
    rig.until(lambda: rig.source.status().granted["poll_stretch"] == 1.0, "the wished period again")
    assert rig.source.status().reconnects == 0


def test_a_unit_the_gateway_cannot_reach_is_bad_and_the_others_go_on(device, rig_of) -> None:
    rig = rig_of("1/holding:5:uint16", "9/holding:5:uint16")
    rig.until(lambda: rig.latest.get("9/holding:5:uint16", (0, None))[1] is Quality.BAD, "BAD of unit 9")
    rig.until_good("1/holding:5:uint16")
    status = rig.source.status()
    assert status.link is Link.CONNECTED
    assert status.reason == "unit 9: exception 11 (gateway target failed)"
    assert status.rejected > 0
    device.units[9] = Unit()
    rig.until_good("9/holding:5:uint16")
    assert rig.source.status().reason == ""
    assert device.connections == 1


def test_a_silent_unit_is_bad_and_the_others_go_on(device, rig_of) -> None:
    async def two_is_silent(asked: Asked) -> bytes | int | None:
        return None if asked.unit == 2 else await device.honest(asked)

    device.react = two_is_silent
    rig = rig_of("1/holding:5:uint16", "2/holding:5:uint16")
    rig.until(lambda: rig.latest.get("2/holding:5:uint16", (0, None))[1] is Quality.BAD, "BAD of unit 2")
    rig.until_good("1/holding:5:uint16")
    assert "unit 2: no answer" in rig.source.status().reason
    device.react = device.honest
    rig.until_good("2/holding:5:uint16")
    assert (rig.source.status().reconnects, device.connections) == (0, 1)


def test_a_gateway_that_never_answered_is_never_called_connected(device, rig_of) -> None:
    async def silent(asked: Asked) -> bytes | int | None:
        return None

    device.react = silent
    rig = rig_of("1/holding:5:uint16", "2/holding:5:uint16", "3/holding:5:uint16")
    links = set()

    def down() -> bool:
        links.add(rig.source.status().link)
        return device.connections >= 2

    rig.until(down, "a second connection")
    assert links == {Link.CONNECTING, Link.DOWN}
    assert rig.source.status().counts["unanswered"] >= 4


def test_when_no_unit_answers_the_link_is_down_and_comes_back(device, rig_of) -> None:
    rig = rig_of("1/holding:5:uint16", "2/holding:5:uint16")
    rig.until_good("1/holding:5:uint16", "2/holding:5:uint16")

    async def silent(asked: Asked) -> bytes | int | None:
        return None

    device.react = silent
    rig.until(lambda: rig.source.status().link is Link.DOWN, "the link's loss")
    assert "no answer within" in rig.source.status().reason
    device.react = device.honest
    rig.until_good("1/holding:5:uint16", "2/holding:5:uint16")
    assert rig.source.status().reconnects == 1


def test_a_slow_device_is_kept_at_work_for_its_share_of_the_time_only(device, rig_of) -> None:
    worked_s = 0.04

    async def slow(asked: Asked) -> bytes | int | None:
        await asyncio.sleep(worked_s)
        return await device.honest(asked)

    device.react = slow
    rig = rig_of("holding:5:uint16", load_max=0.25)
    rig.until(lambda: len(device.asked) == 2, "two requests")
    began_s = time.monotonic()
    rig.until(lambda: len(device.asked) >= 7, "five more")
    assert 5 * worked_s / (time.monotonic() - began_s) <= 0.3


def test_tags_are_read_at_their_own_periods(device, rig_of) -> None:
    rig = rig_of("holding:5:uint16", "holding:9:uint16", period_s={"holding:9:uint16": 0.5})
    rig.until(lambda: sum(asked.offset == 5 for asked in device.asked) >= 20, "twenty fast scans")
    assert 1 <= sum(asked.offset == 9 for asked in device.asked) <= 4


def test_not_a_number_in_a_register_is_bad_and_counted(device, rig_of) -> None:
    device.units[1].values.update({0: 0x7FC0, 1: 0})
    rig = rig_of("holding:0:float32", "holding:2:uint16")
    rig.until(lambda: rig.latest.get("holding:0:float32", (0, None))[1] is Quality.BAD, "a BAD value")
    assert math.isnan(rig.latest["holding:0:float32"][0])
    assert rig.latest["holding:2:uint16"] == (2.0, Quality.GOOD)
    assert rig.source.status().rejected > 0


def test_discovery_reads_the_range_that_was_named_and_nothing_else(device) -> None:
    device.units[2] = Unit(missing=frozenset({11, 12, 130}), values={10: 7})
    row = SourceRow("plc", "modbus", options=ModbusOptions())
    spec = SourceSpec(row, (), LOOPBACK, device.port, timeout_s=TIMEOUT_S)

    def ask(below: str, rows_max: int = 1000) -> list[str]:
        found = asyncio.run(discover(spec, DiscoveryRequest(rows_max, 0.0, below)))
        return [f"{row.address}={row.value}" for row in found]

    assert ask("2/holding:9-13") == ["2/holding:9:uint16=9", "2/holding:10:uint16=7", "2/holding:13:uint16=13"]
    assert all({*range(asked.offset, asked.offset + asked.count)} <= {*range(9, 14)} for asked in device.asked)
    assert len(ask("2/holding:0-399")) == 397
    assert ask("1/holding:398-402") == ["holding:398:uint16=398", "holding:399:uint16=399"]
    assert len(ask("1/input:0-399", rows_max=5)) == 5
    assert device.most_at_once == 1
    for wrong in ("", "holding", "holding:5-1", "relay:0-1", "300/holding:0-1", "holding:0-70000"):
        with pytest.raises(ConfigError, match="--below"):
            ask(wrong)
    with pytest.raises(LinkLost, match="exception 11"):
        ask("9/holding:0-9")
