"""What cannot be used is one line with file, key and remedy, exit code 2, and nothing half-started."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from workcell_console.main import main
from workcell_console.shift import SHARE_DIR
from workcell_control.governance.audit import AuditLog

pytestmark = pytest.mark.embedded("a command chooses the embedded runtime for its whole process")

CONFIG = SHARE_DIR / "config"
WORKCELL = (sys.executable, "-m", "workcell_console.main")


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """An empty working directory."""
    place = tmp_path / "work"
    place.mkdir()
    monkeypatch.chdir(place)
    return place


STARTERS = (
    "workcell_console.commands.run.run_shift",
    "workcell_console.commands.run._start_comparison",
    "workcell_console.commands.record.run_shift",
    "workcell_console.commands.compare._run_all",
    "workcell_ros.launching.LaunchRun",
)


@pytest.fixture
def refused(capsys, folder, monkeypatch):
    """Runs a command that must fail before anything is started, and returns its one line of error."""

    def started(*_args, **_kwargs):
        raise AssertionError("the cell was started")

    for name in STARTERS:
        monkeypatch.setattr(name, started)

    def run(*argv):
        before = sorted(folder.rglob("*"))
        code = main([str(word) for word in argv])
        said = capsys.readouterr()
        return one_error(code, said.out, said.err, folder, before)

    return run


def one_error(code, out, err, folder, before):
    assert code == 2
    assert out == ""
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert err.endswith("\n")
    assert sorted(folder.rglob("*")) == before, "something was left behind"
    return err.removeprefix("error: ").rstrip("\n")


def changed_config(name, change):
    """Copies a shipped configuration file, changed, into the working directory."""
    text = (CONFIG / name).read_text(encoding="utf-8")
    path = Path(f"my_{name}")
    path.write_text(change(text), encoding="utf-8")
    assert path.read_text(encoding="utf-8") != text, "the change did not take"
    return path


def params(node, **values):
    """Writes a parameter file for one node."""
    path = Path("params.yaml")
    path.write_text(yaml.safe_dump({node: {"ros__parameters": values}}), encoding="utf-8")
    return path


# Arguments


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        ([], "COMMAND"),
        (["fly"], "choose from 'run'"),
        (["run", "--duration", "x"], "--duration: invalid float value: 'x'; see workcell run --help"),
        (["run", "--duration", "nan"], "--duration: is nan; valid: 1..604800"),
        (["run", "--speed", "0"], "--speed: is 0; valid: 0.01..1000"),
        (["run", "--port", "70000"], "--port: is 70000; valid: 0..65535"),
        (["run", "--seed", "-1"], "--seed: is -1; valid: 0..1e+09"),
        (["run", "--seed", "9" * 20], "--seed: is 1e+20; valid: 0..1e+09"),
        (["record", "--seed", "-1"], "--seed: is -1; valid: 0..1e+09"),
        (["run", "--clock", "wall"], "choose from 'paced', 'virtual'"),
        (["compare", "--seeds", "one"], "--seeds: is 'one'; valid:"),
        (["compare", "--jobs", "0"], "--jobs: is 0; valid: 1..256"),
        (["record", "--duration", "0"], "--duration: is 0; valid:"),
        (["launch", "nope.launch.py"], "'nope.launch.py' is no launch file; valid: a path, arm.launch.py"),
        (["launch", "cell.launch.py", "seed=3"], "seed=3: is no launch argument; valid: name:=value"),
        (["launch", "cell.launch.py", "seeed:=3"], "seeed: unknown key; did you mean seed?"),
        (["launch", "cell.launch.py", "seed:=x"], "seed: is 'x'; valid: a whole number"),
        (["launch", "cell.launch.py", "sim:=gazbo"], "sim: is 'gazbo'; valid: embedded, gazebo, mock, real"),
        (["launch", "cell.launch.py", "robot:=ur4"], "robot: 'ur4' is neither an arm nor a file; valid: ur10e, ur16e"),
    ],
)
def test_arguments_that_cannot_be_used(refused, argv, said):
    assert said in refused(*argv)


@pytest.mark.parametrize("command", ["run", "compare", "record"])
def test_an_unknown_scenario(refused, command):
    said = refused(command, "--scenario", "leak")
    assert "scenario: 'leak' is neither a scenario nor a file" in said
    assert "vacuum_leak" in said


def test_an_out_folder_in_use(refused, folder):
    (folder / "mine").mkdir()
    (folder / "mine" / "notes.txt").write_text("keep", encoding="utf-8")
    said = refused("run", "--port", "0", "--out", "mine")
    assert "--out: mine exists and is not empty; valid: a new or empty folder" in said


def test_an_out_folder_that_cannot_be_made(refused):
    Path("taken").write_text("a file", encoding="utf-8")
    said = refused("launch", "cell.launch.py", "out_dir:=taken/out")
    assert "taken' is no folder; valid: a folder that can be made and written" in said


def test_golden_references_in_a_file(refused):
    Path("taken").write_text("a file", encoding="utf-8")
    assert "golden_dir: 'taken' is no folder; valid: an existing folder" in refused("run", "--golden", "taken")


# Configuration files


def test_a_wrong_key_in_a_parameter_file(refused):
    said = refused("run", "--params", params("cell", sped_scale=0.5))
    assert "params.yaml: cell.sped_scale: unknown key; did you mean speed_scale?" in said


def test_a_wrong_node_in_a_parameter_file(refused):
    assert "params.yaml: cel: unknown key; did you mean cell?" in refused("run", "--params", params("cel", x=1))


def test_a_value_out_of_range_in_a_parameter_file(refused):
    said = refused("run", "--params", params("cell", speed_scale=3.0))
    assert "params.yaml: cell.speed_scale: 3.0 is outside 0.1..1.0; valid:" in said


def test_a_parameter_file_that_is_no_yaml(refused):
    Path("params.yaml").write_text("cell: [1, 2\n", encoding="utf-8")
    assert "params.yaml: line 2: is not YAML" in refused("run", "--params", "params.yaml")


def test_a_wrong_key_in_the_governance(refused):
    path = changed_config("governance.yaml", lambda text: text.replace("max_step:", "max_stp:", 1))
    said = refused("run", "--params", params("governor", governance_file=str(path)))
    assert f"{path}: nodes.cell.speed_scale.max_stp: unknown key; did you mean max_step?" in said


def test_a_governed_parameter_that_nobody_has(refused):
    path = changed_config("governance.yaml", lambda text: text.replace("settle_s:", "setle_s:", 1))
    said = refused("run", "--params", params("governor", governance_file=str(path)))
    assert f"{path}: nodes.cell.setle_s: unknown key; did you mean settle_s?" in said


def test_a_governed_threshold_of_an_unknown_tag(refused):
    path = changed_config("governance.yaml", lambda text: text.replace("gripper.vacuum.", "griper.vacuum.", 1))
    said = refused("run", "--params", params("governor", governance_file=str(path)))
    assert "did you mean thresholds.gripper.vacuum.low_warn?" in said


def test_a_wrong_key_in_the_tag_table(refused):
    path = changed_config("tags.yaml", lambda text: text.replace("address:", "adress:", 1))
    said = refused("run", "--params", params("gateway", tags_file=str(path)))
    assert str(path) in said
    assert "adress: unknown key; did you mean address?" in said


def test_an_unknown_tag_in_the_thresholds(refused):
    path = changed_config("thresholds.yaml", lambda text: text.replace("gripper/vacuum", "gripper/vacum", 1))
    said = refused("run", "--params", params("monitor", thresholds_file=str(path)))
    assert str(path) in said
    assert "'gripper/vacum' is no tag; valid:" in said


def test_a_required_tag_that_is_unknown(refused):
    said = refused("run", "--params", params("cell", required_tags=["gripper/vacum"]))
    assert "params.yaml: cell.required_tags.gripper/vacum: unknown key; did you mean gripper/vacuum?" in said


def test_a_wrong_key_in_a_scenario(refused):
    Path("mine.yaml").write_text(
        "description: d\nduration_s: 60\nevents:\n- {kind: vacuum_leak, att_s: 1, magnitude: 0.5}\n", encoding="utf-8"
    )
    said = refused("run", "--scenario", "mine.yaml")
    assert "mine.yaml: events[0].att_s: unknown key; did you mean at_s?" in said


def test_a_wrong_key_in_the_verdict_rules(refused):
    path = changed_config("verdict.yaml", lambda text: text.replace("{rework_area_px", "{rework_area", 1))
    said = refused("run", "--params", params("inspection", verdict_file=str(path)))
    assert str(path) in said
    assert "rework_area" in said


# Robot description


@pytest.mark.parametrize("node", ["cell", "world"])
def test_a_malformed_xacro(refused, node):
    Path("arm.xacro").write_text("<robot name='a'>\n  <link name='b'>\n</robot>\n", encoding="utf-8")
    said = refused("run", "--params", params(node, description_file="arm.xacro"))
    assert "arm.xacro: " in said
    assert "3" in said
    assert "valid: " in said


def test_an_unknown_macro_in_a_xacro(refused):
    text = '<robot name="a" xmlns:xacro="http://ros.org/wiki/xacro">\n  <xacro:gripper/>\n</robot>\n'
    Path("arm.xacro").write_text(text, encoding="utf-8")
    assert "gripper" in refused("run", "--params", params("cell", description_file="arm.xacro"))


# Ports


def held_port():
    holder = socket.socket()
    holder.bind(("127.0.0.1", 0))
    holder.listen()
    return holder, holder.getsockname()[1]


def test_a_busy_page_port(refused):
    holder, port = held_port()
    with holder:
        said = refused("run", "--port", port)
    assert f"web page: cannot listen on 127.0.0.1:{port} (Address already in use); free the port" in said


@pytest.mark.parametrize("name", ["mqtt_port", "opcua_port", "modbus_port"])
def test_a_busy_field_port(refused, name):
    holder, port = held_port()
    with holder:
        said = refused("launch", "cell.launch.py", "port:=0", f"{name}:={port}")
    assert f"{name}: cannot listen on 127.0.0.1:{port}" in said
    assert "0 picks a free one" in said


# Real boards and traces


def board_folder(source):
    """A folder of one pair of files of the shape of a real board."""
    import cv2
    import numpy as np

    source.mkdir()
    picture = np.full((640, 640), 90, np.uint8)
    for kind in ("temp", "test"):
        cv2.imwrite(str(source / f"0001_{kind}.jpg"), picture)
    (source / "0001.txt").write_text("10 10 40 40 1\n", encoding="utf-8")
    return source


def test_a_missing_image_folder(refused):
    assert "boards_dir: 'nowhere' is no folder; valid: an existing folder" in refused("run", "--boards", "nowhere")


def test_an_image_folder_without_boards(refused, folder):
    (folder / "empty").mkdir()
    assert "holds no *_temp.jpg; valid: a folder of <id>_temp.jpg" in refused("run", "--boards", "empty")


@pytest.mark.parametrize(
    ("line", "problem"), [("10 10 40 40", "is no label"), ("10 10 40 40 9", "is out of range"), ("x", "is no label")]
)
def test_a_bad_label(refused, folder, line, problem):
    boards = board_folder(folder / "boards")
    (boards / "0001.txt").write_text(f"10 10 40 40 1\n{line}\n", encoding="utf-8")
    said = refused("run", "--boards", "boards")
    assert f"0001.txt: line 2: '{line}' {problem}; valid: " in said


@pytest.mark.parametrize("kind", ["temp", "test"])
def test_a_damaged_image(refused, folder, kind):
    boards = board_folder(folder / "boards")
    (boards / f"0001_{kind}.jpg").write_bytes(b"not a picture")
    assert f"0001_{kind}.jpg: image: cannot be decoded; valid: " in refused("run", "--boards", "boards")


def test_a_missing_part_image(refused, folder):
    (board_folder(folder / "boards") / "0001_test.jpg").unlink()
    assert "0001_test.jpg: boards: is missing beside 0001_temp.jpg" in refused("run", "--boards", "boards")


def test_a_bad_trace(refused):
    Path("trace.csv").write_text("Timestamp;Current_J0\n2022-10-26T08:17:21.847Z;0,5\nyesterday;1\n", encoding="utf-8")
    said = refused("run", "--trace", "trace.csv")
    assert "trace.csv: line 3, column Timestamp: is 'yesterday'; valid: " in said


# Bags and audit logs


def test_a_bag_that_is_not_there(refused):
    assert "nobag: does not exist; name a bag's directory" in refused("replay", "nobag")


def test_a_corrupt_bag(refused, folder):
    (folder / "cut.mcap").write_bytes(b"\x89MCAP0\r\n\x01\xff")
    said = refused("replay", "cut.mcap")
    assert "cut.mcap: damaged at byte 8: " in said
    assert "mcap recover" in said


def test_an_altered_audit_log(refused, folder):
    log = AuditLog(folder / "audit.jsonl")
    for value in (0.5, 0.6):
        log.append(1, {"outcome": "applied", "node": "cell", "parameters": {"speed_scale": value}})
    log.close()
    path = folder / "audit.jsonl"
    path.write_text(path.read_text(encoding="utf-8").replace("0.5", "0.9"), encoding="utf-8")
    for verb in ("verify", "show"):
        said = refused("audit", verb, "audit.jsonl")
        assert "audit.jsonl: line 1: hash does not match" in said


@pytest.mark.parametrize("argv", [["audit", "verify"], ["nodes"], ["topics"], ["echo", "readings"]])
def test_no_run_to_look_at(refused, argv):
    assert "no run here yet; start one with `workcell run`" in refused(*argv)


# The program itself


@pytest.mark.parametrize("argv", [["run", "--scenario", "leak"], ["launch", "cell.launch.py", "seeed:=3"]])
def test_the_program_says_it_the_same_way(folder, argv):
    done = subprocess.run([*WORKCELL, *argv], cwd=folder, capture_output=True, text=True, check=False, timeout=120)
    one_error(done.returncode, done.stdout, done.stderr, folder, [])


def test_a_busy_port_is_left_to_its_holder_and_none_other_is_held(folder):
    holder, port = held_port()
    with holder:
        command = [*WORKCELL, "run", "--port", str(port), "--duration", "5"]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=120)
    one_error(done.returncode, done.stdout, done.stderr, folder, [])
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", port))


def test_the_shipped_files_pass():
    from workcell_console.cell_check import check_arguments

    for scenario in sorted(path.stem for path in (CONFIG / "scenarios").glob("*.yaml")):
        check_arguments({"scenario": scenario, "port": "0"}, SHARE_DIR)
