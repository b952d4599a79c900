"""The server's TLS identity: made once, read by nobody else, TLS 1.3 only."""

import ssl
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from keyturn.wire.errors import BrokenIdentity
from keyturn.wire.serveridentity import ServerIdentity, server_context, server_identity

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)


@pytest.fixture
def identity(tmp_path: Path) -> ServerIdentity:
    return server_identity(tmp_path / "tls", ("keyturn.example", "10.0.0.1"), NOW)


def certificate(identity: ServerIdentity) -> x509.Certificate:
    return x509.load_pem_x509_certificate(identity.pem.read_bytes())


def test_made_at_the_first_start_and_kept(identity: ServerIdentity) -> None:
    again = server_identity(identity.pem.parent, (), NOW + timedelta(days=1))
    assert again == identity
    assert identity.pem.stat().st_mode & 0o777 == 0o600
    assert identity.pem.parent.stat().st_mode & 0o777 == 0o700
    assert [each.name for each in identity.pem.parent.iterdir()] == ["server.pem"]


def test_the_pin_is_the_digest_of_the_keys_spki(identity: ServerIdentity) -> None:
    spki = (
        certificate(identity)
        .public_key()
        .public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    assert identity.pin == sha256(spki).hexdigest()


def test_the_certificate_names_the_host_and_signs_nothing(identity: ServerIdentity) -> None:
    found = certificate(identity)
    names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["localhost", "keyturn.example"]
    assert names.get_values_for_type(x509.IPAddress) == [
        ip_address(each) for each in ("127.0.0.1", "::1", "10.0.0.1")
    ]
    constraints = found.extensions.get_extension_for_class(x509.BasicConstraints)
    assert constraints.critical
    assert not constraints.value.ca
    assert isinstance(found.public_key(), ec.EllipticCurvePublicKey)


def test_each_server_has_a_key_of_its_own(identity: ServerIdentity, tmp_path: Path) -> None:
    assert server_identity(tmp_path / "other", (), NOW).pin != identity.pin


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o610])
def test_a_key_that_others_can_read_is_refused(identity: ServerIdentity, mode: int) -> None:
    identity.pem.chmod(mode)
    with pytest.raises(BrokenIdentity, match=oct(mode)):
        server_identity(identity.pem.parent, (), NOW)
    identity.pem.chmod(0o600)
    assert server_identity(identity.pem.parent, (), NOW) == identity


def test_a_file_without_a_key_or_a_certificate_is_refused(identity: ServerIdentity) -> None:
    raw = identity.pem.read_bytes()
    cut = raw.index(b"-----BEGIN CERTIFICATE")
    for spoilt in (b"", raw[:cut], raw[cut:], raw[:50]):
        identity.pem.write_bytes(spoilt)
        with pytest.raises(BrokenIdentity, match="cannot be read"):
            server_identity(identity.pem.parent, (), NOW)


def test_a_certificate_of_another_key_is_refused(identity: ServerIdentity, tmp_path: Path) -> None:
    other = server_identity(tmp_path / "other", (), NOW).pem.read_bytes()
    raw = identity.pem.read_bytes()
    mark = b"-----BEGIN CERTIFICATE"
    identity.pem.write_bytes(raw[: raw.index(mark)] + other[other.index(mark) :])
    with pytest.raises(BrokenIdentity, match="belongs to another key"):
        server_identity(identity.pem.parent, (), NOW)


def test_what_a_killed_start_left_behind_is_no_identity(tmp_path: Path) -> None:
    (tmp_path / "server.new").write_bytes(b"half a key")
    made = server_identity(tmp_path, (), NOW)
    assert server_identity(tmp_path, (), NOW) == made
    assert not (tmp_path / "server.new").exists()


def _shake(server: ssl.SSLContext, client: ssl.SSLContext) -> str | None:
    """A handshake in memory; the version that was agreed."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = (
        client.wrap_bio(to_client, to_server, server_hostname="localhost"),
        server.wrap_bio(to_server, to_client, server_side=True),
    )
    open_ends = set(ends)
    for _ in range(10):
        for end in list(open_ends):
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                continue
            open_ends.discard(end)
        if not open_ends:
            return ends[0].version()
    pytest.fail("the handshake does not end")


def client_context(highest: ssl.TLSVersion) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.maximum_version = highest
    return context


def test_tls_1_3_and_nothing_older(identity: ServerIdentity) -> None:
    server = server_context(identity)
    assert _shake(server, client_context(ssl.TLSVersion.TLSv1_3)) == "TLSv1.3"
    with pytest.raises(ssl.SSLError, match="UNSUPPORTED_PROTOCOL"):
        _shake(server, client_context(ssl.TLSVersion.TLSv1_2))
