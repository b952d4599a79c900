"""A receipt holds or is refused, offline; and an independent implementation agrees."""

import base64
import json
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, cast

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ed25519
from sigstore._internal.merkle import verify_merkle_inclusion
from sigstore._internal.rekor.checkpoint import SignedNote as SigstoreNote
from sigstore._internal.rekor.checkpoint import verify_checkpoint as sigstore_checkpoint
from sigstore.errors import VerificationError

from keyturn.base.encoding import b64
from keyturn.base.errors import KeyturnError, MalformedError, UntrustedError
from keyturn.base.signatures import load_verify_key
from keyturn.client.receipts import ProvedReceipt, TooFewWitnesses, prove_receipt
from keyturn.quorum.bundle import make_bundle
from keyturn.quorum.kinds import Kind
from keyturn.tlog.errors import UntrustedCheckpoint
from keyturn.tlog.notes import NoteKey
from keyturn.tlog.proofs import inclusion_proof
from keyturn.tlog.receipts import Receipt
from support.authority import Clock, policy_body, spki
from support.witnesses import Pen
from unit.client.scripted_server import ORIGIN, ScriptedServer

INDEX = 3


@dataclass
class Made:
    """A log with a roster of two witnesses, both needed, and a receipt that both cosigned."""

    server: ScriptedServer
    pens: tuple[Pen, Pen]

    @property
    def bundle(self) -> bytes:
        return make_bundle(self.server.state)

    def receipt(self, *pens: Pen) -> bytes:
        server = self.server
        note = server.checkpoint().to_bytes()
        seconds = int(server.clock().timestamp())
        for place, pen in enumerate(pens or self.pens):
            note = pen.cosigned(note, seconds - place)
        proof = inclusion_proof(INDEX, len(server.leaves), server.node)
        return Receipt(INDEX, server.leaves[INDEX], proof, note).to_bytes()

    def proved(self, raw: bytes) -> ProvedReceipt:
        server = self.server
        return prove_receipt(raw, self.bundle, server.fingerprint, server.clock())


@pytest.fixture(scope="module")
def made() -> Made:
    server, pens = ScriptedServer(Clock()), (Pen("one.example"), Pen("two.example"))
    keys = [{"algorithm": "ed25519", "spki": b64(each.verify_key.spki)} for each in pens]
    body = server.authority.roster_body(witnesses={"keys": keys, "k": 2, "t_seconds": 300})
    server.enact(Kind.ROSTER, "roster", body)
    for each in range(4):
        server.enact(Kind.POLICY, f"serving-{each}", policy_body())
    return Made(server, pens)


def test_it_says_who_cosigned_and_when(made: Made) -> None:
    found = made.proved(made.receipt())
    found.check_witnessed()
    seconds = int(made.server.clock().timestamp())
    assert (found.entry.index, found.entry.leaf) == (INDEX, made.server.leaves[INDEX])
    assert found.entry.checkpoint.checkpoint.size == len(made.server.leaves)
    cosigned = [(each.witness.name, each.time) for each in found.cosigned]
    assert cosigned == [("one.example", seconds), ("two.example", seconds - 1)]
    assert (found.enough, found.others) == (True, 0)


def test_too_few_are_too_few(made: Made) -> None:
    one = made.pens[0]
    twice = Pen("another.example", one.key)
    for pens, count, others in (((one,), 1, 0), ((one, Pen()), 1, 1), ((one, twice), 1, 1)):
        found = made.proved(made.receipt(*pens))
        assert (len(found.cosigned), found.others, found.enough) == (count, others, False)
        with pytest.raises(TooFewWitnesses, match="1 of the roster's witnesses"):
            found.check_witnessed()


def test_no_byte_of_it_can_change(made: Made) -> None:
    whole = made.receipt()
    for place in range(len(whole)):
        changed = bytearray(whole)
        changed[place] ^= 1
        with pytest.raises((UntrustedError, MalformedError)) as refused:
            made.proved(bytes(changed)).check_witnessed()
        assert refused.value.message


