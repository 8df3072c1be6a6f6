"""The page's application: who may look, who may change, and what refusals say."""

import json
from concurrent.futures import Future

import pytest
from starlette.testclient import TestClient

from workcell_console.page.app import LOOPBACK_HOSTS, make_app

TOKEN = "correct-token"
HEADERS = {"X-Workcell-Token": TOKEN}


class FakeBackend:
    """Answers at once, and remembers what was asked."""

    def __init__(self):
        self.answers = []
        self.takes_effect = True
        self.jpeg = b""

    def picture(self):
        return json.dumps({"state": "pick"}).encode()

    def camera_jpeg(self):
        return self.jpeg

    def answer(self, stamp_ns, approve):
        self.answers.append((stamp_ns, approve))
        future = Future()
        future.set_result((self.takes_effect, "done" if self.takes_effect else "this proposal no longer waits"))
        return future

    def look(self, what, name):
        future = Future()
        if what == "nodes":
            future.set_result(["/cell"])
        else:
            future.set_exception(LookupError(f"{what}: nothing to look at"))
        return future


@pytest.fixture
def backend():
    return FakeBackend()


@pytest.fixture
def client(backend):
    return TestClient(make_app(backend, TOKEN, LOOPBACK_HOSTS), base_url="http://127.0.0.1:8642")


def test_the_page_and_its_parts_are_served(client):
    assert "workcell" in client.get("/").text
    assert client.get("/static/page.js").status_code == 200
    assert client.get("/api/state").json() == {"state": "pick"}


def test_approving_needs_the_token(client, backend):
    assert client.post("/api/proposals/5/approve").status_code == 403
    refused = client.post("/api/proposals/5/approve", headers={"X-Workcell-Token": "wrong"})
    assert refused.status_code == 403
    assert "token" in refused.json()["message"]
    assert backend.answers == []
    assert client.post("/api/proposals/1700000000123456789/approve", headers=HEADERS).json()["success"]
    assert backend.answers == [(1700000000123456789, True)]


def test_rejecting_is_passed_on_as_such(client, backend):
    client.post("/api/proposals/5/reject", headers=HEADERS)
    assert backend.answers == [(5, False)]


def test_an_answer_too_late_is_a_conflict(client, backend):
    backend.takes_effect = False
    response = client.post("/api/proposals/5/approve", headers=HEADERS)
    assert response.status_code == 409
    assert response.json()["message"] == "this proposal no longer waits"


def test_other_verbs_and_methods_are_refused(client, backend):
    assert client.post("/api/proposals/5/delete", headers=HEADERS).status_code == 404
    assert client.get("/api/proposals/5/approve", headers=HEADERS).status_code == 405
    assert client.post("/api/proposals/x/approve", headers=HEADERS).status_code == 404
    assert backend.answers == []


def test_a_foreign_host_name_is_refused(backend):
    client = TestClient(make_app(backend, TOKEN, LOOPBACK_HOSTS), base_url="http://evil.example")
    assert client.get("/api/state").status_code == 400


def test_the_token_can_be_checked(client):
    assert client.get("/api/token", headers=HEADERS).json() == {"valid": True}
    assert client.get("/api/token", headers={"X-Workcell-Token": "wrong"}).json() == {"valid": False}


def test_the_camera_is_empty_before_the_first_image(client, backend):
    assert client.get("/api/camera.jpg").status_code == 204
    backend.jpeg = b"\xff\xd8jpeg"
    assert client.get("/api/camera.jpg").content == b"\xff\xd8jpeg"


def test_a_look_inside_answers_or_says_what_is_wrong(client):
    assert client.get("/api/graph/nodes").json() == ["/cell"]
    assert client.get("/api/graph/colour").status_code == 404
