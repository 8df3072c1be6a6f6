"""The joints of a URDF, and where each puts its child link. Pure."""

from __future__ import annotations

import math
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass

from workcell_sim.embedded.tf2_py.rotation import Quaternion, Vector, add, multiply, rotate

MOVING = ("revolute", "continuous", "prismatic")
KINDS = (*MOVING, "fixed", "floating", "planar")


class DescriptionError(ValueError):
    """A robot description cannot be used."""


@dataclass(frozen=True)
class Mimic:
    """Follows another joint: ``multiplier`` times its position plus ``offset``."""

    joint: str
    multiplier: float
    offset: float


@dataclass(frozen=True)
class Joint:
    """One joint: ``origin`` and ``turn`` place the child in the parent at position 0."""

    name: str
    kind: str
    parent: str
    child: str
    origin: Vector
    turn: Quaternion
    axis: Vector
    mimic: Mimic | None

    @property
    def is_moving(self) -> bool:
        """Whether joint states tell where it stands; planar and floating joints are held as fixed."""
        return self.kind in MOVING

    def pose(self, position: float) -> tuple[Vector, Quaternion]:
        """Return the child link in the parent link at a joint position in rad or m."""
        if not self.is_moving:
            return self.origin, self.turn
        if self.kind == "prismatic":
            x, y, z = self.axis
            return add(self.origin, rotate(self.turn, (x * position, y * position, z * position))), self.turn
        half = math.sin(position / 2.0)
        spin = (self.axis[0] * half, self.axis[1] * half, self.axis[2] * half, math.cos(position / 2.0))
        return self.origin, multiply(self.turn, spin)


def parse_urdf(text: str) -> tuple[Joint, ...]:
    """Return the joints of a robot description.

    Raises:
        DescriptionError: The text is no URDF; the text names the joint and the remedy.
    """
    try:
        root = ElementTree.fromstring(text)
    except ElementTree.ParseError as error:
        raise DescriptionError(f"robot_description is no XML: {error}; pass the URDF itself, not its path") from None
    if root.tag != "robot":
        raise DescriptionError(f"robot_description has the root <{root.tag}>; a URDF begins with <robot>")
    links = {link.get("name") for link in root.findall("link")}
    joints = tuple(_joint(element) for element in root.findall("joint"))
    for joint in joints:
        for link in (joint.parent, joint.child):
            if link not in links:
                raise DescriptionError(f"joint {joint.name!r} refers to link {link!r}, which is not defined")
    _refuse_two_parents(joints)
    return joints


def _refuse_two_parents(joints: tuple[Joint, ...]) -> None:
    children: dict[str, str] = {}
    for joint in joints:
        other = children.setdefault(joint.child, joint.name)
        if other != joint.name:
            raise DescriptionError(
                f"link {joint.child!r} is the child of both {other!r} and {joint.name!r}; remove one"
            )


def _joint(element: ElementTree.Element) -> Joint:
    name, kind = element.get("name", ""), element.get("type", "")
    if kind not in KINDS:
        raise DescriptionError(f"joint {name!r} has type {kind!r}; use one of {', '.join(KINDS)}")
    origin, axis, mimic = element.find("origin"), element.find("axis"), element.find("mimic")
    return Joint(
        name,
        kind,
        _link(element, "parent", name),
        _link(element, "child", name),
        _vector(origin, "xyz", (0.0, 0.0, 0.0), name),
        from_rpy(*_vector(origin, "rpy", (0.0, 0.0, 0.0), name)),
        _unit(_vector(axis, "xyz", (1.0, 0.0, 0.0), name), name),
        None
        if mimic is None
        else Mimic(mimic.get("joint", ""), float(mimic.get("multiplier", "1")), float(mimic.get("offset", "0"))),
    )


def _link(element: ElementTree.Element, tag: str, joint: str) -> str:
    found = element.find(tag)
    link = None if found is None else found.get("link")
    if not link:
        raise DescriptionError(f"joint {joint!r} has no <{tag} link=.../>; add it")
    return link


def _vector(element: ElementTree.Element | None, key: str, default: Vector, joint: str) -> Vector:
    text = None if element is None else element.get(key)
    if text is None:
        return default
    try:
        x, y, z = (float(word) for word in text.split())
    except ValueError:
        raise DescriptionError(f"joint {joint!r}: {key}={text!r} is no vector; write three numbers") from None
    return x, y, z


def _unit(vector: Vector, joint: str) -> Vector:
    length = math.sqrt(sum(value * value for value in vector))
    if length == 0.0:
        raise DescriptionError(f"joint {joint!r} has the axis 0 0 0; give it a direction")
    return vector[0] / length, vector[1] / length, vector[2] / length


def from_rpy(roll: float, pitch: float, yaw: float) -> Quaternion:
    """Return the rotation about the fixed axes x, y, z in this order, as URDF states it."""
    cr, sr = math.cos(roll / 2.0), math.sin(roll / 2.0)
    cp, sp = math.cos(pitch / 2.0), math.sin(pitch / 2.0)
    cy, sy = math.cos(yaw / 2.0), math.sin(yaw / 2.0)
    return (
        sr * cp * cy - cr * sp * sy,
        cr * sp * cy + sr * cp * sy,
        cr * cp * sy - sr * sp * cy,
        cr * cp * cy + sr * sp * sy,
    )
