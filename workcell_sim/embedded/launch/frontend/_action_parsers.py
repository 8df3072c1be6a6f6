"""What the actions of ``launch`` are called in markup, and what their attributes mean."""

from __future__ import annotations

import shlex
from typing import Any, List

from ..actions import (
    AppendEnvironmentVariable,
    DeclareLaunchArgument,
    ExecuteProcess,
    GroupAction,
    IncludeLaunchDescription,
    LogInfo,
    ResetEnvironment,
    ResetLaunchConfigurations,
    SetEnvironmentVariable,
    SetLaunchConfiguration,
    Shutdown,
    TimerAction,
    UnsetEnvironmentVariable,
    UnsetLaunchConfiguration,
)
from ..conditions import IfCondition, UnlessCondition
from ..substitution import Substitution
from ..substitutions import TextSubstitution
from .entity import Entity
from .expose import expose_action
from .parser import Parser

Arguments = dict[str, Any]


def parse_condition(entity: Entity, parser: Parser) -> Arguments:
    """Return the condition of an element with ``if`` or ``unless``.

    Raises:
        RuntimeError: it has both.
    """
    found: Arguments = {}
    for name, condition_class in (("if", IfCondition), ("unless", UnlessCondition)):
        text = entity.get_attr(name, optional=True)
        if text is None:
            continue
        if found:
            raise RuntimeError("if and unless conditions can't be used simultaneously")
        found["condition"] = condition_class(parser.parse_substitution(text))
    return found


def parse_texts(entity: Entity, parser: Parser, required: str, optional: str = "") -> Arguments:
    """Return attributes that hold substitutions, and the condition.

    Both lists name attributes; ``from:src`` reads the attribute ``from`` as parameter ``src``.
    """
    found = parse_condition(entity, parser)
    for names, is_optional in ((required, False), (optional, True)):
        for item in names.split():
            attribute, _, parameter = item.partition(":")
            text = entity.get_attr(attribute, optional=is_optional)
            if text is not None:
                found[parameter or attribute] = parser.parse_substitution(text)
    return found


def parse_typed(entity: Entity, parser: Parser, **types: Any) -> Arguments:
    """Return optional attributes that hold a value of a type, or substitutions that give one."""
    found: Arguments = {}
    for name, data_type in types.items():
        value = entity.get_attr(name, data_type=data_type, optional=True, can_be_str=True)
        if value is not None:
            found[name] = parser.parse_if_substitutions(value)
    return found


def parse_pairs(entity: Entity, parser: Parser, child: str, names: str) -> list[Any]:
    """Return the two attributes `names` of each child called `child`."""
    first, second = names.split()
    children = entity.get_attr(child, data_type=List[Entity], optional=True) or []
    pairs = [
        (
            parser.parse_substitution(item.get_attr(first)),
            parser.parse_substitution(item.get_attr(second)),
        )
        for item in children
    ]
    for item in children:
        item.assert_entity_completely_parsed()
    return pairs


def parse_command_line(text: str, parser: Parser) -> list[list[Substitution]]:
    """Split a command line into arguments as a shell would; substitutions are never split."""
    arguments: list[list[Substitution]] = []
    is_open = False
    for part in parser.parse_substitution(text):
        if not isinstance(part, TextSubstitution):
            if not is_open:
                arguments.append([])
            arguments[-1].append(part)
            is_open = True
            continue
        words = shlex.split(part.text)
        is_open = is_open and not part.text[0].isspace()
        for word in words:
            if not is_open:
                arguments.append([])
            arguments[-1].append(TextSubstitution(text=word))
            is_open = False
        is_open = bool(words) and not part.text[-1].isspace()
    return arguments


def parse_process(entity: Entity, parser: Parser) -> Arguments:
    """Return what executables and nodes have in common.

    Raises:
        ValueError: ``on_exit`` is not shutdown, or a time is negative.
    """
    found = parse_texts(entity, parser, "", "cwd output launch-prefix:prefix respawn")
    found |= parse_typed(entity, parser, shell=bool, emulate_tty=bool, respawn_max_retries=int)
    for name in ("respawn_delay", "sigkill_timeout", "sigterm_timeout"):
        seconds = entity.get_attr(name, data_type=float, optional=True)
        if seconds is None:
            continue
        if seconds < 0.0:
            raise ValueError(
                f"Attribute {name} of Entity {entity.type_name} expected to be a non-negative value but got `{seconds}`"
            )
        found[name] = seconds if name == "respawn_delay" else str(seconds)
    on_exit = entity.get_attr("on_exit", optional=True)
    if on_exit not in (None, "shutdown"):
        raise ValueError(f"Attribute on_exit of Entity {entity.type_name} expected to be shutdown but got `{on_exit}`")
    if on_exit is not None:
        found["on_exit"] = [Shutdown()]
    env = parse_pairs(entity, parser, "env", "name value")
    if env:
        found["additional_env"] = {tuple(name): value for name, value in env}
    return found


