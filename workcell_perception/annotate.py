"""Draws an inspection onto its rectified board, for people."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from workcell_perception.station import Inspection
from workcell_perception.verdict import Outcome

ImageU8 = npt.NDArray[np.uint8]

JPEG_QUALITY = 80
BOX_MARGIN_PX = 6
HEAT_OPACITY = 0.6
HEAT_SPAN = 5.0
# Blue, green, red. Colours tell outcomes apart for colour-blind eyes too; the text says them anyway.
_COLOURS = {
    Outcome.ACCEPT: (80, 160, 0),
    Outcome.REWORK: (0, 159, 230),
    Outcome.REJECT: (0, 94, 213),
    Outcome.UNSURE: (167, 121, 204),
}


def annotate(inspection: Inspection, fallback: ImageU8) -> ImageU8:
    """Draws boxes, classes and the verdict; onto `fallback` (height, width) where no board was found.

    Returns:
        Colour image (height, width, 3), blue first.
    """
    base = inspection.rectified if inspection.rectified is not None else fallback
    canvas = np.asarray(cv2.cvtColor(base, cv2.COLOR_GRAY2BGR), dtype=np.uint8)
    if inspection.heat_map is not None:
        canvas = _heated(canvas, inspection.heat_map)
    colour = _COLOURS[inspection.verdict.outcome]
    for defect in inspection.defects:
        x1, y1, x2, y2 = defect.box
        low, high = (x1 - BOX_MARGIN_PX, y1 - BOX_MARGIN_PX), (x2 + BOX_MARGIN_PX, y2 + BOX_MARGIN_PX)
        cv2.rectangle(canvas, low, high, colour, 2)
        cv2.putText(canvas, f"{defect.kind} {defect.score:.2f}", (low[0], low[1] - 4), 0, 0.5, colour, 1, cv2.LINE_AA)
    cv2.rectangle(canvas, (0, 0), (canvas.shape[1] - 1, 24), colour, -1)
    text = f"{inspection.verdict.outcome}: {inspection.verdict.reason}"
    cv2.putText(canvas, text, (6, 17), 0, 0.5, (255, 255, 255), 1, cv2.LINE_AA)
    return canvas


def _heated(canvas: ImageU8, heat_map: npt.NDArray[np.float32]) -> ImageU8:
    """Reddens an image (height, width, 3) where it looks odd, from the typical anomaly to five times that."""
    typical = max(float(np.median(heat_map)), 1e-6)
    share = np.clip((heat_map / typical - 1.0) / (HEAT_SPAN - 1.0), 0.0, 1.0).astype(np.float32)
    size = (canvas.shape[1], canvas.shape[0])
    weight = HEAT_OPACITY * np.asarray(cv2.resize(share, size, interpolation=cv2.INTER_LINEAR))[..., None]
    red = np.array([0.0, 0.0, 255.0], dtype=np.float32)
    return np.asarray(canvas * (1.0 - weight) + red * weight, dtype=np.uint8)


def to_jpeg(image: ImageU8) -> bytes:
    """Encodes an image as JPEG."""
    _, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    return bytes(data)
