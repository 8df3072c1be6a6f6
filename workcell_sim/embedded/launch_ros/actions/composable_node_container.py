"""Containers of composable nodes, which the embedded runtime does not have."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NoReturn

from launch.launch_context import LaunchContext
from launch.some_substitutions_type import SomeSubstitutionsType

from ..descriptions import ComposableNode
from .node import Node


class ComposableNodeContainer(Node):
    """Can be described; executing it is an error."""

    def __init__(
        self,
        *,
        name: SomeSubstitutionsType,
        namespace: SomeSubstitutionsType | None,
        composable_node_descriptions: Iterable[ComposableNode] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, namespace=namespace, **kwargs)
        self.__descriptions = composable_node_descriptions

    @property
    def composable_node_descriptions(self) -> Iterable[ComposableNode] | None:
        """The nodes to load."""
        return self.__descriptions

    def execute(self, context: LaunchContext) -> NoReturn:
        """Refuse.

        Raises:
            NotImplementedError: always; components are C++ libraries.
        """
        raise NotImplementedError(
            "ComposableNodeContainer is not supported by the embedded runtime: components are C++ "
            "libraries; start Python nodes with Node, which share one process anyway"
        )
