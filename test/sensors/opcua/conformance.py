"""Compares instances with the types of the node sets, over the wire and by their modelling rules (part 3, 6.4.4)."""

from __future__ import annotations

from typing import Any

import asyncua.ua
from asyncua.client.client import Client

ua: Any = asyncua.ua
MANDATORY, MANDATORY_PLACEHOLDER = 78, 11510
HAS_SUBTYPE, HAS_MODELLING_RULE, HIERARCHICAL, HAS_TYPE = 45, 37, 33, 40


class Inspector:
    """Walks instances and collects what their types ask for and they do not have."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.problems: list[str] = []
        self.checked: dict[str, int] = {}
        """Mandatory components found, by type."""
        # A type is looked at for each of its instances, but asked for once.
        self._known: dict[Any, list[Any]] = {}
        self._kinds: dict[tuple[Any, Any], bool] = {}

    async def inspect(self, node: Any, path: str) -> None:
        """Checks a node against its type, and all nodes below it against theirs."""
        for declared in await self._declarations(node):
            await self._compare(node, declared, path)
        for reference in await self._below(node):
            if reference.ReferenceTypeId.NamespaceIndex:
                continue  # Controls, Moves and the like lead across, not down
            if reference.NodeClass in (ua.NodeClass.Object, ua.NodeClass.Variable) and self._is_ours(reference.NodeId):
                await self.inspect(self.client.get_node(reference.NodeId), f"{path}/{reference.BrowseName.Name}")

    async def _declarations(self, node: Any) -> list[Any]:
        """Returns what the node's type and its supertypes declare."""
        types = await self._related(node, HAS_TYPE)
        assert len(types) == 1, f"{node} has {len(types)} types"
        declared = []
        current: Any = types[0]
        while current is not None:
            declared += await self._below(current)
            current = await self._supertype(current)
        return declared

    async def _compare(self, node: Any, declared: Any, path: str) -> None:
        declaration = self.client.get_node(declared.NodeId)
        rules = await self._related(declaration, HAS_MODELLING_RULE)
        rule = rules[0].nodeid.Identifier if rules else 0
        there = await self._below(node)
        type_name = await self._type_name(node)
        if rule == MANDATORY_PLACEHOLDER:
            kinds = [each for each in there if await self._is_a(each.TypeDefinition, declared.TypeDefinition)]
            if kinds:
                self.checked[type_name] = self.checked.get(type_name, 0) + 1
            else:
                self.problems.append(f"{path} ({type_name}) has nothing for {declared.BrowseName.Name}")
            return
        same = [each for each in there if each.BrowseName == declared.BrowseName]
        if not same:
            if rule == MANDATORY:
                self.problems.append(f"{path} ({type_name}) lacks {declared.BrowseName.Name}")
            return
        await self._compare_one(same[0], declared, f"{path}/{declared.BrowseName.Name}")
        if rule == MANDATORY:
            self.checked[type_name] = self.checked.get(type_name, 0) + 1

    async def _compare_one(self, found: Any, declared: Any, path: str) -> None:
        """Checks a component against its declaration, and what the declaration itself says is below it."""
        if found.NodeClass != declared.NodeClass:
            self.problems.append(f"{path} is a {found.NodeClass.name}, declared a {declared.NodeClass.name}")
        if not await self._is_a(found.TypeDefinition, declared.TypeDefinition):
            self.problems.append(f"{path} is of type {found.TypeDefinition}, declared {declared.TypeDefinition}")
        if not await self._is_a(found.ReferenceTypeId, declared.ReferenceTypeId):
            self.problems.append(f"{path} hangs by {found.ReferenceTypeId}, declared {declared.ReferenceTypeId}")
        node, declaration = self.client.get_node(found.NodeId), self.client.get_node(declared.NodeId)
        if declared.NodeClass == ua.NodeClass.Variable:
            said, meant = await node.read_data_type(), await declaration.read_data_type()
            if not await self._is_a(said, meant):
                self.problems.append(f"{path} has data type {said}, declared {meant}")
            if await node.read_value_rank() != await declaration.read_value_rank():
                self.problems.append(f"{path} has another value rank than declared")
        for below in await self._below(declaration):
            await self._compare(node, below, path)

    async def _references(self, node: Any) -> list[Any]:
        if node.nodeid not in self._known:
            self._known[node.nodeid] = await node.get_references()
        return self._known[node.nodeid]

    async def _related(self, node: Any, kind: int) -> list[Any]:
        """Returns the nodes that a node refers to by exactly this kind of reference."""
        wanted = ua.NodeId(kind)
        references = await self._references(node)
        return [
            self.client.get_node(each.NodeId)
            for each in references
            if each.IsForward and each.ReferenceTypeId == wanted
        ]

    async def _supertype(self, node: Any) -> Any:
        for each in await self._references(node):
            if not each.IsForward and each.ReferenceTypeId == ua.NodeId(HAS_SUBTYPE):
                return self.client.get_node(each.NodeId)
        return None

    async def _below(self, node: Any) -> list[Any]:
        hierarchical = ua.NodeId(HIERARCHICAL)
        return [
            each
            for each in await self._references(node)
            if each.IsForward
            and each.ReferenceTypeId != ua.NodeId(HAS_SUBTYPE)
            and await self._is_a(each.ReferenceTypeId, hierarchical)
        ]

    async def _is_a(self, kind: Any, wanted: Any) -> bool:
        if wanted.is_null() or kind == wanted:
            return True
        if (kind, wanted) not in self._kinds:
            above = await self._supertype(self.client.get_node(kind))
            self._kinds[kind, wanted] = above is not None and await self._is_a(above.nodeid, wanted)
        return self._kinds[kind, wanted]

    async def _type_name(self, node: Any) -> str:
        (kind,) = [
            each
            for each in await self._references(node)
            if each.IsForward and each.ReferenceTypeId == ua.NodeId(HAS_TYPE)
        ]
        return str(kind.BrowseName.Name)

    def _is_ours(self, node_id: Any) -> bool:
        return bool(node_id.NodeIdType == ua.NodeIdType.String)
