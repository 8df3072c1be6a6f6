"""Which endpoint of a server to use, and how to prove to each other who we are (part 4, 5.4.4, 5.6 and 6.1)."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Any

from asyncua.client.client import Client
from asyncua.crypto import security_policies, uacrypto

from workcell_sensors.sources.opcua_pki import Pki, UntrustedError, first_of_chain
from workcell_sensors.sources.opcua_protocol import BEST, NONE, POLICIES, SIGN, OpcUaOptions
from workcell_sensors.sources.opcua_transport import BoundedClient, ua
from workcell_sensors.sources.session import LinkLost
from workcell_sensors.sources.source import SourceSpec

APPLICATION = "gateway"
_POLICY_URI = "http://opcfoundation.org/UA/SecurityPolicy#"
_POLICY_CLASSES: dict[str, type[security_policies.SecurityPolicy]] = {
    "Basic256Sha256": security_policies.SecurityPolicyBasic256Sha256,
    "Aes128_Sha256_RsaOaep": security_policies.SecurityPolicyAes128Sha256RsaOaep,
    "Aes256_Sha256_RsaPss": security_policies.SecurityPolicyAes256Sha256RsaPss,
}
SESSION_TIMEOUT_S = 60.0
"""How long the server shall keep session and subscription for us while the connection is away."""


async def make_client(spec: SourceSpec, options: OpcUaOptions) -> BoundedClient:
    """Returns a client for the spec's server, not yet connected, with the security that options and server agree on.

    Raises:
        LinkLost: they agree on none, or the server is not trusted; says what to do.
        OSError, TimeoutError, UaError: the server does not answer.
    """
    client = BoundedClient(f"opc.tcp://{spec.host}:{spec.port}{options.path}", spec.timeout_s)
    client.name = client.description = "workcell gateway"
    client.session_timeout = round(1000.0 * SESSION_TIMEOUT_S)
    if options.security_policy != NONE:
        await _secure(client, spec, options)
    _identify(client, spec)
    return client


def wanted_policies(options: OpcUaOptions, host: str) -> tuple[str, ...]:
    """Returns the acceptable policies, the preferred one first.

    >>> wanted_policies(OpcUaOptions(), "127.0.0.1")[-1], wanted_policies(OpcUaOptions(), "10.0.0.5")[-1]
    ('none', 'Basic256Sha256')
    """
    if options.security_policy != BEST:
        return (options.security_policy,)
    # Whoever can read this machine's loopback can read our memory too; a network is another matter.
    return (*POLICIES, NONE) if is_loopback(host) else POLICIES


def is_loopback(host: str) -> bool:
    """Returns whether a host is this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def check_password_is_hidden(client: Client, spec: SourceSpec) -> None:
    """Passes where the password will not go over the wire in the clear.

    Raises:
        LinkLost: it would.
    """
    credentials = spec.credentials
    if credentials is None or not credentials.password or is_loopback(spec.host):
        return
    policy = client.server_policy(ua.UserTokenType.UserName)
    encrypted = client.security_policy.Mode == ua.MessageSecurityMode.SignAndEncrypt
    if not encrypted and (policy.SecurityPolicyUri or NONE).lower().endswith(NONE):
        raise LinkLost("the server wants the password unencrypted; set security_mode: sign_and_encrypt")


async def _secure(client: BoundedClient, spec: SourceSpec, options: OpcUaOptions) -> None:
    wanted = wanted_policies(options, spec.host)
    endpoints = await client.connect_and_get_server_endpoints()
    mode = ua.MessageSecurityMode.Sign if options.security_mode == SIGN else ua.MessageSecurityMode.SignAndEncrypt
    offered = [(_policy_name(endpoint), endpoint.SecurityMode) for endpoint in endpoints]
    for policy in wanted:
        if policy == NONE and (NONE, ua.MessageSecurityMode.None_) in offered:
            return
        if (policy, mode) in offered:
            await _use(client, spec, options, policy, mode, endpoints[offered.index((policy, mode))])
            return
    said = ", ".join(sorted(f"{policy}/{mode.name.rstrip('_')}" for policy, mode in offered)) or "nothing"
    raise LinkLost(
        f"the server offers {said}; wanted: {' or '.join(wanted)} with {options.security_mode} "
        "(security_policy, security_mode of the source's row)"
    )


async def _use(
    client: BoundedClient, spec: SourceSpec, options: OpcUaOptions, policy: str, mode: Any, endpoint: Any
) -> None:
    pki = Pki(Path(options.pki_dir))
    try:
        certificate = first_of_chain(endpoint.ServerCertificate or b"")
        _check_trust(pki, spec, certificate, endpoint.Server.ApplicationUri or "")
        own = pki.own(APPLICATION)
    except (UntrustedError, OSError) as error:
        raise LinkLost(str(error)) from None
    client.application_uri = own.application_uri
    await client.set_security(
        _POLICY_CLASSES[policy], own.certificate, own.key, server_certificate=certificate, mode=mode
    )


def _check_trust(pki: Pki, spec: SourceSpec, certificate: bytes, application_uri: str) -> None:
    what = f"{spec.host}:{spec.port}"
    pinned = spec.credentials.trusted if spec.credentials is not None else None
    if pinned is None:
        pki.check(certificate, what, application_uri)
    else:
        pki.check_against((pinned,), certificate, what, application_uri)


def _identify(client: BoundedClient, spec: SourceSpec) -> None:
    credentials = spec.credentials
    if credentials is None:
        return
    if credentials.user:
        client.set_user(credentials.user)
        client.set_password(credentials.password.reveal())


async def load_user_certificate(client: BoundedClient, spec: SourceSpec) -> None:
    """Loads the user's X.509 certificate and key, where the credentials name them.

    Raises:
        LinkLost: they name only one of the two, or a file holds something else.
    """
    credentials = spec.credentials
    if credentials is None or credentials.user or credentials.certificate is None:
        return
    if credentials.private_key is None:
        raise LinkLost(f"credentials {credentials.name} have a certificate and no private_key")
    password = credentials.private_key_password.reveal() or None
    try:
        client.user_certificate = await uacrypto.load_certificate(credentials.certificate)
        client.user_private_key = await uacrypto.load_private_key(credentials.private_key, password)
    except (ValueError, TypeError) as error:
        raise LinkLost(f"credentials {credentials.name}: {error}") from None


def _policy_name(endpoint: Any) -> str:
    name = (endpoint.SecurityPolicyUri or "").removeprefix(_POLICY_URI)
    return NONE if name == "None" else name
