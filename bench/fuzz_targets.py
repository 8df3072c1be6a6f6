"""The decoders of the field's protocols as fuzz targets: bytes in; whatever bytes they are, a counted error at most.

A target lets pass the errors that its decoder documents, and nothing else. What a decoder makes of bytes must not be
much larger than they are: `Target.bytes_max` bounds an input, the limits of the fuzzer bound time and memory.
"""

from __future__ import annotations

import contextlib
import functools
import io
import struct
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import Stores, get_types_from_msg, get_typestore

from workcell_sensors.reading import NS_PER_S
from workcell_sensors.sources import modbus_codec, mqtt_codec, opcua_address, opcua_publish, shdr_codec
from workcell_sensors.sources.modbus_pdu import FrameReader, ReadRequest, Refusal, decode_answer, encode_request
from workcell_sensors.sources.mtconnect_model import Model, parse_model
from workcell_sensors.sources.mtconnect_multipart import PartReader, boundary_of
from workcell_sensors.sources.mtconnect_streams import AgentError, parse_streams
from workcell_sensors.sources.opcua_wire import Cursor, WireError, read_items, read_variant
from workcell_sensors.sources.replay_bag import MSGTYPE, BagRows
from workcell_sensors.sources.replay_csv import HEAD_LINES, CsvRows, sniff
from workcell_sensors.sources.replay_rows import RecordingError
from workcell_sensors.sparkplug.codec import decode, encode
from workcell_sensors.sparkplug.datatypes import DataType
from workcell_sensors.sparkplug.host_state import HostState, decode_state, encode_state
from workcell_sensors.sparkplug.payload import Payload, make_metric

BYTES_MAX = 4096
STAMP_NS = 1_700_000_000 * NS_PER_S
ITEMS_MAX = 256
"""Monitored items of one notification."""

_MAPPINGS = tuple(
    mqtt_codec.Mapping(("d", "v"), ("t",), unit, ("q",), frozenset(("good",)), frozenset(("uncertain",)))
    for unit in (*mqtt_codec.TIME_UNITS, mqtt_codec.ISO_8601)
)
_RAW = tuple(map(mqtt_codec.parse_raw, ("text", "bool", "int8", "uint16be@1", "float32le@2", "float64be")))
_REGISTERS = tuple(
    modbus_codec.parse_address(text)
    for text in ("holding:0:int16", "holding:0:float32", "holding:0:uint64", "holding:0:bit3")
)
_BAG_DEFINITIONS = {
    "control_msgs/msg/InterfaceValue": "string[] interface_names\nfloat64[] values\n",
    MSGTYPE: "std_msgs/Header header\nstring[] interface_groups\nInterfaceValue[] interface_values\n",
}


@dataclass(frozen=True)
class Target:
    """A decoder to be fuzzed.

    Attributes:
        run: decodes bytes; raises nothing but what is a fault of the decoder.
        seeds: gives valid inputs to begin with.
        bytes_max: of an input.
    """

    run: Callable[[bytes], None]
    seeds: Callable[[], tuple[bytes, ...]]
    bytes_max: int = BYTES_MAX


def _mqtt_json(data: bytes) -> None:
    try:
        found = mqtt_codec.load_payload(data)
    except ValueError:
        return
    for mapping in _MAPPINGS:
        with contextlib.suppress(ValueError):
            mqtt_codec.value_at(found, mapping.value, mapping)
        with contextlib.suppress(ValueError):
            mqtt_codec.stamp_at(found, mapping)
        mqtt_codec.quality_at(found, mapping)


def _mqtt_raw(data: bytes) -> None:
    for form in _RAW:
        with contextlib.suppress(ValueError):
            form.read(data)


def _addresses(data: bytes) -> None:
    text = data.decode("utf-8", "replace")
    for parse in (mqtt_codec.parse_address, opcua_address.parse_address, modbus_codec.parse_address):
        with contextlib.suppress(ValueError):
            parse(text)


def _sparkplug(data: bytes) -> None:
    with contextlib.suppress(ValueError):
        decode(data)
    with contextlib.suppress(ValueError):
        decode_state(data)


def _opcua_items(data: bytes) -> None:
    for with_handles in (True, False):
        with contextlib.suppress(WireError):
            read_items(Cursor(data, 1), data[0] if data else 0, with_handles)
    with contextlib.suppress(WireError):
        read_variant(Cursor(data))


