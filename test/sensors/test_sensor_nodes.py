"""Plant, gateway and monitor as nodes: the field's values become readings and health, and faults are told."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rclpy
from control_msgs.msg import DynamicInterfaceGroupValues, InterfaceValue
from diagnostic_msgs.msg import DiagnosticArray
from rcl_interfaces.msg import ParameterEvent
from rclpy.executors import SingleThreadedExecutor
from rclpy.lifecycle import TransitionCallbackReturn
from rclpy.node import Node
from rclpy.parameter import Parameter
from statistics_msgs.msg import MetricsMessage, StatisticDataPoint
from std_msgs.msg import String

from workcell_ros import convert, qos
from workcell_ros.state_file import StateFile
from workcell_sensors.gateway_node import GatewayNode
from workcell_sensors.monitor_node import MonitorNode
from workcell_sensors.reading import Quality
from workcell_sensors.tags import load_tags
from workcell_sim.plant.plant_node import PlantNode
from workcell_sim.plant.servers.server import free_port
from workcell_sim.world.signals import SHIFT_TIME

ROOT = Path(__file__).parents[2]
TAGS = Parameter("tags_file", Parameter.Type.STRING, str(ROOT / "config" / "tags.yaml"))
THRESHOLDS = Parameter("thresholds_file", Parameter.Type.STRING, str(ROOT / "config" / "thresholds.yaml"))
S = 1_000_000_000
TRUTH = {
    **{f"arm/joint_{n}/{what}": 1.0 for n in range(1, 7) for what in ("current", "torque", "speed")},
    **{f"arm/joint_{n}/vibration": 0.3 for n in range(1, 7)},
    **{f"arm/joint_{n}/temperature": 300.0 for n in range(1, 7)},
    **dict.fromkeys(("arm/protective_stop", "arm/grip_lost", "infeed/part_present", "infeed/count"), 0.0),
    "arm/tool_current": 0.1,
    "gripper/vacuum": 55e3,
    "gripper/pump_current": 0.4,
    "cell/ambient_light": 800.0,
    "cell/tariff": 0.3,
    "cell/temperature": 295.0,
    "cell/power": 250.0,
    "cell/energy": 7200.0,
}


class Probe(Node):
    """Plays the world and hears what comes out."""

    def __init__(self) -> None:
        super().__init__("probe")
        self.truth = dict(TRUTH)
        self.readings: dict[str, tuple[float, Quality, int]] = {}
        self.statuses: dict[str, Any] = {}
        self.proposals: list[Any] = []
        self._signals = self.create_publisher(DynamicInterfaceGroupValues, "plant/signals", qos.reliable(20))
        self.state = self.create_publisher(String, "cell/state", qos.STATE)
        self.kpi = self.create_publisher(MetricsMessage, "cell/kpi", qos.KPI)
        self._held = [
            self.create_subscription(DynamicInterfaceGroupValues, "readings", self._on_readings, qos.READINGS),
            self.create_subscription(DiagnosticArray, "diagnostics", self._on_diagnostics, qos.DIAGNOSTICS),
            self.create_subscription(ParameterEvent, "policy/proposals", self.proposals.append, qos.reliable()),
        ]
        self._timer = self.create_timer(0.05, self._tell)

    def now_ns(self) -> int:
        return int(self.get_clock().now().nanoseconds)

    def _tell(self) -> None:
        message = DynamicInterfaceGroupValues(interface_groups=list(self.truth))
        message.header.stamp = convert.ns_to_stamp(self.now_ns())
        message.interface_values = [InterfaceValue(interface_names=["value"], values=[v]) for v in self.truth.values()]
        self._signals.publish(message)

    def be_silent(self) -> None:
        """The world says nothing any more."""
        self._timer.cancel()

    def _on_readings(self, message: Any) -> None:
        for tag, cell in zip(message.interface_groups, message.interface_values, strict=True):
            assert list(cell.interface_names) in (["value", "quality"], ["value", "quality", "age_s"])
            self.readings[tag] = (
                cell.values[0],
                Quality(int(cell.values[1])),
                convert.stamp_to_ns(message.header.stamp),
            )

    def _on_diagnostics(self, message: Any) -> None:
        self.statuses.update({status.name: status for status in message.status})

    def quality(self, tag: str) -> str:
        return self.readings[tag][1].name

    def values(self, name: str) -> dict[str, str]:
        return convert.status_values(self.statuses[name])

    def cycle(self, dropped: bool) -> None:
        stamp = convert.ns_to_stamp(self.now_ns())
        for name, value in (("drop", float(dropped)), ("tracking_error_max", 0.0)):
            point = StatisticDataPoint(data_type=1, data=value)
            message = MetricsMessage(measurement_source_name="cycle", metrics_source=name, window_stop=stamp)
            message.statistics = [point]
            self.kpi.publish(message)


class Rig:
    """The nodes on one executor."""

    def __init__(self) -> None:
        self.executor = SingleThreadedExecutor()
        self.probe = Probe()
        self.nodes: list[Any] = []
        self.executor.add_node(self.probe)

    def add(self, node: Any) -> Any:
        self.nodes.append(node)
        self.executor.add_node(node)
        node.trigger_configure()
        node.trigger_activate()
        return node

    def run(self, seconds: float) -> None:
        end_ns = self.probe.now_ns() + round(seconds * S)
        while self.probe.now_ns() < end_ns:
            self.executor.spin_once(timeout_sec=0.05)

    def until(self, condition: Callable[[], bool], limit_s: float, what: str) -> None:
        end_ns = self.probe.now_ns() + round(limit_s * S)
        while not condition():
            assert self.probe.now_ns() < end_ns, what
            self.executor.spin_once(timeout_sec=0.05)

    def close(self) -> None:
        for node in self.nodes:
            node.take_down()
            node.destroy_node()
        self.probe.destroy_node()
        self.executor.shutdown()


@pytest.fixture
def rig(kernel: Any) -> Iterator[Rig]:
    if not rclpy.ok():
        rclpy.init()
    rig = Rig()
    yield rig
    rig.close()
    rclpy.try_shutdown()


def bring_up(rig: Rig, *plant: Parameter, refine: str = "apply") -> None:
    rig.add(GatewayNode(parameter_overrides=[TAGS]))
    rig.add(MonitorNode(parameter_overrides=[TAGS, THRESHOLDS, Parameter("refine", Parameter.Type.STRING, refine)]))
    rig.add(PlantNode(parameter_overrides=[TAGS, *plant]))


def test_every_tag_becomes_a_good_reading_and_a_healthy_status(rig: Rig) -> None:
    bring_up(rig)
    rig.run(5.0)
    assert set(rig.probe.readings) == set(TRUTH)
    assert {quality for _, quality, _ in rig.probe.readings.values()} == {Quality.GOOD}
    assert rig.probe.readings["gripper/vacuum"][0] == pytest.approx(55e3, abs=300.0)
    assert rig.probe.readings["cell/energy"][0] == 7200.0
    for tag in TRUTH:
        status = rig.probe.statuses[f"monitor: {tag}"]
        assert (tag, convert.level_of(status), status.message) == (tag, 0, "ok")
        assert status.hardware_id in ("mqtt", "opcua", "modbus")
    shown = rig.probe.values("monitor: gripper/vacuum")
    assert {"value", "threshold_warn", "threshold_alarm", "mean", "rms", "std", "slope"} <= set(shown)
    assert float(shown["mean"]) == pytest.approx(55e3, abs=300.0)
    for source in ("mqtt", "opcua", "modbus"):
        assert rig.probe.statuses[f"gateway: source {source}"].message == "connected"
        assert float(rig.probe.values(f"gateway: source {source}")["rate"]) > 1.0


def test_a_leak_while_holding_warns_and_only_then(rig: Rig) -> None:
    bring_up(rig)
    rig.run(2.0)
    rig.probe.truth["gripper/vacuum"] = 30e3
    rig.run(2.0)
    assert convert.level_of(rig.probe.statuses["monitor: gripper/vacuum"]) == 0
    rig.probe.state.publish(String(data="transfer;reason="))
    rig.run(0.5)
    status = rig.probe.statuses["monitor: gripper/vacuum"]
    assert convert.level_of(status) == 1
    assert "below warning limit" in status.message
    rig.probe.state.publish(String(data="place"))
    rig.run(0.3)
    assert convert.level_of(rig.probe.statuses["monitor: gripper/vacuum"]) == 0


def test_a_stalled_device_makes_its_tags_stale_and_only_those_until_it_is_back(rig: Rig, tmp_path: Path) -> None:
    scenario = tmp_path / "stall.yaml"
    scenario.write_text("events: [{kind: device_stall, device: modbus, at_s: 3, hold_s: 5}]\n")
    bring_up(rig, Parameter("scenario_file", Parameter.Type.STRING, str(scenario)))
    rig.run(7.0)
    assert rig.probe.quality("gripper/vacuum") == "STALE"
    assert rig.probe.quality("cell/power") == "STALE"
    assert rig.probe.quality("arm/joint_1/current") == "GOOD"
    assert convert.level_of(rig.probe.statuses["monitor: gripper/vacuum"]) == 3
    down = rig.probe.statuses["gateway: source modbus"]
    assert (down.message, convert.level_of(down)) == ("down", 2)
    assert "stalled" in rig.probe.values("gateway: source modbus")["reason"]
    rig.run(3.0)
    assert rig.probe.quality("gripper/vacuum") == "GOOD"
    assert convert.level_of(rig.probe.statuses["monitor: gripper/vacuum"]) == 0
    assert rig.probe.values("gateway: source modbus")["reconnects"] == "1"


def test_devices_that_no_longer_see_the_world_do_not_show_the_past_as_new(rig: Rig) -> None:
    bring_up(rig)
    rig.run(1.0)
    assert rig.probe.quality("gripper/vacuum") == "GOOD"
    rig.probe.be_silent()
    rig.until(lambda: rig.probe.quality("gripper/vacuum") == "STALE", 3.0, "a stale vacuum")


def test_a_signal_the_world_loses_is_bad(rig: Rig) -> None:
    bring_up(rig)
    rig.run(2.0)
    rig.probe.truth["arm/joint_3/current"] = float("nan")
    rig.run(1.5)
    assert rig.probe.readings["arm/joint_3/current"][1] is Quality.BAD
    status = rig.probe.statuses["monitor: arm/joint_3/current"]
    assert (convert.level_of(status), status.message) == (2, "no usable value")


@pytest.mark.embedded("equal runs need virtual time")
def test_two_runs_of_one_seed_give_the_same_readings_and_another_seed_does_not(kernel: Any) -> None:
    def readings(seed: int) -> dict[str, tuple[float, Quality, int]]:
        from workcell_sim.embedded._kernel import Kernel

        with Kernel(clock="virtual", start_ns=0):
            rclpy.init()
            rig = Rig()
            bring_up(rig, Parameter("seed", Parameter.Type.INTEGER, seed))
            rig.run(3.0)
            rig.close()
            rclpy.try_shutdown()
            return rig.probe.readings

    assert readings(1) == readings(1)
    assert readings(1) != readings(2)


def moved(rig: Rig) -> float:
    for cycle in range(40):
        dropped = cycle % 2 == 0
        rig.probe.truth["gripper/vacuum"] = 48e3 if dropped else 56e3
        rig.probe.state.publish(String(data="transfer"))
        rig.run(0.4)
        rig.probe.state.publish(String(data="place"))
        rig.run(0.1)
        rig.probe.cycle(dropped)
    rig.run(1.0)
    monitor = next(node for node in rig.nodes if isinstance(node, MonitorNode))
    return float(monitor.get_parameter("thresholds.gripper.vacuum.low_warn").value)


def test_drops_at_a_vacuum_raise_the_warning_limit_above_it(rig: Rig) -> None:
    bring_up(rig)
    assert 48e3 < moved(rig) < 56e3
    assert int(rig.probe.values("monitor: gripper/vacuum")["version"]) >= 1


def test_learning_can_be_switched_off_or_asked_of_the_governor(rig: Rig) -> None:
    bring_up(rig, refine="propose")
    before = 42e3
    assert moved(rig) == before
    assert rig.probe.proposals
    proposal = rig.probe.proposals[0]
    assert proposal.node == "/monitor"
    (change,) = proposal.changed_parameters
    assert (change.name, change.value.double_value) == ("thresholds.gripper.vacuum.low_warn", 44e3)
    # The policy's stamps are even: no proposal of the monitor may be taken for one of them.
    assert all(convert.stamp_to_ns(item.stamp) % 2 == 1 for item in rig.probe.proposals)


def test_a_plant_started_anew_takes_up_the_shift_where_it_is(rig: Rig, tmp_path: Path) -> None:
    scenario = tmp_path / "scenario.yaml"
    over = "{kind: device_stall, device: modbus, at_s: 5, hold_s: 10}"
    under_way = "{kind: device_stall, device: opcua, at_s: 58, hold_s: 5}"
    scenario.write_text(f"events:\n  - {over}\n  - {under_way}\n")
    rig.probe.truth[SHIFT_TIME] = 60.0
    bring_up(rig, Parameter("scenario_file", Parameter.Type.STRING, str(scenario)))
    rig.run(3.0)
    good = [tag for tag in rig.probe.readings if rig.probe.quality(tag) == "GOOD"]
    assert {rig.probe.statuses[f"monitor: {tag}"].hardware_id for tag in good} == {"mqtt", "modbus"}


def monitor_with(**values: str) -> MonitorNode:
    more = [Parameter(name, Parameter.Type.STRING, value) for name, value in values.items()]
    return MonitorNode(parameter_overrides=[TAGS, THRESHOLDS, *more])


def test_what_a_monitor_learned_outlives_it(rig: Rig, tmp_path: Path) -> None:
    given = {"refine": "apply", "learned_file": str(tmp_path / "learned.json")}
    rig.add(GatewayNode(parameter_overrides=[TAGS]))
    first = rig.add(monitor_with(**given))
    rig.add(PlantNode(parameter_overrides=[TAGS]))
    limit = moved(rig)
    end(rig, first)
    again = rig.add(monitor_with(**given))
    assert again.get_parameter("thresholds.gripper.vacuum.low_warn").value == limit != 42e3
    end(rig, again)

    file = StateFile(given["learned_file"], json.loads(Path(given["learned_file"]).read_text())["key"])
    learned, _ = file.read()
    assert learned is not None
    file.write({**learned, "prognosis": {"of": "another version"}})
    anew = rig.add(monitor_with(**given))
    assert anew.get_parameter("thresholds.gripper.vacuum.low_warn").value == 42e3, "all of it or nothing"


def end(rig: Rig, node: MonitorNode) -> None:
    node.take_down()
    rig.executor.remove_node(node)
    rig.nodes.remove(node)
    node.destroy_node()


def test_a_component_begins_anew_once_it_was_serviced_and_only_if_there_is_one(rig: Rig) -> None:
    monitor = rig.add(monitor_with(prognosis_file=str(ROOT / "config" / "prognosis.yaml")))
    monitor.set_parameters([Parameter("maintenance.joint_1", Parameter.Type.DOUBLE, 1.0)])
    (refused,) = monitor.set_parameters([Parameter("serviced", Parameter.Type.STRING, "joint_9")])
    assert not refused.successful
    assert "valid: joint_1" in refused.reason
    (taken,) = monitor.set_parameters([Parameter("serviced", Parameter.Type.STRING, "joint_1")])
    assert taken.successful
    rig.run(2.5)
    assert monitor.get_parameter("maintenance.joint_1").value == 0.0
    assert "learning what healthy is" in rig.probe.statuses["monitor: health joint_1"].message


def test_a_watch_asks_the_governor_for_somebody_to_look(rig: Rig, tmp_path: Path) -> None:
    prognosis = tmp_path / "prognosis.yaml"
    watch = "{watch: pump_level, detector: level_chart, quantities: [{tag: gripper/pump_current}]"
    prognosis.write_text(
        f"{{horizon_cycles: 9, failure_cost: 2, components: [],"
        f" watches: [{watch}, confirm_cycles: 2, settings: {{window: 2, grace_period: 8}}}}]}}",
        encoding="utf-8",
    )
    monitor = rig.add(monitor_with(prognosis_file=str(prognosis)))
    row = load_tags(ROOT / "config" / "tags.yaml").index["gripper/pump_current"]
    for cycle in range(14):
        for reading in range(4):
            value = (0.3 if cycle < 11 else 0.8) + 0.01 * ((cycle + reading) % 3)
            monitor._watch.prognosis.take(np.array([row]), np.array([value]), np.zeros(1, dtype=np.uint8))
        rig.probe.cycle(dropped=False)
        rig.run(0.2)
        assert bool(rig.probe.proposals) is (cycle > 11), "two cycles confirm it, and it is proposed once"
    (proposal,) = rig.probe.proposals
    (change,) = proposal.changed_parameters
    assert (change.name, change.value.double_value) == ("maintenance.pump_level", 1.0)
    rig.run(1.5)
    shown = rig.probe.statuses["monitor: health pump_level"]
    assert (convert.level_of(shown), shown.message) == (1, "unlike the cycles before, maintenance proposed")
    (taken,) = monitor.set_parameters([Parameter("serviced", Parameter.Type.STRING, "pump_level")])
    assert taken.successful
    rig.run(2.5)
    assert "learning what the machine is like" in rig.probe.statuses["monitor: health pump_level"].message


def test_limits_are_parameters_that_hold_together(rig: Rig) -> None:
    bring_up(rig)
    monitor = rig.nodes[1]
    name = "thresholds.gripper.vacuum"
    double = Parameter.Type.DOUBLE
    (refused,) = monitor.set_parameters([Parameter(f"{name}.low_alarm", double, 60e3)])
    assert not refused.successful
    assert "do not rise" in refused.reason
    result = monitor.set_parameters_atomically(
        [Parameter(f"{name}.low_alarm", double, 60e3), Parameter(f"{name}.low_warn", double, 65e3)]
    )
    assert result.successful
    rig.run(1.5)
    shown = rig.probe.values("monitor: gripper/vacuum")
    assert (float(shown["threshold_warn"]), float(shown["threshold_alarm"])) == (65e3, 60e3)
    (beyond,) = monitor.set_parameters([Parameter(f"{name}.low_warn", double, 200e3)])
    assert not beyond.successful


def test_a_trace_takes_the_place_of_the_arm_and_of_nothing_else(rig: Rig, tmp_path: Path) -> None:
    trace = tmp_path / "trace.csv"
    rows = [f"2022-10-26T08:00:{second:02d}.000Z;4,5;True" for second in range(30)]
    trace.write_text("\n".join(["Timestamp;Current_J1;Robot_ProtectiveStop", *rows]))
    bring_up(rig, Parameter("trace_file", Parameter.Type.STRING, str(trace)))
    rig.run(3.0)
    assert rig.probe.readings["arm/joint_2/current"][0] == pytest.approx(4.5, abs=0.2)
    assert rig.probe.readings["arm/joint_1/current"][0] == pytest.approx(1.0, abs=0.2)
    assert rig.probe.readings["gripper/vacuum"][0] == pytest.approx(55e3, abs=300.0)
    assert rig.probe.readings["arm/protective_stop"][0] == 1.0
    assert convert.level_of(rig.probe.statuses["monitor: arm/protective_stop"]) == 2


def test_a_busy_port_stops_the_plant_before_it_has_started_by_half(kernel: Any) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        busy = Parameter("opcua_port", Parameter.Type.INTEGER, taken.getsockname()[1])
        if not rclpy.ok():
            rclpy.init()
        node = PlantNode(parameter_overrides=[TAGS, Parameter("transport", Parameter.Type.STRING, "network"), busy])
        before = set(threading.enumerate())
        assert node.trigger_configure() == TransitionCallbackReturn.FAILURE
        assert set(threading.enumerate()) <= before
        assert not node._servers
        node.destroy_node()
        rclpy.try_shutdown()


def test_over_the_network_all_three_protocols_deliver_and_a_killed_one_comes_back(
    wall_kernel: Any, tmp_path: Path
) -> None:
    integer, text = Parameter.Type.INTEGER, Parameter.Type.STRING
    ports = [Parameter(f"{name}_port", integer, free_port()) for name in ("mqtt", "opcua", "modbus")]
    network = [TAGS, Parameter("transport", text, "network"), *ports]
    if not rclpy.ok():
        rclpy.init()
    rig = Rig()
    try:
        plant = rig.add(PlantNode(parameter_overrides=network))
        journal = Parameter("journal_file", text, str(tmp_path / "journal"))
        rig.add(GatewayNode(parameter_overrides=[*network, journal]))

        def all_good() -> bool:
            good = {tag for tag, (_, quality, _) in rig.probe.readings.items() if quality is Quality.GOOD}
            return good == set(TRUTH)

        rig.until(all_good, 20.0, "a good reading of every tag")
        plant._servers["modbus"].outage(1.5)
        rig.until(lambda: rig.probe.readings["gripper/vacuum"][1] is Quality.STALE, 10.0, "staleness")
        assert rig.probe.readings["arm/joint_1/current"][1] is Quality.GOOD
        rig.until(all_good, 20.0, "recovery")
        rig.run(1.1)
        assert rig.probe.values("gateway: source modbus")["reconnects"] == "1"
        assert list(tmp_path.glob("journal.*"))
    finally:
        rig.close()
        rclpy.try_shutdown()
