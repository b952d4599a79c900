"""A revocation that came down: proved by quorum and receipt, then read for whom it names (§5.9).

Pure. The control plane can withhold a revocation (the lease's end is the answer to that) but cannot
make one: without the officers' signatures and the log's, nothing here believes it.
"""

from dataclasses import dataclass, replace
from enum import Enum

from keyturn.agent.control import RevocationDocument
from keyturn.agent.errors import AnswerUntrusted
from keyturn.base.encoding import Digest, digest_of
from keyturn.quorum.approvals import parse_approval
from keyturn.quorum.bodies import Revocation
from keyturn.quorum.bundle import Authority
from keyturn.quorum.entries import EntryKind, parse_entry, read_statement
from keyturn.quorum.judge import judge
from keyturn.quorum.kinds import TargetKind
from keyturn.quorum.statements import parse_statement
from keyturn.tlog.receipts import parse_receipt, verify_receipt


@dataclass(frozen=True, slots=True)
class VerifiedRevocation:
    """In force: the officers agreed, and the log holds it at `index`."""

    digest: Digest
    target_kind: TargetKind
    target: str
    reason: str
    index: int


class Concern(Enum):
    """Whether a revocation names this node."""

    OURS = "ours"
    OTHERS = "others"
    UNKNOWN = "unknown"  # only the keyholder can tell: renew at once


@dataclass(frozen=True, slots=True)
class Self:
    """What a revocation could name; `platform` and `measurement` as the protocol writes them."""

    node: str
    model: Digest
    platform: str
    measurement: str
    gpus: int


def verify_revocation(document: RevocationDocument, authority: Authority) -> VerifiedRevocation:
    """Raises MalformedError, SubmissionRefused, UntrustedError.

    Judged by the roster in the authority bundle at the time that the log gives it. The chain of
    versions is the keyholder's to check, and the receipt shows that it did.
    """
    statement = parse_statement(document.statement)
    approvals = tuple(parse_approval(each) for each in document.approvals)
    if not isinstance(statement.body, Revocation):
        raise AnswerUntrusted("not a revocation", found=statement.kind.value)
    proved = verify_receipt(parse_receipt(document.receipt), authority.log_key(), authority.origin)
    entry = parse_entry(proved.leaf)
    if entry.kind is not EntryKind.STATEMENT:
        raise AnswerUntrusted("the receipt proves another kind of entry", found=entry.kind.value)
    logged = read_statement(entry)
    envelopes = (digest_of(statement.raw), *(digest_of(each.raw) for each in approvals))
    if logged.statement != statement.digest or logged.envelopes != envelopes:
        raise AnswerUntrusted(
            "the receipt proves another statement",
            found=logged.statement,
            expected=statement.digest,
        )
    standing = replace(
        authority.state.standing(statement, entry.time),
        newest_version=statement.version - 1,
        newest_digest=statement.replaces,
    )
    judge(statement, approvals, standing, entry.time)
    body = statement.body
    return VerifiedRevocation(
        statement.digest, body.target_kind, body.target, statement.reason, proved.index
    )


def concern(revocation: VerifiedRevocation, us: Self) -> Concern:
    """Does it name us? A policy is known to us by digest only, a GPU by what the verifier reads."""
    ours = {
        TargetKind.NODE: us.node,
        TargetKind.MODEL: us.model,
        TargetKind.PLATFORM: us.platform,
        TargetKind.MEASUREMENT: us.measurement,
    }
    if revocation.target == ours.get(revocation.target_kind):
        return Concern.OURS
    if revocation.target_kind in (TargetKind.NODE, TargetKind.MODEL, TargetKind.MEASUREMENT):
        return Concern.OTHERS
    if revocation.target_kind is TargetKind.PLATFORM and not us.gpus:
        return Concern.OTHERS
    return Concern.UNKNOWN