def _opcua_answers(data: bytes) -> None:
    for answer in (opcua_publish.decode_publish, opcua_publish.decode_republish, opcua_publish.decode_read):
        with contextlib.suppress(WireError):
            answer(data)


def _modbus(data: bytes) -> None:
    reader = FrameReader()
    with contextlib.suppress(ValueError):
        for piece in _pieces(data):
            for frame in reader.feed(piece):
                for address in _REGISTERS:
                    request = ReadRequest(frame.unit, address.table, address.offset, address.width)
                    with contextlib.suppress(ValueError):
                        answer = decode_answer(request, frame)
                        if not isinstance(answer, Refusal):
                            address.decode(struct.unpack(f">{address.width}H", answer))


def _mtconnect_xml(data: bytes) -> None:
    with contextlib.suppress(ValueError, AgentError):
        parse_streams(data)
    with contextlib.suppress(ValueError):
        parse_model(data)


def _mtconnect_parts(data: bytes) -> None:
    head, _, body = data.partition(b"\n")
    reader = PartReader(boundary_of(head.decode("latin-1")) or "b")
    with contextlib.suppress(ValueError):
        for piece in _pieces(body):
            for _ in reader.feed(piece):
                pass


def _shdr(data: bytes) -> None:
    reader, parser = shdr_codec.LineReader(), shdr_codec.ShdrParser(_model())
    for piece in _pieces(data):
        for line in reader.feed(piece):
            parser.parse(line, STAMP_NS)
            shdr_codec.entries_of(line)


def _csv(data: bytes) -> None:
    lines = io.StringIO(data.decode("utf-8", "replace"), newline="").readlines()
    with contextlib.suppress(RecordingError):
        for _ in CsvRows(lines, sniff(lines[:HEAD_LINES])):
            pass


def _bag(data: bytes) -> None:
    with tempfile.NamedTemporaryFile(suffix=".mcap") as file:
        file.write(data)
        file.flush()
        with contextlib.suppress(RecordingError):
            for _ in BagRows(Path(file.name), "readings"):
                pass


def _pieces(data: bytes) -> tuple[bytes, bytes]:
    """Data as a network may cut it: behind a place that its first byte says."""
    cut = data[0] if data else 0
    return data[:cut], data[cut:]


@functools.cache
def _model() -> Model:
    return parse_model(_DEVICES)


_DEVICES = (
    b'<MTConnectDevices xmlns="urn:mtconnect.org:MTConnectDevices:1.3"><Header instanceId="1"/><Devices>'
    b'<Device id="d" name="mill" uuid="u"><DataItems>'
    b'<DataItem id="a" name="x" category="SAMPLE" type="POSITION" units="MILLIMETER"/>'
    b'<DataItem id="c" name="sys" category="CONDITION" type="SYSTEM"/>'
    b'<DataItem id="s" name="ts" category="SAMPLE" type="ACCELERATION" representation="TIME_SERIES"/>'
    b'<DataItem id="v" name="set" category="EVENT" type="VARIABLE" representation="DATA_SET"/>'
    b'<DataItem id="m" name="msg" category="EVENT" type="MESSAGE"/>'
    b"</DataItems></Device></Devices></MTConnectDevices>"
)
_STREAMS = (
    b'<MTConnectStreams xmlns="urn:mtconnect.org:MTConnectStreams:1.3">'
    b'<Header instanceId="1" firstSequence="1" lastSequence="9" nextSequence="10"/><Streams>'
    b'<DeviceStream name="mill" uuid="u"><ComponentStream component="Device" componentId="d"><Samples>'
    b'<Position dataItemId="a" sequence="8" timestamp="2026-01-31T12:00:00.5Z">1.5</Position></Samples>'
    b'<Condition><Fault dataItemId="c" sequence="9" timestamp="2026-01-31T12:00:01Z" type="SYSTEM">hot</Fault>'
    b"</Condition></ComponentStream></DeviceStream></Streams></MTConnectStreams>"
)
_PART = b'multipart/x-mixed-replace;boundary="b"\n--b\r\nContent-length: 3\r\n\r\nabc\r\n--b\r\n\r\nde\r\n--b--'
_SHDR = (
    b"2026-01-31T12:00:00Z|x|1.5|sys|FAULT|c1|1|HIGH|hot\n|ts|3|100|1 2 3|set|a=1 b='c d'\n* PONG 10000\n"
    b'2026-01-31T12:00:01Z|@ASSET@|id|T|--multiline--A\n<x/>\n--multiline--A\n|msg|7|"a\\|b"\n'
)
_JSON = b'{"d":{"v":1.5},"t":2.5,"q":"good"}'
_CSV = b"time;arm/current;state\n2026-01-31T12:00:00Z;1,5;run\n1600000000;2;\nx;3;y\n"
_LONG_CSV = b"stamp_ns,tag,value,quality\n1600000000000000000,a,1.5,0\n1600000000000000000,b,nan,2\n"
_NUMBER = struct.pack("<IBBdIqq", 7, 0x0F, 11, 1.5, 0, 133_500_000_000_000_000, 133_500_000_000_000_000)


