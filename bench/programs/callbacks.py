"""Measures callbacks a second of whichever rclpy runs it; prints one line of JSON.

A node publishes to itself, each message answering the one before, so that every message costs one publish, one
wake-up of the executor and one callback: the path of a real node, with nothing else in it.
"""

import json
import sys
import time
from typing import Any

import rclpy
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from sensor_msgs.msg import Image, JointState
from std_msgs.msg import String
from std_srvs.srv import Trigger

DEPTH = 10


def make_messages() -> dict[str, Any]:
    """Returns one message of each size."""
    names = [f"joint_{index}" for index in range(6)]
    status = DiagnosticStatus(name="cell: node", values=[KeyValue(key=f"k{index}", value="1.0") for index in range(8)])
    return {
        "String, 20 B": String(data="x" * 20),
        "JointState, 6 joints": JointState(name=names, position=[0.1] * 6, velocity=[0.2] * 6, effort=[0.3] * 6),
        "DiagnosticArray, 4 x 8 values": DiagnosticArray(status=[status] * 4),
        "Image, 400 kB": Image(height=640, width=640, encoding="mono8", step=640, data=bytes(640 * 640)),
    }


def measure_topic(executor: Any, node: Any, message: Any, seconds: float) -> float:
    """Returns callbacks a second of a message sent in a ring."""
    count = 0

    def on_message(received: Any) -> None:
        nonlocal count
        count += 1
        publisher.publish(received)

    publisher = node.create_publisher(type(message), "ring", DEPTH)
    subscription = node.create_subscription(type(message), "ring", on_message, DEPTH)
    until = time.perf_counter() + 5.0
    while publisher.get_subscription_count() == 0 and time.perf_counter() < until:
        executor.spin_once(timeout_sec=0.01)
    publisher.publish(message)
    start = time.perf_counter()
    while (elapsed := time.perf_counter() - start) < seconds:
        executor.spin_once(timeout_sec=0.1)
    node.destroy_subscription(subscription)
    node.destroy_publisher(publisher)
    return count / elapsed


def measure_timer(executor: Any, node: Any, seconds: float) -> float:
    """Returns callbacks a second of a timer that is always due."""
    count = 0

    def on_timer() -> None:
        nonlocal count
        count += 1

    timer = node.create_timer(1e-6, on_timer)
    start = time.perf_counter()
    while (elapsed := time.perf_counter() - start) < seconds:
        executor.spin_once(timeout_sec=0.1)
    node.destroy_timer(timer)
    return count / elapsed


def measure_service(executor: Any, node: Any, seconds: float) -> float:
    """Returns calls a second of a service, one after the other."""

    def answer(_request: Any, response: Any) -> Any:
        response.success = True
        return response

    service = node.create_service(Trigger, "trigger", answer)
    client = node.create_client(Trigger, "trigger")
    while not client.service_is_ready():
        executor.spin_once(timeout_sec=0.01)
    count = 0
    start = time.perf_counter()
    while (elapsed := time.perf_counter() - start) < seconds:
        executor.spin_until_future_complete(client.call_async(Trigger.Request()))
        count += 1
    node.destroy_client(client)
    node.destroy_service(service)
    return count / elapsed


def main() -> None:
    """Measures everything for the seconds given as first argument."""
    seconds = float(sys.argv[1])
    rclpy.init(args=[])
    node = Node("bench")
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    figures = {name: measure_topic(executor, node, message, seconds) for name, message in make_messages().items()}
    figures["Timer"] = measure_timer(executor, node, seconds)
    figures["Trigger service"] = measure_service(executor, node, seconds)
    executor.shutdown()
    node.destroy_node()
    rclpy.shutdown()
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
