"""Listens to a broker and proposes a tag per number that its payloads hold."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import json
from collections.abc import Iterator
from typing import Any

from workcell_sensors.sources.discovery import DiscoveryRequest, ProposedTag
from workcell_sensors.sources.mqtt import link_config, mapping_of
from workcell_sensors.sources.mqtt_codec import Found, Mapping, Path, load_payload, parse_address, word
from workcell_sensors.sources.mqtt_link import LinkError, Message, MqttLink, check_granted
from workcell_sensors.sources.mqtt_protocol import MqttOptions
from workcell_sensors.sources.session import LinkLost
from workcell_sensors.sources.source import SourceSpec

EVERYTHING = "#"
LEAVES_MAX = 200
"""Values proposed of one payload."""
DEPTH_MAX = 8
TICK_S = 0.05
SHOWN_CHARS_MAX = 40


async def discover(spec: SourceSpec, request: DiscoveryRequest) -> list[ProposedTag]:
    """Returns what is published while we listen; `request.below` is a topic filter, empty: everything.

    Raises:
        OSError, TimeoutError, LinkLost: the broker cannot be asked.
    """
    options = spec.options(MqttOptions)
    mapping = mapping_of(options)
    found: dict[str, ProposedTag] = {}

    def on_message(message: Message) -> None:
        if len(found) < request.rows_max:
            found.update((row.address, row) for row in propose(message.topic, message.payload, mapping))

    link = MqttLink(dataclasses.replace(link_config(spec, options), client_id=""), on_message)
    try:
        await link.open()
        check_granted(await link.subscribe([(request.below or EVERYTHING, options.qos)]))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(request.listen_s):
                while len(found) < request.rows_max:
                    await asyncio.sleep(TICK_S)
    except LinkError as error:
        raise LinkLost(str(error)) from None
    finally:
        await link.close()
    return [found[address] for address in sorted(found)][: request.rows_max]


def propose(topic: str, payload: bytes, mapping: Mapping) -> list[ProposedTag]:
    """Returns the numbers and words in a payload as rows, without those that are its time or quality.

    >>> from workcell_sensors.sources.mqtt_codec import Mapping
    >>> [row.address for row in propose("line/press", b'{"v": 1.5, "t": 9, "motor": {"on": true}}', Mapping())]
    ['line/press', 'line/press#motor.on']
    """
    try:
        parse_address(topic)
        data = load_payload(payload)
    except ValueError:
        return []
    rows = []
    for path, value in _leaves(data, ()):
        if path in (mapping.time, mapping.quality) and path:
            continue
        place = "" if path in ((), mapping.value) else f"#{path_text(path)}"
        is_bool = isinstance(value, bool) or (isinstance(value, str) and word(value) is not None)
        rows.append(
            ProposedTag(
                tag="/".join([topic, *(str(step) for step in path if place)]),
                address=f"{topic}{place}",
                unit="bool" if is_bool else "1",
                kind=type(value).__name__,
                value="" if value is None else str(value)[:SHOWN_CHARS_MAX],
            )
        )
        if len(rows) == LEAVES_MAX:
            break
    return rows


def path_text(path: Path) -> str:
    """Returns a path as an address has it.

    >>> path_text(("a", "b.c", 3))
    'a."b.c"[3]'
    """
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        else:
            name = f'"{step}"' if any(c in '."[]' for c in step) or step.startswith("=") else step
            text += f".{name}" if text else name
    return text


def _leaves(data: Any, path: Path) -> Iterator[tuple[Path, Found]]:
    if isinstance(data, dict | list) and len(path) < DEPTH_MAX:
        steps: Any = data.items() if isinstance(data, dict) else enumerate(data)
        for step, inside in steps:
            # A name with a quote in it has no address.
            if step != "" and '"' not in str(step):
                yield from _leaves(inside, (*path, step))
    elif isinstance(data, bool | int | float) or (isinstance(data, str) and _is_value(data)):
        yield path, data


def _is_value(text: str) -> bool:
    """Whether a text spells a number or says true or false."""
    if word(text) is not None:
        return True
    with contextlib.suppress(ValueError):
        return isinstance(json.loads(text), int | float)
    return False
