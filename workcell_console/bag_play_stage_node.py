"""A replay's stage of running nodes: the deciders as processes of a ROS 2, the bag told by `ros2 bag play --clock`.

The bag's player is the clock and tells what the deciders hear from others, one message after the other: it is asked for
the next once they have dealt with the last, however busy the machine is. What it cannot tell as it was said is left to
the replay: when nodes came up, what people answered, and what names the stamp of a proposal, which is another now.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Self

import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from lifecycle_msgs.srv import GetState
from rcl_interfaces.msg import ParameterEvent
from rclpy.executors import SingleThreadedExecutor
from rclpy.qos import qos_profile_sensor_data
from rosbag2_interfaces.srv import PlayNext
from rosgraph_msgs.msg import Clock

from workcell_console.agenda import Agenda
from workcell_console.bag import BagReader
from workcell_console.commands import children
from workcell_console.decider_processes import DeciderProcesses
from workcell_ros import convert, qos
from workcell_ros.errors import WorkcellError

TOPICS = ("readings", "diagnostics", "cell/kpi", "cell/state")
"""What the bag's player tells, by relative name."""
CLOCK_HZ = 200
TICK_NS = 5_000_000
DISCOVERY_S = 2.0
"""Wall time in which a process finds those that were there before, and they find it."""
ANSWER_TIMEOUT_S = 60.0
"""Wall time for an answer of another process, which may just have been started."""
POLL_S = 0.02
START_A_NODE = "from workcell_ros.compose import main; main()"


