"""The embedded runtime: rclpy, launch and message packages where no ROS 2 is sourced.

This directory holds top-level modules (``rclpy``, ``launch``, ``tf2_ros``...). `activate` makes
them importable by those names where the real ones cannot be imported. The environment variable
``WORKCELL_RUNTIME`` decides otherwise: ``embedded`` always takes the embedded runtime, ``ros``
demands a sourced ROS 2. A sourced ROS 2 is never shadowed by accident.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType

__all__ = [
    "RUNTIME_DIR",
    "RUNTIME_VARIABLE",
    "RuntimeSelectionError",
    "activate",
    "describe_runtime",
    "is_active",
]

RUNTIME_DIR = Path(__file__).resolve().parent
RUNTIME_VARIABLE = "WORKCELL_RUNTIME"
_RUNTIME_VALUES = ("auto", "embedded", "ros")


class RuntimeSelectionError(RuntimeError):
    """The runtime that was asked for cannot be used here."""


@dataclass(frozen=True)
class _RealRclpy:
    """What is known of an rclpy that is not ours: where it lies, and why it cannot be used."""

    directory: Path | None
    unusable_because: str


class _RuntimeFinder(MetaPathFinder):
    """Finds this directory's packages as top-level modules, ahead of everything on ``sys.path``.

    An entry of ``sys.path`` would not do: a test runner puts the directory of the tests in front
    of it, and in a source checkout of rclpy that one holds an ``rclpy`` without its compiled half.
    """

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,
        target: ModuleType | None = None,
    ) -> ModuleSpec | None:
        """Answer for top-level names that lie here; leave every other one to the next finder."""
        if path is not None or fullname.startswith("_"):
            return None
        spec = PathFinder.find_spec(fullname, [str(RUNTIME_DIR)])
        return spec if spec is not None and spec.origin is not None else None


def activate() -> bool:
    """Make the embedded runtime importable unless a real rclpy is to be used.

    May be called any number of times. Returns whether the embedded runtime is in use.

    Raises:
        RuntimeSelectionError: ``WORKCELL_RUNTIME`` has an unknown value, demands a ROS 2 that
            is not usable, or demands the embedded runtime after the real one was imported.
    """
    wanted = _wanted_runtime()
    if wanted == "auto" and is_active():
        return True
    if wanted == "ros":
        _demand_real()
        return False
    if wanted == "auto" and not _find_real_rclpy().unusable_because:
        return False
    if not is_active():
        _refuse_mixture()
        sys.meta_path.insert(0, _RuntimeFinder())
        import_module("workcell_sim.embedded._interfaces").install()
    return True


def is_active() -> bool:
    """Whether ``import rclpy`` gives the embedded runtime in this interpreter."""
    return any(isinstance(finder, _RuntimeFinder) for finder in sys.meta_path)


def describe_runtime() -> str:
    """One line that says which of the two runtimes is in use, and why."""
    real = _find_real_rclpy()
    asked = os.environ.get(RUNTIME_VARIABLE)
    by_request = f"{RUNTIME_VARIABLE}={asked}" if asked in ("embedded", "ros") else ""
    if is_active():
        return f"runtime: embedded ({by_request or real.unusable_because})"
    if real.unusable_because:
        return f"runtime: none active yet ({real.unusable_because})"
    distribution = os.environ.get("ROS_DISTRO", "of unknown distribution")
    return f"runtime: ROS 2 {distribution} ({by_request or 'sourced'}: {real.directory})"


def _wanted_runtime() -> str:
    wanted = os.environ.get(RUNTIME_VARIABLE, "") or "auto"
    if wanted not in _RUNTIME_VALUES:
        raise RuntimeSelectionError(f"{RUNTIME_VARIABLE}={wanted!r}: expected one of {', '.join(_RUNTIME_VALUES)}")
    return wanted


def _demand_real() -> None:
    real = _find_real_rclpy()
    if real.unusable_because:
        raise RuntimeSelectionError(
            f"{RUNTIME_VARIABLE}=ros, but {real.unusable_because}; source a ROS 2 built for "
            f"Python {sys.version_info.major}.{sys.version_info.minor} or unset the variable"
        )
    if is_active():
        raise RuntimeSelectionError(
            f"{RUNTIME_VARIABLE}=ros, but the embedded runtime is already active in this process"
        )


def _find_real_rclpy() -> _RealRclpy:
    """Look for an rclpy outside this directory that this interpreter can load."""
    spec = PathFinder.find_spec("rclpy")
    if spec is None or spec.origin is None or spec.submodule_search_locations is None:
        return _RealRclpy(None, "no ROS 2 is sourced")
    directory = Path(spec.origin).parent
    # A ROS 2 for another Python, or a bare source tree, has an rclpy package that this
    # interpreter finds but cannot load: its compiled half decides.
    if PathFinder.find_spec("_rclpy_pybind11", list(spec.submodule_search_locations)) is None:
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        return _RealRclpy(directory, f"{directory} has no compiled rclpy for Python {version}")
    return _RealRclpy(directory, "")


def _refuse_mixture() -> None:
    """Refuse to start when part of a real ROS 2 is already loaded under our names."""
    names = {path.stem for path in RUNTIME_DIR.iterdir() if not path.name.startswith("_")}
    foreign = sorted(
        name for name in names if (module := sys.modules.get(name)) is not None and not _belongs_to_runtime(module)
    )
    if foreign:
        raise RuntimeSelectionError(
            f"{', '.join(foreign)} of a real ROS 2 was imported before the embedded runtime was "
            "activated; start the program with `python -m workcell_sim.embedded`"
        )


def _belongs_to_runtime(module: object) -> bool:
    file = getattr(module, "__file__", None)
    return isinstance(file, str) and RUNTIME_DIR in Path(file).resolve().parents
