"""Makes ``import std_msgs.msg`` work: modules made from interface definitions at the moment they are imported.

As in ROS 2, ``std_msgs.msg.String`` lives in the module ``std_msgs.msg._string``, a service's module also holds its
request, response and event, an action's module all its messages and services. ``std_msgs.msg`` makes a class only when
it is asked for, so that importing a package with a hundred messages costs nothing.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any, Final

from . import derived, store
from .classes import build_message_class
from .model import ActionSpec, MessageSpec, ServiceSpec
from .support import TYPE_HASH

_PACKAGE: Final = re.compile(r"[a-z][a-z0-9_]*")
_SUFFIXES: Final = {
    "msg": ("",),
    "srv": ("", "_Event", "_Request", "_Response"),
    "action": (
        "",
        "_GetResult_Event",
        "_GetResult_Request",
        "_GetResult_Response",
        "_SendGoal_Event",
        "_SendGoal_Request",
        "_SendGoal_Response",
    ),
}


def module_name(short: str) -> str:
    """Return the name of the module of an interface: ``JointState`` lives in ``_joint_state``."""
    value = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", short)
    return "_" + re.sub("([a-z0-9])([A-Z])", r"\1_\2", value).lower()


def find_class(name: str) -> Any:
    """Return the class of ``package/kind/Name``, also of derived ones as ``package/srv/Name_Request``.

    Raises:
        InterfaceError: Where there is no such interface, or its definition is wrong.
    """
    package, kind, short = name.split("/")
    base = short.split("_", 1)[0]
    qualified = f"{package}.{kind}.{module_name(base)}"
    module = sys.modules.get(qualified)
    if module is None:
        store.load(f"{package}/{kind}/{base}")
        module = import_module(qualified)
    return getattr(module, short)


class InterfaceFinder(MetaPathFinder):
    """Finds interface packages, their ``msg``, ``srv`` and ``action`` packages and the modules in them."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Answer for what belongs to an interface package; leave every other name to the next finder."""
        package, *rest = fullname.split(".")
        if len(rest) > 2 or not _PACKAGE.fullmatch(package) or not store.has_package(package):
            return None
        if not rest:
            return self._package_spec(package)
        kind = rest[0]
        if kind not in store.KINDS or not store.interface_names(package, kind):
            return None
        if len(rest) == 1:
            return ModuleSpec(fullname, _KindLoader(package, kind), is_package=True)
        for short in store.interface_names(package, kind):
            if module_name(short) == rest[1]:
                path_found = store.definition_path(f"{package}/{kind}/{short}")
                origin = str(path_found) if path_found is not None else None
                return ModuleSpec(fullname, _InterfaceLoader(package, kind, short), origin=origin)
        return None

    def _package_spec(self, package: str) -> ModuleSpec | None:
        """Give way to a regular package of that name (its interfaces are still ours), else make an empty one."""
        locations: list[str] = []
        found = PathFinder.find_spec(package)
        if found is not None:
            if found.origin is not None:
                return None
            locations = list(found.submodule_search_locations or ())
        spec = ModuleSpec(package, _EmptyLoader(), is_package=True)
        spec.submodule_search_locations = locations
        return spec


class _EmptyLoader(Loader):
    def create_module(self, spec: ModuleSpec) -> None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        module.__doc__ = f"Interfaces of the package {module.__name__}."


class _KindLoader(Loader):
    """Loads ``package.msg``: a package whose classes appear when they are asked for."""

    def __init__(self, package: str, kind: str) -> None:
        self._package = package
        self._kind = kind

    def create_module(self, spec: ModuleSpec) -> None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        package, kind = self._package, self._kind
        shorts = set(store.interface_names(package, kind))
        public = sorted(short + suffix for short in shorts for suffix in _SUFFIXES[kind])

        def __getattr__(name: str) -> Any:
            base = name.split("_", 1)[0]
            if base not in shorts:
                raise AttributeError(f"module {module.__name__!r} has no attribute {name!r}")
            value = getattr(import_module(f"{module.__name__}.{module_name(base)}"), name)
            setattr(module, name, value)
            return value

        module.__doc__ = f"The {kind} interfaces of the package {package}."
        module.__all__ = public  # type: ignore[attr-defined]
        module.__getattr__ = __getattr__  # type: ignore[method-assign]
        module.__dir__ = lambda: sorted({*public, *vars(module)})  # type: ignore[method-assign]


