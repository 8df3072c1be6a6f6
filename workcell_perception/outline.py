"""Finds a part by its outline and tells what it is by its artwork: for parts without readable fiducials."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from workcell_perception.errors import RegistrationError
from workcell_perception.golden import GoldenReference
from workcell_perception.layout import BoardLayout

FloatArray = npt.NDArray[np.float64]
Float32Array = npt.NDArray[np.float32]
ImageU8 = npt.NDArray[np.uint8]

REDUCTION = 4
THUMBNAIL_PX = 80
AREA_SHARE_MIN = 0.1
LIKENESS_MIN = 0.55
LIKENESS_LEAD_MIN = 0.08
TURNS = 4


@dataclass(frozen=True)
class Match:
    """What an outline shows: the variant, the homography (3, 3) from artwork to image, and the likeness -1..1."""

    variant: int
    homography: FloatArray
    likeness: float


class OutlineMatcher:
    """Matches the part in an image with known references, whichever way it is turned."""

    def __init__(self, layout: BoardLayout, references: Sequence[GoldenReference]) -> None:
        self._layout = layout
        self._variants = [golden.variant for golden in references]
        self._thumbnails = np.array([_thumbnail(golden.mean) for golden in references], dtype=np.float32)

    def match(self, image: ImageU8) -> Match:
        """Finds the part and what it is.

        Raises:
            RegistrationError: no part is in view, or it is like no reference, or like several.
        """
        corners = find_outline(image)
        scores = []
        for turn in range(TURNS):
            homography = self._homography(np.roll(corners, -turn, axis=0))
            seen = self._look(image, homography).ravel()
            scores += [
                (float(np.dot(known.ravel(), seen)), variant, homography)
                for known, variant in zip(self._thumbnails, self._variants, strict=True)
            ]
        scores.sort(key=lambda item: -item[0])
        if not scores or scores[0][0] < LIKENESS_MIN:
            best = f"{scores[0][0]:.2f} at best, need {LIKENESS_MIN}" if scores else "none is taught"
            raise RegistrationError(f"the part in view is like no reference ({best})")
        likeness, variant, homography = scores[0]
        if len(scores) > 1 and likeness - scores[1][0] < LIKENESS_LEAD_MIN:
            raise RegistrationError(f"the part in view could be variant {variant} or {scores[1][1]}, or lie either way")
        return Match(variant, homography, likeness)

    def _homography(self, corners: FloatArray) -> FloatArray:
        low, high = -self._layout.margin_px - 0.5, self._layout.artwork_px + self._layout.margin_px - 0.5
        board = np.array([[low, low], [high, low], [high, high], [low, high]], dtype=np.float32)
        return np.asarray(cv2.getPerspectiveTransform(board, corners.astype(np.float32)), dtype=np.float64)

    def _look(self, image: ImageU8, homography: FloatArray) -> Float32Array:
        step = self._layout.artwork_px / THUMBNAIL_PX
        scale = np.array([[step, 0, step / 2 - 0.5], [0, step, step / 2 - 0.5], [0, 0, 1]])
        smooth = cv2.blur(image, (5, 5))
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        small = cv2.warpPerspective(smooth, homography @ scale, (THUMBNAIL_PX, THUMBNAIL_PX), flags=flags)
        return _unit(np.asarray(small, dtype=np.float32))


def find_outline(image: ImageU8) -> FloatArray:
    """Corners of the brightest large shape in an image, clockwise, shape (4, 2) in image pixels.

    Raises:
        RegistrationError: nothing large stands out from the background, or it reaches out of view.
    """
    size = (image.shape[1] // REDUCTION, image.shape[0] // REDUCTION)
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    _, bright = cv2.threshold(small, 0, 255, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    contours, _ = cv2.findContours(bright, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    largest = max(contours, key=cv2.contourArea, default=None)
    if largest is None or cv2.contourArea(largest) < AREA_SHARE_MIN * small.size:
        raise RegistrationError("no part in view: nothing large stands out from the background")
    x, y, width, height = cv2.boundingRect(largest)
    if x == 0 or y == 0 or x + width == size[0] or y + height == size[1]:
        raise RegistrationError("the part reaches out of view")
    hull = cv2.convexHull(largest)
    rough = cv2.approxPolyDP(hull, 0.05 * cv2.arcLength(hull, True), True)
    corners = rough.reshape(-1, 2) if len(rough) == 4 else cv2.boxPoints(cv2.minAreaRect(hull))
    found = np.asarray(corners, dtype=np.float64)
    middle = found.mean(axis=0)
    order = np.argsort(np.arctan2(*(found - middle).T[::-1]))
    return (found[order] + 0.5) * REDUCTION - 0.5


def _thumbnail(reference: ImageU8) -> Float32Array:
    small = cv2.resize(reference, (THUMBNAIL_PX, THUMBNAIL_PX), interpolation=cv2.INTER_AREA)
    return _unit(np.asarray(small, dtype=np.float32))


def _unit(values: Float32Array) -> Float32Array:
    centred = values - values.mean()
    return np.asarray(centred / max(float(np.linalg.norm(centred)), 1e-6), dtype=np.float32)
