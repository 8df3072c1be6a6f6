"""docs/sparkplug.md and the tests say the same about the specification's statements."""

from __future__ import annotations

import ast
import re
from collections import Counter
from pathlib import Path

FOLDER = Path(__file__).parent
TABLE = Path(__file__).parents[3] / "docs" / "sparkplug.md"
STATEMENTS = 299
"""Of the specification 3.0, all chapters."""
_ROW = re.compile(r"\| (tck-id-[\w-]+) \| (?:`([\w:]+)`)? ?\| (.+) \|")
_STATUS = re.compile(r"met|not applicable: .{10,}|not met: .{10,}")


def rows() -> list[tuple[str, str, str]]:
    """Returns (statement, test, status) as the document lists them."""
    text = TABLE.read_text(encoding="utf-8")
    return [(found[1], found[2] or "", found[3]) for found in map(_ROW.match, text.splitlines()) if found]


def claimed() -> list[tuple[str, str]]:
    """Returns (statement, test) of every decorator `statements`."""
    found = []
    for path in sorted(FOLDER.glob("test_*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            for call in node.decorator_list if isinstance(node, ast.FunctionDef) else []:
                if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "statements":
                    names = [ast.literal_eval(argument) for argument in call.args]
                    found += [(f"tck-id-{name}", f"{path.stem}::{node.name}") for name in names]
    return found


def test_every_statement_is_listed_once_and_has_a_status() -> None:
    listed = rows()
    assert len(listed) == STATEMENTS
    assert [name for name, count in Counter(name for name, _, _ in listed).items() if count > 1] == []
    assert [status for _, _, status in listed if not _STATUS.fullmatch(status)] == []


def test_what_is_met_has_its_test_and_nothing_else_has() -> None:
    in_table = {(name, test) for name, test, status in rows() if status == "met"}
    assert in_table == set(claimed())
    assert all(not test for _, test, status in rows() if status != "met")


def test_no_statement_is_claimed_by_two_tests() -> None:
    assert [name for name, count in Counter(name for name, _ in claimed()).items() if count > 1] == []
