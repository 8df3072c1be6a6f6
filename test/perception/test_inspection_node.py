"""The inspection node on its topics: what it answers, what it refuses, and that nothing kills it."""

from __future__ import annotations

import array
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from board_views import CAMERA, EXPOSURE_S, FACTORY, defective_texture, good_texture, view

pytest.importorskip("rclpy")

import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.parameter import Parameter
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from std_srvs.srv import Trigger
from vision_msgs.msg import Detection2DArray

from workcell_perception.inspection_node import InspectionNode
from workcell_ros import convert, qos
from workcell_sim.world.defects import DefectKind
from workcell_sim.world.teach_golden import teach_goldens

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def golden_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("golden")
    teach_goldens(FACTORY, folder, variants=(0, 1))
    return folder


class Rig:
    """A camera, a caller and a listener around the node."""

    def __init__(self, kernel: Any, golden_dir: Path, **overrides: Any) -> None:
        settings = {"golden_dir": str(golden_dir), "verdict_file": str(ROOT / "config" / "verdict.yaml"), **overrides}
        parameters = [Parameter(name, value=value) for name, value in settings.items()]
        if kernel is not None:
            rclpy.init()
        self.node = InspectionNode(parameter_overrides=parameters)
        self.world = rclpy.create_node("world")
        self.world.declare_parameter("camera_exposure_s", 0.001)
        self.image_pub = self.world.create_publisher(Image, "camera/image_raw", qos.SENSOR_DATA)
        self.info_pub = self.world.create_publisher(CameraInfo, "camera/camera_info", qos.SENSOR_DATA)
        self.client = self.world.create_client(Trigger, "inspection/inspect")
        self.detections: list[Any] = []
        self.annotated: list[Any] = []
        self.statuses: dict[str, Any] = {}
        self.world.create_subscription(Detection2DArray, "inspection/detections", self.detections.append, 10)
        self.world.create_subscription(DiagnosticArray, "diagnostics", self._on_diagnostics, qos.DIAGNOSTICS)
        self.executor = rclpy.executors.SingleThreadedExecutor()
        self.executor.add_node(self.node)
        self.executor.add_node(self.world)

    def watch_annotated(self) -> None:
        topic = "inspection/annotated/compressed"
        self.world.create_subscription(CompressedImage, topic, self.annotated.append, qos.SENSOR_DATA)

    def _on_diagnostics(self, message: Any) -> None:
        self.statuses |= {status.name: status for status in message.status}

    def bring_up(self) -> None:
        assert self.node.trigger_configure() == rclpy.lifecycle.TransitionCallbackReturn.SUCCESS
        assert self.node.trigger_activate() == rclpy.lifecycle.TransitionCallbackReturn.SUCCESS
        self.run(1.2)
        k = CAMERA.intrinsics.ravel().tolist()
        self.info_pub.publish(CameraInfo(width=640, height=640, distortion_model="plumb_bob", d=[0.0] * 5, k=k))
        self.run(0.1)

    def run(self, seconds: float) -> None:
        end_ns = self.world.get_clock().now().nanoseconds + round(seconds * 1e9)
        while self.world.get_clock().now().nanoseconds < end_ns:
            self.executor.spin_once(timeout_sec=0.02)

    def until(self, condition: Callable[[], object], timeout_s: float = 5.0) -> None:
        """Runs until something holds: where time is real, a busy machine answers late."""
        end_ns = self.world.get_clock().now().nanoseconds + round(timeout_s * 1e9)
        while not condition() and self.world.get_clock().now().nanoseconds < end_ns:
            self.executor.spin_once(timeout_sec=0.02)
        self.run(0.05)

    def ask(self) -> Any:
        future = self.client.call_async(Trigger.Request())
        self.executor.spin_until_future_complete(future, timeout_sec=2.0)
        return future.result()

    def show(self, pixels: np.ndarray, *, stamp_ns: int | None = None, encoding: str = "mono8") -> int:
        now_ns = self.world.get_clock().now().nanoseconds if stamp_ns is None else stamp_ns
        message = Image(height=pixels.shape[0], width=pixels.shape[1], encoding=encoding, step=pixels.shape[1])
        message.data = array.array("B", pixels.tobytes())
        message.header.stamp = convert.ns_to_stamp(now_ns)
        self.image_pub.publish(message)
        return now_ns

    def verdict_on(self, pixels: np.ndarray, **how: Any) -> Any:
        assert self.ask().success
        self.show(pixels, **how)
        self.until(lambda: self.detections)
        assert len(self.detections) == 1
        return self.detections.pop()


@pytest.fixture
def rig(kernel: Any, golden_dir: Path) -> Iterator[Rig]:
    made = Rig(kernel, golden_dir, image_timeout_s=0.5)
    yield made
    made.executor.shutdown()
    made.node.destroy_node()
    made.world.destroy_node()


def outcome(detections: Any) -> str:
    return detections.detections[0].results[0].hypothesis.class_id


def test_good_part_is_accepted_with_variant_and_stamp(rig: Rig) -> None:
    rig.bring_up()
    assert rig.ask().success
    stamp_ns = rig.show(view(good_texture(1)))
    rig.until(lambda: rig.detections)
    (answer,) = rig.detections
    assert outcome(answer) == "accept"
    assert answer.detections[0].id == "0001"
    assert len(answer.detections) == 1
    assert convert.stamp_to_ns(answer.header.stamp) == stamp_ns


def test_defective_part_comes_with_its_defect(rig: Rig) -> None:
    rig.bring_up()
    texture, truth = defective_texture(DefectKind.OPEN, variant=1)
    answer = rig.verdict_on(view(texture))
    assert outcome(answer) == "reject"
    (defect,) = answer.detections[1:]
    assert defect.results[0].hypothesis.class_id == "open"
    assert abs(defect.bbox.center.position.x - (truth.box[0] + truth.box[2]) / 2) < 5
    assert abs(defect.bbox.center.position.y - (truth.box[1] + truth.box[3]) / 2) < 5