class _InterfaceLoader(Loader):
    """Loads ``package.msg._name``: the classes of one interface."""

    def __init__(self, package: str, kind: str, short: str) -> None:
        self._name = f"{package}/{kind}/{short}"

    def create_module(self, spec: ModuleSpec) -> None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        spec = store.load(self._name)
        builder = _ModuleBuilder(module)
        if isinstance(spec, MessageSpec):
            builder.add_message(spec)
        elif isinstance(spec, ServiceSpec):
            builder.add_service(spec)
        else:
            builder.add_action(spec)


class _ModuleBuilder:
    """Puts the classes of one interface into its module."""

    def __init__(self, module: ModuleType) -> None:
        self._module = module
        self._check_fields = os.environ.get("ROS_PYTHON_CHECK_FIELDS", "") == "1"

    def add_message(self, spec: MessageSpec) -> type:
        cls = build_message_class(spec, self._module.__name__, self._find, self._check_fields)
        return self._publish(cls)

    def add_service(self, spec: ServiceSpec) -> type:
        request, response, event = (self.add_message(message) for message in derived.service_messages(spec))
        return self._publish(
            _make_handle(
                spec.name,
                self._module.__name__,
                spec,
                "Service",
                {
                    "Request": request,
                    "Response": response,
                    "Event": event,
                },
            )
        )

    def add_action(self, spec: ActionSpec) -> type:
        goal, result, feedback = (self.add_message(part) for part in (spec.goal, spec.result, spec.feedback))
        implementation = type(
            "Impl",
            (),
            {
                "__module__": self._module.__name__,
                "SendGoalService": self.add_service(derived.send_goal_service(spec)),
                "GetResultService": self.add_service(derived.get_result_service(spec)),
                "FeedbackMessage": self.add_message(derived.feedback_message(spec)),
                "CancelGoalService": find_class("action_msgs/srv/CancelGoal"),
                "GoalStatusMessage": find_class("action_msgs/msg/GoalStatusArray"),
            },
        )
        return self._publish(
            _make_handle(
                spec.name,
                self._module.__name__,
                spec,
                "Action",
                {
                    "Goal": goal,
                    "Result": result,
                    "Feedback": feedback,
                    "Impl": implementation,
                },
            )
        )

    def _find(self, name: str) -> Any:
        return getattr(self._module, name.rsplit("/", 1)[1], None) or find_class(name)

    def _publish(self, cls: type) -> type:
        setattr(self._module, cls.__name__, cls)
        setattr(self._module, f"Metaclass_{cls.__name__}", type(cls))
        return cls


def _make_handle(name: str, module: str, spec: ServiceSpec | ActionSpec, kind: str, members: dict[str, Any]) -> type:
    """Return the class that stands for a service or action; it has members, but no instances."""
    short = name.rsplit("/", 1)[1]

    def __init__(self: object) -> None:
        raise NotImplementedError(f"{kind} classes can not be instantiated")

    metaclass = type(
        f"Metaclass_{short}",
        (type,),
        {
            "__doc__": f"Metaclass of {kind.lower()} '{short}'.",
            "_TYPE_SUPPORT": f"workcell_sim.embedded._interfaces:{name}",
            "__import_type_support__": classmethod(lambda cls: None),
            "_TYPE_HASH": TYPE_HASH,
        },
    )
    return metaclass(
        short,
        (),
        {
            "__module__": module,
            "__doc__": f"{kind} class '{short}'.",
            "__init__": __init__,
            "_TYPE_NAME": name,
            "_SPEC": spec,
            **members,
        },
    )


def install() -> None:
    """Put the finder in front of ``sys.meta_path``; once."""
    if not any(isinstance(finder, InterfaceFinder) for finder in sys.meta_path):
        sys.meta_path.insert(0, InterfaceFinder())


def uninstall() -> None:
    """Take the finder away again; classes already made stay usable."""
    sys.meta_path[:] = [finder for finder in sys.meta_path if not isinstance(finder, InterfaceFinder)]
