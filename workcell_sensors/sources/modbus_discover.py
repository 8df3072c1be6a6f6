"""Looks through a range of a Modbus device, on request only: Modbus has no way to ask what there is.

Trying addresses disturbs some devices, so nothing is tried that a person has not named: `[unit/]table:first-last`.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Sequence

import numpy as np

from workcell_ros.errors import ConfigError
from workcell_sensors.sources.discovery import DiscoveryRequest, ProposedTag
from workcell_sensors.sources.modbus_client import ModbusConnection
from workcell_sensors.sources.modbus_codec import BIT_TABLES, OFFSETS, TABLES, UNIT_MAX
from workcell_sensors.sources.modbus_pdu import SPLITS, ExceptionCode, ReadRequest, Refusal
from workcell_sensors.sources.modbus_protocol import ModbusOptions
from workcell_sensors.sources.session import LinkLost
from workcell_sensors.sources.source import SourceSpec

_RANGE = re.compile(r"(?:(\d{1,3})/)?([a-z]+):(\d{1,5})-(\d{1,5})")
_VALID = f"[unit/]table:first-last like holding:0-99, table one of {', '.join(TABLES)}"


async def discover(spec: SourceSpec, request: DiscoveryRequest) -> Sequence[ProposedTag]:
    """Returns a row for every register or bit in `request.below` that can be read.

    Raises:
        ConfigError: `request.below` is no range.
        LinkLost: the device does not answer, or refuses whatever is asked.
        OSError, TimeoutError: it cannot be reached.
    """
    options = spec.options(ModbusOptions)
    wanted = parse_range(request.below, options.device_id)
    size = options.bits_max if wanted.table in BIT_TABLES else options.registers_max
    found: list[ProposedTag] = []
    connection = ModbusConnection(spec.host, spec.port, spec.timeout_s, 1, discarded=lambda: None)
    async with connection:
        for start in range(wanted.offset, wanted.offset + wanted.count, size):
            count = min(size, wanted.offset + wanted.count - start)
            part = ReadRequest(wanted.unit, wanted.table, start, count)
            async for readable, data in _readable(connection, part):
                found += _proposals(readable, data, options.device_id)
                if len(found) >= request.rows_max:
                    return found[: request.rows_max]
    return found


def parse_range(text: str, device_id: int) -> ReadRequest:
    """Returns `7/holding:100-149` as the read of all of it.

    Raises:
        ConfigError: it is no such range.

    >>> parse_range("holding:100-149", 1)
    ReadRequest(unit=1, table='holding', offset=100, count=50)
    """
    match = _RANGE.fullmatch(text)
    if match is None:
        raise ConfigError("command line", "--below", f"is {text!r}", _VALID)
    unit = device_id if match[1] is None else int(match[1])
    first, last = int(match[3]), int(match[4])
    if unit > UNIT_MAX or match[2] not in TABLES or not first <= last < OFFSETS:
        raise ConfigError("command line", "--below", f"is {text!r}", _VALID)
    return ReadRequest(unit, match[2], first, last - first + 1)


async def _readable(connection: ModbusConnection, request: ReadRequest) -> AsyncIterator[tuple[ReadRequest, bytes]]:
    """Yields those parts of a range that can be read, with what they hold; asks no faster than the device answers."""
    loop = asyncio.get_running_loop()
    parts = [request]
    while parts:
        part = parts.pop()
        began_s = loop.time()
        answer = await connection.read(part)
        if isinstance(answer, bytes):
            yield part, answer
        elif answer.code not in SPLITS:
            raise LinkLost(_refusal(answer, part))
        elif part.count > 1:
            half = part.count // 2
            # The lower half next, so that rows come in order.
            parts.append(ReadRequest(part.unit, part.table, part.offset + half, part.count - half))
            parts.append(ReadRequest(part.unit, part.table, part.offset, half))
        await asyncio.sleep(loop.time() - began_s)


def _refusal(answer: Refusal, part: ReadRequest) -> str:
    hint = "; it has no such table" if answer.code == ExceptionCode.ILLEGAL_FUNCTION else ""
    return f"unit {part.unit} refuses {part.table}:{part.offset}-{part.offset + part.count - 1}: {answer}{hint}"


def _proposals(part: ReadRequest, data: bytes, device_id: int) -> list[ProposedTag]:
    is_bits = part.table in BIT_TABLES
    values = np.unpackbits(np.frombuffer(data, np.uint8), bitorder="little") if is_bits else np.frombuffer(data, ">u2")
    unit = "" if part.unit == device_id else f"{part.unit}/"
    suffix, kind, wire = ("", "bit", "bool") if is_bits else (":uint16", "uint16", "1")
    return [
        ProposedTag(
            f"{unit}{part.table}_{offset}", f"{unit}{part.table}:{offset}{suffix}", wire, kind, value=str(int(value))
        )
        for offset, value in zip(range(part.offset, part.offset + part.count), values.tolist(), strict=False)
    ]
