"""The registry of what elements and substitutions are called in markup."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from ..action import Action
from ..substitution import Substitution
from .entity import Entity

if TYPE_CHECKING:
    from .parser import Parser

# Each returns the class and the arguments to construct it with.
action_parse_methods: dict[str, Callable[[Entity, Any], tuple[Callable[..., Any], dict[str, Any]]]] = {}
substitution_parse_methods: dict[str, Callable[[Any], tuple[Callable[..., Any], dict[str, Any]]]] = {}


def instantiate_action(entity: Entity, parser: Parser) -> Action:
    """Return the action that an element describes.

    Raises:
        RuntimeError: no action is called so.
    """
    if entity.type_name not in action_parse_methods:
        raise RuntimeError(f"Unrecognized entity of the type: {entity.type_name}")
    action_class, arguments = action_parse_methods[entity.type_name](entity, parser)
    action: Action = action_class(**arguments)
    return action


def instantiate_substitution(type_name: str, args: Sequence[Sequence[Substitution]] | None = None) -> Substitution:
    """Return the substitution called `type_name`.

    Raises:
        RuntimeError: no substitution is called so.
    """
    if type_name not in substitution_parse_methods:
        raise RuntimeError(f"Unknown substitution: {type_name}")
    substitution_class, arguments = substitution_parse_methods[type_name](args or [])
    substitution: Substitution = substitution_class(**arguments)
    return substitution


def expose_action(name: str) -> Callable[[Any], Any]:
    """Make a class with a class method ``parse``, or a function, the action called `name`."""
    return __expose_impl(name, action_parse_methods, "action")


def expose_substitution(name: str) -> Callable[[Any], Any]:
    """Make a class with a class method ``parse``, or a function, the substitution called `name`."""
    return __expose_impl(name, substitution_parse_methods, "substitution")


def __expose_impl(name: str, parse_methods: dict[str, Any], exposed_type: str) -> Callable[[Any], Any]:
    def expose(exposed: Any) -> Any:
        method = _parse_method(exposed, name, exposed_type)
        if name in parse_methods and inspect.unwrap(parse_methods[name]) != method:
            raise RuntimeError(f"Two {exposed_type} parsing methods exposed with the same name: [{name}].")
        parse_methods[name] = _checked(method) if exposed_type == "action" else method
        return exposed

    return expose


def _parse_method(exposed: Any, name: str, exposed_type: str) -> Callable[..., Any]:
    if inspect.isclass(exposed):
        method: Callable[..., Any] | None = getattr(exposed, "parse", None)
        if method is None or not inspect.ismethod(method):
            raise RuntimeError("Did not find a class method called 'parse' in the class being decorated.")
        return method
    if inspect.isfunction(exposed):
        return exposed
    raise RuntimeError(
        f"Exposed {exposed_type} parser for {name} is not a callable or a class containing a parse method"
    )


def _checked(method: Callable[..., Any]) -> Callable[..., Any]:
    """Refuse elements with attributes or children that `method` does not ask for."""

    @functools.wraps(method)
    def parse(entity: Entity, parser: Parser) -> Any:
        result = method(entity, parser)
        entity.assert_entity_completely_parsed()
        return result

    return parse
