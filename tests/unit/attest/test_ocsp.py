"""OCSP answers: about whom, by whom, how lately, and what they say."""

import hashlib
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID
from hypothesis import given
from hypothesis import strategies as st

from keyturn.attest import ocsp as module
from keyturn.attest.certificates import Certificate, parse_certificate
from keyturn.attest.chains import ChainCache
from keyturn.attest.errors import REFUSALS, MalformedEvidence, Reason
from keyturn.attest.ocsp import (
    MAX_OCSP,
    OcspAnswer,
    OcspFacts,
    Revocation,
    Status,
    check_ocsp,
    parse_ocsp,
)
from keyturn_sim import SimVendors
from keyturn_sim.pki import der_tlv
from support.nvdevices import Signer, certify
from support.ocspmaker import answer, responder

NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)
NONCE = b"\x07" * 32
ROOT = certify("root", None)
CA = certify("CA", ROOT)
LEAF = certify("leaf", CA, is_ca=False)
OTHER_CA = certify("CA", None)
RESPONDER = responder(CA)
PATH = (LEAF, CA)


def path(*signers: Signer) -> tuple[Certificate, ...]:
    return tuple(parse_certificate(each.der) for each in signers)


def check(*raws: bytes, nonce: bytes | None = None, **changed: object) -> tuple[OcspFacts, ...]:
    answers = tuple(OcspAnswer(raw, nonce) for raw in raws)
    asked = Revocation(answers=answers, max_age=timedelta(days=7), allow_hold=False)
    return check_ocsp(path(*PATH), replace(asked, **changed), NOW)  # type: ignore[arg-type]


def refused(*raws: bytes, nonce: bytes | None = None, **changed: object) -> Reason:
    with pytest.raises(REFUSALS) as caught:
        check(*raws, nonce=nonce, **changed)
    return caught.value.reason


def made(**changed: object) -> bytes:
    return answer(LEAF, CA, now=NOW, **{"by": RESPONDER, **changed})  # type: ignore[arg-type]


def test_remembered_signatures_say_nothing_of_what_an_answer_says() -> None:
    cache = ChainCache()
    good, revoked = made(), made(status=ocsp.OCSPCertStatus.REVOKED)
    forged = good[:-1] + bytes([good[-1] ^ 1])  # the last byte is of the responder's certificate

    def ask(raw: bytes, now: datetime = NOW) -> Reason | None:
        revocation = Revocation(answers=(OcspAnswer(raw, None),), max_age=timedelta(days=7))
        try:
            check_ocsp(path(*PATH), revocation, now, cache)
        except REFUSALS as refusal:
            return refusal.reason
        return None

    for _ in range(2):
        assert ask(good) is None
        assert ask(revoked) is Reason.CERT_REVOKED
        assert ask(good, NOW + timedelta(days=8)) is Reason.OCSP_NOT_CURRENT
        assert ask(good, NOW - timedelta(days=8)) is not None
        assert ask(forged) is not None


@pytest.mark.parametrize("by", [None, RESPONDER])
@pytest.mark.parametrize("by_key", [True, False])
@pytest.mark.parametrize("algorithm", [hashes.SHA256(), hashes.SHA384()])
def test_a_good_answer(by, by_key, algorithm) -> None:  # type: ignore[no-untyped-def]
    (fact,) = check(made(by=by, by_key=by_key, algorithm=algorithm))
    assert (fact.subject, fact.status, fact.nonce_checked) == ("leaf", Status.GOOD, False)
    assert fact.this_update == NOW - timedelta(hours=1)
    assert str(fact).startswith("leaf: good at 2026-11-23T07:00:00")


