"""Trajectories: state to state beside ruckig, through waypoints beside toppra; every bound by dense sampling."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import ruckig

from bench.motion import peer_timing
from bench.motion.demo_cell import SERIES_APART, arm, spread, timed
from bench.output import show
from workcell_control.motion.arrays import FloatArray
from workcell_control.motion.dynamics import ArmDynamics, Payload
from workcell_control.motion.limits import JointLimits, MotionScales
from workcell_control.motion.passage import MotionBounds, move_along, path_through
from workcell_control.motion.trajectory import JointState, JointTrajectory, joint_move

MOVES = 5_000
PATHS = 60
SAMPLE_S = 0.001
PAYLOAD_KG = 3.0
GRIP_M_S2 = 6.0
TOLERANCE_RAD = 0.15
EXCESS = 1e-6
"""Share beyond a bound that is rounding: of samples that are interpolated, and of ruckig's own profile."""
TOOL_EXCESS = 2e-3
"""The same of the tool's acceleration, a function of the joints that is bounded at samples 10 ms apart."""


def measure(share: float, series: int) -> dict[str, Any]:
    return {
        "state_to_state": _state_to_state(int(MOVES * share), series),
        "waypoints": _waypoints(max(3, int(PATHS * share)), series),
    }


def _state_to_state(count: int, series: int) -> dict[str, Any]:
    rng = np.random.default_rng(21 + SERIES_APART * series)
    limits = arm().limits.scaled(MotionScales(0.8, 0.8, 0.8))
    ratios, violations, ours_s, peer_s = [], 0, [], []
    for _ in range(count):
        start, goal = _random_state(rng, limits), rng.uniform(-3.0, 3.0, 6)
        move, spent_s = timed(partial(joint_move, start, goal, limits))
        duration_s, peer_spent_s = timed(partial(_ruckig_duration_s, start, goal, limits))
        ratios.append(move.duration_s / duration_s)
        violations += max(_shares(move, limits)) > 1.0 + EXCESS
        ours_s.append(1e6 * spent_s)
        peer_s.append(1e6 * peer_spent_s)
    figures: dict[str, Any] = {
        "moves": count,
        "ratio": spread(ratios),
        "ratio_min": min(ratios),
        "violations": violations,
        "us_median": float(np.median(ours_s)),
        "ruckig_us_median": float(np.median(peer_s)),
    }
    rows: list[list[object]] = [
        ["moves, from moving states", count],
        ["duration / ruckig, median", figures["ratio"]["median"]],
        ["duration / ruckig, max", figures["ratio"]["max"]],
        ["moves that violate a limit at any 1 ms", violations],
        ["us per move, sampled", figures["us_median"]],
        ["us per move, ruckig's profile alone", figures["ruckig_us_median"]],
    ]
    show("State to state", ["figure", "value"], rows)
    return figures


def _random_state(rng: np.random.Generator, limits: JointLimits) -> JointState:
    """Moving, and able to stay within its velocity limit."""
    acceleration = rng.uniform(-0.6, 0.6, 6) * limits.acceleration
    # What the acceleration adds to the speed until it is taken back.
    spare = limits.velocity - acceleration**2 / (2.0 * limits.jerk)
    return JointState(rng.uniform(-3.0, 3.0, 6), rng.uniform(-0.9, 0.9, 6) * spare, acceleration)


def _ruckig_duration_s(start: JointState, goal: FloatArray, limits: JointLimits) -> float:
    request = ruckig.InputParameter(6)
    request.current_position, request.current_velocity = start.position.tolist(), start.velocity.tolist()
    request.current_acceleration, request.target_position = start.acceleration.tolist(), goal.tolist()
    request.max_velocity, request.max_acceleration = limits.velocity.tolist(), limits.acceleration.tolist()
    request.max_jerk = limits.jerk.tolist()
    profile = ruckig.Trajectory(6)
    ruckig.Ruckig(6).calculate(request, profile)
    return float(profile.duration)


