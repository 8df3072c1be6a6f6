"""Learns from each inspection how far images can be trusted, and what should be done about them. Pure."""

from __future__ import annotations

from workcell_perception.dirt import DirtMap, DirtSpot
from workcell_perception.errors import GoldenError
from workcell_perception.golden import GoldenStore
from workcell_perception.image_watch import ImageAdvice, ImageWatch
from workcell_perception.images import ImageU8
from workcell_perception.registration import Registration
from workcell_perception.station import Inspection
from workcell_perception.verdict import Outcome

# Dirt does not come and go from part to part.
DIRT_PERIOD_IMAGES = 4


class ImageGuard:
    """Keeps watch over the images of one camera, whose size is in [px]."""

    def __init__(self, goldens: GoldenStore, width_px: int, height_px: int) -> None:
        self._goldens = goldens
        self._size = (width_px, height_px)
        self._dirt = DirtMap()
        self._spot: DirtSpot | None = None
        self._images = 0
        self._watch = ImageWatch()

    @property
    def advice(self) -> tuple[ImageAdvice, ...]:
        """What should be done now."""
        return tuple(self._watch.active.values())

    def note(self, inspection: Inspection) -> None:
        """Takes an inspection in; one without a part in it tells nothing."""
        registration, rectified, health = inspection.registration, inspection.rectified, inspection.health
        if registration is None or rectified is None or health is None:
            return
        if self._images % DIRT_PERIOD_IMAGES == 0:
            self._learn_dirt(registration, rectified)
        self._images += 1
        is_trusted = inspection.verdict.outcome is not Outcome.UNSURE
        self._watch.learn(health, is_trusted=is_trusted, spot=self._spot)

    def _learn_dirt(self, registration: Registration, rectified: ImageU8) -> None:
        try:
            reference = self._goldens.load(registration.variant).mean
        except GoldenError:
            return
        if reference.shape == rectified.shape:
            self._dirt.learn(rectified, reference, registration.homography, self._size)
            self._spot = self._dirt.spot()
