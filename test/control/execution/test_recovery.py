"""Out of a stop by named steps: the Universal Robots driver's way, refusals, silence, and people."""

import pytest

from workcell_control.execution.drivers import driver_of
from workcell_control.execution.drivers.driver import Condition
from workcell_control.execution.recovery import READY_WITHIN_S, Recovery, RecoveryState
from workcell_control.execution.refusals import PATIENCE_S, RETRY_S, Refusals
from workcell_ros.errors import ConfigError

S = 1_000_000_000
ROBOT = driver_of("universal_robots")
MODE, SAFETY, PROGRAM = ROBOT.state_topics


def called(recovery, now_s=0.0, acknowledged=False):
    """Names of the steps that are called when every one succeeds at once."""
    steps, now_ns = [], round(now_s * S)
    step = recovery.begin(now_ns, is_acknowledged=acknowledged)
    while step is not None:
        steps.append(step.service.rpartition("/")[2])
        recovery.on_answer(True, "", now_ns)
        now_ns += round((step.settle_s + 0.1) * S)
        step = recovery.due(now_ns)
    return steps, now_ns


def test_a_protective_stop_is_left_by_popup_unlock_and_program_and_ends_when_the_arm_says_so():
    recovery = Recovery(ROBOT.recovery)
    recovery.on_condition(*ROBOT.condition({SAFETY: 3}))
    assert recovery.state is RecoveryState.STOPPED
    steps, _ = called(recovery)
    assert steps == ["close_safety_popup", "unlock_protective_stop", "resend_robot_program"]
    assert recovery.state is RecoveryState.AWAITING_READY
    recovery.on_condition(*ROBOT.condition({SAFETY: 1, MODE: 7, PROGRAM: True}))
    assert recovery.state is RecoveryState.READY


def test_an_emergency_stop_needs_a_person_also_when_it_comes_during_a_recovery():
    recovery = Recovery(ROBOT.recovery)
    recovery.on_condition(*ROBOT.condition({SAFETY: 3}))
    recovery.begin(0, is_acknowledged=False)
    recovery.on_condition(*ROBOT.condition({SAFETY: 7}))
    assert recovery.state is RecoveryState.AWAITING_PERSON
    assert recovery.begin(0, is_acknowledged=False) is None
    steps, _ = called(recovery, acknowledged=True)
    assert steps == ["close_safety_popup", "power_on", "brake_release", "resend_robot_program"]


@pytest.mark.parametrize("how", ["refused", "silent", "never ready"])
def test_every_failure_has_a_name(how):
    recovery = Recovery(ROBOT.recovery)
    recovery.on_condition(*ROBOT.condition({SAFETY: 1, MODE: 7, PROGRAM: False}))
    step = recovery.begin(0, is_acknowledged=False)
    assert step.name == "send the program"
    if how == "refused":
        recovery.on_answer(False, "remote control is off", S)
    elif how == "silent":
        assert recovery.due(round((step.timeout_s + 0.1) * S)) is None
    else:
        recovery.on_answer(True, "", 0)
        recovery.due(S)
        recovery.due(round((READY_WITHIN_S + 1.1) * S))
    assert recovery.state is RecoveryState.FAILED
    assert {"refused": "remote control is off", "silent": "no answer", "never ready": "no_program"}[
        how
    ] in recovery.reason


@pytest.mark.parametrize(
    ("told", "condition"),
    [
        ({}, Condition.OFF),
        ({SAFETY: 1, MODE: 5}, Condition.OFF),
        ({SAFETY: 2, MODE: 7, PROGRAM: True}, Condition.READY),
        ({SAFETY: 5, MODE: 7, PROGRAM: True}, Condition.SAFEGUARD_STOP),
        ({SAFETY: 9, MODE: 7, PROGRAM: True}, Condition.FAULT),
    ],
)
def test_what_a_universal_robot_tells_is_understood(told, condition):
    assert ROBOT.condition(told)[0] is condition


def test_the_embedded_driver_takes_an_unknown_word_for_a_fault():
    driver = driver_of("embedded")
    assert driver.condition({driver.state_topic: "protective_stop;reason=joint 2"}) == (
        Condition.PROTECTIVE_STOP,
        "joint 2",
    )
    assert driver.condition({driver.state_topic: "on_fire"}) == (Condition.FAULT, "on_fire")


def test_names_of_a_driver_come_from_its_block(tmp_path):
    file = tmp_path / "drivers.yaml"
    file.write_text("universal_robots: {dashboard: left/dashboard_client}", encoding="utf-8")
    steps = driver_of("universal_robots", file).recovery(Condition.PROTECTIVE_STOP)
    assert steps[0].service == "left/dashboard_client/close_safety_popup"
    file.write_text("universal_robots: {dashbord: x}", encoding="utf-8")
    with pytest.raises(ConfigError, match="dashbord"):
        driver_of("universal_robots", file)
    with pytest.raises(ConfigError, match="embedded, mock, universal_robots"):
        driver_of("toy")


def test_a_refused_trajectory_is_sent_again_until_patience_ends():
    refusals, now_ns, sent = Refusals(), 0, 0
    while refusals.is_patient(now_ns):
        assert not refusals.is_due(now_ns)
        now_ns += round(RETRY_S * S)
        assert refusals.is_due(now_ns)
        assert not refusals.is_due(now_ns)
        sent += 1
    assert sent == round(PATIENCE_S / RETRY_S)
