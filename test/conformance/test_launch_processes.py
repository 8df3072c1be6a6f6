"""Processes and nodes of launch files do the same on the embedded runtime and on ROS 2's launch."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from launch import LaunchDescription, LaunchService
from launch.actions import (
    EmitEvent,
    ExecuteProcess,
    GroupAction,
    OpaqueFunction,
    RegisterEventHandler,
    SetEnvironmentVariable,
    Shutdown,
    TimerAction,
)
from launch.event_handlers import OnProcessExit, OnProcessIO, OnProcessStart
from launch.events import matches_action
from launch.events.process import ShutdownProcess, SignalProcess
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node, PushRosNamespace, SetParameter, SetRemap
from launch_ros.parameter_descriptions import ParameterFile, ParameterValue

from workcell_sim.embedded import is_active


@pytest.fixture(autouse=True)
def wall_clock() -> Iterator[None]:
    """Real processes need real time; nodes get a graph of their own for each test."""
    if not is_active():
        yield
        return
    from workcell_sim.embedded._kernel import Kernel

    with Kernel(clock="wall"):
        yield


class Watch:
    """Notes what processes print and how they end."""

    def __init__(self) -> None:
        self.output: dict[str, str] = {}
        self.exits: list[tuple[str, int]] = []
        self.started: list[str] = []

    def handlers(self) -> list[Any]:
        return [
            RegisterEventHandler(OnProcessStart(on_start=lambda event, context: self._start(event))),
            RegisterEventHandler(OnProcessIO(on_stdout=self._print)),
            RegisterEventHandler(OnProcessExit(on_exit=lambda event, context: self._exit(event))),
        ]

    def _start(self, event: Any) -> None:
        self.started.append(event.process_name.rpartition("-")[0])

    def _print(self, event: Any) -> None:
        name = event.process_name.rpartition("-")[0]
        self.output[name] = self.output.get(name, "") + event.text.decode()

    def _exit(self, event: Any) -> None:
        self.exits.append((event.process_name.rpartition("-")[0], event.returncode))

    def run(self, *entities: Any) -> int:
        service = LaunchService(noninteractive=True)
        service.include_launch_description(LaunchDescription([*self.handlers(), *entities]))
        return int(service.run())


@pytest.fixture
def watch() -> Watch:
    return Watch()


# Programs print a line at once with its end: an unbuffered print() writes the two one after the other.
def python(code: str, name: str = "proc", **kwargs: Any) -> ExecuteProcess:
    return ExecuteProcess(cmd=[sys.executable, "-c", code], name=name, **kwargs)


def test_output_and_exit_codes_of_processes(watch: Watch) -> None:
    code = watch.run(python("print('hello')", "a"), python("raise SystemExit(3)", "b"))
    # The end of a process, whatever its code, is no failure of the launch.
    assert code == 0
    assert watch.output == {"a": "hello\n"}
    assert sorted(watch.exits) == [("a", 0), ("b", 3)]
    assert sorted(watch.started) == ["a", "b"]


def test_environment_and_working_directory(watch: Watch, tmp_path: Path) -> None:
    show = "import os; print(os.environ['WORKCELL_A'], os.environ['WORKCELL_B'], os.getcwd())"
    group = GroupAction(
        [
            SetEnvironmentVariable("WORKCELL_A", "scoped"),
            python(show, cwd=str(tmp_path), additional_env={"WORKCELL_B": "added"}),
        ]
    )
    assert watch.run(group) == 0
    assert watch.output["proc"] == f"scoped added {tmp_path}\n"


def test_a_program_that_is_missing_does_not_end_the_launch(watch: Watch) -> None:
    assert watch.run(ExecuteProcess(cmd=["workcell-no-such-program"]), python("print('on')")) == 0
    assert watch.output == {"proc": "on\n"}


def test_respawn_until_its_retries_are_used_up(watch: Watch) -> None:
    process = python("raise SystemExit(1)", respawn=True, respawn_delay=0.01, respawn_max_retries=2)
    assert watch.run(process) == 0
    assert watch.exits == [("proc", 1)] * 3


def test_on_exit_may_shut_down_the_others(watch: Watch) -> None:
    lasting = python("import time; print('up\\n', end='', flush=True); time.sleep(60)", "lasting")
    brief = python("pass", "brief", on_exit=Shutdown(reason="brief ended"))
    begin = OnProcessIO(target_action=lasting, on_stdout=lambda event: brief)
    assert watch.run(RegisterEventHandler(begin), lasting) == 0
    assert watch.exits[0] == ("brief", 0)
    assert watch.exits[1][0] == "lasting"
    assert watch.exits[1][1] != 0


def test_a_process_deaf_to_sigint_gets_sigterm_then_sigkill(watch: Watch) -> None:
    deaf = python(
        "import signal, time\n"
        "signal.signal(signal.SIGINT, signal.SIG_IGN)\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "print('up\\n', end='', flush=True)\ntime.sleep(60)",
        sigterm_timeout="0.1",
        sigkill_timeout="0.1",
    )
    ready = OnProcessIO(target_action=deaf, on_stdout=lambda event: EmitEvent(event=_shutdown(deaf)))
    assert watch.run(RegisterEventHandler(ready), deaf) == 0
    assert watch.exits == [("proc", -signal.SIGKILL)]


def _shutdown(action: Any) -> ShutdownProcess:
    return ShutdownProcess(process_matcher=matches_action(action))


def test_signals_can_be_sent(watch: Watch) -> None:
    lasting = python("import time; print('up\\n', end='', flush=True); time.sleep(60)")
    send = EmitEvent(event=SignalProcess(signal_number=signal.SIGTERM, process_matcher=matches_action(lasting)))
    ready = OnProcessIO(target_action=lasting, on_stdout=lambda event: send)
    assert watch.run(RegisterEventHandler(ready), lasting) == 0
    assert watch.exits == [("proc", -signal.SIGTERM)]


NODE = """#!{python} -u
import json, sys
import rclpy
from rclpy.node import Node
rclpy.init()
node = Node("unnamed", automatically_declare_parameters_from_overrides=True)
publisher = node.create_publisher(__import__("std_msgs.msg").msg.String, "chatter", 1)
parameters = {{name: node.get_parameter(name).value for name in sorted(node._parameters)}}
parameters = {{k: list(v) if hasattr(v, "__len__") and not isinstance(v, str) else v for k, v in parameters.items()}}
for internal in [name for name in parameters if name.startswith(("qos_overrides", "start_type", "use_sim_time"))]:
    del parameters[internal]
