"""The monitor's part that follows components: their health on `diagnostics`, their maintenance to the governor."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from rcl_interfaces.msg import FloatingPointRange, ParameterDescriptor
from rclpy.parameter import Parameter

from workcell_ros import convert
from workcell_sensors.health.refine import CycleResult
from workcell_sensors.prognosis.prognosis import MaintenanceNeed, Prognosis
from workcell_sensors.prognosis.watch import WatchAlarm
from workcell_sensors.prognosis.wording import cycles_text, health_text, health_values, watch_text
from workcell_sensors.proposals_node import Proposals

PREFIX = "maintenance"
PROPOSE_PERIOD_NS = 300_000_000_000
"""How often one component's maintenance is proposed at most: a person answers, and may have said no."""
AUTHORISED = 0.5


class ComponentWatch:
    """Wires `Prognosis` to a node's parameters and statuses."""

    def __init__(self, node: Any, prognosis: Prognosis, proposals: Proposals) -> None:
        self._node = node
        self._proposals = proposals
        self.prognosis = prognosis
        self._needs: dict[str, MaintenanceNeed | WatchAlarm] = {}
        self._names = prognosis.spec.names
        for name in self._names:
            bounds = [FloatingPointRange(from_value=0.0, to_value=1.0)]
            text = f"1 where a person has authorised the maintenance of {name}"
            descriptor = ParameterDescriptor(description=text, floating_point_range=bounds)
            node.declare_parameter(f"{PREFIX}.{name}", 0.0, descriptor)
        self._statuses = self._told()

    def close(self) -> None:
        """Takes the parameters away."""
        for name in self._names:
            self._node.undeclare_parameter(f"{PREFIX}.{name}")

    def learn(self, result: CycleResult) -> None:
        """Takes a finished cycle in, and proposes the maintenance that is due."""
        self.prognosis.learn(result)
        self._needs = {need.component: need for need in self.prognosis.needs()}
        self._needs |= {alarm.watch: alarm for alarm in self.prognosis.alarms()}
        self._statuses = self._told()
        for concerned, need in self._needs.items():
            name = f"{PREFIX}.{concerned}"
            if not self._is_authorised(concerned) and self._proposals.is_due(name, PROPOSE_PERIOD_NS, result.stamp_ns):
                why = _why_alarm(need) if isinstance(need, WatchAlarm) else _why(need)
                self._proposals.propose(name, 1.0, "maintenance", need.reason, why)

    def problem(self, serviced: str) -> str:
        """Why a component cannot have been serviced; empty where it can."""
        if not serviced or serviced in self._names:
            return ""
        return f"serviced: {serviced!r} is no component or watch; valid: {', '.join(self._names)}"

    def serviced(self, component: str) -> None:
        """Begins anew with a component, and takes its authorisation back."""
        self.prognosis.serviced(component)
        self._needs.pop(component, None)
        self._node.set_parameters([Parameter(f"{PREFIX}.{component}", Parameter.Type.DOUBLE, 0.0)])
        self._node.get_logger().info(f"{component} was serviced; what healthy is will be learned anew")
        self._statuses = self._told()

    def statuses(self) -> Iterable[Any]:
        """Returns a status per component and one per watch over several quantities, as of the last cycle."""
        return self._statuses

    def _told(self) -> list[Any]:
        horizon = self.prognosis.spec.horizon_cycles
        told = []
        for health in self.prognosis.health():
            stage = self._stage(health.component)
            text = health_text(health, horizon) + (f", maintenance {stage}" if stage != "none" else "")
            values = {**health_values(health, horizon), "maintenance": stage}
            level = convert.WARN if stage != "none" else convert.OK
            told.append(self._node.status(f"health {health.component}", level, text, **values))
        for name, watch in self.prognosis.watches.items():
            stage = self._stage(name)
            text = watch_text(watch) + (f", maintenance {stage}" if stage != "none" else "")
            level = convert.WARN if stage != "none" else convert.OK
            values = {"detector": watch.spec.detector, "anomaly_score": round(watch.score, 3), "beyond": watch.beyond}
            told.append(
                self._node.status(f"health {name}", level, text, **values, cycles=watch.cycles, maintenance=stage)
            )
        return told

    def _stage(self, component: str) -> str:
        if self._is_authorised(component):
            return "authorised"
        return "proposed" if component in self._needs else "none"

    def _is_authorised(self, component: str) -> bool:
        return float(self._node.get_parameter(f"{PREFIX}.{component}").value) > AUTHORISED


def _why_alarm(alarm: WatchAlarm) -> dict[str, object]:
    return {
        "readings": f"score {alarm.score:.3g}, beyond its limit for {alarm.cycles} cycles",
        "model": alarm.detector,
        "expected_gain": "a person sees what has changed",
    }


def _why(need: MaintenanceNeed) -> dict[str, object]:
    life = need.health.remaining
    return {
        "readings": f"indicator {need.health.indicator:.4g}, healthy {need.health.healthy:.4g}",
        "model": f"damage trend and outcome risk over {need.health.cycles} cycles",
        "expected_gain": f"{need.cost_of_waiting - 1.0:.2f} planned maintenances",
        "remaining_cycles": f"{cycles_text(life.median_cycles)}",
        "remaining_cycles_interval": f"{cycles_text(life.low_cycles)}..{cycles_text(life.high_cycles)}",
        "failure_probability": f"{need.failure_probability:.4f}" if math.isfinite(need.failure_probability) else "",
    }
