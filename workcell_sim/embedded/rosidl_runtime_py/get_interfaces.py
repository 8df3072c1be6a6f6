"""What interfaces there are."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable
from pathlib import Path

from workcell_sim.embedded._interfaces import store


def get_interface_packages() -> dict[str, str]:
    """Return the prefix that each interface package was found under."""
    return {package: str(_prefix(package)) for package in store.packages()}


def get_interfaces(package_names: Iterable[str] = ()) -> dict[str, list[str]]:
    """Return the interfaces of packages (of all where none is named) as ``msg/String``.

    A package without interfaces is left out. LookupError names a package that does not exist.
    """
    return _by_kind(package_names, store.KINDS)


def get_message_interfaces(package_names: Iterable[str] = ()) -> dict[str, list[str]]:
    """Return the messages of packages; otherwise as `get_interfaces`."""
    return _by_kind(package_names, ("msg",))


def get_service_interfaces(package_names: Iterable[str] = ()) -> dict[str, list[str]]:
    """Return the services of packages; otherwise as `get_interfaces`."""
    return _by_kind(package_names, ("srv",))


def get_action_interfaces(package_names: Iterable[str] = ()) -> dict[str, list[str]]:
    """Return the actions of packages; otherwise as `get_interfaces`."""
    return _by_kind(package_names, ("action",))


def get_interface_path(interface_name: str) -> str:
    """Return the file that defines an interface, as ``builtin_interfaces/msg/Time`` or with its suffix.

    Raises:
        ValueError: The name is malformed.
        LookupError: The package or the interface does not exist, or has no file.
    """
    parts = interface_name.split("/")
    if len(parts) < 2:
        raise ValueError(f"Invalid name '{interface_name}'. Expected at least two parts separated by '/'")
    if not all(parts):
        raise ValueError(f"Invalid name '{interface_name}'. Must not contain empty parts")
    if ".." in parts:
        raise ValueError(f"Invalid name '{interface_name}'. Must not contain '..'")
    if not _is_package(parts[0]):
        raise LookupError(f"Unknown package '{parts[0]}'")
    for share in store.share_directories():
        path = share.joinpath(*parts)
        suffixes = [""] if "." in parts[-1] else [f".{parts[-2]}", ".idl"]
        for suffix in suffixes:
            candidate = path.with_name(path.name + suffix)
            if candidate.is_file():
                return str(candidate)
    raise LookupError(f"Could not find the interface '{interface_name}' in a file")


def _by_kind(package_names: Iterable[str], kinds: Iterable[str]) -> dict[str, list[str]]:
    names = list(package_names) or store.packages()
    found: dict[str, list[str]] = {}
    for package in names:
        if not _is_package(package):
            raise LookupError(f"Unknown package '{package}'")
        interfaces = [
            f"{kind}/{short}" for kind in kinds for short in store.interface_names(package, kind) if "_" not in short
        ]
        if interfaces:
            found[package] = interfaces
    return found


def _is_package(name: str) -> bool:
    if store.has_package(name):
        return True
    if any((share / name).is_dir() for share in store.share_directories()):
        return True
    return name.isidentifier() and importlib.util.find_spec(name) is not None


def _prefix(package: str) -> Path:
    for share in store.share_directories():
        if (share / package).is_dir():
            return share.parent
    return store.SHARE.parent
