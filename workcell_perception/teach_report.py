"""The validation report of a taught reference, for the person who taught it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from workcell_perception.defects import FoundDefect
from workcell_perception.teach import Lesson, validate


@dataclass(frozen=True)
class BadImage:
    """What the taught reference finds on an image of a bad part; `problem` says why it could not be looked at."""

    name: str
    defects: tuple[FoundDefect, ...] = ()
    problem: str = ""


def write_report(name: str, lesson: Lesson, bad: Sequence[BadImage] = ()) -> str:
    """Returns the report as Markdown."""
    taken = validate(lesson)
    false_alarms = sum(item.differs > 0 for item in taken)
    missed = sum(not item.defects and not item.problem for item in bad)
    lines = [
        f"# {name}",
        "",
        f"Taught from {len(taken)} good images, {len(lesson.refused)} refused. Each image was compared with a "
        f"reference taught without it: {false_alarms} of {len(taken)} would have been a false alarm.",
        "",
        "| image | residual px | blur px | light | differs in |",
        "| --- | --- | --- | --- | --- |",
        *(
            f"| {item.name} | {item.residual_px:.2f} | {item.blur_px:.1f} | {item.light_level:.0%} | {item.differs} |"
            for item in taken
        ),
    ]
    if lesson.refused:
        lines += ["", "| refused image | why |", "| --- | --- |"]
        lines += [f"| {refusal.name} | {refusal.reason} |" for refusal in lesson.refused]
    if bad:
        lines += ["", f"Of {len(bad)} images of bad parts {missed} would have been missed.", ""]
        lines += ["| bad part | found |", "| --- | --- |", *(f"| {item.name} | {_findings(item)} |" for item in bad)]
    return "\n".join(lines) + "\n"


def _findings(item: BadImage) -> str:
    if item.problem:
        return f"cannot be judged: {item.problem}"
    return ", ".join(f"{found.kind} ({found.score:.2f})" for found in item.defects) or "**nothing**"