def test_another_authority_and_a_lapsed_one_are_refused(made: Made) -> None:
    server, raw = made.server, made.receipt()
    other = ScriptedServer(Clock())
    with pytest.raises(KeyturnError):
        prove_receipt(raw, make_bundle(other.state), server.fingerprint, server.clock())
    with pytest.raises(KeyturnError):
        prove_receipt(raw, make_bundle(other.state), other.fingerprint, server.clock())
    late = Clock(server.clock())
    late.advance(days=200)
    with pytest.raises(KeyturnError):
        prove_receipt(raw, made.bundle, server.fingerprint, late())


# ---- sigstore's own checkpoint and Merkle code ----


def theirs(made: Made, raw: bytes) -> Any:
    """The receipt as sigstore has a log entry, and a keyring with the log's key."""
    found = made.proved(raw)
    at = found.entry.checkpoint
    envelope = at.note.to_bytes().decode()
    note = SigstoreNote.from_text(envelope)
    size, root = note.note.split("\n")[1:3]
    document = Receipt(INDEX, found.entry.leaf, (), b"")
    proof = inclusion_proof(INDEX, int(size), made.server.node)
    told = SimpleNamespace(
        log_index=document.index,
        tree_size=int(size),
        hashes=list(proof),
        root_hash=base64.b64decode(root),
        checkpoint=SimpleNamespace(envelope=envelope),
    )
    log_key = load_verify_key(spki(made.server.log_key))
    key_id = NoteKey(ORIGIN, log_key).id.ljust(32, b"\0")
    inner = SimpleNamespace(
        inclusion_proof=told,
        canonicalized_body=document.leaf,
        log_id=SimpleNamespace(key_id=key_id),
    )
    return cast("Any", SimpleNamespace(_inner=inner))


class Keyring:
    """As sigstore asks its own: one Ed25519 key, by `cryptography`."""

    def __init__(self, key: ed25519.Ed25519PublicKey) -> None:
        self._key = key

    def verify(self, *, key_id: bytes, signature: bytes, data: bytes) -> None:
        del key_id
        try:
            self._key.verify(signature, data)
        except InvalidSignature as error:
            raise VerificationError("no") from error


def test_an_independent_implementation_takes_the_whole_receipt(made: Made) -> None:
    raw = made.receipt()
    entry = theirs(made, raw)
    sigstore_checkpoint(cast("Any", Keyring(made.server.log_key.public_key())), entry)
    verify_merkle_inclusion(entry)

    note = SigstoreNote.from_text(entry._inner.inclusion_proof.checkpoint.envelope)
    lines = {each.name: base64.b64decode(each.signature) for each in note.signatures}
    for pen in made.pens:  # by the words of C2SP tlog-cosignature
        value = lines[pen.name]
        time = int.from_bytes(value[:8], "big")
        message = f"cosignature/v1\ntime {time}\n{note.note}".encode()
        pen.key.public_key().verify(value[8:], message)


def test_an_independent_implementation_refuses_what_we_refuse(made: Made) -> None:
    entry = theirs(made, made.receipt())
    stranger = cast("Any", Keyring(ed25519.Ed25519PrivateKey.generate().public_key()))
    with pytest.raises(VerificationError):
        sigstore_checkpoint(stranger, entry)
    inner = entry._inner
    inner.canonicalized_body += b" "
    with pytest.raises(VerificationError):
        verify_merkle_inclusion(entry)


def test_a_receipt_under_an_older_key_is_proved_by_the_bundle_of_its_time() -> None:
    server = ScriptedServer(Clock())
    server.enact(Kind.POLICY, "serving", policy_body())
    old, bundle = Made(server, (Pen(), Pen())), make_bundle(server.state)
    receipt = json.dumps(server.receipt(INDEX)).encode()
    server.replace_log_key()

    with pytest.raises(UntrustedCheckpoint, match="another name") as refused:
        old.proved(receipt)
    assert "ask for the receipt again" in refused.value.hint
    assert prove_receipt(receipt, bundle, server.fingerprint, server.clock()).entry.index == INDEX
    again = json.dumps(server.receipt(INDEX)).encode()
    assert old.proved(again).entry.leaf == server.leaves[INDEX]
