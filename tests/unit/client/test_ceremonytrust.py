"""Shares are sealed to a host only as far as it proves that it is the right one."""

import secrets
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519

from keyturn.base.encoding import Digest
from keyturn.base.errors import MalformedError
from keyturn.base.signatures import load_verify_key
from keyturn.ceremony.errors import CeremonyReason, CeremonyRefused
from keyturn.ceremony.hostdocument import HOST_TYPE, HostDocument, parse_host
from keyturn.ceremony.hostphrase import COMPARED, host_phrase
from keyturn.ceremony.script import ScriptKind
from keyturn.ceremony.shareboxes import make_host_key
from keyturn.client.ceremonytrust import (
    HOST_TRUSTED,
    Expected,
    HostNotCompared,
    key_fingerprint,
    keyholder_key,
    trust_host,
    trust_rehearsal,
)
from keyturn.quorum.bundle import load_bundle
from keyturn.tlog.checkpoints import Checkpoint
from keyturn.tlog.merkle import Hash, leaf_hash, node_hash, tree_root
from keyturn.tlog.proofs import consistency_proof
from support.authority import sign, spki
from support.ceremonylog import logged_genesis

AUTHORITY = Digest("sha256:" + "a1" * 32)
LEAVES = [leaf_hash(bytes([each])) for each in range(9)]
NOW = datetime(2026, 11, 30, 9, 0, tzinfo=UTC)
KEYHOLDER = ed25519.Ed25519PrivateKey.generate()
VERIFY = load_verify_key(spki(KEYHOLDER))


def document(size: int = 6, **changed: object) -> HostDocument:
    made = HostDocument(
        AUTHORITY,
        "0b" * 16,
        make_host_key(secrets.token_bytes(96))[1],
        size,
        tree_root(LEAVES[:size]).hex(),
        NOW,
        False,
    )
    return replace(made, **changed)  # type: ignore[arg-type]


def seen(size: int) -> Checkpoint:
    return Checkpoint("log", size, tree_root(LEAVES[:size]))


def prove(old: int, new: int) -> list[bytes]:
    def node(level: int, index: int) -> Hash:
        return tree_root(LEAVES[index << level : (index + 1) << level])

    return list(consistency_proof(old, new, node))


BARE = Expected(AUTHORITY, False)
SIGNED = replace(BARE, keyholder=VERIFY)


def test_a_signed_host_is_trusted_with_its_caveat() -> None:
    raw = sign(HOST_TYPE, document().to_payload(), KEYHOLDER)
    host = trust_host(raw, replace(SIGNED, seen=seen(6)))
    assert host.signed
    assert host.caveats == (HOST_TRUSTED,)


def test_where_nothing_signs_it_that_is_said() -> None:
    host = trust_host(document().to_payload(), BARE)
    assert not host.signed
    assert host.caveats == (HOST_TRUSTED,)


def test_a_host_that_the_keyholder_did_not_sign_is_refused() -> None:
    """A control plane that puts its own unseal key there."""
    mallory = ed25519.Ed25519PrivateKey.generate()
    for raw in (
        document().to_payload(),
        sign(HOST_TYPE, document().to_payload(), mallory),
        sign(HOST_TYPE, document().to_payload(), KEYHOLDER, mallory),
    ):
        with pytest.raises(CeremonyRefused, match="not signed by the keyholder"):
            trust_host(raw, SIGNED)


def test_through_a_server_a_host_that_nothing_proves_gets_no_share() -> None:
    """The control plane puts a host key of its own in place of the keyholder's, and collects the
    shares of the backup secret in a drill: with the backup's file, which it is served, it has the
    KEK. Or it holds a rehearsal, and asks for shares of the real sets, which are public."""
    bare, rehearsal = document(), document(rehearsal=True)
    signed = sign(HOST_TYPE, rehearsal.to_payload(), KEYHOLDER)
    for raw, expected in (
        (bare.to_payload(), BARE),
        (rehearsal.to_payload(), Expected(AUTHORITY, True)),
        (signed, Expected(AUTHORITY, True, VERIFY)),
    ):
        assert trust_host(raw, expected).document.key
        with pytest.raises(CeremonyRefused, match="the server between"):
            trust_host(raw, replace(expected, remote=True))
    raw = sign(HOST_TYPE, bare.to_payload(), KEYHOLDER)
    assert trust_host(raw, replace(SIGNED, remote=True)).signed


@pytest.mark.parametrize(
    "other",
    [
        document(authority=None),
        document(authority="sha256:" + "b2" * 32),
        document(rehearsal=True),
    ],
)
def test_a_host_of_another_authority_or_a_rehearsal_is_refused(other: HostDocument) -> None:
    with pytest.raises(CeremonyRefused):
        trust_host(other.to_payload(), BARE)


def test_at_a_genesis_there_is_no_authority_yet() -> None:
    raw = document(0, authority=None, rehearsal=True).to_payload()
    assert trust_host(raw, Expected(None, True)).document.authority is None
    with pytest.raises(CeremonyRefused):
        trust_host(document().to_payload(), Expected(None, False))


