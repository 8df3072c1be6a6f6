"""A replay's deciders as processes: killed, stalled, and both."""

import sys
from pathlib import Path

import pytest
from waiting import until

from workcell_console.decider_processes import DeciderProcesses

SLEEPER = (sys.executable, "-c", "import time; time.sleep(600)")
STOPPED = "T"


def state_of(process):
    """The kernel's letter for how a process stands."""
    return Path(f"/proc/{process.pid}/stat").read_text(encoding="utf-8").rpartition(") ")[2][0]


@pytest.fixture
def deciders():
    made = DeciderProcesses()
    yield made
    made.stop()


def test_one_that_stands_still_is_not_awake_until_it_goes_on(deciders):
    process = deciders.start("policy", SLEEPER)
    go_on = deciders.stall("policy")
    until(lambda: state_of(process) == STOPPED, lambda: "it does not stand still")
    assert not deciders.awake
    go_on()
    until(lambda: state_of(process) != STOPPED, lambda: "it does not go on")
    assert deciders.awake == {"policy": process}


def test_one_that_was_killed_while_it_stood_still_does_not_go_on(deciders):
    first = deciders.start("policy", SLEEPER)
    go_on = deciders.stall("policy")
    deciders.kill("policy")
    assert first.returncode is not None
    second = deciders.start("policy", SLEEPER)
    deciders.stall("policy")
    until(lambda: state_of(second) == STOPPED, lambda: "it does not stand still")
    go_on()
    assert state_of(second) == STOPPED


def test_none_outlives_the_end_also_where_it_stands_still(deciders):
    running = [deciders.start(name, SLEEPER) for name in ("policy", "governor")]
    deciders.stall("policy")
    deciders.stop()
    assert all(process.returncode is not None for process in running)
