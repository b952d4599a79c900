"""One log as a witness watches it: what it cosigns, and what it refuses and why.

The order is what everything rests on: under one lock the request is compared with the state,
the new state is made durable, and only then anything is signed. A process that dies in between
has signed nothing, or knows what it signed.
"""

import logging
import threading
from collections.abc import Callable, Sequence
from datetime import datetime

from keyturn.base.encoding import Digest, sha256
from keyturn.base.errors import MalformedError
from keyturn.keyrelease.cosigning import (
    MAX_PENDING,
    LogState,
    check_clock,
    check_extends,
    check_nothing_owed,
    check_starts_from,
    owed,
    parse_state,
)
from keyturn.keyrelease.errors import BadProof, Forked, OtherSize, TooManyPending
from keyturn.quorum.approvals import parse_approval
from keyturn.quorum.bundle import Authority, load_bundle
from keyturn.quorum.entries import EntryKind, parse_entry, read_statement, read_withdrawal
from keyturn.quorum.errors import MalformedStatement
from keyturn.quorum.kinds import Kind
from keyturn.quorum.statements import parse_statement
from keyturn.tlog.checkpoints import SignedCheckpoint, Witness, cosign, verify_checkpoint
from keyturn.tlog.notes import NoteSignature, Sign
from keyturn.tlog.proofs import Proof
from keyturn.tlog.receipts import Receipt, verify_receipt
from keyturn.wire.witness import AddCheckpoint
from keyturn.witness.disk import Files
from keyturn.witness.errors import UnknownLog

logger = logging.getLogger(__name__)

MAX_PROOFS_KEPT = 100
"""Contradictions of one kind that are kept as files, of one log."""

Clock = Callable[[], datetime]


