"""ROS arguments of a program or a node: ``--ros-args -r ... -p ... --params-file ... --log-level ... --``."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from .errors import RCLInvalidROSArgsError, UnknownROSArgsError
from .logging_severity import LoggingSeverity
from .names import expand_checked, namespace_error, node_name_error, topic_name_error
from .param_yaml import ParamRule, ParamYamlError, node_pattern, parse_file, parse_value

ROS_ARGS = "--ros-args"
_END = "--"
_WITH_VALUE = {
    "-r": "remap",
    "--remap": "remap",
    "-p": "param",
    "--param": "param",
    "--params-file": "params_file",
    "-e": "enclave",
    "--enclave": "enclave",
    "--log-level": "log_level",
    "--log-config-file": "log_config",
    "--log-file-name": "log_config",
}
_SWITCHES = {
    f"--{verb}-{what}": (what, verb == "enable")
    for verb in ("enable", "disable")
    for what in ("stdout-logs", "rosout-logs", "external-lib-logs")
}
_REMAP = re.compile(r"(?:(?P<node>\w+):)?(?P<scheme>rostopic://|rosservice://)?(?P<match>[^:]+):=(?P<to>\S+)\Z")
_PARAM = re.compile(r"(?:(?P<node>[\w/*]+):(?!=))?(?P<name>[^:]+):=(?P<value>.*)\Z", re.DOTALL)


@dataclass(frozen=True)
class RemapRule:
    """One ``-r`` rule: what it applies to (``topic``, ``service``, ``name``, ``ns``), for which node (``""``: all)."""

    kinds: frozenset[str]
    node: str
    match: str
    replacement: str


@dataclass
class RosArguments:
    """Parsed ROS arguments and the rest of a command line."""

    others: list[str] = field(default_factory=list)
    remaps: list[RemapRule] = field(default_factory=list)
    params: list[ParamRule] = field(default_factory=list)
    log_levels: dict[str, LoggingSeverity] = field(default_factory=dict)
    default_log_level: LoggingSeverity | None = None
    enclave: str = "/"
    switches: dict[str, bool] = field(default_factory=dict)

    def node_name(self, name: str) -> str | None:
        """Name that a rule gives to the node called ``name``."""
        return self._replace("name", name)

    def node_namespace(self, name: str) -> str | None:
        return self._replace("ns", name)

    def _replace(self, kind: str, node: str) -> str | None:
        for rule in self.remaps:
            if kind in rule.kinds and rule.node in ("", node):
                return rule.replacement
        return None

    def remap(self, kind: str, full_name: str, node: str, namespace: str) -> str | None:
        """Name that the first matching rule gives to an expanded topic or service name."""
        for rule in self.remaps:
            if (
                kind in rule.kinds
                and rule.node in ("", node)
                and full_name == expand_checked(rule.match, node, namespace)
            ):
                return expand_checked(rule.replacement, node, namespace)
        return None

    def parameters_for(self, fully_qualified_name: str) -> dict[str, Any]:
        """Parameter values for a node; later ones win."""
        found: dict[str, Any] = {}
        for rule in self.params:
            if rule.applies_to(fully_qualified_name):
                found.update(rule.values)
        return found


def parse(args: Sequence[str]) -> RosArguments:
    """Parse a command line.

    Raises:
        RCLInvalidROSArgsError: a ROS argument is malformed.
        UnknownROSArgsError: there are ROS arguments nobody knows.
        UnicodeEncodeError: an argument is not valid Unicode.
    """
    parsed = RosArguments()
    unknown: list[str] = []
    inside = False
    index = 0
    for arg in args:
        arg.encode("utf-8")
    while index < len(args):
        arg = args[index]
        index += 1
        if arg == ROS_ARGS:
            inside = True
        elif not inside:
            parsed.others.append(arg)
        elif arg == _END:
            inside = False
        elif arg in _WITH_VALUE:
            if index >= len(args) or args[index] == _END:
                raise RCLInvalidROSArgsError(
                    f"Failed to parse ROS arguments: Couldn't parse trailing {arg} flag. No value given"
                )
            _parse_value(parsed, arg, args[index])
            index += 1
        elif arg in _SWITCHES:
            what, enabled = _SWITCHES[arg]
            parsed.switches[what] = enabled
        elif ":=" in arg:
            # Deprecated form: a bare rule without -r.
            _parse_value(parsed, "-r", arg)
        else:
            unknown.append(arg)
    if unknown:
        raise UnknownROSArgsError(f"Found unknown ROS arguments: {unknown!r}")
    return parsed


def remove_ros_args(args: Sequence[str]) -> list[str]:
    """The command line without everything between ``--ros-args`` and ``--``."""
    kept = []
    inside = False
    for arg in args:
        if arg == ROS_ARGS:
            inside = True
        elif inside:
            inside = arg != _END
        else:
            kept.append(arg)
    return kept


def _parse_value(parsed: RosArguments, flag: str, value: str) -> None:
    kind = _WITH_VALUE[flag]
    if kind == "remap":
        parsed.remaps.append(_parse_remap(flag, value))
    elif kind == "param":
        parsed.params.append(_parse_param(flag, value))
    elif kind == "params_file":
        try:
            parsed.params.extend(parse_file(value))
        except ParamYamlError as error:
            raise RCLInvalidROSArgsError(
                f"Failed to parse ROS arguments: Couldn't parse params file: '{flag} {value}'. Error: {error}"
            ) from None
    elif kind == "log_level":
        _parse_log_level(parsed, flag, value)
    elif kind == "enclave":
        parsed.enclave = value if value.startswith("/") else f"/{value}"


def _parse_remap(flag: str, text: str) -> RemapRule:
    found = _REMAP.match(text)
    if not found:
        raise _remap_error(flag, text, "Expected 'name:=replacement'")
    node, match, replacement = found["node"] or "", found["match"], found["to"]
    if match in ("__node", "__name"):
        error = node_name_error(replacement)
        kinds = {"name"}
    elif match == "__ns":
        error = namespace_error(replacement)
        kinds = {"ns"}
    else:
        error = topic_name_error(match) or topic_name_error(replacement)
        kinds = {"rostopic://": {"topic"}, "rosservice://": {"service"}}.get(
            found["scheme"] or "", {"topic", "service"}
        )
    if error is not None:
        raise _remap_error(flag, text, error[0])
    return RemapRule(frozenset(kinds), node, match, replacement)


def _remap_error(flag: str, text: str, why: str) -> RCLInvalidROSArgsError:
    return RCLInvalidROSArgsError(
        f"Failed to parse ROS arguments: Couldn't parse remap rule: '{flag} {text}'. Error: {why}"
    )


def _parse_param(flag: str, text: str) -> ParamRule:
    found = _PARAM.match(text)
    try:
        if not found:
            raise ParamYamlError("expected 'name:=value'")
        value = parse_value(found["value"])
    except ParamYamlError as error:
        raise RCLInvalidROSArgsError(
            f"Failed to parse ROS arguments: Couldn't parse parameter override rule: '{flag} {text}'. Error: {error}"
        ) from None
    # Without a node it applies to all; a bare node name applies whatever its namespace.
    node = found["node"] or "/**"
    pattern = node_pattern(node if node.startswith("/") else f"/**/{node}")
    return ParamRule(pattern, {found["name"]: value})


def _parse_log_level(parsed: RosArguments, flag: str, text: str) -> None:
    name, separator, level = text.rpartition(":=")
    try:
        severity = LoggingSeverity[level.upper()]
    except KeyError:
        valid = ", ".join(member.name.lower() for member in LoggingSeverity)
        raise RCLInvalidROSArgsError(
            f"Failed to parse ROS arguments: Couldn't parse log level rule: '{flag} {text}'. "
            f"Error: there is no level {level!r}; valid are {valid}"
        ) from None
    if separator:
        parsed.log_levels[name] = severity
    else:
        parsed.default_log_level = severity
