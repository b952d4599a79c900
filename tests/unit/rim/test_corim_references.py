"""Signed CoRIMs as reference values: by a signer whom an officer names, and whole or not at all."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from keyturn.attest.errors import REFUSALS, Reason
from keyturn.base.encoding import Digest, b64url, digest_of
from keyturn.base.strictjson import Fields
from keyturn.policy.baseline_document import document_of
from keyturn.quorum.origin import Method
from keyturn.quorum.reference_bodies import ReferenceValues, parse_reference_values
from keyturn.quorum.tee_rules import TdRegister
from keyturn.rim.cbor import Tag, write_cbor
from keyturn.rim.corim_references import corim_references, read_signer
from keyturn_sim.pki import der_of, make_certificate, new_rsa_key
from support.nvdevices import certify
from support.rimmaker import TWO_YEARS

NOW = datetime(2026, 11, 29, tzinfo=UTC)
LATER = NOW + timedelta(days=30)
VALUE, OTHER = b"\x11\x12" * 24, b"\x21\x22" * 24
KEY = ec.generate_private_key(ec.SECP384R1())
SPKI = KEY.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def jwk(key: ec.EllipticCurvePrivateKey = KEY) -> bytes:
    numbers = key.public_key().public_numbers()
    x, y = (b64url(each.to_bytes(48, "big")) for each in (numbers.x, numbers.y))
    return json.dumps({"kty": "EC", "crv": "P-384", "x": x, "y": y}).encode()


def triple(vendor: str, key: Any, *values: bytes, algorithm: int = 7) -> list[Any]:
    digests = [[algorithm, each] for each in values]
    return [{0: {1: vendor, 2: "model"}}, [{0: key, 1: {2: digests}}]]


def signed(
    *triples: Sequence[Any],
    key: ec.EllipticCurvePrivateKey = KEY,
    until: datetime | None = LATER,
    more: dict[int, Any] | None = None,
    others: dict[int, Any] | None = None,
    tags: Sequence[Tag] = (),
) -> bytes:
    """`more`: fields of the CoRIM; `others`: triples of other kinds."""
    comid = {1: {0: "id"}, 4: {0: list(triples), **(others or {})}}
    tagged = [Tag(506, write_cbor(comid)), *tags]
    payload = write_cbor(Tag(501, {0: "test", 1: tagged, **(more or {})}))
    meta: dict[int, Any] = {0: {0: "ACME"}}
    if until is not None:
        meta[1] = {1: Tag(1, int(until.timestamp()))}
    head = write_cbor({1: -35, 3: "application/rim+cbor", 8: write_cbor(meta)})
    tbs = write_cbor(["Signature1", head, b"", payload])
    r, s = decode_dss_signature(key.sign(tbs, ec.ECDSA(hashes.SHA384())))
    return write_cbor(Tag(18, [head, {}, payload, r.to_bytes(48, "big") + s.to_bytes(48, "big")]))


def read(raw: bytes, **changed: Any) -> ReferenceValues:
    signer = read_signer(jwk(), digest_of(SPKI), NOW)
    return corim_references(raw, signer, **{"obtained": NOW, "until": None, **changed})


def reason_of(raw: bytes, **changed: Any) -> Reason | None:
    try:
        read(raw, **changed)
    except REFUSALS as refusal:
        return refusal.reason
    return None


def test_an_amd_measurement_and_a_tds_registers_become_values() -> None:
    raw = signed(
        triple("AMD", 641, VALUE, OTHER),
        triple("Intel Corporation", "mrtd", VALUE),
        triple("Intel Corporation", "rtmr0", VALUE, OTHER),
    )
    values = read(raw)
    assert parse_reference_values(Fields(document_of(values), "body")) == values
    assert values.snp.keys() == {VALUE.hex(), OTHER.hex()}
    (td,) = values.tdx
    assert td.registers[TdRegister.MRTD] == frozenset({VALUE.hex()})
    assert len(td.registers[TdRegister.RTMR0]) == 2
    origin = td.origin.provenance
    assert origin is not None
    assert (origin.method, origin.document, origin.until) == (
        Method.CORIM,
        digest_of(raw),
        LATER,
    )
    assert origin.signer == f"key {digest_of(SPKI)}, calls itself 'ACME'"


@pytest.mark.parametrize(
    "strange",
    [
        triple("NVIDIA", 641, VALUE),
        triple("AMD", 642, VALUE),
        triple("AMD", 641, VALUE[:32], algorithm=1),
        triple("AMD", 641, VALUE[:32]),
        triple("Intel", "mrconfigid", VALUE),
        triple("", "mrtd", VALUE),
    ],
)
def test_what_no_baseline_holds_is_refused_as_a_whole_and_named(strange: list[Any]) -> None:
    raw = signed(triple("AMD", 641, VALUE), strange)
    assert reason_of(raw) is Reason.NO_REFERENCE_VALUES


def test_registers_without_mrtd_and_nothing_at_all() -> None:
    assert reason_of(signed(triple("Intel", "rtmr0", VALUE))) is Reason.NO_REFERENCE_VALUES
    assert reason_of(signed()) is Reason.NO_REFERENCE_VALUES


def test_registers_of_two_firmwares_are_two_sets() -> None:
    """The attack: one CoRIM names two TDs; the MRTD of one with the RTMR0 of the other passed."""
    first, second = (
        [[{0: {1: "Intel", 2: model}}, [{0: name, 1: {2: [[7, value]]}}]] for name in names]
        for model, value, names in (
            ("old", VALUE, ("mrtd", "rtmr0")),
            ("new", OTHER, ("mrtd", "rtmr0")),
        )
    )
    tds = read(signed(*first, *second)).tdx
    assert [
        (each.registers[TdRegister.MRTD], each.registers[TdRegister.RTMR0]) for each in tds
    ] == [
        (frozenset({VALUE.hex()}), frozenset({VALUE.hex()})),
        (frozenset({OTHER.hex()}), frozenset({OTHER.hex()})),
    ]
    assert reason_of(signed(*first, second[1])) is Reason.NO_REFERENCE_VALUES


def test_environments_that_read_alike_are_not_one() -> None:
    mrtd = triple("Intel", "mrtd", VALUE)
    rtmr0 = triple("Intel", "rtmr0", OTHER)
    rtmr0[0][0][4] = 7  # another index of the class, which no line shows
    assert reason_of(signed(mrtd, rtmr0)) is Reason.NO_REFERENCE_VALUES


def test_the_manifests_own_validity_counts_too() -> None:
    good = triple("AMD", 641, VALUE)

    def valid(start: datetime | None, end: datetime) -> dict[int, Any]:
        times = {0: start, 1: end}
        return {4: {k: Tag(1, int(v.timestamp())) for k, v in times.items() if v is not None}}

    day = timedelta(days=1)
    for until in (LATER, None):
        ended = signed(good, until=until, more=valid(None, NOW - day))
        assert reason_of(ended) is Reason.CERT_EXPIRED
        early = signed(good, until=until, more=valid(NOW + day, LATER))
        assert reason_of(early) is Reason.CERT_NOT_YET_VALID
        (origin,) = read(signed(good, until=until, more=valid(NOW - day, NOW + day))).snp.values()
        assert origin.provenance is not None
        assert origin.provenance.until == NOW + day
    assert reason_of(signed(good, more={4: "never"})) is Reason.MALFORMED


def for_one_instance() -> list[Any]:
    found = triple("AMD", 641, VALUE)
    found[0][1] = Tag(550, b"one machine")
    return found


def with_value(name: int, value: Any) -> list[Any]:
    found = triple("AMD", 641, VALUE)
    found[1][0][1][name] = value
    return found


def by_somebody_else() -> list[Any]:
    found = triple("AMD", 641, VALUE)
    found[1][0][2] = [Tag(554, "a key")]
    return found


@pytest.mark.parametrize(
    "raw",
    [
        signed(for_one_instance()),
        signed(with_value(1, Tag(553, 5))),  # a least SVN
        signed(with_value(3, {3: False})),  # flags: not under debug
        signed(by_somebody_else()),
        signed(triple("AMD", 641, VALUE), others={1: []}),
        signed(triple("AMD", 641, VALUE), tags=[Tag(505, b"")]),
        signed(triple("AMD", 641, VALUE), more={2: []}),
    ],
)
def test_what_bounds_a_value_and_no_baseline_holds_is_refused(raw: bytes) -> None:
    """Read over, it would make known-good what its signer called good under a condition."""
    assert reason_of(raw) is Reason.NO_REFERENCE_VALUES


def test_another_signer_a_changed_byte_or_no_time_left() -> None:
    good = triple("AMD", 641, VALUE)
    other = ec.generate_private_key(ec.SECP384R1())
    assert reason_of(signed(good, key=other)) is Reason.SIGNATURE_INVALID
    changed = signed(good).replace(VALUE, OTHER)
    assert reason_of(changed) is Reason.SIGNATURE_INVALID
    assert reason_of(signed(good, until=NOW - timedelta(days=1))) is Reason.CERT_EXPIRED
    assert reason_of(signed(good, until=NOW)) is Reason.CERT_EXPIRED
    assert reason_of(b"junk") is Reason.MALFORMED
    sooner = NOW + timedelta(days=1)
    (origin,) = read(signed(good), until=sooner).snp.values()
    assert origin.provenance is not None
    assert origin.provenance.until == sooner


def test_the_signer_is_the_one_that_was_named() -> None:
    def refused(raw: bytes, named: Digest, now: datetime = NOW) -> Reason | None:
        try:
            read_signer(raw, named, now)
        except REFUSALS as refusal:
            return refusal.reason
        return None

    assert refused(jwk(), digest_of(SPKI)) is None
    assert refused(jwk(), digest_of(b"another")) is Reason.SIGNING_KEY_MISMATCH
    maker = certify("CoRIM signer", None, dates=TWO_YEARS)
    pem = maker.certificate.public_bytes(Encoding.PEM)
    named = digest_of(maker.der)
    assert refused(pem, named) is None
    assert refused(pem, digest_of(SPKI)) is Reason.SIGNING_KEY_MISMATCH
    assert refused(pem + pem, named) is Reason.MALFORMED
    assert refused(pem, named, datetime(2099, 1, 1, tzinfo=UTC)) is Reason.CERT_EXPIRED
    assert refused(pem, named, datetime(1999, 1, 1, tzinfo=UTC)) is Reason.CERT_NOT_YET_VALID
    strange = new_rsa_key()
    rsa = make_certificate("RSA", strange, None, strange, is_ca=False)
    found = refused(rsa.public_bytes(Encoding.PEM), digest_of(der_of(rsa)))
    assert found is Reason.MALFORMED
    signer = read_signer(pem, named, NOW)
    raw = signed(triple("AMD", 641, VALUE), key=maker.key)
    (origin,) = corim_references(raw, signer, obtained=NOW, until=None).snp.values()
    assert origin.provenance is not None
    assert str(origin.provenance.signer).startswith("'CoRIM signer', certificate sha256:")


def test_a_corim_of_the_standards_examples_is_of_other_things(vectors_dir: Path) -> None:
    folder = vectors_dir / "eat-corim"
    raw = (folder / "signed-good-corim.cbor").read_bytes()
    key = (folder / "ec-p256.pub.jwk").read_bytes()
    then = datetime(2024, 1, 1, tzinfo=UTC)
    try:
        read_signer(key, digest_of(b""), then)
    except REFUSALS as refusal:
        named = Digest(refusal.found)
    signer = read_signer(key, named, then)
    with pytest.raises(REFUSALS) as caught:
        corim_references(raw, signer, obtained=then, until=None)
    assert "ACME" in str(caught.value)
