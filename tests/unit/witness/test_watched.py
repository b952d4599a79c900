"""What a witness cosigns, what it refuses, and that it never signs two histories."""

import json
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from shutil import copytree

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519

from keyturn.base.encoding import Digest
from keyturn.base.errors import KeyturnError, MalformedError, UntrustedError
from keyturn.base.signatures import VerifyKey
from keyturn.keyrelease.errors import (
    BadProof,
    ClockWentBack,
    Forked,
    OtherSize,
    RevocationMissing,
)
from keyturn.quorum.approvals import WITHDRAWAL_TYPE, withdrawal_payload
from keyturn.quorum.bundle import load_bundle
from keyturn.quorum.errors import SubmissionRefused
from keyturn.quorum.kinds import Kind
from keyturn.tlog.checkpoints import cosignatures_of, sign_checkpoint, verify_checkpoint
from keyturn.tlog.errors import UntrustedCheckpoint
from keyturn.tlog.notes import parse_note
from keyturn.wire.keyholder import Withdraw
from keyturn.wire.witness import AddCheckpoint
from keyturn.witness.disk import Disk
from keyturn.witness.errors import UnknownLog
from keyturn.witness.watched import WatchedLog
from support.authority import sign
from support.control import ORIGIN
from support.watching import Shown, revocation_body


class Crash(BaseException):
    """The process ended here."""


