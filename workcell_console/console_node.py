"""The console node: follows the whole cell for the page, the terminal and the report."""

from __future__ import annotations

import os
import queue
import secrets
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from std_srvs.srv import Trigger

from workcell_console import listen_node
from workcell_console.look_node import Look
from workcell_console.page.json_text import to_json
from workcell_console.page.server import PageServer
from workcell_console.record import ShiftRecord
from workcell_console.scene_node import SceneFeed
from workcell_control.policy.policy import FOLLOWED
from workcell_ros.lifecycle import WorkcellNode, run_node
from workcell_ros.remote_values import RemoteValues
from workcell_ros.schema import param

REQUESTS_MAX = 64
LOOPBACK = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True)
class ConsoleParameters:
    """Parameters of the console node."""

    serve: bool = param(True, "Whether to serve the web page", read_only=True)
    host: str = param("127.0.0.1", "Address the page listens on", read_only=True)
    port: int = param(8642, "Port of the page; 0 picks a free one", low=0, high=65535, read_only=True)
    allowed_hosts: list[str] = param([], "Further host names the page may be asked for under", read_only=True)
    token_file: str = param("out/token", "The run's token, made if the file is not there", read_only=True)
    url_file: str = param("out/url", "Where the page's address is written", read_only=True)
    results_file: str = param("out/results.json", "What the report is made of", read_only=True)
    questions_dir: str = param("out/questions", "Where the inspection keeps unsure parts", read_only=True)
    live_file: str = param("", "Newest summary for the terminal; empty for none", read_only=True)
    refresh_period_s: float = param(
        0.5, "How often page and summary are brought up to date", unit="s", low=0.05, high=3600.0, read_only=True
    )
    camera: bool = param(True, "Whether to follow the annotated camera image", read_only=True)


