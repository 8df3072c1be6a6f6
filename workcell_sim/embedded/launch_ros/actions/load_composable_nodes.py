"""The loading of composable nodes, which the embedded runtime cannot do."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NoReturn

from launch.action import Action
from launch.launch_context import LaunchContext
from launch.some_substitutions_type import SomeSubstitutionsType

from ..descriptions import ComposableNode
from .composable_node_container import ComposableNodeContainer


class LoadComposableNodes(Action):
    """Can be described; executing it is an error."""

    def __init__(
        self,
        *,
        composable_node_descriptions: Iterable[ComposableNode],
        target_container: SomeSubstitutionsType | ComposableNodeContainer,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.__descriptions = list(composable_node_descriptions)
        self.__target_container = target_container

    def execute(self, context: LaunchContext) -> NoReturn:
        """Refuse.

        Raises:
            NotImplementedError: always; components are C++ libraries.
        """
        raise NotImplementedError(
            "LoadComposableNodes is not supported by the embedded runtime: components are C++ "
            "libraries; start Python nodes with Node, which share one process anyway"
        )
