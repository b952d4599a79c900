"""CoRIM: under its signer's key, within its validity, and read only in its own form."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from keyturn.attest.errors import REFUSALS, MalformedEvidence, Reason, UntrustedEvidence
from keyturn.base.encoding import b64url
from keyturn.rim.cbor import Tag, read_cbor, write_cbor
from keyturn.rim.corim import check_form, read_comid, read_corim, verify_corim

DIGEST = [7, b"\x11" * 48]
COMID: dict[Any, Any] = {
    1: {0: "id"},
    4: {0: [[{0: {1: "ACME", 2: "Board", 3: 1}}, [{0: "bios", 1: {2: [DIGEST]}}]]]},
}


@pytest.fixture
def folder(vectors_dir: Path) -> Path:
    return vectors_dir / "eat-corim"


def corim(comid: Any = COMID) -> bytes:
    return write_cbor(Tag(501, {0: "test", 1: [Tag(506, write_cbor(comid))]}))


def test_the_reference_digests_are_read() -> None:
    (found,) = read_corim(corim())
    assert (found.environment, found.key) == ("ACME Board layer 1", "bios")
    assert (found.algorithm, found.value) == ("sha-384", b"\x11" * 48)


def test_integrity_registers_are_digests_too(folder: Path) -> None:
    found = read_comid((folder / "comid-integrity-registers.cbor").read_bytes())
    assert [each.key for each in found] == ["0", "0", "my-ir", "my-ir"]
    assert {each.algorithm for each in found} == {"sha-256", "my-alg-id"}


def test_a_signed_one_is_its_signers_within_its_time(folder: Path) -> None:
    raw, key = (folder / "signed-good-corim.cbor").read_bytes(), folder / "ec-p256.pub.jwk"
    found = verify_corim(raw, key.read_bytes(), datetime(2024, 1, 1, tzinfo=UTC))
    assert found.signer == "ACME Ltd signing key"
    assert len(read_corim(found.payload)) == 3
    for year, reason in ((2021, Reason.CERT_NOT_YET_VALID), (2026, Reason.CERT_EXPIRED)):
        with pytest.raises(UntrustedEvidence) as caught:
            verify_corim(raw, key.read_bytes(), datetime(year, 6, 1, tzinfo=UTC))
        assert caught.value.reason is reason


def test_another_key_signed_nothing_here(folder: Path) -> None:
    raw = (folder / "signed-good-corim.cbor").read_bytes()
    with pytest.raises(UntrustedEvidence) as caught:
        verify_corim(raw, (folder / "ear" / "es384.pub.jwk").read_bytes())
    assert caught.value.reason is Reason.SIGNATURE_INVALID


def test_every_changed_byte_of_what_is_signed_is_refused(folder: Path) -> None:
    raw = (folder / "signed-good-corim.cbor").read_bytes()
    key = (folder / "ec-p256.pub.jwk").read_bytes()
    for place in range(len(raw)):
        changed = raw[:place] + bytes([raw[place] ^ 0x01]) + raw[place + 1 :]
        with pytest.raises((UntrustedEvidence, MalformedEvidence)):
            verify_corim(changed, key)


def test_what_is_added_to_the_head_is_refused(folder: Path) -> None:
    """An unknown protected field may mean anything: whoever put it there wanted it heeded."""
    outer = read_cbor((folder / "signed-good-corim.cbor").read_bytes(), "test")
    head = read_cbor(outer.value[0], "test")
    for wrong in ({**head, 2: [99], 99: 1}, {**head, 3: "text/plain"}, {**head, 8: b"\xa0"}):
        parts = [write_cbor(wrong), *outer.value[1:]]
        with pytest.raises((UntrustedEvidence, MalformedEvidence)):
            verify_corim(write_cbor(Tag(18, parts)), (folder / "ec-p256.pub.jwk").read_bytes())


@pytest.mark.parametrize(
    "raw",
    [
        write_cbor({}),
        write_cbor(Tag(18, [])),
        write_cbor(Tag(18, [b"", {}, "text", b""])),
        write_cbor(Tag(18, [b"\xa0", [], b"", b""])),
        write_cbor(Tag(18, [b"\xa0", {}, b"", b""])),
        write_cbor(Tag(19, [b"\xa0", {}, b"", b""])),
    ],
)
def test_what_is_no_signed_corim_is_malformed(raw: bytes, folder: Path) -> None:
    with pytest.raises(MalformedEvidence):
        verify_corim(raw, (folder / "ec-p256.pub.jwk").read_bytes())


@pytest.mark.parametrize(
    "comid",
    [
        [],
        {},
        {1: {}},
        {1: {0: "id"}},
        {1: {0: "id"}, 4: {}},
        {1: {0: "id"}, 4: {0: {}}},
        {1: {0: "id"}, 4: {0: [[1]]}},
        {1: {0: "id"}, 4: {0: [[1, []]]}},
        {1: {0: "id"}, 4: {0: [[{0: 1}, []]]}},
        {1: {0: "id"}, 4: {0: [[{}, [{}]]]}},
        {1: {0: "id"}, 4: {0: [[{}, [{1: {2: [[7]]}}]]]}},
        {1: {0: "id"}, 4: {0: [[{}, [{1: {2: [[7, "text"]]}}]]]}},
        {1: {0: "id"}, 4: {0: [[{}, [{1: {14: []}}]]]}},
        {1: {}, 4: COMID[4]},
        {1: [0], 4: COMID[4]},
        {1: {0: "id"}, 4: [0]},
        {1: {0: "id"}, 4: {0: [[{}, [], []]]}},
        {1: {0: "id"}, 4: {0: [[[], []]]}},
        {1: {0: "id"}, 4: {0: [[{}, [[0, {}]]]]}},
        {1: {0: "id"}, 4: {0: [[{}, [{1: [0]}]]]}},
        {1: {0: "id"}, 4: {0: [[{}, [{1: {2: {}}}]]]}},
        {1: {0: "id"}, 4: {0: [[{}, [{1: {2: [[*DIGEST, 1]]}}]]]}},
        {1: {0: "id"}, 4: {0: [[{}, [{1: {2: [[True, b"x"]]}}]]]}},
        {1: {0: "id"}, 4: {0: [[{}, [{1: {2: [[b"7", b"x"]]}}]]]}},
        {1: {0: "id"}, 4: {0: [[{}, [{1: {14: {0: 1}}}]]]}},
    ],
)
def test_a_comid_of_another_form_is_malformed(comid: Any) -> None:
    with pytest.raises(MalformedEvidence):
        read_corim(corim(comid))


def test_forms_are_told_by_their_tags() -> None:
    assert check_form(corim()) == 501
    assert check_form(write_cbor(COMID)) is None
    assert check_form(write_cbor(Tag(571, {0: {}}))) == 571
    for wrong in (Tag(571, {}), Tag(999, {}), Tag(501, {0: "id"}), Tag(501, {0: "id", 1: [1]})):
        with pytest.raises(MalformedEvidence):
            check_form(write_cbor(wrong))


@pytest.mark.parametrize(
    "value",
    [
        {0: "test", 1: [1]},
        Tag(502, {0: "test", 1: [Tag(506, write_cbor(COMID))]}),
        Tag(501, [0, 1]),
        Tag(501, {1: [Tag(506, write_cbor(COMID))]}),
        Tag(501, {0: "test", 1: {}}),
        Tag(501, {0: "test", 1: 5}),
        Tag(501, {0: "test", 1: []}),
        Tag(501, {0: "test", 1: [1]}),
        Tag(501, {0: "test", 1: [Tag(506, "text")]}),
    ],
)
def test_a_corim_of_another_form_is_malformed(value: Any) -> None:
    with pytest.raises(MalformedEvidence):
        read_corim(write_cbor(value))


def test_other_tags_and_triples_are_read_over() -> None:
    other = {1: {0: "id"}, 4: {1: [[{}, []]]}}
    tags = [Tag(505, b"no CoMID"), Tag(506, write_cbor(Tag(506, other)))]
    assert read_corim(write_cbor(Tag(501, {0: "test", 1: tags}))) == ()


def test_there_are_not_too_many_values() -> None:
    def listing(count: int) -> bytes:
        return write_cbor({1: {0: "id"}, 4: {0: [[{}, [{1: {2: [DIGEST] * count}}]]]}})

    assert len(read_comid(listing(4096))) == 4096
    with pytest.raises(MalformedEvidence, match="too many values"):
        read_comid(listing(4097))


def test_an_environment_is_named_by_what_is_text() -> None:
    described = {0: Tag(560, b"\xab\xcd"), 1: 5, 2: "Board", 3: True}
    comid = {1: {0: "id"}, 4: {0: [[{0: described}, [{0: Tag(550, b"\x0f"), 1: {2: [DIGEST]}}]]]}}
    (found,) = read_comid(write_cbor(comid))
    assert (found.environment, found.key) == ("Board abcd", "0f")


@pytest.mark.parametrize("value", [Tag(999, {0: {}}), Tag(571, [0]), Tag(571, {1: 2}), {0: 1}])
def test_another_form_is_none_of_them(value: Any) -> None:
    with pytest.raises(MalformedEvidence):
        check_form(write_cbor(value))


# Signed by a key of ours, so that only what is looked at is wrong.

KEY = ec.generate_private_key(ec.SECP256R1())
RIM = "application/rim+cbor"
NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)
BEGAN, ENDS = int(NOW.timestamp()) - 60, int(NOW.timestamp()) + 60
META = {0: {0: "ACME"}, 1: {0: Tag(1, BEGAN), 1: Tag(1, ENDS)}}


def jwk() -> bytes:
    numbers = KEY.public_key().public_numbers()
    x, y = (b64url(each.to_bytes(32, "big")) for each in (numbers.x, numbers.y))
    return json.dumps({"kty": "EC", "crv": "P-256", "x": x, "y": y}).encode()


def parts(head: Any = None, payload: bytes = b"", meta: Any = META) -> list[Any]:
    """The four parts of a COSE_Sign1, of which the signature is always right."""
    whole = {1: -7, 3: RIM, 8: write_cbor(meta)} if head is None else head
    raw, payload = write_cbor(whole), payload or corim()
    signed = write_cbor(["Signature1", raw, b"", payload])
    r, s = decode_dss_signature(KEY.sign(signed, ec.ECDSA(hashes.SHA256())))
    return [raw, {}, payload, r.to_bytes(32, "big") + s.to_bytes(32, "big")]


def refused(value: Any) -> Reason:
    with pytest.raises(REFUSALS) as caught:
        verify_corim(write_cbor(value), jwk(), NOW)
    return caught.value.reason


def test_ours_is_good_with_and_without_what_may_be_absent() -> None:
    found = verify_corim(write_cbor(Tag(18, parts())), jwk(), NOW)
    assert (found.signer, found.validity is not None) == ("ACME", True)
    assert verify_corim(write_cbor(Tag(18, parts(meta={0: {0: "x"}}))), jwk(), NOW).signer == "x"
    assert verify_corim(write_cbor(Tag(18, parts({1: -7, 3: RIM}))), jwk(), NOW).signer == ""
    endless = {0: {0: "ACME"}, 1: {1: Tag(1, ENDS)}}
    verify_corim(write_cbor(Tag(18, parts(meta=endless))), jwk(), NOW)


def test_only_a_cose_sign1_of_its_parts_is_read() -> None:
    head, bare, payload, signature = good = parts()
    assert refused(Tag(19, good)) is Reason.MALFORMED
    assert refused(good) is Reason.MALFORMED
    assert refused(Tag(18, {1: head, 2: bare, 3: payload, 4: signature})) is Reason.MALFORMED
    assert refused(Tag(18, 4)) is Reason.MALFORMED
    assert refused(Tag(18, [*good, b""])) is Reason.MALFORMED
    assert refused(Tag(18, [head, bare, "text", signature])) is Reason.MALFORMED
    assert refused(Tag(18, [head, [], payload, signature])) is Reason.MALFORMED


@pytest.mark.parametrize(
    "head",
    [
        [],
        {1: -7, 3: RIM, 99: 1},
        {1: -7, 2: [99], 3: RIM},
        {1: -7, 3: "text/plain"},
        {1: -7},
        {1: -7, 3: RIM, 8: "text"},
    ],
)
def test_a_head_of_another_form_is_refused_whoever_signed_it(head: Any) -> None:
    assert refused(Tag(18, parts(head))) is Reason.MALFORMED


@pytest.mark.parametrize(
    "meta",
    [
        [],
        {},
        {0: []},
        {0: {0: 7}},
        {0: {0: "ACME"}, 2: 1},
        {0: {0: "ACME"}, 1: [0]},
        {0: {0: "ACME"}, 1: [0, 1]},
        {0: {0: "ACME"}, 1: {}},
        {0: {0: "ACME"}, 1: {0: Tag(1, BEGAN)}},
        {0: {0: "ACME"}, 1: {1: Tag(1, ENDS), 2: 0}},
        {0: {0: "ACME"}, 1: {1: ENDS}},
        {0: {0: "ACME"}, 1: {1: Tag(0, ENDS)}},
        {0: {0: "ACME"}, 1: {1: Tag(1, "soon")}},
        {0: {0: "ACME"}, 1: {0: Tag(1, True), 1: Tag(1, ENDS)}},
        {0: {0: "ACME"}, 1: {1: Tag(1, 1 << 62)}},
    ],
)
def test_a_signer_of_another_form_is_refused(meta: Any) -> None:
    assert refused(Tag(18, parts(meta=meta))) is Reason.MALFORMED


def test_a_signed_text_that_is_no_corim_is_refused() -> None:
    assert refused(Tag(18, parts(payload=b"\xa0"))) is Reason.MALFORMED


def test_the_algorithm_is_the_keys_and_its_signature_has_one_size() -> None:
    assert refused(Tag(18, parts({1: -35, 3: RIM}))) is Reason.SIGNATURE_INVALID
    *signed, signature = parts()
    longer = signature[:32] + b"\0" + signature[32:]  # the same two numbers
    assert refused(Tag(18, [*signed, longer])) is Reason.SIGNATURE_INVALID
