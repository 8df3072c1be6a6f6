"""Replays a bag: the recorded inputs, at their recorded times, to fresh policy and governor nodes on virtual time."""

from __future__ import annotations

import tempfile
from functools import partial
from pathlib import Path
from typing import Any

import rclpy
import yaml
from diagnostic_msgs.msg import DiagnosticArray
from lifecycle_msgs.msg import Transition, TransitionEvent
from rclpy.executors import SingleThreadedExecutor
from rclpy.parameter import Parameter

from workcell_console.absence import Absence
from workcell_console.player_node import DECIDERS, Player, StandIn, is_from_policy, without_deciders
from workcell_console.recording_node import Answer, Recording
from workcell_console.replay import ReplayResult, differences, match_stamps
from workcell_ros import convert, schema
from workcell_ros.compose import main as compose
from workcell_ros.registry import NODES
from workcell_sim.embedded._kernel import Kernel, Process

NS_PER_S = 1_000_000_000
LEAD_NS = 2 * NS_PER_S
"""Time before the first message in which the nodes are set up."""
TAIL_NS = NS_PER_S
"""Time after the last message in which what it caused is still collected."""
STEPS = {
    "configuring": Transition.TRANSITION_CONFIGURE,
    "activating": Transition.TRANSITION_ACTIVATE,
    "deactivating": Transition.TRANSITION_DEACTIVATE,
    "cleaningup": Transition.TRANSITION_CLEANUP,
}


class Replay:
    """One recording, played once to fresh deciders.

    Args:
        recording: what to play.
        governance_file: the rules that policy and governor are to follow.
        policy: another policy to try; empty for the recorded one.
    """

    def __init__(self, recording: Recording, governance_file: Path, policy: str = "") -> None:
        self._recording = recording
        self._governance_file = governance_file
        self._policy = policy
        self._stand_ins: dict[str, StandIn] = {}
        self._deciders: dict[str, Process] = {}

    def run(self) -> ReplayResult:
        """Plays the recording and returns what was decided, beside what was recorded."""
        recording = self._recording
        with (
            tempfile.TemporaryDirectory(prefix="workcell-replay-") as folder,
            Kernel("virtual", 1.0, recording.start_ns - LEAD_NS) as kernel,
        ):
            self._kernel, self._params_file = kernel, Path(folder) / "params.yaml"
            self._params_file.write_text(yaml.safe_dump(self._deciders_parameters(Path(folder))), encoding="utf-8")
            for name in DECIDERS:
                self._spawn(name)
            kernel.spawn(self._play_along, ["player"], name="player")
            for stamp_ns, topic, message in recording.inputs:
                kernel.run_until(stamp_ns)
                self._play(topic, message)
                # What it causes at this instant happens before the next message, as it did when it was recorded.
                kernel.run_until(stamp_ns)
            kernel.run_until(recording.end_ns + TAIL_NS)
            replayed = list(self._player.decisions)
        return ReplayResult(recording.decisions, replayed, differences(recording.decisions, replayed))

    def _spawn(self, name: str) -> None:
        arguments = ["--params-file", str(self._params_file), "-r", f"__ns:={self._recording.namespace or '/'}"]
        arguments += ["--log-level", "warn"]
        main = partial(compose, [name, "--ros-args", *arguments])
        self._deciders[name] = self._kernel.spawn(main, ["compose"], name=name)

    def _take_away(self, absence: Absence) -> None:
        """Re-enacts that a decider died and was started again, or stood still for a while."""
        duration_ns = absence.end_ns - absence.begin_ns
        if absence.is_restart:
            self._deciders[absence.node].kill()
            self._kernel.call_later(duration_ns, partial(self._spawn, absence.node))
        else:
            self._kernel.stall(f"{self._recording.namespace}/{absence.node}", duration_ns)

    def _play_along(self) -> None:
        """The player's process: the player, and stand-ins for the nodes that are governed."""
        rclpy.init(args=[])
        executor = SingleThreadedExecutor()
        self._player = Player(self._recording.namespace)
        executor.add_node(self._player)
        for name, values in self._recording.parameters.items():
            if name not in DECIDERS:
                self._stand_ins[name] = StandIn(name, self._recording.namespace, _numbers(values))
                executor.add_node(self._stand_ins[name])
        executor.spin()

    def _play(self, topic: str, message: Any) -> None:
        if isinstance(message, Absence):
            self._take_away(message)
        elif isinstance(message, Answer):
            self._player.answer(self._stamp_now(message.stamp_ns), message.is_approved)
        elif isinstance(message, TransitionEvent):
            step = STEPS.get(message.goal_state.label)
            if step is not None:
                self._player.change_state(topic.partition("/")[0], step)
        elif topic == "parameter_events":
            self._set(message)
        elif topic == "diagnostics":
            self._play_diagnostics(message)
        elif topic == "twin/forecasts":
            self._play_forecast(message)
        elif topic != "policy/proposals" or not is_from_policy(message):
            self._player.play(topic, message)

    def _play_diagnostics(self, message: DiagnosticArray) -> None:
        kept = without_deciders(message)
        if kept.status:
            self._player.play("diagnostics", kept)

    def _play_forecast(self, message: DiagnosticArray) -> None:
        stamp_ns = convert.stamp_to_ns(message.header.stamp)
        if stamp_ns:
            message.header.stamp = convert.ns_to_stamp(self._stamp_now(stamp_ns))
        self._player.play("twin/forecasts", message)

    def _stamp_now(self, stamp_ns: int) -> int:
        """Returns the replayed stamp of a recorded proposal."""
        return match_stamps(self._recording.decisions, self._player.decisions).get(stamp_ns, stamp_ns)

    def _set(self, event: Any) -> None:
        """Re-enacts a node that started, and a parameter that somebody other than the governor set."""
        stand_in = self._stand_ins.get(event.node.rpartition("/")[2])
        if stand_in is not None:
            stand_in.start_again(_numbers(convert.parameters_to_dict(event.new_parameters)))
            values = self._recording.foreign(event)
            stand_in.set_parameters([Parameter(name, value=value) for name, value in _numbers(values).items()])

    def _deciders_parameters(self, folder: Path) -> dict[str, Any]:
        blocks: dict[str, Any] = {}
        for name in DECIDERS:
            known = schema.infos(NODES[name].load_schema())
            recorded = self._recording.parameters[name]
            # ROS cannot tell the type of an empty list.
            blocks[name] = {key: value for key, value in recorded.items() if key in known and value != []}
            blocks[name]["governance_file"] = str(self._governance_file.absolute())
        blocks["governor"]["audit_file"] = str(folder / "audit.jsonl")
        if self._policy:
            blocks["policy"]["policy"] = self._policy
        return {f"/**/{name}": {"ros__parameters": block} for name, block in blocks.items()}


def _numbers(values: dict[str, Any]) -> dict[str, float]:
    return {name: value for name, value in values.items() if isinstance(value, float)}


def replay(bag: Path, governance_file: Path, policy: str = "") -> ReplayResult:
    """Plays `bag` to policy and governor and compares their decisions with the recorded ones.

    Args:
        bag: directory or file of the bag.
        governance_file: the rules that policy and governor are to follow.
        policy: another policy to try; empty for the recorded one.

    Raises:
        WorkcellError: the bag cannot be read or is not of a workcell run.
    """
    return Replay(Recording(bag), governance_file, policy).run()