def test_an_answer_reads_as_the_library_reads_it() -> None:
    raw = made(nonce=NONCE)
    ours, theirs = parse_ocsp(raw), ocsp.load_der_ocsp_response(raw)
    assert ours.signed.tbs == theirs.tbs_response_bytes
    assert ours.signed.signature == theirs.signature
    assert ours.produced_at == theirs.produced_at_utc
    (single,) = ours.answers
    assert single.this_update == theirs.this_update_utc
    assert single.next_update == theirs.next_update_utc
    assert single.cert_id is not None
    assert single.cert_id.serial == theirs.serial_number
    assert single.cert_id.key_hash == theirs.issuer_key_hash
    assert ours.nonce == NONCE


def test_every_certificate_but_the_root_needs_one_answer() -> None:
    about_ca = answer(CA, ROOT, now=NOW)
    asked = Revocation(
        answers=(OcspAnswer(about_ca, None), OcspAnswer(made(), None)), max_age=timedelta(days=1)
    )
    facts = check_ocsp(path(LEAF, CA, ROOT), asked, NOW)
    assert [fact.subject for fact in facts] == ["leaf", "CA"]
    assert refused() is Reason.OCSP_INCOMPLETE
    assert refused(about_ca) is Reason.OCSP_INCOMPLETE
    assert refused(made(), made()) is Reason.OCSP_INCOMPLETE


def test_an_answer_about_another_certificate_does_not_serve() -> None:
    twin = certify("leaf", CA, is_ca=False)
    assert refused(answer(twin, CA, now=NOW, by=RESPONDER)) is Reason.OCSP_INCOMPLETE
    # The same serial number under a CA of the same name and another key.
    raw = answer(LEAF, OTHER_CA, now=NOW, by=responder(OTHER_CA))
    assert refused(raw) is Reason.OCSP_INCOMPLETE


def test_an_answer_named_by_sha1_does_not_serve() -> None:
    assert refused(made(algorithm=hashes.SHA1())) is Reason.OCSP_INCOMPLETE


@pytest.mark.parametrize(
    "by",
    [
        responder(OTHER_CA),  # of a CA with the same name
        responder(ROOT),  # one ring further up
        responder(certify("CA by another name", None, key=CA.key)),
        responder(CA, purposes=()),
        responder(CA, purposes=(ExtendedKeyUsageOID.SERVER_AUTH,)),
        responder(CA, is_ca=True),
        responder(CA, dates=(datetime(2020, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC))),
        responder(CA, dates=(datetime(2027, 1, 1, tzinfo=UTC), datetime(2028, 1, 1, tzinfo=UTC))),
        LEAF,
    ],
)
def test_only_a_responder_of_this_very_issuer_counts(by: Signer) -> None:
    assert refused(made(by=by)) is Reason.OCSP_INVALID


def test_a_responder_with_an_unknown_critical_extension_is_refused() -> None:
    odd = certify("odd", CA, is_ca=False, purposes=(ExtendedKeyUsageOID.OCSP_SIGNING,))
    builder = (
        x509.CertificateBuilder()
        .subject_name(odd.certificate.subject)
        .issuer_name(CA.certificate.subject)
        .public_key(odd.key.public_key())
        .serial_number(7)
        .not_valid_before(NOW - timedelta(days=1))
        .not_valid_after(NOW + timedelta(days=1))
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.OCSP_SIGNING]), critical=True)
        .add_extension(
            x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00"), critical=True
        )
    )
    signer = Signer(builder.sign(CA.key, hashes.SHA384()), odd.key)
    assert refused(made(by=signer)) is Reason.OCSP_INVALID


def test_a_signer_that_is_not_shown_is_refused() -> None:
    assert refused(made(shown=False)) is Reason.OCSP_INVALID


def test_a_flipped_signature_is_refused() -> None:
    raw = bytearray(made(by=None))
    raw[-1] ^= 1
    assert refused(bytes(raw)) is Reason.OCSP_INVALID


