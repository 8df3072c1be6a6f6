"""Launch arguments: described, checked, and each one lands where it belongs."""

import dataclasses

import pytest

from workcell_console.cell_arguments import CellArguments, arguments, scenario_path, station_path
from workcell_console.cell_plan import PARTS, plan_from
from workcell_console.shift import SHARE_DIR
from workcell_ros.arguments import check_names
from workcell_ros.config import load_yaml
from workcell_ros.errors import ConfigError
from workcell_ros.registry import NODES
from workcell_sensors.gateway_parameters import GatewayParameters

# Nodes that a cell has only where an argument asks for them.
OFF = {"recorder", "historian", "sparkplug_edge", "opcua_server", "gripper", "gazebo_world"} & set(NODES)


def plan(tmp_path, **given):
    strings = {"out_dir": str(tmp_path / "out"), "transport": "memory", **given}
    return plan_from(CellArguments.from_strings(strings), SHARE_DIR)


def test_every_argument_is_described_and_its_default_is_valid():
    described = arguments(SHARE_DIR)
    assert [item.name for item in described] == [field.name for field in dataclasses.fields(CellArguments)]
    assert all(item.description and item.description[0].isupper() for item in described)
    assert all(item.default in item.choices for item in described if item.choices)
    assert CellArguments.from_strings({item.name: item.default for item in described}) == CellArguments()


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("seed", "one", "a whole number"),
        ("time_scale", "fast", "a number"),
        ("twin", "perhaps", "true, false"),
        ("policy", "best", ", off"),
        ("polcy", "fixed", "did you mean policy?"),
        ("policy_stage", "trusted", "shadow"),
        ("namespace", "cell one", "letters, digits and _"),
        ("namespace", "cells/1", "letters, digits and _"),
    ],
)
def test_a_value_that_cannot_be_used_is_named(name, text, said):
    with pytest.raises(ConfigError, match="launch arguments") as error:
        CellArguments.from_strings({name: text})
    assert name in str(error.value)
    assert said in str(error.value)


@pytest.mark.parametrize(
    ("given", "node", "parameter", "value"),
    [
        ({"seed": "7"}, "world", "seed", 7),
        ({"seed": "7"}, "plant", "seed", 7),
        ({"policy": "fixed"}, "policy", "policy", "fixed"),
        ({"policy_file": __file__}, "policy", "policy_file", __file__),
        ({"policy_stage": "canary"}, "policy", "initial_stage", "canary"),
        ({"policy_learned_file": "/tmp/learned.json"}, "policy", "learned_file", "/tmp/learned.json"),
        ({"fidelity": "kinematic"}, "world", "fidelity", "kinematic"),
        ({"transport": "memory"}, "gateway", "transport", "memory"),
        ({"time_scale": "10"}, "plant", "time_scale", 10.0),
        ({"time_scale": "10"}, "console", "refresh_period_s", 5.0),
        ({"host": "0.0.0.0"}, "console", "host", "0.0.0.0"),
        ({"port": "9000"}, "console", "port", 9000),
        ({"page": "false"}, "console", "serve", False),
        ({"record": "sqlite3"}, "recorder", "storage", "sqlite3"),
        ({"record": "true"}, "recorder", "storage", "mcap"),
        ({"sim": "mock"}, "cell", "arm_driver", "mock"),
        ({"sim": "mock"}, "world", "fidelity", "mirror"),
        ({"sim": "mock"}, "world", "gripper", "action"),
        ({"sim": "gazebo"}, "cell", "arm_driver", "embedded"),
        ({"sim": "real"}, "cell", "arm_driver", "universal_robots"),
        ({"sim": "real", "arm_driver": "mock"}, "cell", "arm_driver", "mock"),
        ({"sim": "real", "use_mock_hardware": "true"}, "cell", "arm_driver", "universal_robots_mock"),
        ({"sim": "real", "use_mock_hardware": "true"}, "gripper", "arm_driver", "universal_robots_mock"),
        ({"sim": "real", "use_mock_hardware": "true"}, "world", "gripper", "valve"),
        ({"commissioning": "true"}, "cell", "commissioning", True),
        ({"robot": "ur10e"}, "cell", "arm_file", str(SHARE_DIR / "urdf" / "ur10e.yaml")),
        ({"robot": "ur10e"}, "world", "arm_file", str(SHARE_DIR / "urdf" / "ur10e.yaml")),
        ({"record": "mcap"}, "recorder", "excluded_topics", ["camera/image_raw"]),
        ({"historian": "postgres"}, "historian", "store", "postgres"),
        ({"historian": "parquet", "transport": "network"}, "gateway", "consumers", ["historian"]),
        ({"sparkplug": "a:1883,b:1884"}, "sparkplug_edge", "servers", ["a:1883", "b:1884"]),
    ],
)
def test_an_argument_lands_in_its_node(tmp_path, given, node, parameter, value):
    assert plan(tmp_path, **given).values[node][parameter] == value


def test_raw_images_are_recorded_when_asked_for(tmp_path):
    recorder = plan(tmp_path, record="mcap", record_images="true").values["recorder"]
    assert "camera/image_raw" not in recorder.get("excluded_topics", [])


