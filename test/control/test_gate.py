"""The gate: one proposal's way from arrival to verdict, in every turn it can take."""

from workcell_control.governance.authority import Forecast
from workcell_control.governance.gate import Apply, ClosePending, Gate, OpenPending, Outcome, Verdict
from workcell_control.governance.pending import PENDING_MAX, Waiting, WaitingRoom
from workcell_control.governance.quiet import QuietWatch
from workcell_control.governance.rules import Direction, Governance, Rule, TwinUse

S = 1_000_000_000
SPEED = Rule(low=0.2, high=1.0, safe=0.4, max_step=0.1, min_interval_s=5.0, safer=Direction.DOWN, twin=TwinUse.ADVISE)
GRIP = Rule(low=30e3, high=80e3, safe=60e3, max_step=10e3, min_interval_s=0.0, ask_above=70e3)


def gate():
    rules = {"cell": {"speed_scale": SPEED, "grip_vacuum_pa": GRIP}}
    made = Gate(
        Governance(rules, pending_timeout_s=10.0, twin_timeout_s=5.0, twin_loss_max=0.05, twin_drops_per_hour_max=1.0)
    )
    made.note_value("cell", "speed_scale", 0.6)
    made.note_value("cell", "grip_vacuum_pa", 68e3)
    return made


def kinds(actions):
    return [action.outcome if isinstance(action, Verdict) else type(action) for action in actions]


def test_a_gentle_change_is_applied_and_then_audited():
    it = gate()
    (apply,) = it.on_proposal(1, "cell", {"speed_scale": 0.5}, 0)
    assert apply == Apply(1, "cell", {"speed_scale": 0.5}, "governor", Outcome.APPLIED, "towards safety")
    (verdict,) = it.on_applied(apply, "", 0)
    assert verdict.outcome is Outcome.APPLIED
    assert it.current["cell"]["speed_scale"] == 0.5


def test_what_the_node_refuses_is_a_failure_and_changes_nothing():
    it = gate()
    (apply,) = it.on_proposal(1, "cell", {"speed_scale": 0.5}, 0)
    (verdict,) = it.on_applied(apply, "cell refused: out of range", 0)
    assert verdict.outcome is Outcome.FAILED
    assert it.current["cell"]["speed_scale"] == 0.6


def test_a_bold_change_waits_for_the_twin():
    it = gate()
    assert it.on_proposal(1, "cell", {"speed_scale": 0.65}, 0) == []
    (apply,) = it.on_forecast(1, Forecast(110.0, 100.0, 0.0, 0.0), S)
    assert apply.parameters == {"speed_scale": 0.65}
    assert it.on_forecast(1, Forecast(110.0, 100.0, 0.0, 0.0), S) == []


def test_a_silent_twin_only_delays_what_it_advises_on():
    it = gate()
    it.on_proposal(1, "cell", {"speed_scale": 0.65}, 0)
    assert it.on_tick(4 * S) == []
    (apply,) = it.on_tick(5 * S)
    assert "twin silent" in apply.reason


def test_a_person_approves():
    it = gate()
    actions = it.on_proposal(7, "cell", {"grip_vacuum_pa": 74e3}, 0)
    assert kinds(actions) == [OpenPending, Outcome.PENDING]
    assert [item.stamp_ns for item in it.pending] == [7]
    close, apply = it.on_answer(7, True, "person")
    assert close == ClosePending(7)
    assert apply.outcome is Outcome.APPROVED
    assert apply.parameters == {"grip_vacuum_pa": 74e3}
    assert it.on_answer(7, True, "person") == []


def test_a_person_rejects():
    it = gate()
    it.on_proposal(7, "cell", {"grip_vacuum_pa": 74e3}, 0)
    assert kinds(it.on_answer(7, False, "person")) == [ClosePending, Outcome.REJECTED]
    assert it.current["cell"]["grip_vacuum_pa"] == 68e3


def test_nobody_answers():
    it = gate()
    it.on_proposal(7, "cell", {"grip_vacuum_pa": 74e3}, 0)
    assert kinds(it.on_tick(10 * S)) == [ClosePending, Outcome.EXPIRED]


def test_a_newer_proposal_replaces_the_one_that_waits():
    it = gate()
    it.on_proposal(7, "cell", {"grip_vacuum_pa": 74e3}, 0)
    actions = it.on_proposal(8, "cell", {"grip_vacuum_pa": 75e3}, S)
    assert kinds(actions) == [ClosePending, Outcome.SUPERSEDED, OpenPending, Outcome.PENDING]
    assert [item.stamp_ns for item in it.pending] == [8]


