"""A robot description as the page's 3D view gets it."""

import json

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from workcell_console.page.scene import SceneError, scene_json, scene_of, scene_routes
from workcell_console.shift import SHARE_DIR
from workcell_control.motion.description import load_description

SMALL = """<robot name="small">
  <material name="red"><color rgba="1 0 0 1"/></material>
  <link name="world"/>
  <link name="arm">
    <visual><origin xyz="0 0 1" rpy="0 1.5 0"/><geometry><cylinder radius="0.1" length="2"/></geometry>
      <material name="red"/></visual>
    <visual><geometry><sphere radius="0.2"/></geometry></visual>
    <visual><geometry><mesh filename="package://arm.stl"/></geometry></visual>
  </link>
  <joint name="turn" type="continuous"><parent link="world"/><child link="arm"/><axis xyz="0 0 1"/></joint>
</robot>"""


def test_shapes_joints_and_colours_are_told_and_meshes_counted():
    scene = scene_of(SMALL)
    cylinder, sphere = scene["links"]["arm"]
    assert cylinder == {
        "kind": "cylinder",
        "size": (0.2, 0.2, 2.0),
        "xyz": (0.0, 0.0, 1.0),
        "rpy": (0.0, 1.5, 0.0),
        "colour": (1.0, 0.0, 0.0, 1.0),
    }
    assert (sphere["kind"], sphere["size"]) == ("sphere", (0.4, 0.4, 0.4))
    assert scene["meshes_left_out"] == 1
    assert scene["joints"] == [
        {
            "name": "turn",
            "kind": "revolute",
            "parent": "world",
            "child": "arm",
            "axis": (0.0, 0.0, 1.0),
            "xyz": (0.0, 0.0, 0.0),
            "rpy": (0.0, 0.0, 0.0),
        }
    ]


def test_the_cells_own_description_is_shown_whole():
    scene = scene_of(load_description(SHARE_DIR / "urdf" / "cell.urdf.xacro", {"sim": "embedded"}))
    assert scene["meshes_left_out"] == 0
    assert sum(joint["kind"] == "revolute" for joint in scene["joints"]) == 6
    assert {joint["child"] for joint in scene["joints"]} | {"world"} == set(scene["links"])
    assert len(scene["links"]["gripper_link"]) == 2


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("no xml", "is no XML"),
        ("<sdf/>", "not a <robot>"),
        ('<robot><joint name="j" type="fixed"/></robot>', "joint j: has no parent"),
        (SMALL.replace('xyz="0 0 1"', 'xyz="0 0"'), "expected 3 numbers"),
        (SMALL.replace('radius="0.1"', 'radius="thick"'), "expected 1 numbers"),
    ],
)
def test_what_is_no_description_is_told(text, said):
    with pytest.raises(SceneError, match=said):
        scene_of(text)


def test_the_page_gets_scene_and_joints():
    told = [b""]
    client = TestClient(Starlette(routes=scene_routes(lambda: told[0], lambda: b'{"turn":0.5}')))
    assert client.get("/api/scene").status_code == 204
    told[0] = scene_json(SMALL)
    assert client.get("/api/scene").json()["name"] == "small"
    assert json.loads(client.get("/api/joints").text) == {"turn": 0.5}
