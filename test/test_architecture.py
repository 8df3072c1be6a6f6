"""The rules of docs/design.md that a machine can hold: who imports ROS, who imports whom, how long files are."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = (
    "workcell_ros",
    "workcell_sensors",
    "workcell_perception",
    "workcell_control",
    "workcell_console",
    "workcell_sim",
)
MAY_IMPORT = {
    "workcell_ros": set(),
    "workcell_sensors": {"workcell_ros"},
    "workcell_perception": {"workcell_ros", "workcell_sensors"},
    "workcell_control": {"workcell_ros", "workcell_sensors", "workcell_perception"},
    "workcell_console": set(PACKAGES),
    "workcell_sim": set(PACKAGES),
}
ROS_MODULES = re.compile(
    r"^(rclpy|launch|launch_ros|tf2_ros|ament_index_python|rosidl_runtime_py|\w+_(msgs|srvs|interfaces))$"
)
PURE_IN_GLUE = {
    "canonical.py",
    "__init__.py",
    "activity.py",
    "arguments.py",
    "config.py",
    "errors.py",
    "plan.py",
    "registry.py",
    "schema.py",
}
LINES_MAX = 500
NODE_LINES_MAX = 250
EMBEDDED = ROOT / "workcell_sim" / "embedded"


def sources(package):
    return sorted(path for path in (ROOT / package).rglob("*.py") if EMBEDDED not in path.parents)


def imports(path):
    """Yields the top-level module of every import, with whether it stands at module level."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    top_level = {id(node) for node in tree.body}
    for node in ast.walk(tree):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names = [node.module]
        for name in names:
            yield name.partition(".")[0], id(node) in top_level


def may_import_ros(path):
    package = path.relative_to(ROOT).parts[0]
    is_glue = package == "workcell_ros" and path.name not in PURE_IN_GLUE
    return is_glue or path.name.endswith("_node.py")


@pytest.mark.parametrize("package", PACKAGES)
def test_only_nodes_and_glue_import_ros(package):
    offenders = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in sources(package)
        if not may_import_ros(path)
        for name, is_top_level in imports(path)
        # A command that has put a runtime in place may then import it; at module level it could not have.
        if ROS_MODULES.match(name) and (is_top_level or package != "workcell_console")
    ]
    assert offenders == []


@pytest.mark.parametrize("package", PACKAGES)
def test_packages_depend_one_way(package):
    offenders = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in sources(package)
        for name, _ in imports(path)
        if name in PACKAGES and name != package and name not in MAY_IMPORT[package]
    ]
    assert offenders == []


def test_files_hold_one_thing():
    long = [
        f"{path.relative_to(ROOT)}: {count} lines"
        for package in PACKAGES
        for path in (ROOT / package).rglob("*.py")
        if (count := len(path.read_text(encoding="utf-8").splitlines())) > LINES_MAX
    ]
    assert long == []


def test_nodes_are_thin():
    thick = [
        f"{path.relative_to(ROOT)}: {count} lines"
        for package in PACKAGES
        for path in sources(package)
        if path.name.endswith("_node.py")
        and (count := len(path.read_text(encoding="utf-8").splitlines())) > NODE_LINES_MAX
    ]
    assert thick == []


def test_nodes_keep_to_the_node_clock():
    forbidden = re.compile(r"\btime\.(time|sleep|monotonic|perf_counter)\(|\bdatetime\.now\(")
    offenders = [
        f"{path.relative_to(ROOT)}: {found.group()}"
        for package in PACKAGES[:4]
        for path in sources(package)
        # Protocol clients live in wall time, in a thread of their own.
        if "sources" not in path.parts
        for found in forbidden.finditer(path.read_text(encoding="utf-8"))
    ]
    assert offenders == []


def test_setup_and_registry_name_the_same_nodes():
    from workcell_ros.registry import NODES

    text = (ROOT / "setup.py").read_text(encoding="utf-8")
    listed = dict(re.findall(r'"(\w+_node)": "([\w.]+)"', text))
    assert {entry.executable: entry.module for entry in NODES.values()}.items() <= listed.items()


def test_every_ros_dependency_is_in_package_xml():
    declared = set(re.findall(r"<\w*depend>([\w-]+)</\w*depend>", (ROOT / "package.xml").read_text(encoding="utf-8")))
    used = {
        name
        for package in PACKAGES
        for path in [*sources(package), *(ROOT / "launch").glob("*.py")]
        for name, _ in imports(path)
        if ROS_MODULES.match(name)
    }
    assert used - declared == set()


def test_what_runs_on_the_embedded_runtime_only_says_why():
    marker = re.compile(r"mark\.embedded(?!\(\")")
    offenders = [
        str(path.relative_to(ROOT)) for path in (ROOT / "test").rglob("test_*.py") if marker.search(path.read_text())
    ]
    assert offenders == []
