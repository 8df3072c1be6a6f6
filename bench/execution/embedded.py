"""The whole cell in virtual time while somebody plays with its speed, stops it and kills its driver."""

from __future__ import annotations

import contextlib
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from bench.execution.measured import LimitShares
from workcell_console.shift import ShiftOptions, run_shift
from workcell_control.cell.ledger import PartLedger
from workcell_sim.world import trajectory_executor
from workcell_sim.world.spline import Samples
from workcell_sim.world.trajectory_executor import Mode, TrajectoryExecutor

NS_PER_S = 1_000_000_000
SETTLED_S = 5.0
STEP_MIN_S, STEP_MAX_S = 0.3, 1.5


@dataclass(frozen=True)
class Plan:
    """How much of everything, and when."""

    moves: int
    cancels: int
    stops: int
    restarts: int
    seed: int

    @property
    def profile_end_s(self) -> float:
        """A move takes about two seconds with what lies between, half as fast on average."""
        return SETTLED_S + 5.5 * self.moves

    @property
    def cancels_end_s(self) -> float:
        """A cancel every four seconds."""
        return self.profile_end_s + 4.0 * self.cancels

    @property
    def stops_end_s(self) -> float:
        """A protective stop every twelve seconds."""
        return self.cancels_end_s + 12.0 * self.stops

    @property
    def end_s(self) -> float:
        """A restart every twelve seconds, and time for the last."""
        return self.stops_end_s + 12.0 * self.restarts + 15.0


@dataclass
class Seen:
    """What came of it."""

    counts: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    moves_ok: int = 0
    moves_ended_early: int = 0
    unnamed: int = 0
    slowest_share: float = 1.0


class CommandedLimits:
    """Looks at every reference that the world's controller gives its arm.

    The slider's ramp and the brake of a protective stop are the simulated robot's own: their velocity and acceleration
    count, their jerk is kept apart.
    """

    def __init__(self, shares: LimitShares, own: LimitShares) -> None:
        self._shares = shares
        self._own = own
        self._last: tuple[TrajectoryExecutor, np.ndarray] | None = None
        self._quiet = 0

    @contextlib.contextmanager
    def watching(self) -> Any:
        """While it lasts, every executor's references are looked at."""
        advance = TrajectoryExecutor.advance

        def watched(executor: TrajectoryExecutor, dt_s: float, count: int) -> Samples:
            is_own = executor.state.mode is Mode.BRAKING or executor.state.scaling != executor.state.scaling_target
            samples = advance(executor, dt_s, count)
            self._look(executor, samples, dt_s, is_own)
            return samples

        trajectory_executor.TrajectoryExecutor.advance = watched  # type: ignore[method-assign, assignment]
        try:
            yield
        finally:
            trajectory_executor.TrajectoryExecutor.advance = advance  # type: ignore[method-assign]

    def _look(self, executor: TrajectoryExecutor, samples: Samples, dt_s: float, is_own: bool) -> None:
        # The jerk of a robot's own ramp shows in the first difference after it, too.
        self._quiet = 0 if is_own else self._quiet + 1
        is_own = self._quiet < 3
        last = self._last[1] if self._last is not None and self._last[0] is executor else None
        self._last = (executor, samples.acceleration_rad_s2[-1].copy())
        if last is None:
            return
        jerk = np.diff(np.vstack([last, samples.acceleration_rad_s2]), axis=0) / dt_s
        target = self._own if is_own else self._shares
        target.add(samples.velocity_rad_s, samples.acceleration_rad_s2, jerk)


