"""The report of a run: one HTML file with its plots inside."""

from __future__ import annotations

import base64
import html
import io
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.figure import Figure

from workcell_console.compare import FIGURES, Comparison
from workcell_console.shift import ShiftOptions
from workcell_control.governance.audit import verify

REPORT = "report.html"
INK = {"policy": "#175cd3", "fixed": "#b54708", "this run": "#12805c"}
COURSES = (
    ("gripper/vacuum", "vacuum [kPa]", 1e-3),
    ("cell.part_acceleration_max_m_s2", "acceleration with a part [m/s^2]", 1.0),
    ("cell.speed_scale", "speed scale", 1.0),
    ("cell.grip_vacuum_pa", "grip set point [kPa]", 1e-3),
    ("inspection.exposure_s", "exposure [ms]", 1e3),
    ("cell/ambient_light", "ambient light [lux]", 1.0),
    ("cell/power", "power [W]", 1.0),
    ("cell/tariff", "tariff [EUR/kWh]", 1.0),
)
PROPOSALS_SHOWN = 60
STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 64rem; margin: 2rem auto; padding: 0 1rem; color: #1a1d23; }
h1 { margin-bottom: 0; } table { border-collapse: collapse; margin: 1rem 0; }
td, th { padding: .25rem .8rem; border-bottom: 1px solid #e1e4ea; text-align: right; }
td:first-child, th:first-child, td.text, th.text { text-align: left; } img { max-width: 100%; }
.sentence { font-size: 1.15rem; padding: .6rem 1rem; background: #f4f5f7; border-left: 4px solid #175cd3; }
"""


def write_report(
    shift: ShiftOptions, results: dict[str, Any], comparison: Comparison | None, others: dict[str, dict[str, Any]]
) -> Path:
    """Writes the report of a run and returns its path.

    Args:
        shift: what was run.
        results: the run's own results.
        comparison: the same seed with and without the policy, where it was made.
        others: results of those two runs, by `policy` and `fixed`.
    """
    runs = others or {"this run": results}
    body = [
        f"<h1>workcell: {html.escape(shift.scenario)}</h1>",
        f"<p>Seed {shift.seed}, {shift.duration_s:g} s of shift, {html.escape(shift.clock)} clock.</p>",
        f'<p class="sentence">{html.escape(_sentence(comparison))}</p>',
        "<h2>This run</h2>",
        _figures_table({"this run": results["summary"]}),
        _comparison_html(comparison),
        "<h2>Courses</h2>",
        _image(_parts_figure(runs)),
        _image(_courses_figure(runs)),
        "<h2>Proposed changes</h2>",
        _proposals_html(results["proposals"]),
        "<h2>Holds</h2>",
        _holds_html(results["holds"]),
        _audit_html(shift.out_dir / "audit.jsonl"),
        "<p>Software limits here are not a certified safety function.</p>",
    ]
    page = f"<!doctype html><html lang='en'><meta charset='utf-8'><title>workcell report</title><style>{STYLE}</style>"
    path = shift.out_dir / REPORT
    path.write_text(page + "\n".join(body) + "</html>\n", encoding="utf-8")
    return path


def _sentence(comparison: Comparison | None) -> str:
    return comparison.sentence() if comparison is not None else "This run was not compared with fixed parameters."


def _comparison_html(comparison: Comparison | None) -> str:
    if comparison is None:
        return ""
    tables = [
        f"<h3>Seed {pair.seed}, in virtual time</h3>{_figures_table({'policy': pair.policy, 'fixed': pair.fixed})}"
        for pair in comparison.pairs
    ]
    return "<h2>With and without the policy</h2>" + "".join(tables)


def _figures_table(columns: dict[str, dict[str, Any]]) -> str:
    head = "".join(f"<th>{html.escape(name)}</th>" for name in columns)
    rows = "".join(_figures_row(name, columns) for name in FIGURES)
    return f"<table><tr><th></th>{head}</tr>{rows}</table>"


def _figures_row(name: str, columns: dict[str, dict[str, Any]]) -> str:
    cells = "".join(f"<td>{_number(values[name])}</td>" for values in columns.values())
    return f"<tr><td>{name.replace('_', ' ')}</td>{cells}</tr>"


def _number(value: float | None) -> str:
    return "not known" if value is None or value != value else f"{value:,.1f}".removesuffix(".0")


def _parts_figure(runs: dict[str, dict[str, Any]]) -> Figure:
    figure = Figure(figsize=(9, 3.2), layout="constrained")
    axes = figure.subplots()
    for name, results in runs.items():
        first_ns = min((item["stamp_ns"] for item in results["parcels"]), default=0)
        good = sorted(item["stamp_ns"] for item in results["parcels"] if item["bin"] == "accept" and item["is_good"])
        minutes = [(stamp_ns - first_ns) / 60e9 for stamp_ns in good]
        axes.step(minutes, range(1, len(good) + 1), where="post", label=name, color=INK[name])
    axes.set(xlabel="time since the first part [min]", ylabel="good parts", title="Good parts made")
    axes.legend()
    axes.grid(alpha=0.3)
    return figure


def _courses_figure(runs: dict[str, dict[str, Any]]) -> Figure:
    figure = Figure(figsize=(9, 10), layout="constrained")
    grid = figure.subplots(len(COURSES) // 2, 2, sharex=True)
    for axes, (source, label, scale) in zip(grid.flat, COURSES, strict=True):
        for name, results in runs.items():
            points = results["series"].get(source, [])
            is_parameter = "." in source
            if points and is_parameter:
                # A parameter stays in force until it is set again, or the shift ends.
                points = [*points, (results["summary"]["elapsed_s"], points[-1][1])]
            times, values = [point[0] / 60.0 for point in points], [point[1] * scale for point in points]
            style = "steps-post" if is_parameter else "default"
            axes.plot(times, values, color=INK[name], lw=1, label=name, drawstyle=style)
        axes.set_title(label, fontsize=9)
        axes.grid(alpha=0.3)
    for axes in grid[-1]:
        axes.set_xlabel("shift time [min]")
    grid[0][0].legend(fontsize=8)
    return figure


def _image(figure: Figure) -> str:
    buffer = io.BytesIO()
    with matplotlib.rc_context({"svg.hashsalt": "workcell"}):
        figure.savefig(buffer, format="svg", metadata={"Date": None})
    data = base64.b64encode(buffer.getvalue()).decode()
    return f'<p><img alt="plot" src="data:image/svg+xml;base64,{data}"></p>'


_PROPOSALS_HEAD = "".join(f'<th class="text">{name}</th>' for name in ("change", "why", "verdict", "because"))


def _proposals_html(proposals: list[dict[str, Any]]) -> str:
    if not proposals:
        return "<p>None.</p>"
    rows = "".join(
        "<tr>"
        + "".join(
            f'<td class="text">{html.escape(text)}</td>'
            for text in (
                _change(item),
                item["reason"],
                item["outcome"],
                item["verdict_reason"],
            )
        )
        + "</tr>"
        for item in proposals[-PROPOSALS_SHOWN:]
    )
    note = f"<p>The last {PROPOSALS_SHOWN} of {len(proposals)}.</p>" if len(proposals) > PROPOSALS_SHOWN else ""
    return f"{note}<table><tr>{_PROPOSALS_HEAD}</tr>{rows}</table>"


def _change(item: dict[str, Any]) -> str:
    return ", ".join(f"{item['node']}.{name} = {value:.6g}" for name, value in item["parameters"].items())


def _holds_html(holds: list[dict[str, Any]]) -> str:
    if not holds:
        return "<p>The arm was never held.</p>"
    rows = "".join(
        f"<tr><td>{item['at_s']:.1f} s</td><td class='text'>{html.escape(item['reason'])}</td></tr>" for item in holds
    )
    return f"<table>{rows}</table>"


def _audit_html(path: Path) -> str:
    if not path.is_file():
        return ""
    summary = verify(path)
    return f"<p>Audit log: {summary.rows} rows, chain intact, last hash <code>{summary.last_hash}</code>.</p>"
