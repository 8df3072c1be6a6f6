"""Exponential back-off with jitter, so that many clients do not knock at the same moment."""

from __future__ import annotations

import random
from dataclasses import dataclass, field


@dataclass
class Backoff:
    """Pauses between connection attempts: each up to twice the one before, never above `pause_s_max`.

    Jitter is "equal": half of the pause is fixed, half is drawn.

    >>> backoff = Backoff(first_s=1.0, pause_s_max=4.0, rng=random.Random(1))
    >>> [round(backoff.next_s(), 2) for _ in range(4)]
    [0.57, 1.85, 3.53, 2.51]
    """

    first_s: float
    pause_s_max: float
    rng: random.Random
    _step: int = field(default=0, init=False)

    def next_s(self) -> float:
        """Returns how long to wait before the next attempt."""
        # The exponent is bounded because a float power is not.
        pause_s = min(self.pause_s_max, self.first_s * 2.0 ** min(self._step, 32))
        self._step += 1
        return pause_s * (0.5 + 0.5 * self.rng.random())

    def reset(self) -> None:
        """Starts again at the first pause, after an attempt that worked."""
        self._step = 0
