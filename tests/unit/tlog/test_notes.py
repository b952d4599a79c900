from collections.abc import Callable
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1
from cryptography.hazmat.primitives.asymmetric.ec import generate_private_key as generate_p256
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st
from sigstore._internal.rekor.checkpoint import SignedNote as SigstoreNote

from keyturn.base.encoding import b64, unb64
from keyturn.base.signatures import load_verify_key
from keyturn.tlog.errors import MalformedNote, UntrustedCheckpoint
from keyturn.tlog.notes import (
    MAX_NOTE,
    NoteKey,
    NoteSignature,
    SignatureType,
    SignedNote,
    parse_note,
    parse_note_key,
    sign_note,
    verify_note,
)

# golang.org/x/mod/sumdb/note, note_test.go.
PETER = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
PETER_SEED = unb64("AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz")[1:]
PETER_TEXT = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
)
PETER_NOTE = (
    PETER_TEXT + "\n— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSN"
    "XgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
).encode()


def peter_signs(message: bytes) -> bytes:
    return Ed25519PrivateKey.from_private_bytes(PETER_SEED).sign(message)


def test_the_reference_note_verifies_and_is_signed_again_byte_for_byte() -> None:
    key = parse_note_key(PETER)
    note = parse_note(PETER_NOTE)
    verify_note(note, key)
    assert note.text == PETER_TEXT
    assert note.to_bytes() == PETER_NOTE
    assert sign_note(PETER_TEXT, key, peter_signs).to_bytes() == PETER_NOTE


def test_an_independent_parser_reads_the_same() -> None:
    theirs = SigstoreNote.from_text(PETER_NOTE.decode())
    ours = parse_note(PETER_NOTE)
    assert theirs.note == ours.text
    (signature,) = ours.signatures
    (other,) = theirs.signatures
    assert (other.name, other.sig_hash) == (signature.name, signature.key_id)


@given(st.integers(0, len(PETER_TEXT) - 2), st.integers(0, 6))
def test_a_changed_text_never_verifies(place: int, bit: int) -> None:
    changed = bytearray(PETER_NOTE)
    changed[place] ^= 1 << bit
    with pytest.raises((UntrustedCheckpoint, MalformedNote)):
        verify_note(parse_note(bytes(changed)), parse_note_key(PETER))


def test_a_key_reads_back_and_any_part_of_it_is_refused() -> None:
    assert parse_note_key(PETER).to_text() == PETER
    for start in range(len(PETER)):
        for end in range(start, len(PETER) + 1):
            if (start, end) != (0, len(PETER)):
                with pytest.raises(MalformedNote):
                    parse_note_key(PETER[start:end])


def test_every_other_character_in_a_key_is_refused() -> None:
    for place, character in enumerate(PETER):
        changed = PETER[:place] + chr(ord(character) + 1) + PETER[place + 1 :]
        with pytest.raises(MalformedNote):
            parse_note_key(changed)


@pytest.mark.parametrize(
    "key",
    [
        # From note_test.go: a key too long and an unknown algorithm, each with a fitting id.
        "PeterNeumann+cc469956+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWBADKEY==",
        "PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        PETER.upper(),
        "",
    ],
)
def test_keys_that_are_none(key: str) -> None:
    with pytest.raises(MalformedNote):
        parse_note_key(key)


@pytest.mark.parametrize(
    "change",
    [
        lambda raw: raw[:-1],
        lambda raw: raw + b"\n",
        lambda raw: raw + b"x",
        lambda raw: raw.replace(b"\n\n", b"\n"),
        lambda raw: raw.replace(b"\n\n", b"\r\n\r\n"),
        lambda raw: raw.replace("—".encode(), b"-"),
        lambda raw: raw.replace("— ".encode(), "—".encode()),
        lambda raw: raw.replace("— ".encode(), "—  ".encode()),
        lambda raw: raw.replace(b"PeterNeumann ", b""),
        lambda raw: raw.replace(b"PeterNeumann", b"Peter+Neumann"),
        lambda raw: raw.replace(b"AM=\n", b"AM\n"),
        lambda raw: raw.replace(b"AM=\n", b"AN=\n"),  # bits beyond the last byte
        lambda raw: raw.replace(b"problem,", b"problem\x00"),
        lambda raw: raw.replace(b"problem,", b"problem\t"),
        lambda raw: raw.replace(b"problem,", b"problem\xff"),
        lambda raw: raw + raw.split(b"\n\n")[1],  # the same signature twice
        lambda raw: raw.split(b"\n\n")[0] + b"\n\n",
        lambda raw: b"\n\n" + raw.split(b"\n\n")[1],
        lambda raw: b"a" * MAX_NOTE + raw,
        lambda raw: raw.split(b"\n\n")[0] + "\n\n— PeterNeumann x08gow==\n".encode(),
        lambda raw: b"",
    ],
)
def test_malformed_notes(change: Callable[[bytes], bytes]) -> None:
    with pytest.raises(MalformedNote):
        parse_note(change(PETER_NOTE))


