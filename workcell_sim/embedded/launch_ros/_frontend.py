"""What the actions and substitutions of ``launch_ros`` are called in markup."""

from __future__ import annotations

from typing import Any, List

from launch.frontend import Entity, Parser, expose_action
from launch.frontend._action_parsers import (
    Arguments,
    expose_texts,
    parse_command_line,
    parse_condition,
    parse_pairs,
    parse_process,
    parse_texts,
    parse_timer,
)
from launch.frontend._substitution_table import expose
from launch.frontend.type_utils import get_data_type_from_identifier

from .actions import (
    ComposableNodeContainer,
    LoadComposableNodes,
    Node,
    PushROSNamespace,
    ROSTimer,
    SetParameter,
    SetParametersFromFile,
    SetRemap,
    SetROSLogDir,
    SetUseSimTime,
)
from .descriptions import ComposableNode, ParameterFile, ParameterValue
from .substitutions import ExecutableInPackage, FindPackagePrefix, FindPackageShare, Parameter


def _parse_node_arguments(entity: Entity, parser: Parser) -> Arguments:
    found = parse_process(entity, parser)
    found |= parse_texts(entity, parser, "exec:executable", "pkg:package name exec_name namespace")
    for attribute, parameter in (("args", "arguments"), ("ros_args", "ros_arguments")):
        text = entity.get_attr(attribute, optional=True)
        if text is not None:
            found[parameter] = parse_command_line(text, parser)
    return found | _parse_remappings_and_parameters(entity, parser)


def _parse_remappings_and_parameters(entity: Entity, parser: Parser) -> Arguments:
    found: Arguments = {}
    remappings = parse_pairs(entity, parser, "remap", "from to")
    if remappings:
        found["remappings"] = remappings
    parameters = entity.get_attr("param", data_type=List[Entity], optional=True)
    if parameters is not None:
        found["parameters"] = [_parse_parameter(item, parser) for item in parameters]
    return found


def _parse_parameter(entity: Entity, parser: Parser) -> Any:
    """Return a parameter file, or a dictionary of one parameter and what is nested in it."""
    file = entity.get_attr("from", optional=True)
    allow_substs = entity.get_attr("allow_substs", data_type=bool, optional=True)
    name = entity.get_attr("name", optional=True)
    if file is None and name is None:
        raise ValueError("param Entity should have name or from attribute")
    if file is not None and name is not None:
        raise RuntimeError("name and from attributes are mutually exclusive")
    if file is None:
        if allow_substs is not None:
            raise RuntimeError("'allow_substs' can only be used together with 'from' attribute")
        return _parse_named(entity, parser)
    entity.assert_entity_completely_parsed()
    substitutable = parser.parse_substitution(allow_substs) if isinstance(allow_substs, str) else bool(allow_substs)
    return ParameterFile(parser.parse_substitution(file), allow_substs=substitutable)


def _parse_named(entity: Entity, parser: Parser) -> dict[Any, Any]:
    name = tuple(parser.parse_substitution(entity.get_attr("name")))
    type_name = entity.get_attr("type", optional=True)
    data_type = None if type_name is None else get_data_type_from_identifier(type_name)
    value = entity.get_attr("value", data_type=data_type, optional=True)
    nested = entity.get_attr("param", data_type=List[Entity], optional=True)
    entity.assert_entity_completely_parsed()
    if nested:
        if value is not None or type_name is not None:
            raise RuntimeError("nested parameters and value or type attributes are mutually exclusive")
        inner: dict[Any, Any] = {}
        for item in nested:
            inner |= _parse_named(item, parser)
        return {name: inner}
    if value is None:
        raise RuntimeError("either a value attribute or nested params are needed")
    return {name: ParameterValue(parser.parse_if_substitutions(value), value_type=data_type)}


def _parse_composable_nodes(entity: Entity, parser: Parser) -> list[ComposableNode]:
    children = entity.get_attr("composable_node", data_type=List[Entity], optional=True) or []
    return [_parse_composable_node(child, parser) for child in children]


def _parse_composable_node(entity: Entity, parser: Parser) -> ComposableNode:
    found = parse_texts(entity, parser, "pkg:package plugin name", "namespace")
    found |= _parse_remappings_and_parameters(entity, parser)
    extra = parse_pairs(entity, parser, "extra_arg", "name value")
    if extra:
        found["extra_arguments"] = [{tuple(name): value} for name, value in extra]
    entity.assert_entity_completely_parsed()
    return ComposableNode(**found)


def _parse_node(entity: Entity, parser: Parser) -> tuple[type, Arguments]:
    return Node, _parse_node_arguments(entity, parser)


def _parse_container(entity: Entity, parser: Parser) -> tuple[type, Arguments]:
    found = _parse_node_arguments(entity, parser)
    found["composable_node_descriptions"] = _parse_composable_nodes(entity, parser)
    return ComposableNodeContainer, found


def _parse_load(entity: Entity, parser: Parser) -> tuple[type, Arguments]:
    found = parse_texts(entity, parser, "target:target_container")
    found["composable_node_descriptions"] = _parse_composable_nodes(entity, parser)
    return LoadComposableNodes, found


def _parse_ros_timer(entity: Entity, parser: Parser) -> tuple[type, Arguments]:
    return ROSTimer, parse_timer(entity, parser)


def _parse_set_use_sim_time(entity: Entity, parser: Parser) -> tuple[type, Arguments]:
    found = parse_condition(entity, parser)
    value = entity.get_attr("value", data_type=bool)
    return SetUseSimTime, found | {"value": parser.parse_if_substitutions(value)}


expose_action("node")(_parse_node)
expose_action("node_container")(_parse_container)
expose_action("load_composable_node")(_parse_load)
expose_action("ros_timer")(_parse_ros_timer)
expose_action("set_use_sim_time")(_parse_set_use_sim_time)
expose_texts("push_ros_namespace", PushROSNamespace, "namespace")
expose_texts("push-ros-namespace", PushROSNamespace, "namespace")
expose_texts("set_parameter", SetParameter, "name value")
expose_texts("set_parameters_from_file", SetParametersFromFile, "filename")
expose_texts("set_remap", SetRemap, "from:src to:dst")
expose_texts("set_ros_log_dir", SetROSLogDir, "new_log_dir")
expose("exec-in-pkg", ExecutableInPackage, "executable package")
expose("find-pkg-prefix", FindPackagePrefix, "package")
expose("find-pkg-share", FindPackageShare, "package")
expose("param", Parameter, "name", "default")
