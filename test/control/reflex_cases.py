"""A shop, its cycles and what is seen of them, for tests of the reflex policy."""

import dataclasses

from workcell_control.policy.hold import (
    BOUND,
)
from workcell_control.policy.policy import Cycle, ImageHealth, Observation
from workcell_control.policy.reflex import NS_PER_S, ReflexPolicy, Tooling

TOOLING = Tooling(cup_radius_m=0.005, part_mass_kg=0.12, weigh_lever_m=0.5, friction=0.5)
INTERVALS_S = {
    "cell": {"speed_scale": 5.0, "acceleration_scale": 5.0, "jerk_scale": 5.0, BOUND: 4.0, "grip_vacuum_pa": 2.0}
}
CELL = {
    "speed_scale": 0.6,
    "acceleration_scale": 0.5,
    "jerk_scale": 0.5,
    BOUND: 5.0,
    "grip_vacuum_pa": 55e3,
    "grip_dwell_s": 0.2,
    "settle_s": 0.2,
}
GOOD = Cycle(
    is_dropped=False,
    verdict="accept",
    cycle_time_s=6.0,
    vacuum_min_pa=47e3,
    acceleration_max_m_s2=3.0,
    pick_attempts=1,
    tracking_error_max_rad=1e-3,
    energy_j=1500.0,
)
DROPPED = dataclasses.replace(GOOD, is_dropped=True, verdict="none", vacuum_min_pa=20e3)
IMAGE = ImageHealth(light_level=1.0, blur_px=0.9, exposure_s=0.004)


def seen(now_s=0.0, cell=CELL, image=IMAGE, activity="transfer", alarms=None, late_s=0.0, **readings):
    tags = {name.replace("__", "/"): value for name, value in readings.items()}
    parameters = {"cell": cell, "inspection": {"exposure_s": 0.004}}
    now_ns = round(now_s * NS_PER_S)
    taken_ns = dict.fromkeys(tags, now_ns - round(late_s * NS_PER_S))
    return Observation(now_ns, activity, tags, taken_ns, alarms or {}, parameters, image)


def after(cycles, observation=None):
    policy = ReflexPolicy(TOOLING, INTERVALS_S)
    wanted = {}
    for index, cycle in enumerate(cycles):
        policy.learn(cycle)
        now = dataclasses.replace(observation or seen(), now_ns=6 * index * NS_PER_S)
        for proposal in policy.propose(now):
            wanted |= {f"{proposal.node}.{name}": value for name, value in proposal.parameters.items()}
    return wanted
