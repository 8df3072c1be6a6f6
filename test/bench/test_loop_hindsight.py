"""The search for what could be known in hindsight: stretches of like conditions, and the climb within one."""

from __future__ import annotations

import math
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from bench.loop import grid
from bench.loop.peer import check_peer
from bench.loop.shop import DEFAULT, Shop
from workcell_control.governance.rules import load_governance
from workcell_control.policy.optimiser.setting import Setting
from workcell_sim.world.scenario import Event, Scenario

SHOP = cast(Shop, SimpleNamespace(governance=load_governance("config/governance.yaml")))


def scenario(*events: Event) -> Scenario:
    return Scenario("test", "", 600.0, events)


def test_stretches_begin_where_something_changes() -> None:
    step = Event("heavy_lot", 180.0, 0.0, 300.0, 2.0, "")
    ramp = Event("light_drift", 200.0, 250.0, math.inf, 0.4, "")
    assert grid.stretches_s(scenario(step)) == (0.0, 180.0, 480.0)
    cuts = grid.stretches_s(scenario(ramp))
    assert cuts[:2] == (0.0, 200.0)
    assert cuts[-1] == 450.0
    assert max(b - a for a, b in pairwise(cuts[1:])) <= grid.STRETCH_S


def test_frozen_conditions_are_those_of_the_moment() -> None:
    ramp = Event("light_drift", 100.0, 100.0, math.inf, 0.4, "")
    leak = Event("vacuum_leak", 100.0, 100.0, math.inf, 0.8, "")
    stop = Event("protective_stop", 0.0, 0.0, math.inf, 0.0, "")
    frozen = grid.frozen_at(scenario(ramp, leak, stop), 150.0)
    assert [event.kind for event in frozen.events] == ["light_drift", "vacuum_leak"]
    assert [event.level(0.0) * event.magnitude for event in frozen.events] == pytest.approx([0.7, 0.4])
    assert grid.frozen_at(scenario(ramp), 50.0).events == ()


def test_the_climb_finds_the_top_within_the_envelope() -> None:
    def measure(setting: Setting) -> float:
        return -abs(setting.speed_scale - 0.72) - abs(setting.exposure_s - 0.0047) * 100.0 - setting.settle_s

    best = grid._climb(SHOP, DEFAULT, (measure,), (grid._everywhere, grid._around))
    assert best.speed_scale == pytest.approx(0.725)
    assert best.exposure_s == pytest.approx(0.0047)
    assert best.settle_s == pytest.approx(0.05), "no wait is shorter than the envelope has it"


def test_what_is_not_better_in_every_trial_is_not_taken() -> None:
    lucky = (lambda setting: setting.speed_scale, lambda setting: -setting.speed_scale)
    best = grid._climb(SHOP, DEFAULT, lucky, (grid._everywhere,))
    assert best.speed_scale == DEFAULT.speed_scale


def test_a_schedule_holds_until_the_next_stretch() -> None:
    schedule = grid.Schedule((0.0, 100.0), (DEFAULT, grid.START))
    assert [schedule.at(time_s) for time_s in (0.0, 99.9, 100.0, 1e4)] == [DEFAULT, DEFAULT, grid.START, grid.START]


def test_what_was_found_before_is_not_searched_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    searches: list[Scenario] = []

    def search(_: Shop, scenario: Scenario) -> grid.Schedule:
        searches.append(scenario)
        return grid.Schedule((0.0,), (grid.START,))

    monkeypatch.setattr(grid, "oracle", search)
    monkeypatch.setattr(grid, "best_fixed", lambda *_: DEFAULT)
    kept = tmp_path / "hindsight.json"
    first = grid.hindsight(SHOP, scenario(), kept)
    assert grid.hindsight(SHOP, scenario(), kept) == first
    assert first.fixed == DEFAULT
    assert len(searches) == 1


def test_a_missing_sampler_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.loop.peer.find_spec", lambda _: None)
    check_peer("tpe")
    with pytest.raises(SystemExit, match="needs PyTorch"):
        check_peer("gp")
