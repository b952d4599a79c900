"""What an entry says, in words. The leaf is parsed strictly; names come from what was signed."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from keyturn.base.encoding import Digest
from keyturn.base.errors import MalformedError
from keyturn.keyrelease.binding import Purpose
from keyturn.keyrelease.entries import GrantEntry, RefusalEntry, read_grant, read_refusal
from keyturn.quorum.approvals import Decision
from keyturn.quorum.bodies import Admission, Revocation
from keyturn.quorum.entries import (
    CeremonyEntry,
    DecisionEntry,
    Entry,
    EntryKind,
    OriginEntry,
    StatementEntry,
    WithdrawalEntry,
    parse_entry,
    read_ceremony,
    read_decision,
    read_origin,
    read_statement,
    read_withdrawal,
)
from keyturn.quorum.kinds import Kind
from keyturn.quorum.reports import (
    ConfigurationEntry,
    Program,
    ReportEntry,
    SignInFailure,
    read_configuration,
    read_report,
)
from keyturn.quorum.state import AuthorityState
from keyturn_app import wording
from keyturn_app.i18n import _, n_
from keyturn_app.states import Look


@dataclass(frozen=True, slots=True)
class StartEntry:
    boot: str
    software: str


_QUIET = {
    EntryKind.GRANT,
    EntryKind.START,
    EntryKind.ORIGIN,
    EntryKind.WITHDRAWAL,
    EntryKind.DECISION,
    EntryKind.CONFIGURATION,
    EntryKind.CEREMONY,
}
"""Among thousands of rows only changes of authority and refusals have a colour."""

Body = (
    OriginEntry
    | StatementEntry
    | WithdrawalEntry
    | GrantEntry
    | RefusalEntry
    | StartEntry
    | DecisionEntry
    | ReportEntry
    | ConfigurationEntry
    | CeremonyEntry
)


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table."""

    index: int
    time: str
    look: Look
    text: str
    node: str


def kind_look(kind: EntryKind) -> Look:
    return {
        EntryKind.ORIGIN: Look(_("Origin"), "unknown", "flag"),
        EntryKind.STATEMENT: Look(_("Statement"), "pending", "stamp"),
        EntryKind.WITHDRAWAL: Look(_("Withdrawal"), "unknown", "undo-2"),
        EntryKind.GRANT: Look(_("Grant"), "ok", "key-round"),
        EntryKind.REFUSAL: Look(_("Refusal"), "danger", "octagon-x"),
        EntryKind.START: Look(_("Start"), "unknown", "power"),
        EntryKind.DECISION: Look(_("Decision"), "unknown", "user-check"),
        EntryKind.REPORT: Look(_("Report"), "stale", "triangle-alert"),
        EntryKind.CONFIGURATION: Look(_("Settings"), "unknown", "settings"),
        EntryKind.CEREMONY: Look(_("Ceremony"), "unknown", "key-round"),
    }[kind]


def kinds_word(kind: EntryKind) -> str:
    """For a filter: more than one."""
    return {
        EntryKind.ORIGIN: _("Origin"),
        EntryKind.STATEMENT: _("Statements"),
        EntryKind.WITHDRAWAL: _("Withdrawals"),
        EntryKind.GRANT: _("Grants"),
        EntryKind.REFUSAL: _("Refusals"),
        EntryKind.START: _("Starts"),
        EntryKind.DECISION: _("Decisions"),
        EntryKind.REPORT: _("Reports"),
        EntryKind.CONFIGURATION: _("Settings"),
        EntryKind.CEREMONY: _("Ceremonies"),
    }[kind]


def read_leaf(leaf: bytes) -> tuple[Entry, Body]:
    """Raises MalformedError."""
    entry = parse_entry(leaf)
    if entry.kind is EntryKind.START:
        boot = entry.fields.hex("boot", size=16).hex()
        body: Body = StartEntry(boot, entry.fields.text("software", limit=200))
        entry.fields.done()
        return entry, body
    readers: dict[EntryKind, Callable[[Entry], Body]] = {
        EntryKind.ORIGIN: read_origin,
        EntryKind.STATEMENT: read_statement,
        EntryKind.WITHDRAWAL: read_withdrawal,
        EntryKind.GRANT: read_grant,
        EntryKind.REFUSAL: read_refusal,
        EntryKind.DECISION: read_decision,
        EntryKind.REPORT: read_report,
        EntryKind.CONFIGURATION: read_configuration,
        EntryKind.CEREMONY: read_ceremony,
    }
    return entry, readers[entry.kind](entry)


def row(index: int, leaf: bytes, state: AuthorityState) -> Row:
    """One entry for the table; a leaf that cannot be read is shown as that."""
    try:
        entry, body = read_leaf(leaf)
    except MalformedError as error:
        return Row(index, "", Look(_("Unreadable"), "danger", "file-warning"), error.message, "")
    look = kind_look(entry.kind)
    if entry.kind in _QUIET:
        look = Look(look.word, "text2", look.icon)
    if isinstance(body, StatementEntry) and body.kind is Kind.REVOCATION:
        look = Look(look.word, "quarantined", "ban")
    if isinstance(body, DecisionEntry) and body.decision is Decision.REJECT:
        look = Look(look.word, "danger", "circle-x")
    node = body.node if isinstance(body, GrantEntry | RefusalEntry) else ""
    return Row(index, moment(entry.time), look, sentence(entry, body, state), node)


def not_here(index: int) -> Row:
    """An entry that this machine does not keep."""
    look = Look(_("Not here"), "unknown", "circle-dashed")
    return Row(index, "", look, _("Not kept on this machine: choose it to fetch and prove it"), "")


def moment(value: datetime) -> str:
    """`2026-11-29 10:02:11`, in UTC."""
    return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")


