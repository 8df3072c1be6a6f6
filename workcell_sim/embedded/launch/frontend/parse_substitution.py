"""Text with ``$(name argument ...)`` in it, as substitutions.

Outside of quotes an argument ends at a space or ``)``; quotes begin an argument with spaces. A
backslash takes any meaning from the character after it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from ..substitution import Substitution
from ..substitutions import TextSubstitution
from .expose import instantiate_substitution

_NAME = re.compile(r"[A-Za-z][\w-]*")


def parse_substitution(string_value: str) -> list[Substitution]:
    """Return the text and the substitutions of `string_value`, one after the other.

    Raises:
        ValueError: a substitution is not closed, or malformed; the message tells where.
        RuntimeError: no substitution is called so.
    """
    if not string_value:
        return [TextSubstitution(text=string_value)]
    return _Reader(string_value).template(until=None)


def parse_if_substitutions(value: Any) -> Any:
    """Return substitutions for text that has any, the value itself else; item by item for lists.

    Raises:
        ValueError: the items of a list are of several types.
    """
    if not isinstance(value, list):
        return _parse_if(value)
    items = [_parse_if(item) for item in value]
    if len({type(item) for item in items if not isinstance(item, list)}) > 1:
        raise ValueError("The result is a non-uniform list")
    return items


def _parse_if(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    parsed = parse_substitution(value)
    if len(parsed) == 1 and isinstance(parsed[0], TextSubstitution):
        return parsed[0].text
    return parsed


def replace_escaped_characters(data: str) -> str:
    """Return `data` with each backslash taken away, and what came after it kept."""
    return re.sub(r"\\(.)", r"\1", data)


class _Reader:
    """Reads one text from left to right."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def template(self, until: str | None) -> list[Substitution]:
        """Read text and substitutions up to the character `until`, or to the end."""
        return self._parts(lambda char: char == until, quote=until)

    def _parts(self, is_end: Callable[[str], bool], quote: str | None) -> list[Substitution]:
        parts: list[Substitution] = []
        text = ""
        while self._at < len(self._text) and not is_end(self._text[self._at]):
            if self._text.startswith("$(", self._at):
                if text:
                    parts.append(TextSubstitution(text=replace_escaped_characters(text)))
                    text = ""
                parts.append(self._substitution(quote))
                continue
            length = 2 if self._text[self._at] == "\\" else 1
            text += self._text[self._at : self._at + length]
            self._at += length
        if text:
            parts.append(TextSubstitution(text=replace_escaped_characters(text)))
        return parts

    def _substitution(self, quote: str | None) -> Substitution:
        begin = self._at
        self._at += len("$(")
        name = _NAME.match(self._text, self._at)
        if name is None:
            raise self._error("expected the name of a substitution", self._at)
        self._at = name.end()
        arguments: list[list[Substitution]] = []
        while self._next(begin) != ")":
            if self._text[self._at] != " ":
                raise self._error("expected a space or ')'", self._at)
            self._at += 1
            arguments.append(self._argument(quote, begin))
        self._at += 1
        return instantiate_substitution(name.group(), arguments)

    def _argument(self, quote: str | None, begin: int) -> list[Substitution]:
        char = self._next(begin)
        # Within quotes there are none further: the other kind is a character like any.
        if quote is None and char in "'\"":
            self._at += 1
            parts = self.template(until=char)
            if self._at == len(self._text):
                raise self._error(f"no closing {char}", begin)
            self._at += 1
            return parts
        ends = " )" if quote is None else f" ){quote}"
        parts = self._parts(lambda char: char in ends, quote)
        if not parts:
            raise self._error("expected an argument", self._at)
        return parts

    def _next(self, begin: int) -> str:
        if self._at >= len(self._text):
            raise self._error("no closing ')'", begin)
        return self._text[self._at]

    def _error(self, problem: str, at: int) -> ValueError:
        return ValueError(f"{problem} at character {at + 1} of '{self._text}'")