def _publish_answer() -> bytes:
    """A Publish response with one data change of one item (part 4, 5.13.5)."""
    header = struct.pack("<BBH", 1, 0, 829) + struct.pack("<qII", 0, 1, 0) + b"\0" + struct.pack("<i", -1) + b"\0\0\0"
    change = struct.pack("<i", 1) + _NUMBER + struct.pack("<i", -1)
    body = struct.pack("<BBH", 1, 0, 811) + b"\1" + struct.pack("<i", len(change)) + change
    message = struct.pack("<Iqi", 1, 133_500_000_000_000_000, 1) + body
    return header + struct.pack("<IiIB", 5, 1, 1, 0) + message + struct.pack("<ii", -1, -1)


def _sparkplug_seeds() -> tuple[bytes, ...]:
    metrics = (
        make_metric("current", DataType.DOUBLE, 1.5, alias=1, timestamp_ms=STAMP_NS // 1_000_000),
        make_metric("running", DataType.BOOLEAN, True, alias=2, timestamp_ms=STAMP_NS // 1_000_000),
    )
    payload = Payload(timestamp_ms=STAMP_NS // 1_000_000, metrics=metrics, seq=1)
    return encode(payload), encode_state(HostState(True, STAMP_NS // 1_000_000))


def _modbus_seeds() -> tuple[bytes, ...]:
    answer = struct.pack(">HHHBBB", 1, 0, 7, 1, 3, 4) + struct.pack(">f", 1.5)
    refusal = struct.pack(">HHHBBB", 2, 0, 3, 1, 0x83, 2)
    return answer, refusal, b"\x05" + answer, encode_request(1, ReadRequest(1, "holding", 0, 2))


def _bag_seeds() -> tuple[bytes, ...]:
    store = get_typestore(Stores.ROS2_JAZZY)
    for name, text in _BAG_DEFINITIONS.items():
        store.register(get_types_from_msg(text, name))
    types = store.types
    header = types["std_msgs/msg/Header"](types["builtin_interfaces/msg/Time"](1_700_000_000, 0), "")
    message = types[MSGTYPE](header, [], [])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bag"
        with Writer(path, version=9, storage_plugin=StoragePlugin.MCAP) as writer:
            topic = writer.add_connection("/readings", MSGTYPE, typestore=store)
            writer.write(topic, STAMP_NS, store.serialize_cdr(message, MSGTYPE))
        (file,) = path.glob("*.mcap")
        return (file.read_bytes(),)


TARGETS: dict[str, Target] = {
    "addresses": Target(_addresses, lambda: (b"plant/x#a.b[0]", b"ns=2;s=a", b"3/holding:0:float32:CDAB"), 256),
    "bag": Target(_bag, _bag_seeds, 1 << 14),
    "csv": Target(_csv, lambda: (_CSV, _LONG_CSV)),
    "modbus": Target(_modbus, _modbus_seeds),
    "mqtt_json": Target(
        _mqtt_json, lambda: (b'{"d":{"v":1.5},"t":2.5,"q":"good"}', b'{"t":"2026-01-31T12:00:00Z"}', b"ON")
    ),
    "mqtt_raw": Target(_mqtt_raw, lambda: (b"21.5", b"on", b"\0\1\2\3\4\5\6\7"), 64),
    "mtconnect_parts": Target(_mtconnect_parts, lambda: (_PART,)),
    "mtconnect_xml": Target(_mtconnect_xml, lambda: (_STREAMS, _DEVICES)),
    "opcua_answers": Target(_opcua_answers, lambda: (_publish_answer(),)),
    "opcua_items": Target(_opcua_items, lambda: (b"\1" + _NUMBER, b"\2" + 2 * _NUMBER)),
    "shdr": Target(_shdr, lambda: (_SHDR,)),
    "sparkplug": Target(_sparkplug, _sparkplug_seeds),
}
"""By name."""
