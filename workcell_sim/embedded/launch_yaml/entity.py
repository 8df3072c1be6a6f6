"""An element of a launch file in YAML."""

from __future__ import annotations

from typing import Any

from launch.frontend import Entity as BaseEntity
from launch.frontend.type_utils import check_is_list_entity
from launch.utilities.type_utils import is_instance_of


class Entity(BaseEntity):
    """A YAML mapping, or a list of elements."""

    def __init__(self, element: Any, type_name: str | None = None, *, parent: Entity | None = None) -> None:
        self.__element = {} if element is None else element
        self.__type_name = type_name or ""
        self.__parent = parent
        self.__read: set[str] = set()
        self.__are_children_read = False

    @property
    def type_name(self) -> str:
        """The key under which the mapping stands."""
        return self.__type_name

    @property
    def parent(self) -> Entity | None:
        """The element that holds this one."""
        return self.__parent

    @property
    def children(self) -> list[Entity]:
        """The elements of the list, or of the list under the key ``children``."""
        self.__are_children_read = True
        children = self.__element
        if isinstance(children, dict):
            if "children" not in children:
                raise ValueError(
                    f"Expected entity `{self.type_name}` to have children entities. That can be a "
                    "list of subentities or a dictionary with a `children` list element"
                )
            self.__read.add("children")
            children = children["children"]
        if not isinstance(children, list):
            raise TypeError(f"Expected a dict or list, got {type(children)}: {children}")
        return [self.__child(item) for item in children]

    def __child(self, item: Any) -> Entity:
        if not isinstance(item, dict) or len(item) != 1:
            raise RuntimeError("Subentities must be a dictionary with only one key, which is the entity type")
        ((type_name, element),) = item.items()
        return Entity(element, type_name, parent=self)

    def get_attr(self, name: str, *, data_type: Any = str, optional: bool = False, can_be_str: bool = True) -> Any:
        """Return an attribute; see the base class. YAML has types, so none is turned into another."""
        if name not in self.__element:
            if optional:
                return None
            raise AttributeError(f"Can not find attribute '{name}' in Entity '{self.type_name}'")
        self.__read.add(name)
        data = self.__element[name]
        if check_is_list_entity(data_type):
            if not isinstance(data, list) or not all(isinstance(item, dict) for item in data):
                raise TypeError(
                    f"Attribute '{name}' of Entity '{self.type_name}' expected to be a list of dictionaries."
                )
            return [Entity(item, name, parent=self) for item in data]
        if not is_instance_of(data, data_type, can_be_str=can_be_str):
            raise TypeError(
                f"Attribute '{name}' of Entity '{self.type_name}' expected to be of type "
                f"'{data_type}', got '{type(data)}'"
            )
        return data

    def assert_entity_completely_parsed(self) -> None:
        """Check that every key and child was asked for; see the base class."""
        if isinstance(self.__element, list):
            if not self.__are_children_read:
                raise ValueError(f"Unexpected nested entity(ies) found in `{self.type_name}`: {self.__element}")
            return
        keys = set(self.__element) - self.__read
        if keys:
            raise ValueError(f"Unexpected key(s) found in `{self.type_name}`: {keys}")
