"""`workcell nodes --docs`: runs the cell in virtual time and writes the nodes' page and the security policy."""

from __future__ import annotations

import json
import logging
import sys
import tempfile
from pathlib import Path

from workcell_console.graph.endpoints import Endpoints, endpoints_from
from workcell_console.graph.node_docs import render
from workcell_console.graph.optional import OPTIONAL
from workcell_console.graph.security import policy_of
from workcell_console.shift import SHARE_DIR, use_embedded

NAMESPACE = "cell_1"
OBSERVER = Path(__file__).parents[1] / "graph" / "look_at_cell_node.py"
PAGE = Path("docs/nodes.md")
POLICY = Path("security/policy.xml")


def write() -> list[Path]:
    """Writes both files below the working directory, and returns their paths."""
    graph = observed()
    texts = {PAGE: render(graph), POLICY: policy_of(graph)}
    for path, text in texts.items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return list(texts)


def observed() -> dict[str, Endpoints]:
    """Returns what the nodes of a working cell use, and what those would that it has not."""
    use_embedded()
    from launch import LaunchDescription, LaunchService
    from launch.actions import EmitEvent, IncludeLaunchDescription
    from launch.events import Shutdown
    from launch.launch_description_sources import PythonLaunchDescriptionSource
    from launch.logging import launch_config
    from launch_ros.actions import Node

    from workcell_sim.embedded._kernel import Kernel

    with tempfile.TemporaryDirectory(prefix="workcell-graph-") as folder, Kernel(clock="virtual"):
        seen = Path(folder) / "graph.json"
        arguments = {
            "out_dir": str(Path(folder) / "out"),
            "namespace": NAMESPACE,
            "composition": "node",
            "transport": "memory",
            "page": "false",
            "log_level": "error",
        }
        observer = Node(
            executable=sys.executable,
            arguments=[str(OBSERVER), str(seen)],
            namespace=NAMESPACE,
            on_exit=EmitEvent(event=Shutdown(reason="the graph was seen")),
        )
        source = PythonLaunchDescriptionSource(str(SHARE_DIR / "launch" / "cell.launch.py"))
        cell = IncludeLaunchDescription(source, launch_arguments=list(arguments.items()))
        service = LaunchService(noninteractive=True)
        launch_config.level = logging.WARNING
        service.include_launch_description(LaunchDescription([cell, observer]))
        service.run()
        raw = json.loads(seen.read_text(encoding="utf-8"))
    return endpoints_from(raw, f"/{NAMESPACE}") | dict(OPTIONAL)
