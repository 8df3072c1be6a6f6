"""A UR5e-like arm for tests, built from its published Denavit-Hartenberg parameters alone."""

from __future__ import annotations

from functools import lru_cache
from math import pi

import numpy as np

from workcell_control.motion.kinematics import Arm

_JOINTS = (
    ("shoulder_pan_joint", "0 0 0.1625", "0 0 0"),
    ("shoulder_lift_joint", "0 0 0", f"{pi / 2} 0 0"),
    ("elbow_joint", "-0.425 0 0", "0 0 0"),
    ("wrist_1_joint", "-0.3922 0 0.1333", "0 0 0"),
    ("wrist_2_joint", "0 -0.0997 0", f"{pi / 2} 0 0"),
    ("wrist_3_joint", "0 0.0996 0", f"{pi / 2} {pi} {pi}"),
)
HOME = np.array([-0.44, -1.57, 1.57, -1.57, -1.57, 1.13])
_BOX = '<collision><origin xyz="{xyz}"/><geometry><box size="{size}"/></geometry></collision>'


def urdf(obstacle: str = "", *, offset_elbow_m: float = 0.0, tool_rpy: str = "0.1 0.2 0.3") -> str:
    """The arm on the floor, a thin box along its tool, and optionally an obstacle box ("x y z", 0.2 m)."""
    links = ['<link name="world"/>']
    parent = "world"
    for index, (name, xyz, rpy) in enumerate(_JOINTS):
        if name == "elbow_joint" and offset_elbow_m:
            rpy = f"{offset_elbow_m} {offset_elbow_m / 2} 0"
        child = f"link_{index + 1}"
        links.append(f'<link name="{child}"/>')
        links.append(
            f'<joint name="{name}" type="revolute"><parent link="{parent}"/><child link="{child}"/>'
            f'<origin xyz="{xyz}" rpy="{rpy}"/><axis xyz="0 0 1"/>'
            f'<limit lower="{-2 * pi}" upper="{2 * pi}" velocity="{pi}" effort="150"/></joint>'
        )
        parent = child
    links.append(f'<link name="tool0">{_BOX.format(xyz="0 0 -0.05", size="0.04 0.04 0.08")}</link>')
    links.append(
        f'<joint name="tool" type="fixed"><parent link="{parent}"/><child link="tool0"/>'
        f'<origin xyz="0 0 0.12" rpy="{tool_rpy}"/></joint>'
    )
    if obstacle:
        links.append(f'<link name="post">{_BOX.format(xyz="0 0 0", size="0.2 0.2 0.2")}</link>')
        links.append(
            '<joint name="post_joint" type="fixed"><parent link="world"/><child link="post"/>'
            f'<origin xyz="{obstacle}"/></joint>'
        )
    return f'<robot name="arm">{"".join(links)}</robot>'


@lru_cache
def arm() -> Arm:
    return Arm(urdf())


@lru_cache
def crooked_arm() -> Arm:
    """An arm without a closed-form solution: its axes are no longer parallel."""
    return Arm(urdf(offset_elbow_m=0.2))
