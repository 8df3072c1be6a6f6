"""What an OPC UA client sees of each topic."""

from __future__ import annotations

import math

import pytest

from workcell_sensors.outward.opcua_feed import (
    BAD_SENSOR,
    GOOD,
    LAST_USABLE,
    UNCERTAIN_SENSOR,
    Feed,
    Update,
)
from workcell_sensors.outward.opcua_robotics import (
    arm_path,
    axis_path,
    controller_path,
    kpi_path,
    motor_path,
    reading_path,
    safety_path,
    state_path,
)
from workcell_sensors.reading import NS_PER_S, Quality

TAGS = ("arm/joint_1/temperature", "cell/energy", "gripper/vacuum")
NOW_NS = 100 * NS_PER_S


@pytest.fixture
def feed() -> Feed:
    return Feed(("elbow", "wrist"), {"elbow": TAGS[0]}, TAGS[1], TAGS, silence_s=2.0)


def shown(feed: Feed, now_ns: int = NOW_NS) -> dict[str, Update]:
    return {update.path: update for update in feed.changes(now_ns)}


def test_axes_show_position_speed_and_the_change_of_speed(feed: Feed) -> None:
    feed.joint_states(["wrist", "elbow", "gripper"], [1.0, 2.0, 0.0], [0.1, 0.2, 0.0], NOW_NS, NOW_NS)
    feed.joint_states(["wrist", "elbow"], [1.0, 2.1], [0.1, 0.4], NOW_NS + NS_PER_S // 10, NOW_NS)
    seen = shown(feed)
    assert seen[axis_path("elbow", "ActualPosition")].value == 2.1
    assert seen[axis_path("elbow", "ActualSpeed")].value == 0.4
    assert seen[axis_path("elbow", "ActualAcceleration")].value == pytest.approx(2.0)
    assert seen[axis_path("wrist", "ActualAcceleration")].value == 0.0
    assert feed.ignored == 1


def test_speeds_may_be_missing(feed: Feed) -> None:
    feed.joint_states(["elbow"], [2.0], [], NOW_NS, NOW_NS)
    assert set(shown(feed)) == {axis_path("elbow", "ActualPosition")}


def test_silent_joints_keep_their_value_and_lose_their_quality_once(feed: Feed) -> None:
    feed.joint_states(["elbow"], [2.0], [0.0], NOW_NS, NOW_NS)
    shown(feed)
    assert shown(feed, NOW_NS + NS_PER_S) == {}
    stale = shown(feed, NOW_NS + 3 * NS_PER_S)
    assert {update.status for update in stale.values()} == {LAST_USABLE}
    assert stale[axis_path("elbow", "ActualPosition")].value == 2.0
    assert shown(feed, NOW_NS + 9 * NS_PER_S) == {}
    feed.joint_states(["elbow"], [2.0], [0.0], NOW_NS + 10 * NS_PER_S, NOW_NS + 10 * NS_PER_S)
    assert shown(feed, NOW_NS + 10 * NS_PER_S)[axis_path("elbow", "ActualPosition")].status == GOOD


def test_readings_carry_their_quality_and_serve_motor_and_meter(feed: Feed) -> None:
    values = [310.0, 7.0, math.nan]
    feed.readings([*TAGS, "no/such"], [*values, 1.0], [Quality.GOOD, Quality.UNCERTAIN, Quality.BAD, 0], NOW_NS)
    seen = shown(feed)
    assert (seen[reading_path(TAGS[0])].value, seen[motor_path("elbow")].value) == (310.0, 310.0)
    assert seen[controller_path("TotalEnergyConsumption")].status == UNCERTAIN_SENSOR
    assert (seen[reading_path(TAGS[2])].value, seen[reading_path(TAGS[2])].status) == (None, BAD_SENSOR)
    assert seen[state_path("ReadingsBad")].value == 1
    assert feed.ignored == 1
    feed.readings([TAGS[2]], [3.0], [Quality.GOOD], NOW_NS)
    assert shown(feed)[state_path("ReadingsBad")].value == 0


def test_a_quality_nobody_knows_is_bad(feed: Feed) -> None:
    feed.readings([TAGS[0]], [1.0], [9], NOW_NS)
    assert shown(feed)[reading_path(TAGS[0])].status == BAD_SENSOR


@pytest.mark.parametrize(
    ("text", "emergency", "protective", "in_control"),
    [
        ("normal", False, False, True),
        ("protective_stop;reason=joint 2", False, True, False),
        ("emergency_stop", True, False, False),
    ],
)
def test_safety_states_follow_the_arm(
    feed: Feed, text: str, emergency: bool, protective: bool, in_control: bool
) -> None:
    feed.robot_state(text, NOW_NS)
    seen = shown(feed)
    assert seen[safety_path("EmergencyStop")].value is emergency
    assert seen[safety_path("ProtectiveStop")].value is protective
    assert seen[arm_path("InControl")].value is in_control


def test_a_hold_comes_with_its_reason(feed: Feed) -> None:
    feed.cell_state("hold;reason=gripper/vacuum is STALE", NOW_NS)
    feed.speed_scaling(0.25, NOW_NS)
    seen = shown(feed)
    assert (seen[state_path("State")].value, seen[state_path("Reason")].value) == ("hold", "gripper/vacuum is STALE")
    assert seen[safety_path("OperationalMode")].value == 4
    assert seen[arm_path("SpeedOverride")].value == 25.0


def test_metrics_are_shown_by_name_and_unknown_ones_counted(feed: Feed) -> None:
    feed.metric("shift", "oee", 0.8, NOW_NS)
    feed.metric("shift", "no_such", 0.8, NOW_NS)
    feed.metric("week", "oee", 0.8, NOW_NS)
    assert shown(feed)[kpi_path("shift", "oee")].value == 0.8
    assert feed.ignored == 2
