"""The cell's OPC UA server: an address space that is kept up to date, in a thread of its own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from asyncua.server.server import Server
from asyncua.ua.uaerrors import UaError

from workcell_ros.errors import ConfigError, WorkcellError
from workcell_sensors.outward.opcua_access import Access, make_server, ua
from workcell_sensors.outward.opcua_build import Builder, data_value
from workcell_sensors.outward.opcua_feed import Update
from workcell_sensors.outward.opcua_space import CELL, Space
from workcell_sensors.sources.worker import AsyncWorker

NODE_SETS = ("Opc.Ua.Di.NodeSet2.xml", "Opc.Ua.Machinery.NodeSet2.xml", "Opc.Ua.Robotics.NodeSet2.xml")
"""Files of the companion specifications, in the order they build on each other."""
NODE_SETS_AT = "https://github.com/OPCFoundation/UA-Nodeset"
START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 5.0
UPDATES_WAITING_MAX = 64
"""Bundles of updates that may wait for the server; while it is busy, newer ones wait in the feed."""


def node_set_files(folder: str) -> tuple[Path, ...]:
    """Returns the node set files in a folder.

    Raises:
        ConfigError: one is missing; says which, and where it is to be had.
    """
    files = tuple(Path(folder) / name for name in NODE_SETS)
    for file in files:
        if not file.is_file():
            raise ConfigError(
                folder or "parameters",
                "opcua_server.nodeset_dir",
                f"has no {file.name}",
                f"that file of {NODE_SETS_AT}",
            )
    return files


class CellServer:
    """A running server with a cell's address space; any thread may tell it news."""

    def __init__(self, url: str, space: Space, access: Access, node_sets: Sequence[Path]) -> None:
        self._url = url
        self._space = space
        self._access = access
        self._node_sets = tuple(node_sets)
        self._worker: AsyncWorker | None = None
        self._server: Server | None = None
        self._ids: dict[str, Any] = {}
        self._kinds: dict[str, Any] = {}
        self._waiting = 0
        self.refused = 0
        """Values the address space did not take, for they are of another type."""

    @property
    def is_busy(self) -> bool:
        """Whether so much waits to be shown that more had better wait elsewhere."""
        return self._waiting >= UPDATES_WAITING_MAX

    @property
    def clients(self) -> int:
        """How many clients are connected."""
        server = self._server
        return len(server.bserver.clients) if server is not None and server.bserver is not None else 0

    def start(self) -> None:
        """Builds the address space and listens.

        Raises:
            WorkcellError: it cannot; says why.
        """
        self._worker = AsyncWorker("opcua-server")
        try:
            self._worker.submit(self._open()).result(START_TIMEOUT_S)
        except (OSError, RuntimeError, TimeoutError, ValueError, UaError) as error:
            self.stop()
            raise WorkcellError(f"OPC UA server at {self._url}: {type(error).__name__} {error}".strip()) from None

    def stop(self) -> None:
        """Takes leave of its clients; returns when nothing of it runs any more."""
        worker, self._worker = self._worker, None
        if worker is None:
            return
        try:
            worker.submit(self._close()).result(STOP_TIMEOUT_S)
        except TimeoutError:
            # A client that does not take its goodbye must not keep the cell from stopping.
            self._server = None
        finally:
            worker.stop()

    def show(self, updates: Sequence[Update]) -> None:
        """Shows new values; returns at once."""
        if self._worker is not None and updates:
            self._waiting += 1
            self._worker.submit(self._write(tuple(updates)))

    async def _open(self) -> None:
        server = await make_server(self._url, "workcell", self._access)
        for file in self._node_sets:
            await server.import_xml(str(file))
        await server.register_namespace(CELL)
        builder = Builder(server, await server.get_namespace_array())
        await builder.build(self._space)
        self._ids, self._kinds = builder.ids, builder.kinds
        await server.start()
        self._server = server

    async def _close(self) -> None:
        server, self._server = self._server, None
        if server is not None:
            await server.stop()

    async def _write(self, updates: tuple[Update, ...]) -> None:
        try:
            for update in updates:
                node_id = self._ids.get(update.path)
                if node_id is not None and self._server is not None:
                    data = data_value(update, self._kinds[update.path])
                    space = self._server.iserver.aspace
                    status = await space.write_attribute_value(node_id, ua.AttributeIds.Value, data)
                    self.refused += 0 if status.is_good() else 1
        finally:
            self._waiting -= 1
