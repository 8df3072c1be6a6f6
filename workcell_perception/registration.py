"""Finds the board in an image by its fiducials, and brings its artwork into one fixed frame."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np
import numpy.typing as npt

from workcell_perception.errors import RegistrationError
from workcell_perception.layout import BOARD_LAYOUT, BoardLayout, Corner

FloatArray = npt.NDArray[np.float64]
ImageU8 = npt.NDArray[np.uint8]

# The corners of a board held within 3 mm and 5 degrees lie in these squares at the corners of the image.
SEARCH_SHARE = 0.23
RESIDUAL_MAX_PX = 1.2
MARKERS_MIN = 3
_CELL_PX = 8
_REFINE_PX = 3
_REFINE_UNTIL = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, 20, 0.02)


@dataclass(frozen=True)
class Registration:
    """Where the board is.

    `homography` maps artwork pixels to image pixels, shape (3, 3); `residual_px` is the RMS distance of the fiducials'
    corners from it in image pixels; `markers` holds the fiducials' corners in the image by board corner, each (4, 2).
    """

    variant: int
    homography: FloatArray
    residual_px: float
    markers: dict[Corner, FloatArray]

    @property
    def rotation_rad(self) -> float:
        """Rotation of the board in the image, clockwise positive."""
        ahead = _project(self.homography, np.array([[0.0, 320.0], [640.0, 320.0]]))
        dx, dy = ahead[1] - ahead[0]
        return float(np.arctan2(dy, dx))


class Locator(Protocol):
    """Finds parts in images."""

    def locate(self, image: ImageU8) -> Registration:
        """Finds the part in a straight grey image. Raises RegistrationError where that cannot be done."""
        ...

    def rectify(self, image: ImageU8, registration: Registration) -> ImageU8:
        """Brings the artwork into its own frame, shape (artwork_px, artwork_px)."""
        ...


class WholeView:
    """Takes the whole image for the part, always of one variant: for surfaces that fill the view."""

    def __init__(self, variant: int) -> None:
        self._variant = variant

    def locate(self, image: ImageU8) -> Registration:
        """The image's own frame."""
        return Registration(self._variant, np.eye(3), residual_px=0.0, markers={})

    def rectify(self, image: ImageU8, registration: Registration) -> ImageU8:
        """The image itself."""
        return image


