"""Where definitions are found, and the specifications read from them.

Order: the prefixes of ``AMENT_PREFIX_PATH`` as ROS 2 lays them out (``share/<package>/{msg,srv,action}``), then the
files of our own below ``share`` next to this module, then what the ``rosbags`` library carries.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from . import derived, rosbags_types
from .model import InterfaceError, MessageSpec, Spec
from .parser import parse

KINDS: Final = ("msg", "srv", "action")
SHARE: Final = Path(__file__).parent / "share"

_specs: dict[str, tuple[object, Spec]] = {}


def share_directories() -> list[Path]:
    """Return every ``share`` directory in the order of precedence."""
    prefixes = os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep)
    return [*(Path(prefix) / "share" for prefix in prefixes if prefix), SHARE]


def package_kinds(package: str) -> tuple[str, ...]:
    """Return which of ``msg``, ``srv`` and ``action`` a package has; empty where it is no interface package."""
    return tuple(kind for kind in KINDS if interface_names(package, kind))


def interface_names(package: str, kind: str) -> tuple[str, ...]:
    """Return the sorted short names of a package's interfaces of one kind."""
    names: set[str] = set()
    for share in share_directories():
        directory = share / package / kind
        if directory.is_dir():
            names.update(path.stem for path in directory.glob(f"*.{kind}") if "_" not in path.stem)
            if kind == "msg":
                names.update(path.stem for path in directory.glob("*.idl") if "_" not in path.stem)
    if kind == "msg":
        names.update(rosbags_types.package_messages(package))
    return tuple(sorted(names))


def has_package(package: str) -> bool:
    """Whether any definition of the package exists; cheap, for the import machinery."""
    for share in share_directories():
        if any((share / package / kind).is_dir() for kind in KINDS):
            return True
    return package in rosbags_types.PACKAGES


def packages() -> tuple[str, ...]:
    """Return the sorted names of all interface packages."""
    names = set(rosbags_types.PACKAGES)
    for share in share_directories():
        if share.is_dir():
            names.update(path.name for path in share.iterdir() if any((path / kind).is_dir() for kind in KINDS))
    return tuple(sorted(name for name in names if package_kinds(name)))


def definition_path(name: str) -> Path | None:
    """Return the file that defines ``package/kind/Name``, or None where no file does."""
    package, kind, short = name.split("/")
    for share in share_directories():
        path = share / package / kind / f"{short}.{kind}"
        if path.is_file():
            return path
        if kind == "msg" and path.with_suffix(".idl").is_file():
            return path.with_suffix(".idl")
    return None


def load(name: str) -> Spec:
    """Return the specification of ``package/kind/Name``.

    Raises:
        InterfaceError: Where it is not defined, or its definition is wrong.
    """
    path = definition_path(name)
    known = _specs.get(name)
    if known is not None and known[0] == path:
        return known[1]
    spec = _parse_file(name, path) if path is not None else rosbags_types.message_spec(name)
    if spec is None:
        raise InterfaceError(_unknown(name))
    _specs[name] = (path, spec)
    return spec


def load_any(name: str) -> MessageSpec:
    """Return the specification of any message, also of those that ROS 2 derives from a service or action.

    Args:
        name: For example ``std_msgs/msg/Header``, ``std_srvs/srv/SetBool_Request``, ``pkg/action/Go_SendGoal_Request``.

    Raises:
        InterfaceError: Where it is not defined, or its definition is wrong.
    """
    base = _base_name(name)
    spec = load(base)
    for message in derived.all_messages(spec):
        if message.name == name:
            return message
    raise InterfaceError(
        f"{base} has no message {name!r}; it has {', '.join(m.name for m in derived.all_messages(spec))}"
    )


def _base_name(name: str) -> str:
    package, kind, short = name.split("/")
    return f"{package}/{kind}/{short.partition('_')[0]}"


def _parse_file(name: str, path: Path) -> Spec:
    if path.suffix == ".idl":
        return rosbags_types.idl_message_spec(name, _read(path), str(path))
    return parse(name, _read(path), str(path))


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InterfaceError(f"{path}: cannot be read as UTF-8 text: {error}") from None


def _unknown(name: str) -> str:
    package, kind, short = name.split("/")
    names = interface_names(package, kind)
    if names:
        return f"package {package} has no {kind} {short!r}; it has {', '.join(names)}"
    return (
        f"no package {package!r} with a {kind} directory was found; "
        f"install it and put its prefix on AMENT_PREFIX_PATH (share/{package}/{kind}/{short}.{kind})"
    )
