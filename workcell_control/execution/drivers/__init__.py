"""Arm drivers: how each kind is reached, what makes it ready, and how it is recovered. One file per kind."""

from __future__ import annotations

from workcell_control.execution.drivers.driver import ArmDriver
from workcell_control.execution.drivers.load import DRIVERS, driver_of

__all__ = ["DRIVERS", "ArmDriver", "driver_of"]
