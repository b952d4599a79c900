"""A statement that lets a ceremony happen, brought as a file to a machine without a server.

The file is a proposal's (our protocol §8.2): statement and approvals. Nothing in it is believed:
signatures and quorum are verified against the pinned authority before it goes anywhere. Whether
the log has a newer one, its keyholder says when it is handed in.
"""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from keyturn.base.encoding import Digest, unb64
from keyturn.base.errors import MalformedError, UntrustedError
from keyturn.base.strictjson import parse_object
from keyturn.ceremony.script import ScriptKind
from keyturn.client.authority import rosters_of
from keyturn.client.errors import MalformedAnswer, ServerLied
from keyturn.client.offline import MAX_EXPORT, TYPE
from keyturn.client.proposals import count, read_signed
from keyturn.quorum.approvals import Approval
from keyturn.quorum.bundle import Authority, load_bundle
from keyturn.quorum.ceremony_body import Ceremony, Restore
from keyturn.quorum.kinds import Kind, Role
from keyturn.quorum.roster import OfficerId, Roster
from keyturn.quorum.statements import Statement
from keyturn.wire.keyholder import Submit
from keyturn.wire.keyholder_client import ask_once

_MOST = 1000


class LetsNothing(UntrustedError):
    """What was brought lets no ceremony happen now."""


@dataclass(frozen=True, slots=True)
class Brought:
    """A verified statement with its quorum. `raw`: the file as it came; `missing` how many more
    have to approve, of those in `could`."""

    raw: bytes
    statement: Statement
    approvals: tuple[Approval, ...]
    body: Ceremony | Restore
    approved_by: tuple[OfficerId, ...]
    needed: int
    could: tuple[OfficerId, ...]

    @property
    def missing(self) -> int:
        return max(0, self.needed - len(self.approved_by))

    @property
    def digest(self) -> Digest:
        return self.statement.digest

    @property
    def kind(self) -> ScriptKind:
        if isinstance(self.body, Restore):
            return ScriptKind.RESTORE
        return ScriptKind(self.body.ceremony.value)


def read_brought(raw: bytes, authority: Authority, now: datetime) -> Brought:
    """Verify a proposal's file against the pinned authority, and whether its time is now.

    Where it brings a newer roster of the same authority, that one decides. Raises MalformedAnswer;
    ServerLied on what is forged; LetsNothing.
    """
    statement, approvals, bundle = _parts(raw)
    newest = _newest(bundle, authority, now)
    try:
        read, seen = read_signed(
            statement, approvals, authority.fingerprint, rosters_of(newest.state)
        )
    except MalformedError as error:
        raise _malformed(error) from error
    body = read.body
    if not isinstance(body, Ceremony | Restore):
        raise LetsNothing(
            "the file's statement lets no ceremony happen",
            found=read.kind.value,
            expected="a statement of kind ceremony or restore",
        )
    _check_time(read, body, now)
    approved, rejected = count(read, seen, newest.roster)
    return Brought(
        raw,
        read,
        seen,
        body,
        approved,
        newest.roster.thresholds[read.kind],
        _could(read, newest.roster, {*approved, *rejected}),
    )


def check_quorum(brought: Brought) -> None:
    """Raises LetsNothing, which says who has approved and who still could."""
    if brought.missing:
        raise LetsNothing(
            "too few officers have approved it",
            found=f"{len(brought.approved_by)}: {', '.join(brought.approved_by) or 'nobody'}",
            expected=f"{brought.needed} approvals",
            hint=f"{brought.missing} more of {', '.join(brought.could) or 'nobody'} must approve:"
            " carry the file to them, and bring it back.",
        )


def enter_brought(socket: Path, brought: Brought) -> None:
    """Hand it to the keyholder at its local socket, which judges and logs it.

    Raises LetsNothing, PeerRefused, PeerUnreachable.
    """
    check_quorum(brought)
    found = ask_once(
        socket, Submit(brought.statement.raw, tuple(each.raw for each in brought.approvals))
    )
    if not found.in_force:
        raise LetsNothing(
            "the statement is in the log, and no longer in force",
            found=brought.digest,
            hint="Propose it anew.",
        )


def _parts(raw: bytes) -> tuple[bytes, list[bytes], bytes]:
    try:
        fields = parse_object(raw, limit=MAX_EXPORT, what="proposal file")
        fields.literal("type", TYPE)
        fields.literal("format", 1)
        statement = fields.b64("statement", limit=2 << 20)
        texts = fields.texts("approvals", limit=_MOST)
        approvals = [unb64(each, what="proposal file: approval") for each in texts]
        text = fields.text("bundle", limit=MAX_EXPORT, empty=True)
        bundle = fields.b64("bundle", limit=32 << 20) if text else b""
        fields.done()
    except MalformedError as error:
        raise _malformed(error) from error
    return statement, approvals, bundle


def _malformed(error: MalformedError) -> MalformedAnswer:
    return MalformedAnswer(error.message, found=error.found, expected=error.expected)


def _newest(bundle: bytes, authority: Authority, now: datetime) -> Authority:
    """The authority that the file brings, where it is the pinned one and newer."""
    if not bundle:
        return authority
    try:
        brought = load_bundle(bundle, authority.fingerprint, now, lenient=True)
    except UntrustedError as error:
        raise ServerLied(
            f"the file's authority is not the pinned one: {error.message}",
            found=error.found,
            expected=error.expected or authority.fingerprint,
        ) from error
    except MalformedError as error:
        raise _malformed(error) from error
    return brought if _version(brought) > _version(authority) else authority


def _version(authority: Authority) -> int:
    return authority.state.newest[(Kind.ROSTER, "roster")].statement.version


def _check_time(statement: Statement, body: Ceremony | Restore, now: datetime) -> None:
    window = body.window
    if statement.expired(now) or not body.is_open(now):
        raise LetsNothing(
            "its time is not now",
            found=f"{now:%Y-%m-%d %H:%M} UTC",
            expected=f"from {window.not_before:%Y-%m-%d %H:%M} until before"
            f" {window.not_after:%Y-%m-%d %H:%M} UTC",
        )


def _could(statement: Statement, roster: Roster, done: set[OfficerId]) -> tuple[OfficerId, ...]:
    own = statement.kind in roster.proposer_may_approve
    return tuple(
        each.id
        for each in roster.officers.values()
        if Role.APPROVER in each.roles
        and each.id not in done
        and (own or each.id != statement.proposer)
    )
