"""Where a package is installed."""

from __future__ import annotations

from ament_index_python.packages import get_package_prefix, get_package_share_directory
from launch.launch_context import LaunchContext
from launch.some_substitutions_type import SomeSubstitutionsType
from launch.substitution import Substitution
from launch.utilities import normalize_to_list_of_substitutions, perform_substitutions


class FindPackage(Substitution):
    """Stands for a directory of `package`, which `find` tells."""

    def __init__(self, package: SomeSubstitutionsType) -> None:
        self.__package = normalize_to_list_of_substitutions(package)

    @property
    def package(self) -> list[Substitution]:
        """The package."""
        return self.__package

    def find(self, package_name: str) -> str:
        """Return the directory."""
        raise NotImplementedError(f"{type(self).__name__} does not define find()")

    def describe(self) -> str:
        """Return a description for people."""
        package = " + ".join(sub.describe() for sub in self.package)
        return f"{type(self).__name__}(pkg={package})"

    def perform(self, context: LaunchContext) -> str:
        """Return the directory.

        Raises:
            PackageNotFoundError: there is no such package.
        """
        return self.find(perform_substitutions(context, self.package))


class FindPackagePrefix(FindPackage):
    """Stands for the prefix below which the package is installed."""

    def find(self, package_name: str) -> str:
        """Return the prefix."""
        return get_package_prefix(package_name)


class FindPackageShare(FindPackage):
    """Stands for the package's share directory."""

    def find(self, package_name: str) -> str:
        """Return the share directory."""
        return get_package_share_directory(package_name)
