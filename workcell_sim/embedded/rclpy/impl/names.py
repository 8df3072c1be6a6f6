"""Rules for names of nodes, namespaces, topics and services, and their expansion.

A validator returns ``None`` for a good name, else ``(message, index of the offending character)``; messages are those
of rcl and rmw, since programs and tests match on them.
"""

from __future__ import annotations

import re

TOPIC_LENGTH_MAX = 247
NAMESPACE_LENGTH_MAX = 245
NODE_NAME_LENGTH_MAX = 255

ValidationError = tuple[str, int]

_TOKEN_STARTS_WITH_DIGIT = re.compile(r"/(?=[0-9])")
_SUBSTITUTION = re.compile(r"\{([^{}]*)\}")


def topic_name_error(name: str) -> ValidationError | None:
    """Check a name as users write it: relative, with ``~`` and ``{substitutions}`` allowed."""
    if not name:
        return "topic name must not be empty string", 0
    if name[0].isascii() and name[0].isdigit():
        return "topic name token must not start with a number", 0
    if name.endswith("/"):
        return "topic name must not end with a forward slash", len(name) - 1
    error = _topic_characters_error(name)
    if error is not None:
        return error
    digit = _TOKEN_STARTS_WITH_DIGIT.search(name)
    if digit:
        return "topic name token must not start with a number", digit.end()
    if name.startswith("~") and len(name) > 1 and name[1] != "/":
        return "topic name must not have a tilde '~' that is not followed by a forward slash '/'", 1
    double = name.find("//")
    if double >= 0:
        return "topic name must not contain repeated '/'", double + 1
    return None


def _topic_characters_error(name: str) -> ValidationError | None:
    open_at = -1
    for index, char in enumerate(name):
        if char == "{":
            if open_at >= 0:
                return _substitution_error(index)
            open_at = index
        elif char == "}":
            if open_at < 0:
                return "topic name must not have unmatched (unbalanced) curly braces '{}'", index
            open_at = -1
        elif open_at >= 0:
            if not _is_word(char):
                return _substitution_error(index)
            if char.isdigit() and index == open_at + 1:
                return "substitution name must not start with a number", index
        elif char == "~":
            if index != 0:
                return "topic name must not have tilde '~' unless it is the first character", index
        elif char != "/" and not _is_word(char):
            return "topic name must not contain characters other than alphanumerics, '_', '~', '{', or '}'", index
    if open_at >= 0:
        return "topic name must not have unmatched (unbalanced) curly braces '{}'", open_at
    return None


def _substitution_error(index: int) -> ValidationError:
    return "substitution name must not contain characters other than alphanumerics or '_'", index


def _is_word(char: str) -> bool:
    return char.isascii() and (char.isalnum() or char == "_")


def full_topic_name_error(name: str) -> ValidationError | None:
    """Check an expanded topic or service name."""
    error = _absolute_name_error(name, "topic name", "must not end with a '/'")
    if error is None and len(name) > TOPIC_LENGTH_MAX:
        return f"topic length should not exceed '{TOPIC_LENGTH_MAX}'", TOPIC_LENGTH_MAX - 1
    return error


def namespace_error(name: str) -> ValidationError | None:
    """Check a namespace."""
    if name == "/":
        return None
    error = _absolute_name_error(name, "namespace", "must not end with a '/', unless only a '/'")
    if error is None and len(name) > NAMESPACE_LENGTH_MAX:
        return f"namespace should not exceed '{NAMESPACE_LENGTH_MAX}'", NAMESPACE_LENGTH_MAX - 1
    return error


def _absolute_name_error(name: str, what: str, trailing_slash: str) -> ValidationError | None:
    if not name:
        return f"{what} must not be empty", 0
    if not name.startswith("/"):
        return f"{what} must be absolute, it must lead with a '/'", 0
    if name.endswith("/"):
        return f"{what} {trailing_slash}", len(name) - 1
    for index, char in enumerate(name):
        if char != "/" and not _is_word(char):
            return f"{what} must not contain characters other than alphanumerics, '_', or '/'", index
    double = name.find("//")
    if double >= 0:
        return f"{what} must not contain repeated '/'", double + 1
    digit = _TOKEN_STARTS_WITH_DIGIT.search(name)
    if digit:
        return f"{what} must not have a token that starts with a number", digit.end()
    return None


def node_name_error(name: str) -> ValidationError | None:
    """Check the name of a node."""
    if not name:
        return "node name must not be empty", 0
    for index, char in enumerate(name):
        if not _is_word(char):
            return "node name must not contain characters other than alphanumerics or '_'", index
    if name[0].isdigit():
        return "node name must not start with a number", 0
    if len(name) > NODE_NAME_LENGTH_MAX:
        return f"node name length should not exceed '{NODE_NAME_LENGTH_MAX}'", NODE_NAME_LENGTH_MAX - 1
    return None


def expand(name: str, node_name: str, namespace: str) -> str:
    """Make a topic or service name absolute.

    Raises:
        ValueError: one of the names is malformed or has an unknown substitution.
    """
    for what, error in (
        ("topic name", topic_name_error(name)),
        ("node name", node_name_error(node_name)),
        ("namespace", namespace_error(namespace)),
    ):
        if error is not None:
            raise ValueError(f"{what} is invalid: {error[0]}")
    return expand_checked(name, node_name, namespace)


def expand_checked(name: str, node_name: str, namespace: str) -> str:
    """Expand names that are known to be well-formed."""
    base = namespace.rstrip("/")
    if name.startswith("~"):
        name = f"{base}/{node_name}{name[1:]}"
    known = {"node": node_name, "ns": namespace, "namespace": namespace}

    def substitute(match: re.Match[str]) -> str:
        try:
            return known[match.group(1)]
        except KeyError:
            raise ValueError(f"topic name has an unknown substitution: {match.group(0)}") from None

    expanded = _SUBSTITUTION.sub(substitute, name) if "{" in name else name
    return expanded if expanded.startswith("/") else f"{base}/{expanded}"