def test_the_nonce_is_the_one_that_was_sent() -> None:
    (fact,) = check(made(nonce=NONCE), nonce=NONCE)
    assert fact.nonce_checked
    assert refused(made(nonce=bytes(32)), nonce=NONCE) is Reason.OCSP_NONCE_MISMATCH
    assert refused(made(), nonce=NONCE) is Reason.OCSP_NONCE_MISMATCH
    check(made(nonce=NONCE))  # nobody asked: kept from another question, and dated


@pytest.mark.parametrize(
    ("age", "lasts", "max_age", "met"),
    [
        (timedelta(hours=1), timedelta(days=1), timedelta(days=7), True),
        (timedelta(hours=25), timedelta(days=1), timedelta(days=7), False),
        (timedelta(days=1), timedelta(days=1), timedelta(days=7), True),
        (timedelta(hours=2), timedelta(days=1), timedelta(hours=1), False),
        (timedelta(days=6), None, timedelta(days=7), True),
        (timedelta(days=8), None, timedelta(days=7), False),
        (-timedelta(hours=1), timedelta(days=1), timedelta(days=7), False),
    ],
)
def test_how_old_an_answer_may_be(age, lasts, max_age, met) -> None:  # type: ignore[no-untyped-def]
    raw = made(age=age, lasts=lasts, produced_at=NOW - timedelta(days=9))
    if met:
        check(raw, max_age=max_age)
    else:
        assert refused(raw, max_age=max_age) is Reason.OCSP_NOT_CURRENT


def test_an_answer_from_the_future_is_refused() -> None:
    raw = made(produced_at=NOW + timedelta(seconds=1))
    assert refused(raw) is Reason.OCSP_NOT_CURRENT


REVOKED = ocsp.OCSPCertStatus.REVOKED


@pytest.mark.parametrize(
    ("status", "reason", "allow_hold", "expected"),
    [
        (REVOKED, None, False, Reason.CERT_REVOKED),
        (REVOKED, None, True, Reason.CERT_REVOKED),
        (REVOKED, x509.ReasonFlags.key_compromise, True, Reason.CERT_REVOKED),
        (REVOKED, x509.ReasonFlags.certificate_hold, False, Reason.CERT_ON_HOLD),
        (REVOKED, x509.ReasonFlags.certificate_hold, True, None),
        (ocsp.OCSPCertStatus.UNKNOWN, None, True, Reason.OCSP_INCOMPLETE),
    ],
)
def test_only_a_good_certificate_passes(status, reason, allow_hold, expected) -> None:  # type: ignore[no-untyped-def]
    raw = made(status=status, reason=reason)
    if expected is None:
        (fact,) = check(raw, allow_hold=allow_hold)
        assert fact.status is Status.HOLD
    else:
        assert refused(raw, allow_hold=allow_hold) is expected


@pytest.mark.parametrize("status", [1, 2, 3, 5, 6])
def test_a_responder_that_declines_is_no_answer(status: int) -> None:
    raw = der_tlv(0x30, der_tlv(0x0A, bytes([status])))
    with pytest.raises(REFUSALS) as caught:
        parse_ocsp(raw)
    assert caught.value.reason is Reason.OCSP_INVALID


def test_another_form_is_refused() -> None:
    raw = made()
    for changed in (raw + b"\0", raw[:-1], b"", raw.replace(b"\x18\x0f2", b"\x17\x0f2", 1)):
        with pytest.raises(MalformedEvidence):
            parse_ocsp(changed)
    with pytest.raises(MalformedEvidence, match="too large"):
        parse_ocsp(bytes(MAX_OCSP + 1))
    basic = bytes.fromhex("06092b0601050507300101")
    with pytest.raises(MalformedEvidence, match="another type"):
        parse_ocsp(raw.replace(basic, basic[:-1] + b"\x02"))


GOOD = made(by=None)


