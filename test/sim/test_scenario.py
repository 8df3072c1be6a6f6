"""Scenario files: what ships loads; what is wrong is named with file, key, value and choices."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from world_rig import ROOT, event

from workcell_ros.errors import ConfigError
from workcell_sim.world.disturbances import Disturbances
from workcell_sim.world.scenario import KINDS, Event, Scenario, load_scenario

FOLDER = ROOT / "config" / "scenarios"
SHIPPED = (
    "all_at_once",
    "calm",
    "heavy_lot",
    "joint_wear",
    "light_drift",
    "node_faults",
    "protective_stop",
    "starved_infeed",
    "tariff_peak",
    "vacuum_leak",
)


def scenario(*events: Event) -> Scenario:
    return Scenario("test", "", 100.0, events)


def test_shipped_scenarios_load() -> None:
    names = sorted(path.stem for path in FOLDER.glob("*.yaml"))
    assert tuple(names) == SHIPPED
    for name in names:
        loaded = load_scenario(FOLDER / f"{name}.yaml")
        assert loaded.name == name
        assert loaded.description
        assert all(item.at_s < loaded.duration_s for item in loaded.events)


def test_node_faults_cover_stall_and_kill_of_nodes_and_devices() -> None:
    kinds = {item.kind for item in load_scenario(FOLDER / "node_faults.yaml").events}
    assert kinds == {"node_stall", "node_kill", "device_stall", "device_kill"}


@pytest.mark.parametrize(
    ("text", "key", "problem", "valid"),
    [
        ("events: [{kind: leak, at_s: 1}]", "events[0].kind", "'leak'", "vacuum_leak"),
        ("events: [{kind: vacuum_leak}]", "events[0].at_s", "missing", "shift time"),
        ("events: [{kind: vacuum_leak, at_s: -1}]", "events[0].at_s", "-1", "0..1e+06"),
        ("events: [{kind: vacuum_leak, at_s: 1, magnitude: 99}]", "events[0].magnitude", "99", "0..10"),
        ("events: [{kind: vacuum_leak, at_s: 1, ramp: 9}]", "events[0].ramp", "ramp_s", "ramp_s"),
        ("events: [{kind: joint_wear, at_s: 1}]", "events[0].joint", "missing", "1, 2, 3"),
        ("events: [{kind: joint_wear, at_s: 1, joint: 7}]", "events[0].joint", "'7'", "1, 2, 3"),
        ("events: [{kind: device_kill, at_s: 1, device: can}]", "events[0].device", "'can'", "mqtt, opcua, modbus"),
        ("events: [{kind: protective_stop, at_s: 1, magnitude: 1}]", "events[0].magnitude", "no magnitude", "no such"),
        ("events: 3", "events", "not a list", "list"),
        ("events: [3]", "events[0]", "not an event", "kind"),
        ("duration_s: soon", "duration_s", "'soon'", "number"),
        ("event: []", "event", "did you mean events", "events"),
        ("description: [a]", "description", "not a text", "text"),
    ],
)
def test_error_names_key_value_and_choices(tmp_path: Path, text: str, key: str, problem: str, valid: str) -> None:
    file = tmp_path / "bad.yaml"
    file.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load_scenario(file)
    assert caught.value.file == str(file)
    assert caught.value.key == key
    assert problem in caught.value.problem
    assert valid in caught.value.valid


def test_event_ramps_holds_and_fades() -> None:
    leak = Event("vacuum_leak", at_s=10.0, ramp_s=4.0, hold_s=20.0, magnitude=0.8, target="")
    levels = {9.0: 0.0, 11.0: 0.25, 14.0: 1.0, 33.9: 1.0, 36.0: 0.5, 38.0: 0.0, 99.0: 0.0}
    assert {time: leak.level(time) for time in levels} == pytest.approx(levels)


def test_step_event_without_ramp() -> None:
    lot = Event("heavy_lot", at_s=10.0, ramp_s=0.0, hold_s=5.0, magnitude=2.0, target="")
    assert [lot.level(time) for time in (9.99, 10.0, 14.99, 15.0)] == [0.0, 1.0, 1.0, 0.0]


@given(st.sampled_from(sorted(KINDS)), st.floats(0, 200), st.floats(0, 50), st.floats(0, 50), st.floats(0, 300))
def test_level_is_a_share(kind: str, at_s: float, ramp_s: float, hold_s: float, time_s: float) -> None:
    assert 0.0 <= Event(kind, at_s, ramp_s, hold_s, 1.0, "").level(time_s) <= 1.0


def test_conditions_combine_events() -> None:
    at = Disturbances(
        scenario(
            event("vacuum_leak", 0.5),
            event("vacuum_leak", 0.25, at_s=10.0),
            event("joint_wear", 0.6, target="2"),
            event("joint_wear", 0.7, at_s=10.0, target="2"),
            event("light_drift", 0.5),
            event("light_drift", 0.5),
            event("defect_burst", 0.4, at_s=10.0),
        )
    ).at
    assert at(5.0).leak == pytest.approx(0.5)
    assert at(11.0).leak == pytest.approx(0.75)
    np.testing.assert_allclose(at(5.0).wear, [0, 0.6, 0, 0, 0, 0])
    assert at(11.0).wear[1] == 1.0
    assert at(5.0).light == pytest.approx(0.25)
    assert at(5.0).defect_rate is None
    assert at(11.0).defect_rate == 0.4
    assert (at(5.0).mass, at(5.0).tariff, at(5.0).arrival) == (1.0, 1.0, 1.0)


def test_protective_stop_is_due_once() -> None:
    disturbances = Disturbances(scenario(event("protective_stop", at_s=3.0)))
    ticks = [(0.02 * n, 0.02 * (n + 1)) for n in range(300)]
    assert sum(disturbances.protective_stop_between(*tick) for tick in ticks) == 1
