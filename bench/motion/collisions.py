"""Collision checks of whole moves beside a dense check of every pair by Pinocchio and Coal."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import coal
import numpy as np
import pinocchio as pin

from bench.motion.demo_cell import SERIES_APART, arm, description, scene, spread, station, timed
from bench.output import show
from workcell_control.motion.arrays import FloatArray
from workcell_control.motion.collision import TRAVEL_CLEARANCE_M, CollisionScene
from workcell_control.motion.limits import MotionScales
from workcell_control.motion.trajectory import JointState, JointTrajectory, joint_move

MOVES = 2_000
DENSE_RAD = 0.004
"""Sum of all joints' travel between dense samples: no point of the arm moves 5 mm in it."""
BORDER_M = 5e-4
"""The check may refuse what passes nearer than this to the clearance: it halves intervals no further."""


class DenseCheck:
    """The same shapes and pairs, each dense sample by Pinocchio's own loop."""

    def __init__(self, checked: CollisionScene) -> None:
        model, full = arm().model, arm().full_model
        geometry = pin.buildGeomFromUrdfString(full, description(), pin.GeometryType.COLLISION)
        locked = [i for i in range(1, full.njoints) if full.names[i] not in arm().joint_names]
        _, geometry = pin.buildReducedModel(full, geometry, locked, pin.neutral(full))
        frame = model.frames[model.getFrameId("gripper_tcp")]
        size = station().part.size_m
        placed = frame.placement * pin.SE3(np.eye(3), np.array([0.0, 0.0, size[2] / 2.0]))
        geometry.addGeometryObject(pin.GeometryObject("held_part", frame.parentJoint, placed, coal.Box(*size)))
        for first, second in checked.pair_names:
            pair = pin.CollisionPair(geometry.getGeometryId(first), geometry.getGeometryId(second))
            geometry.addCollisionPair(pair)
        self._geometry = geometry
        self._data = pin.GeometryData(geometry)
        self._model_data = model.createData()

    def distance(self, rows: FloatArray) -> float:
        """Smallest distance of any pair at any row."""
        model = arm().model
        lowest = math.inf
        for row in rows:
            nearest = pin.computeDistances(model, self._model_data, self._geometry, self._data, row)
            lowest = min(lowest, self._data.distanceResults[nearest].min_distance)
        return lowest


def measure(share: float, series: int) -> dict[str, Any]:
    rng = np.random.default_rng(41 + SERIES_APART * series)
    checked = scene()
    dense = DenseCheck(checked)
    limits = arm().limits.scaled(MotionScales(0.8, 0.8, 0.8))
    missed = too_near = false_alarms = hits = 0
    ours_ms, dense_ms = [], []
    for _ in range(int(MOVES * share)):
        move = _random_move(rng, checked, limits)
        hit, ours_s = timed(partial(checked.check_trajectory, move, held=True))
        distance, dense_s = timed(partial(dense.distance, _dense_rows(move)))
        ours_ms.append(1e3 * ours_s)
        dense_ms.append(1e3 * dense_s)
        hits += distance < TRAVEL_CLEARANCE_M
        missed += distance <= 0.0 and hit is None
        too_near += distance < TRAVEL_CLEARANCE_M and hit is None
        false_alarms += distance > TRAVEL_CLEARANCE_M + BORDER_M and hit is not None
    figures: dict[str, Any] = {
        "moves": int(MOVES * share),
        "nearer_than_clearance": hits,
        "missed_collisions": missed,
        "missed_within_clearance": too_near,
        "false_alarms": false_alarms,
        "ms": spread(ours_ms),
        "dense_ms": spread(dense_ms),
    }
    rows: list[list[object]] = [
        ["random moves with a part", figures["moves"]],
        ["of them nearer than 10 mm to something", hits],
        ["missed collisions", missed],
        ["missed of those nearer than 10 mm", too_near],
        ["false alarms", false_alarms],
        ["ms per move, median", figures["ms"]["median"]],
        ["ms per move, dense check, median", figures["dense_ms"]["median"]],
    ]
    show("Collisions of whole moves", ["figure", "value"], rows)
    return figures


def _random_move(rng: np.random.Generator, checked: CollisionScene, limits: Any) -> JointTrajectory:
    """From a free place around the cell's home, so that about every third move comes too near to something."""
    while True:
        start = np.clip(station().home + rng.uniform(-1.2, 1.2, 6), -3.1, 3.1)
        if checked.distance(start, held=True) > TRAVEL_CLEARANCE_M:
            break
    goal = np.clip(start + rng.uniform(-1.0, 1.0, 6), -3.1, 3.1)
    return joint_move(JointState.at_rest(start), goal, limits)


def _dense_rows(move: JointTrajectory) -> FloatArray:
    travel = np.abs(np.diff(move.position, axis=0)).sum() * 1.1
    times = np.linspace(0.0, move.duration_s, max(2, math.ceil(travel / DENSE_RAD)))
    return move.states_at(times)[0]
