"""Commissioning asks before the first motion of each kind, once, and takes answers to what it asked alone."""

from workcell_control.cell.commissioning import Commissioning, question_of
from workcell_control.cell.steps import Move, Way

EMPTY = Move(1, "infeed_above", is_straight=False, is_held=False)
LOADED = Move(2, "infeed_above", is_straight=True, is_held=True)


def test_a_kind_is_where_to_how_and_with_what():
    assert question_of(EMPTY).kind == "to_infeed_above_empty"
    assert question_of(LOADED).kind == "straight_to_infeed_above_with_part"
    assert question_of(LOADED).text == "move straight to infeed_above, with part"


def test_nothing_moves_before_a_person_approved_it():
    desk = Commissioning()
    assert not desk.allows(EMPTY)
    assert desk.open == question_of(EMPTY)
    assert not desk.allows(EMPTY)
    assert desk.answer("to_infeed_above_empty", True)
    assert desk.open is None
    assert desk.allows(EMPTY)
    assert desk.approved == ("to_infeed_above_empty",)


def test_each_kind_is_asked_by_itself():
    desk = Commissioning()
    desk.allows(EMPTY)
    desk.answer("to_infeed_above_empty", True)
    assert not desk.allows(LOADED)


def test_a_rejected_motion_is_asked_again():
    desk = Commissioning()
    desk.allows(EMPTY)
    assert desk.answer("to_infeed_above_empty", False)
    assert not desk.allows(EMPTY)
    assert desk.open is not None


def test_an_answer_to_what_is_not_asked_counts_for_nothing():
    desk = Commissioning()
    assert not desk.answer("to_infeed_above_empty", True)
    desk.allows(EMPTY)
    assert not desk.answer("to_home_empty", True)
    assert not desk.allows(EMPTY)


def test_motions_are_carried_out_one_by_one():
    move = Move(1, "infeed_above", False, False, (Way("infeed_pick", True),))
    assert Commissioning().stepwise(move).onward == ()
