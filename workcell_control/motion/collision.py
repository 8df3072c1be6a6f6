"""Collision checks of an arm, its gripper and a held part against the station, with Coal.

Shapes are those of the robot description: whatever the arm does not move is the station.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import coal
import numpy as np
import pinocchio as pin

from workcell_control.motion.arrays import FloatArray
from workcell_control.motion.kinematics import Arm, KinematicsError

TRAVEL_CLEARANCE_M = 0.01
"""Distance kept from everything on a free move."""
CONTACT_CLEARANCE_M = 0.002
"""Distance kept on a straight approach or retreat, where the tool is meant to come near."""
_PART = "held_part"
_PATH_STEP_RAD = 0.05


@dataclass(frozen=True)
class HeldPart:
    """A flat part on the tool: size along x, y, z of the tool frame in [m], from the tool's origin outwards."""

    size_m: tuple[float, float, float]


@dataclass(frozen=True)
class Collision:
    """The first contact found along a path."""

    first: str
    second: str
    sample: int
    """Index of the path's row nearest to the contact."""

    def __str__(self) -> str:
        """What comes too near to what."""
        return f"{self.first} comes too near to {self.second} at sample {self.sample}"


class CollisionScene:
    """Checks configurations of `arm` against its own description's station, and itself.

    Pairs that are next to each other in the chain, or that overlap at `reference` (shapes enclose the
    castings generously), are left out. An instance holds scratch memory: use it from one thread.
    """

    def __init__(self, arm: Arm, urdf_xml: str, reference: FloatArray, part: HeldPart | None = None) -> None:
        self._arm = arm
        self._geometry = _reduced_geometry(arm, urdf_xml)
        self._part_pairs: set[int] = set()
        if part is not None:
            self._add_part(part)
        self._add_pairs(reference)
        self._model_data = arm.model.createData()
        self._data = pin.GeometryData(self._geometry)

    @property
    def pair_count(self) -> int:
        """Number of pairs of shapes that are checked."""
        return len(self._geometry.collisionPairs)

    def check(self, position: FloatArray, *, held: bool, near_contact: bool = False) -> Collision | None:
        """The first collision along a path of configurations, shape (k, n), or None.

        Rows further apart than 0.05 rad are filled in linearly between.

        Args:
            position: Configurations in order.
            held: Whether the part is on the tool.
            near_contact: For a straight approach or retreat: the part itself may touch what it lies on,
                and the clearance is smaller.
        """
        self._set_request(held, near_contact)
        for sample, row in _refined(position):
            pair = self._first_contact(row)
            if pair is not None:
                names = self._geometry.geometryObjects
                return Collision(names[pair.first].name, names[pair.second].name, sample)
        return None

    def _set_request(self, held: bool, near_contact: bool) -> None:
        clearance = CONTACT_CLEARANCE_M if near_contact else TRAVEL_CLEARANCE_M
        with_part = held and not near_contact
        for index in range(self.pair_count):
            self._data.collisionRequests[index].security_margin = clearance
            is_active = with_part or index not in self._part_pairs
            (self._data.activateCollisionPair if is_active else self._data.deactivateCollisionPair)(index)

    def _first_contact(self, row: FloatArray) -> pin.CollisionPair | None:
        hit = pin.computeCollisions(self._arm.model, self._model_data, self._geometry, self._data, row, True)
        if not hit:
            return None
        for index, result in enumerate(self._data.collisionResults):
            if self._data.activeCollisionPairs[index] and result.isCollision():
                return self._geometry.collisionPairs[index]
        raise AssertionError("a collision was reported for no pair")

    def _add_part(self, part: HeldPart) -> None:
        model = self._arm.model
        frame_id = model.getFrameId(self._arm.tool_frame)
        frame = model.frames[frame_id]
        offset = pin.SE3(np.eye(3), np.array([0.0, 0.0, part.size_m[2] / 2.0]))
        shape = coal.Box(*part.size_m)
        self._geometry.addGeometryObject(
            pin.GeometryObject(_PART, frame.parentJoint, frame_id, frame.placement * offset, shape)
        )

    def _add_pairs(self, reference: FloatArray) -> None:
        objects = self._geometry.geometryObjects
        candidates = [
            pin.CollisionPair(i, j)
            for i in range(len(objects))
            for j in range(i + 1, len(objects))
            if self._can_meet(objects[i].parentJoint, objects[j].parentJoint)
        ]
        overlapping = self._overlapping(candidates, reference)
        for index, pair in enumerate(c for k, c in enumerate(candidates) if k not in overlapping):
            self._geometry.addCollisionPair(pair)
            if objects[pair.second].name == _PART:
                self._part_pairs.add(index)

    def _overlapping(self, candidates: list[pin.CollisionPair], reference: FloatArray) -> set[int]:
        trial = self._geometry.copy()
        for pair in candidates:
            trial.addCollisionPair(pair)
        data = pin.GeometryData(trial)
        pin.computeCollisions(self._arm.model, self._arm.model.createData(), trial, data, reference, False)
        return {index for index, result in enumerate(data.collisionResults) if result.isCollision()}

    def _can_meet(self, first: int, second: int) -> bool:
        """Whether shapes on these joints move against each other and are no neighbours in the chain."""
        parents = self._arm.model.parents
        return first != second and parents[first] != second and parents[second] != first


def _refined(position: FloatArray) -> list[tuple[int, FloatArray]]:
    """Rows of a path with index, the gaps filled so that no joint jumps further than the step."""
    rows: list[tuple[int, FloatArray]] = [(0, position[0])]
    last = position[0]
    for index in range(1, len(position)):
        gap = float(np.abs(position[index] - last).max())
        is_final = index == len(position) - 1
        if gap < _PATH_STEP_RAD * 0.7 and not is_final:
            continue  # samples at low speed lie closer than any shape could tell apart
        count = max(1, math.ceil(gap / _PATH_STEP_RAD))
        rows.extend((index, last + (position[index] - last) * (k / count)) for k in range(1, count + 1))
        last = position[index]
    return rows


def _reduced_geometry(arm: Arm, urdf_xml: str) -> pin.GeometryModel:
    try:
        geometry = pin.buildGeomFromUrdfString(arm.full_model, urdf_xml, pin.GeometryType.COLLISION)
    except (ValueError, RuntimeError) as error:
        raise KinematicsError(f"collision shapes of the robot description: {error}") from error
    locked = [i for i in range(1, arm.full_model.njoints) if arm.full_model.names[i] not in arm.joint_names]
    _, reduced = pin.buildReducedModel(arm.full_model, geometry, locked, pin.neutral(arm.full_model))
    return reduced
