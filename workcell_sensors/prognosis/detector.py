"""What every streaming detector is: a state with `score_one` and `learn_one`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol, TypeAlias

from workcell_sensors.reading import FloatArray

State: TypeAlias = dict[str, Any]
"""What was learned, as JSON holds it; floats survive it bit for bit."""

ANOMALOUS = 1.0
"""A score from here on is an anomaly, or a change."""


class Detector(Protocol):
    """Scores samples (n,) of n quantities that come at a steady rate, and learns from them.

    A quantity whose value is BAD or STALE is NaN in the sample: it is neither scored nor learned. Scores are 0 during
    the first `grace_period` samples, never negative, and 1 or more where the sample is anomalous.
    """

    grace_period: int

    def score_one(self, sample: FloatArray) -> float:
        """Returns how unusual a sample is, without learning from it."""

    def learn_one(self, sample: FloatArray) -> None:
        """Takes a sample in."""

    def snapshot(self) -> State:
        """Returns all that was learned."""

    def restore(self, state: Mapping[str, Any]) -> None:
        """Takes over what `snapshot` gave; scores from then on are bit for bit those of its giver.

        Raises:
            ValueError: the state is of a detector of another shape.
        """


Factory: TypeAlias = Callable[..., Detector]
"""Makes a detector for so many quantities, its first argument; further ones are its settings, by name."""


def checked_shape(name: str, found: FloatArray, shape: tuple[int, ...]) -> FloatArray:
    """Returns an array read from a state.

    Raises:
        ValueError: it has another shape.
    """
    if found.shape != shape:
        raise ValueError(f"{name} has shape {found.shape}; valid: {shape}")
    return found
