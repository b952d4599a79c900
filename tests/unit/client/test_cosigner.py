"""An app's cosigning key never signs two histories, and never forgets what it owes."""

import hmac
import json
import os
import stat
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519

from keyturn.base.encoding import Digest
from keyturn.base.errors import KeyturnError
from keyturn.base.signatures import Algorithm, load_verify_key
from keyturn.client.cosigner import MAX_OWED, Cosigner, TooManyOwed
from keyturn.client.errors import FileUnusable, MalformedProfile
from keyturn.keyrelease.cosigning import LogState, Pending, owed
from keyturn.keyrelease.errors import (
    BadProof,
    ClockWentBack,
    Forked,
    OtherSize,
    RevocationMissing,
)
from keyturn.officerkeys.keypair import generate
from keyturn.officerkeys.signer import OfficerSigner
from keyturn.quorum.approvals import parse_approval
from keyturn.quorum.bodies import Purpose
from keyturn.quorum.kinds import Kind
from keyturn.quorum.statements import parse_statement
from keyturn.tlog.checkpoints import SignedCheckpoint, cosignatures_of, verify_checkpoint
from keyturn.tlog.notes import NoteSignature
from keyturn.tlog.proofs import Proof
from support.authority import spki
from support.control import ORIGIN
from support.signers import PersonSigner
from support.watching import Shown


class Crash(BaseException):
    """The process ended here."""


@contextmanager
def dying(at: int) -> Iterator[None]:
    """Killed in the Nth step that a write takes."""
    left = [at]

    def stepping(call: Callable[..., object]) -> Callable[..., object]:
        def step(*args: object, **named: object) -> object:
            left[0] -= 1
            if left[0] < 0:
                raise Crash
            return call(*args, **named)

        return step

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(tempfile, "mkstemp", stepping(tempfile.mkstemp))
        patched.setattr(os, "fsync", stepping(os.fsync))
        patched.setattr(Path, "replace", stepping(Path.replace))
        yield


class App:
    """One officer's app on a directory, shown a log."""

    def __init__(self, shown: Shown, directory: Path | None) -> None:
        self.shown = shown
        self.signer = PersonSigner(shown.authority.people["ada"])
        self.cosigner = Cosigner(shown.fingerprint, "ada", directory)

    @property
    def state(self) -> LogState:
        return self.cosigner.state(self.shown.keyholder.origin)

    def signed(self, leaves: Sequence[bytes] | None = None) -> SignedCheckpoint:
        keys = self.shown.keyholder.state.newest_keys
        assert keys is not None
        log_key = load_verify_key(keys.keys[Purpose.LOG].spki)
        return verify_checkpoint(self.shown.note(leaves), log_key, keys.origin)

    def cosign(
        self,
        leaves: Sequence[bytes] | None = None,
        old: int | None = None,
        proof: Proof | None = None,
    ) -> NoteSignature:
        start = self.state.size if old is None else old
        shown = self.shown
        given = shown.consistency(start, leaves) if proof is None else proof
        now = int(shown.clock().timestamp())
        return self.cosigner.cosign(self.signer, self.signed(leaves), start, given, now)

    def owe(self, node: str = "node-1") -> Pending:
        made = self.shown.revocation(node)
        statement = parse_statement(made.raw)
        approvals = [parse_approval(each) for each in made.approvals]
        state, now = self.shown.keyholder.state, self.shown.clock()
        new = owed(statement, approvals, state, self.state.size, now)
        self.cosigner.owe(self.shown.keyholder.origin, new, made.raw, made.approvals)
        return new


@pytest.fixture
def shown() -> Shown:
    made = Shown()
    made.grow(5)
    return made


@pytest.fixture
def app(shown: Shown, tmp_path: Path) -> App:
    return App(shown, tmp_path / "memory")


