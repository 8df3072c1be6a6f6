"""Every decoder of the field takes whatever bytes come: a sample of what `python -m bench.fuzz` does for longer."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bench.fuzz_targets import TARGETS

SLOW_TARGETS = {"bag": 25}
EXAMPLES = 120


@st.composite
def damaged(draw: st.DrawFn, seeds: tuple[bytes, ...], bytes_max: int) -> bytes:
    """A valid input, cut, with bytes changed and put in; or bytes of chance."""
    if draw(st.integers(0, 3)) == 0:
        return draw(st.binary(max_size=min(bytes_max, 512)))
    data = bytearray(draw(st.sampled_from(seeds)))
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, max(0, len(data) - 1)))
        data[at : at + draw(st.integers(0, 3))] = draw(st.binary(max_size=8))
    return bytes(data[: draw(st.integers(0, len(data)))])[:bytes_max]


@pytest.mark.parametrize("name", sorted(TARGETS))
def test_no_bytes_make_a_decoder_fail_otherwise_than_it_says(name: str) -> None:
    target = TARGETS[name]

    @settings(max_examples=SLOW_TARGETS.get(name, EXAMPLES), suppress_health_check=[HealthCheck.too_slow])
    @given(damaged(target.seeds(), target.bytes_max))
    def check(data: bytes) -> None:
        target.run(data)

    check()