def test_image_exposed_before_the_request_does_not_answer_it(rig: Rig) -> None:
    rig.bring_up()
    before_ns = rig.world.get_clock().now().nanoseconds - 1
    assert rig.ask().success
    rig.show(view(None), stamp_ns=before_ns)
    rig.run(0.1)
    assert rig.detections == []
    rig.show(view(good_texture(0)))
    rig.until(lambda: rig.detections)
    assert outcome(rig.detections[0]) == "accept"


def test_no_image_is_unsure_after_the_timeout(rig: Rig) -> None:
    rig.bring_up()
    assert rig.ask().success
    rig.run(0.7)
    (answer,) = rig.detections
    assert outcome(answer) == "unsure"
    assert "no image within 0.5 s" in rig.statuses["inspection: verdict"].message


def test_images_without_a_request_give_no_verdict(rig: Rig) -> None:
    rig.bring_up()
    rig.show(view(good_texture(0)))
    rig.run(0.3)
    assert rig.detections == []


def test_inactive_node_refuses(rig: Rig) -> None:
    answer = rig.ask()
    assert not answer.success
    assert "not active" in answer.message


@pytest.mark.parametrize(
    ("pixels", "encoding", "reason"),
    [
        (view(None), "mono8", "no part in view"),
        (np.zeros((640, 640), dtype=np.uint8), "mono8", "no fiducial"),
        (np.full((640, 640), 255, dtype=np.uint8), "mono8", "no fiducial"),
        (np.zeros((480, 640), dtype=np.uint8), "mono8", "valid: 640x640"),
        (np.zeros((640, 640), dtype=np.uint8), "mono16", "not supported"),
        (np.zeros((640, 640), dtype=np.uint8), "rgb8", "incomplete"),
        (view(good_texture(3)), "mono8", "no golden reference of variant 3"),
    ],
)
def test_bad_image_is_unsure_and_the_node_lives_on(rig: Rig, pixels: np.ndarray, encoding: str, reason: str) -> None:
    rig.bring_up()
    assert outcome(rig.verdict_on(pixels, encoding=encoding)) == "unsure"
    assert reason in rig.statuses["inspection: verdict"].message
    assert outcome(rig.verdict_on(view(good_texture(0)))) == "accept"


def test_image_health_is_told_for_the_policy(rig: Rig) -> None:
    rig.bring_up()
    rig.verdict_on(view(good_texture(0), light=0.8))
    values = convert.status_values(rig.statuses["inspection: image"])
    assert float(values["light_level"]) == pytest.approx(0.8, abs=0.05)
    assert float(values["exposure_s"]) == EXPOSURE_S
    assert {"mean_level", "clipped_fraction", "focus", "blur_px", "illumination"} <= set(values)


def test_exposure_is_handed_on_to_the_camera(rig: Rig) -> None:
    rig.bring_up()
    assert rig.world.get_parameter("camera_exposure_s").value == EXPOSURE_S
    rig.node.set_parameters([Parameter("exposure_s", value=0.006)])
    rig.run(0.2)
    assert rig.world.get_parameter("camera_exposure_s").value == 0.006


def test_camera_that_forgot_its_exposure_is_asked_again(rig: Rig) -> None:
    rig.bring_up()
    rig.world.set_parameters([Parameter("camera_exposure_s", value=0.02)])
    rig.run(1.5)
    assert rig.world.get_parameter("camera_exposure_s").value == EXPOSURE_S


@pytest.mark.parametrize("exposure_s", [0.0, 0.5, -1.0])
def test_exposure_out_of_range_is_refused(rig: Rig, exposure_s: float) -> None:
    (result,) = rig.node.set_parameters([Parameter("exposure_s", value=exposure_s)])
    assert not result.successful


def test_annotated_image_only_where_somebody_watches(rig: Rig) -> None:
    rig.bring_up()
    rig.verdict_on(view(good_texture(0)))
    rig.watch_annotated()
    rig.run(0.2)
    rig.verdict_on(view(good_texture(0)))
    rig.until(lambda: rig.annotated)
    (message,) = rig.annotated
    assert message.format == "jpeg"
    assert bytes(message.data[:2]) == b"\xff\xd8"


def test_late_verdict_is_counted(rig: Rig) -> None:
    rig.bring_up()
    rig.node.set_parameters([Parameter("deadline_s", value=0.01)])
    assert rig.ask().success
    stamp_ns = rig.world.get_clock().now().nanoseconds
    rig.run(0.1)
    rig.show(view(good_texture(0)), stamp_ns=stamp_ns)
    rig.until(lambda: rig.detections)
    assert convert.status_values(rig.statuses["inspection: verdict"])["late"] == "1"


def test_node_can_be_taken_down_and_up_again(rig: Rig) -> None:
    rig.bring_up()
    rig.verdict_on(view(good_texture(0)))
    rig.node.trigger_deactivate()
    assert not rig.ask().success
    rig.node.trigger_cleanup()
    rig.bring_up()
    assert outcome(rig.verdict_on(view(good_texture(1)))) == "accept"


def test_empty_golden_folder_fails_to_configure(kernel: Any, tmp_path: Path) -> None:
    made = Rig(kernel, tmp_path / "none")
    assert made.node.trigger_configure() == rclpy.lifecycle.TransitionCallbackReturn.FAILURE
    made.run(0.1)
    assert "holds no model" in made.statuses["inspection: node"].message
    made.executor.shutdown()
    made.node.destroy_node()
    made.world.destroy_node()
