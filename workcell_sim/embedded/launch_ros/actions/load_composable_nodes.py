"""The loading of composable nodes into a container."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from composition_interfaces.srv import LoadNode
from launch.action import Action
from launch.launch_context import LaunchContext
from launch.logging import get_logger
from launch.some_substitutions_type import SomeSubstitutionsType
from launch.utilities import normalize_to_list_of_substitutions, perform_substitutions

from ..descriptions import ComposableNode, ParameterFile
from ..ros_adapters import get_ros_node
from ..utilities import (
    add_node_name,
    evaluate_parameters,
    get_node_name_count,
    make_namespace_absolute,
    normalize_parameter_dict,
    prefix_namespace,
    to_parameters_list,
)
from .composable_node_container import ComposableNodeContainer

_SERVICE_POLL_S = 0.05


class LoadComposableNodes(Action):
    """Asks a container, by its action or its full name, to load nodes one after the other."""

    def __init__(
        self,
        *,
        composable_node_descriptions: Iterable[ComposableNode],
        target_container: SomeSubstitutionsType | ComposableNodeContainer,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.__composable_node_descriptions = list(composable_node_descriptions)
        self.__target_container = target_container
        self.__logger = get_logger(__name__)

    def execute(self, context: LaunchContext) -> None:
        """Work out the requests, and send them once the container is there.

        Raises:
            RuntimeError: the launch service is not running.
        """
        if isinstance(self.__target_container, ComposableNodeContainer):
            container = self.__target_container.node_name
        else:
            container = perform_substitutions(context, normalize_to_list_of_substitutions(self.__target_container))
        # Worked out now: the scope is another one by the time they are sent.
        requests = [
            request
            for description in self.__composable_node_descriptions
            if (request := get_composable_node_load_request(description, context)) is not None
        ]
        if not requests:
            return
        if context.asyncio_loop is None:
            raise RuntimeError("LoadComposableNodes needs a running LaunchService")
        client = get_ros_node(context).create_client(LoadNode, f"{container}/_container/load_node")
        task = context.asyncio_loop.create_task(self.__load(context, client, container, requests))
        context.add_completion_future(task)

    async def __load(self, context: LaunchContext, client: Any, container: str, requests: list[Any]) -> None:
        while not client.service_is_ready():
            if self.__is_abandoned(context, client):
                return
            await asyncio.sleep(_SERVICE_POLL_S)
        for request in requests:
            answer = client.call_async(request)
            while not answer.done():
                if self.__is_abandoned(context, client):
                    answer.cancel()
                    return
                await asyncio.sleep(_SERVICE_POLL_S)
            self.__note(context, container, request, answer.result())

    def __is_abandoned(self, context: LaunchContext, client: Any) -> bool:
        if context.is_shutdown:
            self.__logger.warning("Abandoning wait for the '%s' service, due to shutdown.", client.srv_name)
        return context.is_shutdown

    def __note(self, context: LaunchContext, container: str, request: Any, response: Any) -> None:
        name = response.full_node_name or request.node_name
        if not response.success:
            self.__logger.error(
                "Failed to load node '%s' of type '%s' in container '%s': %s",
                name,
                request.plugin_name,
                container,
                response.error_message,
            )
            return
        add_node_name(context, name)
        count = get_node_name_count(context, name)
        if count > 1:
            get_logger(container).warning(
                "there are now at least %d nodes with the name %s created within this launch context", count, name
            )
        self.__logger.info("Loaded node '%s' in container '%s'", name, container)


def get_composable_node_load_request(composable_node_description: ComposableNode, context: LaunchContext) -> Any:
    """Return the request for a node, None where its condition does not hold."""
    description = composable_node_description
    condition = description.condition()
    if condition is not None and not condition.evaluate(context):
        return None
    request = LoadNode.Request()
    request.package_name = perform_substitutions(context, description.package)
    request.plugin_name = perform_substitutions(context, description.node_plugin)
    if description.node_name is not None:
        request.node_name = perform_substitutions(context, description.node_name)
    given = description.node_namespace
    namespace = make_namespace_absolute(
        prefix_namespace(
            context.launch_configurations.get("ros_namespace"),
            None if given is None else perform_substitutions(context, given),
        )
    )
    request.node_namespace = namespace or ""
    request.remap_rules = _remap_rules(context, description)
    request.parameters = _messages(context, request, [*_global_parameters(context), *(description.parameters or ())])
    request.extra_arguments = _messages(context, request, description.extra_arguments or ())
    return request


def _remap_rules(context: LaunchContext, description: ComposableNode) -> list[str]:
    for_all: Any = context.launch_configurations.get("ros_remaps", [])
    own = [
        (perform_substitutions(context, source), perform_substitutions(context, target))
        for source, target in description.remappings
    ]
    return [f"{source}:={target}" for source, target in [*for_all, *own]]


def _global_parameters(context: LaunchContext) -> list[Any]:
    settings: Any = context.launch_configurations.get("global_params", [])
    return [
        normalize_parameter_dict({setting[0]: setting[1]})
        if isinstance(setting, tuple)
        else ParameterFile(Path(setting).resolve())
        for setting in settings
    ]


def _messages(context: LaunchContext, request: Any, parameters: Iterable[Any]) -> list[Any]:
    evaluated = evaluate_parameters(context, list(parameters))
    listed = to_parameters_list(context, request.node_name, request.node_namespace, evaluated)
    return [parameter.to_parameter_msg() for parameter in listed]
