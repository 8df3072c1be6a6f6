"""Launch files in XML and YAML mean the same on the embedded runtime and on ROS 2's launch."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from launch import InvalidLaunchFileError, LaunchContext, LaunchDescription, LaunchService
from launch.actions import IncludeLaunchDescription
from launch.frontend import Parser
from launch.launch_description_sources import AnyLaunchDescriptionSource
from launch.substitutions import LaunchConfiguration
from launch.utilities import perform_substitutions
from launch_ros.actions import Node

pytestmark = pytest.mark.usefixtures("kernel")

XML = """
<launch>
  <arg name="speed" default="slow" description="how fast"><choice value="slow"/><choice value="fast"/></arg>
  <let name="text" value="$(var speed) in $(filename)"/>
  <group><let name="text" value="hidden"/></group>
  <group if="$(eval &quot;'$(var speed)' == 'fast'&quot;)" scoped="false"><let name="extra" value="yes"/></group>
  <set_env name="WORKCELL_TEST_MARKUP" value="$(var speed)"/>
  <let name="from_env" value="$(env WORKCELL_TEST_MARKUP)"/>
  <unset_env name="WORKCELL_TEST_MARKUP"/>
</launch>
"""

YAML = """
launch:
- arg:
    name: speed
    default: slow
    description: how fast
    choice: [{value: slow}, {value: fast}]
- let: {name: text, value: $(var speed) in $(filename)}
- group: [let: {name: text, value: hidden}]
- group:
    if: $(eval "'$(var speed)' == 'fast'")
    scoped: false
    children: [let: {name: extra, value: 'yes'}]
- set_env: {name: WORKCELL_TEST_MARKUP, value: $(var speed)}
- let: {name: from_env, value: $(env WORKCELL_TEST_MARKUP)}
- unset_env: {name: WORKCELL_TEST_MARKUP}
"""


@pytest.fixture(params=["xml", "yaml"])
def launch_file(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path = tmp_path / f"cell.launch.{request.param}"
    path.write_text(XML if request.param == "xml" else YAML)
    return path


def configurations(path: Path, **arguments: str) -> dict[str, str]:
    service = LaunchService(noninteractive=True)
    source = AnyLaunchDescriptionSource(str(path))
    include = IncludeLaunchDescription(source, launch_arguments=list(arguments.items()))
    service.include_launch_description(LaunchDescription([include]))
    assert service.run() == 0
    return dict(service.context.launch_configurations)


def test_a_file_is_read_by_its_name(launch_file: Path) -> None:
    found = configurations(launch_file)
    assert found == {"speed": "slow", "text": f"slow in {launch_file}", "from_env": "slow"}


def test_conditions_and_arguments(launch_file: Path) -> None:
    found = configurations(launch_file, speed="fast")
    assert found["extra"] == "yes"
    assert found["from_env"] == "fast"


def parse(text: str) -> Any:
    root, parser = Parser.load(io.StringIO(text))
    return parser.parse_description(root).entities


NODES = [
    """<launch><node pkg="p" exec="e" name="n" namespace="ns" args="a 'b c' $(var x)" ros_args="--log-level debug">
    <remap from="one" to="two"/><param name="p1" value="1"/><param name="g"><param name="p2" value="a"/></param>
    <param name="p3" value="1" type="str"/></node></launch>""",
    """
launch:
- node:
    pkg: p
    exec: e
    name: n
    namespace: ns
    args: a 'b c' $(var x)
    ros_args: --log-level debug
    remap: [{from: one, to: two}]
    param:
    - {name: p1, value: 1}
    - {name: g, param: [{name: p2, value: a}]}
    - {name: p3, value: '1', type: str}
""",
]


@pytest.mark.parametrize("text", NODES, ids=["xml", "yaml"])
def test_a_node(text: str) -> None:
    (node,) = parse(text)
    assert isinstance(node, Node)
    context = LaunchContext()
    context.launch_configurations["x"] = "y"
    node._perform_substitutions(context)
    assert node.node_name == "/ns/n"
    assert node.expanded_remapping_rules == [("one", "two")]
    words = [perform_substitutions(context, part) for part in node.cmd[1:7]]
    assert words == ["a", "b c", "y", "--ros-args", "--log-level", "debug"]


@pytest.mark.parametrize(
    "text",
    [
        "<launch><nonsense/></launch>",
        '<launch><let name="a" value="b" colour="red"/></launch>',
        '<launch><log message="x" if="true" unless="true"/></launch>',
        "<other/>",
        "launch: [{let: {name: a}}]",
        "launch: [{let: {name: a, value: b, colour: red}}]",
    ],
)
def test_what_means_nothing_is_an_error(text: str) -> None:
    with pytest.raises((RuntimeError, ValueError, AttributeError)):
        parse(text)


def test_a_file_that_is_no_markup_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "broken.launch.xml"
    path.write_text("<launch>")
    with pytest.raises(InvalidLaunchFileError):
        AnyLaunchDescriptionSource(str(path)).get_launch_description(LaunchContext())


def test_a_configuration_is_not_known_outside(launch_file: Path) -> None:
    source = AnyLaunchDescriptionSource(str(launch_file))
    names = [argument.name for argument in source.get_launch_description(LaunchContext()).get_launch_arguments()]
    assert names == ["speed"]
    assert LaunchConfiguration("speed", default="unset").perform(LaunchContext()) == "unset"
