"""The execution of a ROS node."""

from __future__ import annotations

import os
import weakref
from collections.abc import Iterable
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

import yaml
from launch.actions import ExecuteProcess
from launch.actions._program import Program
from launch.launch_context import LaunchContext
from launch.launch_description_entity import LaunchDescriptionEntity
from launch.logging import get_logger
from launch.some_substitutions_type import SomeSubstitutionsType
from launch.substitutions import SubstitutionFailure
from launch.utilities import (
    ensure_argument_type,
    normalize_to_list_of_substitutions,
    perform_substitutions,
)
from rclpy.validate_namespace import validate_namespace
from rclpy.validate_node_name import validate_node_name

from .._executables import (
    ExecutableNotFoundError,
    PythonProgram,
    find_in_package,
    from_file,
    from_interpreter,
    is_interpreter,
)
from ..parameter_descriptions import Parameter
from ..parameters_type import SomeParameters
from ..remap_rule_type import SomeRemapRules
from ..substitutions import ExecutableInPackage
from ..utilities import (
    add_node_name,
    evaluate_parameters,
    get_node_name_count,
    make_namespace_absolute,
    normalize_parameters,
    normalize_remap_rules,
    prefix_namespace,
)
from ._kernel_program import KernelProgram


class Node(ExecuteProcess):
    """Runs a Python node as a process of the kernel.

    `executable` is an entry point of `package`, or without package the path of a Python file.
    Further arguments are those of ExecuteProcess.
    """

    UNSPECIFIED_NODE_NAME = "<node_name_unspecified>"
    UNSPECIFIED_NODE_NAMESPACE = "<node_namespace_unspecified>"

    # A Ctrl-C in the terminal reaches this process alone.
    _gets_terminal_signals = False

    def __init__(
        self,
        *,
        executable: SomeSubstitutionsType,
        package: SomeSubstitutionsType | None = None,
        name: SomeSubstitutionsType | None = None,
        namespace: SomeSubstitutionsType | None = None,
        exec_name: SomeSubstitutionsType | None = None,
        parameters: SomeParameters | None = None,
        remappings: SomeRemapRules | None = None,
        ros_arguments: Iterable[SomeSubstitutionsType] | None = None,
        arguments: Iterable[SomeSubstitutionsType] | None = None,
        **kwargs: Any,
    ) -> None:
        if parameters is not None:
            ensure_argument_type(parameters, (list,), "parameters", "Node")
        cmd: list[SomeSubstitutionsType] = [executable if package is None else ExecutableInPackage(executable, package)]
        cmd += list(arguments or ())
        cmd += ["--ros-args", *ros_arguments] if ros_arguments is not None else []
        super().__init__(cmd=[*cmd, "--ros-args"], name=exec_name, **kwargs)
        self.__package = package
        self.__node_executable = executable
        self.__name = name
        self.__namespace = namespace
        self.__parameters = normalize_parameters(parameters or [])
        self.__remappings = list(normalize_remap_rules(remappings or ()))
        self.__expanded_name = self.UNSPECIFIED_NODE_NAME
        self.__expanded_namespace = self.UNSPECIFIED_NODE_NAMESPACE
        self.__final_name: str | None = None
        self.__expanded_remappings: list[tuple[str, str]] | None = None
        # What was added to the command: a file, or a rule name:=value.
        self.__expanded_parameter_arguments: list[tuple[str, bool]] = []
        self.__program: PythonProgram | None = None
        self.__performed = False
        self.__logger = get_logger(__name__)

    @property
    def node_package(self) -> SomeSubstitutionsType | None:
        """The package as given."""
        return self.__package

    @property
    def node_executable(self) -> SomeSubstitutionsType:
        """The executable as given."""
        return self.__node_executable

    @property
    def node_name(self) -> str:
        """The node's full name.

        Raises:
            RuntimeError: the action was not executed yet.
        """
        if self.__final_name is None:
            raise RuntimeError("cannot access 'node_name' before executing action")
        return self.__final_name

    @property
    def expanded_node_namespace(self) -> str:
        """The node's namespace, worked out."""
        return self.__expanded_namespace

    @property
    def expanded_remapping_rules(self) -> list[tuple[str, str]] | None:
        """The remapping rules, worked out; None where there are none."""
        return self.__expanded_remappings

    def is_node_name_fully_specified(self) -> bool:
        """Whether the launch file tells the node's name and namespace."""
        unknown = (self.UNSPECIFIED_NODE_NAME, self.UNSPECIFIED_NODE_NAMESPACE)
        return not any(part in self.node_name for part in unknown)

    def _perform_substitutions(self, context: LaunchContext) -> None:
        """Work out name, namespace, parameters and remappings, and add them to the command."""
        if self.__performed:
            return
        self.__performed = True
        try:
            self.__perform_names(context)
        except Exception:
            self.__logger.error(
                "Error while expanding or validating node name or namespace for "
                "'package=%s, executable=%s, name=%s, namespace=%s':",
                self.__package,
                self.__node_executable,
                self.__name,
                self.__namespace,
            )
            raise
        self.__perform_parameters(context)
        self.__perform_remappings(context)

    def __perform_names(self, context: LaunchContext) -> None:
        if self.__name is not None:
            self.__expanded_name = _perform(context, self.__name)
            validate_node_name(self.__expanded_name)
            self.__add_arguments("-r", f"__node:={self.__expanded_name}")
        given = None if self.__namespace is None else _perform(context, self.__namespace)
        base = context.launch_configurations.get("ros_namespace")
        namespace = make_namespace_absolute(prefix_namespace(base, given))
        if namespace is not None:
            validate_namespace(namespace)
            self.__expanded_namespace = namespace
            self.__add_arguments("-r", f"__ns:={namespace}")
        self.__final_name = prefix_namespace(self.__expanded_namespace, self.__expanded_name)

    def __perform_parameters(self, context: LaunchContext) -> None:
        # Those for all nodes come first: the node's own take precedence.
        settings: Any = context.launch_configurations.get("global_params", [])
        for setting in settings:
            if isinstance(setting, tuple):
                self.__add_arguments("-p", f"{setting[0]}:={_rule_value(setting[1])}")
            else:
                self.__add_file(Path(setting).absolute())
        for parameters in evaluate_parameters(context, self.__parameters):
            if isinstance(parameters, dict):
                self.__add_file(self.__write(parameters))
            elif isinstance(parameters, Path):
                self.__add_file(parameters)
            elif isinstance(parameters, Parameter):
                name, value = parameters.evaluate(context)
                rule = f"{name}:={yaml.dump(value)}"
                self.__expanded_parameter_arguments.append((rule, False))
                self.__add_arguments("-p", rule)
            else:
                raise RuntimeError(f"invalid normalized parameters {parameters!r}")

    def __add_file(self, path: Path) -> None:
        if path.is_file():
            self.__expanded_parameter_arguments.append((str(path), True))
            self.__add_arguments("--params-file", str(path))
        else:
            self.__logger.warning("Parameter file path is not a file: %s", path)

    def __write(self, parameters: dict[str, Any]) -> Path:
        """Write parameters to a temporary YAML file for this node, which lasts as long as this action."""
        node = self.node_name if self.is_node_name_fully_specified() else "/**"
        content = {node: {"ros__parameters": {name: _plain(v) for name, v in parameters.items()}}}
        with NamedTemporaryFile("w", prefix="launch_params_", delete=False) as file:
            yaml.safe_dump(content, file, default_flow_style=False)
        path = Path(file.name)
        weakref.finalize(self, path.unlink, missing_ok=True)
        return path

    def __perform_remappings(self, context: LaunchContext) -> None:
        rules: Any = list(context.launch_configurations.get("ros_remaps", []))
        rules += [
            (perform_substitutions(context, source), perform_substitutions(context, target))
            for source, target in self.__remappings
        ]
        self.__expanded_remappings = rules or None
        for source, target in rules:
            self.__add_arguments("-r", f"{source}:={target}")

    def __add_arguments(self, *arguments: str) -> None:
        self.process_description.cmd.extend(normalize_to_list_of_substitutions(argument) for argument in arguments)

    def execute(self, context: LaunchContext) -> list[LaunchDescriptionEntity] | None:
        """Start the node, unless the launch is shutting down.

        Raises:
            SubstitutionFailure: there is no such executable, or it is not Python.
            PackageNotFoundError: there is no such package.
        """
        self._perform_substitutions(context)
        self.__program = self.__find_program(context)
        entities = super().execute(context)
        if self.is_node_name_fully_specified():
            add_node_name(context, self.node_name)
            count = get_node_name_count(context, self.node_name)
            if count > 1:
                get_logger(self.name).warning(
                    "there are now at least %d nodes with the name %s created within this launch context",
                    count,
                    self.node_name,
                )
        return entities

    def __find_program(self, context: LaunchContext) -> PythonProgram | None:
        """Return the program, None where only the whole command line tells it."""
        executable = _perform(context, self.__node_executable)
        try:
            if self.__package is not None:
                return find_in_package(_perform(context, self.__package), executable)
            return None if is_interpreter(executable) else from_file(Path(executable))
        except ExecutableNotFoundError as error:
            raise SubstitutionFailure(str(error)) from error

    def _start_program(self, context: LaunchContext) -> Program:
        """Start the node within this process.

        Raises:
            ExecutableNotFoundError: the command line is not one that this process can run.
        """
        details = self.process_details
        loop = context.asyncio_loop
        if loop is None or details is None:
            raise RuntimeError("the launch service is not running")
        program, arguments = self.__program, details["cmd"][1:]
        if program is None:
            program, arguments = from_interpreter(arguments)
        elif details["cmd"][0] != program.path:
            raise ExecutableNotFoundError(
                f"launch-prefix '{details['cmd'][0]}' is not supported: the node runs within this process"
            )
        return KernelProgram(
            program,
            arguments,
            name=details["name"],
            env=_differences(details["env"]),
            loop=loop,
            on_output=lambda fd, data: self._on_output(context, fd, data),
            on_exit=lambda code: self._on_exit(context, code),
        )


def _perform(context: LaunchContext, text: SomeSubstitutionsType) -> str:
    return perform_substitutions(context, normalize_to_list_of_substitutions(text))


def _plain(value: Any) -> Any:
    """Return what YAML writes without a Python tag."""
    return list(value) if isinstance(value, tuple) else value


def _rule_value(value: Any) -> str:
    """Return a value as it stands in ``-p name:=value``."""
    return str(list(value)) if isinstance(value, tuple) else str(value)


def _differences(env: dict[str, str]) -> dict[str, str]:
    """Return the variables that differ from this process's own, which all processes see."""
    return {name: value for name, value in env.items() if os.environ.get(name) != value}
