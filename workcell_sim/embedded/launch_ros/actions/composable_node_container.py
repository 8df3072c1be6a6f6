"""A container of composable nodes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from launch.launch_context import LaunchContext
from launch.launch_description_entity import LaunchDescriptionEntity
from launch.some_substitutions_type import SomeSubstitutionsType

from ..descriptions import ComposableNode
from .node import Node


class ComposableNodeContainer(Node):
    """Runs a container and has nodes loaded into it.

    The container must be a Python program that offers ``_container/load_node``: the usual one loads C++ libraries,
    which the embedded runtime cannot run.
    """

    def __init__(
        self,
        *,
        name: SomeSubstitutionsType,
        namespace: SomeSubstitutionsType | None,
        composable_node_descriptions: Iterable[ComposableNode] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, namespace=namespace, **kwargs)
        self.__composable_node_descriptions = (
            None if composable_node_descriptions is None else list(composable_node_descriptions)
        )

    @property
    def composable_node_descriptions(self) -> list[ComposableNode] | None:
        """The nodes to load."""
        return self.__composable_node_descriptions

    def execute(self, context: LaunchContext) -> list[LaunchDescriptionEntity] | None:
        """Start the container and yield the loading of its nodes."""
        # Here because that module needs this one.
        from .load_composable_nodes import LoadComposableNodes

        entities = list(super().execute(context) or [])
        if self.__composable_node_descriptions:
            entities.append(
                LoadComposableNodes(
                    composable_node_descriptions=self.__composable_node_descriptions, target_container=self
                )
            )
        return entities
