"""Ways to a sealed keyholder: through the control plane, or its local socket (§10.12).

Neither is believed; `client.unsealing` verifies what comes.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

from keyturn.base.encoding import Digest, b64, unhex
from keyturn.base.errors import MalformedError, UntrustedError
from keyturn.base.signatures import load_verify_key
from keyturn.base.strictjson import Fields
from keyturn.client.client import KeyturnClient
from keyturn.client.errors import MalformedAnswer
from keyturn.client.history import History, Source
from keyturn.quorum.bodies import Purpose
from keyturn.quorum.bundle import Authority
from keyturn.quorum.errors import LogInconsistent
from keyturn.quorum.state import AuthorityState
from keyturn.tlog.checkpoints import (
    Checkpoint,
    SignedCheckpoint,
    parse_checkpoint,
    verify_checkpoint,
)
from keyturn.tlog.merkle import Hash
from keyturn.tlog.notes import parse_note
from keyturn.tlog.proofs import Proof, verify_consistency
from keyturn.wire.errors import PeerRefused
from keyturn.wire.keyholder import AskCheckpoint, AskConsistency, AskEntries, AskObject
from keyturn.wire.keyholder_client import ask_once
from keyturn.wire.unsealing import (
    AskSeal,
    AskUnseal,
    HandShare,
    ShareTaken,
    UnsealNews,
    read_share_taken,
    read_unseal_news,
)

T = TypeVar("T")
MALFORMED = "malformed"
"""What whoever knows no such question answers (our protocol §7.1)."""

SECONDS = 60.0
"""The last share has the keyholder open its token and replay what is new of its log."""


@dataclass(frozen=True, slots=True)
class Known:
    """The authority as this officer proved it, under the newest checkpoint that they know."""

    state: AuthorityState
    checkpoint: SignedCheckpoint

    @property
    def fingerprint(self) -> Digest:
        return self.state.fingerprint

    @property
    def authority(self) -> Authority:
        """Raises LogInconsistent where the log founds none."""
        roster, keys = self.state.roster, self.state.newest_keys
        if roster is None or keys is None:
            raise LogInconsistent("the log has no roster, or names no keys")
        return Authority(self.state.fingerprint, roster, keys, self.state)


class NothingPinned(UntrustedError):
    """No authority is known here: nobody can tell whose keyholder this is."""

    def __init__(self) -> None:
        super().__init__(
            "no authority is known here",
            expected="the authority's bundle, and its fingerprint",
            hint="Name both first. Enter no share before.",
        )


class UnsealDoor(Protocol):
    """Asks one keyholder. Every method raises KeyturnError: refused, unreachable, malformed."""

    @property
    def local(self) -> bool:
        """Whether whoever asks sits at the keyholder's own machine."""

    def news(self) -> UnsealNews: ...

    def known(self) -> Known:
        """Replayed from the log and proved to go on from what was seen before."""

    def hand(self, share: HandShare) -> ShareTaken: ...

    def seal(self, order: AskSeal) -> int:
        """The log index of the entry that says so."""


class ServerUnsealDoor:
    """Through the control plane, as a signed-in officer."""

    local = False

    def __init__(self, client: KeyturnClient) -> None:
        self._client = client

    def news(self) -> UnsealNews:
        return _read(self._client.ask_get("/v1/unseal", "unseal"), read_unseal_news)

    def known(self) -> Known:
        seen = self._client.seen()
        return Known(seen.state, seen.checkpoint)

    def hand(self, share: HandShare) -> ShareTaken:
        document = {
            "envelope": b64(share.envelope),
            "attached": [b64(each) for each in share.attached],
        }
        answer = self._client.ask_post("/v1/unseal/shares", "share", document)
        return _read(answer, read_share_taken)

    def seal(self, order: AskSeal) -> int:
        document = {"envelope": b64(order.envelope)}
        answer = self._client.ask_post("/v1/seal", "seal", document)
        return _read(answer, lambda fields: fields.integer("index"))


