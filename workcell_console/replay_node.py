"""Replays a bag: the recorded inputs, at their recorded times, to fresh policy and governor nodes."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import yaml
from diagnostic_msgs.msg import DiagnosticArray
from lifecycle_msgs.msg import Transition, TransitionEvent
from rclpy.parameter import Parameter

from workcell_console.absence import Absence
from workcell_console.player_node import DECIDERS, Player, StandIn, is_from_policy, without_deciders
from workcell_console.recording_node import Answer, Recording
from workcell_console.replay import Change, ReplayResult, differences, match_stamps
from workcell_console.replay_stage import Stage
from workcell_console.shift import SHARE_DIR
from workcell_console.trial import Trial
from workcell_ros import convert, schema
from workcell_ros.errors import WorkcellError
from workcell_ros.registry import NODES

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
OUTPUT = "out/"
"""Begins every path that a node writes to unless it is told otherwise."""
SHIPPED = "config/"
"""Begins every path to a file that ships; a bag may be replayed in any folder, and on another machine."""
MakeStage = Callable[[int, str], Stage]
"""Makes a stage from the time at which it begins and the deciders' namespace."""


class Replay:
    """One recording, played once to fresh deciders.

    Args:
        recording: what to play.
        governance_file: the rules that policy and governor are to follow.
        trial: what is to be other than recorded.
        make_stage: the runtime to play on.
    """

    def __init__(self, recording: Recording, governance_file: Path, trial: Trial, make_stage: MakeStage) -> None:
        self._recording = recording
        self._governance_file = governance_file
        self._trial = trial
        self._stage = make_stage(recording.start_ns - LEAD_NS, recording.namespace)
        self._stand_ins: dict[str, StandIn] = {}
        self._changes: list[Change] = []

    def run(self) -> ReplayResult:
        """Plays the recording and returns what was decided, beside what was recorded."""
        recording, stage = self._recording, self._stage
        with tempfile.TemporaryDirectory(prefix="workcell-replay-") as folder, stage:
            self._params_file = Path(folder) / "params.yaml"
            self._params_file.write_text(yaml.safe_dump(self._deciders_parameters(Path(folder))), encoding="utf-8")
            for name in DECIDERS:
                self._spawn(name)
            stage.play_along(self._make_nodes)
            for index, (stamp_ns, topic, message) in enumerate(recording.inputs):
                stage.run_until(stamp_ns)
                if topic not in stage.told_elsewhere:
                    self._play(topic, message)
                # What it causes at this instant happens before the next message, as it did when it was recorded.
                stage.happen()
                self._note_changes(stamp_ns, index)
            stage.run_until(recording.end_ns + TAIL_NS)
            replayed = list(self._player.decisions)
        missing = [name for name in DECIDERS if name not in self._player.activated]
        if missing:
            raise WorkcellError(f"{', '.join(missing)} could not be brought up in the replay; the log above says why")
        found = differences(recording.decisions, replayed)
        return ReplayResult(recording.decisions, replayed, found, self._changes)

    def _spawn(self, name: str) -> None:
        arguments = ["--params-file", str(self._params_file), "-r", f"__ns:={self._recording.namespace or '/'}"]
        self._stage.spawn(name, ["--ros-args", *arguments, "--log-level", "warn"])

    def _take_away(self, absence: Absence) -> None:
        """Re-enacts that a decider died and was started again, or stood still for a while."""
        duration_ns = absence.end_ns - absence.begin_ns
        if absence.is_restart:
            self._stage.kill(absence.node)
            self._stage.call_later(duration_ns, partial(self._spawn, absence.node))
        else:
            self._stage.stall(absence.node, duration_ns)

    def _make_nodes(self) -> list[Any]:
        """Returns the player, and stand-ins for the nodes that are governed."""
        recording = self._recording
        topics = {topic: type(message) for _, topic, message in recording.inputs}
        self._player = Player(recording.namespace, topics, self._stage.discovery_s)
        for name, values in recording.parameters.items():
            if name not in DECIDERS:
                begun = _numbers({**values, **self._trial.values.get(name, {})})
                self._stand_ins[name] = StandIn(name, recording.namespace, begun)
        return [self._player, *self._stand_ins.values()]

    def _note_changes(self, now_ns: int, index: int) -> None:
        for name, stand_in in self._stand_ins.items():
            self._changes += [Change(now_ns, name, *item, index) for item in stand_in.take_changes()]

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
            declared = _numbers(convert.parameters_to_dict(event.new_parameters))
            tried = self._trial.values.get(event.node.rpartition("/")[2], {})
            stand_in.start_again({name: float(tried.get(name, value)) for name, value in declared.items()})
            values = self._recording.foreign(event)
            stand_in.set_parameters([Parameter(name, value=value) for name, value in _numbers(values).items()])

    def _deciders_parameters(self, folder: Path) -> dict[str, Any]:
        blocks: dict[str, Any] = {}
        for name in DECIDERS:
            known = schema.infos(NODES[name].load_schema())
            recorded = self._recording.parameters[name]
            # ROS cannot tell the type of an empty list.
            blocks[name] = {key: value for key, value in recorded.items() if key in known and value != []}
            # What a decider writes, and may have learned before, is none of this replay's.
            written = {key: info.default for key, info in known.items() if str(info.default).startswith(OUTPUT)}
            blocks[name] |= {key: str(folder / Path(str(default)).name) for key, default in written.items()}
            blocks[name] |= {
                key: str(SHARE_DIR / str(info.default))
                for key, info in known.items()
                if str(info.default).startswith(SHIPPED) and not Path(blocks[name].get(key, "")).is_file()
            }
            blocks[name]["governance_file"] = str(self._governance_file.absolute())
            blocks[name].update(self._trial.values.get(name, {}))
        return {f"/**/{name}": {"ros__parameters": block} for name, block in blocks.items()}


def _numbers(values: dict[str, Any]) -> dict[str, float]:
    return {name: value for name, value in values.items() if isinstance(value, float)}


def replay(bag: Path, governance_file: Path, trial: Trial | None = None, runtime: str = "virtual") -> ReplayResult:
    """Plays `bag` to policy and governor and compares their decisions with the recorded ones.

    Args:
        bag: directory or file of the bag.
        governance_file: the rules that policy and governor are to follow.
        trial: what is to be other than recorded; nothing by default.
        runtime: virtual, which takes the embedded runtime; ros or bag_play, which take a sourced ROS 2.

    Raises:
        WorkcellError: the bag cannot be read or is not of a workcell run.
    """
    return replay_recording(Recording(bag), governance_file, trial, runtime)


def replay_recording(
    recording: Recording, governance_file: Path, trial: Trial | None = None, runtime: str = "virtual"
) -> ReplayResult:
    """As `replay`, of a bag that was read before."""
    return Replay(recording, governance_file, trial or Trial(), _stage_of(runtime, recording)).run()


def _stage_of(runtime: str, recording: Recording) -> MakeStage:
    # Each needs a runtime that may not be there.
    if runtime == "bag_play":
        from workcell_console.bag_play_stage_node import BagPlayStage

        return partial(BagPlayStage, recording.bag)
    if runtime == "ros":
        from workcell_console.lockstep_stage_node import LockstepStage

        return LockstepStage
    from workcell_console.virtual_stage_node import VirtualStage

    return VirtualStage