@pytest.mark.parametrize(
    ("given", "missing"),
    [
        ({}, OFF),
        ({"record": "mcap"}, OFF - {"recorder"}),
        ({"record": "false"}, OFF),
        ({"policy": "off"}, OFF | {"policy"}),
        ({"sim": "gazebo"}, OFF - {"gazebo_world"} | {"world"}),
        ({"historian": "postgres"}, OFF - {"historian"}),
        ({"sparkplug": "localhost:1883"}, OFF - {"sparkplug_edge"}),
        ({"opcua_nodesets": "."}, OFF - {"opcua_server"}),
        ({"sim": "real"}, OFF - {"gripper"} | {"world", "plant"}),
        ({"sim": "real", "gripper": "false"}, OFF | {"world", "plant"}),
        ({"sim": "real", "use_mock_hardware": "true"}, OFF - {"gripper"}),
        ({"sim": "mock"}, OFF),
        ({"twin": "false"}, OFF | {"twin"}),
        ({"console": "false"}, OFF | {"console"}),
    ],
)
def test_only_the_nodes_that_are_needed_are_planned(tmp_path, given, missing):
    made = plan(tmp_path, **given)
    assert set(NODES) - set(made.values) == missing
    assert sorted(name for members in made.processes.values() for name in members) == sorted(made.values)


@pytest.mark.parametrize(("composition", "count"), [("single", 1), ("node", 10)])
def test_nodes_are_grouped_into_processes(tmp_path, composition, count):
    assert len(plan(tmp_path, composition=composition).processes) == count


@pytest.mark.parametrize("part", PARTS)
def test_a_part_can_be_planned_alone(tmp_path, part):
    given = CellArguments(out_dir=str(tmp_path / "out"), historian="parquet", record="true")
    made = plan_from(given, SHARE_DIR, part)
    whole = plan_from(given, SHARE_DIR)
    assert {NODES[name].package for name in made.values} == {PARTS[part]}
    assert set(made.values) == {name for name in whole.values if NODES[name].package == PARTS[part]}
    assert made.params_file != whole.params_file


def test_the_parts_are_the_whole():
    assert set(PARTS.values()) == {entry.package for entry in NODES.values()}


def test_ports_of_a_part_are_those_that_it_is_given(tmp_path):
    given = CellArguments(out_dir=str(tmp_path / "out"), mqtt_port=18883)
    gateway = plan_from(given, SHARE_DIR, "field").values["gateway"]
    unset = GatewayParameters().opcua_port
    assert (gateway["mqtt_port"], gateway["opcua_port"]) == (18883, unset)


def test_enclaves_are_of_one_node_each(tmp_path):
    assert plan(tmp_path, enclaves="true", composition="node").processes
    with pytest.raises(ConfigError, match="composition"):
        plan(tmp_path, enclaves="true")


def test_a_part_of_which_nothing_is_left_is_refused(tmp_path):
    given = CellArguments(out_dir=str(tmp_path / "out"), sim="real")
    with pytest.raises(ConfigError, match="simulation"):
        plan_from(given, SHARE_DIR, "simulation")


def test_an_argument_written_nearly_right_is_refused():
    offered = arguments(SHARE_DIR)
    check_names(offered, ["seed:=1", "colour:=red", "parts:=3"])
    for slip in ("sed", "seeed", "sead", "sede"):
        with pytest.raises(ConfigError, match="did you mean seed"):
            check_names(offered, [f"{slip}:=1"])


def test_an_arm_may_bring_a_station_of_its_own(tmp_path):
    (tmp_path / "urdf").symlink_to(SHARE_DIR / "urdf")
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "station_ur10e.yaml").touch()
    assert station_path(CellArguments(), tmp_path).name == "station.yaml"
    assert station_path(CellArguments(robot="ur10e"), tmp_path).name == "station_ur10e.yaml"
    mine = tmp_path / "mine.yaml"
    mine.touch()
    assert station_path(CellArguments(robot="ur10e", station=str(mine)), tmp_path) == mine


def test_a_parameter_file_is_laid_over_the_shipped_one(tmp_path):
    mine = tmp_path / "mine.yaml"
    mine.write_text("cell: {ros__parameters: {speed_scale: 0.33}}\n", encoding="utf-8")
    values = plan(tmp_path, params_file=str(mine)).values["cell"]
    assert values["speed_scale"] == 0.33
    assert values["acceleration_scale"] == 0.5


def test_a_parameter_file_reaches_the_lifecycle_manager_too(tmp_path):
    mine = tmp_path / "mine.yaml"
    mine.write_text("lifecycle_manager: {ros__parameters: {bringup_timeout_s: 300.0}}\n", encoding="utf-8")
    made = plan(tmp_path, params_file=str(mine))
    assert "lifecycle_manager" not in made.values
    written = load_yaml(made.params_file)["/**/lifecycle_manager"]["ros__parameters"]
    assert written == {"bringup_timeout_s": 300.0}


def test_what_a_run_writes_lies_in_its_folder(tmp_path):
    made = plan(tmp_path)
    out = tmp_path / "out"
    assert made.params_file == out / "params.yaml"
    assert made.values["governor"]["audit_file"] == str(out / "audit.jsonl")
    assert made.values["cell"]["ledger_file"] == str(out / "ledger.journal")
    assert made.values["console"]["token_file"] == str(out / "token")
    assert made.values["gateway"]["tags_file"] == str(SHARE_DIR / "config" / "tags.yaml")


def test_a_scenario_is_found_by_name_and_by_path(tmp_path):
    mine = tmp_path / "mine.yaml"
    mine.write_text("", encoding="utf-8")
    assert scenario_path("calm", SHARE_DIR).parent == SHARE_DIR / "config" / "scenarios"
    assert scenario_path(str(mine), SHARE_DIR) == mine
    with pytest.raises(ConfigError, match="vacuum_leak"):
        scenario_path("leak", SHARE_DIR)


def test_field_servers_get_ports_that_differ(tmp_path):
    plant = plan(tmp_path, transport="network").values["plant"]
    ports = [plant[name] for name in ("mqtt_port", "opcua_port", "modbus_port")]
    assert all(ports)
    gateway = plan(tmp_path, transport="network", mqtt_port="18883").values["gateway"]
    assert gateway["mqtt_port"] == 18883
