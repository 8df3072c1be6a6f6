"""`workcell tags`: what is wrong is told all at once, what a device offers can be pasted, what it says is shown."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from workcell_console.main import main
from workcell_console.tag_proposals import proposal_lines
from workcell_console.tag_watch import Board, readings_of
from workcell_sensors.reading import NS_PER_S, Quality, Reading
from workcell_sensors.sources.discovery import ProposedTag
from workcell_sensors.tags import load_tags, parse_tags
from workcell_sim.plant.servers.registry import make_server
from workcell_sim.plant.servers.server import FieldServer, Update

CONFIG = Path(__file__).parents[2] / "config" / "tags.yaml"
TABLE = load_tags(CONFIG)


@pytest.fixture(scope="module", params=["opcua"])
def server(request: pytest.FixtureRequest) -> Iterator[FieldServer]:
    field = make_server(TABLE.sources[request.param], TABLE.of_source(request.param)[:3], "127.0.0.1")
    field.start()
    field.write(Update(tuple(tag.address for tag in field.tags), (7.0, 8.0, 9.0), 1_700_000_000 * NS_PER_S))
    yield field
    field.stop()


def write(folder: Path, text: str) -> Path:
    file = folder / "tags.yaml"
    file.write_text(text, encoding="utf-8")
    return file


def test_check_passes_the_shipped_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tags", "check", str(CONFIG)]) == 0
    told = capsys.readouterr().out
    assert f"{len(TABLE)} tags of {len(TABLE.sources)} sources" in told


def test_check_lists_everything_that_is_wrong_and_what_would_be_valid(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write(
        tmp_path,
        """
sources: {plc: {protocol: modbus, credentials: press}}
tags:
  - {tag: a, source: plc, address: "inputs:0:int16", unit: V, si: V}
  - {tag: b, source: plk, address: "coil:0", unit: bool, si: bool}
  - {tag: c, source: plc, address: "coil:1", unit: bool, si: bool, stale: 3}
  - {tag: d, source: plc, address: "coil:2", unit: bool, si: bool, states: {ON: yes}}
  - {tag: e, source: plc, address: "coil:3", unit: bool, si: bool}
  - {tag: e, source: plc, address: "coil:4", unit: bool, si: bool}
