"""Who the client believes, and how it proves who it is: certificates, passwords and X.509 users."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from asyncua.crypto.permission_rules import User, UserRole
from asyncua.server.server import Server
from asyncua.server.user_managers import UserManager
from waiting import until

from workcell_sensors.outward.opcua_access import Access, make_server
from workcell_sensors.sources.credentials import Credentials, Secret
from workcell_sensors.sources.opcua import OpcUaSource
from workcell_sensors.sources.opcua_pki import Pki
from workcell_sensors.sources.opcua_protocol import POLICIES, OpcUaOptions
from workcell_sensors.sources.source import Link, SourceSpec, SourceStatus
from workcell_sensors.sources.worker import AsyncWorker
from workcell_sensors.tags import SourceRow, TagRow
from workcell_sim.plant.servers.opcua import OpcUaFieldServer, ua
from workcell_sim.plant.servers.server import LOOPBACK

TAG = TagRow("a", "plc", "ns=2;s=a", "V", "V", period_s=0.05)


class PasswordOrCertificate(UserManager):
    """Knows one user by password and one by certificate."""

    def __init__(self, certificate: bytes) -> None:
        self._certificate = certificate

    def get_user(
        self, iserver: Any, username: str | None = None, password: str | None = None, certificate: Any = None
    ) -> User | None:
        """Returns the user, None for anybody else."""
        by_certificate = username is None and certificate == self._certificate
        return User(UserRole.User) if by_certificate or (username, password) == ("anna", "secret") else None


class SecuredPlc(OpcUaFieldServer):
    """A server with all policies, for both kinds of users."""

    access: Access
    user_certificate: bytes

    async def make(self, url: str) -> Server:
        server = await make_server(url, "plc", self.access)
        server.set_identity_tokens([ua.UserNameIdentityToken, ua.X509IdentityToken])
        server.iserver.user_manager = PasswordOrCertificate(self.user_certificate)
        return server


class Stage:
    """A server and the folders of both sides."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.theirs, self.ours = Pki(folder / "server"), Pki(folder / "client")
        self.own = self.theirs.own("plc")
        self.user = Pki(folder / "user").own("anna")
        introduce(self.ours, self.own.certificate)
        introduce(self.theirs, self.ours.own("gateway").certificate)
        self.server = SecuredPlc(SourceRow("plc", "opcua"), (TAG,), LOOPBACK)
        self.server.access = Access(self.theirs, self.own, {})
        self.server.user_certificate = self.user.certificate.read_bytes()

    def outcome(self, credentials: Credentials | None, **options: Any) -> SourceStatus:
        """Returns how a source stands once it is connected or has been turned away."""
        worker = AsyncWorker("test-client")
        row = SourceRow("plc", "opcua", options=OpcUaOptions(**{"pki_dir": str(self.ours.folder), **options}))
        spec = SourceSpec(row, (TAG,), LOOPBACK, self.server.port, timeout_s=5.0, credentials=credentials)
        source = OpcUaSource(spec, lambda frame: None, time.time_ns, worker)
        source.start()
        try:
            return settled(source.status)
        finally:
            source.stop()
            worker.stop()


def settled(status: Callable[[], SourceStatus]) -> SourceStatus:
    until(lambda: status().link in (Link.CONNECTED, Link.DOWN), lambda: f"a settled link; {status()}")
    return status()


def introduce(pki: Pki, certificate: Path) -> None:
    pki.trusted.mkdir(parents=True, exist_ok=True)
    (pki.trusted / "peer.der").write_bytes(certificate.read_bytes())


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    made = Stage(tmp_path_factory.mktemp("security"))
    made.server.start()
    yield made
    made.server.stop()


def password(text: str = "secret", **more: Any) -> Credentials:
    return Credentials("press", "anna", Secret(text), **more)


@pytest.mark.parametrize("mode", ["sign", "sign_and_encrypt"])
@pytest.mark.parametrize("policy", POLICIES)
def test_every_policy_and_mode_connects(stage: Stage, policy: str, mode: str) -> None:
    status = stage.outcome(password(), security_policy=policy, security_mode=mode)
    assert status.link is Link.CONNECTED, status.reason


def test_a_user_may_be_a_certificate(stage: Stage) -> None:
    anna = Credentials("press", certificate=stage.user.certificate, private_key=stage.user.key)
    status = stage.outcome(anna, security_policy="Aes128_Sha256_RsaOaep", security_mode="sign")
    assert status.link is Link.CONNECTED, status.reason
    stranger = Pki(stage.folder / "stranger").own("eve")
    eve = Credentials("press", certificate=stranger.certificate, private_key=stranger.key)
    assert "does not let the user of credentials press in" in stage.outcome(eve).reason


def test_a_wrong_password_and_no_credentials_are_told_apart(stage: Stage) -> None:
    assert "does not let the user of credentials press in" in stage.outcome(password("wrong")).reason
    assert "does not let anybody without credentials in" in stage.outcome(None).reason


def test_an_unknown_server_is_refused_before_it_hears_a_password(stage: Stage, tmp_path: Path) -> None:
    reason = stage.outcome(password(), pki_dir=str(tmp_path)).reason
    assert "is not trusted; compare its SHA-256" in reason
    (rejected,) = (tmp_path / "rejected").iterdir()
    assert rejected.read_bytes() == stage.own.certificate.read_bytes()
    assert "secret" not in reason


def test_a_pinned_certificate_replaces_the_trust_folder(stage: Stage) -> None:
    right = stage.outcome(password(trusted=stage.own.certificate))
    assert right.link is Link.CONNECTED, right.reason
    wrong = stage.outcome(password(trusted=stage.user.certificate))
    assert "by the credentials" in wrong.reason


def test_a_server_that_does_not_trust_us_is_told_with_the_file_to_give_it(stage: Stage, tmp_path: Path) -> None:
    strange = Pki(tmp_path)
    introduce(strange, stage.own.certificate)
    reason = stage.outcome(password(), pki_dir=str(tmp_path)).reason
    assert f"have it trust {tmp_path}/own/gateway/certificate.der" in reason
    assert (tmp_path / "own" / "gateway" / "certificate.der").is_file()
