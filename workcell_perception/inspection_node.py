"""Inspects the held part when asked: one request, one image, one verdict."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import cv2
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from std_srvs.srv import Trigger
from vision_msgs.msg import Detection2DArray

from workcell_perception.annotate import annotate, to_jpeg
from workcell_perception.calibration import Calibration, load_calibration
from workcell_perception.calibration_store import newest_calibration
from workcell_perception.desk import Frame, InspectionDesk
from workcell_perception.detections_node import to_detections
from workcell_perception.errors import ImageError
from workcell_perception.exposure_client_node import ExposureClient
from workcell_perception.golden import GoldenStore
from workcell_perception.health import ImageHealth
from workcell_perception.image_guard import ImageGuard
from workcell_perception.inspection_parameters import InspectionParameters
from workcell_perception.inspector import INSPECTORS
from workcell_perception.locator import PartLocator
from workcell_perception.model_store import ModelStore
from workcell_perception.question_desk_node import QuestionDesk
from workcell_perception.questions import QuestionStore
from workcell_perception.registration import Locator, WholeView
from workcell_perception.station import Inspection, InspectionStation
from workcell_perception.teach_desk_node import TeachDesk, pixels_of
from workcell_perception.verdict import Outcome, unsure
from workcell_perception.verdict_file import load_rules
from workcell_ros import convert, qos
from workcell_ros.convert import NS_PER_S, ns_to_stamp, stamp_to_ns
from workcell_ros.errors import ConfigError
from workcell_ros.lifecycle import WorkcellNode, run_node


class InspectionNode(WorkcellNode[InspectionParameters]):
    """Answers `inspection/inspect` with one `inspection/detections`."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__("inspection", InspectionParameters, **kwargs)
        self._detections_pub = self.create_publisher(Detection2DArray, "inspection/detections", qos.reliable(10))
        self._annotated_pub = self.create_publisher(CompressedImage, "inspection/annotated/compressed", qos.SENSOR_DATA)
        self.create_service(Trigger, "inspection/inspect", self._on_inspect)
        self._teacher = TeachDesk(self)
        self.parameters.on_change(self._on_change)
        self.add_status_source(self._statuses)
        self._exposure: ExposureClient | None = None
        self._subscriptions_held: list[Any] = []

    def configure(self) -> None:
        """Loads rules, references and calibration."""
        values = self.values
        # One inspection takes one core: threads of OpenCV would take time from the other nodes and gain little here.
        cv2.setNumThreads(1)
        golden_dir = Path(values.golden_dir)
        self._goldens = GoldenStore(golden_dir)
        if values.inspector != "onnx" and not ModelStore(golden_dir).names():
            remedy = f"a folder taught with `workcell teach NAME IMAGES... --models {golden_dir}`"
            raise ConfigError(golden_dir, "inspection.golden_dir", "holds no model", remedy)
        self._rules = load_rules(values.verdict_file)
        file = values.calibration_file
        self._calibration = load_calibration(newest_calibration(file)) if file else None
        self._station: InspectionStation | None = None
        self._image_guard: ImageGuard | None = None
        self._make_station()
        self._questions: QuestionDesk | None = None
        self._desk = InspectionDesk(round(values.image_timeout_s * NS_PER_S))
        self._counts: Counter[str] = Counter()
        self._health: ImageHealth | None = None
        self._last = Inspection(unsure("nothing inspected yet"))

    def activate(self) -> None:
        """Opens camera and exposure client."""
        if self.values.questions_dir:
            self._questions = QuestionDesk(self, QuestionStore(self.values.questions_dir))
        self._exposure = ExposureClient(self, self.values.camera_node, self.values.camera_exposure_parameter)
        self._exposure.want(self.values.exposure_s)
        self._work = self.create_guard_condition(self._on_work)
        self._timeout = self.create_timer(self.values.image_timeout_s, self._on_timeout)
        self._timeout.cancel()
        self._subscriptions_held = [
            self.create_subscription(Image, "camera/image_raw", self._on_image, qos.SENSOR_DATA)
        ]
        if self._calibration is None:
            info = self.create_subscription(CameraInfo, "camera/camera_info", self._on_info, qos.SENSOR_DATA)
            self._subscriptions_held.append(info)

    def deactivate(self) -> None:
        """Closes what `activate` opened; an open request gets no verdict."""
        self._desk.close()
        if self._questions is not None:
            self._questions.close()
        for subscription in self._subscriptions_held:
            self.destroy_subscription(subscription)
        self.destroy_timer(self._timeout)
        self.destroy_guard_condition(self._work)
        if self._exposure is not None:
            self._exposure.destroy()
        self._exposure = None

    def _on_inspect(self, _: Any, response: Any) -> Any:
        if not self.is_active:
            response.success, response.message = False, "inspection is not active"
            return response
        self._desk.ask(self.now_ns())
        self._timeout.reset()
        response.success, response.message = True, "the next image decides"
        return response

    def _make_station(self) -> None:
        """Makes what decides, with the references as they are now."""
        values, self._station, self._image_guard = self.values, None, None
        self._inspector = INSPECTORS[values.inspector](self._goldens)
        locator: Locator = PartLocator(self._goldens, residual_max_px=self._rules.image.residual_px_max)
        if values.whole_view_variant >= 0:
            locator = WholeView(values.whole_view_variant)
        if self._calibration is not None:
            self._station = InspectionStation(self._calibration, self._inspector, self._rules, locator)
            self._image_guard = ImageGuard(self._goldens, self._calibration.width_px, self._calibration.height_px)
            self._teacher.use(self._goldens, self._calibration)

    def _on_image(self, message: Any) -> None:
        if self._teacher.takes(message, self._exposure_s()):
            self._make_station()
        if self._desk.offer(Frame(stamp_to_ns(message.header.stamp), message)):
            self._work.trigger()

    def _on_info(self, message: Any) -> None:
        """Takes the calibration as the driver tells it, again where it changes."""
        matrix, distortion = tuple(message.k), tuple(message.d) or (0.0,) * 5
        if message.width == 0 or not matrix[0]:
            return
        calibration = Calibration(message.width, message.height, matrix, distortion)
        if calibration != self._calibration:
            self._calibration = calibration
            self._make_station()

    def _on_timeout(self) -> None:
        self._timeout.cancel()
        if self._desk.give_up(self.now_ns()):
            reason = f"no image within {self.values.image_timeout_s} s of the request"
            self._publish(Inspection(unsure(reason)), self.now_ns())

    def _on_work(self) -> None:
        frame = self._desk.take()
        if frame is None:
            return
        self._timeout.cancel()
        message = frame.image
        try:
            pixels = pixels_of(message)
        except ImageError as error:
            self._publish(Inspection(unsure(str(error))), frame.stamp_ns)
            return
        if self._station is None:
            self._publish(Inspection(unsure("no camera_info yet, and no calibration_file")), frame.stamp_ns)
            return
        inspection = self._station.inspect(pixels, self._exposure_s())
        self._publish(inspection, frame.stamp_ns)
        if self.values.annotate and self._annotated_pub.get_subscription_count():
            self._publish_annotated(to_jpeg(annotate(inspection, pixels)), frame.stamp_ns)

    def _publish(self, inspection: Inspection, stamp_ns: int) -> None:
        now_ns = self.now_ns()
        self.activity.note(now_ns)
        self._last = inspection
        if inspection.registration is not None and inspection.health is not None:
            self._health = inspection.health
        if self._image_guard is not None:
            self._image_guard.note(inspection)
        if self._questions is not None:
            self._questions.note(inspection, stamp_ns)
        self._counts[inspection.verdict.outcome] += 1
        self._counts["late"] += int(now_ns - stamp_ns > self.values.deadline_s * NS_PER_S)
        self._detections_pub.publish(to_detections(inspection, stamp_ns))
        self.publish_status(*self._statuses())

    def _publish_annotated(self, jpeg: bytes, stamp_ns: int) -> None:
        message = CompressedImage(format="jpeg", data=jpeg)
        message.header.stamp = ns_to_stamp(stamp_ns)
        self._annotated_pub.publish(message)

    def _exposure_s(self) -> float:
        confirmed = self._exposure.in_force_s if self._exposure is not None else None
        return self.values.exposure_s if confirmed is None else confirmed

    def _on_change(self, old: InspectionParameters, new: InspectionParameters) -> None:
        if self._exposure is not None and new.exposure_s != old.exposure_s:
            self._exposure.want(new.exposure_s)

    def _statuses(self) -> Iterable[Any]:
        if self._exposure is None:
            return []
        self._exposure.retry()
        verdict = self._last.verdict
        counts: dict[str, Any] = {outcome.value: self._counts[outcome] for outcome in Outcome}
        counts |= {"late": self._counts["late"], "frames_dropped": self._desk.frames_dropped}
        counts["questions"] = self._questions.waiting if self._questions is not None else 0
        level = convert.WARN if verdict.outcome is Outcome.UNSURE else convert.OK
        statuses = [self.status("verdict", level, f"{verdict.outcome}: {verdict.reason}", **counts)]
        if self._health is not None:
            # Only images that show a board: what an empty view measures is no ground to change the exposure.
            problem = self._rules.image.problem(self._health, residual_px=0.0)
            image_level = convert.OK if problem is None else convert.WARN
            statuses.append(self.status("image", image_level, problem or "trusted", **asdict(self._health)))
        if self._image_guard is not None:
            advice = {item.concern.value: item.text for item in self._image_guard.advice}
            advice_level = convert.WARN if advice else convert.OK
            statuses.append(self.status("advice", advice_level, "; ".join(advice.values()) or "none", **advice))
        return [*statuses, *self._teacher.statuses()]


def main(args: list[str] | None = None) -> None:
    """Runs the inspection."""
    run_node(InspectionNode, args)
