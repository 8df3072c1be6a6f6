"""What a device offers, as tag rows to paste. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from workcell_sensors.sources.discovery import ProposedTag
from workcell_sensors.units import UnitError, si_unit

_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./-^*")
COMMENT_CHARACTERS_MAX = 60
_BYTE_ORDER_MARK = 0xFEFF


def proposal_lines(source: str, proposals: Sequence[ProposedTag]) -> Iterator[str]:
    """Yields the lines of a YAML list of tags; what a person should look at stands behind each as a comment."""
    yield "tags:"
    taken: set[str] = set()
    for proposal in proposals:
        yield f"  - {{{', '.join(_pairs(source, proposal, taken))}}}{_comment(proposal)}"


def _pairs(source: str, proposal: ProposedTag, taken: set[str]) -> Iterator[str]:
    unit, si = _units(proposal)
    yield f"tag: {_scalar(_unique(proposal.tag, taken))}"
    yield f"source: {_scalar(source)}"
    yield f"address: {_scalar(proposal.address)}"
    yield f"unit: {_scalar(unit)}"
    yield f"si: {_scalar(si)}"
    if proposal.period_s > 0.0 and math.isfinite(proposal.period_s):
        yield f"period_s: {proposal.period_s:g}"
    if proposal.states:
        pairs = ", ".join(f"{_quoted(text)}: {number:g}" for text, number in proposal.states.items())
        yield f"states: {{{pairs}}}"
    if proposal.description:
        yield f"description: {_quoted(proposal.description)}"


def _units(proposal: ProposedTag) -> tuple[str, str]:
    try:
        return (proposal.unit, si_unit(proposal.unit)) if proposal.unit else ("1", "1")
    except UnitError:
        return "1", "1"


def _unique(tag: str, taken: set[str]) -> str:
    name, number = tag, 2
    while name in taken:
        name, number = f"{tag}_{number}", number + 1
    taken.add(name)
    return name


def _comment(proposal: ProposedTag) -> str:
    words = [proposal.kind]
    if _units(proposal)[0] != proposal.unit:
        words.append(f"unit {proposal.unit}, which is unknown here")
    if proposal.value:
        words.append(f"now {proposal.value}")
    text = " ".join(", ".join(word for word in words if word).split())
    text = "".join(character if character.isprintable() else "?" for character in text)
    return f"  # {text[:COMMENT_CHARACTERS_MAX]}" if text else ""


def _scalar(text: str) -> str:
    """Returns a text as YAML, quoted unless it can be nothing but a text."""
    plain = bool(text) and set(text) <= _PLAIN and text[0].isalpha() and "/" in text
    return text if plain else _quoted(text)


def _quoted(text: str) -> str:
    """Returns a text as a double-quoted YAML scalar; YAML has no surrogate pairs, so JSON's escapes would not do."""
    return f'"{"".join(map(_escaped, text))}"'


def _escaped(character: str) -> str:
    if character in '"\\':
        return f"\\{character}"
    code = ord(character)
    if character.isprintable() and code != _BYTE_ORDER_MARK:
        return character
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
