"""Stamps that name proposals."""

from hypothesis import given
from hypothesis import strategies as st

from workcell_ros.proposal_stamp import is_of_policy, monitor_stamp_ns, policy_stamp_ns

times = st.integers(0, 1 << 62)


@given(times, times)
def test_a_stamp_says_whose_it_is_and_comes_after_now_and_after_the_last(now_ns, last_ns):
    policys, monitors = policy_stamp_ns(now_ns, last_ns), monitor_stamp_ns(now_ns, last_ns)
    assert is_of_policy(policys)
    assert not is_of_policy(monitors)
    for stamp_ns in (policys, monitors):
        assert stamp_ns >= now_ns
        assert last_ns < stamp_ns <= max(now_ns, last_ns + 1) + 1
