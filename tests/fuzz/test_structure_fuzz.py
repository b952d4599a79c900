"""Documents bent in one place are refused with a typed error, and nothing is read two ways.

Beside random bytes (`test_protocol_fuzz.py`): every object with a key twice, a field more, a field
less, a float, a huge number or forty levels; every base64 in another spelling; every document one
byte over its limit. Line formats read back as the very bytes that were read.
"""

import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519
from hypothesis import given, settings
from hypothesis import strategies as st

from keyturn.base.dsse import MAX_ENVELOPE, parse_envelope
from keyturn.base.encoding import b64
from keyturn.base.errors import KeyturnError, MalformedError
from keyturn.base.signatures import load_verify_key
from keyturn.base.strictjson import dump
from keyturn.client.memory import Memory
from keyturn.client.offline import MAX_EXPORT, read_proposal_file
from keyturn.client.qrparts import MAX_PARTS, MAX_WHOLE, base45, join, parse_part, split, unbase45
from keyturn.quorum.approvals import (
    APPROVAL_TYPE,
    WITHDRAWAL_TYPE,
    Decision,
    approval_payload,
    parse_approval,
    parse_withdrawal,
    withdrawal_payload,
)
from keyturn.quorum.bundle import MAX_BUNDLE, load_bundle, make_bundle
from keyturn.quorum.enrolment import (
    ENROLMENT_TYPE,
    MAX_ENROLMENT,
    enrolment_payload,
    parse_enrolment,
)
from keyturn.quorum.kinds import Kind
from keyturn.quorum.statements import MAX_STATEMENT, parse_statement, statement_type
from keyturn.tlog.bundles import bundle_bytes, parse_bundle
from keyturn.tlog.checkpoints import Checkpoint, parse_checkpoint, sign_checkpoint
from keyturn.tlog.merkle import Hash
from keyturn.tlog.notes import MAX_NOTE, MAX_SIGNATURES, parse_note
from keyturn.tlog.tiles import Tile, parse_path
from keyturn.wire.signin import SIGN_IN_TYPE, parse_sign_in, sign_in_payload
from support.authority import START, Person, make_people, sign, spki
from support.bent import at, base64_bent, bent, changed, texts_in
from support.fuzzing import examples
from unit.quorum.authority_log import AuthorityLog

LOG = AuthorityLog()
LOG.enact_keys()
BUNDLE = make_bundle(LOG.state)
ADA = LOG.authority.people["ada"]
NEW = make_people(("newcomer",))["newcomer"]


def bundle(raw: bytes) -> object:
    return load_bundle(raw, LOG.fingerprint, START)


def proposal_file(raw: bytes) -> object:
    return read_proposal_file(raw, LOG.fingerprint, Memory(LOG.fingerprint), START)


def refused(read: Callable[[bytes], object], raw: bytes, how: str) -> None:
    """By a typed error; `how` it was bent is told when it was read after all."""
    try:
        read(raw)
    except KeyturnError:
        return
    pytest.fail(f"read although it is bent: {how}")


# ---- signed documents: the payload is bent, then signed ----

Signed = tuple[str, dict[str, Any], Callable[[bytes], object], Person]


def payload(raw: bytes) -> dict[str, Any]:
    found = json.loads(raw)
    assert isinstance(found, dict)
    return found


def signed_documents() -> dict[str, Signed]:
    digest = LOG.fingerprint
    roster = parse_statement(
        LOG.authority.propose(Kind.ROSTER, "roster", LOG.authority.roster_body()).raw
    )
    return {
        "roster": (
            statement_type(Kind.ROSTER),
            payload(roster.envelope.payload),
            parse_statement,
            ADA,
        ),
        "approval": (
            APPROVAL_TYPE,
            payload(approval_payload(digest, Decision.APPROVE, officer="ada", time=START)),
            parse_approval,
            ADA,
        ),
        "withdrawal": (
            WITHDRAWAL_TYPE,
            payload(withdrawal_payload(digest, officer="ada", time=START, reason="no")),
            parse_withdrawal,
            ADA,
        ),
        "enrolment": (
            ENROLMENT_TYPE,
            payload(enrolment_payload(digest, NEW.entry(), START)),
            parse_enrolment,
            NEW,
        ),
        "sign-in": (
            SIGN_IN_TYPE,
            payload(sign_in_payload("ada", "17" * 32, "ab" * 32, START)),  # type: ignore[arg-type]
            parse_sign_in,
            ADA,
        ),
    }