def test_too_many_signatures_are_refused() -> None:
    lines = "".join(NoteSignature(f"key{n}", bytes(4), b"x").line for n in range(65))
    with pytest.raises(MalformedNote, match="too many"):
        parse_note(b"text\n\n" + lines.encode())


def test_a_text_with_blank_lines_is_kept_whole() -> None:
    raw = PETER_NOTE.replace(b"problem,\n", b"problem,\n\n")
    note = parse_note(raw)
    assert note.text.count("\n\n") == 1
    assert note.to_bytes() == raw


@given(
    st.lists(
        st.text(st.characters(min_codepoint=32, exclude_categories=["Cs"]), min_size=1),
        min_size=1,
        max_size=5,
    ),
    st.lists(st.binary(min_size=5, max_size=80), min_size=1, max_size=5),
)
def test_what_is_written_reads_back(lines: list[str], values: list[bytes]) -> None:
    signatures = tuple(
        NoteSignature(f"name{place}", value[:4], value[4:]) for place, value in enumerate(values)
    )
    note = SignedNote("".join(line + "\n" for line in lines), signatures)
    assert parse_note(note.to_bytes()) == note


def test_unknown_signatures_are_ignored_and_kept() -> None:
    raw = PETER_NOTE + f"— other.example {b64(b'idid' + bytes(64))}\n".encode()
    note = parse_note(raw)
    verify_note(note, parse_note_key(PETER))
    assert note.to_bytes() == raw


def test_a_known_name_with_another_id_is_another_key() -> None:
    note = parse_note(PETER_NOTE)
    (signature,) = note.signatures
    moved = replace(note, signatures=(replace(signature, key_id=b"idid"),))
    with pytest.raises(UntrustedCheckpoint, match="not signed by the expected key"):
        verify_note(moved, parse_note_key(PETER))


def test_a_cosigners_key_does_not_sign_plainly() -> None:
    key = replace(parse_note_key(PETER), type=SignatureType.COSIGNATURE)
    note = parse_note(PETER_NOTE)
    claimed = replace(note, signatures=(replace(note.signatures[0], key_id=key.id),))
    with pytest.raises(UntrustedCheckpoint):
        verify_note(claimed, key)


def test_a_signer_that_fails_makes_no_note() -> None:
    with pytest.raises(UntrustedCheckpoint, match="does not verify"):
        sign_note(PETER_TEXT, parse_note_key(PETER), lambda message: bytes(64))


def test_a_text_that_is_none_is_not_signed() -> None:
    for text in ("", "no newline", "bell\x07\n"):
        with pytest.raises(MalformedNote):
            sign_note(text, parse_note_key(PETER), peter_signs)


def test_a_newer_line_replaces_its_keys_older_one() -> None:
    note = parse_note(PETER_NOTE)
    other = NoteSignature("other", b"idid", b"1")
    newer = replace(other, value=b"2")
    assert note.with_signatures(other).with_signatures(newer).signatures == (
        *note.signatures,
        newer,
    )


def test_a_p256_key_cannot_sign_notes() -> None:
    spki = generate_p256(SECP256R1()).public_key()
    key = load_verify_key(spki.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))
    with pytest.raises(MalformedNote, match="does not sign notes"):
        NoteKey("name", key)


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\u00a0b", "a\nb", "a\x7f\x01", "n" * 256])
def test_names_that_cannot_name_a_key(name: str) -> None:
    with pytest.raises(MalformedNote):
        NoteKey(name, parse_note_key(PETER).key)
