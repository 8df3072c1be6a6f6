"""Replays a bag: the recorded inputs, at their recorded times, to fresh policy and governor nodes on virtual time."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import rclpy
import yaml
from diagnostic_msgs.msg import DiagnosticArray
from lifecycle_msgs.msg import Transition, TransitionEvent
from lifecycle_msgs.srv import ChangeState
from rcl_interfaces.msg import ParameterEvent
from rclpy.executors import SingleThreadedExecutor
from rclpy.serialization import deserialize_message

from workcell_console.bag.reader import BagMessage, BagReader
from workcell_console.player_node import (
    ANSWERS,
    DECIDERS,
    PERSON,
    PLAYED,
    Player,
    StandIn,
    first_parameters,
    person_of,
    proposal_decision,
    verdict_decision,
)
from workcell_console.replay import Decision, Difference, differences
from workcell_ros.compose import main as compose
from workcell_ros.errors import WorkcellError
from workcell_sim.embedded._kernel import Kernel

NS_PER_S = 1_000_000_000
LEAD_NS = 2 * NS_PER_S
"""Time before the first message in which the nodes are set up."""
TAIL_NS = NS_PER_S
"""Time after the last message in which what it caused is still collected."""
STEPS = {
    "inactive": Transition.TRANSITION_CONFIGURE,
    "active": Transition.TRANSITION_ACTIVATE,
}


@dataclass(frozen=True)
class ReplayResult:
    """What a replay found."""

    recorded: list[Decision]
    replayed: list[Decision]
    differences: list[Difference]


class Replay:
    """One bag, played once."""

    def __init__(self, bag: Path, policy: str = "") -> None:
        self._bag = bag
        self._policy = policy
        self._messages = _read(bag)
        self._events = [item for item in self._messages if item.topic.endswith("/parameter_events")]
        self._parameters = first_parameters(self._events, (*DECIDERS, "cell", "inspection", "monitor"))
        self._namespace = _namespace(bag, self._parameters)

    def run(self) -> ReplayResult:
        """Plays the bag and returns what was decided, beside what was recorded."""
        start_ns = self._messages[0].stamp_ns - LEAD_NS
        with (
            tempfile.TemporaryDirectory(prefix="workcell-replay-") as folder,
            Kernel("virtual", 1.0, start_ns) as kernel,
        ):
            player = self._set_up(kernel, Path(folder))
            kernel.run_until(self._messages[-1].stamp_ns + TAIL_NS)
            replayed = list(player.decisions)
        recorded = self._recorded()
        return ReplayResult(recorded, replayed, differences(recorded, replayed))

    def _set_up(self, kernel: Kernel, folder: Path) -> Player:
        params_file = folder / "params.yaml"
        params_file.write_text(yaml.safe_dump(self._deciders_parameters(folder)), encoding="utf-8")
        for name in DECIDERS:
            # Their own heartbeats stay apart: what they hear of themselves is what was recorded.
            arguments = ["--params-file", str(params_file), "-r", "diagnostics:=replay/diagnostics"]
            arguments += ["-r", f"__ns:={self._namespace or '/'}"]
            kernel.spawn(compose, ["compose", name, "--ros-args", *arguments], name=name)
        holder: list[Player] = []
        kernel.spawn(partial(self._play, kernel, holder), ["player"], name="player")
        kernel.run_for(NS_PER_S)
        return holder[0]

    def _play(self, kernel: Kernel, holder: list[Player]) -> None:
        """The player's process: stand-ins for the governed nodes, and a schedule of everything recorded."""
        rclpy.init(args=[])
        executor = SingleThreadedExecutor()
        player = Player(self._namespace)
        holder.append(player)
        executor.add_node(player)
        for full_name, values in self._parameters.items():
            name = full_name.rpartition("/")[2]
            if name not in DECIDERS:
                executor.add_node(StandIn(name, self._namespace, _numbers(values)))
        for item in self._messages:
            action = self._action(player, item)
            if action is not None:
                kernel.call_at(item.stamp_ns, action)
        executor.spin()

    def _action(self, player: Player, item: BagMessage) -> Callable[[], object] | None:
        topic = item.topic.removeprefix(self._namespace).removeprefix("/")
        if topic in PLAYED:
            return partial(player.play, item)
        if topic == "governor/verdicts":
            return self._answer_action(player, item)
        name, _, last = topic.partition("/")
        if name in DECIDERS and last == "transition_event":
            goal = deserialize_message(item.data, TransitionEvent).goal_state.label
            step = STEPS.get(goal)
            return partial(_change_state, player, name, step) if step is not None else None
        return None

    def _answer_action(self, player: Player, item: BagMessage) -> Callable[[], object] | None:
        message = deserialize_message(item.data, DiagnosticArray)
        decision = verdict_decision(message)
        verb = ANSWERS.get(decision.outcome)
        if verb is None or person_of(message) != PERSON:
            return None
        return partial(player.answer, decision.stamp_ns, verb)

    def _deciders_parameters(self, folder: Path) -> dict[str, Any]:
        blocks: dict[str, Any] = {}
        for full_name, values in self._parameters.items():
            name = full_name.rpartition("/")[2]
            if name in DECIDERS:
                own = {key: value for key, value in values.items() if value is not None and value != []}
                blocks[f"/**/{name}"] = {"ros__parameters": own}
        blocks["/**/governor"]["ros__parameters"]["audit_file"] = str(folder / "audit.jsonl")
        if self._policy:
            blocks["/**/policy"]["ros__parameters"]["policy"] = self._policy
        return blocks

    def _recorded(self) -> list[Decision]:
        found = []
        for item in self._messages:
            if item.topic.endswith("policy/proposals"):
                found.append(proposal_decision(deserialize_message(item.data, ParameterEvent)))
            elif item.topic.endswith("governor/verdicts"):
                found.append(verdict_decision(deserialize_message(item.data, DiagnosticArray)))
        return found


def _read(bag: Path) -> list[BagMessage]:
    wanted = (*PLAYED, "parameter_events", "transition_event", "policy/proposals", "governor/verdicts")
    with BagReader(bag) as reader:
        topics = [topic.name for topic in reader.topics if topic.name.endswith(wanted)]
        messages = list(reader.messages(topics)) if topics else []
    if not any(item.topic.endswith("readings") for item in messages):
        raise WorkcellError(f"{bag}: holds no readings; valid: a bag of a workcell run (`workcell record`)")
    return messages


def _namespace(bag: Path, parameters: dict[str, dict[str, Any]]) -> str:
    for name in parameters:
        if name.endswith("/governor"):
            return name.removesuffix("/governor")
    raise WorkcellError(f"{bag}: the governor's parameters were not recorded; record /parameter_events from the start")


def _numbers(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if isinstance(value, float)}


def _change_state(player: Player, name: str, step: int) -> None:
    client = player.create_client(ChangeState, f"{name}/change_state")
    client.call_async(ChangeState.Request(transition=Transition(id=step)))


def replay(bag: Path, policy: str = "") -> ReplayResult:
    """Plays `bag` to policy and governor and compares their decisions with the recorded ones.

    Args:
        bag: directory or file of the bag.
        policy: another policy to try; empty for the recorded one.

    Raises:
        WorkcellError: the bag cannot be read or is not of a workcell run.
    """
    return Replay(bag, policy).run()
