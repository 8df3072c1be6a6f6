"""What the world says of itself, as messages."""

from __future__ import annotations

from typing import Any

from control_msgs.msg import DynamicInterfaceGroupValues, InterfaceValue
from sensor_msgs.msg import JointState
from vision_msgs.msg import BoundingBox2D, Detection2D, Detection2DArray, ObjectHypothesisWithPose

from workcell_ros.convert import PART_DEFECTIVE, PART_GOOD, ns_to_stamp
from workcell_sim.world.cell_world import AuditEntry, FloatArray, StepResult
from workcell_sim.world.signals import SIGNAL_NAMES


class SignalsMessage:
    """One `plant/signals` message that is filled anew for each publication: one group, an interface per signal."""

    def __init__(self) -> None:
        self._values = InterfaceValue(interface_names=list(SIGNAL_NAMES), values=[0.0] * len(SIGNAL_NAMES))
        self._message = DynamicInterfaceGroupValues(interface_groups=["world"], interface_values=[self._values])

    def fill(self, values: FloatArray, now_ns: int) -> Any:
        """The message with values in the order of `SIGNAL_NAMES`."""
        self._message.header.stamp = ns_to_stamp(now_ns)
        self._values.values = values
        return self._message


class JointsMessage:
    """One `joint_states` message that is filled anew for each publication."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self._message = JointState(name=list(names))

    def fill(self, result: StepResult, now_ns: int) -> Any:
        """The joints at the end of a tick."""
        message = self._message
        message.header.stamp = ns_to_stamp(now_ns)
        message.position = result.position_rad
        message.velocity = result.velocity_rad_s
        message.effort = result.effort_n_m
        return message


def audit(entry: AuditEntry, now_ns: int) -> Any:
    """Ground truth of a part that left: the part first, then its true defects in artwork pixels."""
    board = entry.board
    message = Detection2DArray()
    message.header.stamp = ns_to_stamp(now_ns)
    message.header.frame_id = entry.place.value
    part = _detection(PART_GOOD if board.is_good else PART_DEFECTIVE, entry.serial)
    message.detections = [part, *(_defect(defect, board.variant) for defect in board.defects)]
    return message


def _defect(defect: Any, variant: int) -> Any:
    detection = _detection(defect.kind.value, f"{variant:04d}")
    x1, y1, x2, y2 = defect.box
    box = BoundingBox2D(size_x=float(x2 - x1), size_y=float(y2 - y1))
    box.center.position.x, box.center.position.y = (x1 + x2) / 2.0, (y1 + y2) / 2.0
    detection.bbox = box
    return detection


def _detection(class_id: str, identity: str) -> Any:
    hypothesis = ObjectHypothesisWithPose()
    hypothesis.hypothesis.class_id = class_id
    hypothesis.hypothesis.score = 1.0
    return Detection2D(results=[hypothesis], id=identity)