def sentence(entry: Entry, body: Body, state: AuthorityState) -> str:
    """What the entry says."""
    if isinstance(body, GrantEntry):
        return _grant(entry.time, body, state)
    if isinstance(body, RefusalEntry):
        return _("Refused {node}: {reasons}").format(
            node=body.node, reasons=", ".join(body.reasons)
        )
    if isinstance(body, StatementEntry):
        return _statement(body, state)
    if isinstance(body, WithdrawalEntry):
        return _("Proposal {digest} withdrawn by its proposer").format(
            digest=wording.digest(body.statement)
        )
    if isinstance(body, StartEntry):
        return _("Keyholder started, {software}").format(software=body.software)
    if isinstance(body, DecisionEntry):
        return _decision(body)
    if isinstance(body, ReportEntry):
        return _report(body)
    if isinstance(body, ConfigurationEntry):
        return _configuration(body)
    if isinstance(body, CeremonyEntry):
        return _ceremony(body, state)
    return _("Origin of this log")


def failure_word(reason: SignInFailure) -> str:
    """Why a sign-in failed, as the control plane says."""
    return {
        SignInFailure.MALFORMED: _("it could not be read"),
        SignInFailure.WRONG_SERVER: _("it was made for another server"),
        SignInFailure.WRONG_TIME: _("its time was wrong"),
        SignInFailure.UNKNOWN_OFFICER: _("no officer of that name"),
        SignInFailure.BAD_SIGNATURE: _("the signature was not theirs"),
        SignInFailure.BAD_NONCE: _("its nonce was not good any more"),
    }[reason]


def program_word(program: Program) -> str:
    return {Program.KEYHOLDER: _("Keyholder"), Program.CONTROL: _("Control plane")}[program]


def not_proved() -> str:
    """What stands beside everything that only the control plane says."""
    return _("reported by the control plane, not proved")


def _decision(body: DecisionEntry) -> str:
    values = {"officer": body.officer, "digest": wording.digest(body.statement)}
    if body.decision is Decision.REJECT:
        return _("{officer} rejected proposal {digest}").format(**values)
    return _("{officer} approved proposal {digest}").format(**values)


def _report(body: ReportEntry) -> str:
    if body.officer is None:
        text = n_("{count} failed sign-in", "{count} failed sign-ins", body.count)
    else:
        text = n_(
            "{count} failed sign-in as {{officer}}",
            "{count} failed sign-ins as {{officer}}",
            body.count,
        ).replace("{officer}", body.officer)
    text = _("{text}: {reason}").format(text=text, reason=failure_word(body.reason))
    return _reported(text)


def _configuration(body: ConfigurationEntry) -> str:
    changed = ", ".join(body.changed)
    text = _("{program}, {software}: no setting changed")
    if changed:
        text = _("{program}, {software}: {names} changed")
    shown = text.format(program=program_word(body.program), software=body.software, names=changed)
    return shown if body.program is Program.KEYHOLDER else _reported(shown)


def _ceremony(body: CeremonyEntry, state: AuthorityState) -> str:
    name = wording.ceremony_id(body.ceremony)
    values = {"ceremony": name, "kind": body.ceremony_kind, "seq": body.seq}
    if body.destroys is not None:
        text = _("Ceremony {ceremony} ({kind}), record {seq}: the key of {model} was destroyed")
        return text.format(**values, model=model_name(body.destroys, state))
    if body.event == "aborted":
        return _("Ceremony {ceremony} ({kind}), record {seq}: aborted").format(**values)
    text = _("Ceremony {ceremony} ({kind}), record {seq}: {event}")
    return text.format(**values, event=body.event)


def _reported(text: str) -> str:
    """First what it is worth: the end of a line may not be seen."""
    return _("Reported by the control plane, not proved: {text}").format(text=text)


def model_name(digest: Digest, state: AuthorityState) -> str:
    """As its admission calls it; its digest when it never was admitted."""
    known = state.newest.get((Kind.MODEL, digest))
    body = None if known is None else known.statement.body
    return str(body.name) if isinstance(body, Admission) else wording.digest(digest)


def statement_name(kind: Kind, subject: str, state: AuthorityState) -> str:
    """Like `policy 'serving'`."""
    if kind is Kind.MODEL:
        return _("model '{name}'").format(name=model_name(Digest(subject), state))
    if subject == kind.value:  # roster, keys, trust-anchors: there is one of each
        return f"{kind.value}"
    return f"{kind.value} '{subject}'"


def _grant(time: datetime, body: GrantEntry, state: AuthorityState) -> str:
    same_day = body.until.date() == time.date()
    values = {
        "node": body.node,
        "model": model_name(body.model, state),
        "until": f"{body.until.astimezone(UTC):%H:%M:%S}" if same_day else moment(body.until),
    }
    if body.purpose is Purpose.RENEWAL:
        return _("Renewal for {node}, {model}, lease until {until}").format(**values)
    return _("Grant to {node} for {model}, lease until {until}").format(**values)


def _statement(body: StatementEntry, state: AuthorityState) -> str:
    known = state.by_digest.get(body.statement)
    by = ", ".join(sorted(known.approved_by)) if known is not None else ""
    what = None if known is None else known.statement.body
    if isinstance(what, Revocation):
        text = _("Revocation of {kind} {target} in force").format(
            kind=what.target_kind.value, target=_target(what, state)
        )
    else:
        text = _("{name} version {version} in force").format(
            name=statement_name(body.kind, body.subject, state), version=body.version
        )
    return _("{text}, approved by {names}").format(text=text, names=by) if by else text


def _target(body: Revocation, state: AuthorityState) -> str:
    if body.target.startswith("sha256:"):
        return model_name(Digest(body.target), state)
    return body.target
