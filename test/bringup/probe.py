"""Looks at a running cell as any ROS program could, and writes down what it saw: `probe.py FILE`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import rclpy
from lifecycle_msgs.srv import GetState
from rcl_interfaces.msg import Parameter, ParameterType, ParameterValue
from rcl_interfaces.srv import GetParameters, SetParameters
from rclpy.action import get_action_names_and_types
from rclpy.node import Node
from rclpy.qos import QoSDurabilityPolicy, QoSHistoryPolicy, QoSProfile, QoSReliabilityPolicy
from statistics_msgs.msg import MetricsMessage
from vision_msgs.msg import Detection2DArray

from workcell_console.graph.observer_node import observe

PATIENCE_S = 60.0
GOOD_PARTS = 2
LATCHED = QoSProfile(
    depth=500, reliability=QoSReliabilityPolicy.RELIABLE, durability=QoSDurabilityPolicy.TRANSIENT_LOCAL
)


class Probe(Node):
    """Waits for good parts, then asks for all there is to see."""

    def __init__(self) -> None:
        super().__init__("probe")
        self.verdicts: list[float] = []
        self.audited: list[str] = []
        self.create_subscription(MetricsMessage, "cell/kpi", self._on_kpi, LATCHED)
        self.create_subscription(Detection2DArray, "world/audit", self._on_audit, LATCHED)

    @property
    def has_seen_enough(self) -> bool:
        return self.verdicts.count(0.0) >= GOOD_PARTS and "accept" in self.audited

    def _on_kpi(self, message: Any) -> None:
        if message.measurement_source_name == "cycle" and message.metrics_source == "verdict":
            self.verdicts.append(message.statistics[0].data)

    def _on_audit(self, message: Any) -> None:
        self.audited.append(message.header.frame_id)

    def call(self, kind: Any, name: str, request: Any) -> Any:
        client = self.create_client(kind, name)
        if not client.wait_for_service(timeout_sec=10.0):
            return None
        future = client.call_async(request)
        rclpy.spin_until_future_complete(self, future, timeout_sec=10.0)
        self.destroy_client(client)
        return future.result()

    def topics(self) -> dict[str, Any]:
        return {
            name: {
                "types": types,
                "publishers": [_endpoint(info) for info in self.get_publishers_info_by_topic(name)],
                "subscribers": [info.node_name for info in self.get_subscriptions_info_by_topic(name)],
            }
            for name, types in self.get_topic_names_and_types()
        }

    def states(self, nodes: list[str]) -> dict[str, str]:
        answers = {name: self.call(GetState, f"{name}/get_state", GetState.Request()) for name in nodes}
        return {name: answer.current_state.label for name, answer in answers.items() if answer is not None}

    def speed_scale(self) -> float:
        request = GetParameters.Request(names=["speed_scale"])
        return float(self.call(GetParameters, "cell/get_parameters", request).values[0].double_value)

    def set_speed_scale(self, value: float) -> list[Any]:
        number = ParameterValue(type=ParameterType.PARAMETER_DOUBLE, double_value=value)
        request = SetParameters.Request(parameters=[Parameter(name="speed_scale", value=number)])
        (result,) = self.call(SetParameters, "cell/set_parameters", request).results
        return [result.successful, result.reason]


def _endpoint(info: Any) -> dict[str, Any]:
    profile = info.qos_profile
    is_known = profile.history == QoSHistoryPolicy.KEEP_LAST
    return {
        "node": info.node_name,
        "reliability": profile.reliability.name,
        "durability": profile.durability.name,
        "depth": profile.depth if is_known else None,
    }


def main() -> None:
    rclpy.init()
    probe = Probe()
    start = probe.get_clock().now()
    while not probe.has_seen_enough and (probe.get_clock().now() - start).nanoseconds < PATIENCE_S * 1e9:
        rclpy.spin_once(probe, timeout_sec=0.1)
    services = dict(probe.get_service_names_and_types())
    managed = [name.removesuffix("/get_state") for name in services if name.endswith("/get_state")]
    seen = {
        "verdicts": probe.verdicts,
        "audited": probe.audited,
        "nodes": sorted(probe.get_node_names()),
        "topics": probe.topics(),
        "services": services,
        "actions": dict(get_action_names_and_types(probe)),
        "states": probe.states(managed),
        "graph": observe(probe),
        "refused": probe.set_speed_scale(5.0),
        "accepted": probe.set_speed_scale(0.5),
        "speed_scale": probe.speed_scale(),
    }
    Path(sys.argv[1]).write_text(json.dumps(seen, indent=1), encoding="utf-8")
    probe.destroy_node()
    rclpy.try_shutdown()


if __name__ == "__main__":
    main()
