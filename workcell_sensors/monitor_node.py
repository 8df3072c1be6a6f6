"""The monitor: health of every tag on `diagnostics`, with thresholds that robot performance refines."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from control_msgs.msg import DynamicInterfaceGroupValues
from diagnostic_msgs.msg import DiagnosticArray
from rcl_interfaces.msg import FloatingPointRange, ParameterDescriptor, ParameterEvent, SetParametersResult
from rclpy.parameter import Parameter
from statistics_msgs.msg import MetricsMessage
from std_msgs.msg import String

from workcell_ros import convert, qos
from workcell_ros.lifecycle import WorkcellNode, run_node
from workcell_ros.schema import param
from workcell_sensors.cycle_metrics import CycleMetrics
from workcell_sensors.health.monitor import HealthMonitor, TagHealth
from workcell_sensors.health.refine import Change
from workcell_sensors.health.threshold import Threshold, load_thresholds
from workcell_sensors.tags import load_tags

LEVELS = (convert.OK, convert.WARN, convert.ERROR, convert.STALE)
PREFIX = "thresholds"
PROPOSE_PERIOD_NS = 30_000_000_000
"""How often one threshold is proposed at most: the governor and perhaps a person need time."""
SHOWN = ("value", "threshold_warn", "threshold_alarm", "mean", "rms", "std", "slope", "drift", "quality", "version")
"""Fields of `TagHealth` that a status shows."""


@dataclass(frozen=True)
class MonitorParameters:
    """Parameters of the monitor, besides `thresholds.<tag, dots for slashes>.<limit>` for every limit."""

    tags_file: str = param("config/tags.yaml", "The tag table", read_only=True)
    thresholds_file: str = param("config/thresholds.yaml", "Alarm limits and what may be learned", read_only=True)
    window_s: float = param(10.0, "Window of the features", unit="s", low=0.5, high=3600.0, read_only=True)
    report_period_s: float = param(1.0, "How often every tag is reported", unit="s", low=0.05, read_only=True)
    tracking_error_max_rad: float = param(
        0.002, "Path error of a cycle from which on it counts as harm", unit="rad", low=1e-4, high=1.0, read_only=True
    )
    refine: str = param(
        "propose",
        "What becomes of thresholds learned from cycle results: nothing, a proposal to the governor, or put into force",
        choices=("off", "propose", "apply"),
    )


class MonitorNode(WorkcellNode[MonitorParameters]):
    """Wires `HealthMonitor` to readings, cycle results and diagnostics."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__("monitor", MonitorParameters, **kwargs)
        self._monitor: HealthMonitor | None = None
        self._limits: dict[str, tuple[str, str]] = {}
        self._held: list[Any] = []
        self._messages: dict[str, Any] = {}
        self._proposed_ns: dict[str, int] = {}
        self._stamp_ns = 0
        self._proposal_pub = self.create_publisher(ParameterEvent, "policy/proposals", qos.reliable())
        self._explanation_pub = self.create_publisher(DiagnosticArray, "policy/explanations", qos.reliable())
        self.add_on_set_parameters_callback(self._check_limits)
        self.add_post_set_parameters_callback(self._apply_limits)

    def configure(self) -> None:
        """Loads tags and thresholds, and declares each limit as a parameter."""
        values = self.values
        self._table = load_tags(values.tags_file)
        thresholds = load_thresholds(values.thresholds_file, self._table)
        self._monitor = HealthMonitor(self._table, thresholds, values.window_s, values.tracking_error_max_rad)
        self._limits = {}
        for threshold in thresholds.values():
            self._declare(threshold)
        self._cycle = CycleMetrics()

    def activate(self) -> None:
        """Opens the inputs."""
        subscribe = self.create_subscription
        self._held = [
            subscribe(DynamicInterfaceGroupValues, "readings", self._on_readings, qos.READINGS),
            subscribe(String, "cell/state", self._on_state, qos.STATE),
            subscribe(MetricsMessage, "cell/kpi", self._on_metric, qos.KPI),
        ]
        self._report_timer = self.create_timer(self.values.report_period_s, self._report)

    def deactivate(self) -> None:
        """Closes the inputs."""
        self.destroy_timer(self._report_timer)
        for subscription in self._held:
            self.destroy_subscription(subscription)
        self._held = []

    def cleanup(self) -> None:
        """Forgets thresholds and what was learned."""
        self._monitor = None
        for name in self._limits:
            self.undeclare_parameter(name)
        self._limits = {}

    def _declare(self, threshold: Threshold) -> None:
        assert self._monitor is not None
        unit = self._table.row(threshold.tag).si
        for limit, value in threshold.limits().items():
            name = f"{PREFIX}.{threshold.tag.replace('/', '.')}.{limit}"
            self._limits[name] = (threshold.tag, limit)
            descriptor = ParameterDescriptor(description=f"{limit} of {threshold.of} of {threshold.tag} [{unit}]")
            if threshold.refine is not None and limit == threshold.warn_name:
                bounds = FloatingPointRange(from_value=threshold.refine.low, to_value=threshold.refine.high)
                descriptor.floating_point_range = [bounds]
            in_force = self.declare_parameter(name, value, descriptor).value
            if in_force != value:
                self._monitor.set_limits(threshold.tag, {limit: in_force})

    def _check_limits(self, parameters: list[Parameter]) -> SetParametersResult:
        problems = []
        for tag, limits in self._by_tag(parameters).items():
            try:
                if self._monitor is not None:
                    self._monitor.with_limits(tag, limits)
            except (ValueError, TypeError) as error:
                problems.append(f"{tag}: {error}")
        return SetParametersResult(successful=not problems, reason="; ".join(problems))

    def _apply_limits(self, parameters: list[Parameter]) -> None:
        for tag, limits in self._by_tag(parameters).items():
            if self._monitor is not None:
                self._monitor.set_limits(tag, limits)

    def _by_tag(self, parameters: list[Parameter]) -> dict[str, dict[str, float]]:
        """Returns those parameters that are limits, by tag and limit: limits of one tag hold together."""
        found: dict[str, dict[str, float]] = {}
        for item in parameters:
            if item.name in self._limits:
                tag, limit = self._limits[item.name]
                found.setdefault(tag, {})[limit] = item.value
        return found

    def _on_readings(self, message: Any) -> None:
        assert self._monitor is not None
        self.activity.note(self.now_ns())
        index = self._table.index
        try:
            rows = np.array([index[tag] for tag in message.interface_groups], dtype=np.intp)
            cells = np.array([group.values for group in message.interface_values], dtype=np.float64)
            quality = cells[:, 1].astype(np.uint8)
        except (KeyError, IndexError, ValueError):
            # Not this cell's gateway, or of another tag table: nothing of it can be judged.
            self.activity.drop()
            return
        changed = self._monitor.take(rows, cells[:, 0], quality, convert.stamp_to_ns(message.header.stamp))
        if len(changed):
            self._publish(changed.tolist())

    def _on_state(self, message: Any) -> None:
        assert self._monitor is not None
        fallen = self._monitor.set_state(message.data.partition(";")[0], self.now_ns())
        if len(fallen):
            self._publish(fallen.tolist())

    def _on_metric(self, message: Any) -> None:
        if message.measurement_source_name != "cycle" or self._monitor is None:
            return
        value = message.statistics[0].data if message.statistics else float("nan")
        result = self._cycle.take(message.metrics_source, convert.stamp_to_ns(message.window_stop), value)
        if result is None or self.values.refine == "off":
            return
        self._monitor.learn(result)
        for change in self._monitor.proposals():
            if self.values.refine == "apply":
                self._apply(change)
            elif result.stamp_ns - self._proposed_ns.get(change.tag, 0) >= PROPOSE_PERIOD_NS:
                self._proposed_ns[change.tag] = result.stamp_ns
                self._propose(change)

    def _parameter(self, change: Change) -> Parameter:
        name = next(name for name, place in self._limits.items() if place == (change.tag, change.limit))
        return Parameter(name, Parameter.Type.DOUBLE, change.new)

    def _apply(self, change: Change) -> None:
        parameter = self._parameter(change)
        result = self.set_parameters([parameter])[0]
        verb = "moved" if result.successful else f"not moved ({result.reason})"
        self.get_logger().info(f"{parameter.name} {verb} from {change.old:.6g} to {change.new:.6g}: {_why(change)}")

    def _propose(self, change: Change) -> None:
        stamp = convert.ns_to_stamp(self.now_ns())
        proposal = ParameterEvent(stamp=stamp, node=self.get_fully_qualified_name())
        proposal.changed_parameters = [self._parameter(change).to_parameter_msg()]
        self._proposal_pub.publish(proposal)
        values = {"readings": change.tag, "model": f"outcome threshold v{change.version}", "urgency": "optimise"}
        values["expected_gain"] = f"{change.cost_old - change.cost_new:.4g} false warnings per cycle"
        explanation = convert.make_status("policy: refine_threshold", convert.OK, _why(change), values)
        array = DiagnosticArray(status=[explanation])
        array.header.stamp = stamp
        self._explanation_pub.publish(array)

    def _report(self) -> None:
        assert self._monitor is not None
        self._monitor.tick(self.now_ns())
        self._publish(range(len(self._table)))

    def _publish(self, rows: Sequence[int]) -> None:
        assert self._monitor is not None
        self.publish_status(*self._statuses(self._monitor.report(rows)))

    def _statuses(self, healths: Iterable[TagHealth]) -> Iterable[Any]:
        """Yields one status per tag, filled anew each time: publishing copies or serializes it."""
        for health in healths:
            status = self._messages.get(health.tag)
            if status is None:
                source = self._table.row(health.tag).source
                keys = dict.fromkeys(SHOWN, "")
                status = self._messages[health.tag] = self.status(health.tag, convert.OK, "", source, **keys)
            status.level = LEVELS[health.level]
            status.message = health.reason
            for pair in status.values:
                pair.value = str(getattr(health, pair.key))
            yield status


def _why(change: Change) -> str:
    return (
        f"{change.harms} of {change.cycles} cycles came to harm; "
        f"cost per cycle {change.cost_old:.3g} -> {change.cost_new:.3g} (v{change.version})"
    )


def main(args: list[str] | None = None) -> None:
    """Runs the monitor."""
    run_node(MonitorNode, args)


if __name__ == "__main__":
    main()