class Player:
    """A node beside the cell: moves slider and override, cancels, stops; writes down what the cell tells."""

    def __init__(self, plan: Plan, seen: Seen) -> None:
        self._plan = plan
        self._seen = seen
        self._rng = np.random.default_rng(plan.seed)

    def attend(self, kernel: Any) -> None:
        """Spawns the node."""
        self._start_ns = kernel.now_ns()
        kernel.spawn(self._main, ["player"], name="player")

    def _main(self) -> None:
        import rclpy
        from diagnostic_msgs.msg import DiagnosticArray
        from rcl_interfaces.srv import SetParameters
        from rclpy.executors import ExternalShutdownException
        from statistics_msgs.msg import MetricsMessage
        from std_msgs.msg import String
        from std_srvs.srv import Trigger

        from workcell_ros import qos

        rclpy.init()
        self._node = node = rclpy.create_node("player")
        names = ("cell/stop", "cell/start", "cell/reset", "world/protective_stop")
        self._triggers = {name: node.create_client(Trigger, name) for name in names}
        self._setters = {
            name: node.create_client(SetParameters, f"{name}/set_parameters") for name in ("cell", "world")
        }
        node.create_subscription(MetricsMessage, "cell/kpi", self._on_metric, qos.KPI)
        node.create_subscription(DiagnosticArray, "diagnostics", self._on_diagnostics, qos.DIAGNOSTICS)
        node.create_subscription(String, "cell/state", self._on_state, qos.STATE)
        self._state = ""
        self._next_s = SETTLED_S
        self._resume_s = float("inf")
        node.create_timer(0.05, self._tick)
        with contextlib.suppress(KeyboardInterrupt, ExternalShutdownException):
            rclpy.spin(node)
        node.destroy_node()
        rclpy.try_shutdown()

    @property
    def _now_s(self) -> float:
        return float(self._node.get_clock().now().nanoseconds - self._start_ns) / NS_PER_S

    def _tick(self) -> None:
        now_s, plan = self._now_s, self._plan
        if now_s >= self._resume_s:
            self._resume_s = float("inf")
            self._call("cell/start")
        if "a person must" in self._state and self._rng.random() < 0.02:
            self._seen.counts["acknowledged"] += 1
            self._call("cell/reset")
        if "reset; start" in self._state:
            self._call("cell/start")
        if now_s < self._next_s:
            return
        if now_s < plan.profile_end_s:
            self._change_speed(now_s)
        elif now_s < plan.cancels_end_s:
            self._cancel(now_s)
        elif now_s < plan.stops_end_s:
            self._stop(now_s)

    def _change_speed(self, now_s: float) -> None:
        """One of slider and override steps, to 0 now and then; at the end both are at 100 %."""
        self._next_s = now_s + float(self._rng.uniform(STEP_MIN_S, STEP_MAX_S))
        if self._next_s > self._plan.profile_end_s - 1.0:
            self._next_s = self._plan.profile_end_s
            self._set("cell", "speed_override", 1.0)
            self._set("world", "speed_scaling", 1.0)
            return
        share = float(self._rng.choice([0.0, 1.0, self._rng.uniform()], p=[0.15, 0.45, 0.4]))
        is_slider = self._rng.random() < 0.5
        self._seen.counts["slider steps" if is_slider else "override steps"] += 1
        self._set(*(("world", "speed_scaling") if is_slider else ("cell", "speed_override")), share)

    def _cancel(self, now_s: float) -> None:
        self._next_s = now_s + 4.0
        self._resume_s = now_s + float(self._rng.uniform(0.3, 1.2))
        self._seen.counts["cancels"] += 1
        self._call("cell/stop")

    def _stop(self, now_s: float) -> None:
        if not self._state.startswith(("transfer", "place", "approach", "pick")) or ";reason=protective" in self._state:
            return
        self._next_s = now_s + float(self._rng.uniform(10.0, 12.0))
        if self._seen.counts["protective stops"] < self._plan.stops:
            self._seen.counts["protective stops"] += 1
            self._call("world/protective_stop")

    def _set(self, node: str, name: str, value: float) -> None:
        from rcl_interfaces.srv import SetParameters
        from rclpy.parameter import Parameter

        request = SetParameters.Request(parameters=[Parameter(name, value=value).to_parameter_msg()])
        self._setters[node].call_async(request)

    def _call(self, name: str) -> None:
        from std_srvs.srv import Trigger

        self._triggers[name].call_async(Trigger.Request())

    def _on_metric(self, message: Any) -> None:
        if message.measurement_source_name == "move" and message.metrics_source == "is_ok":
            is_ok = message.statistics[0].data == 1.0
            self._seen.moves_ok += is_ok
            self._seen.moves_ended_early += not is_ok

    def _on_diagnostics(self, message: Any) -> None:
        for status in message.status:
            if status.name == "cell: motion":
                self._seen.reasons[status.message] += 1
                self._seen.unnamed += not status.message

    def _on_state(self, message: Any) -> None:
        self._state = message.data


def run(plan: Plan, folder: Path) -> dict[str, Any]:
    """Runs the shift; returns its figures."""
    from workcell_sim.world.arm_parameters import load_arm_parameters

    arm = load_arm_parameters("urdf/ur5e.yaml")
    limits = (arm.velocity_max_rad_s, arm.acceleration_max_rad_s2, arm.jerk_max_rad_s3)
    shares, own = LimitShares(*limits), LimitShares(*limits)
    events = [
        {"kind": "node_kill", "at_s": plan.stops_end_s + 12.0 * index, "hold_s": 0.5 + index % 4, "node": "world"}
        for index in range(plan.restarts)
    ]
    folder.mkdir(parents=True, exist_ok=True)
    scenario = folder / "restarts.yaml"
    scenario.write_text(yaml.safe_dump({"duration_s": 36000.0, "events": events}), encoding="utf-8")
    seen = Seen()
    given = {"twin": "false", "policy": "fixed", "log_level": "error", "fidelity": "kinematic"}
    options = ShiftOptions(folder / "run", str(scenario), plan.end_s, seed=plan.seed, arguments=given)
    with CommandedLimits(shares, own).watching():
        results = run_shift(options, Player(plan, seen).attend)
    return _figures(plan, seen, shares, own, results, options.out_dir)


def _figures(
    plan: Plan, seen: Seen, shares: LimitShares, own: LimitShares, results: dict[str, Any], out_dir: Path
) -> dict[str, Any]:
    ledger = PartLedger(out_dir / "ledger.journal")
    fates = {str(fate): count for fate, count in ledger.counts().items()}
    ledger.close()
    return {
        "virtual_s": plan.end_s,
        "played": {**seen.counts, "driver restarts": plan.restarts},
        "moves completed": seen.moves_ok,
        "moves ended early": seen.moves_ended_early,
        "reasons": dict(seen.reasons),
        "ended early without a named reason": seen.unnamed,
        "samples": shares.samples + own.samples,
        "largest share of the limit": shares.largest,
        "samples beyond the limit": shares.beyond,
        "robot's own ramps: largest share": own.largest,
        "robot's own ramps: samples beyond": own.beyond,
        "fates": fates,
        "lost parts": fates.get("floor", 0) + fates.get("void", 0),
        "parts": results["summary"]["parts"],
    }
