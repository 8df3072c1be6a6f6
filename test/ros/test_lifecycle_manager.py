"""The manager's state machine against simulated nodes, without ROS."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workcell_ros.lifecycle_manager import LifecycleManager, Limits, Phase
from workcell_ros.managed_node import GOAL_STATES, Command, GetState, Health

S = 1_000_000_000
TICK_NS = S // 10
LIMITS = Limits(bringup_timeout_s=5.0, heartbeat_timeout_s=2.5, backoff_first_s=0.5, backoff_max_s=4.0)


@dataclass
class FakeNode:
    """A node that answers at once, unless it is stalled or gone."""

    name: str
    state: str = "unconfigured"
    is_present: bool = True
    is_stalled: bool = False
    failing: dict[str, str] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def respawn(self) -> None:
        self.state = "unconfigured"
        self.is_present = True


class Rig:
    """A manager and its nodes on one time line; heartbeats each second."""

    def __init__(self, *names: str) -> None:
        self.now_ns = 0
        self.manager = LifecycleManager(names, LIMITS, 0)
        self.nodes = {name: FakeNode(name) for name in names}
        self.log: list[tuple[str, str]] = []

    def run(self, seconds: float) -> None:
        for _ in range(round(seconds * S / TICK_NS)):
            self.now_ns += TICK_NS
            self.step()

    def step(self) -> None:
        for node in self.nodes.values():
            self.manager.on_presence(node.name, node.is_present, self.now_ns)
            if node.is_present and not node.is_stalled and self.now_ns % S == 0:
                self.manager.on_heartbeat(node.name, node.state, self.now_ns, self.now_ns)
        commands = self.manager.tick(self.now_ns)
        while commands:
            for command in commands:
                self.answer(command)
            commands = self.manager.tick(self.now_ns)

    def answer(self, command: Command) -> None:
        node = self.nodes[command.node]
        assert node.is_present, f"{command} was sent to a node that is not there"
        if isinstance(command, GetState):
            if not node.is_stalled:
                self.manager.on_state(node.name, node.state, self.now_ns)
            return
        self.log.append((node.name, command.transition))
        if node.is_stalled:
            return
        why = node.failing.get(command.transition)
        if why is None:
            node.state = GOAL_STATES[command.transition]
        else:
            self.manager.on_complaint(node.name, why)
        self.manager.on_transition(node.name, why is None, self.now_ns)

    def report(self, name: str) -> tuple[Health, str]:
        found = next(report for report in self.manager.reports(self.now_ns) if report.name == name)
        return found.health, found.reason

    @property
    def is_active(self) -> bool:
        return self.manager.is_active(self.now_ns)


@pytest.fixture
def rig() -> Rig:
    return Rig("governor", "cell", "world")


def test_brings_nodes_up_in_order(rig: Rig) -> None:
    rig.run(0.5)
    assert rig.log == [
        ("governor", "configure"),
        ("governor", "activate"),
        ("cell", "configure"),
        ("cell", "activate"),
        ("world", "configure"),
        ("world", "activate"),
    ]
    assert rig.is_active
    assert rig.report("world") == (Health.OK, "active")


def test_waits_for_a_late_node_before_going_on(rig: Rig) -> None:
    rig.nodes["cell"].is_present = False
    rig.run(3.0)
    assert rig.report("cell") == (Health.WARN, "waiting for the node to appear")
    assert rig.nodes["world"].state == "unconfigured"
    rig.nodes["cell"].is_present = True
    rig.run(0.5)
    assert rig.is_active


def test_adopts_nodes_that_are_up_already(rig: Rig) -> None:
    rig.nodes["governor"].state = "active"
    rig.nodes["cell"].state = "inactive"
    rig.run(0.5)
    assert rig.is_active
    assert ("cell", "configure") not in rig.log


def test_a_node_that_never_appears_fails_the_start(rig: Rig) -> None:
    rig.nodes["cell"].is_present = False
    rig.run(6.0)
    assert rig.manager.phase is Phase.FAILED
    assert rig.manager.reason == "cell: the node is not there after 5 s"


def test_a_failed_configure_names_node_and_reason_and_stops_the_start(rig: Rig) -> None:
    rig.nodes["cell"].failing["configure"] = "config/cell.yaml: speed_scale: 2.0 is outside 0.1..1.0"
    rig.run(8.0)
    assert rig.manager.phase is Phase.FAILED
    assert rig.manager.reason == "cell: configure failed: config/cell.yaml: speed_scale: 2.0 is outside 0.1..1.0"
    assert rig.report("cell")[0] is Health.ERROR
    assert rig.log[-1] == ("cell", "configure")


def test_a_reason_that_comes_after_the_answer_is_still_told(rig: Rig) -> None:
    rig.nodes["cell"].failing["configure"] = ""
    rig.run(0.5)
    assert rig.manager.reason == "cell: configure failed: the node gave no reason"
    rig.manager.on_complaint("cell", "no such file: x.yaml")
    assert rig.manager.reason == "cell: configure failed: no such file: x.yaml"


def test_a_failed_start_can_be_resumed(rig: Rig) -> None:
    rig.nodes["cell"].failing["activate"] = "not yet"
    rig.run(1.0)
    rig.nodes["cell"].failing.clear()
    assert rig.manager.resume()
    rig.run(1.5)
    assert rig.is_active
    assert rig.manager.reason == ""


def test_a_transition_without_answer_fails_the_start(rig: Rig) -> None:
    rig.run(0.0)
    rig.nodes["governor"].state = "inactive"
    rig.manager.on_presence("governor", True, rig.now_ns)
    rig.manager.on_heartbeat("governor", "inactive", 0, 0)
    rig.nodes["governor"].is_stalled = True
    rig.run(6.0)
    assert rig.manager.reason == "governor: activate was not answered within 5 s"


def test_a_stalled_node_is_reported_stale_and_comes_back_by_itself(rig: Rig) -> None:
    rig.run(2.0)
    rig.nodes["cell"].is_stalled = True
    rig.run(3.0)
    health, reason = rig.report("cell")
    assert health is Health.STALE
    assert reason.startswith("no heartbeat for ")
    assert not rig.is_active
    transitions_before = len(rig.log)
    rig.nodes["cell"].is_stalled = False
    rig.run(1.0)
    assert rig.is_active
    assert len(rig.log) == transitions_before


def test_a_node_stalled_for_long_is_an_error_until_it_is_heard_again(rig: Rig) -> None:
    rig.run(2.0)
    rig.nodes["cell"].is_stalled = True
    rig.run(12.0)
    assert rig.report("cell")[0] is Health.ERROR
    rig.nodes["cell"].is_stalled = False
    rig.run(9.0)
    assert rig.is_active
    assert rig.report("cell") == (Health.OK, "active")


def test_a_killed_node_is_brought_up_again_when_it_is_back(rig: Rig) -> None:
    rig.run(2.0)
    rig.nodes["cell"].is_present = False
    rig.run(1.0)
    assert rig.report("cell") == (Health.ERROR, "the node is gone; waiting for the node to appear")
    rig.nodes["cell"].respawn()
    rig.run(0.5)
    assert rig.is_active
    assert rig.log[-2:] == [("cell", "configure"), ("cell", "activate")]
    assert [report.restarts for report in rig.manager.reports(rig.now_ns)] == [0, 1, 0]


def test_a_respawn_too_fast_to_be_seen_is_found_by_the_heartbeat(rig: Rig) -> None:
    rig.run(2.0)
    rig.nodes["cell"].respawn()
    rig.run(1.2)
    assert rig.is_active
    assert rig.log[-2:] == [("cell", "configure"), ("cell", "activate")]


def test_a_question_that_went_to_a_dead_node_does_not_hold_up_its_successor(rig: Rig) -> None:
    rig.run(2.0)
    # Middleware may take long to notice a death: the services seem to be there.
    rig.nodes["cell"].is_stalled = True
    rig.run(4.0)
    rig.nodes["cell"].respawn()
    rig.nodes["cell"].is_stalled = False
    rig.run(1.2)
    assert rig.is_active
    assert rig.log[-2:] == [("cell", "configure"), ("cell", "activate")]


def test_a_transition_that_a_dead_node_was_asked_for_is_asked_of_its_successor(rig: Rig) -> None:
    rig.run(3.0)
    node = rig.nodes["cell"]
    node.respawn()
    node.is_stalled = True
    rig.manager.on_heartbeat("cell", "unconfigured", rig.now_ns, rig.now_ns)
    rig.step()
    assert rig.log[-1] == ("cell", "configure")
    # It dies of it, and its successor is there before anybody sees that it was gone.
    node.respawn()
    node.is_stalled = False
    rig.run(LIMITS.bringup_timeout_s - 1.0)
    assert node.state == "active"


def test_a_fallen_node_is_tried_again_ever_more_patiently(rig: Rig) -> None:
    rig.run(2.0)
    rig.nodes["cell"].failing["configure"] = "camera not found"
    rig.nodes["cell"].respawn()
    count_before = len(rig.log)
    rig.run(30.0)
    attempts = len(rig.log) - count_before
    assert 7 <= attempts <= 11
    assert rig.report("cell")[1].startswith("configure failed: camera not found")
    assert rig.report("world") == (Health.OK, "active")
    rig.nodes["cell"].failing.clear()
    rig.run(6.0)
    assert rig.is_active


def test_an_old_heartbeat_does_not_undo_a_transition(rig: Rig) -> None:
    rig.run(2.0)
    rig.manager.on_heartbeat("cell", "unconfigured", 0, rig.now_ns)
    rig.run(0.5)
    assert rig.log.count(("cell", "configure")) == 1


def test_a_node_deactivated_by_somebody_else_is_told_not_fought(rig: Rig) -> None:
    rig.run(2.0)
    rig.nodes["cell"].state = "inactive"
    rig.run(2.0)
    assert rig.report("cell")[0] is Health.ERROR
    assert "somebody else deactivated it" in rig.report("cell")[1]
    assert rig.log.count(("cell", "activate")) == 1


def test_pauses_in_reverse_and_resumes_in_order(rig: Rig) -> None:
    rig.run(1.0)
    rig.log.clear()
    assert rig.manager.pause()
    rig.run(0.5)
    assert rig.manager.phase is Phase.PAUSED
    assert rig.log == [("world", "deactivate"), ("cell", "deactivate"), ("governor", "deactivate")]
    assert not rig.manager.pause()
    rig.log.clear()
    assert rig.manager.resume()
    rig.run(0.5)
    assert rig.is_active
    assert rig.log == [("governor", "activate"), ("cell", "activate"), ("world", "activate")]


def test_takes_nodes_down_in_reverse_past_those_that_are_gone(rig: Rig) -> None:
    rig.run(1.0)
    rig.nodes["cell"].is_present = False
    rig.log.clear()
    assert rig.manager.shut_down()
    rig.run(0.5)
    assert rig.manager.phase is Phase.STOPPED
    assert rig.log == [(name, step) for name in ("world", "governor") for step in ("deactivate", "cleanup", "shutdown")]
    assert rig.report("governor") == (Health.OK, "shut down")
    assert not rig.manager.resume()


def test_a_node_that_does_not_answer_cannot_hold_up_the_shutdown(rig: Rig) -> None:
    rig.run(1.0)
    rig.nodes["world"].is_stalled = True
    rig.manager.shut_down()
    rig.run(6.0)
    assert rig.manager.phase is Phase.STOPPED
    assert rig.nodes["governor"].state == "finalized"


@pytest.mark.parametrize("names", [[], ["cell", "cell"]])
def test_refuses_names_that_do_not_tell_nodes_apart(names: list[str]) -> None:
    with pytest.raises(ValueError, match="each once"):
        LifecycleManager(names, LIMITS, 0)


def test_is_deaf_to_nodes_that_are_not_managed(rig: Rig) -> None:
    rig.manager.on_heartbeat("stranger", "active", 0, 0)
    rig.manager.on_complaint("stranger", "help")
    rig.run(0.5)
    assert rig.is_active


FAULTS = st.lists(
    st.tuples(st.sampled_from(["governor", "cell", "world"]), st.sampled_from(["kill", "stall"]), st.floats(0.1, 8.0)),
    max_size=6,
)


@settings(max_examples=60)
@given(faults=FAULTS)
def test_whatever_is_killed_or_stalled_the_cell_comes_back(faults: list[tuple[str, str, float]]) -> None:
    rig = Rig("governor", "cell", "world")
    rig.run(1.0)
    for name, kind, duration_s in faults:
        node = rig.nodes[name]
        if kind == "stall":
            node.is_stalled = True
            rig.run(duration_s)
            node.is_stalled = False
        else:
            node.is_present = False
            rig.run(duration_s)
            node.respawn()
    rig.run(20.0)
    assert rig.is_active
    assert all(node.state == "active" for node in rig.nodes.values())
