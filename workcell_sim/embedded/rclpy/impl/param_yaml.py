"""Parameter values in YAML, as files (``--params-file``) and on the command line (``-p name:=value``).

Scalars are typed as rcl_yaml_param_parser does, which differs from YAML 1.1 in details: a quoted scalar is always text,
``0x10`` is an integer, and all items of a list have one type.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

_TRUE = frozenset(["y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"])
_FALSE = frozenset(["n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"])
_INTEGER = re.compile(r"[-+]?(0[xX][0-9a-fA-F]+|[0-9]+)\Z")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?\Z")
_SPECIAL_FLOAT = re.compile(r"[-+]?\.?(inf|Inf|INF|nan|NaN|NAN)\Z")
_PARAMETERS_KEY = "ros__parameters"
_STRING_TAG = "tag:yaml.org,2002:str"
_RESOLVER = yaml.resolver.Resolver()

# The same language and the same restrictions; the one written in C is some ten times faster.
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class ParamYamlError(ValueError):
    """A parameter file or value is malformed; says where."""


@dataclass(frozen=True)
class ParamRule:
    """Values for all nodes whose fully qualified name fits a pattern."""

    node_pattern: re.Pattern[str]
    values: dict[str, Any]

    def applies_to(self, fully_qualified_name: str) -> bool:
        return self.node_pattern.fullmatch(fully_qualified_name) is not None


def parse_value(text: str) -> Any:
    """Parse the value of ``-p name:=value``.

    Raises:
        ParamYamlError: it is neither a scalar nor a list of scalars of one type.
    """
    try:
        node = yaml.compose(text, Loader=_LOADER)
    except yaml.YAMLError as error:
        raise ParamYamlError(f"not valid YAML: {text!r} ({_one_line(error)})") from None
    if node is None:
        return ""
    return _value(node, text)


def parse_file(path: str) -> list[ParamRule]:
    """Read a parameter file; later rules win over earlier ones.

    Raises:
        ParamYamlError: the file cannot be read or is malformed; names file and line.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise ParamYamlError(f"Error opening YAML file: {path} ({error.strerror})") from None
    try:
        root = yaml.compose(text, Loader=_LOADER)
    except yaml.YAMLError as error:
        raise ParamYamlError(f"{path}: {_one_line(error)}") from None
    if root is None:
        return []
    if not isinstance(root, yaml.MappingNode):
        raise ParamYamlError(f"{path}: expected a mapping of node names at the top level")
    rules: list[ParamRule] = []
    _collect(root, "", path, rules)
    return rules


def _collect(mapping: yaml.MappingNode, prefix: str, path: str, rules: list[ParamRule]) -> None:
    for key_node, value_node in _pairs(mapping):
        key = str(key_node.value)
        if key == _PARAMETERS_KEY:
            if not prefix:
                raise ParamYamlError(f"{path}: '{_PARAMETERS_KEY}' must lie below a node name")
            rules.append(ParamRule(node_pattern(prefix), _parameters(value_node, path)))
            continue
        if not isinstance(value_node, yaml.MappingNode):
            line = key_node.start_mark.line + 1
            raise ParamYamlError(
                f"{path}:{line}: Cannot have a value before {_PARAMETERS_KEY} at line {line} (key {key!r}); "
                f"parameters belong below '<node name>: {_PARAMETERS_KEY}:'"
            )
        name = f"{prefix.rstrip('/')}/{key.strip('/')}" if key != "/" else prefix
        _collect(value_node, name if name else "/", path, rules)


def node_pattern(name: str) -> re.Pattern[str]:
    """Pattern of fully qualified node names: ``/**`` stands for any tokens, ``*`` for one."""
    tokens = [token for token in name.split("/") if token]
    return re.compile("".join(_token_pattern(token) for token in tokens))


def _token_pattern(token: str) -> str:
    if token == "**":
        return r"(/\w+)*"
    return "/" + r"\w+".join(re.escape(part) for part in token.split("*"))


def _parameters(node: yaml.Node, path: str, prefix: str = "") -> dict[str, Any]:
    if isinstance(node, yaml.ScalarNode) and node.value == "":
        return {}
    if not isinstance(node, yaml.MappingNode):
        raise ParamYamlError(f"{path}:{node.start_mark.line + 1}: expected a mapping of parameters")
    found: dict[str, Any] = {}
    for key_node, value_node in _pairs(node):
        name = f"{prefix}{key_node.value}"
        if isinstance(value_node, yaml.MappingNode):
            found.update(_parameters(value_node, path, f"{name}."))
        else:
            found[name] = _value(value_node, f"{path}:{value_node.start_mark.line + 1}: parameter '{name}'")
    return found


def _pairs(mapping: yaml.MappingNode) -> list[tuple[yaml.Node, yaml.Node]]:
    # The merge key "<<" and anchors are resolved here, since only composed nodes are used.
    pairs: list[tuple[yaml.Node, yaml.Node]] = []
    for key_node, value_node in mapping.value:
        if key_node.value == "<<" and isinstance(value_node, yaml.MappingNode):
            pairs.extend(_pairs(value_node))
        else:
            pairs.append((key_node, value_node))
    return pairs


def _value(node: yaml.Node, where: str) -> Any:
    if isinstance(node, yaml.ScalarNode):
        return _scalar(node)
    if isinstance(node, yaml.SequenceNode):
        items = []
        for item in node.value:
            if not isinstance(item, yaml.ScalarNode):
                raise ParamYamlError(f"{where}: lists may hold scalars only")
            items.append(_scalar(item))
        if len({type(item) for item in items}) > 1:
            raise ParamYamlError(f"{where}: Sequence should be of same type")
        return items
    raise ParamYamlError(f"{where}: expected a scalar or a list")


def _scalar(node: yaml.ScalarNode) -> bool | int | float | str:
    text: str = node.value
    if node.style in ("'", '"', "|", ">") or _has_explicit_string_tag(node):
        return text
    if text in _TRUE:
        return True
    if text in _FALSE:
        return False
    if _INTEGER.match(text):
        return int(text, 16 if "x" in text.lower() else 10)
    if _FLOAT.match(text):
        return float(text)
    if _SPECIAL_FLOAT.match(text):
        return float(text.replace(".", ""))
    return text


def _has_explicit_string_tag(node: yaml.ScalarNode) -> bool:
    """Whether ``!!str`` makes text of what would be something else without it."""
    return node.tag == _STRING_TAG and _RESOLVER.resolve(yaml.ScalarNode, node.value, (True, False)) != _STRING_TAG


def _one_line(error: yaml.YAMLError) -> str:
    return " ".join(str(error).split())
