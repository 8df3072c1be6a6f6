"""Where packages are installed."""

from __future__ import annotations

import re
import warnings
from pathlib import Path

from ._own_package import OWN_PACKAGE, find_own_package
from .resources import get_resources, has_resource
from .search_paths import prefix_paths


class PackageNotFoundError(KeyError):
    """No prefix has the package."""


def get_packages_with_prefixes() -> dict[str, str]:
    """Return all packages of AMENT_PREFIX_PATH with the prefix of each; without one, our own."""
    if prefix_paths():
        return get_resources("packages")
    own = find_own_package()
    return {} if own is None else {OWN_PACKAGE: str(own.prefix)}


def get_package_prefix(package_name: str) -> str:
    """Return the prefix of a package.

    Raises:
        ValueError: it is not a valid package name.
        PackageNotFoundError: no prefix has it.
    """
    return _locate(package_name)[0]


def get_package_share_directory(package_name: str, print_warning: bool = True) -> str:
    """Return a package's ``share`` directory; warns if it does not exist.

    Raises:
        ValueError: it is not a valid package name.
        PackageNotFoundError: no prefix has it.
    """
    share = _locate(package_name)[1]
    if print_warning and not Path(share).exists():
        warnings.warn(f"Share directory for {package_name} ({share}) does not exist.", stacklevel=2)
    return share


def get_package_share_path(package_name: str, print_warning: bool = True) -> Path:
    """Return a package's ``share`` directory as a path; warns if it does not exist.

    Raises:
        ValueError: it is not a valid package name.
        PackageNotFoundError: no prefix has it.
    """
    path = Path(get_package_share_directory(package_name, print_warning=False))
    if print_warning and not path.exists():
        warnings.warn(f"Share path for {package_name} ({path}) does not exist.", stacklevel=2)
    return path


def _locate(package_name: str) -> tuple[str, str]:
    """Return prefix and share directory of a package."""
    # Names by REP 127.
    if re.fullmatch("[a-zA-Z0-9][a-zA-Z0-9_-]+", package_name, re.ASCII) is None:
        raise ValueError(f"'{package_name}' is not a valid package name")
    prefix = has_resource("packages", package_name) if prefix_paths() else False
    if isinstance(prefix, str):
        return prefix, str(Path(prefix) / "share" / package_name)
    own = find_own_package() if package_name == OWN_PACKAGE else None
    if own is None:
        raise PackageNotFoundError(f"package '{package_name}' not found, searching: {prefix_paths()}")
    return str(own.prefix), str(own.share)
