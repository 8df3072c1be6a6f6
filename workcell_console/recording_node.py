"""What a bag of a shift says to policy and governor, and what they decided in it."""

from __future__ import annotations

from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path
from typing import Any

from rclpy.serialization import deserialize_message
from rosidl_runtime_py.utilities import get_message

from workcell_console.absence import Absence, Voice, absences
from workcell_console.bag.errors import BagError
from workcell_console.bag.reader import BagMessage, BagReader
from workcell_console.player_node import (
    DECIDERS,
    PERSON,
    PLAYED,
    is_from_policy,
    person_of,
    proposal_decision,
    verdict_decision,
)
from workcell_console.replay import Decision
from workcell_console.retiming import retimed
from workcell_control.policy.heard import read_heard
from workcell_ros import convert

GOVERNED = ("cell", "inspection", "monitor")
SNAPSHOT = "recorder/parameters"
ANSWERS = {"approved": True, "rejected": False}
EVENTS = "parameter_events"
HEARD = "policy/heard"
AUDIT = "world/audit"
NEEDED = (
    *PLAYED,
    EVENTS,
    SNAPSHOT,
    HEARD,
    AUDIT,
    "governor/verdicts",
    *(f"{name}/transition_event" for name in DECIDERS),
)
"""All that a replay reads, by relative name."""
CONFIGURING, UNCONFIGURED = "configuring", "unconfigured"
REMEDY = "record one with `workcell record` or `workcell run --record mcap`"


@dataclass(frozen=True)
class Answer:
    """A person's answer to a pending proposal."""

    stamp_ns: int
    is_approved: bool


class Recording:
    """A bag of a shift, read and sorted.

    Raises:
        WorkcellError: the bag cannot be read or is not of a workcell run.
    """

    def __init__(self, bag: Path) -> None:
        self.bag = bag
        items = _read(bag)
        self.start_ns, self.end_ns = items[0].stamp_ns, items[-1].stamp_ns
        self.namespace = _namespace(bag, items)
        self.parameters: dict[str, dict[str, Any]] = {}
        """What each node came up with, by node."""
        self.decisions: list[Decision] = []
        self.inputs: list[tuple[int, str, Any]] = []
        """Stamp, relative topic and message of all that is to be played, in order."""
        self.audits: list[tuple[int, bool]] = []
        """When a part left, and whether it was defective by the end-of-line audit."""
        self._heard: list[tuple[int, str, str]] = []
        self._voices: dict[str, list[Voice]] = {name: [] for name in DECIDERS}
        for item in items:
            topic = item.topic.removeprefix(self.namespace).removeprefix("/")
            self._sort(item.stamp_ns, topic, deserialize_message(item.data, get_message(item.type)))
        self._refuse_incomplete()
        away: list[tuple[int, str, Any]] = [(item.begin_ns, "", item) for item in self._absences()]
        self.inputs = sorted([*retimed(self.inputs, self._heard), *away], key=itemgetter(0))
        self._governed = {
            (item.node, name, value)
            for item in self.decisions
            if item.kind == "verdict"
            for name, value in item.parameters
        }

    def foreign(self, event: Any) -> dict[str, Any]:
        """Returns the changes of a ParameterEvent that no recorded verdict explains."""
        node = event.node.rpartition("/")[2]
        changed = convert.parameters_to_dict(event.changed_parameters)
        return {name: value for name, value in changed.items() if (node, name, value) not in self._governed}

    def _absences(self) -> list[Absence]:
        return [item for node, voices in self._voices.items() for item in absences(node, voices)]

    def _sort(self, stamp_ns: int, topic: str, message: Any) -> None:
        self._note_voices(stamp_ns, topic, message)
        if topic in (SNAPSHOT, EVENTS):
            self._note_parameters(message)
        if topic == AUDIT:
            self.audits.append((convert.stamp_to_ns(message.header.stamp), convert.is_defective(message)))
        if topic == HEARD:
            self._heard += read_heard(message.data)
        elif topic == "policy/proposals" and is_from_policy(message):
            self.decisions.append(proposal_decision(message))
        elif topic == "governor/verdicts":
            self._note_verdict(stamp_ns, message)
        elif topic in (*PLAYED, EVENTS) or topic.partition("/")[0] in DECIDERS:
            self.inputs.append((stamp_ns, topic, message))

    def _note_voices(self, stamp_ns: int, topic: str, message: Any) -> None:
        node, _, what = topic.partition("/")
        if topic == "diagnostics":
            for status in message.status:
                name = status.name.removesuffix(": node")
                if name in self._voices:
                    self._voices[name].append(Voice(stamp_ns, is_new_life=status.message == UNCONFIGURED))
        elif what == "transition_event" and node in self._voices:
            self._voices[node].append(Voice(stamp_ns, is_configuring=message.goal_state.label == CONFIGURING))
        elif topic == "governor/verdicts" or (topic == "policy/proposals" and is_from_policy(message)):
            self._voices[node].append(Voice(stamp_ns))

    def _note_parameters(self, event: Any) -> None:
        name = event.node.rpartition("/")[2]
        if name in (*GOVERNED, *DECIDERS):
            known = self.parameters.setdefault(name, {})
            for parameter, value in convert.parameters_to_dict(event.new_parameters).items():
                known.setdefault(parameter, value)

    def _note_verdict(self, stamp_ns: int, message: Any) -> None:
        decision = verdict_decision(message)
        self.decisions.append(decision)
        if decision.outcome in ANSWERS and person_of(message) == PERSON:
            self.inputs.append((stamp_ns, "", Answer(decision.stamp_ns, ANSWERS[decision.outcome])))

    def _refuse_incomplete(self) -> None:
        missing = [name for name in (*DECIDERS, "cell") if name not in self.parameters]
        if missing:
            raise BagError(self.bag, f"does not hold the parameters of {', '.join(missing)}", REMEDY)


def _read(bag: Path) -> list[BagMessage]:
    endings = tuple(f"/{name}" for name in NEEDED)
    with BagReader(bag) as reader:
        topics = [topic.name for topic in reader.topics if topic.name.endswith(endings)]
        items = list(reader.messages(topics)) if topics else []
    for needed in ("readings", "policy/transition_event"):
        if not any(item.topic.endswith(f"/{needed}") for item in items):
            raise BagError(bag, f"holds no {needed}: it is not of a workcell run", REMEDY)
    return items


def _namespace(bag: Path, items: list[BagMessage]) -> str:
    found = {item.topic.removesuffix("/readings") for item in items if item.topic.endswith("/readings")}
    if len(found) > 1:
        raise BagError(bag, f"holds several cells: {', '.join(sorted(found))}", "record one cell by its topics")
    return found.pop()
