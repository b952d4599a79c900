from collections.abc import Callable
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st
from sigstore._internal.rekor.checkpoint import LogCheckpoint

from keyturn.base.encoding import b64, sha256, unb64
from keyturn.base.signatures import VerifyKey, load_verify_key
from keyturn.tlog.checkpoints import (
    Checkpoint,
    Cosignature,
    Witness,
    cosign,
    parse_checkpoint,
    sign_checkpoint,
    verify_checkpoint,
    verify_cosignatures,
)
from keyturn.tlog.errors import MalformedNote, UntrustedCheckpoint
from keyturn.tlog.merkle import EMPTY_ROOT, Hash
from keyturn.tlog.notes import NoteSignature, SignedNote, parse_note_key

ORIGIN = "example.com/log"
LOG = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
ROOT = Hash(sha256(b"root"))

# The Go checksum database's signed tree head of 20852163 records; c2sp.org/tlog-checkpoint
# shows its signature, and its key is the one built into the go command.
GOLANG_KEY = parse_note_key("sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8")
GOLANG = (
    "go.sum database tree\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n"
    "— sum.golang.org Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+"
    "zyWE+xeMcTOAYQ8=\n"
).encode()


def public(key: Ed25519PrivateKey) -> VerifyKey:
    spki = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return load_verify_key(spki)


def signed(size: int = 5) -> bytes:
    return sign_checkpoint(Checkpoint(ORIGIN, size, ROOT), public(LOG), LOG.sign).to_bytes()


def test_a_published_checkpoint_verifies() -> None:
    found = verify_checkpoint(
        GOLANG, GOLANG_KEY.key, "go.sum database tree", key_name="sum.golang.org"
    )
    assert found.checkpoint.size == 20852163
    assert found.checkpoint.root == unb64("CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=")
    assert found.to_bytes() == GOLANG


def test_the_published_checkpoint_with_another_size_does_not() -> None:
    with pytest.raises(UntrustedCheckpoint, match="does not verify"):
        verify_checkpoint(
            GOLANG.replace(b"20852163", b"20852164"),
            GOLANG_KEY.key,
            "go.sum database tree",
            key_name="sum.golang.org",
        )


def test_a_checkpoint_is_three_lines() -> None:
    assert Checkpoint(ORIGIN, 5, ROOT).to_text() == f"{ORIGIN}\n5\n{b64(ROOT)}\n"
    assert Checkpoint(ORIGIN, 0, EMPTY_ROOT, ("more",)).to_text().endswith("\nmore\n")


@given(
    st.text(st.characters(min_codepoint=32, exclude_categories=["Cs"]), min_size=1, max_size=60),
    st.integers(1, 2**53 - 1),
    st.binary(min_size=32, max_size=32),
    st.lists(st.text(st.characters(min_codepoint=32, exclude_categories=["Cs"]), min_size=1)),
)
def test_what_is_written_reads_back(
    origin: str, size: int, root: bytes, extensions: list[str]
) -> None:
    checkpoint = Checkpoint(origin, size, Hash(root), tuple(extensions))
    assert parse_checkpoint(checkpoint.to_text()) == checkpoint


def test_an_independent_parser_reads_the_same() -> None:
    theirs = LogCheckpoint.from_text(Checkpoint(ORIGIN, 5, ROOT).to_text())
    assert (theirs.origin, theirs.log_size, theirs.log_hash) == (ORIGIN, 5, ROOT.hex())


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n\n\n",
        f"{ORIGIN}\n5\n{b64(ROOT)}",
        f"{ORIGIN}\n5\n",
        f"\n5\n{b64(ROOT)}\n",
        f"{ORIGIN}\n05\n{b64(ROOT)}\n",
        f"{ORIGIN}\n+5\n{b64(ROOT)}\n",
        f"{ORIGIN}\n-5\n{b64(ROOT)}\n",
        f"{ORIGIN}\n 5\n{b64(ROOT)}\n",
        f"{ORIGIN}\n5 \n{b64(ROOT)}\n",
        f"{ORIGIN}\n٥\n{b64(ROOT)}\n",
        f"{ORIGIN}\n5_0\n{b64(ROOT)}\n",
        f"{ORIGIN}\n\n{b64(ROOT)}\n",
        f"{ORIGIN}\n{2**53}\n{b64(ROOT)}\n",
        f"{ORIGIN}\n5\n{b64(ROOT)[:-1]}\n",
        f"{ORIGIN}\n5\n{b64(ROOT[:31])}\n",
        f"{ORIGIN}\n5\n{b64(ROOT + b'x')}\n",
        f"{ORIGIN}\n0\n{b64(ROOT)}\n",  # an empty log has one root
        f"{ORIGIN}\n5\n{b64(ROOT)}\n\n",
        f"{ORIGIN}\n5\n{b64(ROOT)}\nmore\n\n",
        f"{ORIGIN}\t\n5\n{b64(ROOT)}\n",
        f"{'o' * 256}\n5\n{b64(ROOT)}\n",
    ],
)
def test_malformed_checkpoints(text: str) -> None:
    with pytest.raises(MalformedNote):
        parse_checkpoint(text)


