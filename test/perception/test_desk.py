from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from workcell_perception.desk import FRAMES_MAX, Frame, InspectionDesk

TIMEOUT_NS = 1_000


def frame(stamp_ns: int) -> Frame:
    return Frame(stamp_ns, f"image {stamp_ns}")


def test_first_frame_exposed_after_the_request_answers_it() -> None:
    desk = InspectionDesk(TIMEOUT_NS)
    desk.ask(100)
    assert not desk.offer(frame(99))
    assert desk.offer(frame(100))
    assert desk.take() == frame(100)
    assert not desk.is_open
    assert not desk.offer(frame(110))
    assert desk.take() is None


def test_without_a_request_no_frame_is_kept() -> None:
    desk = InspectionDesk(TIMEOUT_NS)
    assert not desk.offer(frame(5))
    assert desk.take() is None


def test_oldest_frame_goes_when_work_comes_late() -> None:
    desk = InspectionDesk(TIMEOUT_NS)
    desk.ask(0)
    for stamp_ns in (1, 2, 3, 4):
        desk.offer(frame(stamp_ns))
    assert desk.frames_dropped == 2
    assert desk.take() == frame(3)


def test_request_is_given_up_after_its_time_and_not_before() -> None:
    desk = InspectionDesk(TIMEOUT_NS)
    assert not desk.give_up(5_000)
    desk.ask(100)
    assert not desk.give_up(100 + TIMEOUT_NS - 1)
    assert desk.give_up(100 + TIMEOUT_NS)
    assert not desk.give_up(100 + TIMEOUT_NS)


def test_request_with_a_waiting_frame_is_not_given_up() -> None:
    desk = InspectionDesk(TIMEOUT_NS)
    desk.ask(100)
    desk.offer(frame(200))
    assert not desk.give_up(10_000)


def test_new_request_replaces_the_open_one_and_its_frames() -> None:
    desk = InspectionDesk(TIMEOUT_NS)
    desk.ask(100)
    desk.offer(frame(150))
    desk.ask(200)
    assert desk.requests_replaced == 1
    assert desk.take() is None
    desk.offer(frame(210))
    assert desk.take() == frame(210)


@given(stamps=st.lists(st.integers(0, 1000), max_size=30))
def test_every_frame_after_the_request_is_taken_dropped_or_left_out(stamps: list[int]) -> None:
    desk = InspectionDesk(TIMEOUT_NS)
    desk.ask(300)
    taken_in = sum(desk.offer(frame(stamp)) for stamp in stamps)
    assert taken_in == sum(stamp >= 300 for stamp in stamps)
    assert desk.frames_dropped == max(taken_in - FRAMES_MAX, 0)
