"""Between ROS messages and the plain values the cores use."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from builtin_interfaces.msg import Time as TimeMsg
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rcl_interfaces.msg import Parameter as ParameterMsg
from rclpy.parameter import Parameter, parameter_value_to_python

NS_PER_S = 1_000_000_000

OK: bytes = DiagnosticStatus.OK
WARN: bytes = DiagnosticStatus.WARN
ERROR: bytes = DiagnosticStatus.ERROR
STALE: bytes = DiagnosticStatus.STALE

QUALITY_USABLE_MAX = 1.0
"""GOOD and UNCERTAIN; a reading that is BAD or STALE is no number."""
PART_GOOD, PART_DEFECTIVE = "good", "defective"
"""What the audit at the end of the line calls a part."""


def stamp_to_ns(stamp: Any) -> int:
    """Returns a builtin_interfaces/Time as nanoseconds."""
    return int(stamp.sec) * NS_PER_S + int(stamp.nanosec)


def ns_to_stamp(ns: int) -> Any:
    """Returns nanoseconds as a builtin_interfaces/Time."""
    sec, nanosec = divmod(ns, NS_PER_S)
    return TimeMsg(sec=sec, nanosec=nanosec)


def is_defective(audit: Any) -> bool:
    """Returns whether an audit, a Detection2DArray that tells of the part first, found it defective."""
    return bool(audit.detections[0].results[0].hypothesis.class_id == PART_DEFECTIVE)


def make_status(
    name: str, level: bytes, message: str, values: Mapping[str, object] | None = None, hardware_id: str = ""
) -> Any:
    """Returns a DiagnosticStatus; numbers in `values` are written so that they read back exactly."""
    pairs = [KeyValue(key=key, value=_text(value)) for key, value in (values or {}).items()]
    return DiagnosticStatus(name=name, level=level, message=message, values=pairs, hardware_id=hardware_id)


def make_diagnostics(now_ns: int, statuses: Iterable[Any]) -> Any:
    """Returns a DiagnosticArray stamped `now_ns`."""
    array = DiagnosticArray(status=list(statuses))
    array.header.stamp = ns_to_stamp(now_ns)
    return array


def status_values(status: Any) -> dict[str, str]:
    """Returns a status' key-value pairs as a dict."""
    return {pair.key: pair.value for pair in status.values}


def level_of(status: Any) -> int:
    """Returns a status' level as 0 OK, 1 WARN, 2 ERROR, 3 STALE."""
    level = status.level
    return level[0] if isinstance(level, bytes) else int(level)


def parameter_message(name: str, value: object) -> Any:
    """Returns `value` as rcl_interfaces/Parameter."""
    return Parameter(name=name, value=value).to_parameter_msg()


def parameters_to_dict(parameters: Iterable[ParameterMsg]) -> dict[str, Any]:
    """Returns rcl_interfaces/Parameter messages as a dict of Python values."""
    return {item.name: parameter_value_to_python(item.value) for item in parameters}


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return repr(value) if isinstance(value, float) else str(value)
