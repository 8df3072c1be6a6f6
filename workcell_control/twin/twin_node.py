"""The twin node: mirrors the cell, tries proposals in a fork of it and says what an hour of them would give."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from control_msgs.msg import DynamicInterfaceGroupValues
from diagnostic_msgs.msg import DiagnosticArray
from rcl_interfaces.msg import ParameterEvent
from statistics_msgs.msg import MetricsMessage
from std_msgs.msg import String

from workcell_control.governance.rules import Governance, load_governance
from workcell_control.twin.forecast import S_PER_H, Drift, Outlook, fruitless, outlook
from workcell_control.twin.fork import Fork
from workcell_control.twin.mirror import Mirror, PumpModel
from workcell_control.twin.trials import Result, Trial, Trials, asks_twin, change_of
from workcell_ros import convert, qos
from workcell_ros.errors import WorkcellError
from workcell_ros.lifecycle import WorkcellNode, run_node
from workcell_ros.remote_values import RemoteValues
from workcell_ros.schema import param

POLL_PERIOD_S = 0.1
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
"""The fork copies itself for each trial; a process with threads could not."""
ROBOT_NODES = ("cell", "inspection")
"""Nodes whose governed parameters a fork is run with."""


@dataclass(frozen=True)
class TwinParameters:
    """Parameters of the twin."""

    governance_file: str = param("config/governance.yaml", "Says which changes the twin is asked about", read_only=True)
    fork_module: str = param("workcell_console.fork", "Python module that runs a forked cell", read_only=True)
    cell_params_file: str = param(
        "out/params.yaml", "Parameter file of the cell, for the fork; empty or missing: what ships", read_only=True
    )
    fork_duration_s: float = param(30.0, "Shift time of one fork", unit="s", low=20.0, high=3600.0, read_only=True)
    seed: int = param(101, "Seed of the forks; the same for all, so that only parameters differ", read_only=True)
    wait_for_fork: bool = param(False, "Stand still until a fork has answered: virtual time only", read_only=True)
    copy_process: bool = param(
        False, "Start the fork as a copy of this process, where that has no threads", read_only=True
    )
    forecast_period_s: float = param(120.0, "Time between regular forecasts; 0 for none", unit="s", low=0.0)
    part_mass_kg: float = param(0.12, "Mass of a nominal part", unit="kg", low=1e-4, read_only=True)
    weigh_lever_m: float = param(0.5, "Shoulder to part at the camera pose", unit="m", low=0.01, read_only=True)
    exposure_taught_s: float = param(0.004, "Exposure the inspection was taught at", unit="s", low=1e-5, read_only=True)


class TwinNode(WorkcellNode[TwinParameters]):
    """Feeds the mirror, runs trials on the fork and publishes forecasts."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__("twin", TwinParameters, **kwargs)
        self._forecast_pub = self.create_publisher(DiagnosticArray, "twin/forecasts", qos.reliable())
        self._fork: Fork | None = None
        self._held: list[Any] = []
        self.add_status_source(self._statuses)

    def configure(self) -> None:
        """Loads the rules and starts the fork's process."""
        values = self.values
        self._governance: Governance = load_governance(values.governance_file)
        self._mirror = Mirror(values.part_mass_kg, values.weigh_lever_m, values.exposure_taught_s, PumpModel())
        self._trials = Trials(values.seed, values.fork_duration_s, self._governance.rules)
        self._drift = Drift()
        self._activity = "idle"
        self._fork = self._start_fork()

    def activate(self) -> None:
        """Opens the inputs."""
        self._remote = RemoteValues(self, {name: self._governance.rules.get(name, {}) for name in ROBOT_NODES})
        subscribe = self.create_subscription
        self._held = [
            subscribe(DynamicInterfaceGroupValues, "readings", self._on_readings, qos.READINGS),
            subscribe(DiagnosticArray, "diagnostics", self._on_diagnostics, qos.DIAGNOSTICS),
            subscribe(MetricsMessage, "cell/kpi", self._on_kpi, qos.reliable(200)),
            subscribe(String, "cell/state", self._on_state, qos.STATE),
            subscribe(ParameterEvent, "policy/proposals", self._on_proposal, qos.reliable()),
        ]
        # The first forecast comes as soon as it can: it is the baseline of the first proposal, too.
        self._regular_ns = self.now_ns()
        self._timer = self.create_timer(POLL_PERIOD_S, self._on_poll)

    def deactivate(self) -> None:
        """Closes the inputs."""
        self._remote.destroy()
        self.destroy_timer(self._timer)
        for subscription in self._held:
            self.destroy_subscription(subscription)

    def cleanup(self) -> None:
        """Ends the fork's process."""
        if self._fork is not None:
            self._fork.close()
            self._fork = None

    def _start_fork(self) -> Fork:
        values = self.values
        command = [values.fork_module, "--seed", str(values.seed)]
        if Path(values.cell_params_file).is_file():
            command += ["--params", values.cell_params_file]
        environment = {"WORKCELL_RUNTIME": "embedded", "PYTHONHASHSEED": "0", **ONE_THREAD}
        return Fork(command, environment, values.copy_process)

    def _on_readings(self, message: Any) -> None:
        self.activity.note(self.now_ns())
        pairs = zip(message.interface_groups, message.interface_values, strict=True)
        usable = {tag: item.values[0] for tag, item in pairs if item.values[1] <= convert.QUALITY_USABLE_MAX}
        set_point_pa = self._remote.values["cell"].get("grip_vacuum_pa")
        self._mirror.note_readings(self._activity, usable, set_point_pa)

    def _on_diagnostics(self, message: Any) -> None:
        for status in message.status:
            if status.name != "inspection: image":
                continue
            values = convert.status_values(status)
            light_level, exposure_s = float(values["light_level"]), float(values["exposure_s"])
            if math.isfinite(light_level) and exposure_s > 0.0:
                self._mirror.note_image(light_level, exposure_s)

    def _on_kpi(self, message: Any) -> None:
        if message.measurement_source_name == "cycle" and message.metrics_source == "cycle_time":
            self._mirror.end_cycle()
            self._drift.note_actual(_key(self._remote.values), message.statistics[0].data)

    def _on_state(self, message: Any) -> None:
        self._activity = message.data.partition(";")[0]

    def _on_proposal(self, message: Any) -> None:
        node = message.node.rpartition("/")[2]
        in_force = {name: dict(values) for name, values in self._remote.values.items()}
        proposed = convert.parameters_to_dict(message.changed_parameters)
        numbers = {name: value for name, value in proposed.items() if isinstance(value, float) and math.isfinite(value)}
        if node not in ROBOT_NODES or len(numbers) != len(proposed):
            return
        change = change_of(self._governance, node, numbers, in_force[node])
        if asks_twin(self._governance, node, change, in_force[node]):
            trial = {**in_force, node: {**in_force[node], **change}}
            self._trials.add(Trial(convert.stamp_to_ns(message.stamp), in_force, trial))
            self._work()

    def _on_poll(self) -> None:
        period_s = self.values.forecast_period_s
        is_due = period_s > 0.0 and self.now_ns() >= self._regular_ns
        known = all(self._remote.values[node] for node in self._remote.values)
        if is_due and known and self._trials.is_idle:
            self._regular_ns = self.now_ns() + round(period_s * convert.NS_PER_S)
            in_force = {name: dict(values) for name, values in self._remote.values.items()}
            self._trials.add(Trial(0, in_force, in_force))
        self._work()

    def _work(self) -> None:
        """Moves trials on; a lost fork is started anew and what it was doing is given up."""
        try:
            self._ask_and_take()
        except WorkcellError as error:
            self.get_logger().error(f"{error}; starting another")
            self._trials.forget()
            if self._fork is not None:
                self._fork.close()
            self._fork = self._start_fork()

    def _ask_and_take(self) -> None:
        assert self._fork is not None
        if not self._take():
            return
        while requests := self._trials.next_requests(self._mirror.rounded()):
            for request in requests:
                self._fork.ask(request)
            if not self._take():
                return
        result = self._trials.finished()
        if result is not None:
            self._publish(result)

    def _take(self) -> bool:
        """Takes in the fork's answers; false where one is not there yet."""
        assert self._fork is not None
        while self._trials.is_waiting_for_fork:
            cycles = self._fork.answer(wait=self.values.wait_for_fork)
            if cycles is None:
                return False
            self._trials.take(cycles)
        return True

    def _publish(self, result: Result) -> None:
        in_force, proposed = result.in_force.cycles, result.proposed.cycles
        if not in_force:
            self.get_logger().warning("a fork with what is in force finished no cycle: no forecast")
            return
        proposed = proposed or [fruitless(self.values.fork_duration_s)]
        self._drift.note_foreseen(_key(result.trial.in_force), in_force)
        self._drift.note_foreseen(_key(result.trial.proposed), proposed)
        seed = self.values.seed
        values = _values(outlook(proposed, seed), outlook(in_force, seed))
        values |= {"horizon_s": S_PER_H, "drift": self._drift.value, "cycles": float(len(proposed))}
        told = {**values, "basis": result.proposed.basis}
        status = convert.make_status("twin: forecast", convert.OK, "next hour", told)
        self._forecast_pub.publish(convert.make_diagnostics(result.trial.stamp_ns, [status]))

    def _statuses(self) -> list[Any]:
        if not self.is_active:
            return []
        seen = self._mirror.condition
        figures = {"leak": seen.leak, "mass": seen.mass, "light": seen.light, "drift": self._drift.value}
        values = {**figures, "dropped": self._trials.dropped}
        return [convert.make_status("twin: mirror", convert.OK, "following", values)]


def _key(parameters: Mapping[str, Mapping[str, float]]) -> str:
    return json.dumps(parameters, sort_keys=True)


def _values(proposed: Outlook, baseline: Outlook) -> dict[str, float]:
    good, base, drops = proposed.good_parts_per_hour, baseline.good_parts_per_hour, proposed.drops_per_hour
    return {
        "good_parts_per_hour_mean": good.mean,
        "good_parts_per_hour_low": good.low,
        "good_parts_per_hour_high": good.high,
        "baseline_good_parts_per_hour_mean": base.mean,
        "baseline_good_parts_per_hour_low": base.low,
        "baseline_good_parts_per_hour_high": base.high,
        "drops_per_hour_mean": drops.mean,
        "drops_per_hour_low": drops.low,
        "drops_per_hour_high": drops.high,
        "baseline_drops_per_hour_mean": baseline.drops_per_hour.mean,
        "energy_per_good_part_j_mean": proposed.energy_per_good_part_j,
    }


def main(args: list[str] | None = None) -> None:
    """Runs the twin."""
    run_node(TwinNode, args)
