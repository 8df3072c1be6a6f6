"""From what mistakes cost to the scores from which inspection acts (C. K. Chow, 1970)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Thresholds:
    """Scores 0..1: below `possible` a defect is ignored, from `certain` it counts, between them a person is asked."""

    possible: float
    certain: float


@dataclass(frozen=True)
class Costs:
    """What it costs, in any one currency, that a defect escapes, that a good part is rejected, and to ask a person.

    Raises:
        ValueError: a cost is not positive.
    """

    escape: float
    false_reject: float
    question: float

    def __post_init__(self) -> None:
        for name, cost in (("escape", self.escape), ("false_reject", self.false_reject), ("question", self.question)):
            if not cost > 0:
                raise ValueError(f"the cost of {name} is {cost}, which is not above 0")

    def thresholds(self) -> Thresholds:
        """The thresholds at which the expected cost is least, where a score is the probability of a defect.

        >>> Costs(escape=100, false_reject=4, question=3).thresholds()
        Thresholds(possible=0.03, certain=0.25)
        """
        possible, certain = self.question / self.escape, 1.0 - self.question / self.false_reject
        if possible < certain:
            return Thresholds(possible, certain)
        # To ask costs more than it can save: one threshold is left, where both mistakes cost the same.
        break_even = self.false_reject / (self.escape + self.false_reject)
        return Thresholds(break_even, break_even)