class ConsoleNode(WorkcellNode[ConsoleParameters]):
    """Keeps the shift's record, serves the page and passes a person's answers on."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__("console", ConsoleParameters, **kwargs)
        self._server: PageServer | None = None
        self._held: list[Any] = []

    def configure(self) -> None:
        """Binds the page's port; a busy one fails here, before anything moves."""
        self.record = ShiftRecord(self.now_ns())
        self._picture = b"{}"
        self._jpeg = b""
        self._requests: queue.Queue[Callable[[], None]] = queue.Queue(REQUESTS_MAX)
        self._asked: deque[Any] = deque()
        self._wake = self.create_guard_condition(self._serve_requests)
        self._look = Look(self)
        self._scene = SceneFeed(self)
        if self.values.serve:
            self._server = self._make_server()

    def activate(self) -> None:
        """Opens the inputs and begins to serve."""
        self._remote = RemoteValues(self, FOLLOWED, listen_node.timed(self, self.record, self.record.note_parameter))
        self._held = listen_node.subscribe(self, self.record, self._note_jpeg, self.values.camera)
        self._timer = self.create_timer(self.values.refresh_period_s, self._refresh)
        if self._server is not None:
            self._scene.subscribe()
            self._server.start()

    def deactivate(self) -> None:
        """Stops serving, closes the inputs and writes the results."""
        self._write_results()
        self.destroy_timer(self._timer)
        self._remote.destroy()
        self._scene.destroy()
        for subscription in self._held:
            self.destroy_subscription(subscription)

    def cleanup(self) -> None:
        """Frees the port."""
        if self._server is not None:
            self._server.stop()
            self._server = None
        self.destroy_guard_condition(self._wake)

    def picture(self) -> bytes:
        """Returns the newest state as JSON; any thread."""
        return self._picture

    def camera_jpeg(self) -> bytes:
        """Returns the newest annotated image; any thread."""
        return self._jpeg

    def answer(self, stamp_ns: int, approve: bool) -> Future[tuple[bool, str]]:
        """Passes a person's answer to the governor; any thread."""
        future: Future[tuple[bool, str]] = Future()
        name = f"governor/pending/p{stamp_ns}/{'approve' if approve else 'reject'}"
        self._hand_over(partial(self._answer, name, "this proposal no longer waits", future), future)
        return future

    def answer_question(self, stamp_ns: int, answer: str) -> Future[tuple[bool, str]]:
        """Passes on what a person says of a part that inspection was unsure about; any thread."""
        future: Future[tuple[bool, str]] = Future()
        name = f"inspection/questions/q{stamp_ns}/{answer}"
        self._hand_over(partial(self._answer, name, "this question no longer waits", future), future)
        return future

    def move_policy(self, verb: str) -> Future[tuple[bool, str]]:
        """Passes on that a person promotes, demotes or rolls back the policy; any thread."""
        from workcell_console.page.trust import SERVICES

        future: Future[tuple[bool, str]] = Future()
        self._hand_over(partial(self._answer, SERVICES[verb], f"no node offers {SERVICES[verb]}", future), future)
        return future

    def look(self, what: str, name: str) -> Future[Any]:
        """Looks inside the graph; any thread."""
        future: Future[Any] = Future()
        self._hand_over(partial(self._look.look, what, name, future), future)
        return future

    def _make_server(self) -> PageServer:
        # Late: a shift without a page needs no web framework.
        from workcell_console.page.app import LOOPBACK_HOSTS, make_app
        from workcell_console.page.questions import question_routes
        from workcell_console.page.scene import scene_routes
        from workcell_console.page.trust import trust_routes
        from workcell_perception.questions import QuestionStore

        values = self.values
        token = _read_or_make_token(Path(values.token_file))
        own_hosts = [] if values.host in LOOPBACK else [values.host]
        more = question_routes(QuestionStore(values.questions_dir), self.answer_question, token)
        more += trust_routes(self.move_policy, token)
        more += scene_routes(self._scene.scene, self._scene.joints)
        app = make_app(self, token, [*LOOPBACK_HOSTS, *own_hosts, *values.allowed_hosts], more)
        server = PageServer(app, values.host, values.port)
        host = f"[{values.host}]" if ":" in values.host else values.host
        address = f"http://{host}:{server.port}/#token={token}"
        _write_private(Path(values.url_file), address)
        # The address with its token stays out of the log: logs are recorded and passed on.
        self.get_logger().info(f"page on http://{host}:{server.port}/, its full address is in {values.url_file}")
        return server

    def _hand_over(self, request: Callable[[], None], future: Future[Any]) -> None:
        try:
            self._requests.put_nowait(request)
        except queue.Full:
            future.set_exception(ValueError("too many requests at once; try again"))
            return
        self._wake.trigger()

    def _serve_requests(self) -> None:
        while True:
            try:
                request = self._requests.get_nowait()
            except queue.Empty:
                return
            request()

    def _answer(self, name: str, gone: str, answer: Future[tuple[bool, str]]) -> None:
        if not answer.set_running_or_notify_cancel():
            # Whoever asked has given up; nothing may take effect after they were told so.
            return
        client = self.create_client(Trigger, name)
        if not client.service_is_ready():
            self.destroy_client(client)
            answer.set_result((False, gone))
            return
        if len(self._asked) == REQUESTS_MAX:
            # Whoever has not answered by now has died or stands still.
            self.destroy_client(self._asked.popleft())
        self._asked.append(client)
        client.call_async(Trigger.Request()).add_done_callback(partial(self._on_answered, client, answer))

    def _on_answered(self, client: Any, answer: Future[tuple[bool, str]], done: Any) -> None:
        self._asked.remove(client)
        self.destroy_client(client)
        response = done.result()
        answer.set_result((bool(response.success), str(response.message)))

    def _note_jpeg(self, stamp_ns: int, jpeg: bytes) -> None:
        self._jpeg = jpeg
        self.record.camera_ns = stamp_ns

    def _refresh(self) -> None:
        now_ns = self.now_ns()
        self.activity.note(now_ns)
        self.record.note_time(now_ns)
        self.record.look_for_silence()
        self._serve_requests()
        if self.values.live_file:
            with self.disk.without("the summary for the terminal"):
                _replace(Path(self.values.live_file), to_json(self.record.live()))
        if self._server is not None:
            self._picture = to_json(self.record.picture())

    def _write_results(self) -> None:
        self.record.note_time(self.now_ns())
        _replace(Path(self.values.results_file), to_json(self.record.results()))


def _read_or_make_token(path: Path) -> str:
    if path.exists() and (token := path.read_text(encoding="utf-8").strip()):
        return token
    token = secrets.token_urlsafe(16)
    _write_private(path, token)
    return token


def _write_private(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)


def _replace(path: Path, data: bytes) -> None:
    """Writes a file so that a reader sees the old one or the new one, never half."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(path.suffix + ".part")
    part.write_bytes(data)
    part.replace(path)


def main(args: list[str] | None = None) -> None:
    """Runs the console."""
    run_node(ConsoleNode, args)
