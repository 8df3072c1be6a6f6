"""Teaches a product from the next good parts that come by. Pure."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from workcell_perception.calibration import Calibration
from workcell_perception.errors import GoldenError, RegistrationError
from workcell_perception.golden import GoldenStore
from workcell_perception.registration import Registrar
from workcell_perception.teach import TeachImage, teach
from workcell_perception.teach_report import write_report


class TeachSession:
    """Collects images of good parts and teaches once there are enough. The first that can be read says which product.

    Args:
        store: where the reference is kept.
        calibration: the camera's.
        images: how many to collect.
        image_period_ns: images closer together than this show the same part and are passed over.
    """

    def __init__(self, store: GoldenStore, calibration: Calibration, images: int, image_period_ns: int) -> None:
        self._store = store
        self._calibration = calibration
        self._images = images
        self._image_period_ns = image_period_ns
        self._registrar = Registrar()
        self._items: list[TeachImage] = []
        self._last_ns: int | None = None
        self._variant: int | None = None
        self.progress = f"0 of {images} images"
        self.is_done = False

    def offer(self, stamp_ns: int, image: npt.NDArray[Any], exposure_s: float) -> None:
        """Takes an image; with the last one needed the lesson follows, and `progress` tells what came of it."""
        if self.is_done or (self._last_ns is not None and stamp_ns - self._last_ns < self._image_period_ns):
            return
        if self._variant is None:
            try:
                self._variant = self._registrar.locate(np.asarray(image, dtype=np.uint8)).variant
            except RegistrationError as error:
                self.progress = f"waits for a part: {error}"
                return
        self._last_ns = stamp_ns
        self._items.append(TeachImage(f"image {len(self._items) + 1}", image, exposure_s))
        self.progress = f"{len(self._items)} of {self._images} images of product {self._variant}"
        if len(self._items) == self._images:
            self._finish(self._variant)

    def _finish(self, variant: int) -> None:
        self.is_done = True
        try:
            lesson = teach(self._items, self._calibration, self._registrar, variant=variant)
        except GoldenError as error:
            self.progress = f"nothing taught: {error}"
            return
        file = self._store.save(lesson.golden, write_report(f"Product {variant}", lesson))
        refused = "".join(f"; {refusal.name} refused: {refusal.reason}" for refusal in lesson.refused)
        self.progress = f"product {variant} taught from {lesson.golden.images} images, {file}{refused}"
