"""The directory of log files."""

from __future__ import annotations

import os
from typing import Any

from launch.action import Action
from launch.launch_context import LaunchContext
from launch.logging import base_log_dir
from launch.some_substitutions_type import SomeSubstitutionsType
from launch.substitution import Substitution
from launch.utilities import normalize_to_list_of_substitutions, perform_substitutions


class SetROSLogDir(Action):
    """Sets ROS_LOG_DIR for the nodes started later in this scope; a relative path is below the present one."""

    def __init__(self, new_log_dir: SomeSubstitutionsType, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.__log_dir = normalize_to_list_of_substitutions(new_log_dir)

    @property
    def log_dir(self) -> list[Substitution]:
        """The directory."""
        return self.__log_dir

    def execute(self, context: LaunchContext) -> None:
        """Set the environment variable."""
        new_log_dir = perform_substitutions(context, self.log_dir)
        context.environment["ROS_LOG_DIR"] = os.path.join(base_log_dir(), new_log_dir)
