"""Application certificates (part 6, 6.2) and the folders that say whom to trust."""

from __future__ import annotations

import datetime as dt
import hashlib
import ipaddress
import os
import socket
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

KEY_BITS = 2048
KEY_BITS_MIN = 2048
VALID_DAYS = 5 * 365
REJECTED_MAX = 100
_CERTIFICATE, _KEY = "certificate.der", "key.pem"
_SUFFIXES = (".der", ".crt", ".cer", ".pem")


class UntrustedError(Exception):
    """A certificate that this side has no reason to believe; the text says how to change that."""


@dataclass(frozen=True)
class OwnCertificate:
    """An application's certificate and key, as files."""

    certificate: Path
    key: Path
    application_uri: str


@dataclass(frozen=True)
class Pki:
    """A folder with `own/`, `trusted/` and `rejected/`.

    `trusted/` holds certificates (DER or PEM) of peers, or of authorities that issued theirs. Whoever is turned
    away is put into `rejected/`, so that trusting is moving one file.
    """

    folder: Path

    @property
    def trusted(self) -> Path:
        """The folder of whom to trust."""
        return self.folder / "trusted"

    @property
    def rejected(self) -> Path:
        """The folder of who was turned away."""
        return self.folder / "rejected"

    def own(self, application: str, hosts: tuple[str, ...] = ()) -> OwnCertificate:
        """Returns the application's certificate, made and signed by itself on first use or where it has run out.

        Args:
            application: a word in its name and URI, as `gateway`.
            hosts: names and addresses it answers at beyond this machine's.

        Raises:
            OSError: the folder cannot be written.
        """
        host = socket.gethostname()
        own = self.folder / "own" / application
        made = OwnCertificate(own / _CERTIFICATE, own / _KEY, f"urn:{host}:workcell:{application}")
        if not _usable(made):
            own.mkdir(parents=True, exist_ok=True, mode=0o700)
            _make(made, f"workcell {application}", (host, "localhost", "127.0.0.1", *hosts))
        return made

    def check(self, der: bytes, what: str, application_uri: str, now: dt.datetime | None = None) -> None:
        """Passes a peer's certificate that is trusted, in date, strong and made for the application.

        Args:
            der: the certificate.
            what: whose it is, for the error.
            application_uri: what the peer calls itself; empty: not asked.
            now: the time to be in date at; None: the present.

        Raises:
            UntrustedError: it is not; says why and, where trust is all that lacks, how to give it.
        """
        self.check_against(self._trusted_files(), der, what, application_uri, now)

    def check_against(
        self,
        anchors: tuple[Path, ...],
        der: bytes,
        what: str,
        application_uri: str,
        now: dt.datetime | None = None,
    ) -> None:
        """Does what `check` does, with these files alone as the ones to trust.

        Raises:
            UntrustedError: as `check`.
        """
        try:
            certificate = x509.load_der_x509_certificate(der)
        except ValueError as error:
            raise UntrustedError(f"the certificate of {what} cannot be read ({error})") from None
        if not any(_vouches(_load(anchor), certificate) for anchor in anchors):
            named = ", ".join(map(str, anchors))
            pinned = f" (only {named} is, by the credentials)" if anchors and anchors != self._trusted_files() else ""
            raise UntrustedError(self._how_to_trust(certificate, der, what) + pinned)
        now = now or dt.datetime.now(dt.UTC)
        if not certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc:
            dates = f"{certificate.not_valid_before_utc:%Y-%m-%d} to {certificate.not_valid_after_utc:%Y-%m-%d}"
            raise UntrustedError(f"the certificate of {what} is valid {dates}, today is {now:%Y-%m-%d}")
        key = certificate.public_key()
        if not isinstance(key, rsa.RSAPublicKey) or key.key_size < KEY_BITS_MIN:
            raise UntrustedError(f"the certificate of {what} has no RSA key of at least {KEY_BITS_MIN} bits")
        if application_uri and application_uri not in uris_of(certificate):
            found = ", ".join(uris_of(certificate)) or "none"
            raise UntrustedError(f"{what} calls itself {application_uri}, its certificate is for {found}")

    def _trusted_files(self) -> tuple[Path, ...]:
        if not self.trusted.is_dir():
            return ()
        return tuple(path for path in sorted(self.trusted.iterdir()) if path.suffix.lower() in _SUFFIXES)

    def _how_to_trust(self, certificate: x509.Certificate, der: bytes, what: str) -> str:
        self.rejected.mkdir(parents=True, exist_ok=True)
        self.trusted.mkdir(parents=True, exist_ok=True)
        path = self.rejected / f"{fingerprint(der)[:16]}.der"
        # Anybody who reaches a server may show it certificates; they shall not fill the disk.
        if len(list(self.rejected.iterdir())) < REJECTED_MAX:
            path.write_bytes(der)
        return (
            f"the certificate of {what} ({certificate.subject.rfc4514_string()}) is not trusted; compare its SHA-256 "
            f"{fingerprint(der)} with what the device shows, then move {path} to {self.trusted}"
        )


