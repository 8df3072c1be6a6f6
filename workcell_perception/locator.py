"""Locates parts as well as what is known of them allows: by fiducials, else by outline, then refined by the artwork."""

from __future__ import annotations

from collections import OrderedDict

import cv2
import numpy as np
import numpy.typing as npt

from workcell_perception.errors import GoldenError, RegistrationError
from workcell_perception.golden import GoldenStore
from workcell_perception.layout import BOARD_LAYOUT, BoardLayout, Corner
from workcell_perception.outline import OutlineMatcher
from workcell_perception.refinement import ArtworkRefiner
from workcell_perception.registration import RESIDUAL_MAX_PX, Registrar, Registration

FloatArray = npt.NDArray[np.float64]
ImageU8 = npt.NDArray[np.uint8]

REFINERS_KEPT_MAX = 24
# An outline is compared with every reference: with more of them that takes longer than a part may wait.
OUTLINE_VARIANTS_MAX = 64
_OUTSIDE_MAX_PX = 1.0


class PartLocator:
    """Locates parts of which references are taught.

    Args:
        goldens: the references.
        layout: geometry of the board.
        residual_max_px: a fit of the fiducials, or of the artwork, worse than this is refused.
    """

    def __init__(
        self, goldens: GoldenStore, layout: BoardLayout = BOARD_LAYOUT, residual_max_px: float = RESIDUAL_MAX_PX
    ) -> None:
        self._goldens = goldens
        self._layout = layout
        self._residual_max_px = residual_max_px
        self._registrar = Registrar(layout, residual_max_px)
        self._refiners: OrderedDict[int, ArtworkRefiner] = OrderedDict()
        self._matcher: OutlineMatcher | None = None

    def locate(self, image: ImageU8) -> Registration:
        """Finds the part in a straight grey image.

        Raises:
            RegistrationError: there is none, it is partly out of view, it cannot be told which it is, or its artwork
                is not where its outline says.
        """
        registration = self._locate(image)
        side = float(self._layout.artwork_px - 1)
        corners = np.array([[[0.0, 0.0]], [[side, 0.0]], [[side, side]], [[0.0, side]]])
        at = np.asarray(cv2.perspectiveTransform(corners, registration.homography)).reshape(4, 2)
        if (at < -_OUTSIDE_MAX_PX).any() or (at > np.array(image.shape[::-1]) - 1 + _OUTSIDE_MAX_PX).any():
            raise RegistrationError(f"variant {registration.variant} is partly out of view")
        return registration

    def _locate(self, image: ImageU8) -> Registration:
        try:
            registration = self._registrar.locate(image)
        except RegistrationError as error:
            return self._locate_by_outline(image, error)
        try:
            refiner = self._refiner(registration.variant)
        except GoldenError:
            return registration
        refined = refiner.refine(image, registration.homography)
        if not refined.holds or refined.residual_px > self._residual_max_px:
            # The artwork says nothing better: a part that is much changed, or not what its fiducial says.
            return registration
        return Registration(registration.variant, refined.homography, refined.residual_px, registration.markers)

    def rectify(self, image: ImageU8, registration: Registration) -> ImageU8:
        """Brings the artwork into its own frame, shape (artwork_px, artwork_px)."""
        return self._registrar.rectify(image, registration)

    def _locate_by_outline(self, image: ImageU8, why: RegistrationError) -> Registration:
        variants = self._goldens.variants()
        if not 0 < len(variants) <= OUTLINE_VARIANTS_MAX:
            raise why
        if self._matcher is None:
            self._matcher = OutlineMatcher(self._layout, [self._goldens.load(variant) for variant in variants])
        try:
            match = self._matcher.match(image)
        except RegistrationError as error:
            raise RegistrationError(f"{why}; {error}") from None
        refined = self._refiner(match.variant).refine(image, match.homography, from_afar=True)
        if not refined.holds or refined.residual_px > self._residual_max_px:
            fit = f"{refined.inlier_share:.0%} of its edges fit, to {refined.residual_px:.2f} px"
            raise RegistrationError(f"{why}; looks like variant {match.variant}, but only {fit}")
        return Registration(match.variant, refined.homography, refined.residual_px, self._markers(refined.homography))

    def _markers(self, homography: FloatArray) -> dict[Corner, FloatArray]:
        """Where the fiducials must be, readable or not."""
        model = self._layout.marker_corners().reshape(-1, 1, 2)
        seen = np.asarray(cv2.perspectiveTransform(model, homography), dtype=np.float64).reshape(-1, 4, 2)
        return dict(zip(Corner, seen, strict=True))

    def _refiner(self, variant: int) -> ArtworkRefiner:
        known = self._refiners.get(variant)
        if known is None:
            known = self._refiners[variant] = ArtworkRefiner(self._goldens.load(variant).mean)
            if len(self._refiners) > REFINERS_KEPT_MAX:
                self._refiners.popitem(last=False)
        self._refiners.move_to_end(variant)
        return known
