"""Taking up what monitor and prognosis learned before. Pure."""

from __future__ import annotations

from workcell_ros.state_file import StateFile
from workcell_sensors.health.monitor import HealthMonitor
from workcell_sensors.prognosis.prognosis import Prognosis


def take_up(file: StateFile, monitor: HealthMonitor, prognosis: Prognosis) -> str:
    """Has both take up what was kept, wholly or not at all; returns why not, empty where they did."""
    state, why = file.read()
    if state is None:
        return why
    fresh = monitor.snapshot(), prognosis.snapshot()
    try:
        monitor.restore(state["monitor"])
        prognosis.restore(state["prognosis"])
    except (KeyError, TypeError, ValueError) as error:
        monitor.restore(fresh[0])
        prognosis.restore(fresh[1])
        return f"{file.path} cannot be taken up ({type(error).__name__}: {error})"
    return ""