def test_a_log_that_extends_what_was_seen() -> None:
    assert trust_host(document(9).to_payload(), replace(BARE, seen=seen(6)), prove)
    assert trust_host(document(9).to_payload(), replace(BARE, seen=seen(0)))


def test_a_shorter_log_is_refused() -> None:
    with pytest.raises(CeremonyRefused, match="shorter"):
        trust_host(document(5).to_payload(), replace(BARE, seen=seen(6)), prove)


def test_another_log_is_refused() -> None:
    other = node_hash(LEAVES[0], LEAVES[0]).hex()
    with pytest.raises(CeremonyRefused, match="does not extend"):
        trust_host(document(6, root=other).to_payload(), replace(BARE, seen=seen(6)))
    with pytest.raises(CeremonyRefused, match="does not extend"):
        trust_host(document(9, root=other).to_payload(), replace(BARE, seen=seen(6)), prove)


def test_a_longer_log_without_proof_is_refused() -> None:
    with pytest.raises(CeremonyRefused, match="nothing proves"):
        trust_host(document(9).to_payload(), replace(BARE, seen=seen(6)))


LOST = replace(SIGNED, kind=ScriptKind.RESTORE, local=True)
"""A restore at its own machine; the keyholder's machine is lost, and its key with it."""


def test_a_swapped_host_behind_a_server_stays_refused_whatever_anybody_compared() -> None:
    raw = document().to_payload()
    phrase = host_phrase(parse_host(raw).document.key)
    remote = replace(LOST, local=False, compared=phrase)
    other = [replace(LOST, kind=each, compared=phrase) for each in (None, *ScriptKind)]
    for expected in (remote, *(each for each in other if each.kind not in COMPARED)):
        with pytest.raises(CeremonyRefused, match="not signed by the keyholder"):
            trust_host(raw, expected)


def test_a_host_that_a_stranger_signed_is_not_compared() -> None:
    mallory = ed25519.Ed25519PrivateKey.generate()
    made = document()
    raw = sign(HOST_TYPE, made.to_payload(), mallory)
    with pytest.raises(CeremonyRefused, match="not signed by the keyholder"):
        trust_host(raw, replace(LOST, compared=host_phrase(made.key)))


def test_unconfirmed_it_is_refused_with_the_words_to_compare() -> None:
    made = document()
    with pytest.raises(HostNotCompared) as refused:
        trust_host(made.to_payload(), LOST)
    assert refused.value.phrase == host_phrase(made.key)
    assert not refused.value.differs
    assert "own terminal" in refused.value.hint


def test_another_hosts_words_are_refused() -> None:
    """Somebody else listens on the socket: the words on the real host's terminal are others."""
    with pytest.raises(HostNotCompared) as refused:
        trust_host(document().to_payload(), replace(LOST, compared=host_phrase(document().key)))
    assert refused.value.differs
    assert "Enter no share" in refused.value.hint


def test_compared_at_its_machine_it_is_taken_and_that_is_recorded() -> None:
    made = document()
    typed = host_phrase(made.key).upper().replace(" ", "  ")
    host = trust_host(made.to_payload(), replace(LOST, compared=typed, seen=seen(6)))
    assert host.entered == {"host": host_phrase(made.key)}
    assert (host.signed, host.caveats) == (False, (HOST_TRUSTED,))


def test_compared_words_do_not_excuse_anything_else() -> None:
    for made, expected in [
        (document(5), replace(LOST, seen=seen(6))),
        (document(authority="sha256:" + "b2" * 32), LOST),
        (document(rehearsal=True), LOST),
    ]:
        with pytest.raises(CeremonyRefused) as refused:
            trust_host(made.to_payload(), replace(expected, compared=host_phrase(made.key)))
        assert refused.value.reason is CeremonyReason.WRONG_CEREMONY


def test_where_it_is_signed_nobody_compares() -> None:
    raw = sign(HOST_TYPE, document().to_payload(), KEYHOLDER)
    assert trust_host(raw, LOST).entered == {}


def test_what_is_no_document_is_malformed() -> None:
    for raw in (b"", b"{}", document().to_payload()[:-1], b"\xff" * 40):
        with pytest.raises(MalformedError):
            trust_host(raw, BARE)


def test_a_keys_fingerprint_is_of_the_key() -> None:
    one, other = document(), document()
    assert key_fingerprint(one) != key_fingerprint(other)
    assert len(key_fingerprint(one).split()) == 8


def test_an_authority_without_a_keyholder_key() -> None:
    logged = logged_genesis()
    authority = load_bundle(logged.bundle, logged.fingerprint, NOW, lenient=True)
    assert keyholder_key(authority) is None


def test_a_rehearsals_host_is_one_of_rehearsals_and_no_more() -> None:
    raw = replace(document(), rehearsal=True).to_payload()
    host = trust_rehearsal(raw, remote=False)
    assert (host.signed, host.compared) == (False, None)
    with pytest.raises(CeremonyRefused, match="nothing proves which host"):
        trust_rehearsal(raw, remote=True)
    with pytest.raises(CeremonyRefused, match="never at one host"):
        trust_rehearsal(document().to_payload(), remote=False)