class DyingDisk(Disk):
    """Killed in the Nth step; a write is done by half."""

    def __init__(self, at: int) -> None:
        self._left = at

    def _step(self) -> None:
        self._left -= 1
        if self._left < 0:
            raise Crash

    def create(self, path: Path) -> int:
        self._step()
        return super().create(path)

    def write(self, fd: int, data: bytes) -> int:
        try:
            self._step()
        except Crash:
            super().write(fd, data[: len(data) // 2])
            raise
        return super().write(fd, data)

    def sync(self, fd: int) -> None:
        self._step()
        super().sync(fd)

    def replace(self, source: Path, target: Path) -> None:
        self._step()
        super().replace(source, target)

    def sync_directory(self, path: Path) -> None:
        self._step()
        super().sync_directory(path)


@pytest.fixture
def shown() -> Shown:
    made = Shown()
    made.grow(5)
    return made


@pytest.fixture
def watched(shown: Shown, tmp_path: Path) -> WatchedLog:
    return shown.watched(tmp_path / "data")


def test_it_cosigns_what_extends_what_it_knows(shown: Shown, watched: WatchedLog) -> None:
    for grown in (0, 1, 7, 0):
        old = watched.state.size
        shown.grow(grown)
        line = watched.add_checkpoint(shown.asking(old))
        note = parse_note(shown.note()).with_signatures(line)
        (found,) = cosignatures_of(note, [shown.pen.verify_key])
        assert found.time == int(shown.clock().timestamp())
        assert (watched.state.size, watched.state.note) == (
            len(shown.leaves),
            shown.note().decode(),
        )


def test_a_request_from_another_size_is_told_the_size(shown: Shown, watched: WatchedLog) -> None:
    size = len(shown.leaves)
    watched.add_checkpoint(shown.asking(0))
    shown.grow()
    with pytest.raises(OtherSize) as refused:
        watched.add_checkpoint(shown.asking(0))
    assert refused.value.size == size
    with pytest.raises(MalformedError, match="larger than the checkpoint"):
        watched.add_checkpoint(AddCheckpoint(99, (), shown.note()))


def test_an_older_checkpoint_is_not_cosigned_again(shown: Shown, watched: WatchedLog) -> None:
    watched.add_checkpoint(shown.asking(0))
    with pytest.raises(MalformedError):
        watched.add_checkpoint(AddCheckpoint(8, (), shown.note(size=4)))
    with pytest.raises(OtherSize):
        watched.add_checkpoint(AddCheckpoint(4, (), shown.note(size=4)))


def test_two_roots_for_one_size_are_kept_as_proof(
    shown: Shown, watched: WatchedLog, tmp_path: Path
) -> None:
    watched.add_checkpoint(shown.asking(0))
    size = len(shown.leaves)
    lie = shown.note(shown.forked(size - 1, 1))
    with pytest.raises(Forked):
        watched.add_checkpoint(AddCheckpoint(size, (), lie))

    (kept,) = (tmp_path / "data").glob("*.forked-*")
    assert shown.note() in kept.read_bytes()
    assert lie in kept.read_bytes()
    assert len(shown.signed) == 1


def test_a_fork_is_refused_whatever_its_proof(shown: Shown, watched: WatchedLog) -> None:
    watched.add_checkpoint(shown.asking(0))
    size = len(shown.leaves)
    fork = shown.forked(size - 2, 4)
    honest = shown.consistency(size, [*shown.leaves, b"more", b"more"])
    for proof in ((), honest, shown.consistency(size, fork), shown.consistency(size - 2, fork)):
        with pytest.raises(BadProof):
            watched.add_checkpoint(AddCheckpoint(size, proof, shown.note(fork)))
    assert len(shown.signed) == 1
    assert watched.state.size == size


def test_a_checkpoint_that_the_log_did_not_sign_is_refused(
    shown: Shown, watched: WatchedLog
) -> None:
    stranger = Shown(shown.clock)
    stranger.grow(5)
    with pytest.raises(UntrustedCheckpoint):
        watched.add_checkpoint(stranger.asking(0))
    signed = verify_checkpoint(shown.note(), shown_key(shown), ORIGIN).checkpoint
    other = ed25519.Ed25519PrivateKey.generate()
    with pytest.raises(UntrustedCheckpoint):
        sign_checkpoint(replace(signed, origin="else.example"), shown_key(shown), other.sign)
    assert shown.signed == []


def shown_key(shown: Shown) -> VerifyKey:
    return load_bundle(shown.bundle, shown.fingerprint, shown.clock()).log_key()


def test_it_goes_on_from_its_disk(shown: Shown, watched: WatchedLog, tmp_path: Path) -> None:
    watched.add_checkpoint(shown.asking(0))
    size = len(shown.leaves)
    again = shown.watched(tmp_path / "data")
    assert again.state == watched.state
    with pytest.raises(BadProof):
        again.add_checkpoint(AddCheckpoint(size, (), shown.note(shown.forked(3, 9))))
    shown.grow()
    again.add_checkpoint(shown.asking(size))


def test_a_clock_that_went_back_signs_nothing(shown: Shown, watched: WatchedLog) -> None:
    watched.add_checkpoint(shown.asking(0))
    shown.clock.advance(seconds=-1)
    with pytest.raises(ClockWentBack):
        watched.add_checkpoint(AddCheckpoint(len(shown.leaves), (), shown.note()))


def test_killed_at_any_write_it_never_signs_two_histories(shown: Shown, tmp_path: Path) -> None:
    """One history is shown, the process dies at some step, and the other one is shown then."""
    size = len(shown.leaves)
    one, other = [*shown.leaves, b"one"], [*shown.leaves, b"other"]
    for step in range(40):
        directory = tmp_path / str(step)
        shown.watched(directory).add_checkpoint(shown.asking(0))
        shown.signed.clear()
        died = False
        try:
            shown.watched(directory, DyingDisk(step)).add_checkpoint(shown.asking(size, one))
        except Crash:
            died = True
        again = shown.watched(directory)
        for history in (other, one):
            try:
                again.add_checkpoint(shown.asking(size, history))
            except KeyturnError:
                continue
        known = other if again.state.note.encode() == shown.note(other) else one
        again.add_checkpoint(AddCheckpoint(size + 1, (), shown.note(known)))
        assert len({text.split(b"\n", 2)[2] for text in shown.signed}) == 1
        if not died:
            return
    pytest.fail("it never ended")


def test_of_two_histories_shown_at_once_one_is_signed(shown: Shown, watched: WatchedLog) -> None:
    watched.add_checkpoint(shown.asking(0))
    size = len(shown.leaves)
    shown.signed.clear()
    requests = [shown.asking(size, [*shown.leaves, b"leaf %d" % each]) for each in range(8)]
    start = threading.Barrier(len(requests))

    def ask(request: AddCheckpoint) -> None:
        start.wait(10)
        with suppress(KeyturnError):
            watched.add_checkpoint(request)

    threads = [threading.Thread(target=ask, args=(each,)) for each in requests]
    for each in threads:
        each.start()
    for each in threads:
        each.join(20)
    assert len(shown.signed) == 1


# ---- revocations ----


def enter(shown: Shown, watched: WatchedLog, node: str = "node-1") -> int:
    """Handed to the witness and entered by the keyholder; where."""
    made = shown.revocation(node)
    watched.add_revocation(made.raw, made.approvals)
    return shown.keyholder.enter(Kind.REVOCATION, f"node:{node}", made)


def test_a_log_that_lacks_a_revocation_is_not_cosigned(
    shown: Shown, watched: WatchedLog, tmp_path: Path
) -> None:
    watched.add_checkpoint(shown.asking(0))
    made = shown.revocation()
    watched.add_revocation(made.raw, made.approvals)
    size = len(shown.leaves)
    shown.grow()
    for each in (watched, shown.watched(tmp_path / "data")):
        with pytest.raises(RevocationMissing, match="node:node-1"):
            each.add_checkpoint(shown.asking(size))
    assert len(shown.signed) == 1


def test_its_receipt_settles_it(shown: Shown, watched: WatchedLog) -> None:
    watched.add_checkpoint(shown.asking(0))
    size = len(shown.leaves)
    index = enter(shown, watched)
    watched.add_receipt(shown.receipt(index), shown.consistency(size))

    assert watched.state.pending == ()
    watched.add_checkpoint(shown.asking(len(shown.leaves)))
    second = shown.revocation("node-1")  # version 2 of it is another one
    watched.add_revocation(second.raw, second.approvals)
    with pytest.raises(RevocationMissing):
        watched.add_checkpoint(shown.asking(len(shown.leaves)))


def test_one_that_was_proved_is_not_asked_for_again(shown: Shown, watched: WatchedLog) -> None:
    made = shown.revocation()
    watched.add_revocation(made.raw, made.approvals)
    index = shown.keyholder.enter(Kind.REVOCATION, "node:node-1", made)
    watched.add_receipt(shown.receipt(index), ())
    watched.add_revocation(made.raw, made.approvals)

    assert watched.state.pending == ()


def test_two_officers_at_once_one_of_them_enters(shown: Shown, watched: WatchedLog) -> None:
    """Both are version 1 of one subject: the log takes one, and the node is revoked."""
    late = shown.revocation(by="bela")
    index = enter(shown, watched)
    watched.add_revocation(late.raw, late.approvals)
    assert len(watched.state.pending) == 2
    watched.add_receipt(shown.receipt(index), ())

    assert watched.state.pending == ()


def test_a_version_that_never_comes_holds_nobody_for_ever(
    shown: Shown, watched: WatchedLog
) -> None:
    """One officer hands in a version far ahead: a new revocation of the subject settles it."""
    watched.add_checkpoint(shown.asking(0))
    first = shown.revocation()
    far = shown.authority.propose(
        Kind.REVOCATION,
        "node:node-1",
        revocation_body(),
        version=1000,
        replaces=first.digest,
    )
    watched.add_revocation(far.raw, [shown.authority.approval(far.digest, "ada")])
    size = len(shown.leaves)
    with pytest.raises(RevocationMissing):
        watched.add_checkpoint(AddCheckpoint(size, (), shown.note()))
    index = shown.keyholder.enter(Kind.REVOCATION, "node:node-1", first)
    watched.add_receipt(shown.receipt(index), shown.consistency(size))

    assert watched.state.pending == ()


def test_a_receipt_of_something_else_settles_nothing(shown: Shown, watched: WatchedLog) -> None:
    watched.add_checkpoint(shown.asking(0))
    size = len(shown.leaves)
    made = shown.revocation()
    watched.add_revocation(made.raw, made.approvals)
    shown.grow()
    for index in (1, size):
        with pytest.raises(MalformedError, match="no revocation"):
            watched.add_receipt(shown.receipt(index), shown.consistency(size))
    other = shown.revocation("node-2")
    index = shown.keyholder.enter(Kind.REVOCATION, "node:node-2", other)
    watched.add_receipt(shown.receipt(index), shown.consistency(size))
    assert [each.subject for each in watched.state.pending] == ["node:node-1"]


def test_a_receipt_in_another_history_settles_nothing(shown: Shown, watched: WatchedLog) -> None:
    """The revocation shown in a fork, and left out of the history that is cosigned."""
    watched.add_checkpoint(shown.asking(0))
    size = len(shown.leaves)
    index = enter(shown, watched)
    shown.leaves[size - 1] = b"another"
    for proof in (shown.consistency(size), shown.consistency(size - 1), ()):
        with pytest.raises(BadProof):
            watched.add_receipt(shown.receipt(index), proof)
    assert len(watched.state.pending) == 1


def test_a_withdrawn_one_is_not_waited_for(shown: Shown, watched: WatchedLog) -> None:
    made = shown.revocation()
    watched.add_revocation(made.raw, made.approvals)
    index = withdraw(shown, made.raw, made.digest)
    watched.add_receipt(shown.receipt(index), ())

    assert watched.state.pending == ()


def withdraw(shown: Shown, raw: bytes, digest: str) -> int:
    payload = withdrawal_payload(
        Digest(digest), officer="ada", time=shown.clock(), reason="a mistake"
    )
    envelope = sign(WITHDRAWAL_TYPE, payload, shown.authority.people["ada"].keys[0])
    return shown.keyholder._withdraw(Withdraw(raw, envelope))


@pytest.mark.parametrize("spoil", ["no approval", "a stranger's", "lapsed", "another kind"])
def test_what_has_no_quorum_stops_nobody(shown: Shown, watched: WatchedLog, spoil: str) -> None:
    made = shown.revocation()
    spoilers: dict[str, Callable[[], object]] = {
        "no approval": made.approvals.clear,
        "a stranger's": lambda: made.approvals.append(Shown(shown.clock).revocation().approvals[0]),
        "lapsed": lambda: shown.clock.advance(days=8),
        "another kind": lambda: None,
    }
    spoilers[spoil]()
    raw = made.raw
    if spoil == "another kind":
        raw = shown.authority.propose(Kind.ROSTER, "roster", shown.authority.roster_body()).raw
    with pytest.raises((SubmissionRefused, MalformedError)):
        watched.add_revocation(raw, made.approvals)
    watched.add_checkpoint(shown.asking(0))


# ---- the authority ----


def next_roster(shown: Shown) -> None:
    authority = shown.authority
    shown.clock.advance(seconds=1)
    del authority.people["emil"]
    proposal = authority.approved(Kind.ROSTER, "roster", authority.roster_body())
    shown.keyholder.enter(Kind.ROSTER, "roster", proposal)


def test_a_newer_roster_is_taken_and_an_older_one_is_not(
    shown: Shown, watched: WatchedLog, tmp_path: Path
) -> None:
    first = shown.bundle
    next_roster(shown)
    newer = shown.bundle
    watched.take_authority(newer)
    assert watched.roster_version == 2
    watched.take_authority(first)
    assert watched.roster_version == 2
    assert shown.watched(tmp_path / "data").roster_version == 2


def test_a_bundle_of_another_authority_is_refused(shown: Shown, watched: WatchedLog) -> None:
    with pytest.raises(UntrustedError):
        watched.take_authority(Shown(shown.clock).bundle)


def test_an_expired_authority_does_not_start(shown: Shown, tmp_path: Path) -> None:
    shown.clock.advance(days=91)
    with pytest.raises(SubmissionRefused):
        shown.watched(tmp_path / "data")


def test_the_state_of_another_log_is_refused(
    shown: Shown, watched: WatchedLog, tmp_path: Path
) -> None:
    watched.add_checkpoint(shown.asking(0))
    (file,) = (tmp_path / "data").glob("*.state")
    file.write_bytes(file.read_bytes().replace(ORIGIN.encode(), b"test.example/gol"))
    with pytest.raises(UnknownLog):
        shown.watched(tmp_path / "data")


def test_the_hour_of_a_cosignature_is_the_witnesss_own(shown: Shown, watched: WatchedLog) -> None:
    watched.add_checkpoint(shown.asking(0))
    shown.clock.now += timedelta(hours=1)
    watched.add_checkpoint(AddCheckpoint(len(shown.leaves), (), shown.note()))
    assert watched.state.time == int(shown.clock().timestamp())


# The log goes on under another key


def test_a_replaced_log_key_is_followed_by_a_proof(
    shown: Shown, watched: WatchedLog, tmp_path: Path
) -> None:
    old = len(shown.leaves)
    watched.add_checkpoint(shown.asking(0))
    shown.keyholder.replace_log_key()
    with pytest.raises(UntrustedCheckpoint):
        watched.add_checkpoint(shown.asking(old))

    watched.take_authority(shown.bundle)
    assert (watched.origin, watched.state.size) == (shown.keyholder.origin, old)
    for _ in range(2):
        with pytest.raises(OtherSize) as refused:
            watched.add_checkpoint(shown.asking(0))
        assert refused.value.size == old
    watched.add_checkpoint(shown.asking(old))

    again = shown.watched(tmp_path / "data")
    assert (again.origin, again.state) == (watched.origin, watched.state)


def test_a_fork_under_the_new_key_is_refused(shown: Shown, watched: WatchedLog) -> None:
    """Who restored an older log, and continued that one: without what the witness saw."""
    watched.add_checkpoint(shown.asking(0))
    old = watched.state.size
    shown.keyholder.replace_log_key()
    watched.take_authority(shown.bundle)
    fork = shown.forked(old - 1, 5)

    with pytest.raises(BadProof):
        watched.add_checkpoint(shown.asking(old, fork))
    with pytest.raises(OtherSize):
        watched.add_checkpoint(shown.asking(old - 1, fork))
    assert watched.state.size == old


def test_the_older_key_is_not_cosigned_any_more(shown: Shown, watched: WatchedLog) -> None:
    watched.add_checkpoint(shown.asking(0))
    old = watched.state.size
    before, key = shown.keyholder.origin, shown.keyholder.log_key
    note = shown.note()
    shown.keyholder.replace_log_key()
    watched.take_authority(shown.bundle)

    with pytest.raises(UntrustedCheckpoint):
        watched.add_checkpoint(AddCheckpoint(old, (), note))
    shown.keyholder.origin, shown.keyholder.log_key = before, key
    beyond = shown.keyholder.checkpoint()
    with pytest.raises(UntrustedCheckpoint):
        watched.add_checkpoint(AddCheckpoint(old, shown.consistency(old), beyond))


def test_new_keys_without_a_quorum_rename_nothing(shown: Shown, watched: WatchedLog) -> None:
    origin = watched.origin
    shown.keyholder.replace_log_key()
    bundle = json.loads(shown.bundle)
    bundle["keys"]["approvals"].pop()
    with pytest.raises(SubmissionRefused):
        watched.take_authority(json.dumps(bundle).encode())
    assert watched.origin == origin


def test_what_it_is_owed_it_is_owed_across_the_seam(shown: Shown, watched: WatchedLog) -> None:
    watched.add_checkpoint(shown.asking(0))
    old, revocation = watched.state.size, shown.revocation()
    watched.add_revocation(revocation.raw, revocation.approvals)
    shown.keyholder.replace_log_key()
    watched.take_authority(shown.bundle)
    with pytest.raises(RevocationMissing):
        watched.add_checkpoint(shown.asking(old))


def test_killed_while_it_is_renamed_it_goes_on(shown: Shown, tmp_path: Path) -> None:
    shown.watched(tmp_path / "data").add_checkpoint(shown.asking(0))
    size, first = len(shown.leaves), shown.bundle
    shown.keyholder.replace_log_key()
    newer = shown.bundle
    for step in range(20):
        place = tmp_path / f"copy-{step}"
        copytree(tmp_path / "data", place)
        with suppress(Crash):
            shown.watched_by(first, place, DyingDisk(step)).take_authority(newer)
        again = shown.watched_by(first, place)
        again.take_authority(newer)
        assert (again.origin, again.state.size) == (shown.keyholder.origin, size)
        again.add_checkpoint(shown.asking(size))