def fingerprint(der: bytes) -> str:
    """Returns a certificate's SHA-256 in hex."""
    return hashlib.sha256(der).hexdigest()


def first_of_chain(der: bytes) -> bytes:
    """Returns the first certificate of a chain, the application's own.

    Raises:
        UntrustedError: the bytes are no DER sequence.
    """
    if len(der) < 4 or der[:2] != b"\x30\x82":
        raise UntrustedError("the server sends no certificate that could be read")
    return der[: 4 + int.from_bytes(der[2:4], "big")]


def uris_of(certificate: x509.Certificate) -> list[str]:
    """Returns the application URIs a certificate is for."""
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    return names.get_values_for_type(x509.UniformResourceIdentifier)


def _vouches(anchor: x509.Certificate, certificate: x509.Certificate) -> bool:
    if anchor == certificate:
        return True
    try:
        constraints = anchor.extensions.get_extension_for_class(x509.BasicConstraints).value
        if not constraints.ca:
            return False
        certificate.verify_directly_issued_by(anchor)
    except (x509.ExtensionNotFound, InvalidSignature, ValueError, TypeError):
        return False
    return anchor.subject != certificate.subject


def _load(path: Path) -> x509.Certificate:
    data = path.read_bytes()
    try:
        return x509.load_pem_x509_certificate(data) if b"-----BEGIN" in data else x509.load_der_x509_certificate(data)
    except ValueError as error:
        raise UntrustedError(f"{path} is no certificate ({error}); remove it or put a DER or PEM one there") from None


def _usable(own: OwnCertificate) -> bool:
    if not (own.certificate.is_file() and own.key.is_file()):
        return False
    certificate = _load(own.certificate)
    in_date = certificate.not_valid_after_utc > dt.datetime.now(dt.UTC)
    return in_date and own.application_uri in uris_of(certificate)


def _make(own: OwnCertificate, name: str, hosts: tuple[str, ...]) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=KEY_BITS)
    subject = x509.Name(
        [x509.NameAttribute(NameOID.COMMON_NAME, name), x509.NameAttribute(NameOID.ORGANIZATION_NAME, "workcell")]
    )
    now = dt.datetime.now(dt.UTC)
    public = key.public_key()
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        # A device's clock may be somewhat behind.
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=VALID_DAYS))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(public), critical=False)
        .add_extension(x509.SubjectAlternativeName(_alternative_names(own.application_uri, hosts)), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_USAGE, critical=True)
        .add_extension(
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH]), critical=False
        )
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    with os.fdopen(os.open(own.key, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(private)
    own.certificate.write_bytes(builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER))


_USAGE = x509.KeyUsage(
    digital_signature=True,
    content_commitment=True,
    key_encipherment=True,
    data_encipherment=True,
    key_agreement=False,
    # A self-signed certificate signs one: itself (part 6, 6.2.2).
    key_cert_sign=True,
    crl_sign=False,
    encipher_only=False,
    decipher_only=False,
)


def _alternative_names(uri: str, hosts: tuple[str, ...]) -> list[x509.GeneralName]:
    names: list[x509.GeneralName] = [x509.UniformResourceIdentifier(uri)]
    for host in dict.fromkeys(hosts):
        try:
            names.append(x509.IPAddress(ipaddress.ip_address(host)))
        except ValueError:
            names.append(x509.DNSName(host))
    return names
