"""The inspection node beyond one look: questions to a person, teaching, advice, and a camera that runs wild."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from board_views import CAMERA, FACTORY, good_texture, view
from test_inspection_node import Rig, outcome
from test_surface import brushed

pytest.importorskip("rclpy")

from std_srvs.srv import Trigger

from workcell_perception.golden import GoldenStore
from workcell_perception.inspector import surface_name
from workcell_perception.model_store import ModelStore
from workcell_perception.questions import QuestionStore
from workcell_perception.surface import learn_surface
from workcell_ros import convert
from workcell_sim.world.teach_golden import good_views, teach_goldens

BURST = 300
MEMORY_GROWTH_MAX_KB = 60_000


@pytest.fixture
def golden_dir(tmp_path: Path) -> Path:
    teach_goldens(FACTORY, tmp_path / "golden", variants=(0,))
    return tmp_path / "golden"


@pytest.fixture
def rig(kernel: Any, golden_dir: Path, tmp_path: Path) -> Iterator[Rig]:
    made = Rig(kernel, golden_dir, image_timeout_s=0.5, questions_dir=str(tmp_path / "questions"), teach_images=4)
    yield made
    close(made)


def close(rig: Rig) -> None:
    rig.executor.shutdown()
    rig.node.destroy_node()
    rig.world.destroy_node()


def call(rig: Rig, name: str) -> Any:
    client = rig.world.create_client(Trigger, name)
    assert client.wait_for_service(timeout_sec=2.0)
    future = client.call_async(Trigger.Request())
    rig.executor.spin_until_future_complete(future, timeout_sec=2.0)
    rig.world.destroy_client(client)
    return future.result()


def show_until_taught(rig: Rig, images: list[np.ndarray]) -> None:
    """Shows images to a lesson, each until it is taken: best-effort transport may lose one."""
    for image in images:
        before = progress(rig)
        for _ in range(5):
            rig.show(image)
            rig.run(0.6)
            if progress(rig) != before:
                break


def progress(rig: Rig) -> str:
    status = rig.statuses.get("inspection: teaching")
    return status.message if status is not None else ""


def test_unsure_part_waits_for_an_answer_which_is_kept(rig: Rig, tmp_path: Path) -> None:
    rig.bring_up()
    assert outcome(rig.verdict_on(view(good_texture(0), light=0.55))) == "unsure"
    store = QuestionStore(tmp_path / "questions")
    (question,) = store.pending()
    assert "too dark" in question.reason
    assert convert.status_values(rig.statuses["inspection: verdict"])["questions"] == "1"
    answer = call(rig, f"inspection/questions/q{question.stamp_ns}/good")
    assert (answer.success, answer.message) == (True, "kept as good")
    assert store.pending() == ()
    assert (tmp_path / "questions" / "answered" / f"q{question.stamp_ns}.png").is_file()


def test_questions_are_open_again_after_a_restart(rig: Rig, tmp_path: Path) -> None:
    rig.bring_up()
    rig.verdict_on(view(good_texture(0), light=0.55))
    rig.node.trigger_deactivate()
    rig.node.trigger_activate()
    (question,) = QuestionStore(tmp_path / "questions").pending()
    assert call(rig, f"inspection/questions/q{question.stamp_ns}/bad").success


def test_sure_verdicts_ask_nobody(rig: Rig, tmp_path: Path) -> None:
    rig.bring_up()
    rig.verdict_on(view(good_texture(0)))
    assert QuestionStore(tmp_path / "questions").pending() == ()


def test_next_good_parts_teach_a_product(rig: Rig, golden_dir: Path) -> None:
    rig.bring_up()
    assert outcome(rig.verdict_on(view(good_texture(1)))) == "unsure"
    assert call(rig, "inspection/teach").message == "show 4 good parts of one product"
    rig.show(view(None))
    rig.run(0.6)
    assert "waits for a part" in rig.statuses["inspection: teaching"].message
    show_until_taught(rig, [item.image for item in good_views(FACTORY, CAMERA, 1, views=4)])
    assert "product 1 taught from 4 images" in rig.statuses["inspection: teaching"].message
    assert GoldenStore(golden_dir).variants() == (0, 1)
    assert outcome(rig.verdict_on(view(good_texture(1)))) == "accept"


def test_teaching_from_bad_images_teaches_nothing_and_says_why(rig: Rig, golden_dir: Path) -> None:
    rig.bring_up()
    call(rig, "inspection/teach")
    show_until_taught(rig, [view(good_texture(1))])
    show_until_taught(rig, [view(good_texture(1), velocity=(900.0, 0.0))] * 3)
    assert "nothing taught" in rig.statuses["inspection: teaching"].message
    assert "blurred by" in rig.statuses["inspection: teaching"].message
    assert GoldenStore(golden_dir).variants() == (0,)


def test_inactive_node_does_not_teach(rig: Rig) -> None:
    assert not call(rig, "inspection/teach").success


def test_dim_images_are_advised_upon(rig: Rig) -> None:
    rig.bring_up()
    for _ in range(5):
        rig.verdict_on(view(good_texture(0), light=0.8))
    status = rig.statuses["inspection: advice"]
    assert "expose for" in convert.status_values(status)["exposure"]


def test_burst_of_frames_gives_one_verdict_counts_drops_and_keeps_memory_flat(rig: Rig) -> None:
    rig.bring_up()
    image = view(good_texture(0))
    for _ in range(20):
        rig.verdict_on(image)
    before_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert rig.ask().success
    for _ in range(BURST):
        rig.show(image)
        rig.run(0.01)
    rig.run(0.3)
    assert len(rig.detections) == 1
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kb < MEMORY_GROWTH_MAX_KB
    rig.detections.clear()
    assert rig.ask().success
    for _ in range(6):
        rig.show(image)
    rig.run(0.3)
    assert len(rig.detections) == 1
    assert outcome(rig.detections.pop()) == "accept"


def test_surface_inspector_takes_the_whole_view(kernel: Any, tmp_path: Path) -> None:
    model = learn_surface([brushed(seed) for seed in range(6)])
    ModelStore(tmp_path).save(surface_name(5), model.to_arrays(), {})
    rig = Rig(kernel, tmp_path, inspector="surface", whole_view_variant=5)
    rig.bring_up()
    k = [300.0, 0.0, 160.0, 0.0, 300.0, 160.0, 0.0, 0.0, 1.0]
    rig.info_pub.publish(type_of_info(k))
    rig.run(0.1)
    assert outcome(rig.verdict_on(brushed(50))) == "accept"
    spoilt = brushed(51)
    spoilt[100:110, 100:110] = 20
    assert outcome(rig.verdict_on(np.ascontiguousarray(spoilt))) == "rework"
    close(rig)


def type_of_info(k: list[float]) -> Any:
    from sensor_msgs.msg import CameraInfo

    return CameraInfo(width=320, height=320, distortion_model="plumb_bob", d=[0.0] * 5, k=k)
