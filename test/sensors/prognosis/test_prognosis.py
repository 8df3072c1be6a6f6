"""Components from readings to proposals."""

from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path

import numpy as np
import pytest

from workcell_ros.errors import ConfigError
from workcell_sensors.health.refine import CycleResult
from workcell_sensors.prognosis.component import ComponentSpec, PrognosisSpec, load_prognosis
from workcell_sensors.prognosis.prognosis import Prognosis
from workcell_sensors.prognosis.registry import DETECTORS
from workcell_sensors.prognosis.watch import Quantity, WatchSpec
from workcell_sensors.reading import Quality
from workcell_sensors.tags import SourceRow, TagRow, TagTable, load_tags

ROOT = Path(__file__).parents[3]
TABLE = TagTable(
    [
        TagRow("one/vibration", "a", "1", "m/s^2", "m/s^2"),
        TagRow("one/speed", "b", "2", "rad/s", "rad/s"),
        TagRow("two/vibration", "a", "3", "m/s^2", "m/s^2"),
        TagRow("two/speed", "b", "4", "rad/s", "rad/s"),
        TagRow("pump", "c", "5", "A", "A"),
    ],
    [SourceRow("a", "mqtt"), SourceRow("b", "opcua"), SourceRow("c", "modbus")],
)
SPEC = PrognosisSpec(
    horizon_cycles=30,
    failure_cost=10.0,
    components=(
        ComponentSpec("one", "one/vibration", 4.0, "arm", per="one/speed"),
        ComponentSpec("two", "two/vibration", 4.0, "arm", per="two/speed"),
        ComponentSpec("pump", "pump", 3.0, "drop", active_in=("transfer",)),
    ),
)
QUANTITIES = (Quantity("one/vibration", "one/speed"), Quantity("two/vibration", "two/speed"))
WATCHED = dataclasses.replace(
    SPEC,
    watches=(
        WatchSpec("levels", "level_chart", QUANTITIES, 3, settings={"window": 5, "grace_period": 40}),
        WatchSpec("machine", "hotelling", QUANTITIES, 3, settings={"grace_period": 40}),
    ),
)
QUIET = CycleResult(0, drop=False, tracking_error_max_rad=0.0)


class Machine:
    """Reads out a machine of which the first joint wears."""

    def __init__(self, prognosis: Prognosis, seed: int = 1) -> None:
        self.prognosis = prognosis
        self.rng = np.random.default_rng(seed)
        prognosis.set_state("transfer")

    def cycle(self, wear: float, speed: float = 1.0, result: CycleResult = QUIET, quality: int = Quality.GOOD) -> None:
        for _ in range(8):
            for row, gain in ((0, 1.0 + wear), (2, 1.0)):
                turned = speed * self.rng.uniform(0.2, 1.5)
                self.tell(row + 1, turned)
                self.tell(row, 0.6 * gain * turned * (1.0 + 0.05 * self.rng.standard_normal()), quality)
            self.tell(4, 0.25)
        self.prognosis.learn(result)

    def tell(self, row: int, value: float, quality: int = Quality.GOOD) -> None:
        self.prognosis.take(np.array([row]), np.array([value]), np.array([quality], dtype=np.uint8))


def test_a_worn_joint_loses_health_and_is_proposed_long_before_its_limit() -> None:
    machine = Machine(Prognosis(SPEC, TABLE))
    asked_at = 0
    for cycle in range(200):
        machine.cycle(wear=max(cycle - 60, 0) * 0.03)
        needs = machine.prognosis.needs()
        assert [need.component for need in needs] in ([], ["one"])
        if needs and not asked_at:
            asked_at = cycle
            assert "one is at" in needs[0].reason
    one, two, _ = machine.prognosis.health()
    assert 60 < asked_at < 60 + 100 - 10
    assert one.health_index == 0.0
    assert two.health_index > 0.95
    assert one.remaining.median_cycles == 0.0
    assert two.remaining.low_cycles > 200


def test_speed_is_no_wear() -> None:
    machine = Machine(Prognosis(SPEC, TABLE))
    for cycle in range(120):
        machine.cycle(wear=0.0, speed=0.4 if cycle < 60 else 2.0)
    assert all(health.health_index > 0.95 for health in machine.prognosis.health())
    assert machine.prognosis.needs() == []


