"""Faults that every simulated field server has, whatever it speaks."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from workcell_ros.errors import PortError
from workcell_sensors.tags import load_tags
from workcell_sim.plant.servers.registry import SERVERS, make_server
from workcell_sim.plant.servers.server import FieldServer, free_port

TABLE = load_tags(Path(__file__).parents[2] / "config" / "tags.yaml")


@pytest.fixture(scope="module", params=sorted(SERVERS))
def server(request: pytest.FixtureRequest) -> Iterator[FieldServer]:
    name = str(request.param)
    field = make_server(TABLE.sources[name], TABLE.of_source(name)[:2], "127.0.0.1")
    field.start()
    yield field
    if field.running:
        field.stop()


def until(condition: Callable[[], bool], what: str) -> None:
    tick = threading.Event()
    for _ in range(1000):
        if condition():
            return
        tick.wait(0.01)
    raise AssertionError(f"{what} did not come")


def test_a_busy_port_is_one_line_with_port_and_remedy(server: FieldServer) -> None:
    other = make_server(server.row, server.tags, server.host)
    with pytest.raises(PortError) as caught:
        other.start(server.port)
    assert str(server.port) in str(caught.value)
    assert "free the port or set another" in str(caught.value)
    assert not other.running
    assert other.start(free_port()) != server.port
    other.stop()


def test_an_outage_ends_by_itself_and_a_stop_ends_it_early(server: FieldServer) -> None:
    server.outage(0.05)
    until(lambda: not server.running, "the outage")
    until(lambda: server.running, "the end of the outage")
    server.outage(60.0)
    server.stop()
    assert not server.running
    server.restart()
