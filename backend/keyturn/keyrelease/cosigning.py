"""When a witness cosigns, and what it knows of one log (I5, our protocol §9.3, §9.4, §9.7).

The rules of `keyturn witness` and of officers' apps: a checkpoint must extend the last one, and a
revocation that was handed in must be in the log. The order of things is the caller's: compare,
make the new state durable, and only then sign.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from keyturn.base.encoding import Digest
from keyturn.base.errors import MalformedError, UntrustedError
from keyturn.base.strictjson import Fields, dump, parse_object
from keyturn.keyrelease.errors import (
    BadProof,
    ClockWentBack,
    DamagedState,
    Forked,
    OtherSize,
    RevocationMissing,
)
from keyturn.quorum.approvals import Approval
from keyturn.quorum.errors import MalformedStatement
from keyturn.quorum.judge import judge
from keyturn.quorum.kinds import Kind
from keyturn.quorum.state import AuthorityState
from keyturn.quorum.statements import Statement
from keyturn.tlog.checkpoints import SignedCheckpoint
from keyturn.tlog.merkle import EMPTY_ROOT, HASH_SIZE, Hash
from keyturn.tlog.notes import MAX_NOTE
from keyturn.tlog.proofs import Proof, verify_consistency

MAX_PENDING = 1000
MAX_FOUND = 5000
"""Revocations that are remembered as proved; one that is forgotten is asked for once more."""
MAX_STATE = 8 << 20


@dataclass(frozen=True, slots=True)
class Pending:
    """A revocation with its quorum that is not proved to be in the log.

    `size` is that of the log as it was known when this was handed in, `time` the witness's own
    (POSIX seconds): a revocation of its subject that was entered from there on settles it,
    whatever its version. Else one officer could name a version that never comes.
    """

    statement: Digest
    subject: str
    version: int
    size: int
    time: int

    def settled_by(self, subject: str, version: int, index: int, time: int) -> bool:
        """By a revocation in the log at `index`, entered at `time`."""
        later = index >= self.size and time >= self.time
        return self.subject == subject and (version >= self.version or later)


@dataclass(frozen=True, slots=True)
class LogState:
    """The largest tree seen of a log, and what it owes. `note` is the checkpoint as received.

    `found` holds the newest version of each revoked subject that was proved to be in the log.
    `time` is that of the last cosignature.
    """

    origin: str
    size: int = 0
    root: Hash = EMPTY_ROOT
    note: str = ""
    time: int = 0
    pending: tuple[Pending, ...] = ()
    found: Mapping[str, int] = field(default_factory=dict)

    def settled(self, subject: str, version: int, index: int, time: int) -> "LogState":
        """A revocation of this subject is in the log, at `index`, entered at `time`."""
        left = tuple(
            each for each in self.pending if not each.settled_by(subject, version, index, time)
        )
        newest = max(version, self.found.get(subject, 0))
        others = {name: each for name, each in self.found.items() if name != subject}
        lately = dict(list(others.items())[1 - MAX_FOUND :])
        return replace(self, pending=left, found={**lately, subject: newest})

    def withdrawn(self, statement: Digest) -> "LogState":
        """Its proposer withdrew it, in the log: it can never come into force."""
        left = tuple(each for each in self.pending if each.statement != statement)
        return replace(self, pending=left)

    def settled_by(self, state: AuthorityState) -> "LogState":
        """As the log's own state shows it, replayed up to some entry."""
        left = tuple(each for each in self.pending if not _is_settled(each, state))
        return self if len(left) == len(self.pending) else replace(self, pending=left)

    def owing(self, new: Pending) -> "LogState":
        """One revocation more, unless it is owed already."""
        known = any(each.statement == new.statement for each in self.pending)
        return self if known else replace(self, pending=(*self.pending, new))

    def advanced(self, signed: SignedCheckpoint, time: int | None = None) -> "LogState":
        """At a checkpoint that `check_extends` let through; `time` if it is to be cosigned."""
        at = signed.checkpoint
        state = replace(self, size=at.size, root=at.root, note=signed.to_bytes().decode())
        return state if time is None else replace(state, time=time)

    def renamed(self, origin: str) -> "LogState":
        """The log goes on under another origin: its tree, and what it owes, stay (§9.3)."""
        return self if origin == self.origin else replace(self, origin=origin)

    def to_document(self) -> dict[str, object]:
        return {
            "type": "witness-state",
            "format": 1,
            "origin": self.origin,
            "size": self.size,
            "root": self.root.hex(),
            "note": self.note,
            "time": self.time,
            "pending": [
                {
                    "statement": each.statement,
                    "subject": each.subject,
                    "version": each.version,
                    "size": each.size,
                    "time": each.time,
                }
                for each in self.pending
            ],
            "found": dict(self.found),
        }

    def to_bytes(self) -> bytes:
        return dump(self.to_document())


