"""The SROS 2 policy of the cell: one enclave and profile for each node, allowed what it was seen to use.

Format: sros2's policy schema, version 0.2.0 (design.ros2.org, "ROS 2 Access Control Policies").
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Mapping

from workcell_console.graph.endpoints import EVERY_NODE, OWN_TOPICS, Endpoints

VERSION = "0.2.0"
MANAGER = "lifecycle_manager"
COMMON_PUBLISHED = ("/rosout", "/parameter_events")
COMMON_HEARD = ("/clock", "/parameter_events")
ROBOT_STATE_PUBLISHER = "robot_state_publisher"
_TRANSFORMS = ("/tf", "/tf_static")
_RULES = {
    "publishes": ("topics", "topic", "publish"),
    "subscribes": ("topics", "topic", "subscribe"),
    "offers": ("services", "service", "reply"),
    "calls": ("services", "service", "request"),
    "executes": ("actions", "action", "execute"),
    "sends": ("actions", "action", "call"),
}


def policy_of(graph: Mapping[str, Endpoints]) -> str:
    """Returns the policy file for a graph. Names stay relative: sros2 puts a profile's namespace before them."""
    policy = ET.Element("policy", version=VERSION)
    enclaves = ET.SubElement(policy, "enclaves")
    for node, endpoints in sorted(graph.items()):
        enclave = ET.SubElement(enclaves, "enclave", path=f"/workcell/{node}")
        profile = ET.SubElement(ET.SubElement(enclave, "profiles"), "profile", ns="/", node=node)
        for kind, (group, item, verb) in _RULES.items():
            _allow(profile, group, item, verb, [*getattr(endpoints, kind), *_common(node, kind)])
    ET.indent(policy)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(policy, encoding="unicode")}\n'


def allowed_by(text: str) -> dict[str, dict[str, list[str]]]:
    """Returns what a policy file allows, by kind, by node."""
    verbs = {(group, verb): kind for kind, (group, _, verb) in _RULES.items()}
    allowed: dict[str, dict[str, list[str]]] = {}
    for profile in ET.fromstring(text).iter("profile"):
        kinds = allowed.setdefault(profile.attrib["node"], {kind: [] for kind in _RULES})
        for rules in profile:
            for verb, word in rules.attrib.items():
                if word == "ALLOW":
                    kinds[verbs[rules.tag, verb]] += [rule.text or "" for rule in rules]
    return allowed


def _common(node: str, kind: str) -> list[str]:
    """What every node does beside its own work."""
    if kind == "publishes":
        own = [f"~/{topic}" for topic in OWN_TOPICS] if node != MANAGER else []
        return [*COMMON_PUBLISHED, *own, *(_TRANSFORMS if node == ROBOT_STATE_PUBLISHER else ())]
    if kind == "subscribes":
        return list(COMMON_HEARD)
    return [f"~/{service}" for service in sorted(EVERY_NODE)] if kind == "offers" else []


def _allow(profile: ET.Element, group: str, item: str, verb: str, names: Iterable[str]) -> None:
    written = sorted({_expression(name) for name in names})
    if not written:
        return
    rules = ET.SubElement(profile, group, {verb: "ALLOW"})
    for name in written:
        ET.SubElement(rules, item).text = name


def _expression(name: str) -> str:
    """A part of a name that changes with every question is any."""
    return re.sub(r"<\w+>", "*", name)
