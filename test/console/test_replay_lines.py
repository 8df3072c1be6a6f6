"""What a person reads of a difference: when, where, and what of it is another."""

from workcell_console.replay import Decision, differences
from workcell_console.replay_lines import difference_lines

START_NS = 1_700_000_000_000_000_000


def decided(at_s, outcome="applied", node="cell", **values):
    stamp_ns = START_NS + round(at_s * 1e9)
    parameters = tuple(sorted(values.items()))
    return [Decision("proposal", stamp_ns, node, parameters), Decision("verdict", stamp_ns, node, parameters, outcome)]


def lines(recorded, replayed):
    return list(difference_lines(differences(recorded, replayed), START_NS))


def test_a_proposal_and_its_verdict_are_one_line_with_what_is_another():
    (line,) = lines(decided(12.3, speed=0.7, jerk=0.6), decided(12.3, speed=0.8, jerk=0.6))
    assert line == "at 12.3 s, cell: recorded speed 0.7, applied; now speed 0.8, applied; the same jerk"


def test_what_was_not_decided_is_nothing():
    assert lines(decided(1.0, speed=0.7), []) == ["at 1.0 s, cell: recorded speed 0.7, applied; now nothing"]
    assert lines([], decided(1.0, speed=0.7)) == ["at 1.0 s, cell: recorded nothing; now speed 0.7, applied"]


def test_a_parameter_left_out_is_named():
    recorded = [*decided(2.0, speed=0.7, jerk=0.6), *decided(3.0, node="inspection", exposure=0.01)]
    replayed = [*decided(2.0, speed=0.7), *decided(3.0, node="inspection", exposure=0.01)]
    said = "at 2.0 s, cell: recorded jerk 0.6, applied; now no jerk, applied; the same speed"
    assert lines(recorded, replayed) == [said]


def test_another_outcome_of_the_same_proposal_is_told_with_its_values():
    (line,) = lines(decided(2.0, "applied", speed=0.7), decided(2.0, "pending", speed=0.7))
    assert line == "at 2.0 s, cell: recorded speed 0.7, applied; now speed 0.7, pending"