def _parse_executable(entity: Entity, parser: Parser) -> tuple[type, Arguments]:
    found = parse_process(entity, parser) | parse_texts(entity, parser, "", "name")
    found["cmd"] = parse_command_line(entity.get_attr("cmd"), parser)
    return ExecuteProcess, found


def _parse_argument(entity: Entity, parser: Parser) -> tuple[type, Arguments]:
    found = parse_texts(entity, parser, "", "default:default_value")
    found["name"] = parser.escape_characters(entity.get_attr("name"))
    description = entity.get_attr("description", optional=True)
    if description is not None:
        found["description"] = parser.escape_characters(description)
    choices = entity.get_attr("choice", data_type=List[Entity], optional=True)
    if choices is not None:
        found["choices"] = [parser.escape_characters(item.get_attr("value")) for item in choices]
    return DeclareLaunchArgument, found


def _parse_include(entity: Entity, parser: Parser) -> tuple[type, Arguments]:
    found = parse_texts(entity, parser, "file:launch_description_source")
    found["launch_arguments"] = parse_pairs(entity, parser, "arg", "name value")
    return IncludeLaunchDescription, found


def _parse_group(entity: Entity, parser: Parser) -> tuple[type, Arguments]:
    found = parse_condition(entity, parser)
    found |= parse_typed(entity, parser, scoped=bool, forwarding=bool)
    kept = parse_pairs(entity, parser, "keep", "name value")
    found["launch_configurations"] = {tuple(name): value for name, value in kept}
    children = [child for child in entity.children if child.type_name != "keep"]
    found["actions"] = [parser.parse_action(child) for child in children]
    return GroupAction, found


def _parse_reset(entity: Entity, parser: Parser) -> tuple[type, Arguments]:
    found = parse_condition(entity, parser)
    kept = parse_pairs(entity, parser, "keep", "name value")
    found["launch_configurations"] = {tuple(name): value for name, value in kept}
    return ResetLaunchConfigurations, found


def parse_timer(entity: Entity, parser: Parser) -> Arguments:
    """Return period and actions of a timer.

    Raises:
        AttributeError: it has no period.
    """
    found = parse_condition(entity, parser)
    period = entity.get_attr("period", data_type=float, can_be_str=True)
    found["period"] = parser.parse_if_substitutions(period)
    found["actions"] = [parser.parse_action(child) for child in entity.children]
    return found


def _parse_timer(entity: Entity, parser: Parser) -> tuple[type, Arguments]:
    found = parse_typed(entity, parser, cancel_on_shutdown=bool)
    return TimerAction, found | parse_timer(entity, parser)


def _parse_append(entity: Entity, parser: Parser) -> tuple[type, Arguments]:
    found = parse_texts(entity, parser, "name value", "separator")
    return AppendEnvironmentVariable, found | parse_typed(entity, parser, prepend=bool)


def expose_texts(type_name: str, action_class: type, required: str = "", optional: str = "") -> None:
    """Call an action `type_name` whose attributes all hold substitutions; see `parse_texts`."""

    def parse(entity: Entity, parser: Parser) -> tuple[type, Arguments]:
        return action_class, parse_texts(entity, parser, required, optional)

    expose_action(type_name)(parse)


expose_texts("let", SetLaunchConfiguration, "name value")
expose_texts("unset", UnsetLaunchConfiguration, "name")
expose_texts("log", LogInfo, "message:msg")
expose_texts("reset_env", ResetEnvironment)
expose_texts("set_env", SetEnvironmentVariable, "name value")
expose_texts("shutdown", Shutdown, "", "reason")
expose_texts("unset_env", UnsetEnvironmentVariable, "name")
expose_action("append_env")(_parse_append)
expose_action("arg")(_parse_argument)
expose_action("executable")(_parse_executable)
expose_action("group")(_parse_group)
expose_action("include")(_parse_include)
expose_action("reset")(_parse_reset)
expose_action("timer")(_parse_timer)
