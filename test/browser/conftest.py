"""A headless Chromium for the tests of pages, and programs that serve one."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

TIMEOUT_S = 60.0
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
CHROMEDRIVER = shutil.which("chromedriver")
FLAGS = (
    "--headless=new",
    "--no-sandbox",
    # WebGL is drawn in software.
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--window-size=1300,1000",
)


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A Chromium with a profile of its own, whose console can be read."""
    if CHROMIUM is None or CHROMEDRIVER is None:
        pytest.skip("no chromium with chromedriver is installed")
    webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is missing (pip install 'workcell[test]')")
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('profile')}"):
        options.add_argument(flag)
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(CHROMEDRIVER))
    yield driver
    driver.quit()


@pytest.fixture(scope="module")
def serve(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Path]]:
    """Starts a program of this folder in a folder of its own, which is returned; its words are in `log` there."""
    with ExitStack() as running:

        def start(script: str, *arguments: str) -> Path:
            place = tmp_path_factory.mktemp("served")
            running.enter_context(_running(place, script, arguments))
            return place

        yield start


@contextmanager
def _running(place: Path, script: str, arguments: tuple[str, ...]) -> Iterator[None]:
    command = [sys.executable, str(Path(__file__).with_name(script)), str(place), *arguments]
    with (place / "log").open("wb") as log, subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT) as process:
        (place / "pid").write_text(str(process.pid), encoding="utf-8")
        yield
        process.send_signal(signal.SIGINT)
        process.wait(TIMEOUT_S)


@pytest.fixture(scope="module")
def until(browser: Any) -> Callable[..., Any]:
    """Waits for something to hold, and returns it; a log's end is shown where it never does."""
    from selenium.common.exceptions import StaleElementReferenceException
    from selenium.webdriver.support.ui import WebDriverWait

    ignored = (StaleElementReferenceException, IndexError)
    wait = WebDriverWait(browser, TIMEOUT_S, poll_frequency=0.1, ignored_exceptions=ignored)

    def hold(holds: Callable[[], Any], log: Path | None = None) -> Any:
        said = log.read_text(encoding="utf-8")[-2000:] if log is not None else ""
        return wait.until(lambda _driver: holds(), message=said)

    return hold