@given(st.integers(0, len(GOOD) * 8 - 1))
def test_no_flipped_bit_of_an_answer_is_believed(bit: int) -> None:
    raw = bytearray(GOOD)
    raw[bit // 8] ^= 1 << bit % 8
    with pytest.raises(REFUSALS):
        check(bytes(raw))


# Forms that the library does not write: parsed only, so the signature may be anything.

_TIME = der_tlv(0x18, b"20261123070000Z")
_NULL = b"\x05\x00"
_GOOD_STATUS = b"\x80\x00"


def extension(oid: str, *, critical: bool, value: bytes = b"") -> bytes:
    named = bytes.fromhex(oid) + (b"\x01\x01\xff" if critical else b"")
    return der_tlv(0xA1, der_tlv(0x30, der_tlv(0x30, named + der_tlv(0x04, value))))


def written(
    *,
    parameters: bytes = _NULL,
    status: bytes = _GOOD_STATUS,
    single: bytes = b"",
    extensions: bytes = b"",
    certificates: tuple[bytes, ...] = (),
) -> bytes:
    sha384 = bytes.fromhex("0609608648016503040202")
    cert_id = der_tlv(0x30, sha384 + parameters) + der_tlv(0x04, bytes(48)) * 2 + b"\x02\x01\x07"
    one = der_tlv(0x30, der_tlv(0x30, cert_id) + status + _TIME + single)
    responder_id = der_tlv(0xA1, LEAF.certificate.subject.public_bytes())
    tbs = der_tlv(0x30, responder_id + _TIME + der_tlv(0x30, one) + extensions)
    basic = tbs + bytes.fromhex("300a06082a8648ce3d040303") + b"\x03\x01\x00"
    if certificates:
        basic += der_tlv(0xA0, der_tlv(0x30, b"".join(certificates)))
    oid = bytes.fromhex("06092b0601050507300101")
    typed = der_tlv(0x30, oid + der_tlv(0x04, der_tlv(0x30, basic)))
    return der_tlv(0x30, b"\x0a\x01\x00" + der_tlv(0xA0, typed))


UNKNOWN, OWN_NONCE = "06032a0304", "06092b0601050507300102"
REVOKED_AT = der_tlv(0xA1, _TIME)


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"parameters": b""},
        {"single": extension(UNKNOWN, critical=False)},
        {"extensions": extension(UNKNOWN, critical=False)},
        {"extensions": extension(OWN_NONCE, critical=True, value=der_tlv(0x04, NONCE))},
        {"status": REVOKED_AT},
        {"certificates": (RESPONDER.der,) * 8},
    ],
)
def test_forms_that_are_read(changed) -> None:  # type: ignore[no-untyped-def]
    assert len(parse_ocsp(written(**changed)).answers) == 1


@pytest.mark.parametrize(
    "changed",
    [
        {"parameters": der_tlv(0x05, b"x")},
        {"parameters": _NULL + _NULL},
        {"parameters": der_tlv(0x30, b"")},
        {"status": der_tlv(0x80, b"x")},
        {"status": der_tlv(0xA1, b"")},
        {"status": der_tlv(0xA1, _TIME + _NULL)},
        {"status": der_tlv(0xA1, der_tlv(0x17, b"261123070000Z"))},
        {"status": b"\x84\x00"},
        {"single": extension(UNKNOWN, critical=True)},
        {"single": _NULL},
        {"extensions": extension(UNKNOWN, critical=True)},
        {"extensions": extension(OWN_NONCE, critical=False, value=NONCE)},
        {"extensions": extension(OWN_NONCE, critical=False, value=der_tlv(0x04, NONCE) + b"\0")},
        {"certificates": (RESPONDER.der,) * 9},
        {"certificates": (b"\x30\x00",)},
    ],
)
def test_forms_that_are_refused(changed) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(MalformedEvidence):
        parse_ocsp(written(**changed))