def test_bad_and_stale_readings_teach_nothing() -> None:
    machine = Machine(Prognosis(SPEC, TABLE))
    for _ in range(60):
        machine.cycle(wear=0.0)
    before = machine.prognosis.health()[0]
    for quality in (Quality.BAD, Quality.STALE):
        for _ in range(30):
            machine.cycle(wear=50.0, quality=quality)
    after = machine.prognosis.health()[0]
    assert math.isnan(after.indicator)
    assert after.healthy == before.healthy
    assert after.health_index > 0.9
    assert machine.prognosis.needs() == []


def test_a_failure_is_laid_to_the_component_nearest_its_limit() -> None:
    machine = Machine(Prognosis(SPEC, TABLE))
    for cycle in range(90):
        machine.cycle(wear=0.02 * cycle)
    machine.cycle(wear=2.0, result=CycleResult(0, drop=False, tracking_error_max_rad=0.01))
    lives = machine.prognosis.snapshot()["lives"]
    assert [lives[name]["risk"]["failures"] for name in ("one", "two", "pump")] == [1, 0, 0]
    machine.cycle(wear=2.0, result=CycleResult(0, drop=False, tracking_error_max_rad=0.0, protective_stop=True))
    machine.cycle(wear=2.0, result=CycleResult(0, drop=True, tracking_error_max_rad=0.0))
    lives = machine.prognosis.snapshot()["lives"]
    assert [lives[name]["risk"]["failures"] for name in ("one", "two", "pump")] == [2, 0, 1]


def test_outside_its_states_a_component_is_not_read() -> None:
    machine = Machine(Prognosis(SPEC, TABLE))
    machine.prognosis.set_state("idle")
    machine.cycle(wear=0.0)
    one, _, pump = machine.prognosis.health()
    assert math.isfinite(one.indicator)
    assert math.isnan(pump.indicator)


def test_a_serviced_component_begins_anew() -> None:
    machine = Machine(Prognosis(SPEC, TABLE))
    for cycle in range(120):
        machine.cycle(wear=0.03 * cycle)
    assert machine.prognosis.needs()
    machine.prognosis.serviced("one")
    assert machine.prognosis.needs() == []
    for _ in range(60):
        machine.cycle(wear=0.0)
    assert machine.prognosis.health()[0].health_index > 0.9


def test_a_machine_unlike_itself_is_an_anomaly_though_no_component_is_at_its_limit() -> None:
    machine = Machine(Prognosis(WATCHED, TABLE))
    for _ in range(120):
        machine.cycle(wear=0.0)
        assert machine.prognosis.alarms() == []
    for _ in range(20):
        machine.cycle(wear=0.5)
    assert machine.prognosis.needs() == [], "no component is near its limit"
    levels, machine_alarm = machine.prognosis.alarms()
    assert (levels.watch, machine_alarm.watch) == ("levels", "machine")
    assert "unlike itself" in levels.reason
    assert levels.score > 1.0
    machine.prognosis.serviced("levels")
    assert machine.prognosis.watches["levels"].is_learning
    assert [alarm.watch for alarm in machine.prognosis.alarms()] == ["machine"]


@pytest.mark.parametrize("confirm_cycles", [1, 4])
def test_an_alarm_waits_for_as_many_anomalous_cycles_as_it_is_told_to(confirm_cycles: int) -> None:
    spec = dataclasses.replace(WATCHED.watches[0], confirm_cycles=confirm_cycles)
    machine = Machine(Prognosis(dataclasses.replace(WATCHED, watches=(spec,)), TABLE))
    for _ in range(80):
        machine.cycle(wear=0.0)
    (watch,) = machine.prognosis.watches.values()
    for _ in range(40):
        machine.cycle(wear=0.8)
        assert bool(machine.prognosis.alarms()) is (watch.beyond >= confirm_cycles)
    assert watch.beyond > confirm_cycles


def test_a_change_is_told_once_and_then_is_how_the_machine_is() -> None:
    settings = {"grace_period": 50, "limit": 5.0}
    watch = WatchSpec("changes", "change_points", QUANTITIES, settings=settings)
    machine = Machine(Prognosis(dataclasses.replace(WATCHED, watches=(watch,)), TABLE))
    told = []
    for cycle in range(180):
        machine.cycle(wear=0.0 if cycle < 100 else 0.8)
        told += [cycle] if machine.prognosis.alarms() else []
    assert len(told) == 1
    assert 100 <= told[0] < 110


