"""Who may look: a secured asyncua server that knows its clients by certificate and its users by password."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import asyncua.ua
from asyncua.common.utils import ServiceError
from asyncua.crypto.permission_rules import User, UserRole
from asyncua.server.server import Server
from asyncua.server.user_managers import UserManager
from cryptography.hazmat.primitives.serialization import Encoding

from workcell_sensors.sources.opcua_pki import OwnCertificate, Pki, UntrustedError

# Typed as Any: the library fills this module with generated names that a checker cannot see.
ua: Any = asyncua.ua

_SCRYPT = {"n": 2**14, "r": 8, "p": 1}


@dataclass(frozen=True)
class Access:
    """What a secured server needs.

    Attributes:
        pki: folder of the clients that are trusted.
        own: the server's certificate and key.
        passwords: by user.
    """

    pki: Pki
    own: OwnCertificate
    passwords: Mapping[str, str] = field(repr=False)


class TrustedUsers(UserManager):
    """Lets in whom client certificate and password both vouch for; nobody is anonymous.

    The certificate is the secure channel's, so a session over an unsecured channel, which asyncua opens for
    discovery whatever the policies, has none and is refused.
    """

    def __init__(self, access: Access) -> None:
        self._pki = access.pki
        self._salt = secrets.token_bytes(16)
        self._hashes = {user: self._hash(password) for user, password in access.passwords.items()}
        # Compared with where the user is unknown, so that the time taken does not tell who exists.
        self._nobody = secrets.token_bytes(64)

    def get_user(
        self, iserver: Any, username: str | None = None, password: str | None = None, certificate: Any = None
    ) -> User | None:
        """Returns the user, None where there is no such, the password is wrong or the client is not trusted."""
        if username is None or not certificate:
            return None
        try:
            self._pki.check(certificate, "an OPC UA client", "")
        except UntrustedError:
            return None
        expected = self._hashes.get(username, self._nobody)
        right = hmac.compare_digest(self._hash(password or ""), expected)
        return User(role=UserRole.User, name=username) if right else None

    def _hash(self, password: str) -> bytes:
        return hashlib.scrypt(password.encode(), salt=self._salt, dklen=64, **_SCRYPT)


async def make_server(url: str, name: str, access: Access) -> Server:
    """Returns a server, not yet started, with every signed policy that is not withdrawn, for known users alone.

    Raises:
        OSError: certificate or key cannot be read.
    """
    server = Server(user_manager=TrustedUsers(access))
    await server.init()
    server.set_endpoint(url)
    server.set_server_name(name)
    await server.set_application_uri(access.own.application_uri)
    server.set_security_policy(
        [
            ua.SecurityPolicyType.Aes256Sha256RsaPss_SignAndEncrypt,
            ua.SecurityPolicyType.Aes256Sha256RsaPss_Sign,
            ua.SecurityPolicyType.Aes128Sha256RsaOaep_SignAndEncrypt,
            ua.SecurityPolicyType.Aes128Sha256RsaOaep_Sign,
            ua.SecurityPolicyType.Basic256Sha256_SignAndEncrypt,
            ua.SecurityPolicyType.Basic256Sha256_Sign,
        ]
    )
    server.set_force_server_timestamp(True)
    server.set_identity_tokens([ua.UserNameIdentityToken])
    await server.load_certificate(access.own.certificate)
    await server.load_private_key(access.own.key)
    server.iserver.certificate_validator = _validator(access.pki)
    return server


def _validator(pki: Pki) -> Any:
    async def validate(certificate: Any, application: Any) -> None:
        der = certificate.public_bytes(Encoding.DER)
        try:
            pki.check(der, "an OPC UA client", application.ApplicationUri or "")
        except UntrustedError:
            raise ServiceError(ua.StatusCodes.BadCertificateUntrusted) from None

    return validate
