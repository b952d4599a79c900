"""Revocation lists: current, from the chain, whole, and read against another maker (pyca)."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.serialization import Encoding

from keyturn.attest import crl
from keyturn.attest.certificates import Certificate, parse_certificate, pem_crls
from keyturn.attest.chains import ChainCache
from keyturn.attest.crl import MAX_CRL, check_revocation, parse_crl
from keyturn.attest.der import DerReader
from keyturn.attest.errors import MalformedEvidence, Reason, UntrustedEvidence
from keyturn_sim import SimVendors
from keyturn_sim.pki import der_tlv

PSS = padding.PSS(padding.MGF1(hashes.SHA384()), 48)


def make_crl(
    vendors: SimVendors, *serials: int, by_ask: bool = False, critical: bool = False
) -> bytes:
    issuer, key = (vendors.ask, vendors.ask_key) if by_ask else (vendors.ark, vendors.ark_key)
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(issuer.subject)
        .last_update(datetime(2026, 1, 1, tzinfo=UTC))
        .next_update(datetime(2027, 1, 1, tzinfo=UTC))
        .add_extension(x509.CRLNumber(7), critical=critical)
    )
    for serial in serials:
        entry = x509.RevokedCertificateBuilder().serial_number(serial)
        entry = entry.revocation_date(datetime(2026, 1, 1, tzinfo=UTC))
        entry = entry.add_extension(x509.CRLReason(x509.ReasonFlags.key_compromise), False)
        builder = builder.add_revoked_certificate(entry.build())
    return builder.sign(key, hashes.SHA384(), rsa_padding=PSS).public_bytes(Encoding.DER)


@pytest.fixture
def path(vendors: SimVendors) -> list[Certificate]:
    return [parse_certificate(vendors.intermediate_der), parse_certificate(vendors.root_der)]


def test_a_list_without_the_chain_passes_and_says_its_number(vendors, path, now) -> None:  # type: ignore[no-untyped-def]
    (facts,) = check_revocation(path, [make_crl(vendors, 5)], now)
    assert (facts.number, facts.issuer) == (7, "SIMULATED ARK-Genoa")
    assert parse_crl(make_crl(vendors, 5, 6)).serials == {5, 6}
    assert parse_crl(make_crl(vendors)).serials == frozenset()


def test_a_listed_intermediate_is_revoked(vendors, path, now) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(UntrustedEvidence) as caught:
        check_revocation(path, [make_crl(vendors, path[0].serial)], now)
    assert caught.value.reason is Reason.CERT_REVOKED


def test_a_remembered_signature_says_nothing_of_what_a_list_says(vendors, path, now) -> None:  # type: ignore[no-untyped-def]
    cache = ChainCache()
    good, revoking = make_crl(vendors, 5), make_crl(vendors, path[0].serial)
    for _ in range(2):
        check_revocation(path, [good], now, cache)
        for crls, at, reason in (
            ([revoking], now, Reason.CERT_REVOKED),
            ([good], datetime(2027, 1, 2, tzinfo=UTC), Reason.CRL_NOT_CURRENT),
            ([good[:-1] + bytes([good[-1] ^ 1])], now, Reason.CRL_INVALID),
        ):
            with pytest.raises(UntrustedEvidence) as caught:
                check_revocation(path, crls, at, cache)
            assert caught.value.reason is reason


def test_a_serial_counts_only_under_its_issuer(vendors, path, now) -> None:  # type: ignore[no-untyped-def]
    assert check_revocation(path, [make_crl(vendors, path[0].serial, by_ask=True)], now)


@pytest.mark.parametrize("days", [-366, 366])
def test_a_list_that_is_not_current_is_refused(vendors, path, now, days) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(UntrustedEvidence) as caught:
        check_revocation(path, [make_crl(vendors)], now + timedelta(days=days))
    assert caught.value.reason is Reason.CRL_NOT_CURRENT


def test_a_list_of_somebody_else_or_changed_is_refused(vendors, path, now) -> None:  # type: ignore[no-untyped-def]
    crl = make_crl(vendors, 5)
    flipped = bytearray(crl)
    flipped[-1] ^= 1
    for chain, raw in ((path[:1], crl), (path, bytes(flipped))):
        with pytest.raises(UntrustedEvidence) as caught:
            check_revocation(chain, [raw], now)
        assert caught.value.reason is Reason.CRL_INVALID


def test_a_critical_extension_or_a_cut_list_is_refused(vendors) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(MalformedEvidence, match="critical"):
        parse_crl(make_crl(vendors, critical=True))
    with pytest.raises(MalformedEvidence):
        parse_crl(make_crl(vendors)[:-1])


def test_an_entry_with_a_critical_extension_is_refused(vendors: SimVendors) -> None:
    entry = x509.RevokedCertificateBuilder().serial_number(9)
    entry = entry.revocation_date(datetime(2026, 1, 1, tzinfo=UTC))
    entry = entry.add_extension(x509.CRLReason(x509.ReasonFlags.key_compromise), critical=True)
    builder = x509.CertificateRevocationListBuilder().issuer_name(vendors.ark.subject)
    builder = builder.last_update(datetime(2026, 1, 1, tzinfo=UTC))
    builder = builder.next_update(datetime(2027, 1, 1, tzinfo=UTC))
    builder = builder.add_revoked_certificate(entry.build())
    crl = builder.sign(vendors.ark_key, hashes.SHA384(), rsa_padding=PSS)
    with pytest.raises(MalformedEvidence, match="entry has a critical extension"):
        parse_crl(crl.public_bytes(Encoding.DER))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [("020101", "020100", "version 2"), ("020130", "020120", "two signature algorithms")],
)
def test_another_form_is_refused(vendors, old: str, new: str, message: str) -> None:  # type: ignore[no-untyped-def]
    changed = make_crl(vendors).replace(bytes.fromhex(old), bytes.fromhex(new), 1)
    with pytest.raises(MalformedEvidence, match=message):
        parse_crl(changed)


def test_a_huge_list_is_not_read() -> None:
    with pytest.raises(MalformedEvidence, match="too large"):
        parse_crl(bytes(MAX_CRL + 1))


def test_the_recorded_list_has_no_number(vectors_dir) -> None:  # type: ignore[no-untyped-def]
    (raw,) = pem_crls((vectors_dir / "snp/synthetic/crl.pem").read_bytes())
    crl = parse_crl(raw)
    assert (crl.number, crl.serials) == (None, {0x020002})


def test_a_ca_that_may_not_sign_lists_signs_none(vendors, path, now) -> None:  # type: ignore[no-untyped-def]
    crl = make_crl(vendors, 5)
    assert check_revocation(path, [crl], now)
    with pytest.raises(UntrustedEvidence, match="not from an issuer"):
        check_revocation([path[0], replace(path[1], may_sign_crls=False)], [crl], now)


@pytest.mark.parametrize("behind", [b"", b"\x05\x00"])
def test_an_entry_with_something_behind_its_extensions_is_refused(behind: bytes) -> None:
    reason = der_tlv(0x30, der_tlv(0x06, b"\x55\x1d\x15") + der_tlv(0x04, b"\x0a\x01\x01"))
    head = der_tlv(0x02, b"\x05") + der_tlv(0x17, b"260101000000Z")
    entry = der_tlv(0x30, head + der_tlv(0x30, reason) + behind)
    reader = DerReader(der_tlv(0x30, entry), "CRL")
    if not behind:
        assert crl._revoked(reader) == {5}
        return
    with pytest.raises(MalformedEvidence, match="bytes too many"):
        crl._revoked(reader)


def test_an_extension_of_an_entry_with_something_behind_it_is_refused() -> None:
    each = der_tlv(0x06, b"\x55\x1d\x15") + der_tlv(0x04, b"\x0a\x01\x01") + b"\x05\x00"
    head = der_tlv(0x02, b"\x05") + der_tlv(0x17, b"260101000000Z")
    entry = der_tlv(0x30, head + der_tlv(0x30, der_tlv(0x30, each)))
    with pytest.raises(MalformedEvidence, match="bytes too many"):
        crl._revoked(DerReader(der_tlv(0x30, entry), "CRL"))
