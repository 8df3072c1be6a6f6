"""Certificates: made once, trusted only by a person's hand, refused with the remedy."""

from __future__ import annotations

import datetime as dt
import stat
from pathlib import Path

import pytest
from cryptography import x509

from workcell_sensors.sources.opcua_pki import REJECTED_MAX, Pki, UntrustedError, first_of_chain, uris_of

NOW = dt.datetime.now(dt.UTC)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("pki")


@pytest.fixture(scope="module")
def peer(folder: Path) -> bytes:
    return Pki(folder / "peer").own("press").certificate.read_bytes()


def test_a_certificate_is_made_once_with_the_application_uri_and_a_key_nobody_else_reads(folder: Path) -> None:
    pki = Pki(folder / "own")
    own = pki.own("gateway", ("10.0.0.7",))
    certificate = x509.load_der_x509_certificate(own.certificate.read_bytes())
    assert own.application_uri in uris_of(certificate)
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert "10.0.0.7" in map(str, names.get_values_for_type(x509.IPAddress))
    assert stat.S_IMODE(own.key.stat().st_mode) == 0o600
    before = own.certificate.read_bytes()
    assert pki.own("gateway").certificate.read_bytes() == before


def test_an_unknown_certificate_is_refused_and_trusted_once_it_is_moved(tmp_path: Path, peer: bytes) -> None:
    pki = Pki(tmp_path)
    with pytest.raises(UntrustedError, match=r"is not trusted; compare its SHA-256 [0-9a-f]{64}.*move .* to .*trusted"):
        pki.check(peer, "10.0.0.5:4840", "", NOW)
    (rejected,) = pki.rejected.iterdir()
    rejected.rename(pki.trusted / rejected.name)
    pki.check(peer, "10.0.0.5:4840", "", NOW)


def test_a_trusted_certificate_still_has_to_be_in_date_and_for_that_application(tmp_path: Path, peer: bytes) -> None:
    pki = Pki(tmp_path)
    pki.trusted.mkdir(parents=True)
    (pki.trusted / "press.der").write_bytes(peer)
    with pytest.raises(UntrustedError, match="valid 20"):
        pki.check(peer, "press", "", NOW + dt.timedelta(days=4000))
    with pytest.raises(UntrustedError, match="calls itself urn:somebody"):
        pki.check(peer, "press", "urn:somebody:else", NOW)


def test_a_pinned_certificate_is_the_only_one_to_trust(tmp_path: Path, folder: Path, peer: bytes) -> None:
    other = Pki(folder / "other").own("lathe").certificate
    with pytest.raises(UntrustedError, match=r"only .* is, by the credentials"):
        Pki(tmp_path).check_against((other,), peer, "press", "", NOW)


def test_strangers_do_not_fill_the_disk(tmp_path: Path, peer: bytes) -> None:
    pki = Pki(tmp_path)
    pki.rejected.mkdir(parents=True)
    for number in range(REJECTED_MAX):
        (pki.rejected / f"{number}.der").write_bytes(b"")
    with pytest.raises(UntrustedError):
        pki.check(peer, "press", "", NOW)
    assert len(list(pki.rejected.iterdir())) == REJECTED_MAX


@pytest.mark.parametrize("data", [b"", b"0", b"\x30\x82", b"no certificate at all"])
def test_what_is_no_certificate_is_refused(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(UntrustedError):
        Pki(tmp_path).check(data, "press", "", NOW)
    if data[:2] != b"\x30\x82":
        with pytest.raises(UntrustedError):
            first_of_chain(data)


def test_a_file_that_is_no_certificate_is_named(tmp_path: Path, peer: bytes) -> None:
    pki = Pki(tmp_path)
    pki.trusted.mkdir(parents=True)
    (pki.trusted / "notes.pem").write_text("hello")
    with pytest.raises(UntrustedError, match=r"notes\.pem is no certificate"):
        pki.check(peer, "press", "", NOW)