def test_another_origin_is_refused() -> None:
    other = sign_checkpoint(Checkpoint("other", 5, ROOT), public(LOG), LOG.sign)
    with pytest.raises(UntrustedCheckpoint):
        verify_checkpoint(other.to_bytes(), public(LOG), ORIGIN)
    with pytest.raises(UntrustedCheckpoint, match="another log"):
        verify_checkpoint(other.to_bytes(), public(LOG), ORIGIN, key_name="other")


def test_another_key_is_refused() -> None:
    foreign = Ed25519PrivateKey.from_private_bytes(bytes(32))
    with pytest.raises(UntrustedCheckpoint, match="not signed by the expected key"):
        verify_checkpoint(signed(), public(foreign), ORIGIN)


@given(st.integers(0, len(signed()) - 1), st.integers(0, 7))
def test_a_flipped_bit_never_verifies(place: int, bit: int) -> None:
    changed = bytearray(signed())
    changed[place] ^= 1 << bit
    with pytest.raises((MalformedNote, UntrustedCheckpoint)):
        verify_checkpoint(bytes(changed), public(LOG), ORIGIN)


WITNESS_KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33)))
WITNESS = Witness("witness.example.com/w1", public(WITNESS_KEY))
TIME = 1679315147


def by_the_specification(text: str, time: int = TIME) -> NoteSignature:
    """c2sp.org/tlog-cosignature, Ed25519, written down without our code."""
    raw = WITNESS_KEY.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    key_id = sha256(WITNESS.name.encode() + b"\n\x04" + raw)[:4]
    message = b"cosignature/v1\ntime " + str(time).encode() + b"\n" + text.encode()
    value = time.to_bytes(8, "big") + WITNESS_KEY.sign(message)
    return NoteSignature(WITNESS.name, key_id, value)


def note() -> SignedNote:
    return verify_checkpoint(signed(), public(LOG), ORIGIN).note


def test_a_cosignature_is_made_as_specified() -> None:
    checkpoint = Checkpoint(ORIGIN, 5, ROOT)
    made = cosign(checkpoint, WITNESS, TIME, WITNESS_KEY.sign)
    assert made == by_the_specification(checkpoint.to_text())


def test_a_cosignature_verifies_and_tells_its_time() -> None:
    cosigned = note().with_signatures(by_the_specification(note().text))
    assert verify_cosignatures(cosigned, [WITNESS]) == (Cosignature(WITNESS, TIME),)
    again = verify_checkpoint(cosigned.to_bytes(), public(LOG), ORIGIN)
    assert again.note == cosigned


def test_a_cosignature_does_not_replace_the_logs_signature() -> None:
    only = SignedNote(note().text, (by_the_specification(note().text),))
    with pytest.raises(UntrustedCheckpoint):
        verify_checkpoint(only.to_bytes(), public(LOG), ORIGIN)
    # nor when the log's own key cosigns
    own = cosign(Checkpoint(ORIGIN, 5, ROOT), Witness(ORIGIN, public(LOG)), TIME, LOG.sign)
    with pytest.raises(UntrustedCheckpoint):
        verify_checkpoint(SignedNote(note().text, (own,)).to_bytes(), public(LOG), ORIGIN)


def test_witnesses_that_did_not_sign_or_are_not_asked_for_do_not_count() -> None:
    stranger = Witness("witness.example.com/w2", public(LOG))
    cosigned = note().with_signatures(by_the_specification(note().text))
    assert verify_cosignatures(cosigned, [stranger]) == ()
    assert verify_cosignatures(cosigned, []) == ()
    assert [each.witness for each in verify_cosignatures(cosigned, [stranger, WITNESS])] == [
        WITNESS
    ]


@pytest.mark.parametrize(
    "change",
    [
        lambda value: (TIME + 1).to_bytes(8, "big") + value[8:],
        lambda value: value[:-1] + bytes([value[-1] ^ 1]),
    ],
)
def test_a_changed_cosignature_is_refused(change: Callable[[bytes], bytes]) -> None:
    line = by_the_specification(note().text)
    changed = note().with_signatures(replace(line, value=change(line.value)))
    with pytest.raises(UntrustedCheckpoint, match="does not verify"):
        verify_cosignatures(changed, [WITNESS])


@pytest.mark.parametrize("value", [bytes(71), bytes(73), b"\xff" * 72])
def test_a_misshapen_cosignature_is_refused(value: bytes) -> None:
    line = replace(by_the_specification(note().text), value=value)
    with pytest.raises(MalformedNote):
        verify_cosignatures(note().with_signatures(line), [WITNESS])


def test_one_key_under_two_names_is_not_two_witnesses() -> None:
    with pytest.raises(MalformedNote, match="share a key"):
        verify_cosignatures(note(), [WITNESS, replace(WITNESS, name="other")])


def test_a_witness_signs_no_impossible_time_and_checks_its_signer() -> None:
    checkpoint = Checkpoint(ORIGIN, 5, ROOT)
    for time in (-1, 2**53):
        with pytest.raises(MalformedNote, match="out of range"):
            cosign(checkpoint, WITNESS, time, WITNESS_KEY.sign)
    with pytest.raises(UntrustedCheckpoint):
        cosign(checkpoint, WITNESS, TIME, LOG.sign)
