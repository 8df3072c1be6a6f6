"""Chooses the runtime for the test session: embedded, or a real ROS 2 where one is sourced."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from workcell_sim.embedded import activate, describe_runtime

if TYPE_CHECKING:
    from workcell_sim.embedded._kernel import Kernel

# A first import, or a busy machine, takes longer than a test may by default; what is found counts, not how fast.
settings.register_profile("workcell", deadline=None)
settings.load_profile("workcell")

EMBEDDED = activate()


def pytest_report_header() -> str:
    """Name the runtime in the session's header."""
    return describe_runtime()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what only the other runtime can do; the marker `embedded` says why."""
    for item in items:
        for name, is_other in (("embedded", not EMBEDDED), ("ros", EMBEDDED)):
            marker = item.get_closest_marker(name)
            if marker is not None and is_other:
                item.add_marker(pytest.mark.skip(reason=marker.args[0] if marker.args else "needs a sourced ROS 2"))


@pytest.fixture(scope="module", autouse=True)
def nothing_is_left_over() -> None:
    """On a real ROS 2 nodes that earlier tests let go of are in the graph until they are collected."""
    if not EMBEDDED:
        gc.collect()


@pytest.fixture
def kernel() -> Iterator[Kernel | None]:
    """A fresh virtual-time kernel made current; on a real ROS 2 an initialised context and None."""
    with _runtime("virtual") as fresh:
        yield fresh


@pytest.fixture
def wall_kernel() -> Iterator[Kernel | None]:
    """As `kernel`, in wall time on both: for what runs in threads and sockets."""
    with _runtime("wall") as fresh:
        yield fresh


@pytest.fixture
def rclpy_up(kernel: Kernel | None) -> Iterator[None]:
    """rclpy in use, on a kernel of the test's own where it is the embedded one."""
    import rclpy

    if not rclpy.ok():
        rclpy.init()
    yield
    rclpy.try_shutdown()


@contextmanager
def _runtime(clock: str) -> Iterator[Kernel | None]:
    if EMBEDDED:
        from workcell_sim.embedded._kernel import Kernel

        with Kernel(clock=clock) as fresh:
            yield fresh
        return
    import rclpy

    gc.collect()
    rclpy.init()
    yield None
    rclpy.try_shutdown()
