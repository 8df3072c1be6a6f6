"""Credentials: found by name in a file of one's own or the environment, and shown to nobody but the server."""

from __future__ import annotations

import copy
import json
import logging
import pickle
from pathlib import Path

import pytest

from workcell_ros.errors import ConfigError
from workcell_sensors.sources.assembly import SourceDefaults, make_spec
from workcell_sensors.sources.credentials import Credentials, Secret, load_credentials
from workcell_sensors.tags import SourceRow

TEXT = """
press:
  user: operator
  password: "hunter2"
  certificate: press.der
  private_key: press.pem
robot: {user: arm, password_file: robot.password}
"""


def write(folder: Path, text: str = TEXT, mode: int = 0o600) -> Path:
    file = folder / "credentials.yaml"
    file.write_text(text, encoding="utf-8")
    file.chmod(mode)
    for name, content in (("press.der", "c"), ("press.pem", "k"), ("robot.password", "s3cret\n")):
        (folder / name).write_text(content, encoding="utf-8")
    return file


def test_they_come_from_the_file_with_paths_beside_it(tmp_path: Path) -> None:
    file = write(tmp_path)
    press = load_credentials("press", file, {})
    assert (press.user, press.password.reveal()) == ("operator", "hunter2")
    assert (press.certificate, press.private_key) == (tmp_path / "press.der", tmp_path / "press.pem")
    assert press.trusted is None
    assert load_credentials("robot", file, {}).password.reveal() == "s3cret"


def test_the_environment_stands_in_for_the_file_and_above_it(tmp_path: Path) -> None:
    environ = {"WORKCELL_PRESS_PASSWORD": "other", "WORKCELL_LINE_1_USER": "line"}
    press = load_credentials("press", write(tmp_path), environ)
    assert (press.user, press.password.reveal()) == ("operator", "other")
    assert load_credentials("line-1", "", environ).user == "line"


def test_a_spec_holds_them_where_its_row_names_them(tmp_path: Path) -> None:
    file = write(tmp_path)
    row = SourceRow("plc", "modbus", credentials="robot")
    by_variable = make_spec(row, (), SourceDefaults(), {"WORKCELL_CREDENTIALS_FILE": str(file)})
    by_parameter = make_spec(row, (), SourceDefaults(credentials_file=str(file)), {})
    for spec in (by_variable, by_parameter):
        assert spec.credentials is not None
        assert spec.credentials.user == "arm"
        assert "s3cret" not in repr(spec)
    assert make_spec(SourceRow("plc", "modbus"), (), SourceDefaults(), {}).credentials is None


@pytest.mark.parametrize(
    ("text", "mode", "name", "told"),
    [
        (TEXT, 0o644, "press", "chmod 600"),
        (TEXT, 0o600, "presse", "WORKCELL_PRESSE_USER"),
        (TEXT.replace("user: operator", "usr: operator"), 0o600, "press", "did you mean user"),
        (TEXT.replace('"hunter2"', "12345"), 0o600, "press", "a text, quoted"),
        (TEXT.replace("press.pem", "gone.pem"), 0o600, "press", "gone.pem"),
        ("press: [1]", 0o600, "press", "a mapping of user, password"),
    ],
)
def test_an_error_names_the_place_and_never_the_secret(
    tmp_path: Path, text: str, mode: int, name: str, told: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        load_credentials(name, write(tmp_path, text, mode), {})
    assert told in str(caught.value)
    assert "hunter2" not in str(caught.value)
    assert "12345" not in str(caught.value)


def test_a_secret_shows_itself_to_no_one(caplog: pytest.LogCaptureFixture) -> None:
    secret = Secret("hunter2")
    credentials = Credentials("press", "operator", secret)
    logging.getLogger("x").warning("%s %r %s", secret, secret, credentials)
    shown = [str(secret), repr(secret), f"{secret:}", repr(credentials), caplog.text]
    assert not any("hunter2" in text for text in shown)
    assert secret != Secret("hunter2")
    for write_out in (pickle.dumps, copy.copy, json.dumps):
        with pytest.raises(TypeError):
            write_out(secret)
    assert not Secret("")
