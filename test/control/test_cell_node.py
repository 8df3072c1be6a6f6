"""The node `cell` on the simulated world's node: parts, faults, services and what it tells."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import rclpy
from control_msgs.msg import DynamicInterfaceGroupValues, InterfaceValue
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.parameter import Parameter
from statistics_msgs.msg import MetricsMessage
from std_msgs.msg import String
from std_srvs.srv import Trigger
from vision_msgs.msg import Detection2D, Detection2DArray, ObjectHypothesisWithPose

from workcell_control.cell.cell import PART_PRESENT
from workcell_control.cell.cell_node import CellNode
from workcell_control.cell.ledger import PartLedger
from workcell_ros import convert, qos
from workcell_sim.world.world_node import WorldNode

ROOT = Path(__file__).resolve().parents[2]
FILES = {
    "description_file": str(ROOT / "urdf" / "cell.urdf.xacro"),
    "arm_file": str(ROOT / "urdf" / "ur5e.yaml"),
    "station_file": str(ROOT / "config" / "station.yaml"),
}
S = 1_000_000_000


def parameters(**values: Any) -> list[Parameter]:
    return [Parameter(name, value=value) for name, value in values.items()]


class Surroundings(Node):
    """Plays gateway, inspection, monitor and governor, and remembers what the cell tells."""

    def __init__(self) -> None:
        super().__init__("surroundings")
        self.reads = True
        self.beating = {"inspection", "monitor", "governor"}
        self.verdict = "accept"
        self.states: list[str] = []
        self.statuses: dict[str, Any] = {}
        self.cycles: list[dict[str, float]] = []
        self.move_figures: dict[str, float] = {}
        self.shift: dict[str, tuple[float, str]] = {}
        self.audits: list[str] = []
        self._readings = self.create_publisher(DynamicInterfaceGroupValues, "readings", qos.READINGS)
        self._diagnostics = self.create_publisher(DiagnosticArray, "diagnostics", qos.DIAGNOSTICS)
        self._detections = self.create_publisher(Detection2DArray, "inspection/detections", qos.reliable(10))
        subscribe = self.create_subscription
        self._held = [
            subscribe(DynamicInterfaceGroupValues, "plant/signals", self._on_signals, qos.reliable(20)),
            subscribe(String, "cell/state", lambda m: self.states.append(m.data), qos.STATE),
            subscribe(DiagnosticArray, "diagnostics", self._on_diagnostics, qos.DIAGNOSTICS),
            subscribe(MetricsMessage, "cell/kpi", self._on_metric, qos.KPI),
            subscribe(Detection2DArray, "world/audit", lambda m: self.audits.append(m.header.frame_id), qos.AUDIT),
            self.create_service(Trigger, "inspection/inspect", self._on_inspect),
            self.create_timer(1.0, self._beat),
        ]
        self.callers = {
            name: self.create_client(Trigger, name)
            for name in ("cell/start", "cell/stop", "cell/reset", "world/protective_stop")
        }

    def now_ns(self) -> int:
        return int(self.get_clock().now().nanoseconds)

    def _on_signals(self, message: Any) -> None:
        if not self.reads:
            return
        (bundle,) = message.interface_values
        message.interface_groups = list(bundle.interface_names)
        message.interface_values = [
            InterfaceValue(interface_names=["value", "quality"], values=[value, 0.0]) for value in bundle.values
        ]
        self._readings.publish(message)

    def _beat(self) -> None:
        statuses = [convert.make_status(f"{name}: node", convert.OK, "active") for name in sorted(self.beating)]
        self._diagnostics.publish(convert.make_diagnostics(self.now_ns(), statuses))

    def _on_inspect(self, _request: Any, response: Any) -> Any:
        if self.verdict:
            hypothesis = ObjectHypothesisWithPose()
            hypothesis.hypothesis.class_id = self.verdict
            message = Detection2DArray(detections=[Detection2D(id="0001", results=[hypothesis])])
            message.header.stamp = convert.ns_to_stamp(self.now_ns())
            self._detections.publish(message)
        response.success = True
        return response

    def _on_diagnostics(self, message: Any) -> None:
        self.statuses.update({status.name: status for status in message.status})

    def _on_metric(self, message: Any) -> None:
        name, value = message.metrics_source, message.statistics[0].data
        if message.measurement_source_name == "move":
            self.move_figures[name] = value
            return
        if message.measurement_source_name == "shift":
            self.shift[name] = (value, message.unit)
            return
        if name == "cycle_time":
            self.cycles.append({})
        self.cycles[-1][name] = value


class Rig:
    """World, cell and surroundings on one executor in virtual time."""

    def __init__(self, ledger_file: Path) -> None:
        self.ledger_file = ledger_file
        self.executor = SingleThreadedExecutor()
        self.around = Surroundings()
        self.executor.add_node(self.around)
        self.world = self.add(WorldNode(parameter_overrides=self.world_parameters()))
        self.cell = self.add_cell()

    @staticmethod
    def world_parameters() -> list[Parameter]:
        calm = str(ROOT / "config" / "scenarios" / "calm.yaml")
        return parameters(**FILES, fidelity="kinematic", state_file="", scenario_file=calm, camera_rate_hz=0.1,
                          camera_active_rate_hz=0.5)  # fmt: skip

    def add(self, node: Any) -> Any:
        self.executor.add_node(node)
        node.trigger_configure()
        node.trigger_activate()
        return node

    def add_cell(self, **changes: Any) -> Any:
        values = {**FILES, "ledger_file": str(self.ledger_file), **changes}
        return self.add(CellNode(parameter_overrides=parameters(**values)))

    def remove_cell(self) -> None:
        self.executor.remove_node(self.cell)
        self.cell.destroy_node()

    def remove_world(self) -> None:
        self.executor.remove_node(self.world)
        self.world.destroy_node()

    def replace_world(self, *changes: Parameter) -> None:
        if self.world in self.executor.get_nodes():
            self.remove_world()
        kept = [p for p in self.world_parameters() if p.name not in {change.name for change in changes}]
        self.world = self.add(WorldNode(parameter_overrides=[*kept, *changes]))

    def run(self, seconds: float) -> None:
        end_ns = self.around.now_ns() + round(seconds * S)
        while self.around.now_ns() < end_ns:
            self.executor.spin_once(timeout_sec=0.05)

    def until(self, condition: Callable[[], bool], limit_s: float = 30.0) -> None:
        end_ns = self.around.now_ns() + round(limit_s * S)
        while not condition():
            assert self.around.now_ns() < end_ns, f"not within {limit_s} s; states: {self.around.states[-5:]}"
            self.executor.spin_once(timeout_sec=0.05)

    def until_state(self, word: str) -> None:
        self.until(lambda: bool(self.around.states) and self.around.states[-1].startswith(word))

    def call(self, service: str) -> Any:
        future = self.around.callers[service].call_async(Trigger.Request())
        self.until(future.done, 5.0)
        return future.result()

    def close(self) -> None:
        for node in (self.cell, self.world):
            node.take_down()
            node.destroy_node()
        self.around.destroy_node()
        self.executor.shutdown()


@pytest.fixture
def rig(kernel: Any, tmp_path: Path) -> Iterator[Rig]:
    if not rclpy.ok():
        rclpy.init()
    rig = Rig(tmp_path / "ledger.journal")
    yield rig
    rig.close()
    rclpy.try_shutdown()


def test_parts_are_made_booked_and_told(rig: Rig) -> None:
    rig.run(32.0)
    assert len(rig.around.cycles) >= 5
    assert rig.around.audits[: len(rig.around.cycles)] == ["accept"] * len(rig.around.cycles)
    cycle = rig.around.cycles[2]
    assert set(cycle) == {
        "cycle_time",
        "drop",
        "verdict",
        "energy",
        "vacuum_min",
        "acceleration_max",
        "serial",
        "pick_attempts",
        "tracking_error_max",
    }
    assert (cycle["serial"], cycle["verdict"], cycle["drop"], cycle["pick_attempts"]) == (3.0, 0.0, 0.0, 1.0)
    assert 4.0 < cycle["cycle_time"] < 6.5
    assert cycle["energy"] > 100.0
    assert cycle["vacuum_min"] > 30e3
    assert math.isfinite(cycle["tracking_error_max"])
    assert rig.around.shift["good_parts_per_hour"][1] == "1/h"
    assert rig.around.shift["produced_quantity"][0] == len(rig.around.cycles)
    assert 0.5 < rig.around.shift["availability"][0] <= 1.0
    words = [text.partition(";")[0] for text in rig.around.states]
    for word in ("approach", "pick", "transfer", "settle", "inspect", "place"):
        assert word in words


def test_a_hold_tells_its_reason_and_ends_by_itself(rig: Rig) -> None:
    rig.until_state("transfer")
    rig.around.reads = False
    rig.until_state("hold")
    assert "readings quiet for more than 1 s" in rig.around.states[-1]
    rig.run(1.5)
    safety = rig.around.statuses["cell: safety"]
    assert convert.level_of(safety) == 2
    assert "readings quiet" in safety.message
    rig.around.reads = True
    rig.until_state("place")
    rig.until(lambda: rig.around.audits == ["accept"])


def test_a_missing_inspection_node_holds_and_a_missing_governor_brings_the_safe_set(rig: Rig) -> None:
    rig.until_state("transfer")
    rig.around.beating = {"inspection", "monitor"}
    rig.run(4.0)
    safety = rig.around.statuses["cell: safety"]
    assert (convert.level_of(safety), convert.status_values(safety)["action"]) == (1, "safe_parameters")
    assert not rig.around.states[-1].startswith("hold")
    rig.around.beating = {"governor", "monitor"}
    rig.run(4.0)
    assert "inspection quiet for more than 2.5 s" in rig.around.states[-1]


def test_no_verdict_sends_the_part_to_rework(rig: Rig) -> None:
    rig.around.verdict = ""
    rig.until(lambda: bool(rig.around.audits), 20.0)
    assert rig.around.audits == ["rework"]


def test_stop_start_and_reset_are_services(rig: Rig) -> None:
    rig.until_state("transfer")
    answer = rig.call("cell/stop")
    assert answer.success
    assert answer.message == "stopped;reason=a person asked"
    rig.run(3.0)
    assert rig.around.states[-1].startswith("stopped")
    assert not rig.around.audits
    rig.call("cell/start")
    rig.until(lambda: rig.around.audits == ["accept"])


def test_a_protective_stop_is_left_after_its_wait(rig: Rig) -> None:
    rig.until_state("transfer")
    rig.call("world/protective_stop")
    rig.until(lambda: "protective_stop: requested by service" in rig.around.states[-1], 3.0)
    rig.run(4.0)
    assert rig.around.states[-1].startswith("hold")
    rig.until(lambda: rig.around.audits == ["accept"])


def test_a_killed_cell_takes_the_held_part_to_rework(rig: Rig) -> None:
    rig.until_state("transfer")
    rig.remove_cell()
    rig.run(2.0)
    rig.cell = rig.add_cell()
    rig.until(lambda: bool(rig.around.audits))
    assert rig.around.audits == ["rework"]
    rig.until(lambda: len(rig.around.cycles) == 2)
    fates = [part.fate for part in PartLedger(rig.ledger_file).parts if part.fate]
    assert fates == ["rework", "accept"]


def test_a_deactivated_cell_goes_on_with_the_part_when_activated_again(rig: Rig) -> None:
    rig.until_state("transfer")
    rig.cell.trigger_deactivate()
    rig.run(3.0)
    assert rig.world._world.held_part is not None
    rig.cell.trigger_activate()
    rig.until(lambda: len(rig.around.cycles) == 2)
    fates = [part.fate for part in PartLedger(rig.ledger_file).parts if part.fate]
    assert fates == rig.around.audits == ["rework", "accept"]


def test_a_killed_world_holds_the_cell_and_no_part_is_lost(rig: Rig, tmp_path: Path) -> None:
    state_file = Parameter("state_file", value=str(tmp_path / "world.json"))
    rig.replace_world(state_file)
    rig.until_state("transfer")
    rig.run(0.3)
    rig.remove_world()
    rig.run(5.0)
    assert "joint_states quiet for more than 1 s" in rig.around.states[-1]
    rig.replace_world(state_file)
    rig.until(lambda: len(rig.around.cycles) == 2)
    fates = [part.fate for part in PartLedger(rig.ledger_file).parts if part.fate]
    assert fates == rig.around.audits == ["accept", "accept"]


def test_a_refusing_arm_stops_the_cell_until_a_person_resets_it(rig: Rig) -> None:
    rig.until_state("transfer")
    rig.world._arm.close()
    rig.until_state("stopped")
    assert "motion failed 4 times" in rig.around.states[-1]
    assert rig.world._world.held_part is not None
    rig.world._arm.open()
    assert "reset before starting" in rig.call("cell/start").message
    rig.call("cell/reset")
    rig.call("cell/start")
    rig.until(lambda: rig.around.audits == ["accept"])


def test_parameters_are_checked_and_shape_the_next_moves(rig: Rig) -> None:
    rig.until(lambda: len(rig.around.cycles) == 2)
    refused = rig.cell.set_parameters(parameters(speed_scale=1.5))[0]
    assert not refused.successful
    rig.cell.set_parameters_atomically(parameters(speed_scale=1.0, acceleration_scale=1.0, jerk_scale=1.0))
    rig.until(lambda: len(rig.around.cycles) == 4)
    assert rig.around.cycles[3]["cycle_time"] < rig.around.cycles[1]["cycle_time"] - 0.4


def speed_rad_s(rig: Rig) -> float:
    """Of the fastest joint, as the cell last heard."""
    return max(map(abs, rig.cell._mover._arm.state._joint_states[-1].velocity))


def test_the_arm_passes_from_bin_to_the_next_part_without_a_stop_but_stands_after_lifting(rig: Rig) -> None:
    for state, is_passing in (("transfer", False), ("place", False), ("approach", True), ("pick", True)):
        rig.until_state(state)
        assert (speed_rad_s(rig) > 0.1) is is_passing, state
    rig.until(lambda: len(rig.around.cycles) == 2)
    assert rig.around.audits == ["accept"] * 2


def test_the_arm_brakes_where_the_part_it_was_going_on_to_is_gone(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    rig.until(lambda: len(rig.around.cycles) == 1)
    rig.until_state("approach")
    assert [way.waypoint for way in rig.cell._mover._under_way.asked.onward][-1] == "infeed_pick"
    on_reading = rig.cell._cell.on_reading

    def starved(tag: str, value: float, *rest: Any, **named: Any) -> Any:
        return on_reading(tag, 0.0 if tag == PART_PRESENT else value, *rest, **named)

    monkeypatch.setattr(rig.cell._cell, "on_reading", starved)
    rig.until_state("idle")
    assert speed_rad_s(rig) > 0.1
    rig.run(0.6)
    assert speed_rad_s(rig) < 0.01
    monkeypatch.undo()
    rig.until(lambda: len(rig.around.cycles) == 2)
    assert rig.around.audits == ["accept"] * 2


def transfer_time_s(rig: Rig, **changes: float) -> float:
    """Time from the start of a transfer to its end, with parameters changed a tenth of a second after its start."""
    rig.until_state("transfer")
    begin_ns = rig.around.now_ns()
    rig.run(0.1)
    rig.cell.set_parameters_atomically(parameters(**changes))
    rig.until_state("settle")
    return (rig.around.now_ns() - begin_ns) / 1e9


def test_gentler_parameters_slow_the_move_under_way_and_bolder_ones_wait_for_the_next(rig: Rig) -> None:
    usual_s = transfer_time_s(rig, grip_dwell_s=0.2)
    slowed_s = transfer_time_s(rig, speed_scale=0.2, acceleration_scale=0.15)
    assert slowed_s > 1.5 * usual_s
    bolder_s = transfer_time_s(rig, speed_scale=0.6, acceleration_scale=0.5)
    assert bolder_s > slowed_s
    assert transfer_time_s(rig, grip_dwell_s=0.2) == pytest.approx(usual_s, abs=0.05)
    assert rig.around.audits == ["accept"] * 3
    assert not any("motion failed" in state for state in rig.around.states)


def test_shutting_down_brakes_the_arm_and_keeps_the_part(rig: Rig) -> None:
    rig.until_state("transfer")
    future = rig.cell.safe_stop()
    rig.until(future.done, 2.0)
    rig.run(1.0)
    assert rig.world._world.held_part is not None
    assert rig.around.states[-1] == "stopped;reason=the cell is shut down"


def test_a_station_that_cannot_be_reached_is_refused_on_configure(kernel: Any, tmp_path: Path) -> None:
    station = tmp_path / "station.yaml"
    station.write_text(
        (ROOT / "config" / "station.yaml").read_text().replace("[0.46, -0.22, 0.85]", "[4.6, 0.0, 0.85]")
    )
    if not rclpy.ok():
        rclpy.init()
    node = CellNode(parameter_overrides=parameters(**{**FILES, "station_file": str(station)}))
    assert node.trigger_configure().name in ("FAILURE", "ERROR")
    node.destroy_node()
    rclpy.try_shutdown()


class Person:
    """Answers what the cell asks while it is commissioned."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        self.asked: list[str] = []

    def question(self) -> str:
        status = self.rig.around.statuses.get("cell: commissioning")
        return convert.status_values(status)["service"] if status is not None else ""

    def answer(self, word: str) -> Any:
        service = self.question()
        self.asked.append(service.rpartition("/")[2])
        self.rig.around.callers[service] = self.rig.around.create_client(Trigger, f"{service}/{word}")
        return self.rig.call(service)


