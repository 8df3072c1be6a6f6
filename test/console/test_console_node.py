"""The console node: what it shows of a cell that it looks at seldom, and what becomes of a person's answers."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.parameter import Parameter
from std_msgs.msg import String
from std_srvs.srv import Trigger

from workcell_console.console_node import REQUESTS_MAX, ConsoleNode
from workcell_ros import qos

SELDOM_S = 7.5
"""As in a shift at 15 times real time."""


class Rig:
    """A console without a page, and a cell that says something."""

    def __init__(self, folder: Path) -> None:
        values = {"serve": False, "refresh_period_s": SELDOM_S, "results_file": str(folder / "results.json")}
        self.console = ConsoleNode(parameter_overrides=[Parameter(name, value=value) for name, value in values.items()])
        self.cell = rclpy.create_node("cell")
        self.state_pub = self.cell.create_publisher(String, "cell/state", qos.STATE)
        self.executor = SingleThreadedExecutor()
        self.executor.add_node(self.console)
        self.executor.add_node(self.cell)
        assert self.console.trigger_configure().name == "SUCCESS"
        assert self.console.trigger_activate().name == "SUCCESS"

    def run(self, seconds: float, until: Callable[[], object] = lambda: False) -> None:
        """Runs for a time, or until something holds."""
        clock = self.cell.get_clock()
        end_ns = clock.now().nanoseconds + round(seconds * 1e9)
        while clock.now().nanoseconds < end_ns and not until():
            self.executor.spin_once(timeout_sec=0.02)

    def close(self) -> None:
        self.executor.shutdown()
        self.cell.destroy_node()
        self.console.destroy_node()


@pytest.fixture
def rig(rclpy_up: None, tmp_path: Path) -> Iterator[Rig]:
    made = Rig(tmp_path)
    yield made
    made.close()


@pytest.mark.embedded("half a minute of virtual time")
def test_nodes_that_beat_are_not_called_silent_however_seldom_one_looks(rig: Rig) -> None:
    rig.run(4.0 * SELDOM_S)
    assert rig.console.record.statuses["console: node"]["level"] == "OK"
    assert not rig.console.record.incidents


@pytest.mark.embedded("half a minute of virtual time")
def test_what_happens_between_two_looks_has_its_own_time(rig: Rig, tmp_path: Path) -> None:
    for text in ("pick", "hold;reason=first", "pick", "hold;reason=second"):
        rig.run(2.0)
        rig.state_pub.publish(String(data=text))
    rig.run(1.0)
    rig.console.trigger_deactivate()
    holds = json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))["holds"]
    assert [hold["at_s"] for hold in holds] == pytest.approx([4.0, 8.0], abs=0.1)


class Governor:
    """Offers to approve one proposal, and answers when it is told to."""

    def __init__(self, rig: Rig) -> None:
        self.approved = 0
        rig.cell.create_service(Trigger, "governor/pending/p7/approve", self._approve)

    def _approve(self, _request: Any, response: Any) -> Any:
        self.approved += 1
        response.success, response.message = True, "approved"
        return response


def test_an_answer_reaches_the_governor(rig: Rig) -> None:
    governor = Governor(rig)
    rig.run(1.0)
    answer = rig.console.answer(7, approve=True)
    rig.run(5.0, answer.done)
    assert answer.result(0.0) == (True, "approved")
    assert governor.approved == 1


def test_an_answer_that_a_person_was_told_came_too_late_has_no_effect(rig: Rig) -> None:
    governor = Governor(rig)
    rig.run(1.0)
    given_up = rig.console.answer(7, approve=True)
    assert given_up.cancel()
    looked = rig.console.look("nodes", "")
    assert looked.cancel()
    rig.run(1.0)
    assert governor.approved == 0
    later = rig.console.answer(7, approve=True)
    rig.run(5.0, later.done)
    assert governor.approved == 1


def test_answers_that_nobody_hears_do_not_pile_up(rig: Rig) -> None:
    elsewhere = rclpy.create_node("governor")
    elsewhere.create_service(Trigger, "governor/pending/p7/approve", lambda _request, response: response)
    rig.run(1.0)
    for _ in range(REQUESTS_MAX + 8):
        rig.console.answer(7, approve=True)
        rig.run(0.05)
    assert sum(client.srv_name.endswith("/p7/approve") for client in rig.console.clients) == REQUESTS_MAX
    elsewhere.destroy_node()
