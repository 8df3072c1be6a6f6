"""An element of a launch file in XML."""

from __future__ import annotations

from typing import Any
from xml.etree.ElementTree import Element

from launch.frontend import Entity as BaseEntity
from launch.frontend.type_utils import check_is_list_entity
from launch.utilities.type_utils import get_typed_value


class Entity(BaseEntity):
    """An XML element; ``name-sep`` splits the attribute ``name`` into a list."""

    def __init__(self, xml_element: Element, *, parent: Entity | None = None) -> None:
        self.__element = xml_element
        self.__parent = parent
        self.__read: set[str] = set()
        self.__read_tags: set[str] = set()

    @property
    def type_name(self) -> str:
        """The tag."""
        return self.__element.tag

    @property
    def parent(self) -> Entity | None:
        """The element that holds this one."""
        return self.__parent

    @property
    def children(self) -> list[Entity]:
        """The elements within this one."""
        self.__read_tags = {child.tag for child in self.__element}
        return [Entity(child, parent=self) for child in self.__element]

    def get_attr(self, name: str, *, data_type: Any = str, optional: bool = False, can_be_str: bool = True) -> Any:
        """Return an attribute; see the base class. Text is turned into the type asked for."""
        is_list = check_is_list_entity(data_type)
        value = self.__children_called(name) if is_list else self.__attribute(name)
        if value is None:
            if optional:
                return None
            raise AttributeError(f"Attribute '{name}' of type '{data_type}' not found in Entity '{self.type_name}'")
        if is_list:
            return value
        try:
            return get_typed_value(value, data_type, can_be_str=can_be_str)
        except ValueError as error:
            raise TypeError(
                f"Attribute '{name}' of Entity '{self.type_name}' expected to be of type "
                f"'{data_type}'. '{value}' can not be converted to one of those types"
            ) from error

    def __children_called(self, name: str) -> list[Entity] | None:
        found = [Entity(child, parent=self) for child in self.__element if child.tag == name]
        if found:
            self.__read_tags.add(name)
        return found or None

    def __attribute(self, name: str) -> str | list[str] | None:
        text = self.__element.attrib.get(name)
        if text is None:
            return None
        self.__read.add(name)
        separator = self.__element.attrib.get(f"{name}-sep")
        if separator is None:
            return text
        self.__read.add(f"{name}-sep")
        return text.split(separator)

    def assert_entity_completely_parsed(self) -> None:
        """Check that every attribute and child was asked for; see the base class."""
        tags = {child.tag for child in self.__element} - self.__read_tags
        if tags:
            raise ValueError(f"Unexpected nested tag(s) found in `{self.type_name}`: {tags}")
        attributes = set(self.__element.attrib) - self.__read
        if attributes:
            raise ValueError(f"Unexpected attribute(s) found in `{self.type_name}`: {attributes}")