class BagPlayStage:
    """Runs every decider as a process of its own.

    Args:
        bag: directory or file of the bag.
        start_ns: when time begins, before the bag does.
        namespace: of the deciders.
    """

    told_elsewhere: frozenset[str] = frozenset(TOPICS)
    discovery_s: float = 5.0

    def __init__(self, bag: Path, start_ns: int, namespace: str) -> None:
        self._bag = bag
        self._now_ns = start_ns
        self._namespace = namespace
        self._topics = [f"{namespace}/{name}" for name in TOPICS]
        with BagReader(bag) as reader:
            self._untold_ns = [item.stamp_ns for item in reader.messages(self._topics)][::-1]
        self._player: subprocess.Popen[bytes] | None = None
        self._deciders = DeciderProcesses()
        self._states: dict[str, Any] = {}
        self._others: list[Any] = []
        self._agenda = Agenda()
        self._said = 0

    def __enter__(self) -> Self:
        rclpy.init(args=[])
        self._executor = SingleThreadedExecutor()
        self._node = rclpy.create_node("bag_play", namespace=self._namespace)
        subscribe = self._node.create_subscription
        subscribe(Clock, "/clock", self._on_clock, qos_profile_sensor_data)
        subscribe(ParameterEvent, "policy/proposals", self._note_said, qos.reliable())
        subscribe(DiagnosticArray, "governor/verdicts", self._note_said, qos.VERDICTS)
        self._clock = self._node.create_publisher(Clock, "/clock", 10)
        self._next = self._node.create_client(PlayNext, "/rosbag2_player/play_next")
        self._executor.add_node(self._node)
        return self

    def __exit__(self, *error: object) -> None:
        self._deciders.stop(*([self._player] if self._player else []))
        self._executor.shutdown()
        for node in (self._node, *self._others):
            node.destroy_node()
        rclpy.try_shutdown()

    def spawn(self, name: str, arguments: Sequence[str]) -> None:
        """Starts a node of the cell with ROS arguments, and waits until it answers."""
        command = [sys.executable, "-c", START_A_NODE, name, *arguments, "-p", "use_sim_time:=true"]
        process = self._deciders.start(name, command)
        if name not in self._states:
            self._states[name] = self._node.create_client(GetState, f"{name}/get_state")
        self._wait_for(self._states[name].service_is_ready, process, f"{name} does not come up")

    def kill(self, name: str) -> None:
        """Ends a node without warning."""
        self._deciders.kill(name)

    def stall(self, name: str, duration_ns: int) -> None:
        """Lets a node stand still."""
        self.call_later(duration_ns, self._deciders.stall(name))

    def call_later(self, delay_ns: int, call: Callable[[], object]) -> None:
        """Has something done when that time has passed."""
        self._agenda.add(self._now_ns + delay_ns, call)

    def play_along(self, make_nodes: Callable[[], Sequence[Any]]) -> None:
        """Runs nodes of the replay itself beside the deciders."""
        for node in make_nodes():
            self._others.append(node)
            self._executor.add_node(node)

    def happen(self) -> None:
        """Waits until every decider has dealt with what was said, and with what the others answered to that."""
        said_before = -1
        while said_before != self._said:
            said_before = self._said
            for name, process in self._deciders.awake.items():
                self._hear_from(name, process)

    def run_until(self, now_ns: int) -> None:
        """Has the bag's player tell all until then, and lets time pass where the bag is silent."""
        while self._untold_ns and self._untold_ns[-1] <= now_ns:
            self._tell_next(self._untold_ns.pop())
        if self._player is None or not self._untold_ns:
            self._let_pass(now_ns)

    def _tell_next(self, stamp_ns: int) -> None:
        if self._player is None:
            self._let_pass(stamp_ns)
            self._play()
        assert self._player is not None
        answer = self._next.call_async(PlayNext.Request())
        self._wait_for(answer.done, self._player, f"{self._bag}: `ros2 bag play` tells no more")
        if not answer.result().success:
            raise WorkcellError(f"{self._bag}: `ros2 bag play` ended {len(self._untold_ns) + 1} messages too early")
        self._wait_for(lambda: self._now_ns >= stamp_ns, self._player, f"{self._bag}: `ros2 bag play` tells no time")
        self._agenda.do_due(self._now_ns)
        self.happen()
        if not self._untold_ns:
            children.stop(self._player)

    def _play(self) -> None:
        command = ["ros2", "bag", "play", str(self._bag), "--clock", str(CLOCK_HZ), "--start-paused"]
        self._player = children.start([*command, "--disable-keyboard-controls", "--topics", *self._topics])
        self._wait_for(self._next.service_is_ready, self._player, f"{self._bag}: `ros2 bag play` does not come up")
        self._spin(DISCOVERY_S)

    def _let_pass(self, now_ns: int) -> None:
        """Is the clock while the bag's player is none."""
        while self._now_ns < now_ns:
            self._now_ns = min(self._now_ns + TICK_NS, now_ns)
            self._clock.publish(Clock(clock=convert.ns_to_stamp(self._now_ns)))
            self._spin(TICK_NS / 1e9)
            self._agenda.do_due(self._now_ns)

    def _hear_from(self, name: str, process: subprocess.Popen[bytes]) -> None:
        """Asks a decider something: it answers after what it heard before."""
        answer = self._states[name].call_async(GetState.Request())
        self._wait_for(answer.done, process, f"{name} does not answer")

    def _on_clock(self, message: Clock) -> None:
        self._now_ns = max(self._now_ns, convert.stamp_to_ns(message.clock))

    def _note_said(self, _message: Any) -> None:
        self._said += 1

    def _wait_for(self, is_so: Callable[[], bool], process: subprocess.Popen[bytes], problem: str) -> None:
        until_s = time.monotonic() + ANSWER_TIMEOUT_S
        while not is_so():
            if process.poll() is not None or time.monotonic() > until_s:
                raise WorkcellError(f"{problem}; the log above says why")
            self._executor.spin_once(timeout_sec=POLL_S)

    def _spin(self, duration_s: float) -> None:
        until_s = time.monotonic() + duration_s
        while (left_s := until_s - time.monotonic()) > 0.0:
            self._executor.spin_once(timeout_sec=left_s)