SIGNED = signed_documents()
OPEN_MAPS = ("thresholds", "required")
OPTIONAL = ("separation", "compromised")


@pytest.mark.parametrize("name", SIGNED)
def test_a_signed_payload_bent_anywhere_is_refused(name: str) -> None:
    kind, document, read, person = SIGNED[name]
    assert read(sign(kind, dump(document), *person.keys))
    count = 0
    for how, raw in bent(document, open_maps=OPEN_MAPS):
        if any(how.endswith(f"without {each}") for each in OPTIONAL):
            continue
        count += 1
        refused(read, sign(kind, raw, *person.keys), how)
    assert count > 20


@pytest.mark.parametrize("name", SIGNED)
def test_an_envelope_bent_anywhere_is_refused(name: str) -> None:
    kind, document, read, person = SIGNED[name]
    envelope = json.loads(sign(kind, dump(document), *person.keys))
    for how, raw in bent(envelope):
        refused(read, raw, how)
    for path in (("payload",), ("signatures", 0, "sig")):
        for spelling in base64_bent(at(envelope, path)):
            refused(read, dump(changed(envelope, path, spelling)), spelling[-8:])
    other = envelope["payloadType"].replace("v1", "v2")
    with pytest.raises(KeyturnError):
        read(dump({**envelope, "payloadType": other}))


def test_base64_inside_a_payload_has_one_spelling() -> None:
    kind, document, read, person = SIGNED["roster"]
    keys = [path for path in texts_in(document) if path[-1] == "spki"]
    assert len(keys) >= 5
    for path in keys[:2]:
        for spelling in base64_bent(at(document, path)):
            with pytest.raises(MalformedError):
                read(sign(kind, dump(changed(document, path, spelling)), *person.keys))


@pytest.mark.parametrize("name", SIGNED)
@settings(max_examples=examples(60))
@given(data=st.data())
def test_any_value_anywhere_in_a_signed_payload(name: str, data: st.DataObject) -> None:
    kind, document, read, person = SIGNED[name]
    path = data.draw(st.sampled_from(texts_in(document)))
    value = data.draw(st.none() | st.booleans() | st.integers() | st.text(max_size=30))
    with suppress(KeyturnError):
        read(sign(kind, dump(changed(document, path, value)), *person.keys))


# ---- unsigned documents ----


@pytest.mark.parametrize("part", [0, 1])
def test_a_bundle_bent_anywhere_is_refused(part: int) -> None:
    document = json.loads(BUNDLE)
    assert bundle(dump(document))
    for place, (how, raw) in enumerate(bent(document)):
        if place % 2 == part:
            refused(bundle, raw, how)


def test_a_proposal_file_bent_anywhere_is_refused() -> None:
    made = LOG.authority.propose(Kind.ROSTER, "roster", LOG.authority.roster_body())
    document = {
        "type": "proposal-export",
        "format": 1,
        "statement": b64(made.raw),
        "approvals": [],
        "bundle": b64(BUNDLE),
    }
    assert proposal_file(dump(document))
    for how, raw in bent(document):
        refused(proposal_file, raw, how)


# ---- one byte too many ----

LIMITS: dict[str, tuple[Callable[[bytes], object], int]] = {
    "envelope": (parse_envelope, MAX_ENVELOPE),
    "statement": (parse_statement, MAX_STATEMENT),
    "approval": (parse_approval, 64 << 10),
    "withdrawal": (parse_withdrawal, 64 << 10),
    "enrolment": (parse_enrolment, 2 * MAX_ENROLMENT),
    "bundle": (bundle, MAX_BUNDLE),
    "proposal file": (proposal_file, MAX_EXPORT),
    "note": (parse_note, MAX_NOTE),
}


@pytest.mark.parametrize("name", LIMITS)
def test_a_document_of_one_byte_too_many_is_refused_for_its_size(name: str) -> None:
    read, limit = LIMITS[name]
    with pytest.raises(MalformedError) as refused:
        read(b" " * (limit + 1))
    assert str(limit) in refused.value.expected
    with pytest.raises(MalformedError) as other:  # of the limit itself something else is wrong
        read(b" " * limit)
    assert other.value.message != refused.value.message or str(limit) not in other.value.expected