""",
    )
    assert main(["tags", "check", str(file)]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 5
    for line, key, valid in zip(
        lines,
        ("tags.a.address", "tags.b.source", "tags.c.stale", "tags.d.states.ON", "tags.e"),
        ("coil, discrete", "plc", "stale_after_s", "a number", "every tag once"),
        strict=True,
    ):
        assert str(file) in line
        assert key in line
        assert valid in line.partition("valid: ")[2]


def test_check_says_of_credentials_only_whether_they_are_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = write(
        tmp_path,
        "sources: {plc: {protocol: modbus, credentials: press}}\n"
        "tags: [{tag: a, source: plc, address: 'coil:0', unit: bool, si: bool}]",
    )
    assert main(["tags", "check", str(file)]) == 0
    assert "not to be found here" in capsys.readouterr().out
    monkeypatch.setenv("WORKCELL_PRESS_PASSWORD", "hunter2")
    assert main(["tags", "check", str(file)]) == 0
    told = capsys.readouterr()
    assert "credentials press: found" in told.out
    assert "hunter2" not in told.out + told.err


def test_discover_prints_rows_that_load(server: FieldServer, capsys: pytest.CaptureFixture[str]) -> None:
    address = f"{server.row.protocol}://{server.host}:{server.port}"
    assert main(["tags", "discover", address]) == 0
    printed = capsys.readouterr().out
    rows = yaml.safe_load(printed)
    table = parse_tags("pasted", {"sources": {"device": {"protocol": server.row.protocol}}, **rows})
    # A device may give its own form of an address, but each tag is there once.
    assert len(table) == len({row.address for row in table.rows}) >= len(server.tags)


def test_discover_says_what_it_cannot_reach(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = write(tmp_path, "sources: {press: {protocol: opcua, port: 1}}\ntags: []\n")
    assert main(["tags", "discover", "press", "--file", str(file)]) == 2
    assert "press: 127.0.0.1:1" in capsys.readouterr().err
    assert main(["tags", "discover", "pres", "--file", str(file)]) == 2
    assert "valid: press, PROTOCOL://HOST" in capsys.readouterr().err
    assert main(["tags", "discover", "profibus://127.0.0.1", "--file", str(file)]) == 2
    assert "opcua" in capsys.readouterr().err


def test_watch_shows_live_values_without_a_cell(
    server: FieldServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    row = server.row
    tags = "\n".join(
        f"  - {{tag: {tag.tag}, source: {row.name}, address: '{tag.address}', unit: {tag.unit}, si: {tag.si}}}"
        for tag in server.tags
    )
    options = f"{{protocol: {row.protocol}, port: {server.port}}}"
    file = write(tmp_path, f"sources: {{{row.name}: {options}}}\ntags:\n{tags}\n")
    assert main(["tags", "watch", "--direct", "--seconds", "1.5", "--file", str(file)]) == 0
    told = capsys.readouterr().out
    assert "connected" in told
    for tag, value in zip(server.tags, ("7", "8", "9"), strict=True):
        (line,) = [line for line in told.splitlines() if tag.tag in line]
        assert value in line.split()


def test_a_board_shows_age_quality_and_what_never_came() -> None:
    from rich.console import Console

    board = Board(TABLE)
    board.take([Reading("gripper/vacuum", 55e3, "Pa", Quality.STALE, NS_PER_S, NS_PER_S)])
    console = Console(width=120)
    with console.capture() as capture:
        console.print(board.render(["gripper/vacuum", "cell/power"], 3 * NS_PER_S, "x"))
    shown = capture.get()
    assert all(text in shown for text in ("55000", "STALE", "2.0", "nothing yet"))


def test_readings_come_out_of_the_page_s_form_of_the_message() -> None:
    message = {
        "header": {"stamp": {"sec": 5, "nanosec": 0}},
        "interface_groups": ["gripper/vacuum", "not/ours"],
        "interface_values": [
            {"interface_names": ["value", "quality", "age_s"], "values": [1.0, 1.0, 0.5]},
            {"interface_names": ["value", "quality", "age_s"], "values": [1.0, 1.0, 0.5]},
        ],
    }
    (reading,) = readings_of(message, TABLE)
    assert (reading.quality, reading.stamp_ns) == (Quality.UNCERTAIN, 4_500_000_000)


@given(
    st.lists(
        st.builds(
            ProposedTag,
            tag=st.text(min_size=1, max_size=20).filter(str.strip),
            address=st.integers(0, 65535).map(lambda n: f"coil:{n}"),
            unit=st.sampled_from(["degC", "bool", "1", "rpm", "furlong/foo", "EUR/kWh", "", "%%"]),
            kind=st.text(max_size=10),
            description=st.text(max_size=30),
            states=st.dictionaries(st.text(min_size=1, max_size=8), st.integers(0, 9).map(float), max_size=3),
            period_s=st.sampled_from([0.0, 0.1, math.inf]),
            value=st.text(max_size=20),
        ),
        max_size=8,
        unique_by=lambda proposal: proposal.address,
    )
)
def test_whatever_a_device_calls_its_tags_the_rows_can_be_pasted(proposals: list[ProposedTag]) -> None:
    text = "\n".join(proposal_lines("plc", proposals))
    rows = yaml.safe_load(text)["tags"] or []
    assert [row["address"] for row in rows] == [proposal.address for proposal in proposals]
    if rows:
        table = parse_tags("pasted", {"sources": {"plc": {"protocol": "modbus"}}, "tags": rows})
        assert [row.description for row in table.rows] == [proposal.description for proposal in proposals]
        assert [dict(row.states) for row in table.rows] == [dict(proposal.states) for proposal in proposals]
