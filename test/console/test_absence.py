"""When a recorded node was away is read off what it said."""

from workcell_console.absence import JUST_AFTER_NS, LEAD_NS, Absence, Voice, absences

S = 1_000_000_000


def beats(first_s, last_s, is_new_life=False):
    return [Voice(second * S, is_new_life=is_new_life) for second in range(first_s, last_s + 1)]


def configuring(at_s):
    return Voice(round(at_s * S), is_configuring=True)


def test_a_node_that_speaks_all_the_time_was_never_away():
    assert absences("policy", [*beats(0, 1, is_new_life=True), configuring(1.5), *beats(2, 60)]) == []


def test_a_silence_is_a_stall():
    (stall,) = absences("policy", [configuring(1), *beats(2, 10), *beats(16, 20)])
    assert stall == Absence("policy", 10 * S + JUST_AFTER_NS, 16 * S, is_restart=False)


def test_a_node_that_is_configured_again_had_died_after_what_it_last_said():
    (death,) = absences("governor", [configuring(1), *beats(2, 10), configuring(15), *beats(16, 20)])
    assert death == Absence("governor", 10 * S + JUST_AFTER_NS, 15 * S - LEAD_NS, is_restart=True)


def test_what_only_a_new_node_says_is_not_the_old_ones():
    voices = [configuring(1), *beats(2, 10), *beats(12, 14, is_new_life=True), configuring(15), *beats(16, 20)]
    (death,) = absences("governor", voices)
    assert (death.begin_ns, death.end_ns) == (10 * S + JUST_AFTER_NS, 12 * S)


def test_several_lives_are_told_apart():
    voices = [configuring(1), *beats(2, 10), configuring(13), *beats(14, 20), configuring(24), *beats(25, 30)]
    assert [item.is_restart for item in absences("policy", voices)] == [True, True]
