"""An element of a launch file, whatever markup it is written in."""

from __future__ import annotations

from typing import Any


class Entity:
    """An element with a type, attributes and children; a markup's own class reads them."""

    @property
    def type_name(self) -> str:
        """The element's type."""
        raise NotImplementedError

    @property
    def parent(self) -> Entity | None:
        """The element that holds this one."""
        raise NotImplementedError

    @property
    def children(self) -> list[Any]:
        """The elements within this one."""
        raise NotImplementedError

    def get_attr(self, name: str, *, data_type: Any = str, optional: bool = False, can_be_str: bool = True) -> Any:
        """Return an attribute, or with ``List[Entity]`` as type the children of that name.

        Args:
            name: the attribute's name.
            data_type: what it is to be; None means by YAML rules.
            optional: whether None is returned where there is none.
            can_be_str: whether text that is not of the type is returned as it is.

        Raises:
            AttributeError: there is none, and it is not optional.
            TypeError, ValueError: it is not of that type.
        """
        raise NotImplementedError

    def assert_entity_completely_parsed(self) -> None:
        """Check that every attribute and child was asked for.

        Raises:
            ValueError: some were not, so they mean nothing to the element.
        """
        raise NotImplementedError
