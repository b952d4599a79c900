"""What a witness knows of one log, as it stands on its disk."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from keyturn.base.encoding import Digest
from keyturn.base.errors import MalformedError
from keyturn.base.strictjson import dump, parse_object
from keyturn.tlog.merkle import EMPTY_ROOT, HASH_SIZE, Hash
from keyturn.tlog.notes import MAX_NOTE
from keyturn.witness.errors import DamagedState

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

    def to_bytes(self) -> bytes:
        return dump(
            {
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
        )


def parse_state(raw: bytes) -> LogState:
    """Raises DamagedState."""
    try:
        return _parse(raw)
    except MalformedError as error:
        raise DamagedState(error.message, found=error.found, expected=error.expected) from error


def _parse(raw: bytes) -> LogState:
    fields = parse_object(raw, limit=MAX_STATE, what="witness state")
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
