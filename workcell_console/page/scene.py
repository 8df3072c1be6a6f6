"""The page's 3D view: a robot description as shapes and joints that a script can draw, and how the joints stand."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from collections.abc import Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

GREY = (0.6, 0.6, 0.6, 1.0)
"""Colour of a shape whose description names none."""
MOVING = ("revolute", "continuous", "prismatic")
NO_STORE = {"Cache-Control": "no-store"}
JSON = "application/json"


class SceneError(ValueError):
    """A robot description cannot be read; the text says why."""


def scene_of(urdf: str) -> dict[str, Any]:
    """Returns a URDF's visible shapes and joints, JSON-ready.

    Lengths are in m, angles in rad; `rpy` is roll, pitch, yaw about fixed axes as in URDF. Meshes are left out and
    counted: the page shows what it gets from the cell alone.

    Raises:
        SceneError: the text is no URDF.
    """
    try:
        root = ET.fromstring(urdf)
    except ET.ParseError as error:
        raise SceneError(f"the robot description is no XML: {error}") from None
    if root.tag != "robot":
        raise SceneError(f"the robot description is a <{root.tag}>, not a <robot>")
    colours = _colours(root)
    links = {str(link.get("name")): _shapes(link, colours) for link in root.findall("link")}
    meshes = len(root.findall("link/visual/geometry/mesh"))
    joints = [_joint(joint) for joint in root.findall("joint")]
    return {"name": root.get("name", ""), "links": links, "joints": joints, "meshes_left_out": meshes}


def scene_routes(scene: Callable[[], bytes], joints: Callable[[], bytes]) -> list[Route]:
    """Returns the routes of the view.

    Args:
        scene: `scene_of` as JSON, empty before a description is known; called from the server's thread.
        joints: positions by joint as JSON; called from the server's thread.
    """

    async def get_scene(_request: Request) -> Response:
        body = scene()
        return Response(body, media_type=JSON, headers=NO_STORE) if body else Response(status_code=204)

    async def get_joints(_request: Request) -> Response:
        return Response(joints(), media_type=JSON, headers=NO_STORE)

    return [Route("/api/scene", get_scene), Route("/api/joints", get_joints)]


def scene_json(urdf: str) -> bytes:
    """Returns `scene_of` as JSON text."""
    return json.dumps(scene_of(urdf), separators=(",", ":")).encode()


def _colours(root: ET.Element) -> dict[str, tuple[float, ...]]:
    named = [*root.findall("material"), *root.findall("link/visual/material")]
    found = {}
    for material in named:
        colour = material.find("color")
        if colour is not None:
            found[str(material.get("name"))] = _numbers(colour, "rgba", GREY)
    return found


def _shapes(link: ET.Element, colours: dict[str, tuple[float, ...]]) -> list[dict[str, Any]]:
    shapes = []
    for visual in link.findall("visual"):
        solid = _solid(visual.find("geometry"))
        if solid is not None:
            material = visual.find("material")
            name = str(material.get("name")) if material is not None else ""
            shapes.append({**solid, **_origin(visual), "colour": colours.get(name, GREY)})
    return shapes


def _solid(geometry: ET.Element | None) -> dict[str, Any] | None:
    """Returns a primitive by its kind and its extent along x, y and z; None for a mesh."""
    shape = geometry[0] if geometry is not None and len(geometry) else None
    if shape is None or shape.tag not in ("box", "cylinder", "sphere"):
        return None
    if shape.tag == "box":
        return {"kind": "box", "size": _numbers(shape, "size", (0.0, 0.0, 0.0))}
    diameter = 2.0 * _number(shape, "radius")
    length = _number(shape, "length") if shape.tag == "cylinder" else diameter
    return {"kind": shape.tag, "size": (diameter, diameter, length)}


def _joint(joint: ET.Element) -> dict[str, Any]:
    parent, child = joint.find("parent"), joint.find("child")
    if parent is None or child is None:
        raise SceneError(f"joint {joint.get('name')}: has no parent or no child")
    axis = joint.find("axis")
    kind = str(joint.get("type"))
    return {
        "name": str(joint.get("name")),
        "kind": ("prismatic" if kind == "prismatic" else "revolute") if kind in MOVING else "fixed",
        "parent": str(parent.get("link")),
        "child": str(child.get("link")),
        "axis": _numbers(axis, "xyz", (1.0, 0.0, 0.0)) if axis is not None else (1.0, 0.0, 0.0),
        **_origin(joint),
    }


def _origin(element: ET.Element) -> dict[str, tuple[float, ...]]:
    origin = element.find("origin")
    zero = (0.0, 0.0, 0.0)
    if origin is None:
        return {"xyz": zero, "rpy": zero}
    return {"xyz": _numbers(origin, "xyz", zero), "rpy": _numbers(origin, "rpy", zero)}


def _numbers(element: ET.Element, name: str, default: tuple[float, ...]) -> tuple[float, ...]:
    text = element.get(name)
    if text is None:
        return default
    try:
        values = tuple(float(word) for word in text.split())
    except ValueError:
        values = ()
    if len(values) != len(default):
        raise SceneError(f"<{element.tag} {name}={text!r}>: expected {len(default)} numbers")
    return values


def _number(element: ET.Element, name: str) -> float:
    return _numbers(element, name, (0.0,))[0]
