"""A person at the page: approves, rejects, is refused with a wrong token. Driven through a headless Chromium."""

from __future__ import annotations

import json
import os
import signal
import urllib.error
import urllib.request

import pytest

from workcell_control.governance.audit import read, verify

pytestmark = [
    pytest.mark.browser,
    pytest.mark.embedded("the stand-in cell runs on the embedded runtime's own clock"),
]


@pytest.fixture(scope="module")
def folder(serve):
    """The folder of a running small cell."""
    return serve("small_cell.py", "0")


@pytest.fixture(scope="module")
def page(browser, folder, until):
    """What a person sees and does on the page."""
    return Page(browser, folder, until)


class Page:
    """The page in the browser, in a person's words."""

    def __init__(self, browser, folder, until):
        self.browser = browser
        self.folder = folder
        self._until = until
        self.until(lambda: (folder / "url").is_file() and (folder / "url").read_text(encoding="utf-8"))
        self.url = (folder / "url").read_text(encoding="utf-8")

    def until(self, holds):
        """Waits for something to hold, and returns it."""
        return self._until(holds, self.folder / "log")

    def open(self, token=None):
        """Opens the page as new, with the run's token or another one."""
        self.browser.get("about:blank")
        self.browser.get(self.url if token is None else f"{self.url.partition('#')[0]}#token={token}")

    def all(self, selector):
        """All elements a CSS selector finds."""
        return self.browser.find_elements("css selector", selector)

    def text(self, selector):
        """Text of the first element a CSS selector finds."""
        return self.all(selector)[0].text

    def wait_for_question(self, words):
        """Waits until a question with these words is asked."""
        self.until(lambda: words in self.text("#pending .ask"))

    def press(self, verb):
        """Presses a button of the question."""
        self.until(lambda: self.all(f"#pending button.{verb}"))[0].click()


def state(page):
    with urllib.request.urlopen(f"{page.url.partition('#')[0]}api/state", timeout=10) as response:
        return json.load(response)


def grip(page):
    return state(page)["parameters"]["cell"]["grip_vacuum_pa"]


def outcomes(folder):
    return [(row["outcome"], row["actor"], row["parameters"]) for row in read(folder / "audit.jsonl")]


def test_a_person_approves_and_the_parameter_changes(page, folder):
    page.open()
    page.wait_for_question("grip vacuum 66 → 74 kPa")
    assert "vacuum 41.0 kPa holds 0.30 kg" in page.text("#pending .ask")
    assert grip(page) == 66e3
    page.press("approve")
    page.until(lambda: grip(page) == 74e3)
    page.until(lambda: "74 kPa" in page.text("#parameters"))
    page.until(lambda: "approved by a person" in page.text("#proposals li"))
    assert ("approved", "person", {"grip_vacuum_pa": 74e3}) in outcomes(folder)
    assert verify(folder / "audit.jsonl").outcomes["approved"] == 1


def test_a_person_rejects_and_nothing_changes(page, folder):
    page.wait_for_question("grip vacuum 74 → 78 kPa")
    page.press("reject")
    page.until(lambda: "rejected by a person" in page.text("#proposals li"))
    assert grip(page) == 74e3
    assert outcomes(folder)[-1] == ("rejected", "person", {"grip_vacuum_pa": 78e3})


@pytest.mark.parametrize(("token", "said"), [("wrong", "wrong token: you can look"), ("", "no token: you can look")])
def test_without_the_right_token_a_person_can_only_look(page, folder, token, said):
    page.open(token)
    page.until(lambda: page.text("#notice").startswith(said))
    page.wait_for_question("grip vacuum 74 → 76 kPa")
    page.press("approve")
    page.until(lambda: "not approved: wrong or missing token" in page.text("#notice"))
    assert grip(page) == 74e3
    assert outcomes(folder)[-1][0] == "pending"


def test_the_page_needs_nothing_from_elsewhere(page):
    page.open()
    page.until(lambda: page.text("#state") == "pick")
    origin = page.url.partition("#")[0]
    names = page.browser.execute_script("return performance.getEntriesByType('resource').map((entry) => entry.name)")
    assert f"{origin}static/page.js" in names
    assert [name for name in names if not name.startswith((origin, "data:", f"blob:{origin}"))] == []
    # The last test's refused presses are the only complaints a browser may have.
    log = page.browser.get_log("browser")
    assert [entry["message"] for entry in log if entry["level"] == "SEVERE" and "403" not in entry["message"]] == []


def test_a_cell_that_stands_still_is_not_shown_as_if_it_lived(page, folder):
    page.open()
    page.until(lambda: page.text("#state") == "pick")
    pid = int((folder / "pid").read_text(encoding="utf-8"))
    os.kill(pid, signal.SIGSTOP)
    try:
        page.until(lambda: page.text("#state") == "lost")
        assert page.text("#notice").startswith("no connection to the cell")
    finally:
        os.kill(pid, signal.SIGCONT)
    page.until(lambda: page.text("#state") == "pick")


def test_a_picture_that_never_changes_is_not_shown_as_if_it_did(page):
    page.open()
    page.until(lambda: page.text("#state") == "pick")
    # As from a server whose node hangs behind it.
    page.browser.execute_async_script(
        "const done = arguments[0];"
        "(async () => { const old = await (await fetch('/api/state')).text();"
        "window.fetch = async () => new Response(old); done(); })()"
    )
    page.until(lambda: page.text("#state") == "lost")
    assert page.text("#notice") == "the cell stands still: nothing here is new"


@pytest.mark.parametrize("width", [1280, 390])
def test_the_page_fits_its_window(page, width):
    metrics = {"width": width, "height": 844, "deviceScaleFactor": 1, "mobile": width < 500}
    page.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    page.open()
    page.wait_for_question("grip vacuum")
    assert page.browser.execute_script("return document.documentElement.scrollWidth") <= width
    button = page.all("#pending button.approve")[0]
    assert button.rect["y"] + button.rect["height"] < 844, "a question must be answerable without scrolling"


def test_a_foreign_host_name_is_refused(page):
    request = urllib.request.Request(f"{page.url.partition('#')[0]}api/state", headers={"Host": "evil.example"})
    with pytest.raises(urllib.error.HTTPError) as refusal:
        urllib.request.urlopen(request, timeout=10)
    assert refusal.value.code == 400


def test_only_the_owner_may_read_the_token(page, folder):
    for name in ("token", "url"):
        assert (folder / name).stat().st_mode & 0o077 == 0
    assert (folder / "token").read_text(encoding="utf-8") not in (folder / "log").read_text(encoding="utf-8")
