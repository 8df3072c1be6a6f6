"""What a node publishes, hears, offers and calls, by names relative to the cell's namespace. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

KINDS = ("publishes", "subscribes", "offers", "calls", "executes", "sends")
"""Topics out and in, services out and in, actions out and in."""
EVERY_NODE = frozenset(
    {
        "describe_parameters",
        "get_parameter_types",
        "get_parameters",
        "get_type_description",
        "list_parameters",
        "set_parameters",
        "set_parameters_atomically",
        "change_state",
        "get_available_states",
        "get_available_transitions",
        "get_state",
        "get_transition_graph",
    }
)
"""Services under its own name that every managed node offers."""
OWN_TOPICS = ("transition_event",)
_OF_THE_MOMENT = (
    (re.compile(r"^governor/pending/p\d+/(approve|reject)$"), r"governor/pending/p<stamp>/\1"),
    (re.compile(r"^inspection/questions/q\d+/(good|bad)$"), r"inspection/questions/q<stamp>/\1"),
    (re.compile(r"^cell/commissioning/[a-z_]+/(approve|reject)$"), r"cell/commissioning/<motion>/\1"),
)


@dataclass
class Endpoints:
    """Types by name, for each kind."""

    publishes: dict[str, str] = field(default_factory=dict)
    subscribes: dict[str, str] = field(default_factory=dict)
    offers: dict[str, str] = field(default_factory=dict)
    calls: dict[str, str] = field(default_factory=dict)
    executes: dict[str, str] = field(default_factory=dict)
    sends: dict[str, str] = field(default_factory=dict)

    def __or__(self, other: Endpoints) -> Endpoints:
        """What either has."""
        return Endpoints(**{kind: getattr(self, kind) | getattr(other, kind) for kind in KINDS})


TRIGGER = "std_srvs/srv/Trigger"
OF_THE_MOMENT: Mapping[str, Endpoints] = {
    "governor": Endpoints(offers={f"governor/pending/p<stamp>/{answer}": TRIGGER for answer in ("approve", "reject")}),
    "inspection": Endpoints(offers={f"inspection/questions/q<stamp>/{answer}": TRIGGER for answer in ("good", "bad")}),
    "cell": Endpoints(offers={f"cell/commissioning/<motion>/{answer}": TRIGGER for answer in ("approve", "reject")}),
    "console": Endpoints(
        subscribes={"joint_states": "sensor_msgs/msg/JointState", "robot_description": "std_msgs/msg/String"}
    ),
}
"""What is there only at times: services while a person is asked, and the page's 3D view while it is served."""


def endpoints_from(seen: Mapping[str, Mapping[str, Mapping[str, list[str]]]], namespace: str) -> dict[str, Endpoints]:
    """Returns endpoints by node out of what an observer wrote, without what every node has.

    Args:
        seen: types by full name, by kind, by node.
        namespace: of the cell, e.g. `/line_1`; empty for none.
    """
    found = {}
    for node, kinds in seen.items():
        relative = {kind: _relative(kinds[kind], namespace, node) for kind in KINDS}
        found[node] = Endpoints(**relative) | OF_THE_MOMENT.get(node, Endpoints())
    return found


def _relative(names: Mapping[str, list[str]], namespace: str, node: str) -> dict[str, str]:
    kept = {}
    for full, types in sorted(names.items()):
        name = full.removeprefix(f"{namespace}/")
        # Absolute names that lie outside the cell, such as /rosout, are the same for all.
        if name.startswith("/") or "_action/" in name or _is_common(name, node):
            continue
        for pattern, written in _OF_THE_MOMENT:
            name = pattern.sub(written, name)
        kept[name] = types[0]
    return kept


def _is_common(name: str, node: str) -> bool:
    owner, _, last = name.rpartition("/")
    return owner == node and (last in EVERY_NODE or last in OWN_TOPICS)