def test_falling_back_brings_the_safe_set_and_restoring_what_was_in_force():
    it = gate()
    it.on_proposal(7, "cell", {"grip_vacuum_pa": 74e3}, 0)
    actions = it.fall_back(S, "policy quiet")
    assert kinds(actions) == [Apply, ClosePending, Outcome.REFUSED]
    assert actions[0].parameters == {"speed_scale": 0.4, "grip_vacuum_pa": 60e3}
    it.on_applied(actions[0], "", S)
    assert it.has_fallen_back
    assert it.fall_back(S, "policy quiet") == []
    (refused,) = it.on_proposal(8, "cell", {"speed_scale": 0.3}, S)
    assert refused.outcome is Outcome.REFUSED
    (restore,) = it.restore(2 * S, "all inputs are back")
    assert restore.parameters == {"speed_scale": 0.6, "grip_vacuum_pa": 68e3}
    assert not it.has_fallen_back


def test_a_node_that_starts_again_is_given_what_had_been_authorised():
    it = gate()
    it.note_declared("cell", ["speed_scale", "grip_vacuum_pa"], 0)
    assert it.started_again(9 * S) == ()
    (apply,) = it.on_proposal(1, "cell", {"speed_scale": 0.5}, 0)
    it.on_applied(apply, "", 0)
    it.note_value("cell", "speed_scale", 0.6)
    it.note_declared("cell", ["speed_scale"], 10 * S)
    assert it.started_again(11 * S) == ()
    assert it.started_again(12 * S) == ("cell",)
    (again,) = it.reinstate("cell", 12 * S)
    assert (again.outcome, again.parameters) == (Outcome.REINSTATED, {"speed_scale": 0.5})
    assert it.started_again(20 * S) == ()


def test_a_node_that_starts_again_while_something_is_quiet_is_given_the_safe_set():
    it = gate()
    (apply,) = it.on_proposal(1, "cell", {"speed_scale": 0.5}, 0)
    it.on_applied(apply, "", 0)
    for fallen in it.fall_back(S, "policy quiet"):
        it.on_applied(fallen, "", S)
    it.note_value("cell", "speed_scale", 0.6)
    it.note_declared("cell", ["speed_scale"], 0)
    (again,) = it.reinstate("cell", S)
    assert (again.outcome, again.parameters) == (Outcome.FALLBACK, {"speed_scale": 0.4})
    it.on_applied(again, "", S)
    (restore,) = it.restore(2 * S, "all inputs are back")
    assert restore.parameters["speed_scale"] == 0.5


def test_a_node_that_came_back_as_it_was_is_left_alone():
    it = gate()
    (apply,) = it.on_proposal(1, "cell", {"speed_scale": 0.5}, 0)
    it.on_applied(apply, "", 0)
    it.note_declared("cell", ["speed_scale"], 0)
    assert it.reinstate("cell", S) == []


def test_an_ungoverned_node_is_refused():
    (verdict,) = gate().on_proposal(1, "world", {"speed_scaling": 1.0}, 0)
    assert verdict.outcome is Outcome.REFUSED


def test_the_waiting_room_is_bounded():
    room = WaitingRoom()
    ruling = gate()._authority.rule_on("cell", {"grip_vacuum_pa": 74e3}, {"grip_vacuum_pa": 68e3}, 0)
    dropped = [room.put(Waiting(stamp, f"node{stamp}", ruling, 10)) for stamp in range(PENDING_MAX + 3)]
    assert len(room) == PENDING_MAX
    assert [item.stamp_ns for moot in dropped for item in moot] == [0, 1, 2]


def test_a_quiet_input_is_named_until_all_have_been_back_long_enough():
    watch = QuietWatch({"policy": 3.0, "readings": 1.0}, restore_after_s=2.0)
    assert watch.check(9 * S) == ""
    watch.heard("readings", 9 * S)
    watch.heard("policy", 11 * S)
    assert watch.check(11 * S) == "readings quiet"
    watch.heard("readings", 12 * S)
    assert watch.check(12 * S) == "readings quiet"
    watch.heard("readings", 13 * S)
    watch.heard("policy", 13 * S)
    assert watch.check(13 * S) == ""