def test_a_watch_that_was_set_otherwise_meanwhile_begins_anew() -> None:
    giver = Machine(Prognosis(WATCHED, TABLE))
    for _ in range(70):
        giver.cycle(wear=0.0)
    other = dataclasses.replace(WATCHED.watches[0], settings={"window": 6, "grace_period": 40})
    taker = Prognosis(dataclasses.replace(WATCHED, watches=(other, WATCHED.watches[1])), TABLE)
    taker.restore(giver.prognosis.snapshot())
    assert (taker.watches["levels"].cycles, taker.watches["machine"].cycles) == (0, 70)


def test_a_state_through_json_goes_on_bit_for_bit() -> None:
    giver = Machine(Prognosis(WATCHED, TABLE))
    for cycle in range(90):
        giver.cycle(wear=0.02 * cycle)
    taker = Machine(Prognosis(WATCHED, TABLE))
    taker.prognosis.restore(json.loads(json.dumps(giver.prognosis.snapshot(), allow_nan=False)))
    taker.rng.bit_generator.state = giver.rng.bit_generator.state
    for machine in (giver, taker):
        machine.prognosis._values[:] = np.nan
        machine.cycle(wear=1.9)
    assert taker.prognosis.snapshot() == giver.prognosis.snapshot()
    assert taker.prognosis.health()[0] == giver.prognosis.health()[0]
    fewer = PrognosisSpec(30, 10.0, SPEC.components[:1])
    with pytest.raises(ValueError, match="valid"):
        Prognosis(fewer, TABLE).restore(giver.prognosis.snapshot())


def test_the_shipped_file_follows_every_joint_and_the_vacuum() -> None:
    spec = load_prognosis(ROOT / "config" / "prognosis.yaml", load_tags(ROOT / "config" / "tags.yaml"))
    assert [item.component for item in spec.components] == [*(f"joint_{n}" for n in range(1, 7)), "vacuum"]
    assert {item.detector for item in spec.watches} == set(DETECTORS)
    assert all(len(item.quantities) >= 6 for item in spec.watches)


def watched(rows: str) -> str:
    return f"{{horizon_cycles: 5, failure_cost: 2, components: [], watches: [{rows}]}}"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{horizon_cycles: 1.5, failure_cost: 2, components: []}", "whole number"),
        ("{horizon_cycles: 5, failure_cost: 0, components: []}", "at least 1"),
        ("{horizon_cycles: 5, failure_cost: 2, components: 3}", "list of mappings"),
        (
            "{horizon_cycles: 5, failure_cost: 2, components: [{component: a, "
            "tag: nope, failure_ratio: 2, outcome: arm}]}",
            "no tag",
        ),
        (
            "{horizon_cycles: 5, failure_cost: 2, components: [{component: a, "
            "tag: pump, failure_ratio: 1, outcome: arm}]}",
            "more than 1",
        ),
        (
            "{horizon_cycles: 5, failure_cost: 2, components: [{component: a, "
            "tag: pump, failure_ratio: 2, outcome: x}]}",
            "arm",
        ),
        ("{horizon_cycles: 5, failure_cost: 2, colour: 1, components: []}", "colour"),
        (
            "{horizon_cycles: 5, failure_cost: 2, components: [{component: a, "
            "tag: pump, failure_ratio: 2, outcome: arm, per: 1}]}",
            r"per: is 1; valid: a text",
        ),
        (watched("{watch: a, detector: [], quantities: [{tag: pump}]}"), "level_chart"),
        (watched("{watch: a, detector: oracle, quantities: [{tag: pump}]}"), "level_chart"),
        (watched("{watch: a, detector: level_chart, quantities: [{tag: nope}]}"), "no tag"),
        (watched("{watch: a, detector: level_chart, quantities: []}"), "per unit"),
        (watched("{watch: a, detector: level_chart, quantities: [{tag: pump}], settings: {luck: 1}}"), "luck"),
        (
            watched("{watch: a, detector: level_chart, quantities: [{tag: pump}], settings: {grace_period: 3}}"),
            "more than the window",
        ),
        (watched("{watch: a, detector: hotelling, quantities: [{tag: pump}], confirm_cycles: 0}"), "at least 1"),
        (watched(", ".join(["{watch: a, detector: hotelling, quantities: [{tag: pump}]}"] * 2)), "twice"),
    ],
)
def test_a_wrong_file_is_refused_with_what_would_be_valid(tmp_path: Path, text: str, says: str) -> None:
    file = tmp_path / "prognosis.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=says):
        load_prognosis(file, TABLE)
