"""The seam for ways to find defects. One more is one class and one line in `INSPECTORS`."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Protocol

import numpy as np
import numpy.typing as npt

from workcell_perception.comparison import DEFAULT_COMPARISON, Comparator, ComparisonSettings
from workcell_perception.defects import DEFAULT_CLASSIFIER, ClassifierSettings, FoundDefect, name_defects
from workcell_perception.golden import GoldenStore

ImageU8 = npt.NDArray[np.uint8]

COMPARATORS_KEPT_MAX = 24


class Inspector(Protocol):
    """Finds defects on a rectified board."""

    def find(self, rectified: ImageU8, variant: int) -> tuple[FoundDefect, ...]:
        """Finds the defects of a board of `variant`, shape (side, side).

        Raises:
            GoldenError: nothing is known about the variant.
        """
        ...


class GoldenInspector:
    """Finds defects by comparison with a golden reference; references are loaded when first needed."""

    def __init__(
        self,
        store: GoldenStore,
        comparison: ComparisonSettings = DEFAULT_COMPARISON,
        classifier: ClassifierSettings = DEFAULT_CLASSIFIER,
    ) -> None:
        self._store = store
        self._comparison = comparison
        self._classifier = classifier
        self._comparators: OrderedDict[int, Comparator] = OrderedDict()

    def find(self, rectified: ImageU8, variant: int) -> tuple[FoundDefect, ...]:
        """Compares with the variant's reference. Raises GoldenError where there is none."""
        comparator = self._comparator(variant)
        comparison = comparator.compare(rectified)
        return name_defects(comparison.regions, comparator.copper, self._classifier)

    def _comparator(self, variant: int) -> Comparator:
        known = self._comparators.get(variant)
        if known is not None:
            self._comparators.move_to_end(variant)
            return known
        comparator = Comparator(self._store.load(variant), self._comparison)
        self._comparators[variant] = comparator
        if len(self._comparators) > COMPARATORS_KEPT_MAX:
            self._comparators.popitem(last=False)
        return comparator


INSPECTORS: dict[str, Callable[[GoldenStore], Inspector]] = {
    "golden": GoldenInspector,
}
"""Inspectors by the name that the node's parameter `inspector` selects; each is made from the taught references."""
