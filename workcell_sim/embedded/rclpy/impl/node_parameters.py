"""The parameters of a node."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

from rcl_interfaces.msg import (
    ListParametersResult,
    ParameterDescriptor,
    ParameterEvent,
    ParameterType,
    ParameterValue,
    SetParametersResult,
)
from rcl_interfaces.msg import Parameter as ParameterMsg
from rcl_interfaces.srv import ListParameters
from rclpy.exceptions import (
    InvalidParameterTypeException,
    InvalidParameterValueException,
    ParameterAlreadyDeclaredException,
    ParameterImmutableException,
    ParameterNotDeclaredException,
    ParameterUninitializedException,
)
from rclpy.parameter import PARAMETER_SEPARATOR_STRING, Parameter
from rclpy.validate_parameter_name import validate_parameter_name

from .parameter_rules import PARAM_REL_TOL, accept, check_range, check_type, refuse

PreSetCallback = Callable[[list[Parameter]], list[Parameter]]
OnSetCallback = Callable[[list[Parameter]], SetParametersResult]
PostSetCallback = Callable[[list[Parameter]], None]


class ParametersMixin:
    """Declares, checks, sets and lists parameters; every change is published on ``/parameter_events``."""

    PARAM_REL_TOL = PARAM_REL_TOL

    def _init_parameters(self, allow_undeclared: bool) -> None:
        self._parameters: dict[str, Parameter] = {}
        self._descriptors: dict[str, ParameterDescriptor] = {}
        self._parameter_overrides: dict[str, Parameter] = {}
        self._allow_undeclared_parameters = allow_undeclared
        self._pre_set_parameters_callbacks: list[PreSetCallback] = []
        self._on_set_parameters_callbacks: list[OnSetCallback] = []
        self._post_set_parameters_callbacks: list[PostSetCallback] = []
        self._parameter_event_publisher: Any = None

    # -- declaring ----------------------------------------------------------------------------------------------------

    def declare_parameter(
        self,
        name: str,
        value: Any = None,
        descriptor: ParameterDescriptor | None = None,
        ignore_override: bool = False,
    ) -> Parameter:
        """Declare a parameter; see :meth:`declare_parameters`."""
        entry: tuple[Any, ...] = (name,)
        if value is not None or descriptor is not None:
            entry = (name, value, ParameterDescriptor() if descriptor is None else descriptor)
        return self.declare_parameters("", [entry], ignore_override)[0]

    def declare_parameters(
        self, namespace: str, parameters: list[tuple[Any, ...]], ignore_override: bool = False
    ) -> list[Parameter]:
        """Declare parameters.

        Args:
            namespace: prefix of the names.
            parameters: ``(name,)``, ``(name, Parameter.Type)``, ``(name, default)`` or ``(name, default, descriptor)``.
            ignore_override: do not take initial values from arguments and files.

        Returns:
            The parameters as they now are.

        Raises:
            ParameterAlreadyDeclaredException: one was declared before.
            InvalidParameterException: a name is malformed.
            InvalidParameterValueException: a value was refused by its descriptor or by a callback.
            InvalidParameterTypeException: an override has another type.
            TypeError, ValueError: an entry is malformed.
        """
        declared: list[Parameter] = []
        descriptors: dict[str, ParameterDescriptor] = {}
        for index, entry in enumerate(parameters):
            name, value, descriptor = self._read_declaration(namespace, index, entry)
            if not ignore_override and name in self._parameter_overrides:
                value = self._parameter_overrides[name].value
            declared.append(_make_parameter(name, value, descriptor))
            descriptors[name] = descriptor
        known = [parameter.name for parameter in declared if parameter.name in self._parameters]
        if known:
            raise ParameterAlreadyDeclaredException(known)
        for parameter in declared:
            result = self._apply_and_store([parameter], descriptors)
            if not result.successful:
                if result.reason.startswith("Wrong parameter type"):
                    expected = Parameter.Type(descriptors[parameter.name].type).name
                    raise InvalidParameterTypeException(parameter, expected)
                raise InvalidParameterValueException(parameter.name, parameter.value, result.reason)
        return [self._parameters[parameter.name] for parameter in declared]

    def _read_declaration(
        self, namespace: str, index: int, entry: tuple[Any, ...]
    ) -> tuple[str, Any, ParameterDescriptor]:
        if not 1 <= len(entry) <= 3:
            raise TypeError(
                f"Invalid parameter tuple length at index {index} in parameters list: {entry}; "
                "expecting length between 1 and 3"
            )
        name = entry[0]
        if not isinstance(name, str):
            raise TypeError(f"First element {name} at index {index} in parameters list is not a str.")
        name = f"{namespace}.{name}" if namespace else name
        validate_parameter_name(name)
        second = entry[1] if len(entry) > 1 else None
        descriptor = entry[2] if len(entry) > 2 else ParameterDescriptor()
        if not isinstance(descriptor, ParameterDescriptor):
            raise TypeError(
                f"Third element {descriptor} at index {index} in parameters list is not a ParameterDescriptor."
            )
        if len(entry) == 1:
            warnings.warn(
                f"when declaring parameter named '{name}', declaring a parameter only providing its name is "
                "deprecated. You have to either:\n"
                '\t- Pass a name and a default value different to "PARAMETER NOT SET" (and optionally a descriptor).\n'
                "\t- Pass a name and a parameter type.\n"
                "\t- Pass a name and a descriptor with `dynamic_typing=True",
                stacklevel=4,
            )
            descriptor.dynamic_typing = True
        value = _settle_type(name, second, descriptor)
        return name, value, descriptor

    def undeclare_parameter(self, name: str) -> None:
        """Forget a parameter.

        Raises:
            ParameterNotDeclaredException, ParameterImmutableException: unknown; read-only.
        """
        if name not in self._parameters:
            raise ParameterNotDeclaredException(name)
        if self._descriptors[name].read_only:
            raise ParameterImmutableException(name)
        del self._parameters[name]
        del self._descriptors[name]

    # -- reading ------------------------------------------------------------------------------------------------------

    def has_parameter(self, name: str) -> bool:
        return name in self._parameters

    def get_parameter_types(self, names: list[str]) -> list[Parameter.Type]:
        _check_names(names)
        return [self.get_parameter_type(name) for name in names]

    def get_parameter_type(self, name: str) -> Any:
        """Type of a parameter, as the number used in messages."""
        if name in self._parameters:
            return self._parameters[name].type_.value
        if self._allow_undeclared_parameters:
            return Parameter.Type.NOT_SET
        raise ParameterNotDeclaredException(name)

    def get_parameters(self, names: list[str]) -> list[Parameter]:
        _check_names(names)
        return [self.get_parameter(name) for name in names]

    def get_parameter(self, name: str) -> Parameter:
        """A parameter by name.

        Raises:
            ParameterNotDeclaredException: unknown, and undeclared ones are not allowed.
            ParameterUninitializedException: declared by type only, and not set yet.
        """
        if name not in self._parameters:
            if self._allow_undeclared_parameters:
                return Parameter(name, Parameter.Type.NOT_SET, None)
            raise ParameterNotDeclaredException(name)
        parameter = self._parameters[name]
        if parameter.type_ is Parameter.Type.NOT_SET and not self._descriptors[name].dynamic_typing:
            raise ParameterUninitializedException(name)
        return parameter

    def get_parameter_or(self, name: str, alternative_value: Parameter | None = None) -> Parameter:
        """A parameter, or an alternative if it is unknown or not set."""
        parameter = self._parameters.get(name)
        if parameter is not None and parameter.type_ is not Parameter.Type.NOT_SET:
            return parameter
        return Parameter(name, Parameter.Type.NOT_SET) if alternative_value is None else alternative_value

    def get_parameters_by_prefix(self, prefix: str) -> dict[str, Parameter]:
        """Parameters below a prefix, by the rest of their names."""
        start = f"{prefix}{PARAMETER_SEPARATOR_STRING}" if prefix else ""
        return {name[len(start) :]: parameter for name, parameter in self._parameters.items() if name.startswith(start)}

    def list_parameters(self, prefixes: list[str], depth: int) -> ListParametersResult:
        """Names below some prefixes, at most ``depth`` levels deep (zero: all levels).

        Raises:
            TypeError, ValueError: arguments of the wrong type, or a negative depth.
        """
        if not isinstance(prefixes, list):
            raise TypeError("The prefixes argument must be a list")
        if not all(isinstance(prefix, str) for prefix in prefixes):
            raise TypeError("All prefixes must be instances of type str")
        if not isinstance(depth, int):
            raise TypeError("The depth must be instance of type int")
        if depth < 0:
            raise ValueError("The depth must be greater than or equal to zero")
        result = ListParametersResult()
        for name in self._parameters:
            if not _is_listed(name, prefixes, depth):
                continue
            result.names.append(name)
            prefix, separator, _ = name.rpartition(PARAMETER_SEPARATOR_STRING)
            if separator and prefix not in result.prefixes:
                result.prefixes.append(prefix)
        return result

    # -- setting ------------------------------------------------------------------------------------------------------

    def set_parameters(self, parameter_list: list[Parameter]) -> list[SetParametersResult]:
        """Set parameters one after the other; each may be refused on its own."""
        return [self.set_parameters_atomically([parameter]) for parameter in parameter_list]

    def set_parameters_atomically(self, parameter_list: list[Parameter]) -> SetParametersResult:
        """Set all parameters or none.

        Raises:
            ParameterNotDeclaredException: one is unknown, and undeclared ones are not allowed.
            TypeError: an item is no :class:`Parameter`.
        """
        if self._pre_set_parameters_callbacks:
            modified: list[Parameter] = []
            for callback in self._pre_set_parameters_callbacks:
                modified.extend(callback(parameter_list))
            if not modified:
                return refuse(
                    "parameter list cannot be empty, this might be due to "
                    "pre_set_parameters_callback modifying the original parameters list."
                )
            parameter_list = modified
        self._check_undeclared_parameters(parameter_list)
        return self._apply_and_store(parameter_list, None)

    def _check_undeclared_parameters(self, parameter_list: list[Parameter]) -> None:
        if not all(isinstance(parameter, Parameter) for parameter in parameter_list):
            raise TypeError(f"parameter must be instance of type '{Parameter!r}'")
        if self._allow_undeclared_parameters:
            return
        unknown = [parameter.name for parameter in parameter_list if parameter.name not in self._parameters]
        if unknown:
            raise ParameterNotDeclaredException(unknown)

    def _apply_and_store(
        self, parameter_list: list[Parameter], descriptors: dict[str, ParameterDescriptor] | None
    ) -> SetParametersResult:
        """Check, ask the callbacks, store, publish, tell. With descriptors, the parameters are being declared."""
        declaring = descriptors is not None
        known = self._descriptors if descriptors is None else descriptors
        for parameter in parameter_list:
            if parameter.name in known:
                result = self._check_against(parameter, known[parameter.name], check_read_only=not declaring)
                if not result.successful:
                    return result
        for callback in self._on_set_parameters_callbacks:
            result = callback(parameter_list)
            if not result.successful:
                return result
        event = ParameterEvent(node=self.get_fully_qualified_name())
        for parameter in parameter_list:
            if parameter.type_ is Parameter.Type.NOT_SET and not declaring:
                event.deleted_parameters.append(parameter.to_parameter_msg())
                self._parameters.pop(parameter.name, None)
                self._descriptors.pop(parameter.name, None)
            else:
                self._store(parameter, descriptors, event)
        event.stamp = self._clock.now().to_msg()
        self._parameter_event_publisher.publish(event)
        for post_callback in self._post_set_parameters_callbacks:
            post_callback(parameter_list)
        return accept()

    def _store(
        self, parameter: Parameter, descriptors: dict[str, ParameterDescriptor] | None, event: ParameterEvent
    ) -> None:
        name = parameter.name
        if descriptors is not None:
            self._descriptors[name] = descriptors[name]
        elif name not in self._descriptors:
            self._descriptors[name] = ParameterDescriptor(dynamic_typing=True)
        is_new = self.get_parameter_or(name).type_ is Parameter.Type.NOT_SET
        (event.new_parameters if is_new else event.changed_parameters).append(parameter.to_parameter_msg())
        self._parameters[name] = parameter

    def _check_against(
        self, parameter: Parameter, descriptor: ParameterDescriptor, check_read_only: bool
    ) -> SetParametersResult:
        descriptor.name = parameter.name
        if check_read_only and descriptor.read_only:
            return refuse(f"Trying to set a read-only parameter: {parameter.name}.")
        result = check_type(parameter, descriptor, parameter.name in self._parameters)
        return check_range(parameter, descriptor) if result.successful else result

    # -- callbacks ----------------------------------------------------------------------------------------------------

    def add_pre_set_parameters_callback(self, callback: PreSetCallback) -> None:
        """Let ``callback`` change the list before it is checked."""
        self._pre_set_parameters_callbacks.insert(0, callback)

    def add_on_set_parameters_callback(self, callback: OnSetCallback) -> None:
        """Let ``callback`` accept or refuse a change; it must not have side effects."""
        self._on_set_parameters_callbacks.insert(0, callback)

    def add_post_set_parameters_callback(self, callback: PostSetCallback) -> None:
        """Call ``callback`` after a change was made."""
        self._post_set_parameters_callbacks.insert(0, callback)

    def remove_pre_set_parameters_callback(self, callback: PreSetCallback) -> None:
        self._pre_set_parameters_callbacks.remove(callback)

    def remove_on_set_parameters_callback(self, callback: OnSetCallback) -> None:
        self._on_set_parameters_callbacks.remove(callback)

    def remove_post_set_parameters_callback(self, callback: PostSetCallback) -> None:
        self._post_set_parameters_callbacks.remove(callback)

    # -- descriptors --------------------------------------------------------------------------------------------------

    def describe_parameter(self, name: str) -> ParameterDescriptor:
        """Descriptor of a parameter.

        Raises:
            ParameterNotDeclaredException: unknown, and undeclared ones are not allowed.
        """
        if name in self._descriptors:
            return self._descriptors[name]
        if self._allow_undeclared_parameters:
            return ParameterDescriptor()
        raise ParameterNotDeclaredException(name)

    def describe_parameters(self, names: list[str]) -> list[ParameterDescriptor]:
        return [self.describe_parameter(name) for name in names]

    def set_descriptor(
        self, name: str, descriptor: ParameterDescriptor, alternative_value: ParameterValue | None = None
    ) -> ParameterValue:
        """Give a parameter another descriptor, and the alternative value if the present one does not fit it.

        Raises:
            ParameterNotDeclaredException, ParameterImmutableException: unknown; read-only.
            InvalidParameterValueException: neither value fits.
        """
        if name not in self._parameters:
            if not self._allow_undeclared_parameters:
                raise ParameterNotDeclaredException(name)
            return self.get_parameter(name).get_parameter_value()
        if self.describe_parameter(name).read_only:
            raise ParameterImmutableException(name)
        chosen = self.get_parameter(name)
        if not self._check_against(chosen, descriptor, check_read_only=False).successful:
            if alternative_value is not None:
                chosen = Parameter.from_parameter_msg(ParameterMsg(name=name, value=alternative_value))
            result = self._check_against(chosen, descriptor, check_read_only=False)
            if not result.successful:
                raise InvalidParameterValueException(name, chosen.value, result.reason)
        self._parameters[name] = chosen
        self._descriptors[name] = descriptor
        return self.get_parameter(name).get_parameter_value()


def _settle_type(name: str, second: Any, descriptor: ParameterDescriptor) -> Any:
    """Write the type that a declaration implies into the descriptor; returns the default value."""
    if isinstance(second, Parameter.Type):
        if second is Parameter.Type.NOT_SET:
            raise ValueError(f"Cannot declare parameter {{{name}}} as statically typed of type NOT_SET")
        if descriptor.dynamic_typing:
            raise ValueError(
                f"When declaring parameter {{{name}}} passing a descriptor with`dynamic_typing=True` is not allowed "
                "when the parameter type is provided"
            )
        descriptor.type = second.value
        return None
    if not descriptor.dynamic_typing:
        if isinstance(second, ParameterValue):
            descriptor.type = second.type
        else:
            descriptor.type = Parameter.Type.from_parameter_value(second).value
        if descriptor.type == ParameterType.PARAMETER_NOT_SET:
            raise ValueError("Cannot declare a statically typed parameter with default value of type PARAMETER_NOT_SET")
    return second


def _make_parameter(name: str, value: Any, descriptor: ParameterDescriptor) -> Parameter:
    if isinstance(value, list) and not value and not descriptor.dynamic_typing:
        # An empty list says nothing about its type; the declaration does.
        declared = Parameter.Type(descriptor.type)
        if declared.name.endswith("_ARRAY"):
            return Parameter(name, declared, value)
    return Parameter(name, value=value)


def _check_names(names: list[str]) -> None:
    if not all(isinstance(name, str) for name in names):
        raise TypeError("All names must be instances of type str")


def _is_listed(name: str, prefixes: list[str], depth: int) -> bool:
    recursive = depth == ListParameters.Request.DEPTH_RECURSIVE
    if not prefixes:
        return recursive or name.count(PARAMETER_SEPARATOR_STRING) < depth
    for prefix in prefixes:
        if name == prefix:
            return True
        start = prefix + PARAMETER_SEPARATOR_STRING
        if name.startswith(start) and (recursive or name[len(start) :].count(PARAMETER_SEPARATOR_STRING) < depth):
            return True
    return False