class Registrar:
    """Locates boards of one layout.

    Args:
        layout: geometry of the board.
        residual_max_px: a fit of the fiducials worse than this is refused.
    """

    def __init__(self, layout: BoardLayout = BOARD_LAYOUT, residual_max_px: float = RESIDUAL_MAX_PX) -> None:
        self._layout = layout
        self._residual_max_px = residual_max_px
        self._model_corners = layout.marker_corners()
        self._dictionary = cv2.aruco.getPredefinedDictionary(cv2.aruco.DICT_5X5_1000)
        self._detector = _make_detector(self._dictionary)
        # Rejected candidates cost a scan of the whole dictionary, so the usual search knows the fixed three alone.
        self._fixed_ids = (layout.top_right_id, layout.bottom_right_id, layout.bottom_left_id)
        fixed_codes = self._dictionary.bytesList[list(self._fixed_ids)]
        self._fixed_detector = _make_detector(cv2.aruco.Dictionary(fixed_codes, self._dictionary.markerSize, 0))

    def locate(self, image: ImageU8, expected_variant: int | None = None) -> Registration:
        """Finds the board in a straight grey image.

        Looks in the corners of the image first, then everywhere. One fiducial may be missing; where it is the one that
        carries the variant, `expected_variant` is used.

        Raises:
            RegistrationError: no board, too few fiducials, no variant, or fiducials that contradict each other.
        """
        found = self._detect_in_corners(image)
        if len(found.markers) < len(Corner):
            found = self._detect(image).merged_over(found)
        if not found.markers:
            raise RegistrationError("no fiducial found: no part in view, or too dark, blurred or over-exposed")
        if len(found.markers) < MARKERS_MIN:
            names = ", ".join(corner.name.lower() for corner in found.markers)
            raise RegistrationError(f"only {len(found.markers)} of 4 fiducials readable ({names}); need {MARKERS_MIN}")
        variant = found.variant if found.variant is not None else expected_variant
        if variant is None:
            raise RegistrationError("the top_left fiducial, which carries the variant, is unreadable")
        return self._fit(variant, found.markers)

    def rectify(self, image: ImageU8, registration: Registration) -> ImageU8:
        """Brings the artwork into its own frame, shape (artwork_px, artwork_px)."""
        side = self._layout.artwork_px
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        rectified = cv2.warpPerspective(image, registration.homography, (side, side), flags=flags)
        return np.asarray(rectified, dtype=np.uint8)

    def _detect_in_corners(self, image: ImageU8) -> _Found:
        """Searches three corners of the image as one small montage, then reads the fourth where it must be."""
        height, width = image.shape
        side = int(min(height, width) * SEARCH_SHARE) // 2 * 2
        # Tiles clockwise from the top left, as Corner; the top left one stays empty.
        origins = np.array([[0, 0], [width - side, 0], [width - side, height - side], [0, height - side]])
        places = np.array([[0, 0], [side, 0], [side, side], [0, side]])
        montage: ImageU8 = np.zeros((2 * side, 2 * side), dtype=np.uint8)
        for (x, y), (left, top) in list(zip(origins, places, strict=True))[1:]:
            montage[top : top + side, left : left + side] = image[y : y + side, x : x + side]
        quads, ids, _ = self._fixed_detector.detectMarkers(montage)
        markers: dict[Corner, FloatArray] = {}
        for quad, index in _pairs(quads, ids):
            corner = Corner(index + 1)
            local = quad - places[corner]
            if (local >= 0).all() and (local < side).all():
                markers[corner] = local + origins[corner]
        if len(markers) < MARKERS_MIN:
            return _Found(None, markers)
        return self._read_variant(image, markers)

    def _read_variant(self, image: ImageU8, fixed: dict[Corner, FloatArray]) -> _Found:
        """Reads the top left fiducial where the other three say it is."""
        # Three fiducials do not determine perspective well enough to reach the fourth; a board held squarely is affine.
        model = _homogeneous(np.concatenate([self._model_corners[corner] for corner in fixed]))
        affine = np.linalg.lstsq(model, np.concatenate(list(fixed.values())), rcond=None)[0]
        guess = (_homogeneous(self._model_corners[Corner.TOP_LEFT]) @ affine).astype(np.float32).reshape(4, 1, 2)
        inside = guess.reshape(4, 2)
        if (inside < 1).any() or (inside[:, 0] > image.shape[1] - 2).any() or (inside[:, 1] > image.shape[0] - 2).any():
            return _Found(None, fixed)
        refined = cv2.cornerSubPix(image, guess, (_REFINE_PX, _REFINE_PX), (-1, -1), _REFINE_UNTIL)
        cells = self._dictionary.markerSize + 2
        side = cells * _CELL_PX
        square = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], dtype=np.float32) * side - 0.5
        to_square = cv2.getPerspectiveTransform(refined.reshape(4, 2), square)
        flat = cv2.warpPerspective(image, to_square, (side, side))
        means = cv2.resize(flat, (cells, cells), interpolation=cv2.INTER_AREA)
        middle = (float(means.min()) + float(means.max())) / 2
        bits = (means > middle).astype(np.uint8)
        border_is_black = bits.sum() == bits[1:-1, 1:-1].sum()
        known, marker_id, rotation = self._dictionary.identify(np.ascontiguousarray(bits[1:-1, 1:-1]), 0.0)
        if not known or rotation != 0 or not border_is_black:
            return _Found(None, fixed)
        if self._layout.corner_of(int(marker_id)) is not Corner.TOP_LEFT:
            return _Found(None, fixed)
        quad = np.asarray(refined, dtype=np.float64).reshape(4, 2)
        return _Found(int(marker_id), {**fixed, Corner.TOP_LEFT: quad})

    def _detect(self, image: ImageU8) -> _Found:
        quads, ids, _ = self._detector.detectMarkers(image)
        markers: dict[Corner, FloatArray] = {}
        variant: int | None = None
        for quad, marker_id in _pairs(quads, ids):
            corner = self._layout.corner_of(marker_id)
            if corner is None or corner in markers:
                continue
            markers[corner] = quad
            if corner is Corner.TOP_LEFT:
                variant = marker_id
        return _Found(variant, markers)

    def _fit(self, variant: int, markers: dict[Corner, FloatArray]) -> Registration:
        """Fits all fiducials; where they disagree, the best fit that leaves out one of them."""
        fits = [self._fit_markers(variant, markers)]
        if fits[0].residual_px > self._residual_max_px and len(markers) > MARKERS_MIN:
            fits = [self._fit_markers(variant, {c: q for c, q in markers.items() if c != left}) for left in markers]
        best = min(fits, key=lambda fit: fit.residual_px)
        if best.residual_px > self._residual_max_px:
            limit = f"{self._residual_max_px} px"
            raise RegistrationError(f"fiducials contradict each other by {best.residual_px:.2f} px; limit {limit}")
        return best

    def _fit_markers(self, variant: int, markers: dict[Corner, FloatArray]) -> Registration:
        model = np.concatenate([self._model_corners[corner] for corner in markers])
        seen = np.concatenate(list(markers.values()))
        homography, _ = cv2.findHomography(model, seen, 0)
        if homography is None:
            raise RegistrationError("fiducials lie so that they determine no plane")
        fitted = np.asarray(homography, dtype=np.float64)
        residual_px = float(np.sqrt(np.mean(np.sum((_project(fitted, model) - seen) ** 2, axis=1))))
        return Registration(variant, fitted, residual_px, markers)


