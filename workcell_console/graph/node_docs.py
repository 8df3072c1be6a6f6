"""The page of all nodes: purpose, topics, services, actions and parameters, from the running graph and the schemas."""

from __future__ import annotations

import importlib
from collections.abc import Mapping

from workcell_console.graph.endpoints import KINDS, Endpoints
from workcell_ros import schema
from workcell_ros.registry import NODES, NodeEntry

INTRODUCTION = """# Nodes

Every node of the cell: what it is for, what it says and hears, and its parameters. Names are relative to the cell's
namespace. Written by `workcell nodes --docs` from a running cell and the nodes' parameter schemas; a test holds it.

Every managed node also publishes its heartbeat on `diagnostics`, offers the services of a lifecycle node
(`<node>/change_state`, `<node>/get_state`, ...) and of parameters (`<node>/set_parameters`, ...). A parameter without
"changes live" is read when the node is configured.
"""
_HEADINGS = {
    "publishes": "Publishes",
    "subscribes": "Subscribes to",
    "offers": "Offers services",
    "calls": "Calls services",
    "executes": "Executes actions",
    "sends": "Sends goals to",
}
_ABSENT = "Started where it is asked for, and not part of the cell that this page was written from."


def render(graph: Mapping[str, Endpoints]) -> str:
    """Returns the page for a graph."""
    sections = [_section(entry, graph.get(name)) for name, entry in NODES.items()]
    return "\n".join([INTRODUCTION, *sections])


def _section(entry: NodeEntry, endpoints: Endpoints | None) -> str:
    purpose = (importlib.import_module(entry.module).__doc__ or "").strip().splitlines()[0]
    lines = [f"## {entry.name}", "", purpose, "", f"Executable `{entry.executable}`, module `{entry.module}`.", ""]
    lines += [_ABSENT, ""] if endpoints is None else _endpoints(endpoints)
    return "\n".join([*lines, *_parameters(entry), ""])


def _endpoints(endpoints: Endpoints) -> list[str]:
    lines = []
    for kind in KINDS:
        rows = getattr(endpoints, kind)
        if rows:
            listed = ", ".join(f"`{name}` ({kind_of})" for name, kind_of in rows.items())
            lines.append(f"- **{_HEADINGS[kind]}** {listed}")
    return [*lines, ""]


def _parameters(entry: NodeEntry) -> list[str]:
    lines = ["| parameter | default | unit | valid | meaning |", "| --- | --- | --- | --- | --- |"]
    for info in schema.infos(entry.load_schema()).values():
        meaning = info.description + ("" if info.read_only else " (changes live)")
        cells = (f"`{info.name}`", f"`{_shown(info.default)}`", info.unit, _valid(info), meaning)
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return lines


def _shown(value: object) -> str:
    return "''" if value == "" else str(value)


def _valid(info: schema.ParamInfo) -> str:
    if info.choices:
        return ", ".join(_shown(choice) for choice in info.choices)
    low, high = info.low, info.high
    if low is None and high is None:
        return ""
    if high is None:
        return f"from {low}"
    return f"to {high}" if low is None else f"{low}..{high}"