def check_extends(state: LogState, signed: SignedCheckpoint, proof: Proof) -> None:
    """Raises Forked (two roots for one size) or BadProof: the log is not the one that was seen."""
    at = signed.checkpoint
    if at.size == state.size and at.root != state.root:
        raise Forked(state.size)
    try:
        verify_consistency(state.size, at.size, proof, state.root, at.root)
    except (MalformedError, UntrustedError) as error:
        raise BadProof(error.message, found=error.found, expected=error.expected) from error


def check_nothing_owed(state: LogState) -> None:
    """Raises RevocationMissing, naming what is not proved to be in the log."""
    if state.pending:
        raise RevocationMissing(
            "a revocation that was handed in is not proved to be in the log",
            found=", ".join(each.subject for each in state.pending[:4]),
            expected="a receipt of each",
            hint="have the keyholder enter it (`keyturn keyholder submit`), then hand in "
            "its receipt",
        )


def check_clock(state: LogState, now: int) -> None:
    """`now` in POSIX seconds. Raises ClockWentBack."""
    if now < state.time:
        raise ClockWentBack(
            "the witness's clock went back",
            found=str(now),
            expected=f"at least {state.time}",
            hint="set the clock right",
        )


def check_starts_from(state: LogState, size: int) -> None:
    """Raises OtherSize when a proof begins at another size than the one that is known."""
    if size != state.size:
        raise OtherSize(state.size, size)


def owed(
    statement: Statement,
    approvals: Sequence[Approval],
    authority: AuthorityState,
    size: int,
    now: datetime,
) -> Pending:
    """A revocation whose quorum holds by this authority, known when the log had `size` entries.

    Raises MalformedStatement (another kind), SubmissionRefused.
    """
    if statement.kind is not Kind.REVOCATION:
        raise MalformedStatement("only revocations", found=statement.kind.value)
    standing = authority.standing(statement, now)
    # The chain of versions is the log's: what is proved later is compared with this one.
    standing = replace(
        standing, newest_version=statement.version - 1, newest_digest=statement.replaces
    )
    judge(statement, approvals, standing, now)
    return Pending(
        statement.digest, statement.subject, statement.version, size, int(now.timestamp())
    )


def _is_settled(pending: Pending, state: AuthorityState) -> bool:
    newest = state.newest.get((Kind.REVOCATION, pending.subject))
    if newest is None:
        return pending.statement in state.withdrawn
    time = int(newest.since.timestamp())
    return (
        pending.settled_by(pending.subject, newest.statement.version, newest.index, time)
        or pending.statement in state.withdrawn
    )


def parse_state(raw: bytes) -> LogState:
    """Raises DamagedState."""
    try:
        return _parse(raw)
    except MalformedError as error:
        raise DamagedState(error.message, found=error.found, expected=error.expected) from error


def _parse(raw: bytes) -> LogState:
    return read_state(parse_object(raw, limit=MAX_STATE, what="witness state"))


def read_state(fields: Fields) -> LogState:
    """One that stands within another document. Raises MalformedError."""
    fields.literal("type", "witness-state")
    fields.literal("format", 1)
    found = fields.fields("found")
    state = LogState(
        fields.text("origin", limit=255),
        fields.integer("size"),
        Hash(fields.hex("root", size=HASH_SIZE)),
        fields.text("note", limit=MAX_NOTE, empty=True),
        fields.integer("time"),
        tuple(
            Pending(
                each.digest("statement"),
                each.text("subject", limit=400),
                each.integer("version", low=1),
                each.integer("size"),
                each.integer("time"),
            )
            for each in fields.objects("pending", limit=MAX_PENDING)
        ),
        {subject: found.integer(subject, low=1) for subject in found.names()},
    )
    fields.done()
    return state