# ---- notes, checkpoints, tiles, bundles of entries, QR parts: read back as they were ----

CHECKPOINT = Checkpoint("test.example/log", 17, Hash(b"\x07" * 32))


def note_bytes() -> bytes:
    private = ed25519.Ed25519PrivateKey.from_private_bytes(b"\x01" * 32)
    return sign_checkpoint(CHECKPOINT, load_verify_key(spki(private)), private.sign).to_bytes()


NOTE = note_bytes()
NOTE_PIECES = st.lists(
    st.sampled_from(
        [b"\n", b"\n\n", b"\r", b"\t", b" ", b"\xe2\x80\x94 ", b"=", b"A", b"\x00", b"0", b"+"]
    ),
    min_size=1,
    max_size=3,
).map(b"".join)


def test_more_signatures_than_a_note_may_have_are_refused() -> None:
    text, _, line = NOTE.partition(b"\n\n")

    def note(count: int) -> bytes:
        return text + b"\n\n" + b"".join(line.replace(b"test", b"t%d" % n) for n in range(count))

    assert len(parse_note(note(MAX_SIGNATURES)).signatures) == MAX_SIGNATURES
    with pytest.raises(MalformedError):
        parse_note(note(MAX_SIGNATURES + 1))


@settings(max_examples=examples(300))
@given(place=st.integers(0, len(NOTE)), cut=st.integers(0, 3), piece=NOTE_PIECES)
def test_a_note_is_refused_or_read_as_exactly_these_bytes(
    place: int, cut: int, piece: bytes
) -> None:
    raw = NOTE[:place] + piece + NOTE[place + cut :]
    with suppress(KeyturnError):
        note = parse_note(raw)
        assert note.to_bytes() == raw
        assert parse_checkpoint(note.text).to_text() == note.text


@settings(max_examples=examples(300))
@given(
    path=st.from_regex(
        r"tile/(entries|[0-9]{1,2})(/x?[0-9]{1,4}){1,4}(\.p/[0-9]{1,3})?", fullmatch=True
    )
    | st.text(max_size=40)
)
def test_a_tile_path_has_one_spelling(path: str) -> None:
    with suppress(KeyturnError):
        tile = parse_path(path)
        assert tile.path == path
        if isinstance(tile, Tile):
            assert 0 <= tile.level <= 6
        assert 1 <= tile.width <= 256


@settings(max_examples=examples(300))
@given(raw=st.binary(max_size=300), width=st.integers(1, 5))
def test_a_bundle_of_entries_is_refused_or_read_as_it_was(raw: bytes, width: int) -> None:
    with suppress(KeyturnError):
        entries = parse_bundle(raw, width)
        assert len(entries) == width
        assert bundle_bytes(entries) == raw


@settings(max_examples=examples(300))
@given(text=st.text(alphabet="0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:", max_size=60))
def test_base45_has_one_spelling(text: str) -> None:
    with suppress(KeyturnError):
        assert base45(unbase45(text)) == text


@settings(max_examples=examples(100))
@given(data=st.data(), whole=st.binary(min_size=1, max_size=4000))
def test_parts_bent_anywhere_are_refused_or_give_the_whole(
    data: st.DataObject, whole: bytes
) -> None:
    texts = list(split(whole))
    place = data.draw(st.integers(0, len(texts) - 1))
    letter = data.draw(st.integers(0, len(texts[place]) - 1))
    other = data.draw(st.sampled_from("0AZ $:"))
    texts[place] = texts[place][:letter] + other + texts[place][letter + 1 :]
    with suppress(KeyturnError):
        assert join(parse_part(each) for each in texts) == whole


@pytest.mark.parametrize("size", [0, MAX_WHOLE + 1])
def test_what_is_too_small_or_too_large_for_pictures_is_refused(size: int) -> None:
    with pytest.raises(MalformedError):
        split(b"x" * size)


def test_a_part_beyond_the_count_is_refused() -> None:
    (text,) = split(b"x")
    raw = bytearray(unbase45(text))
    for index, count in ((0, 1), (2, 1), (1, 0), (1, MAX_PARTS + 1)):
        raw[12:16] = index.to_bytes(2) + count.to_bytes(2)
        with pytest.raises(MalformedError):
            parse_part(base45(bytes(raw)))
