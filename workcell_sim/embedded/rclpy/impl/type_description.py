"""Answers to ``GetTypeDescription``."""

from __future__ import annotations

from typing import Any

from workcell_sim.embedded._interfaces import InterfaceError
from workcell_sim.embedded._interfaces.hashes import type_description, type_hash


def answer(request: Any, response: Any) -> Any:
    """Describe the type that is asked for, if its hash is the one known here."""
    name = request.type_name
    try:
        known = type_hash(name)
        description = type_description(name)
    except InterfaceError as error:
        return _refuse(response, f"Type '{name}' is not known: {error}")
    if request.type_hash and request.type_hash != known:
        return _refuse(response, f"Type '{name}' has the hash {known} here, not {request.type_hash}")
    response.successful = True
    _fill_individual(response.type_description.type_description, description["type_description"])
    referenced = response.type_description.referenced_type_descriptions
    entry_type = type(response.type_description.type_description)
    for item in description["referenced_type_descriptions"]:
        entry = entry_type()
        _fill_individual(entry, item)
        referenced.append(entry)
    return response


def _refuse(response: Any, reason: str) -> Any:
    response.successful = False
    response.failure_reason = reason
    return response


def _fill_individual(message: Any, description: dict[str, Any]) -> None:
    from type_description_interfaces.msg import Field, FieldType

    message.type_name = description["type_name"]
    message.fields = [Field(name=field["name"], type=FieldType(**field["type"])) for field in description["fields"]]
