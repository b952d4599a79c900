"""CoRIM: under its signer's key, within its validity, and read only in its own form."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from keyturn.attest.errors import MalformedEvidence, Reason, UntrustedEvidence
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