def test_it_cosigns_what_extends_what_it_cosigned(app: App) -> None:
    for grown in (0, 1, 7, 0):
        app.shown.grow(grown)
        line = app.cosign()
        witness = app.cosigner.witness(app.signer)
        (found,) = cosignatures_of(app.signed().note.with_signatures(line), [witness.key])
        assert (found.witness.name, found.time) == (
            "officer-ada",
            int(app.shown.clock().timestamp()),
        )
        assert app.state.size == len(app.shown.leaves)


def test_the_file_is_its_owners_alone(app: App, tmp_path: Path) -> None:
    app.cosign()
    (file,) = (tmp_path / "memory").glob("*.json")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_the_key_is_the_same_for_as_long_as_its_memory_is(app: App, tmp_path: Path) -> None:
    first = app.cosigner.witness(app.signer).key
    again = App(app.shown, tmp_path / "memory")
    assert again.cosigner.witness(again.signer).key == first
    assert App(app.shown, tmp_path / "other").cosigner.witness(app.signer).key != first

    (file,) = (tmp_path / "memory").glob("*.json")
    file.unlink()
    assert again.cosigner.witness(again.signer).key != first


def test_the_file_alone_is_no_key(app: App, tmp_path: Path) -> None:
    """What lies on the disk and another officer's keys lead to another key."""
    mine = OfficerSigner(generate("ada", "Ada", Algorithm.P256))
    theirs = OfficerSigner(generate("ada", "Ada", Algorithm.P256))
    cosigner = Cosigner(app.shown.fingerprint, "ada", tmp_path)
    assert cosigner.witness(mine).key == cosigner.witness(mine).key
    assert cosigner.witness(mine).key != cosigner.witness(theirs).key


def hkdf(material: bytes, info: bytes) -> bytes:
    """RFC 5869 with SHA-256, no salt, 32 bytes: one block."""
    key = hmac.digest(bytes(32), material, "sha256")
    return hmac.digest(key, info + b"\x01", "sha256")


def test_the_key_is_derived_as_the_protocol_says(app: App, tmp_path: Path) -> None:
    officer = generate("ada", "Ada", Algorithm.P256)
    key = Cosigner(app.shown.fingerprint, "ada", tmp_path).witness(OfficerSigner(officer)).key
    secret = bytes.fromhex(json.loads((tmp_path / "cosigner-ada.json").read_bytes())["secret"])
    fingerprint = app.shown.fingerprint.encode()
    info = b"keyturn-cosigner-v1" + len(fingerprint).to_bytes(4, "big") + fingerprint
    info += (3).to_bytes(4, "big") + b"ada"
    seed = hkdf(hkdf(officer.private_copy()[32:], info) + secret, info)
    private = ed25519.Ed25519PrivateKey.from_private_bytes(seed)
    assert key.spki == spki(private)

    class Card(OfficerSigner):
        def derived(self, info: bytes) -> bytes:
            del info
            return b""

    key = Cosigner(app.shown.fingerprint, "ada", tmp_path).witness(Card(officer)).key
    private = ed25519.Ed25519PrivateKey.from_private_bytes(hkdf(secret, info))
    assert key.spki == spki(private)


def test_without_a_directory_it_lasts_for_this_run(shown: Shown) -> None:
    app = App(shown, None)
    app.cosign()
    new = app.owe()
    with pytest.raises(RevocationMissing):
        app.cosign()
    assert app.cosigner.envelopes(new.statement) is None
    assert app.cosigner.settle(ORIGIN, shown.keyholder.state).pending == (new,)


# ---- two histories ----


def test_two_roots_for_one_size_are_refused(app: App) -> None:
    app.cosign()
    with pytest.raises(Forked):
        app.cosign(app.shown.forked(len(app.shown.leaves) - 1, 1), proof=())


def test_a_fork_is_refused_whatever_its_proof(app: App) -> None:
    app.cosign()
    size, shown = len(app.shown.leaves), app.shown
    fork = shown.forked(size - 2, 4)
    for proof in ((), shown.consistency(size, fork), shown.consistency(size - 2, fork)):
        with pytest.raises(BadProof):
            app.cosign(fork, size, proof)
    assert app.state.size == size


