"""The path of a package's executable."""

from __future__ import annotations

from launch.launch_context import LaunchContext
from launch.some_substitutions_type import SomeSubstitutionsType
from launch.substitution import Substitution
from launch.substitutions.substitution_failure import SubstitutionFailure
from launch.utilities import normalize_to_list_of_substitutions, perform_substitutions

from .._executables import ExecutableNotFoundError, find_in_package
from .find_package import FindPackagePrefix


class ExecutableInPackage(FindPackagePrefix):
    """Stands for ``<prefix>/lib/<package>/<executable>``.

    For programs that run straight from a checkout or wheel no such file exists.
    """

    def __init__(self, executable: SomeSubstitutionsType, package: SomeSubstitutionsType) -> None:
        super().__init__(package)
        self.__executable = normalize_to_list_of_substitutions(executable)

    @property
    def executable(self) -> list[Substitution]:
        """The executable's name."""
        return self.__executable

    def describe(self) -> str:
        """Return a description for people."""
        executable = " + ".join(sub.describe() for sub in self.executable)
        package = " + ".join(sub.describe() for sub in self.package)
        return f"ExecInPkg(pkg={package}, exec={executable})"

    def perform(self, context: LaunchContext) -> str:
        """Return the path.

        Raises:
            PackageNotFoundError: there is no such package.
            SubstitutionFailure: it has no such executable.
        """
        package = perform_substitutions(context, self.package)
        executable = perform_substitutions(context, self.executable)
        try:
            return find_in_package(package, executable).path
        except ExecutableNotFoundError as error:
            raise SubstitutionFailure(str(error)) from error
