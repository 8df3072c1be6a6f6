"""How commands ask a running cell: through its console's page."""

from __future__ import annotations

import argparse
import http.client
import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from types import MappingProxyType
from typing import Any

from workcell_console.runs import latest_run
from workcell_ros.errors import WorkcellError

TIMEOUT_S = 15.0
WHERE = """
The cell is asked through its page: that of the latest run in this folder (out/latest), or the one that --run-dir or
--page names. A run in virtual time serves no page.
"""


class NothingYetError(WorkcellError):
    """The cell is there and has nothing to tell in time."""


@dataclass(frozen=True)
class CellPage:
    """Where a cell's page is, and what lets a person change something there."""

    address: str
    token: str = ""

    def ask(self, path: str, **query: str) -> Any:
        """Returns what the cell tells, as JSON says it.

        Raises:
            NothingYetError: it has nothing to tell in time.
            WorkcellError: no cell answers, or it says why it cannot.
        """
        return self._answer(f"{path}?{urllib.parse.urlencode(query)}", "GET")

    def order(self, path: str) -> Any:
        """Returns what the cell says to a change; raises as `ask`."""
        return self._answer(path, "POST", {"X-Workcell-Token": self.token})

    def _answer(self, path: str, method: str, headers: Mapping[str, str] = MappingProxyType({})) -> Any:
        try:
            request = urllib.request.Request(f"{self.address}{path}", method=method, headers=dict(headers))
            with urllib.request.urlopen(request, timeout=TIMEOUT_S) as response:
                return json.load(response)
        except urllib.error.HTTPError as error:
            kind = NothingYetError if error.code == HTTPStatus.GATEWAY_TIMEOUT else WorkcellError
            raise kind(self._reason(error)) from None
        except (OSError, http.client.HTTPException, ValueError) as error:
            why = " ".join(str(error).split()) or type(error).__name__
            raise WorkcellError(f"{self.address}: the cell does not answer ({why}); is it running?") from None

    def _reason(self, error: urllib.error.HTTPError) -> str:
        try:
            return str(json.load(error)["message"])
        except (OSError, http.client.HTTPException, ValueError, TypeError, LookupError):
            return f"{self.address}: answers HTTP {error.code}, as no cell's page does; name the address it printed"


def add_where(parser: argparse.ArgumentParser) -> None:
    """Lets a command say which cell is meant; `page_of` finds it."""
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--run-dir", type=Path, help="folder of the cell's run; default: out/latest")
    where.add_argument("--page", metavar="URL", default="", help="address of a running cell's page, as it was printed")


def page_of(options: argparse.Namespace) -> CellPage:
    """Returns the page of the cell that the options of `add_where` name.

    Raises:
        WorkcellError: the run serves none.
    """
    text: str = options.page
    if not text:
        folder = options.run_dir if options.run_dir is not None else latest_run()
        file = folder / "url"
        if not file.is_file():
            raise WorkcellError(f"{file}: this run serves no page; start one with `workcell run` or `workcell launch`")
        text = file.read_text(encoding="utf-8")
    base, _, fragment = text.strip().partition("#")
    return CellPage(base.rstrip("/") + "/", fragment.removeprefix("token="))
