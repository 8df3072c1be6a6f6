"""The page of all nodes and the security policy: what is written of a graph, and what holds of the files that ship."""

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from workcell_console.graph.endpoints import KINDS, Endpoints, endpoints_from
from workcell_console.graph.node_docs import render
from workcell_console.graph.optional import EVERYTHING, OPTIONAL
from workcell_console.graph.security import allowed_by, policy_of
from workcell_ros import schema
from workcell_ros.registry import NODES
from workcell_sim.embedded import RUNTIME_DIR

ROOT = Path(__file__).parents[2]
POLICY = ROOT / "security" / "policy.xml"
SEEN = {
    "cell": {
        "publishes": {"/a/cell/state": ["std_msgs/msg/String"], "/rosout": ["rcl_interfaces/msg/Log"]},
        "subscribes": {"/a/x/_action/status": ["y"], "/clock": ["rosgraph_msgs/msg/Clock"]},
        "offers": {
            "/a/cell/get_state": ["lifecycle_msgs/srv/GetState"],
            "/a/cell/start": ["std_srvs/srv/Trigger"],
            "/a/governor/pending/p17/approve": ["std_srvs/srv/Trigger"],
        },
        "calls": {},
        "executes": {},
        "sends": {"/a/joint_trajectory_controller/follow_joint_trajectory": ["control_msgs/action/X"]},
    }
}
# sros2's policy schema 0.2.0 (sros2/policy/schemas/policy.xsd): children and attributes of each element.
CHILDREN = {
    "policy": {"enclaves"},
    "enclaves": {"enclave"},
    "enclave": {"profiles"},
    "profiles": {"profile"},
    "profile": {"topics", "services", "actions"},
    "topics": {"topic"},
    "services": {"service"},
    "actions": {"action"},
    "topic": set(),
    "service": set(),
    "action": set(),
}
ATTRIBUTES = {
    "policy": ({"version"}, set()),
    "enclave": ({"path"}, set()),
    "profile": ({"ns", "node"}, set()),
    "topics": (set(), {"publish", "subscribe"}),
    "services": (set(), {"reply", "request"}),
    "actions": (set(), {"call", "execute"}),
}


def test_names_are_relative_and_what_all_have_is_left_out():
    cell = endpoints_from(SEEN, "/a")["cell"]
    assert cell.publishes == {"cell/state": "std_msgs/msg/String"}
    assert cell.subscribes == {}
    assert set(cell.offers) == {
        "cell/start",
        "governor/pending/p<stamp>/approve",
        "cell/commissioning/<motion>/approve",
        "cell/commissioning/<motion>/reject",
    }
    assert list(cell.sends) == ["joint_trajectory_controller/follow_joint_trajectory"]


def test_the_page_has_every_node_and_parameter():
    page = render(endpoints_from(SEEN, "/a"))
    for name, entry in NODES.items():
        section = page.partition(f"## {name}\n")[2].partition("\n## ")[0]
        assert section
        for info in schema.infos(entry.load_schema()).values():
            assert f"| `{info.name}` |" in section


def test_a_policy_allows_what_was_seen_and_what_changes_with_every_question():
    allowed = allowed_by(policy_of(endpoints_from(SEEN, "/a")))
    assert "cell/state" in allowed["cell"]["publishes"]
    assert "governor/pending/p*/approve" in allowed["cell"]["offers"]
    assert "~/change_state" in allowed["cell"]["offers"]
    assert allowed["cell"]["calls"] == []


def test_the_shipped_policy_is_of_the_form_that_sros2_reads():
    for element in ET.parse(POLICY).iter():
        assert {child.tag for child in element} <= CHILDREN[element.tag]
        required, optional = ATTRIBUTES.get(element.tag, (set(), set()))
        assert required <= set(element.attrib) <= required | optional
        if optional:
            assert set(element.attrib.values()) == {"ALLOW"}
            assert len(element.attrib) == 1
        if not CHILDREN[element.tag]:
            assert element.text


def test_each_node_has_one_enclave_of_its_own():
    enclaves = list(ET.parse(POLICY).iter("enclave"))
    paths = [enclave.get("path") for enclave in enclaves]
    assert len(set(paths)) == len(paths)
    for enclave in enclaves:
        (profile,) = enclave.iter("profile")
        assert enclave.get("path") == f"/workcell/{profile.get('node')}"


@pytest.mark.ros
def test_sros2_itself_reads_the_shipped_policy():
    sros2 = pytest.importorskip("sros2.policy")
    assert sros2.load_policy(POLICY) is not None


@pytest.mark.parametrize("node", OPTIONAL)
def test_what_is_said_of_a_node_that_runs_on_demand_stands_in_its_source(node):
    folder = RUNTIME_DIR.parents[1] / Path(*NODES[node].module.split(".")[:-1])
    drivers = ROOT / "workcell_control" / "execution" / "drivers"
    text = "".join(path.read_text(encoding="utf-8") for path in (*folder.glob("*.py"), *drivers.glob("*.py")))
    common = {"diagnostics", EVERYTHING, f"{node}/snapshot"}
    names = {name for kind in KINDS for name in getattr(OPTIONAL[node], kind)} - common
    assert [name for name in names if f'"{name}"' not in text] == []


def test_two_graphs_add_up():
    both = Endpoints(publishes={"a": "x"}) | Endpoints(publishes={"b": "y"})
    assert both.publishes == {"a": "x", "b": "y"}
