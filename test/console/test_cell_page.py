"""Asking a cell through its page: what listens there instead is said in one line."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator

import pytest

from workcell_console.commands.cell_page import CellPage, NothingYetError
from workcell_console.main import main
from workcell_ros.errors import WorkcellError

Serve = Callable[[bytes], str]


def http(status: str, body: bytes) -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Starts a server that says some bytes to whoever asks first, and returns its address."""
    threads: list[threading.Thread] = []
    listener = socket.create_server(("127.0.0.1", 0))

    def answer(said: bytes) -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(65536)
            connection.sendall(said)

    def start(said: bytes) -> str:
        threads.append(threading.Thread(target=answer, args=(said,)))
        threads[-1].start()
        return f"http://127.0.0.1:{listener.getsockname()[1]}/"

    yield start
    for thread in threads:
        thread.join()
    listener.close()


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (http("404 Not Found", b"<html>no such page</html>"), "answers HTTP 404, as no cell's page does"),
        (http("500 Oh", b'["message"]'), "answers HTTP 500, as no cell's page does"),
        (http("409 Conflict", b'{"message": "the policy is live already"}'), "the policy is live already"),
        (http("200 OK", b"<html>"), "the cell does not answer"),
        (b"220 mail.example ESMTP\r\n", "the cell does not answer"),
        (b"\x16\x03\x01\x00\xff" * 20 + b"\r\n", "the cell does not answer"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n[", "the cell does not answer"),
        (b"", "the cell does not answer"),
    ],
)
def test_what_is_no_cell_or_refuses_is_told_in_one_line(serve: Serve, said: bytes, told: str) -> None:
    with pytest.raises(WorkcellError, match=told) as caught:
        CellPage(serve(said)).ask("api/state")
    assert "\n" not in str(caught.value)


def test_nothing_to_tell_yet_is_no_failure(serve: Serve) -> None:
    with pytest.raises(NothingYetError, match="in time"):
        CellPage(serve(http("504 Late", b'{"message": "the cell gave no answer in time"}'))).ask("api/graph/echo")


def test_the_policy_of_a_cell_is_asked_by_the_address_of_its_page(serve: Serve, capsys: pytest.CaptureFixture) -> None:
    page = serve(http("200 OK", b'{"message": "the policy is asked for the next stage"}'))
    assert main(["policy", "promote", "--page", f"{page}#token=t"]) == 0
    assert capsys.readouterr().out == "the policy is asked for the next stage\n"


def test_a_negative_count_of_messages_is_refused(capsys: pytest.CaptureFixture) -> None:
    assert main(["echo", "readings", "-n", "-1"]) == 2
    assert capsys.readouterr().err == "error: command line: --count: is -1; valid: 0..1e+06\n"
