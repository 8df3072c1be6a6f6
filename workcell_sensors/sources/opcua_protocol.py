"""What OPC UA tells about itself: options and addresses of its rows in the tag table."""

from __future__ import annotations

from dataclasses import dataclass

from workcell_ros.schema import param
from workcell_sensors.sources.opcua_address import parse_address
from workcell_sensors.sources.protocol import FieldProtocol

BEST, NONE = "best", "none"
POLICIES = ("Aes256_Sha256_RsaPss", "Aes128_Sha256_RsaOaep", "Basic256Sha256")
"""Security policies in order of preference. Those with SHA-1 are withdrawn and not spoken."""
SIGN, SIGN_AND_ENCRYPT = "sign", "sign_and_encrypt"
SUBSCRIBE, POLL = "subscribe", "poll"
SERVER, EDGE = "server", "edge"


@dataclass(frozen=True)
class OpcUaOptions:
    """An OPC UA source row's own keys."""

    path: str = param("", "Path of the endpoint's URL, where the server wants one")
    security_policy: str = param(
        BEST,
        "Security policy; best: the strongest the server offers, none only on this machine",
        choices=(BEST, *POLICIES, NONE),
    )
    security_mode: str = param(
        SIGN_AND_ENCRYPT, "Whether messages are signed, or signed and encrypted", choices=(SIGN, SIGN_AND_ENCRYPT)
    )
    pki_dir: str = param("out/pki", "Folder with own/, trusted/ and rejected/ certificates")
    mode: str = param(SUBSCRIBE, "Whether the server reports changes or is asked", choices=(SUBSCRIBE, POLL))
    queue_s: float = param(10.0, "How long the server shall keep values for us", unit="s", low=0.0, high=3600.0)
    deadband_at: str = param(EDGE, "Who holds back small changes", choices=(EDGE, SERVER))
    deadband_percent: float = param(
        0.0, "Deadband of tags without one, in percent of the range the server tells", unit="%", low=0.0, high=100.0
    )


def _check(options: object) -> tuple[str, str, str] | None:
    assert isinstance(options, OpcUaOptions)
    if options.deadband_percent and options.deadband_at == EDGE:
        return "deadband_percent", "is set, and deadband_at is edge", "0, or deadband_at: server, which knows the range"
    if options.path and not options.path.startswith("/"):
        return "path", f"is {options.path!r}", "a path that begins with /"
    return None


PROTOCOL = FieldProtocol(
    name="opcua",
    source="workcell_sensors.sources.opcua:OpcUaSource",
    check_address=parse_address,
    options=OpcUaOptions,
    check_options=_check,
    port=4840,
    discover="workcell_sensors.sources.opcua_browse:discover",
)
