"""Modbus TCP frames: read requests out, answers in; pure.

MODBUS Application Protocol 1.1b3 and MODBUS Messaging on TCP/IP Implementation Guide 1.0b. A frame is

    transaction u16 | protocol u16 = 0 | length u16 | unit u8 | function u8 | data
"""

from __future__ import annotations

import enum
import struct
from collections.abc import Iterator
from dataclasses import dataclass

_HEAD = struct.Struct(">HHHB")
_REQUEST = struct.Struct(">HHHBBHH")
_EXCEPTION_BIT = 0x80
PDU_BYTES_MAX = 253
FUNCTIONS = {"coil": 1, "discrete": 2, "holding": 3, "input": 4}


class ExceptionCode(enum.IntEnum):
    """Why a device refuses."""

    ILLEGAL_FUNCTION = 1
    ILLEGAL_DATA_ADDRESS = 2
    ILLEGAL_DATA_VALUE = 3
    SERVER_DEVICE_FAILURE = 4
    ACKNOWLEDGE = 5
    SERVER_DEVICE_BUSY = 6
    MEMORY_PARITY_ERROR = 8
    GATEWAY_PATH_UNAVAILABLE = 10
    GATEWAY_TARGET_FAILED = 11


SPLITS = frozenset((ExceptionCode.ILLEGAL_DATA_ADDRESS, ExceptionCode.ILLEGAL_DATA_VALUE))
"""One register among those asked for may be the cause: a smaller block may do."""
BUSY = frozenset((ExceptionCode.ACKNOWLEDGE, ExceptionCode.SERVER_DEVICE_BUSY))
UNREACHABLE = frozenset((ExceptionCode.GATEWAY_PATH_UNAVAILABLE, ExceptionCode.GATEWAY_TARGET_FAILED))


@dataclass(frozen=True)
class ReadRequest:
    """A read of `count` items of a table from `offset` on."""

    unit: int
    table: str
    offset: int
    count: int

    @property
    def data_bytes(self) -> int:
        """Bytes of values that the answer must have."""
        return (self.count + 7) // 8 if self.table in ("coil", "discrete") else 2 * self.count


@dataclass(frozen=True)
class Frame:
    """A frame as it came."""

    transaction: int
    unit: int
    pdu: bytes


@dataclass(frozen=True)
class Refusal:
    """A device's exception response."""

    code: int

    def __str__(self) -> str:
        """The code's name, as in "exception 2 (illegal data address)"."""
        known = self.code in set(ExceptionCode)
        return f"exception {self.code}" + (
            f" ({ExceptionCode(self.code).name.lower().replace('_', ' ')})" if known else ""
        )


def encode_request(transaction: int, request: ReadRequest) -> bytes:
    """Returns a read request as a frame.

    >>> encode_request(1, ReadRequest(17, "holding", 107, 3)).hex(" ")
    '00 01 00 00 00 06 11 03 00 6b 00 03'
    """
    function = FUNCTIONS[request.table]
    return _REQUEST.pack(transaction, 0, 6, request.unit, function, request.offset, request.count)


def decode_answer(request: ReadRequest, frame: Frame) -> bytes | Refusal:
    """Returns the values' bytes of an answer, or why there are none.

    Raises:
        ValueError: it is no answer to this request.
    """
    function = FUNCTIONS[request.table]
    pdu = frame.pdu
    if frame.unit != request.unit:
        raise ValueError(f"unit {frame.unit} answers what unit {request.unit} was asked")
    if len(pdu) == 2 and pdu[0] == function | _EXCEPTION_BIT:
        return Refusal(pdu[1])
    if len(pdu) < 2 or pdu[0] != function:
        raise ValueError(f"function {pdu[0] if pdu else None} answers function {function}")
    if pdu[1] != request.data_bytes or len(pdu) != 2 + request.data_bytes:
        raise ValueError(f"{len(pdu) - 2} bytes, said to be {pdu[1]}, answer a request for {request.data_bytes}")
    return pdu[2:]


class FrameReader:
    """Cuts a byte stream into frames, whatever pieces it comes in; holds less than one frame between calls."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[Frame]:
        """Takes bytes in and yields the frames that are complete.

        Raises:
            ValueError: the stream is not Modbus TCP, or has lost its beat; nothing after this can be trusted.
        """
        buffer = self._buffer
        buffer += data
        at = 0
        try:
            while len(buffer) - at >= _HEAD.size:
                transaction, protocol, length, unit = _HEAD.unpack_from(buffer, at)
                if protocol != 0 or not 2 <= length <= 1 + PDU_BYTES_MAX:
                    raise ValueError(f"a frame of protocol {protocol} and length {length}; valid: protocol 0, 2..254")
                end = at + _HEAD.size + length - 1
                if end > len(buffer):
                    break
                pdu = bytes(buffer[at + _HEAD.size : end])
                at = end
                yield Frame(transaction, unit, pdu)
        finally:
            del buffer[:at]
