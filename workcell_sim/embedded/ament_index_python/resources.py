"""Resources: files that installed packages leave in the index, by type and name."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from .constants import RESOURCE_INDEX_SUBFOLDER
from .search_paths import get_search_paths


class InvalidResourceTypeNameError(ValueError):
    """A resource type is not a plain name."""


class InvalidResourceNameError(ValueError):
    """A resource's name is not a plain name."""


def get_resource(resource_type: str, resource_name: str) -> tuple[str, str]:
    """Return a resource's content and the first prefix that has it.

    Raises:
        InvalidResourceTypeNameError, InvalidResourceNameError: a name contains a separator.
        LookupError: no prefix has it.
        OSError: it cannot be read.
    """
    prefix = has_resource(resource_type, resource_name)
    if not isinstance(prefix, str):
        raise LookupError(f"Could not find the resource '{resource_name}' of type '{resource_type}'")
    path = Path(prefix) / RESOURCE_INDEX_SUBFOLDER / resource_type / resource_name
    try:
        return path.read_text(), prefix
    except OSError as error:
        raise OSError(f"Could not open the resource '{resource_name}' of type '{resource_type}': {error}") from error


def get_resources(resource_type: str) -> dict[str, str]:
    """Return the names of all resources of a type, each with the first prefix that has it.

    Raises:
        InvalidResourceTypeNameError: the type contains a separator.
    """
    found: dict[str, str] = {}
    for prefix, directory in _directories(resource_type):
        for path in sorted(directory.iterdir()):
            if path.is_file() and not path.name.startswith("."):
                found.setdefault(path.name, prefix)
    return found


def get_resource_types() -> set[str]:
    """Return the types of all resources."""
    return {
        path.name
        for prefix in get_search_paths()
        if (index := Path(prefix) / RESOURCE_INDEX_SUBFOLDER).is_dir()
        for path in index.iterdir()
        if path.is_dir() and not path.name.startswith(".")
    }


def has_resource(resource_type: str, resource_name: str) -> str | bool:
    """Return the first prefix that has the resource, or False.

    Raises:
        InvalidResourceTypeNameError, InvalidResourceNameError: a name contains a separator.
    """
    if not _is_plain(resource_name):
        raise InvalidResourceNameError(f"Resource name '{resource_name}' is invalid")
    for prefix, directory in _directories(resource_type):
        if (directory / resource_name).is_file():
            return prefix
    return False


def _directories(resource_type: str) -> Iterator[tuple[str, Path]]:
    """Each prefix with its directory for a resource type, where there is one."""
    if not _is_plain(resource_type):
        raise InvalidResourceTypeNameError(f"Resource type '{resource_type}' is invalid")
    for prefix in get_search_paths():
        directory = Path(prefix) / RESOURCE_INDEX_SUBFOLDER / resource_type
        if directory.is_dir():
            yield prefix, directory


def _is_plain(name: str) -> bool:
    return bool(name) and "/" not in name and "\\" not in name