def test_an_older_size_is_never_cosigned_again(app: App) -> None:
    app.cosign()
    size = len(app.shown.leaves)
    with pytest.raises(OtherSize):
        app.cosign(app.shown.leaves[: size - 1], size, ())
    with pytest.raises(OtherSize):
        app.cosign(app.shown.leaves, size - 1)


def test_a_clock_that_went_back_signs_nothing(app: App) -> None:
    app.cosign()
    app.shown.clock.advance(seconds=-1)
    with pytest.raises(ClockWentBack):
        app.cosign()


def test_killed_at_any_write_it_never_signs_two_histories(shown: Shown, tmp_path: Path) -> None:
    """One history is shown, the process dies at some step, and the other one is shown then."""
    one, other = [*shown.leaves, b"one"], [*shown.leaves, b"other"]
    for step in range(20):
        directory = tmp_path / str(step)
        App(shown, directory).cosign()
        signed: set[bytes] = set()
        died = False
        with dying(step):
            try:
                App(shown, directory).cosign(one)
                signed.add(one[-1])
            except Crash:
                died = True
        for history in (other, one, other):
            with suppress(KeyturnError):
                App(shown, directory).cosign(history)
                signed.add(history[-1])
        assert len(signed) == 1
        if not died:
            assert step >= 4
            return
    pytest.fail("it never ended")


def test_killed_at_any_write_what_it_said_it_owes_is_owed(shown: Shown, tmp_path: Path) -> None:
    for step in range(40):
        directory = tmp_path / str(step)
        App(shown, directory).cosign()
        made, known = App(shown, directory), None
        with dying(step), suppress(Crash):
            known = made.owe(f"node-{step}")
        again = App(shown, directory)
        if known is not None:
            assert again.state.pending == (known,)
            with pytest.raises(RevocationMissing):
                again.cosign()
            assert step >= 8
            return
    pytest.fail("it never ended")


def test_of_two_windows_shown_two_histories_one_signs(app: App, tmp_path: Path) -> None:
    app.cosign()
    size, shown = len(app.shown.leaves), app.shown
    histories = [[*shown.leaves, b"leaf %d" % each] for each in range(8)]
    start, signed = threading.Barrier(len(histories)), []

    def window(history: list[bytes]) -> None:
        mine = App(shown, tmp_path / "memory")
        start.wait(10)
        with suppress(KeyturnError):
            mine.cosign(history, size)
            signed.append(history[-1])

    threads = [threading.Thread(target=window, args=(each,)) for each in histories]
    for each in threads:
        each.start()
    for each in threads:
        each.join(20)
    assert len(signed) == 1


# ---- what it owes ----


def test_a_log_that_lacks_a_revocation_is_not_cosigned(app: App, tmp_path: Path) -> None:
    app.cosign()
    app.owe()
    app.shown.grow()
    for each in (app, App(app.shown, tmp_path / "memory")):
        with pytest.raises(RevocationMissing, match="node:node-1"):
            each.cosign()


def test_the_logs_own_state_settles_it(app: App) -> None:
    app.cosign()
    shown = app.shown
    made = shown.revocation()
    statement = parse_statement(made.raw)
    approvals = [parse_approval(each) for each in made.approvals]
    new = owed(statement, approvals, shown.keyholder.state, app.state.size, shown.clock())
    app.cosigner.owe(ORIGIN, new, made.raw, made.approvals)
    assert app.cosigner.settle(ORIGIN, shown.keyholder.state).pending == (new,)
    assert app.cosigner.envelopes(new.statement) == (made.raw, tuple(made.approvals))

    shown.keyholder.enter(Kind.REVOCATION, "node:node-1", made)
    assert app.cosigner.settle(ORIGIN, shown.keyholder.state).pending == ()
    assert app.cosigner.envelopes(new.statement) is None
    app.cosign()


