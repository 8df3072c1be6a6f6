"""Type hashes (REP 2011, RIHS01): SHA-256 over the canonical JSON of a type's description."""

from __future__ import annotations

import hashlib
import json
from functools import cache
from typing import Any, Final

from . import derived, store
from .model import ActionSpec, Field, FieldType, MessageSpec, ServiceSpec, Shape

PREFIX: Final = "RIHS01_"

_BASE_IDS: Final = {
    "int8": 2,
    "uint8": 3,
    "int16": 4,
    "uint16": 5,
    "int32": 6,
    "uint32": 7,
    "int64": 8,
    "uint64": 9,
    "float": 10,
    "double": 11,
    "char": 13,
    "boolean": 15,
    "octet": 16,
    "string": 17,
    "wstring": 18,
}
_NESTED: Final = 1
_BOUNDED_STRING_STEP: Final = 4
_SHAPE_STEPS: Final = {Shape.SCALAR: 0, Shape.ARRAY: 48, Shape.BOUNDED: 96, Shape.UNBOUNDED: 144}


@cache
def type_hash(name: str) -> str:
    """Return the hash of a message, service or action, for example ``RIHS01_df66...`` of ``std_msgs/msg/String``.

    Raises:
        InterfaceError: Where it or a type it refers to is not defined.
    """
    text = json.dumps(type_description(name), separators=(", ", ": "))
    return PREFIX + hashlib.sha256(text.encode()).hexdigest()


def type_description(name: str) -> dict[str, Any]:
    """Return the description that is hashed: the type, and all types it refers to, by name."""
    referenced: dict[str, dict[str, Any]] = {}
    top = _describe(name, referenced)
    return {
        "type_description": top,
        "referenced_type_descriptions": [referenced[key] for key in sorted(referenced)],
    }


def _describe(name: str, referenced: dict[str, dict[str, Any]]) -> dict[str, Any]:
    fields = _fields(name)
    for field in fields:
        base = field.type.base
        if field.type.is_message and base not in referenced:
            referenced[base] = {}
            referenced[base] = _describe(base, referenced)
    return {
        "type_name": name,
        "fields": [{"name": field.name, "type": _describe_type(field.type)} for field in fields],
    }


def _fields(name: str) -> tuple[Field, ...]:
    spec = _any_spec(name)
    if isinstance(spec, MessageSpec):
        return spec.wire_fields
    if isinstance(spec, ServiceSpec):
        return tuple(
            Field(f"{part}_message", FieldType(message.name))
            for part, message in zip(("request", "response", "event"), derived.service_messages(spec), strict=True)
        )
    parts = {
        "goal": spec.goal.name,
        "result": spec.result.name,
        "feedback": spec.feedback.name,
        "send_goal_service": f"{name}_SendGoal",
        "get_result_service": f"{name}_GetResult",
        "feedback_message": f"{name}_FeedbackMessage",
    }
    return tuple(Field(part, FieldType(base)) for part, base in parts.items())


def _any_spec(name: str) -> MessageSpec | ServiceSpec | ActionSpec:
    kind, short = name.split("/")[1:]
    if "_" not in short:
        return store.load(name)
    if kind == "action" and short.endswith(("_SendGoal", "_GetResult")):
        action = store.load(name.rpartition("_")[0])
        assert isinstance(action, ActionSpec)
        return derived.send_goal_service(action) if short.endswith("_SendGoal") else derived.get_result_service(action)
    return store.load_any(name)


def _describe_type(kind: FieldType) -> dict[str, Any]:
    base_id = _NESTED if kind.is_message else _BASE_IDS[kind.base] + (_BOUNDED_STRING_STEP if kind.string_bound else 0)
    return {
        "type_id": base_id + _SHAPE_STEPS[kind.shape],
        "capacity": kind.size,
        "string_capacity": kind.string_bound,
        "nested_type_name": kind.base if kind.is_message else "",
    }