def _shares(move: JointTrajectory, limits: JointLimits) -> tuple[float, float, float]:
    """Largest shares of the velocity, acceleration and jerk limits used at any millisecond."""
    times = np.arange(0.0, move.duration_s, SAMPLE_S)
    _, velocity, acceleration, jerk = move.states_at(times)
    pairs = ((velocity, limits.velocity), (acceleration, limits.acceleration), (jerk, limits.jerk))
    worst = [float(np.abs(rows / bound).max()) for rows, bound in pairs]
    return worst[0], worst[1], worst[2]


def _waypoints(count: int, series: int) -> dict[str, Any]:
    rng = np.random.default_rng(31 + SERIES_APART * series)
    dynamics = ArmDynamics(arm(), Payload(PAYLOAD_KG, (0.0, 0.0, 0.05)))
    result: dict[str, Any] = {}
    rows: list[list[object]] = []
    for name, grip in (("joint and torque limits", np.inf), ("and the grip's", GRIP_M_S2)):
        bounds = MotionBounds(arm().limits, grip, dynamics, is_retimed=True)
        cases = [_one_path(rng, bounds) for _ in range(count // 2)]
        ratios = [case["ratio"] for case in cases]
        violations = {key: sum(case[key] > 1.0 + slack for case in cases) for key, slack in _SLACKS.items()}
        spent = [case["ms"] for case in cases]
        durations = [case["duration_s"] for case in cases]
        result[name] = {
            "paths": len(cases),
            "ratio": spread(ratios),
            "violations": violations,
            "ms": spread(spent),
            "toppra_ms_median": float(np.median([case["toppra_ms"] for case in cases])),
            "duration_s_median": float(np.median(durations)),
        }
        ratio = result[name]["ratio"]
        rows.append(
            [
                name, len(cases), float(np.median(durations)), ratio["median"], ratio["max"],
                sum(r > 1.10 for r in ratios), sum(violations.values()), float(np.median(spent)),
                result[name]["toppra_ms_median"],
            ]
        )  # fmt: skip
    columns = ["bounds", "paths", "s median", "/ toppra median", "max", "above 1.10", "violations", "ms", "toppra ms"]
    show("Through 5 to 8 waypoints", columns, rows)
    return result


_SLACKS = {"velocity": EXCESS, "acceleration": EXCESS, "jerk": EXCESS, "torque": EXCESS, "grip": TOOL_EXCESS}


def _one_path(rng: np.random.Generator, bounds: MotionBounds) -> dict[str, float]:
    count = int(rng.integers(5, 9))
    steps = rng.uniform(-1.0, 1.0, (count - 1, 6))
    positions = np.clip(np.vstack([rng.uniform(-0.5, 0.5, 6), steps]).cumsum(axis=0), -3.0, 3.0)
    path = path_through(positions, TOLERANCE_RAD)
    move, spent_s = timed(lambda: move_along(arm(), path, bounds))
    peer, peer_spent_s = timed(lambda: peer_timing.duration_s(arm(), path, bounds))
    velocity, acceleration, jerk = _shares(move, bounds.limits)
    fine = move.states_at(np.arange(0.0, move.duration_s, SAMPLE_S))[:3]
    assert bounds.dynamics is not None
    torque = float((np.abs(bounds.dynamics.torques(*fine)) / bounds.dynamics.torque_max).max())
    tool = float(np.linalg.norm(arm().tool_motion(*fine).acceleration, axis=1).max())
    return {
        "ratio": move.duration_s / peer,
        "duration_s": move.duration_s,
        "ms": 1e3 * spent_s,
        "toppra_ms": 1e3 * peer_spent_s,
        "velocity": velocity,
        "acceleration": acceleration,
        "jerk": jerk,
        "torque": torque,
        "grip": tool / bounds.tool_acceleration_max_m_s2,
    }
