"""When the arm's own supervision stops it: by a worn gear's friction, whatever the deviations scatter by."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workcell_control.policy.optimiser.setting import Setting
from workcell_control.policy.optimiser.stop_model import COULOMB_MRAD, VISCOUS_MRAD, StopModel

LIMIT_RAD = 1.6e-3
FAST = Setting(0.5, 1.0, 1.0, 7.0, 70e3, 0.1, 0.08, 0.004)
LAG_MRAD = 0.33
"""What this setting has of it at its peak speed."""


def new_model() -> StopModel:
    return StopModel(LIMIT_RAD, 0.015)


def probability(model: StopModel, speed: float, wear: float) -> float:
    return float(model.probability(replace(FAST, speed_scale=speed).array()[None], wear)[0])


def speed_at(share: float, wear: float) -> float:
    """The speed at which friction deviates by a share of what the arm bears."""
    return (share * 1e3 * LIMIT_RAD / wear - COULOMB_MRAD) / VISCOUS_MRAD


def run(
    model: StopModel, speed: float, wear: float, cycles: int, scatter_mrad: float = 0.0, share: float = 1.0
) -> None:
    """Tells of cycles whose friction is that share of what wear and speed let expect."""
    rng, setting = np.random.default_rng(4), replace(FAST, speed_scale=speed).array()
    friction_mrad = share * wear * (COULOMB_MRAD + VISCOUS_MRAD * speed)
    for _ in range(cycles):
        deviation_mrad = friction_mrad + LAG_MRAD + scatter_mrad * float(rng.standard_normal())
        model.learn(setting, wear, 1e-3 * deviation_mrad, is_stopped=False)


def test_what_samples_scatter_by_keeps_no_distance_from_the_limit() -> None:
    model = new_model()
    run(model, speed_at(0.9, 0.9), 0.9, 60, scatter_mrad=0.07)
    # The largest of the deviations told lie above what stops the arm, and yet a little faster is safe.
    assert probability(model, speed_at(0.94, 0.9), 0.9) < 0.01
    assert probability(model, speed_at(1.05, 0.9), 0.9) > 0.8


def test_a_new_machine_keeps_its_distance() -> None:
    assert probability(new_model(), speed_at(0.9, 0.9), 0.9) > 0.01
    assert probability(new_model(), 1.0, 0.05) < 0.001


def test_friction_beyond_what_the_wear_tells_is_learned_from_deviations() -> None:
    model = new_model()
    before = probability(model, speed_at(0.9, 0.6), 0.6)
    run(model, speed_at(0.8, 0.6), 0.6, 40, share=1.15)
    assert probability(model, speed_at(0.9, 0.6), 0.6) > max(before, 0.5)


def test_lag_alone_stops_nothing() -> None:
    model = new_model()
    for _ in range(30):
        model.learn(FAST.array(), 0.0, 1.9e-3, is_stopped=False)
    assert probability(model, 1.0, 0.0) < 0.001


def test_a_stop_makes_it_careful_and_what_the_arm_bears_bold() -> None:
    model, speed = new_model(), speed_at(0.96, 0.9)
    run(model, speed, 0.9, 60)
    borne = probability(model, speed, 0.9)
    for _ in range(4):
        model.learn(replace(FAST, speed_scale=speed).array(), 0.9, 0.0, is_stopped=True)
    stopped = probability(model, speed, 0.9)
    run(model, speed, 0.9, 200)
    assert borne < 0.01 < stopped
    assert probability(model, speed, 0.9) < stopped


@settings(max_examples=40)
@given(st.floats(0.2, 0.95), st.floats(0.0, 0.95), st.floats(0.2, 1.0))
def test_faster_and_more_worn_is_never_safer(speed: float, wear: float, acceleration: float) -> None:
    model = new_model()
    here, faster = (
        replace(FAST, speed_scale=value, acceleration_scale=acceleration).array()[None]
        for value in (speed, speed + 0.05)
    )
    found = float(model.probability(here, wear)[0])
    assert float(model.probability(faster, wear)[0]) >= found - 1e-12
    assert float(model.probability(here, wear + 0.05)[0]) >= found - 1e-12


def test_it_is_restored_bit_for_bit_and_a_foreign_state_refused() -> None:
    model, copied = new_model(), new_model()
    run(model, 0.5, 0.7, 20, scatter_mrad=0.05)
    state = json.loads(json.dumps(model.snapshot()))
    copied.restore(state)
    assert copied.snapshot() == model.snapshot()
    with pytest.raises(ValueError, match="belief"):
        copied.restore({**state, "log_likelihood": [0.0]})
    assert copied.snapshot() == model.snapshot()
