"""Components from readings to proposals."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest

from workcell_ros.errors import ConfigError
from workcell_sensors.health.refine import CycleResult
from workcell_sensors.prognosis.component import ComponentSpec, PrognosisSpec, load_prognosis
from workcell_sensors.prognosis.prognosis import Prognosis
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
    machine = Machine(Prognosis(SPEC, TABLE))
    for _ in range(120):
        machine.cycle(wear=0.0)
    calm = machine.prognosis.anomaly_score
    machine.cycle(wear=0.5)
    assert calm < 1.0 < machine.prognosis.anomaly_score


def test_a_state_through_json_goes_on_bit_for_bit() -> None:
    giver = Machine(Prognosis(SPEC, TABLE))
    for cycle in range(90):
        giver.cycle(wear=0.02 * cycle)
    taker = Machine(Prognosis(SPEC, TABLE))
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
    ],
)
def test_a_wrong_file_is_refused_with_what_would_be_valid(tmp_path: Path, text: str, says: str) -> None:
    file = tmp_path / "prognosis.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=says):
        load_prognosis(file, TABLE)