class WatchedLog:
    """One log, by its authority's bundle. Safe for many threads."""

    def __init__(
        self,
        bundle: bytes,
        fingerprint: Digest,
        witness: Witness,
        sign: Sign,
        files: Files,
        clock: Clock,
    ) -> None:
        """`bundle` is the one in the settings; a newer one that was handed in is on the disk.

        Raises what `load_bundle` raises when neither holds now, DamagedState.
        """
        self._fingerprint = fingerprint
        self._witness = witness
        self._sign = sign
        self._files = files
        self._clock = clock
        self._lock = threading.Lock()
        self._name = sha256(fingerprint.encode()).hex()[:32]
        kept = files.read(f"{self._name}.bundle")
        self._authority = load_bundle(kept or bundle, fingerprint, clock())
        raw = files.read(f"{self._name}.state")
        self._state = LogState(self.origin) if raw is None else parse_state(raw)
        if kept is None and self._state.origin != self.origin:
            raise UnknownLog(
                "the state is of another log",
                found=self._state.origin,
                expected=self.origin,
                hint="a log that goes on under another key is told by its newer authority bundle, "
                "handed in while the witness runs",
            )
        self._state = self._state.renamed(self.origin)

    @property
    def origin(self) -> str:
        return self._authority.origin

    @property
    def fingerprint(self) -> Digest:
        return self._fingerprint

    @property
    def state(self) -> LogState:
        return self._state

    @property
    def roster_version(self) -> int:
        return self._authority.state.newest[(Kind.ROSTER, "roster")].statement.version

    def add_checkpoint(self, request: AddCheckpoint) -> NoteSignature:
        """Cosign. Raises MalformedNote, UntrustedCheckpoint, OtherSize, Forked, BadProof,
        RevocationMissing, ClockWentBack, WitnessUnwritable; then nothing was signed."""
        signed = self._verified(request.note)
        at = signed.checkpoint
        if request.old > at.size:
            raise MalformedError(
                "the old size is larger than the checkpoint's",
                found=str(request.old),
                expected=f"at most {at.size}",
            )
        with self._lock:
            self._check_origin(at.origin)
            check_starts_from(self._state, request.old)
            self._check_extends(signed, request.proof)
            check_nothing_owed(self._state)
            now = int(self._clock().timestamp())
            check_clock(self._state, now)
            self._keep(self._state.advanced(signed, time=now))
            return cosign(at, self._witness, now, self._sign)

    def add_revocation(self, raw: bytes, approvals: Sequence[bytes]) -> None:
        """Nothing is cosigned from here on until the log is proved to hold it.

        Raises MalformedError, SubmissionRefused (no quorum by the roster known here, or it has
        lapsed), TooManyPending, WitnessUnwritable.
        """
        statement = parse_statement(raw)
        parsed = [parse_approval(each) for each in approvals]
        now = self._clock()
        with self._lock:
            state = self._state
            new = owed(statement, parsed, self._authority.state, state.size, now)
            if state.owing(new) is state or state.found.get(new.subject, 0) >= new.version:
                return
            if len(state.pending) >= MAX_PENDING:
                raise TooManyPending("too many revocations wait for their proof")
            self._keep(state.owing(new))
        logger.warning("a revocation of %s was handed in: it must be in the log", new.subject)

    def add_receipt(self, receipt: Receipt, proof: Proof) -> None:
        """That an entry which settles a revocation is in the log, under a checkpoint that is
        proved to extend what is known; that one is known from here on, and not cosigned.

        Raises as `add_checkpoint`, MalformedProof, UntrustedProof, MalformedStatement.
        """
        authority = self._authority
        entry = verify_receipt(receipt, authority.log_key(), authority.origin)
        with self._lock:
            self._check_origin(entry.checkpoint.checkpoint.origin)
            if entry.checkpoint.checkpoint.size < self._state.size:
                raise OtherSize(self._state.size, entry.checkpoint.checkpoint.size)
            self._check_extends(entry.checkpoint, proof)
            advanced = self._state.advanced(entry.checkpoint)
            self._keep(_settled(advanced, entry.leaf, entry.index))

    def take_authority(self, bundle: bytes) -> None:
        """A newer roster, or newer keys. An older one is ignored. Raises as `load_bundle`.

        Where they name another log key and origin, the log goes on (§9.3): what is known of it
        binds what comes.
        """
        new = load_bundle(bundle, self._fingerprint, self._clock())
        with self._lock:
            pairs = list(zip(_versions(new), _versions(self._authority), strict=True))
            if all(a == b for a, b in pairs) or any(a < b for a, b in pairs):
                return
            before = self.origin
            self._files.write(f"{self._name}.bundle", bundle)
            self._authority = new
            if before != new.origin:
                self._keep(self._state.renamed(new.origin))
                logger.warning("%s goes on as %s", before, new.origin)
        logger.info("roster version %d", self.roster_version)

    def _check_origin(self, origin: str) -> None:
        """The log's name was replaced while this was verified. Inside the lock."""
        if origin != self.origin:
            raise UnknownLog("the log goes on under another name", found=origin)

    def _verified(self, note: bytes) -> SignedCheckpoint:
        authority = self._authority
        return verify_checkpoint(note, authority.log_key(), authority.origin)

    def _check_extends(self, signed: SignedCheckpoint, proof: Proof) -> None:
        try:
            check_extends(self._state, signed, proof)
        except Forked:
            self._keep_contradiction("forked", signed)
            raise
        except BadProof:
            self._keep_contradiction("unproved", signed)
            raise

    def _keep(self, state: LogState) -> None:
        self._files.write(f"{self._name}.state", state.to_bytes())
        self._state = state

    def _keep_contradiction(self, kind: str, signed: SignedCheckpoint) -> None:
        """Both signed notes, for people. `forked`: proof of two histories, that only who has the
        log's key can make; `unproved`: perhaps a slip of whoever asked. Each has its own room.
        """
        state = self._state
        logger.error(
            "%s: a checkpoint of size %d does not follow from the one of size %d",
            state.origin,
            signed.checkpoint.size,
            state.size,
        )
        both = (state.note.encode(), signed.to_bytes())
        kept = len(list(self._files.directory.glob(f"{self._name}.{kind}-*")))
        name = f"{self._name}.{kind}-{sha256(b''.join(both)).hex()[:16]}"
        if kept < MAX_PROOFS_KEPT:
            self._files.write(name, b"\n\n".join(both))


def _settled(state: LogState, leaf: bytes, index: int) -> LogState:
    """Raises MalformedStatement unless the entry settles a revocation."""
    entry = parse_entry(leaf)
    if entry.kind is EntryKind.WITHDRAWAL:
        return state.withdrawn(read_withdrawal(entry).statement)
    if entry.kind is EntryKind.STATEMENT:
        statement = read_statement(entry)
        if statement.kind is Kind.REVOCATION:
            time = int(entry.time.timestamp())
            return state.settled(statement.subject, statement.version, index, time)
    raise MalformedStatement("the receipt is of no revocation", found=entry.kind.value)


def _versions(authority: Authority) -> tuple[int, int]:
    newest = authority.state.newest
    return (
        newest[(Kind.ROSTER, "roster")].statement.version,
        newest[(Kind.KEYS, "keys")].statement.version,
    )
