"""The simulated servers, seen from clients that are not the project's own."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import aiomqtt
import pytest
from asyncua.client.client import Client
from pymodbus.client import AsyncModbusTcpClient

from workcell_sensors.tags import load_tags
from workcell_sim.plant.servers.registry import make_server
from workcell_sim.plant.servers.server import Update, check_port, free_port

TABLE = load_tags(Path(__file__).parents[2] / "config" / "tags.yaml")
HOST = "127.0.0.1"


def shown(name: str, values: dict[str, float]) -> Update:
    rows = [TABLE.row(tag) for tag in values]
    raw = tuple(row.to_raw(value) for row, value in zip(rows, values.values(), strict=True))
    return Update(tuple(row.address for row in rows), raw, time.time_ns())


def test_a_modbus_client_reads_the_registers_as_the_tag_table_says() -> None:
    server = make_server(TABLE.sources["modbus"], TABLE.of_source("modbus"), HOST)
    port = server.start()

    async def look() -> tuple[Sequence[int], Sequence[int], bool, bool]:
        client = AsyncModbusTcpClient(HOST, port=port, timeout=2)
        await client.connect()
        try:
            vacuum = (await client.read_input_registers(0, count=1, device_id=1)).registers
            power = (await client.read_input_registers(10, count=2, device_id=1)).registers
            present = bool((await client.read_discrete_inputs(0, count=1, device_id=1)).bits[0])
            written = (await client.write_register(0, 5, device_id=1)).isError()
        finally:
            client.close()
        return vacuum, power, present, written

    try:
        server.write(shown("modbus", {"gripper/vacuum": -50.0, "cell/power": -2.0, "infeed/part_present": 1.0}))
        vacuum, power, present, write_refused = asyncio.run(look())
    finally:
        server.stop()
    assert vacuum == [0x10000 - 5]
    assert power == [0xFFFF, 0xFFFE]
    assert present
    assert write_refused


def test_an_mqtt_client_hears_value_and_time() -> None:
    server = make_server(TABLE.sources["mqtt"], TABLE.of_source("mqtt"), HOST)
    port = server.start()

    async def listen() -> bytes:
        async with aiomqtt.Client(HOST, port, timeout=5) as client:
            await client.subscribe("cell/ambient/#")
            server.write(Update(("cell/ambient/light",), (812.0,), 1_700_000_000_250_000_000))
            async with asyncio.timeout(5):
                message = await anext(aiter(client.messages))
        assert str(message.topic) == "cell/ambient/light"
        payload = message.payload
        assert isinstance(payload, bytes)
        return payload

    try:
        assert asyncio.run(listen()) == b'{"v":812.0,"t":1700000000.250000}'
    finally:
        server.stop()


def test_an_opcua_client_browses_and_reads_values_with_time_and_status() -> None:
    server = make_server(TABLE.sources["opcua"], TABLE.of_source("opcua"), HOST)
    port = server.start()

    async def look() -> tuple[float, int, bool, set[str]]:
        client: Any = Client(f"opc.tcp://{HOST}:{port}/", timeout=5)
        await client.connect()
        try:
            node = client.get_node("ns=2;s=arm.joint_1.temperature")
            while not (data := await node.read_data_value(raise_on_bad_status=False)).StatusCode.is_good():
                await asyncio.sleep(0.01)
            waiting = await client.get_node("ns=2;s=arm.tool.current").read_data_value(raise_on_bad_status=False)
            plant = await client.nodes.objects.get_child("2:plant")
            names = {(await child.read_browse_name()).Name for child in await plant.get_children()}
        finally:
            await client.disconnect()
        stamp = round(data.SourceTimestamp.timestamp() * 1e6)
        return data.Value.Value, stamp, waiting.StatusCode.is_good(), names

    try:
        update = shown("opcua", {"arm/joint_1/temperature": 300.15})
        server.write(update)
        value, stamp_us, untold_is_good, names = asyncio.run(look())
    finally:
        server.stop()
    assert value == pytest.approx(27.0)
    assert abs(stamp_us - update.stamp_ns // 1000) <= 1
    assert not untold_is_good
    assert names == {tag.tag for tag in TABLE.of_source("opcua")}


def test_a_free_port_can_be_listened_on() -> None:
    check_port("test", HOST, free_port())


def test_a_server_that_is_not_running_takes_no_harm() -> None:
    server = make_server(TABLE.sources["modbus"], TABLE.of_source("modbus"), HOST)
    server.write(shown("modbus", {"gripper/vacuum": 1.0}))
    server.stall(1.0)
    server.stop()
    server.kill()
    assert not server.running
