"""Message definitions as bags carry them: a type's own text, then that of every type it refers to."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, Final

from rosbags.typesys import Stores, TypesysError, get_types_from_msg, get_typestore

from workcell_ros.errors import WorkcellError

RULE: Final = "=" * 80

FindFile = Callable[[str], Path | None]
"""Gives the ``.msg`` file of ``package/msg/Name``, or None where none is installed."""


class DefinitionError(WorkcellError):
    """A message type has no definition to put into the bag."""


def full_definition(msgtype: str, find_file: FindFile) -> str:
    """Returns a type's definition followed by those of all types it refers to, in the order they come up.

    Args:
        msgtype: ``package/msg/Name``.
        find_file: Where installed definitions are; what has no file is taken from the ``rosbags`` library.

    Raises:
        DefinitionError: A type is defined in neither place, or its text is no definition.
    """
    texts: dict[str, str] = {}
    pending = [msgtype]
    while pending:
        name = pending.pop(0)
        if name in texts:
            continue
        texts[name] = _own_text(name, find_file)
        pending.extend(_references(name, texts[name]))
    others = [f"{RULE}\nMSG: {name.replace('/msg/', '/')}\n{text}" for name, text in texts.items() if name != msgtype]
    return "\n".join([texts[msgtype], *others])


def _own_text(name: str, find_file: FindFile) -> str:
    path = find_file(name)
    if path is not None:
        return path.read_text(encoding="utf-8")
    store = _store()
    if name not in store.fielddefs:
        raise DefinitionError(
            f"no definition of {name} was found; source the workspace that installs {name.partition('/')[0]}"
        )
    text: str = store.generate_msgdef(name, ros_version=2)[0]
    return text.partition(RULE)[0].rstrip("\n") + "\n"


def _references(name: str, text: str) -> list[str]:
    try:
        definition = get_types_from_msg(text, name)[name]
    except TypesysError as error:
        raise DefinitionError(f"the definition of {name} cannot be read: {error}") from None
    return [found for _, kind in definition[1] if (found := _named(kind))]


def _named(kind: Any) -> str:
    """Returns the message type that a field refers to, itself or by its elements; empty for a primitive."""
    node, content = kind
    if node.name == "NAME":
        return str(content)
    return "" if node.name == "BASE" else _named(content[0])


@cache
def _store() -> Any:
    return get_typestore(Stores.ROS2_JAZZY)