def test_a_version_that_never_comes_holds_nobody_for_ever(app: App) -> None:
    app.cosign()
    first = app.shown.revocation()
    far = replace(app.owe(), statement=Digest("sha256:" + "99" * 32), version=1000)
    app.cosigner.owe(ORIGIN, far, b"far", [])
    app.shown.keyholder.enter(Kind.REVOCATION, "node:node-1", first)

    assert app.cosigner.settle(ORIGIN, app.shown.keyholder.state).pending == ()


def test_one_from_before_does_not_settle_a_later_version(app: App) -> None:
    app.cosign()
    first = app.shown.revocation()
    app.shown.keyholder.enter(Kind.REVOCATION, "node:node-1", first)
    app.cosign()
    app.shown.clock.advance(seconds=1)
    later = replace(app.owe("node-2"), subject="node:node-1", version=2, size=app.state.size)
    later = replace(later, statement=Digest("sha256:" + "98" * 32))
    app.cosigner.owe(ORIGIN, later, b"later", [])

    left = app.cosigner.settle(ORIGIN, app.shown.keyholder.state).pending
    assert {each.subject for each in left} == {"node:node-1", "node:node-2"}


def test_what_it_owes_has_an_end(app: App) -> None:
    one = app.owe()
    for each in range(1, MAX_OWED):
        other = replace(one, statement=Digest(f"sha256:{each:064x}"))
        app.cosigner.owe(ORIGIN, other, b"s", [])
    with pytest.raises(TooManyOwed):
        app.cosigner.owe(ORIGIN, replace(one, statement=Digest("sha256:" + "f" * 64)), b"s", [])
    assert len(app.cosigner.owe(ORIGIN, one, b"s", []).pending) == MAX_OWED


def test_a_disk_that_says_no_signs_nothing(app: App, tmp_path: Path) -> None:
    app.cosign()
    with dying(10**6), pytest.MonkeyPatch.context() as patched:
        patched.setattr(os, "fsync", _full)
        app.shown.grow()
        with pytest.raises(FileUnusable):
            app.cosign()
        with pytest.raises(FileUnusable):
            app.owe()
    assert app.state.pending == ()


def _full(handle: int) -> None:
    del handle
    raise OSError(28, "No space left on device")


@pytest.mark.parametrize("spoil", [b"", b"{}", b'{"type":"cosigner"}'])
def test_what_is_damaged_is_refused(app: App, tmp_path: Path, spoil: bytes) -> None:
    app.cosign()
    (file,) = (tmp_path / "memory").glob("*.json")
    whole = file.read_bytes()
    for damaged in (spoil, whole[:-1], whole + b"x", whole.replace(b"cosigner", b"else", 1)):
        file.write_bytes(damaged)
        with pytest.raises(MalformedProfile) as refused:
            app.cosign()
        assert "another witness" in refused.value.hint
    file.write_bytes(whole)
    stranger = Cosigner(Shown().fingerprint, "ada", tmp_path / "memory")
    with pytest.raises(MalformedProfile, match="fingerprint"):
        stranger.state(ORIGIN)


# The log goes on under another key


def test_what_was_cosigned_under_the_older_key_binds(shown: Shown, tmp_path: Path) -> None:
    app = App(shown, tmp_path)
    app.cosign()
    size = len(shown.leaves)
    shown.keyholder.replace_log_key()
    assert (app.state.origin, app.state.size) == (shown.keyholder.origin, size)

    fork = shown.forked(size - 1, 4)
    with pytest.raises(BadProof):
        app.cosign(fork)
    with pytest.raises(OtherSize):
        app.cosign(fork, 0, ())
    app.cosign()
    assert App(shown, tmp_path).state.size == len(shown.leaves)


def test_what_is_owed_is_owed_under_the_newer_key(shown: Shown, tmp_path: Path) -> None:
    app = App(shown, tmp_path)
    app.cosign()
    app.owe()
    shown.keyholder.replace_log_key()
    with pytest.raises(RevocationMissing):
        app.cosign()
