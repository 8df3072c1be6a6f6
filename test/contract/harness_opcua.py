"""OPC UA under test: asyncua's server with security on, known users alone, and namespaces that move."""

from __future__ import annotations

import datetime as dt
import math
import tempfile
from pathlib import Path
from typing import Any

from asyncua.server.server import Server
from server_harness import ServerHarness
from source_harness import Facts, Lie
from waiting import PATIENCE_S

from workcell_sensors.outward.opcua_access import Access, make_server
from workcell_sensors.sources.credentials import Credentials, Secret
from workcell_sensors.sources.opcua_pki import Pki
from workcell_sensors.sources.opcua_protocol import OpcUaOptions
from workcell_sensors.tags import SourceRow, TagRow
from workcell_sim.plant.servers.opcua import OpcUaFieldServer, ua

USER, PASSWORD = "operator", "correct horse"
NAMESPACE = "urn:workcell:test"
HUGE = "x" * 1_000_000
LONG_AGO_NS = 1_000_000_000_000_000_000


class SecuredServer(OpcUaFieldServer):
    """The plant's server behind certificates and passwords, that can be made to lie."""

    namespaces = (NAMESPACE,)
    access: Access

    async def make(self, url: str) -> Server:
        server = await make_server(url, "workcell test", self.access)
        # asyncua refuses a variable of another type; a server that lies must not.
        server.iserver.aspace._is_expected_variant_type = lambda *_: True
        return server

    async def put(self, address: str, value: Any, stamp: dt.datetime) -> None:
        data = ua.DataValue(Value=value, SourceTimestamp=stamp)
        await self._server.write_attribute_value(self._nodes[address], data)

    async def garble(self) -> None:
        for transport in self._server.iserver.asyncio_transports:
            transport.write(b"MSGF\xff\xff\xff\x7f" + bytes(range(256)) * 4)

    async def skip_a_number(self) -> None:
        for subscription in self._server.iserver.subscription_service.subscriptions.values():
            subscription._notification_seq += 1


class MovedServer(SecuredServer):
    """The same after an update: another namespace stands where ours was."""

    namespaces = ("urn:another", NAMESPACE)


class Harness(ServerHarness[SecuredServer]):
    """Three variables of one controller, read by a gateway that knows the server and is known to it."""

    facts = Facts()
    missing = f"nsu={NAMESPACE};s=no.such.node"

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="workcell-pki-")
        folder = Path(self._folder.name)
        here, there = Pki(folder / "gateway"), Pki(folder / "server")
        own = there.own("test")
        trust(here, own.certificate)
        trust(there, here.own("gateway").certificate)
        self._access = Access(there, own, {USER: PASSWORD})
        options = OpcUaOptions(pki_dir=str(here.folder), security_policy="Basic256Sha256")
        self.row = SourceRow("controller", "opcua", options=options)
        self.credentials = Credentials("controller", USER, Secret(PASSWORD))
        self.tags = tuple(
            TagRow(f"arm/{name}", "controller", f"nsu={NAMESPACE};s={name}", "A", "A", period_s=0.1)
            for name in ("one", "two", "three")
        )

    def make(self, tags: tuple[TagRow, ...], *, reshaped: bool) -> SecuredServer:
        server = (MovedServer if reshaped else SecuredServer)(self.row, tags, self.host)
        server.access = self._access
        return server

    def start(self) -> None:
        super().start()
        self.show((0.0,) * len(self.tags), LONG_AGO_NS)

    def lie(self, lie: Lie) -> bool:
        address = self.tags[0].address
        worker = self.server._worker
        assert worker is not None
        now = dt.datetime.now(dt.UTC)
        work = {
            Lie.WRONG_TYPE: lambda: self.server.put(address, ua.Variant([1.0, 2.0], ua.VariantType.Double), now),
            Lie.NOT_A_NUMBER: lambda: self.server.put(address, ua.Variant(math.inf, ua.VariantType.Double), now),
            Lie.HUGE_TEXT: lambda: self.server.put(address, ua.Variant(HUGE, ua.VariantType.String), now),
            Lie.GARBAGE: self.server.garble,
            Lie.GAP: self.server.skip_a_number,
            Lie.OLD_TIME: lambda: self.server.put(
                address, ua.Variant(3.0, ua.VariantType.Double), dt.datetime(2001, 9, 9, tzinfo=dt.UTC)
            ),
        }[lie]
        worker.submit(work()).result(PATIENCE_S)
        return True


def trust(pki: Pki, certificate: Path) -> None:
    """Puts a certificate among those to trust."""
    pki.trusted.mkdir(parents=True, exist_ok=True)
    (pki.trusted / "peer.der").write_bytes(certificate.read_bytes())


HARNESS = Harness