def test_while_commissioning_a_person_lets_each_kind_of_motion_pass_once(rig: Rig) -> None:
    rig.remove_cell()
    rig.cell = rig.add_cell(commissioning=True, commissioning_speed=1.0)
    person = Person(rig)
    while not rig.around.audits:
        rig.until(lambda: person.question() != "" or bool(rig.around.audits))
        if not rig.around.audits:
            assert person.answer("approve").success
            rig.run(0.1)
    assert len(set(person.asked)) == len(person.asked)
    assert {"to_infeed_above_empty", "straight_to_infeed_pick_empty", "to_camera_inspect_with_part"} <= set(
        person.asked
    )
    rig.until(lambda: len(rig.around.audits) == 2, 60.0)  # of the same kinds: nobody is asked again
    assert person.question() == ""


def test_a_motion_that_a_person_rejects_stops_the_cell_where_it_is(rig: Rig) -> None:
    rig.remove_cell()
    rig.cell = rig.add_cell(commissioning=True)
    person = Person(rig)
    rig.until(lambda: person.question() != "")
    rig.run(10.0)
    assert rig.around.states[-1] == "recover"  # out of where it woke up; it waits, and does not give up
    assert person.answer("reject").success
    rig.until_state("stopped")
    assert f"a person rejected {person.asked[0]}" in rig.around.states[-1]