@dataclass(frozen=True)
class _Found:
    variant: int | None
    markers: dict[Corner, FloatArray]

    def merged_over(self, other: _Found) -> _Found:
        variant = self.variant if self.variant is not None else other.variant
        return _Found(variant, {**other.markers, **self.markers})


def _make_detector(dictionary: cv2.aruco.Dictionary) -> cv2.aruco.ArucoDetector:
    parameters = cv2.aruco.DetectorParameters()
    parameters.cornerRefinementMethod = cv2.aruco.CORNER_REFINE_SUBPIX
    parameters.cornerRefinementWinSize = _REFINE_PX
    parameters.cornerRefinementMaxIterations = 20
    parameters.adaptiveThreshWinSizeMin = 13
    parameters.adaptiveThreshWinSizeMax = 23
    parameters.adaptiveThreshWinSizeStep = 10
    parameters.minMarkerPerimeterRate = 0.08
    parameters.maxMarkerPerimeterRate = 1.0
    return cv2.aruco.ArucoDetector(dictionary, parameters)


def _pairs(quads: object, ids: object) -> Iterator[tuple[FloatArray, int]]:
    """Yields each detected fiducial's corners (4, 2) and identity."""
    if ids is None:
        return
    for quad, marker_id in zip(quads, np.asarray(ids).ravel(), strict=True):  # type: ignore[call-overload]
        yield np.asarray(quad, dtype=np.float64).reshape(4, 2), int(marker_id)


def _project(homography: FloatArray, points: FloatArray) -> FloatArray:
    """Maps points (n, 2) by a homography."""
    mapped = _homogeneous(points) @ homography.T
    result: FloatArray = mapped[:, :2] / mapped[:, 2:]
    return result


def _homogeneous(points: FloatArray) -> FloatArray:
    """Points (n, 2) with a third coordinate of 1, (n, 3)."""
    return np.concatenate([points, np.ones((len(points), 1))], axis=1)
