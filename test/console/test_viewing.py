"""The RViz configuration and the Foxglove layout show topics that the cell has, of the types that they can show."""

import json
import re

import pytest
import yaml

from workcell_console.bag import BagReader
from workcell_console.shift import SHARE_DIR, ShiftOptions, run_shift

pytestmark = pytest.mark.embedded("the graph is that of a shift on virtual time")
LIGHT = {"record": "mcap", "record_images": "true", "twin": "false", "tf": "true", "fidelity": "kinematic"}
RVIZ_TYPES = {
    "RobotModel": "std_msgs/msg/String",
    "Image": "sensor_msgs/msg/Image",
    "Range": "sensor_msgs/msg/Range",
}
FOXGLOVE_TYPES = {
    "3D": {"std_msgs/msg/String"},
    "Image": {"sensor_msgs/msg/CompressedImage", "sensor_msgs/msg/Image"},
    "DiagnosticSummary": {"diagnostic_msgs/msg/DiagnosticArray"},
    "StateTransitions": {"std_msgs/msg/String"},
    "Plot": {"sensor_msgs/msg/JointState", "std_msgs/msg/Float64"},
}
HEARD_ONLY = {"/separation": "sensor_msgs/msg/Range"}
"""Topics that the cell hears and others publish: no bag of a shift alone has them."""


@pytest.fixture(scope="module")
def graph(tmp_path_factory):
    """Types by topic, of some seconds of a whole cell."""
    folder = tmp_path_factory.mktemp("viewing") / "run"
    folder.mkdir()
    run_shift(ShiftOptions(folder, "calm", 6.0, 1, arguments=LIGHT))
    with BagReader(folder / "bag") as bag:
        return {topic.name: topic.type for topic in bag.topics} | HEARD_ONLY


def test_rviz_shows_what_there_is(graph):
    config = yaml.safe_load((SHARE_DIR / "rviz" / "cell.rviz").read_text(encoding="utf-8"))["Visualization Manager"]
    assert config["Global Options"]["Fixed Frame"] == "world"
    shown = {}
    for display in config["Displays"]:
        topic = display.get("Topic") or display.get("Description Topic")
        if topic:
            shown[topic["Value"]] = RVIZ_TYPES[display["Class"].rpartition("/")[2]]
    assert len(shown) == 3
    assert {topic: graph.get(topic) for topic in shown} == shown


def topics_of(config):
    """All topics that a Foxglove panel's configuration names; a message path begins with its topic."""
    text = json.dumps(config)
    return set(re.findall(r'"(/[a-z0-9_/]+)', text))


def test_foxglove_shows_what_there_is(graph):
    layout = json.loads((SHARE_DIR / "foxglove" / "cell.json").read_text(encoding="utf-8"))
    seen = set()
    for panel, config in layout["configById"].items():
        for topic in topics_of(config):
            assert topic in graph, f"{panel}: {topic}"
            allowed = FOXGLOVE_TYPES.get(panel.partition("!")[0])
            assert allowed is None or graph[topic] in allowed, f"{panel}: {topic}"
            seen.add(topic)
    assert {"/robot_description", "/governor/verdicts", "/diagnostics"} <= seen


def test_every_panel_of_the_foxglove_layout_has_its_place():
    layout = json.loads((SHARE_DIR / "foxglove" / "cell.json").read_text(encoding="utf-8"))

    def panels(place):
        return [place] if isinstance(place, str) else [*panels(place["first"]), *panels(place["second"])]

    assert sorted(panels(layout["layout"])) == sorted(layout["configById"])
