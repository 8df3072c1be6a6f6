"""Chooses the runtime for the test session: embedded, or a real ROS 2 where one is sourced."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from workcell_sim.embedded import activate, describe_runtime

if TYPE_CHECKING:
    from workcell_sim.embedded._kernel import Kernel

EMBEDDED = activate()


def pytest_report_header() -> str:
    """Name the runtime in the session's header."""
    return describe_runtime()


@pytest.fixture
def kernel() -> Iterator[Kernel | None]:
    """A fresh virtual-time kernel made current; on a real ROS 2 an initialised context and None."""
    if EMBEDDED:
        from workcell_sim.embedded._kernel import Kernel

        with Kernel(clock="virtual") as fresh:
            yield fresh
        return
    import rclpy

    rclpy.init()
    yield None
    rclpy.try_shutdown()
