"""The page's server: where it listens, and what it says where it cannot."""

import socket
import urllib.request

import pytest

from workcell_console.cell_arguments import CellArguments
from workcell_console.page.server import PageServer, free_port
from workcell_ros.errors import PortError

OTHER_LOOPBACK = "127.0.0.2"
"""Another address of this machine: a server on every address would answer here, one on 127.0.0.1 does not."""


async def hello(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"hello"})


def serve(host):
    server = PageServer(hello, host, 0)
    server.start()
    return server


def answer(host, port):
    with urllib.request.urlopen(f"http://{host}:{port}/", timeout=5) as response:
        return response.read()


def test_it_listens_on_loopback_alone():
    server = serve(CellArguments().host)
    try:
        assert answer("127.0.0.1", server.port) == b"hello"
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((OTHER_LOOPBACK, server.port), timeout=5)
    finally:
        server.stop()


def test_it_listens_elsewhere_when_told():
    server = serve("0.0.0.0")
    try:
        assert answer(OTHER_LOOPBACK, server.port) == b"hello"
    finally:
        server.stop()


def test_a_stopped_server_frees_its_port():
    server = serve("127.0.0.1")
    answer("127.0.0.1", server.port)
    server.stop()
    assert free_port("web page", "127.0.0.1", server.port) == server.port


def test_a_server_that_never_started_frees_its_port():
    server = PageServer(hello, "127.0.0.1", 0)
    server.stop()
    assert free_port("web page", "127.0.0.1", server.port) == server.port


def test_a_taken_port_is_named_with_its_remedy():
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        with pytest.raises(PortError, match=rf"web page: cannot listen on 127\.0\.0\.1:{port} .*0 picks a free one"):
            PageServer(hello, "127.0.0.1", port)


def test_a_host_that_is_not_ours_is_named():
    with pytest.raises(PortError, match=r"192\.0\.2\.1"):
        free_port("web page", "192.0.2.1", 0)
