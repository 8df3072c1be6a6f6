"""An inspection as messages."""

from __future__ import annotations

from typing import Any

from vision_msgs.msg import Detection2D, Detection2DArray, ObjectHypothesisWithPose

from workcell_perception.defects import Box
from workcell_perception.layout import BOARD_LAYOUT
from workcell_perception.station import Inspection
from workcell_ros.convert import ns_to_stamp

FRAME = "board_artwork"


def to_detections(inspection: Inspection, stamp_ns: int) -> Any:
    """Returns the verdict on the part and then its defects, as vision_msgs/Detection2DArray."""
    variant = f"{inspection.registration.variant:04d}" if inspection.registration is not None else ""
    side = BOARD_LAYOUT.artwork_px if inspection.registration is not None else 0
    part = _detection(variant, (0, 0, side, side), [(str(kind), score) for kind, score in inspection.verdict.scores])
    defects = [_detection(variant, found.box, [(str(found.kind), found.score)]) for found in inspection.defects]
    array = Detection2DArray(detections=[part, *defects])
    for header in (array.header, *(detection.header for detection in array.detections)):
        header.stamp = ns_to_stamp(stamp_ns)
        header.frame_id = FRAME
    return array


def _detection(variant: str, box: Box, scores: list[tuple[str, float]]) -> Any:
    detection = Detection2D(id=variant)
    x1, y1, x2, y2 = box
    detection.bbox.center.position.x = (x1 + x2) / 2
    detection.bbox.center.position.y = (y1 + y2) / 2
    detection.bbox.size_x = float(x2 - x1)
    detection.bbox.size_y = float(y2 - y1)
    for class_id, score in scores:
        hypothesis = ObjectHypothesisWithPose()
        hypothesis.hypothesis.class_id = class_id
        hypothesis.hypothesis.score = float(score)
        detection.results.append(hypothesis)
    return detection
