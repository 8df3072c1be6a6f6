"""The launch service's own use of simulated time."""

from __future__ import annotations

from typing import Any

from launch.action import Action
from launch.launch_context import LaunchContext
from launch.some_substitutions_type import SomeSubstitutionsType
from launch.utilities.type_utils import normalize_typed_substitution, perform_typed_substitution
from rclpy.parameter import Parameter

from ..ros_adapters import get_ros_node


class SetUseSimTime(Action):
    """Makes the launch service's node, and so ROSTimer, follow ``/clock``.

    For the nodes that are launched, set their parameter ``use_sim_time`` with SetParameter.
    """

    def __init__(self, value: bool | SomeSubstitutionsType, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.__value = normalize_typed_substitution(value, bool)

    @property
    def value(self) -> Any:
        """Whether to follow ``/clock``."""
        return self.__value

    def execute(self, context: LaunchContext) -> None:
        """Set the node's parameter.

        Raises:
            RuntimeError: the node did not accept it.
        """
        value = perform_typed_substitution(context, self.__value, bool)
        node = get_ros_node(context)
        (result,) = node.set_parameters([Parameter("use_sim_time", Parameter.Type.BOOL, value)])
        if not result.successful:
            raise RuntimeError(f"Failed to set use_sim_time parameter: {result.reason}")
