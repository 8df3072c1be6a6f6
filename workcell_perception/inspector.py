"""The seam for ways to find defects. One more is one class and one line in `INSPECTORS`."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from workcell_perception.comparison import DEFAULT_COMPARISON, Comparator, ComparisonSettings
from workcell_perception.defect_model import SENSITIVE_CELL_COMPARISON, load_defect_model
from workcell_perception.defects import DEFAULT_CLASSIFIER, ClassifierSettings, DefectClass, FoundDefect, name_defects
from workcell_perception.golden import GoldenStore
from workcell_perception.model_store import ModelStore
from workcell_perception.surface import SurfaceModel

ImageU8 = npt.NDArray[np.uint8]
Float32Array = npt.NDArray[np.float32]
Kept = TypeVar("Kept")

KEPT_MAX = 24


@dataclass(frozen=True)
class Findings:
    """What an inspector says of a part.

    `defects` in rectified pixels, the most certain first; `score` 0..1, how sure it is that there is any; `heat_map`,
    where there is one, how odd each place looks, over the whole rectified image at any resolution.
    """

    defects: tuple[FoundDefect, ...]
    score: float
    heat_map: Float32Array | None = field(default=None, repr=False)


def findings_of(defects: tuple[FoundDefect, ...], heat_map: Float32Array | None = None) -> Findings:
    """Findings whose score is that of the most certain defect."""
    return Findings(defects, max((defect.score for defect in defects), default=0.0), heat_map)


class Inspector(Protocol):
    """Finds defects on a rectified part."""

    def inspect(self, rectified: ImageU8, variant: int) -> Findings:
        """Inspects a part of `variant`, grey, shape (side, side). The same image gets the same findings to the bit.

        Raises:
            GoldenError: nothing usable is known about the variant, or it was taught from images of another size.
        """
        ...


class _Keeper:
    """Keeps what was loaded for the variants used last."""

    def __init__(self) -> None:
        self._kept: OrderedDict[int, object] = OrderedDict()

    def get(self, variant: int, load: Callable[[int], Kept]) -> Kept:
        """Returns what is kept for a variant, loaded first where nothing is."""
        if variant not in self._kept:
            self._kept[variant] = load(variant)
            if len(self._kept) > KEPT_MAX:
                self._kept.popitem(last=False)
        self._kept.move_to_end(variant)
        return self._kept[variant]  # type: ignore[return-value]


class GoldenInspector:
    """Finds defects by comparison with a golden reference, and names them by what they touch."""

    def __init__(
        self,
        store: GoldenStore,
        comparison: ComparisonSettings = DEFAULT_COMPARISON,
        classifier: ClassifierSettings = DEFAULT_CLASSIFIER,
    ) -> None:
        self._store = store
        self._comparison = comparison
        self._classifier = classifier
        self._comparators = _Keeper()

    def inspect(self, rectified: ImageU8, variant: int) -> Findings:
        """Compares with the variant's reference. Raises GoldenError where there is none of that size."""
        comparator = self._comparators.get(variant, self._load)
        comparator.golden.check_size(rectified)
        comparison = comparator.compare(rectified)
        return findings_of(name_defects(comparison.regions, comparator.copper, self._classifier))

    def _load(self, variant: int) -> Comparator:
        return Comparator(self._store.load(variant), self._comparison)


class LearnedInspector:
    """Finds defects by comparison with a golden reference, and names them by a classifier that was taught."""

    def __init__(self, store: GoldenStore) -> None:
        self._store = store
        self._model = load_defect_model(store.folder)
        self._comparators = _Keeper()

    def inspect(self, rectified: ImageU8, variant: int) -> Findings:
        """Compares with the variant's reference. Raises GoldenError where there is none of that size."""
        comparator = self._comparators.get(variant, self._load)
        comparator.golden.check_size(rectified)
        return findings_of(self._model.find(comparator, rectified))

    def _load(self, variant: int) -> Comparator:
        return Comparator(self._store.load(variant), SENSITIVE_CELL_COMPARISON)


class SurfaceInspector:
    """Finds whatever looks unlike the good surfaces it was taught; it knows no classes but `other`."""

    def __init__(self, store: GoldenStore) -> None:
        self._models = ModelStore(store.folder)
        self._kept = _Keeper()

    def inspect(self, rectified: ImageU8, variant: int) -> Findings:
        """Looks for oddities. Raises GoldenError where no surface of that size was taught."""
        model = self._kept.get(variant, self._load)
        heat_map = model.heat_map(rectified)
        defects = tuple(
            FoundDefect(DefectClass.OTHER, region.box, region.area_px, region.score)
            for region in model.regions(heat_map)
        )
        return Findings(defects, model.score(float(heat_map.max())), heat_map)

    def _load(self, variant: int) -> SurfaceModel:
        return SurfaceModel.from_arrays(self._models.load(surface_name(variant)).arrays)


def surface_name(variant: int) -> str:
    """Name of a variant's surface model in a folder of models."""
    return f"surface-{variant:04d}"


def _onnx(store: GoldenStore) -> Inspector:
    # Only who plugs in a detector of their own needs onnxruntime.
    from workcell_perception.onnx_inspector import OnnxInspector, load_detector

    return OnnxInspector(load_detector(store.folder / "detector.yaml"))


INSPECTORS: dict[str, Callable[[GoldenStore], Inspector]] = {
    "golden": GoldenInspector,
    "learned": LearnedInspector,
    "surface": SurfaceInspector,
    "onnx": _onnx,
}
"""Inspectors by the name that the node's parameter `inspector` selects; each is made from the taught references."""
