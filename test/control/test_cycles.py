"""What the policy is told of a finished cycle: its figures, and the conditions it ran under."""

from workcell_control.policy.cycles import WANTED, CycleAssembler, CycleConditions

VACUUM = "gripper/vacuum"
NS_PER_S = 1_000_000_000


def ended(conditions, stop_s=1):
    assembler = CycleAssembler(conditions)
    cycles = [assembler.add(stop_s * NS_PER_S, name, 0.0) for name in WANTED]
    return cycles[-1]


def test_a_cycle_carries_mean_readings_and_the_parameters_in_force():
    conditions = CycleConditions()
    conditions.note_parameter("cell", "speed_scale", 0.6, 0)
    for value in (40e3, 50e3):
        conditions.note_reading(VACUUM, value)
    cycle = ended(conditions)
    assert cycle.readings == {VACUUM: 45e3}
    assert cycle.parameters == {"cell": {"speed_scale": 0.6}}
    assert cycle.is_steady


def test_a_change_in_mid_cycle_makes_it_unsteady_and_the_same_value_or_an_early_one_does_not():
    conditions = CycleConditions()
    conditions.note_parameter("cell", "speed_scale", 0.6, 0)
    ended(conditions, 10)
    conditions.note_parameter("cell", "speed_scale", 0.6, 13 * NS_PER_S)
    assert ended(conditions, 15).is_steady
    conditions.note_parameter("cell", "speed_scale", 0.7, 18 * NS_PER_S)
    assert not ended(conditions, 20).is_steady
    conditions.note_parameter("cell", "speed_scale", 0.8, 21 * NS_PER_S)
    assert ended(conditions, 25).is_steady


def test_one_unusable_reading_distrusts_the_tag_for_the_whole_cycle():
    conditions = CycleConditions()
    conditions.note_reading(VACUUM, 50e3)
    conditions.note_unusable(VACUUM)
    conditions.note_reading(VACUUM, 50e3)
    conditions.note_reading("cell/power", 300.0)
    cycle = ended(conditions)
    assert cycle.distrusted == {VACUUM}
    assert cycle.readings == {"cell/power": 300.0}
    conditions.note_reading(VACUUM, 50e3)
    assert ended(conditions, 2).readings == {VACUUM: 50e3}


def test_a_tag_that_stays_unusable_is_distrusted_in_the_next_cycle_too():
    conditions = CycleConditions()
    conditions.note_unusable(VACUUM)
    assert ended(conditions).distrusted == {VACUUM}
    assert ended(conditions, 2).distrusted == {VACUUM}
    conditions.note_reading(VACUUM, 50e3)
    assert ended(conditions, 3).distrusted == {VACUUM}
    assert ended(conditions, 4).distrusted == frozenset()
