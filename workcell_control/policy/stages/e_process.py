"""Evidence that may be looked at after every cycle: e-processes, tests that stay valid however often one looks.

An e-process is never negative and, where the null hypothesis holds, expects no more than 1 at any stopping time. By
Ville's inequality it then ever reaches 1/alpha with a probability of at most alpha, over any number of cycles
(Ramdas, Grunwald, Vovk and Shafer, "Game-theoretic statistics and safe anytime-valid inference", 2023).
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

BETS = np.array([0.1, 0.25, 0.5, 0.9])
"""Shares of the largest bet that can be lost; which is best depends on how large the difference is."""
EVENT_RATES = np.array([0.03, 0.1, 0.3, 0.6])
"""Rates of events that are tried as alternatives, where they lie above the one allowed."""

FloatArray = npt.NDArray[np.float64]


class _Mixture:
    """The mean over several bets, and over when each began, of their capital.

    A bet that begins at observation k has the weight 1/(k(k+1)); these add up to 1, so that the mixture is an e-process
    as each bet is. One that began lately has lost nothing to the quiet time before, which is why a change after
    hundreds of cycles is found nearly as soon as one at the start.
    """

    def __init__(self, bets: int) -> None:
        self._capital: FloatArray = np.zeros(bets)
        self.count = 0

    @property
    def evidence(self) -> float:
        """The e-process; 1 at the start."""
        return float(self._capital.mean()) + 1.0 / (self.count + 1)

    def multiply(self, factors: FloatArray) -> None:
        """Takes in what each bet makes of one observation, (bets,), each factor at least 0."""
        self.count += 1
        self._capital = (self._capital + 1.0 / (self.count * (self.count + 1))) * factors


class MeanProcess:
    """Evidence that the mean of bounded observations lies above 0, whatever their distribution.

    Capital of bets on the next observation (Waudby-Smith and Ramdas, "Estimating means of bounded random variables by
    betting", JRSS B, 2023): multiplied by 1 + bet * x, x within -1..1, which expects at most 1 as long as each
    observation's mean, given those before, is at most 0.

    >>> worse, same = MeanProcess(), MeanProcess()
    >>> for step in range(40):
    ...     worse.learn_one(0.6); same.learn_one(0.5 if step % 2 else -0.5)
    >>> worse.evidence > 1000.0, same.evidence < 3.0
    (True, True)
    """

    def __init__(self) -> None:
        self._mixture = _Mixture(len(BETS))

    @property
    def evidence(self) -> float:
        """The e-process: how many times its stake a gambler made who bet on a mean above 0."""
        return self._mixture.evidence

    @property
    def count(self) -> int:
        """Observations so far."""
        return self._mixture.count

    def learn_one(self, observation: float) -> None:
        """Takes in an observation within -1..1.

        Raises:
            ValueError: it is not.
        """
        if not -1.0 <= observation <= 1.0:
            raise ValueError(f"observation {observation}: expected within -1..1")
        self._mixture.multiply(1.0 + BETS * observation)


class RateProcess:
    """Evidence that events come more often than allowed: a likelihood ratio against several higher rates.

    For a rate q above the allowed p the ratio q/p after an event and (1 - q)/(1 - p) after none expects at most 1
    under every rate up to p.

    >>> process = RateProcess()
    >>> for is_event in (True, False, True):
    ...     process.learn_one(is_event, rate_allowed=0.02)
    >>> process.evidence > 20.0
    True
    """

    def __init__(self) -> None:
        self._mixture = _Mixture(len(EVENT_RATES))

    @property
    def evidence(self) -> float:
        """The e-process."""
        return self._mixture.evidence

    def learn_one(self, is_event: bool, rate_allowed: float) -> None:
        """Takes in whether a cycle had an event; `rate_allowed` must not depend on this cycle.

        Raises:
            ValueError: `rate_allowed` is not within 0..1, ends excluded.
        """
        if not 0.0 < rate_allowed < 1.0:
            raise ValueError(f"rate_allowed {rate_allowed}: expected more than 0 and less than 1")
        tried = np.maximum(EVENT_RATES, rate_allowed)
        factors = tried / rate_allowed if is_event else (1.0 - tried) / (1.0 - rate_allowed)
        self._mixture.multiply(factors)


def has_reached(evidence: float, alpha: float) -> bool:
    """Returns whether evidence rules its null hypothesis out, with an error probability of at most `alpha` ever."""
    return evidence >= 1.0 / alpha


def mean_of(evidences: tuple[float, ...]) -> float:
    """Returns the mean of e-processes, which is one again, however they depend on each other."""
    return math.fsum(evidences) / len(evidences)