def elements(raw: bytes, start: int, end: int) -> list[tuple[int, int, int]]:
    """Tag, and where the content lies, of each element between two offsets."""
    found, at = [], start
    while at < end:
        octets = raw[at + 1] & 0x7F if raw[at + 1] & 0x80 else 0
        begin = at + 2 + octets
        size = int.from_bytes(raw[at + 2 : begin], "big") if octets else raw[at + 1]
        found.append((raw[at], begin, begin + size))
        at = begin + size
    return found


def with_one_more(raw: bytes, start: int, end: int) -> list[bytes]:
    """The elements between two offsets, with a NULL at the end of each constructed one in turn.

    An OCTET STRING that holds the basic answer counts as constructed; names and algorithms,
    which are compared as a whole, do not.
    """
    parts = elements(raw, start, end)
    variants = []
    for place, (tag, begin, stop) in enumerate(parts):
        is_inside = raw[begin : begin + 1] == b"\x30"
        opens = is_inside if tag == 0x04 else tag & 0x20 and not (tag == 0xA1 and is_inside)
        inner = [*with_one_more(raw, begin, stop), raw[begin:stop] + _NULL] if opens else []
        for changed in inner:
            written_anew = [
                der_tlv(t, changed if n == place else raw[b:e]) for n, (t, b, e) in enumerate(parts)
            ]
            variants.append(b"".join(written_anew))
    return variants


# Read whole: the signature's algorithm, which must be one of two exactly; of a certificate its
# issuer's name, which must be the issuer's exactly, and its purposes, read when it signs.
@pytest.mark.parametrize(("certificates", "read_whole"), [((), 1), ((RESPONDER.der,), 7)])
def test_nothing_more_stands_at_the_end_of_any_part(certificates, read_whole) -> None:  # type: ignore[no-untyped-def]
    full = written(
        status=der_tlv(0xA1, _TIME + der_tlv(0xA0, b"\x0a\x01\x01")),
        single=der_tlv(0xA0, _TIME),
        certificates=certificates,
    )
    parse_ocsp(full)
    read = 0
    for changed in with_one_more(full, 0, len(full)):
        with suppress(MalformedEvidence):
            parse_ocsp(changed)
            read += 1
    assert read == read_whole


def test_a_responders_purposes_and_name_are_read_whole() -> None:
    purposes = der_tlv(0x30, bytes.fromhex("06082b06010505070309"))
    for more, expected in ((b"", None), (_NULL, Reason.MALFORMED)):
        by = certify("odd", CA, is_ca=False, extensions=(("2.5.29.37", purposes + more),))
        if expected is None:
            check(made(by=by))
        else:
            assert refused(made(by=by)) is expected
    parsed, signer = parse_ocsp(made(by_key=True)), parse_certificate(RESPONDER.der)
    assert module._is_named(parsed, signer)
    key_hash = parsed.responder[2:]
    with pytest.raises(MalformedEvidence):
        module._is_named(replace(parsed, responder=der_tlv(0xA2, key_hash + _NULL)), signer)


def test_the_bits_of_an_rsa_key_are_its_pkcs1_form(vendors: SimVendors) -> None:
    root = parse_certificate(vendors.root_der)
    bits = x509.SubjectKeyIdentifier.from_public_key(vendors.ark.public_key()).digest
    assert hashlib.sha1(module._key_bits(root), usedforsecurity=False).digest() == bits


def test_a_certificate_is_named_by_serial_issuers_name_and_issuers_key_all() -> None:
    (single,) = parse_ocsp(made()).answers
    named, leaf, issuer = single.cert_id, *path(LEAF, CA)
    assert named is not None
    assert named.names(leaf, issuer)
    for other in (
        replace(named, serial=named.serial + 1),
        replace(named, name_hash=bytes(len(named.name_hash))),
        replace(named, key_hash=bytes(len(named.key_hash))),
    ):
        assert not other.names(leaf, issuer)


def test_a_responder_with_an_unknown_extension_that_is_not_critical_may_answer() -> None:
    odd = responder(CA, extensions=(("1.2.3.4", b"\x05\x00"),))
    assert check(made(by=odd))
