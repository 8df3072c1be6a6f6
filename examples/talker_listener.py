"""A plain rclpy program, as in any tutorial: a talker, a listener, and a service that adds.

It knows nothing of this project. `python -m workcell_sim.embedded examples/talker_listener.py` runs it where no ROS 2
is installed, `python examples/talker_listener.py` where one is sourced; it says the same and ends by itself.
"""

from __future__ import annotations

import rclpy
from example_interfaces.srv import AddTwoInts
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.node import Node
from std_msgs.msg import String

GREETINGS = 5
PERIOD_S = 0.2


class Talker(Node):
    """Says hello, and how many hellos there have been by the adder's count."""

    def __init__(self) -> None:
        super().__init__("talker")
        self._publisher = self.create_publisher(String, "chatter", 10)
        self._adder = self.create_client(AddTwoInts, "add")
        self._count = 0
        self.create_timer(PERIOD_S, self._on_timer)

    def _on_timer(self) -> None:
        future = self._adder.call_async(AddTwoInts.Request(a=self._count, b=1))
        future.add_done_callback(lambda done: self._say(done.result().sum))

    def _say(self, count: int) -> None:
        self._count = count
        self._publisher.publish(String(data=f"hello {count}"))


class Listener(Node):
    """Repeats what it hears, adds for who asks, and has heard enough in the end."""

    def __init__(self) -> None:
        super().__init__("listener")
        self.heard: list[str] = []
        self.create_subscription(String, "chatter", self._on_message, 10)
        self.create_service(AddTwoInts, "add", self._on_add)

    def _on_message(self, message: String) -> None:
        self.heard.append(message.data)
        self.get_logger().info(f"heard: {message.data}")

    def _on_add(self, request: AddTwoInts.Request, response: AddTwoInts.Response) -> AddTwoInts.Response:
        response.sum = request.a + request.b
        return response


def main() -> None:
    """Runs both nodes on one executor until enough was heard."""
    rclpy.init()
    executor = SingleThreadedExecutor()
    talker, listener = Talker(), Listener()
    for node in (talker, listener):
        executor.add_node(node)
    try:
        while len(listener.heard) < GREETINGS:
            executor.spin_once()
        print(f"{GREETINGS} greetings heard")
    except (KeyboardInterrupt, ExternalShutdownException):
        pass
    finally:
        executor.shutdown()
        for node in (talker, listener):
            node.destroy_node()
        rclpy.try_shutdown()


if __name__ == "__main__":
    main()