class LocalUnsealDoor:
    """The keyholder's local socket: only a person at that machine can open it."""

    local = True

    def __init__(
        self,
        path: Path,
        fingerprint: Digest | None,
        seen: Checkpoint | None = None,
        told: AuthorityState | None = None,
    ) -> None:
        """`fingerprint`: None where no authority is pinned, and so nothing can be `known`.

        `seen`: the newest checkpoint of this log that the officer knows, if any; `told`: what a
        bundle proved, all of which the log must have. What this door
        proves itself it remembers: the log is read on, and never believed to have gone back.
        """
        self._path, self._fingerprint, self._seen = path, fingerprint, seen
        self._told = told
        self._history: History | None = None
        self._reading = threading.Lock()

    def news(self) -> UnsealNews:
        return ask_once(self._path, AskUnseal(), seconds=SECONDS)

    def known(self) -> Known:
        """Raises LogInconsistent, UntrustedError, MalformedError, NothingPinned."""
        if self._fingerprint is None:
            raise NothingPinned
        with self._reading:
            return self._read_on(self._fingerprint)

    def _read_on(self, fingerprint: Digest) -> Known:
        raw = ask_once(self._path, AskCheckpoint()).encode()
        note = parse_note(raw)
        claimed = SignedCheckpoint(parse_checkpoint(note.text), note)
        self._check_seen(claimed.checkpoint)
        history, self._history = self._history, None  # kept only where all of it verifies
        if history is None:
            source = Source(self._entries, self._object, self._consistency)
            history = History(fingerprint, source)
        state = history.sync(claimed)
        self._check_told(state)
        keys = state.newest_keys
        if keys is None:
            raise LogInconsistent("the log names no keys")
        key = load_verify_key(keys.keys[Purpose.LOG].spki)
        signed = verify_checkpoint(raw, key, keys.origin)
        self._seen, self._history = signed.checkpoint, history
        return Known(state, signed)

    def hand(self, share: HandShare) -> ShareTaken:
        return ask_once(self._path, share, seconds=SECONDS)

    def seal(self, order: AskSeal) -> int:
        return ask_once(self._path, order, seconds=SECONDS)

    def _check_seen(self, now: Checkpoint) -> None:
        seen = self._seen
        if seen is None or seen.size == 0:
            return
        if now.size < seen.size:
            raise UntrustedError(
                "the keyholder's log is shorter than the one that you have seen",
                found=f"{now.size} entries",
                expected=f"at least {seen.size}",
                hint="Enter no share. Tell the other custodians.",
            )
        proof = self._consistency(seen.size, now.size) if now.size > seen.size else ()
        verify_consistency(seen.size, now.size, proof, seen.root, now.root)

    def _check_told(self, state: AuthorityState) -> None:
        """An older copy of a log has not what a newer bundle brings: a roster without somebody."""
        told = self._told.newest.values() if self._told is not None else ()
        for each in told:
            if each.statement.digest not in state.by_digest:
                statement = each.statement
                raise UntrustedError(
                    "the keyholder's log has not what your bundle has: it is an older copy",
                    found=f"a log of {state.size} entries without it",
                    expected=f"{statement.kind.value} {statement.subject}, version"
                    f" {statement.version}",
                    hint="Enter no share. Tell the other custodians.",
                )

    def _entries(self, start: int, end: int) -> list[bytes]:
        return list(ask_once(self._path, AskEntries(start, end)).leaves)

    def _object(self, digest: Digest) -> bytes:
        return ask_once(self._path, AskObject(digest))

    def _consistency(self, old: int, new: int) -> Proof:
        proof = ask_once(self._path, AskConsistency(old, new))
        return tuple(Hash(unhex(each, what="proof", size=32)) for each in proof)


def is_keyholder(path: Path) -> bool:
    """Whether a keyholder answers there, and not a host of ceremonies alone: its word.

    Raises PeerRefused, PeerUnreachable, MalformedError.
    """
    try:
        ask_once(path, AskUnseal(), seconds=SECONDS)
    except PeerRefused as error:
        if error.kind == MALFORMED:
            return False
        raise
    return True


def _read(answer: Fields, read: Callable[[Fields], T]) -> T:
    """Raises MalformedAnswer."""
    try:
        found = read(answer)
        answer.done()
    except MalformedError as error:
        raise MalformedAnswer(
            f"the server's answer: {error.message}", found=error.found, expected=error.expected
        ) from error
    return found
