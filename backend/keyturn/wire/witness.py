"""Asking a witness, both ends: C2SP tlog-witness, and what ours takes beside it (our protocol §9).

Source: c2sp.org/tlog-witness. A request to cosign is text: `old N`, the proof's hashes in base64,
an empty line, the checkpoint as a signed note. The answer is signature lines, to be put under
the note. Lines by keys that the asker does not know are ignored there, as everywhere.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from keyturn.base.encoding import b64, unb64
from keyturn.base.errors import MalformedError
from keyturn.tlog.errors import MalformedNote
from keyturn.tlog.merkle import HASH_SIZE, Hash
from keyturn.tlog.notes import MAX_NOTE, SignedNote, parse_note
from keyturn.tlog.proofs import Proof

ADD_CHECKPOINT = "/add-checkpoint"
LOG = "/v1/log"
REVOCATIONS = "/v1/revocations"
RECEIPTS = "/v1/receipts"
AUTHORITY = "/v1/authority"

SIZE_TYPE = "text/x.tlog.size"
"""Content-Type of a 409: the body is the size that the witness knows."""
MAX_PROOF_LINES = 63
MAX_REQUEST = MAX_NOTE + (MAX_PROOF_LINES + 1) * 48
MAX_REVOCATION = 8 << 20

_OLD = re.compile(r"old (0|[1-9][0-9]{0,15})", re.ASCII)
_SIZE = re.compile(r"(0|[1-9][0-9]{0,15})\n", re.ASCII)


@dataclass(frozen=True, slots=True)
class AddCheckpoint:
    """What is asked to be cosigned: the note, and that it extends a tree of `old` leaves."""

    old: int
    proof: Proof
    note: bytes

    def to_bytes(self) -> bytes:
        lines = [f"old {self.old}", *(b64(each) for each in self.proof), "", ""]
        return "\n".join(lines).encode() + self.note


def parse_add_checkpoint(raw: bytes) -> AddCheckpoint:
    """Read a request's body. Raises MalformedError; the note itself is not read yet."""
    if len(raw) > MAX_REQUEST:
        raise MalformedNote("request is too large", found=f"{len(raw)} bytes")
    head, blank, note = raw.partition(b"\n\n")
    if not blank:
        raise MalformedNote("request has no empty line before its checkpoint")
    try:
        first, *lines = head.decode("ascii").split("\n")
    except UnicodeDecodeError as error:
        raise MalformedNote("request does not begin with ASCII") from error
    old = _OLD.fullmatch(first)
    if old is None:
        raise MalformedNote("request", found=repr(first[:40]), expected="old SIZE")
    if len(lines) > MAX_PROOF_LINES:
        raise MalformedNote("proof is too long", found=f"{len(lines)} lines", expected="at most 63")
    proof = [Hash(unb64(each, what="proof", size=HASH_SIZE)) for each in lines]
    return AddCheckpoint(int(old[1]), tuple(proof), note)


def parse_size(raw: bytes) -> int:
    """The body of a 409: the size that the witness knows. Raises MalformedError."""
    found = _SIZE.fullmatch(raw[:20].decode("ascii", "replace"))
    if found is None:
        raise MalformedError("the witness's answer is no size", found=repr(raw[:20]))
    return int(found[1])


def with_lines(note: SignedNote, lines: Sequence[bytes]) -> SignedNote:
    """The note with what witnesses answered. Nothing is verified; raises MalformedNote."""
    text = (note.text + "\n").encode()
    for each in lines:
        found = parse_note(text + each)
        note = note.with_signatures(*found.signatures)
    return note
