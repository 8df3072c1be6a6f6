"""Descriptions of parameters and parameter files."""

from __future__ import annotations

import os
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

import yaml
from launch.launch_context import LaunchContext
from launch.some_substitutions_type import (
    SomeSubstitutionsType,
    SomeSubstitutionsType_types_tuple,
)
from launch.substitutions import SubstitutionFailure
from launch.utilities import (
    ensure_argument_type,
    normalize_to_list_of_substitutions,
    perform_substitutions,
)
from launch.utilities.type_utils import normalize_typed_substitution, perform_typed_substitution


class ParameterValue:
    """A value; text made by substitutions is turned into `value_type`, or read as YAML."""

    def __init__(self, value: Any, *, value_type: Any = None) -> None:
        self.__value = normalize_typed_substitution(value, value_type)
        self.__value_type = value_type
        self.__evaluated: Any = None

    @property
    def value(self) -> Any:
        """The value; worked out after `evaluate`."""
        return self.__value if self.__evaluated is None else self.__evaluated

    @property
    def value_type(self) -> Any:
        """The type; None means by YAML rules."""
        return self.__value_type

    def __str__(self) -> str:
        return f"launch_ros.description.ParameterValue(value={self.value}, value_type={self.value_type})"

    def evaluate(self, context: LaunchContext) -> Any:
        """Return the value as worked out in `context`."""
        self.__evaluated = perform_typed_substitution(context, self.__value, self.__value_type)
        return self.__evaluated


class Parameter:
    """A name and a value."""

    def __init__(self, name: SomeSubstitutionsType, value: Any, *, value_type: Any = None) -> None:
        ensure_argument_type(name, SomeSubstitutionsType_types_tuple, "name")
        self.__name = normalize_to_list_of_substitutions(name)
        self.__value = ParameterValue(value, value_type=value_type)
        self.__evaluated: tuple[str, Any] | None = None

    @property
    def name(self) -> Any:
        """The name; as text after `evaluate`."""
        return self.__name if self.__evaluated is None else self.__evaluated[0]

    @property
    def value(self) -> Any:
        """The value; worked out after `evaluate`."""
        return self.__value.value

    @property
    def value_type(self) -> Any:
        """The type; None means by YAML rules."""
        return self.__value.value_type

    def __str__(self) -> str:
        return f"launch_ros.description.Parameter(name={self.name}, value={self.value}, value_type={self.value_type})"

    def evaluate(self, context: LaunchContext) -> tuple[str, Any]:
        """Return name and value as worked out in `context`; the first result stays."""
        if self.__evaluated is None:
            name = perform_substitutions(context, self.__name)
            self.__evaluated = (name, self.__value.evaluate(context))
        return self.__evaluated


class ParameterFile:
    """A YAML file of parameters; with `allow_substs` its text may hold ``$(...)``."""

    def __init__(
        self,
        param_file: SomeSubstitutionsType | os.PathLike[str] | bytes,
        *,
        allow_substs: bool | SomeSubstitutionsType = False,
    ) -> None:
        self.__path: Path | None = None
        self.__is_temporary = False
        accepted = (*SomeSubstitutionsType_types_tuple, os.PathLike, bytes)
        ensure_argument_type(param_file, accepted, "param_file", "ParameterFile()")
        self.__param_file: Any = param_file
        if not isinstance(param_file, os.PathLike | bytes):
            self.__param_file = normalize_to_list_of_substitutions(param_file)
        self.__allow_substs = normalize_typed_substitution(allow_substs, bool)
        self.__evaluated_allow_substs: bool | None = None

    @property
    def param_file(self) -> Any:
        """The path; as a Path after `evaluate`."""
        return self.__param_file if self.__path is None else self.__path

    @property
    def allow_substs(self) -> Any:
        """Whether the text may hold substitutions; a bool after `evaluate`."""
        if self.__evaluated_allow_substs is None:
            return self.__allow_substs
        return self.__evaluated_allow_substs

    def __str__(self) -> str:
        return f"launch_ros.description.ParameterFile(param_file={self.param_file}, allow_substs={self.allow_substs})"

    def evaluate(self, context: LaunchContext) -> Path:
        """Return the path of the file, or of a temporary one with substitutions performed.

        Raises:
            SubstitutionFailure: a substitution in the file failed, or made it invalid YAML.
        """
        if self.__path is not None:
            return self.__path
        allow_substs = perform_typed_substitution(context, self.__allow_substs, bool)
        self.__evaluated_allow_substs = bool(allow_substs)
        if isinstance(self.__param_file, list):
            path = Path(perform_substitutions(context, self.__param_file))
        else:
            path = Path(os.fsdecode(self.__param_file))
        self.__path = self.__substituted(context, path) if allow_substs else path
        return self.__path

    def __substituted(self, context: LaunchContext, path: Path) -> Path:
        # Here because most launch files need no parser.
        from launch.frontend import Parser

        text = perform_substitutions(context, Parser().parse_substitution(path.read_text()))
        try:
            yaml.safe_load(text)
        except yaml.YAMLError as error:
            raise SubstitutionFailure(
                f"{path}: with its substitutions performed it is not a valid YAML file: {error}"
            ) from error
        with NamedTemporaryFile("w", prefix="launch_params_", delete=False) as file:
            file.write(text)
        self.__is_temporary = True
        return Path(file.name)

    def cleanup(self) -> None:
        """Delete the temporary file if there is one."""
        if self.__is_temporary and self.__path is not None:
            self.__path.unlink(missing_ok=True)
            self.__path = None
            self.__is_temporary = False

    def __del__(self) -> None:
        self.cleanup()
