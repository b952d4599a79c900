"""What is kept of a log: written and read again, and refused when it is not that."""

from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyturn.base.dsse import Envelope
from keyturn.base.encoding import Digest, digest_of
from keyturn.base.errors import KeyturnError, MalformedError, UntrustedError
from keyturn.base.signatures import Algorithm
from keyturn.base.strictjson import dump
from keyturn.base.times import format_time
from keyturn.client.kept import KEPT_TYPE, KeptHistory, kept_bytes, read_kept
from keyturn.client.nodeindex import KeptNode
from keyturn.officerkeys.keypair import generate
from keyturn.officerkeys.signer import OfficerSigner
from keyturn.quorum.entries import EntryKind
from keyturn.tlog.merkle import Hash
from support.authority import START

AUTHORITY = digest_of(b"authority")
ORIGIN = "test.example/log"
SIGNER = OfficerSigner(generate("ada", "Ada", Algorithm.ED25519))
KEPT = KeptHistory(
    AUTHORITY,
    ORIGIN,
    257,
    START,
    {"grant": 256, "origin": 1},
    b"a note",
    (Hash(bytes(32)),),
    b"r" * 32,
    (b"tail",),
    ((0, b"origin"), (7, b"statement")),
    (KeptNode("n1", EntryKind.GRANT, 5, b"g"), KeptNode("n1", EntryKind.REFUSAL, 6, b"r")),
)


def signed_by_ada(envelope: Envelope) -> str:
    if envelope.to_bytes() != SIGNER.sign(envelope.payload_type, envelope.payload).to_bytes():
        raise UntrustedError("not Ada's signature")
    return "ada"


def read(raw: bytes, authority: Digest = AUTHORITY, origin: str = ORIGIN) -> KeptHistory:
    return read_kept(raw, authority, origin, "ada", signed_by_ada)


def written(kept: KeptHistory = KEPT) -> bytes:
    return kept_bytes(kept, "ada", SIGNER.sign)


def test_what_was_written_is_read() -> None:
    assert read(written()) == KEPT


def test_every_cut_is_refused() -> None:
    raw = written()
    for end in range(len(raw)):
        with pytest.raises(KeyturnError):
            read(raw[:end])
    with pytest.raises(KeyturnError):
        read(raw + b"x")


def test_every_changed_byte_is_refused() -> None:
    raw = written()
    for place in range(len(raw)):
        changed = raw[:place] + bytes([raw[place] ^ 1]) + raw[place + 1 :]
        with pytest.raises((MalformedError, UntrustedError)):
            read(changed)


def test_another_log_authority_or_officer_is_refused() -> None:
    with pytest.raises(UntrustedError, match="another log or officer"):
        read(written(), origin="test.example/other")
    with pytest.raises(UntrustedError, match="another log or officer"):
        read(written(), authority=digest_of(b"other"))
    with pytest.raises(UntrustedError, match="another log or officer"):
        read(kept_bytes(KEPT, "bela", SIGNER.sign))


def test_another_signature_of_that_officer_does_not_serve() -> None:
    def as_if(_type: str, payload: bytes) -> Envelope:
        return SIGNER.sign("application/vnd.keyturn.sign-in.v1+json", payload)

    with pytest.raises(MalformedError, match="not a kept history"):
        read(kept_bytes(KEPT, "ada", as_if))
    assert KEPT_TYPE not in ("", "application/vnd.keyturn.sign-in.v1+json")


@pytest.mark.parametrize(
    "wrong",
    [
        replace(KEPT, roots=b""),
        replace(KEPT, roots=b"r" * 64),
        replace(KEPT, size=513),
        replace(KEPT, tail=(b"one", b"two")),
        replace(KEPT, changes=((7, b"statement"), (0, b"origin"))),
        replace(KEPT, changes=((0, b"origin"), (0, b"origin"))),
    ],
)
def test_signed_and_still_of_no_log(wrong: KeptHistory) -> None:
    with pytest.raises(MalformedError):
        read(written(wrong))


@given(st.binary(max_size=200))
def test_any_bytes_are_refused(raw: bytes) -> None:
    with pytest.raises(KeyturnError):
        read(raw)


@given(st.lists(st.binary(max_size=40), max_size=7), st.integers(0, 2**53 - 1))
def test_any_body_under_a_good_signature_is_read_or_refused(parts: list[bytes], size: int) -> None:
    body = b"".join(len(each).to_bytes(4, "big") + each for each in parts)
    payload = {
        "type": "kept-history",
        "format": 1,
        "authority": AUTHORITY,
        "origin": ORIGIN,
        "officer": "ada",
        "size": size,
        "last": format_time(START),
        "counts": {},
        "body": digest_of(body),
    }
    envelope = SIGNER.sign(KEPT_TYPE, dump(payload)).to_bytes()
    with suppress(KeyturnError):
        read(len(envelope).to_bytes(4, "big") + envelope + body)
