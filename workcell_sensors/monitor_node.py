"""The monitor: health of every tag on `diagnostics`, with thresholds that robot performance refines."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from control_msgs.msg import DynamicInterfaceGroupValues
from rcl_interfaces.msg import FloatingPointRange, ParameterDescriptor, SetParametersResult
from rclpy.parameter import Parameter
from statistics_msgs.msg import MetricsMessage
from std_msgs.msg import String

from workcell_ros import convert, qos
from workcell_ros.lifecycle import WorkcellNode, run_node
from workcell_ros.state_file import StateFile
from workcell_sensors.component_watch_node import ComponentWatch
from workcell_sensors.cycle_metrics import CycleMetrics
from workcell_sensors.health.monitor import HealthMonitor, TagHealth
from workcell_sensors.health.refine import Change
from workcell_sensors.health.threshold import Threshold, load_thresholds
from workcell_sensors.learned_state import take_up
from workcell_sensors.monitor_parameters import MonitorParameters
from workcell_sensors.prognosis.component import PrognosisSpec, load_prognosis
from workcell_sensors.prognosis.prognosis import Prognosis
from workcell_sensors.proposals_node import Proposals
from workcell_sensors.tags import load_tags

LEVELS = (convert.OK, convert.WARN, convert.ERROR, convert.STALE)
PREFIX = "thresholds"
NO_COMPONENTS = PrognosisSpec(horizon_cycles=1, failure_cost=1.0, components=())
PROPOSE_PERIOD_NS = 30_000_000_000
"""How often one threshold is proposed at most: the governor and perhaps a person need time."""
KEEP_PERIOD_NS = 10_000_000_000
"""How often what was learned is written at most: a monitor that is killed loses no more."""
SHOWN = ("value", "threshold_warn", "threshold_alarm", "mean", "rms", "std", "slope", "drift", "quality", "version")
"""Fields of `TagHealth` that a status shows."""


class MonitorNode(WorkcellNode[MonitorParameters]):
    """Wires `HealthMonitor` and `ComponentWatch` to readings, cycle results and diagnostics."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__("monitor", MonitorParameters, **kwargs)
        self._monitor: HealthMonitor | None = None
        self._limits: dict[str, tuple[str, str]] = {}
        self._held: list[Any] = []
        self._messages: dict[str, Any] = {}
        self._kept_ns = 0
        self._serviced: list[str] = []
        self._proposals = Proposals(self)
        self.add_on_set_parameters_callback(self._check_limits)
        self.add_post_set_parameters_callback(self._apply_limits)

    def configure(self) -> None:
        """Loads tags, thresholds and components, declares their parameters, and takes up what was learned before."""
        values = self.values
        self._table = load_tags(values.tags_file)
        thresholds = load_thresholds(values.thresholds_file, self._table)
        monitor = HealthMonitor(self._table, thresholds, values.window_s, values.tracking_error_max_rad)
        spec = load_prognosis(values.prognosis_file, self._table) if values.prognosis_file else NO_COMPONENTS
        prognosis = Prognosis(spec, self._table, values.tracking_error_max_rad)
        self._learned = self._open_learned(monitor, prognosis)
        self._monitor, self._limits = monitor, {}
        for threshold in monitor.thresholds.values():
            self._declare(threshold)
        self._watch = ComponentWatch(self, prognosis, self._proposals)
        self._cycle = CycleMetrics()

    def _open_learned(self, monitor: HealthMonitor, prognosis: Prognosis) -> StateFile | None:
        """Opens the file of what was learned, which is taken up where it is of the same tags."""
        if not self.values.learned_file:
            return None
        components = [item.component for item in prognosis.spec.components]
        file = StateFile(self.values.learned_file, {"tags": list(self._table.tags), "components": components})
        why = take_up(file, monitor, prognosis)
        self.get_logger().info(f"learning begins anew: {why}" if why else "going on with what was learned before")
        return file

    def _keep(self, now_ns: int) -> None:
        assert self._monitor is not None
        if self._learned is not None:
            self._kept_ns = now_ns
            state = {"monitor": self._monitor.snapshot(), "prognosis": self._watch.prognosis.snapshot()}
            with self.disk.without("what was learned"):
                self._learned.write(state)

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
        self._keep(self.now_ns())

    def cleanup(self) -> None:
        """Forgets thresholds and what was learned."""
        self._monitor = None
        for name in self._limits:
            self.undeclare_parameter(name)
        self._limits = {}
        self._watch.close()

    def _declare(self, threshold: Threshold) -> None:
        assert self._monitor is not None
        unit = self._table.row(threshold.tag).si
        for limit, value in threshold.limits().items():
            name = f"{PREFIX}.{threshold.tag.replace('/', '.')}.{limit}"
            self._limits[name] = (threshold.tag, limit)
            descriptor = ParameterDescriptor(description=f"{limit} of {threshold.of} of {threshold.tag} [{unit}]")
            if threshold.refine is not None and limit.startswith(threshold.warn_name):
                bounds = FloatingPointRange(from_value=threshold.refine.low, to_value=threshold.refine.high)
                descriptor.floating_point_range = [bounds]
            in_force = self.declare_parameter(name, value, descriptor).value
            if in_force != value:
                self._monitor.set_limits(threshold.tag, {limit: in_force})

    def _check_limits(self, parameters: list[Parameter]) -> SetParametersResult:
        names = [item.value for item in parameters if item.name == "serviced" and self._monitor is not None]
        problems = [problem for name in names if (problem := self._watch.problem(name))]
        for tag, limits in self._by_tag(parameters).items():
            try:
                if self._monitor is not None:
                    self._monitor.with_limits(tag, limits)
            except (ValueError, TypeError) as error:
                problems.append(f"{tag}: {error}")
        return SetParametersResult(successful=not problems, reason="; ".join(problems))

    def _apply_limits(self, parameters: list[Parameter]) -> None:
        self._serviced += [item.value for item in parameters if item.name == "serviced" and item.value]
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
        self._watch.prognosis.take(rows, cells[:, 0], quality)
        changed = self._monitor.take(rows, cells[:, 0], quality, convert.stamp_to_ns(message.header.stamp))
        if len(changed):
            self._publish(changed.tolist())

    def _on_state(self, message: Any) -> None:
        assert self._monitor is not None
        self._watch.prognosis.set_state(state := message.data.partition(";")[0])
        fallen = self._monitor.set_state(state, self.now_ns())
        if len(fallen):
            self._publish(fallen.tolist())

    def _on_metric(self, message: Any) -> None:
        if message.measurement_source_name != "cycle" or self._monitor is None:
            return
        value = message.statistics[0].data if message.statistics else float("nan")
        result = self._cycle.take(message.metrics_source, convert.stamp_to_ns(message.window_stop), value)
        if result is None:
            return
        self._watch.learn(result := self._monitor.with_stop(result))
        if self.values.refine != "off":
            self._monitor.learn(result)
            for change in self._monitor.proposals():
                self._bring_up(change, result.stamp_ns)
        if result.stamp_ns - self._kept_ns >= KEEP_PERIOD_NS:
            self._keep(result.stamp_ns)

    def _bring_up(self, change: Change, now_ns: int) -> None:
        parameter = self._parameter(change)
        if self.values.refine == "apply":
            result = self.set_parameters([parameter])[0]
            verb = "moved" if result.successful else f"not moved ({result.reason})"
            moved = f"{verb} from {change.old:.6g} to {change.new:.6g}"
            self.get_logger().info(f"{parameter.name} {moved}: {change.reason}")
        elif self._proposals.is_due(parameter.name, PROPOSE_PERIOD_NS, now_ns):
            values = {
                "readings": change.tag,
                "model": f"outcome threshold v{change.version}, {change.drifts} drifts",
                "expected_gain": f"{change.cost_old - change.cost_new:.4g} of cost per cycle",
            }
            self._proposals.propose(parameter.name, change.new, "refine_threshold", change.reason, values)

    def _parameter(self, change: Change) -> Parameter:
        name = next(name for name, place in self._limits.items() if place == (change.tag, change.limit))
        return Parameter(name, Parameter.Type.DOUBLE, change.new)

    def _report(self) -> None:
        assert self._monitor is not None
        while self._serviced:
            self._watch.serviced(self._serviced.pop())
        self._monitor.tick(self.now_ns())
        self._publish(range(len(self._table)), *self._watch.statuses())

    def _publish(self, rows: Sequence[int], *more: Any) -> None:
        assert self._monitor is not None
        self.publish_status(*self._statuses(self._monitor.report(rows)), *more)

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


def main(args: list[str] | None = None) -> None:
    """Runs the monitor."""
    run_node(MonitorNode, args)


if __name__ == "__main__":
    main()
