"""Where a launch description comes from."""

from __future__ import annotations

from .launch_context import LaunchContext
from .launch_description import LaunchDescription
from .logging import get_logger
from .some_substitutions_type import SomeSubstitutionsType
from .utilities import normalize_to_list_of_substitutions, perform_substitutions


class LaunchDescriptionSource:
    """A launch description, or the location of a file that gives one."""

    def __init__(
        self,
        launch_description: LaunchDescription | None = None,
        location: SomeSubstitutionsType = "",
        method: str = "unspecified mechanism from a script",
    ) -> None:
        self.__launch_description = launch_description
        self.__location = normalize_to_list_of_substitutions(location)
        self.__expanded_location: str | None = None
        self.__method = method

    @property
    def method(self) -> str:
        """How the description is had, in words."""
        return self.__method

    @property
    def location(self) -> str:
        """Where it is: the path if it was read, else the path's description."""
        if self.__expanded_location is None:
            return " + ".join(str(sub) for sub in self.__location)
        return self.__expanded_location

    def try_get_launch_description_without_context(self) -> LaunchDescription | None:
        """Return the description if it can be had before launching, else None."""
        if self.__launch_description is not None:
            return self.__launch_description
        try:
            return self._get_launch_description(perform_substitutions(LaunchContext(), self.__location))
        except Exception as error:
            # A best effort: the true error comes up when the description is launched.
            get_logger(__name__).debug(
                "Failed to load the launch file '%s' without a context: %s", self.location, error
            )
            return None

    def get_launch_description(self, context: LaunchContext) -> LaunchDescription:
        """Return the description; it is read once."""
        if self.__expanded_location is None:
            self.__expanded_location = perform_substitutions(context, self.__location)
        if self.__launch_description is None:
            self.__launch_description = self._get_launch_description(self.__expanded_location)
        return self.__launch_description

    def _get_launch_description(self, location: str) -> LaunchDescription:
        """Read the description at `location`."""
        raise NotImplementedError(f"{type(self).__name__} has no file to read")