arguments = rclpy.utilities.remove_ros_args(sys.argv)[1:]
print(json.dumps([node.get_fully_qualified_name(), publisher.topic_name, parameters, arguments]))
node.destroy_node()
rclpy.shutdown()
sys.exit(int(arguments[0]) if arguments else 0)
"""

SPINNER = """#!{python} -u
import rclpy
from rclpy.executors import ExternalShutdownException
from rclpy.node import Node
rclpy.init()
node = Node("spinner")
try:
    print("spinning\\n", end="", flush=True)
    rclpy.spin(node)
except (KeyboardInterrupt, ExternalShutdownException):
    print("stopped\\n", end="", flush=True)
finally:
    node.destroy_node()
    rclpy.try_shutdown()
"""


def script(path: Path, text: str) -> str:
    path.write_text(text.format(python=sys.executable))
    path.chmod(0o755)
    return str(path)


@pytest.fixture
def node_file(tmp_path: Path) -> str:
    return script(tmp_path / "tell.py", NODE)


def tell(watch: Watch, name: str = "tell") -> Any:
    return json.loads(watch.output[name])


def test_a_node_gets_name_namespace_remappings_and_arguments(watch: Watch, node_file: str) -> None:
    node = Node(
        executable=node_file,
        exec_name="tell",
        name="teller",
        namespace="inner",
        remappings=[("chatter", "news")],
        arguments=["4"],
    )
    assert watch.run(GroupAction([PushRosNamespace("outer"), node])) == 0
    assert tell(watch) == ["/outer/inner/teller", "/outer/inner/news", {}, ["4"]]
    assert watch.exits == [("tell", 4)]


def test_a_node_without_a_name_keeps_its_own(watch: Watch, node_file: str) -> None:
    assert watch.run(Node(executable=node_file, exec_name="tell")) == 0
    assert tell(watch)[:2] == ["/unnamed", "/chatter"]


def test_parameters_keep_their_types(watch: Watch, node_file: str) -> None:
    parameters = {
        "text": "1",
        "whole": 7,
        "real": 2.5,
        "flag": True,
        "list": [1.0, 2],
        "words": ["a", "b"],
        "nested": {"deep": {"value": -3}},
        "evaluated": LaunchConfiguration("number", default="42"),
        "kept": ParameterValue(LaunchConfiguration("number", default="42"), value_type=str),
    }
    assert watch.run(Node(executable=node_file, exec_name="tell", name="teller", parameters=[parameters])) == 0
    assert tell(watch)[2] == {
        "text": "1",
        "whole": 7,
        "real": 2.5,
        "flag": True,
        "list": [1.0, 2.0],
        "words": ["a", "b"],
        "nested.deep.value": -3,
        "evaluated": 42,
        "kept": "42",
    }


def test_later_parameters_take_precedence_and_files_are_read(watch: Watch, node_file: str, tmp_path: Path) -> None:
    file = tmp_path / "params.yaml"
    file.write_text(
        "/**:\n  ros__parameters:\n    a: 1\n    b: 1\n/teller:\n  ros__parameters:\n    c: [p, q]\n"
        "/other:\n  ros__parameters:\n    d: 1\n"
    )
    node = Node(executable=node_file, exec_name="tell", name="teller", parameters=[ParameterFile(file), {"b": 2}])
    assert watch.run(SetParameter("a", 0), SetParameter("z", "all"), node) == 0
    assert tell(watch)[2] == {"a": 1, "b": 2, "c": ["p", "q"], "z": "all"}


def test_a_remapping_for_all_nodes(watch: Watch, node_file: str) -> None:
    assert watch.run(SetRemap("chatter", "everywhere"), Node(executable=node_file, exec_name="tell")) == 0
    assert tell(watch)[1] == "/everywhere"


def test_nodes_are_stopped_by_shutdown(watch: Watch, tmp_path: Path) -> None:
    file = script(tmp_path / "spinner.py", SPINNER)
    node = Node(executable=file, exec_name="spinner", output="screen")
    ready = OnProcessIO(on_stdout=lambda event: Shutdown() if b"spinning" in event.text else None)
    assert watch.run(RegisterEventHandler(ready), node) == 0
    assert watch.output["spinner"].split() == ["spinning", "stopped"]
    assert watch.exits == [("spinner", 0)]


def test_a_killed_node_is_respawned(watch: Watch, tmp_path: Path) -> None:
    file = script(tmp_path / "spinner.py", SPINNER)
    node = Node(executable=file, exec_name="spinner", respawn=True, respawn_delay=0.05)
    kill = EmitEvent(event=SignalProcess(signal_number="SIGKILL", process_matcher=matches_action(node)))
    seen: list[bytes] = []

    def on_output(event: Any) -> Any:
        if b"spinning" not in event.text:
            return None
        seen.append(event.text)
        return kill if len(seen) == 1 else Shutdown()

    assert watch.run(RegisterEventHandler(OnProcessIO(on_stdout=on_output)), node) == 0
    assert [code for _, code in watch.exits] == [-signal.SIGKILL, 0]


def test_a_node_that_does_not_exist_ends_the_launch(watch: Watch) -> None:
    node = Node(package="workcell_no_such_package", executable="nothing")
    timer = TimerAction(period=60.0, actions=[OpaqueFunction(function=lambda context: None)])
    assert watch.run(timer, node) == 1
