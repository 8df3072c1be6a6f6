"""What each detector finds that the others need not."""

from __future__ import annotations

import numpy as np
import pytest

from workcell_sensors.prognosis.change_point import ChangePoints
from workcell_sensors.prognosis.detector import ANOMALOUS
from workcell_sensors.prognosis.hotelling import HotellingChart
from workcell_sensors.prognosis.level_chart import LevelChart

RNG = np.random.default_rng


def test_a_cautious_quantity_must_go_further() -> None:
    noise = RNG(1).standard_normal((500, 2))
    chart = LevelChart(2, caution=(1.0, 5.0))
    for sample in noise:
        chart.learn_one(sample)
    one, other = chart.deviations(np.array([40.0, 40.0]))
    assert one == pytest.approx(5.0 * other, rel=0.3)


def test_a_quantity_that_never_moved_raises_no_alarm_by_itself() -> None:
    chart = LevelChart(1)
    for _ in range(500):
        chart.learn_one(np.array([2.0]))
    assert chart.score_one(np.array([3.0])) == 0.0


def test_an_anomaly_does_not_become_the_norm() -> None:
    """The chart's baseline and the covariance stay what they were, however long the fault lasts."""
    chart, joint = LevelChart(1), HotellingChart(1)
    for sample in RNG(2).standard_normal((450, 1)):
        chart.learn_one(sample)
        joint.learn_one(sample)
    for sample in 20.0 + RNG(3).standard_normal((600, 1)):
        chart.learn_one(sample)
        joint.learn_one(sample)
    assert chart.score_one(np.array([20.0])) > ANOMALOUS
    assert joint.score_one(np.array([20.0])) > ANOMALOUS


def test_a_ramp_and_its_end_and_the_way_back_are_changes_of_their_own() -> None:
    level = np.concatenate((np.zeros(450), np.linspace(0.0, 20.0, 60), np.full(200, 20.0), np.zeros(200)))
    points = ChangePoints(1)
    found = []
    for step, value in enumerate(level + 0.5 * RNG(4).standard_normal(len(level))):
        if points.score_one(np.array([value])) >= ANOMALOUS:
            found.append(step)
        points.learn_one(np.array([value]))
    assert 450 < found[0] < 475
    assert any(510 <= step < 550 for step in found)
    assert 710 <= found[-1] < 720
    assert len(found) <= 5


def test_hotelling_sees_what_no_single_quantity_shows() -> None:
    joint, chart = HotellingChart(2), LevelChart(2, window=2)
    rng = RNG(5)
    for _ in range(450):
        both = rng.standard_normal()
        sample = np.array([both, both + 0.1 * rng.standard_normal()])
        joint.learn_one(sample)
        chart.learn_one(sample)
    torn = np.array([1.5, -1.5])
    assert joint.score_one(torn) > ANOMALOUS > chart.score_one(torn)


@pytest.mark.parametrize("make", [lambda: LevelChart(1, grace_period=10), lambda: ChangePoints(1, grace_period=20)])
def test_a_grace_period_too_short_to_learn_in_is_refused(make: object) -> None:
    with pytest.raises(ValueError, match="grace_period"):
        make()  # type: ignore[operator]
