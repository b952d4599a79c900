"""A restore's statement, handed in: the log that would say it is in force cannot be written.

The token with the log's key is lost. So the officers' statement and approvals come as a proposal's
file (our protocol §8.2), are judged here by the authority that the log leads to, and are entered
when the log goes on.
"""

from collections.abc import Sequence
from datetime import datetime

from keyturn.base.encoding import Digest, unb64
from keyturn.base.strictjson import parse_object
from keyturn.ceremony.errors import CeremonyReason, CeremonyRefused
from keyturn.ceremony.people import check_statement
from keyturn.ceremony.plan import Plan
from keyturn.keyholder.ceremonies.records import CeremonyFiles
from keyturn.quorum.approvals import parse_approval
from keyturn.quorum.ceremony_body import Restore
from keyturn.quorum.state import AuthorityState
from keyturn.quorum.statements import parse_statement

RESTORE = "restore.json"
WRAPPED = "wrapped-kek.json"
"""A KEK that another HSM wrapped to the transport key."""
_LIMIT = 4 << 20

Envelopes = tuple[bytes, tuple[bytes, ...]]


def read_proposal(raw: bytes) -> Envelopes:
    """Statement and approvals of a proposal's file. Raises MalformedError."""
    fields = parse_object(raw, limit=_LIMIT, what="proposal file")
    fields.literal("type", "proposal-export")
    fields.literal("format", 1)
    statement = fields.b64("statement", limit=2 << 20)
    approvals = tuple(
        unb64(text, what="proposal file: approval") for text in fields.texts("approvals")
    )
    fields.text("bundle", limit=_LIMIT, empty=True)
    fields.done()
    return statement, approvals


def check_handed_in(files: CeremonyFiles, plan: Plan, state: AuthorityState, now: datetime) -> None:
    """Whether what was handed in lets this restore happen now.

    Raises CeremonyRefused, MalformedError, SubmissionRefused.
    """
    raw = files.kept(RESTORE)
    if raw is None:
        raise CeremonyRefused(
            CeremonyReason.NOT_AUTHORISED,
            "the restore statement was not handed in yet",
            found="nothing",
            expected=f"{RESTORE}: the statement with its approvals",
        )
    envelope, approvals = read_proposal(raw)
    statement = parse_statement(envelope)
    body = statement.body
    if not isinstance(body, Restore) or not body.is_open(now):
        raise CeremonyRefused(
            CeremonyReason.NOT_AUTHORISED,
            "what was handed in lets no restore happen now",
            found=statement.kind.value,
            expected="a restore statement within its window",
        )
    state.submit(statement, [parse_approval(each) for each in approvals], now)
    check_statement(plan, statement.digest, plan.ceremony, body)


def named_backup(files: CeremonyFiles, plan: Plan, state: AuthorityState | None) -> Digest | None:
    """The backup that the statement of a restore names; None where nothing says so."""
    known = state.by_digest.get(plan.statement) if state is not None and plan.statement else None
    raw = files.kept(RESTORE)
    if known is not None:
        statement = known.statement
    elif raw is not None:
        statement = parse_statement(read_proposal(raw)[0])
    else:
        return None
    body = statement.body
    return body.backup if isinstance(body, Restore) and statement.digest == plan.statement else None


def restore_envelopes(
    files: CeremonyFiles, plan: Plan, state: AuthorityState
) -> Sequence[Envelopes]:
    """What the log has not got yet of it."""
    raw = files.kept(RESTORE)
    if raw is None or plan.statement in state.by_digest:
        return ()
    return (read_proposal(raw),)
