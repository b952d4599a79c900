"""One entry in full: fields in words, exact bytes, what it names, and its proof checked here."""

import json
from collections.abc import Sequence
from datetime import datetime

from keyturn.base.encoding import Digest, digest_of
from keyturn.base.errors import KeyturnError, MalformedError, UntrustedError
from keyturn.client.errors import NotAtHand
from keyturn.client.seen import nodes_of
from keyturn.keyrelease.binding import Purpose
from keyturn.keyrelease.entries import GrantEntry, RefusalEntry
from keyturn.quorum.approvals import Decision
from keyturn.quorum.entries import (
    CeremonyEntry,
    DecisionEntry,
    OriginEntry,
    StatementEntry,
    WithdrawalEntry,
)
from keyturn.quorum.reports import ConfigurationEntry, Program, ReportEntry
from keyturn.quorum.roster import Witnesses
from keyturn.quorum.state import AuthorityState
from keyturn.tlog.checkpoints import cosignatures_of, verify_checkpoint
from keyturn.tlog.merkle import leaf_hash
from keyturn.tlog.notes import NoteKey
from keyturn.tlog.receipts import VerifiedEntry
from keyturn_app import wording
from keyturn_app.facts import Seen
from keyturn_app.i18n import _
from keyturn_app.screens.log.proofsteps import Path, verified_path
from keyturn_app.screens.log.viewmodel import Detail, Fact, Named, Proof, statement_target
from keyturn_app.screens.log.words import (
    Body,
    StartEntry,
    failure_word,
    kind_look,
    model_name,
    not_proved,
    program_word,
    read_leaf,
    row,
    statement_name,
)
from keyturn_app.states import Look

Receipt = VerifiedEntry | KeyturnError | None
"""What the server's own receipt was found to be; None before it was asked for."""

OK, BAD = "ok", "danger"


def detail(index: int, seen: Seen, receipt: Receipt, asking: bool) -> Detail:
    """Everything about one entry that is seen. Raises NotAtHand."""
    leaf = seen.leaves[index]
    line = row(index, leaf, seen.state)
    kind = line.look
    facts: tuple[Fact, ...] = ()
    named: tuple[Named, ...] = ()
    try:
        entry, body = read_leaf(leaf)
    except MalformedError:
        pass
    else:
        facts, named = facts_of(body, seen.state), named_by(body, seen.state)
        kind = kind_look(entry.kind)
    look, text = _receipt(receipt, leaf, asking, seen.roster.witnesses)
    return Detail(
        index,
        kind,
        _("Entry {index}").format(index=f"{index:,}"),
        line.time,
        line.text,
        facts,
        named,
        leaf_hash(leaf).hex(),
        _pretty(leaf),
        leaf.decode("utf-8", "backslashreplace"),
        proof(index, seen),
        checkpoint_facts(seen),
        look,
        text,
    )


def facts_of(body: Body, state: AuthorityState) -> tuple[Fact, ...]:
    """The fields in words, in the order in which people ask."""
    if isinstance(body, GrantEntry):
        return _of_grant(body, state)
    if isinstance(body, RefusalEntry):
        return (
            Fact(_("Asked for"), _purpose(body.purpose)),
            Fact(_("Node"), body.node, True),
            Fact(_("Model"), model_name(body.model, state)),
            *(Fact(_("Reason"), each) for each in body.reasons),
            Fact(_("Platform"), _platform(body.platform), True),
            Fact(_("Challenge"), _short(body.challenge.hex()), True),
        )
    if isinstance(body, StatementEntry):
        return _of_statement(body, state)
    if isinstance(body, WithdrawalEntry):
        return (Fact(_("Proposal"), wording.digest(body.statement), True),)
    if isinstance(body, StartEntry):
        return (
            Fact(_("Software"), body.software),
            Fact(_("Boot"), wording.grouped(body.boot), True),
        )
    if isinstance(body, DecisionEntry):
        return _of_decision(body, state)
    if isinstance(body, ReportEntry | ConfigurationEntry):
        return _of_report(body)
    if isinstance(body, CeremonyEntry):
        return _of_ceremony(body, state)
    assert isinstance(body, OriginEntry)
    return (
        Fact(_("Authority"), wording.digest(body.authority), True),
        Fact(_("Previous log"), body.previous or _("none")),
    )


def _of_ceremony(body: CeremonyEntry, state: AuthorityState) -> tuple[Fact, ...]:
    destroyed = model_name(body.destroys, state) if body.destroys else _("none")
    return (
        Fact(_("Ceremony"), wording.ceremony_id(body.ceremony), True),
        Fact(_("Kind"), body.ceremony_kind),
        Fact(_("Record"), f"{body.seq}"),
        Fact(_("What happened"), body.event),
        Fact(_("Key destroyed"), destroyed),
    )


def named_by(body: Body, state: AuthorityState) -> tuple[Named, ...]:
    """Statements and subjects to open, objects to copy."""
    if isinstance(body, GrantEntry):
        return (
            Named(_("Node"), body.node, "fleet", body.node),
            Named(_("Model"), body.model, "models", body.model),
            *(statement_target(each, _statement_label(each, state)) for each in body.statements),
            Named(_("Grant"), body.grant),
            Named(_("Evidence"), body.evidence),
            Named(_("TLS key"), body.tls),
            Named(_("Platform"), body.platform),
        )
    if isinstance(body, RefusalEntry):
        return (
            Named(_("Node"), body.node, "fleet", body.node),
            Named(_("Model"), body.model, "models", body.model),
            Named(_("Evidence"), body.evidence),
        )
    if isinstance(body, StatementEntry):
        return (
            statement_target(body.statement, _statement_label(body.statement, state)),
            Named(_("Statement envelope"), body.envelopes[0]),
            *(Named(_("Approval"), each) for each in body.envelopes[1:]),
        )
    if isinstance(body, WithdrawalEntry):
        return (
            statement_target(body.statement, _("Proposal")),
            Named(_("Statement envelope"), body.envelopes[0]),
            Named(_("Withdrawal"), body.envelopes[1]),
        )
    if isinstance(body, DecisionEntry):
        rejected = body.decision is Decision.REJECT
        return (
            statement_target(body.statement, _statement_label(body.statement, state)),
            Named(_("Statement envelope"), body.envelopes[0]),
            Named(_("Rejection") if rejected else _("Approval"), body.envelopes[1]),
        )
    if isinstance(body, CeremonyEntry):
        return (Named(_("Record"), body.record),)
    if isinstance(body, ConfigurationEntry):
        return (Named(_("Settings"), body.settings),)
    if isinstance(body, OriginEntry):
        return (statement_target(body.authority, _("First roster")),)
    return ()


def proof(index: int, seen: Seen) -> Proof:
    """Made from the proved leaves and their tree, and verified against the signed root."""
    size, root = seen.checkpoint.checkpoint.size, seen.checkpoint.checkpoint.root
    leaf = leaf_hash(seen.leaves[index])
    try:
        path = verified_path(leaf, index, size, root, nodes_of(seen.leaves))
    except NotAtHand as error:
        look = Look(_("Not checked yet"), "pending", "circle-dashed")
        return Proof(look, wording.error_text(error))
    except KeyturnError as error:
        return Proof(Look(_("Not in the log"), BAD, "octagon-x"), wording.error_text(error))
    text = _("The leaf leads to the signed root in {count} steps.").format(count=len(path.steps))
    return Proof(Look(_("Included"), OK, "circle-check"), text, path, spoken(path))


def spoken(path: Path) -> tuple[str, ...]:
    """The proof as lines, for whoever does not see the picture."""
    lines = [
        _("Leaf {index}, hash {hash}").format(index=f"{path.index:,}", hash=path.leaf.hex()),
    ]
    for number, step in enumerate(path.steps, 1):
        lines.append(
            _("Step {number}: with {side} sibling {hash} over {span} gives {result}").format(
                number=number,
                side=_("left") if step.left else _("right"),
                hash=step.sibling.hex(),
                span=step.sibling_span.text,
                result=step.result.hex(),
            )
        )
    lines.append(
        _("Root of {size} entries: {root}, as signed").format(
            size=f"{path.size:,}", root=path.root.hex()
        )
    )
    return tuple(lines)


def checkpoint_facts(seen: Seen) -> tuple[Fact, ...]:
    """The checkpoint under which all this is proved, its signature verified once more."""
    at, key = seen.checkpoint.checkpoint, seen.authority.log_key()
    name = NoteKey(at.origin, key)
    try:
        verify_checkpoint(seen.checkpoint.to_bytes(), key, seen.authority.origin)
        signature = _("valid, by the log's key")
    except (MalformedError, UntrustedError) as error:
        signature = wording.error_text(error)
    return (
        Fact(_("Size"), f"{at.size:,}"),
        Fact(_("Root"), wording.digest(at.root.hex()), True),
        Fact(_("Origin"), at.origin, True),
        Fact(_("Key id"), name.id.hex(), True),
        Fact(_("Signature"), signature),
    )


def _of_grant(body: GrantEntry, state: AuthorityState) -> tuple[Fact, ...]:
    return (
        Fact(_("Purpose"), _purpose(body.purpose)),
        Fact(_("Node"), body.node, True),
        Fact(_("Model"), model_name(body.model, state)),
        Fact(_("Lease until"), wording.moment(body.until)),
        Fact(_("Lease"), _short(body.lease), True),
        Fact(_("Platform"), _platform(body.platform), True),
        Fact(_("Caveats"), ", ".join(body.caveats) or _("none")),
        Fact(_("Challenge"), _short(body.challenge.hex()), True),
        Fact(_("Core"), _short(body.core.hex()), True),
    )


def _of_statement(body: StatementEntry, state: AuthorityState) -> tuple[Fact, ...]:
    facts = [
        Fact(_("Kind"), body.kind.value),
        Fact(_("Subject"), statement_name(body.kind, body.subject, state)),
        Fact(_("Version"), f"{body.version:,}"),
    ]
    known = state.by_digest.get(body.statement)
    if known is not None:
        facts += [
            Fact(_("Proposed by"), known.statement.proposer),
            Fact(_("Approved by"), ", ".join(sorted(known.approved_by))),
            Fact(_("Reason"), known.statement.reason),
            Fact(_("Expires"), _expires(known.statement.expires)),
        ]
    return tuple(facts)


def _of_decision(body: DecisionEntry, state: AuthorityState) -> tuple[Fact, ...]:
    rejected = body.decision is Decision.REJECT
    facts = [
        Fact(_("Officer"), body.officer),
        Fact(_("Decision"), _("Rejected") if rejected else _("Approved")),
        Fact(_("Proposal"), _statement_label(body.statement, state)),
    ]
    logged = state.decisions.get(body.statement, ())
    said = next(
        (e.approval for e in logged if digest_of(e.approval.raw) == body.envelopes[1]), None
    )
    if said is not None:
        facts.append(Fact(_("Given"), wording.moment(said.time)))
        if said.comment:
            facts.append(Fact(_("Comment"), said.comment))
    effect = _("This approval counts once the statement's own entry carries it.")
    if rejected:
        effect = _("From here on no approval of this officer counts for it.")
    return (*facts, Fact(_("Effect"), effect))


def _of_report(body: ReportEntry | ConfigurationEntry) -> tuple[Fact, ...]:
    """What a program says; of the control plane's words nothing is proved."""
    if isinstance(body, ReportEntry):
        return (
            Fact(_("Source"), not_proved()),
            Fact(_("Failed sign-ins"), f"{body.count:,}"),
            Fact(_("As"), body.officer or _("nobody known")),
            Fact(_("Why"), failure_word(body.reason)),
            Fact(_("Since"), wording.moment(body.since)),
        )
    own = body.program is Program.KEYHOLDER
    return (
        Fact(_("Source"), _("the keyholder itself") if own else not_proved()),
        Fact(_("Program"), program_word(body.program)),
        Fact(_("Software"), body.software),
        Fact(_("Changed"), ", ".join(body.changed) or _("no setting")),
        Fact(_("Settings"), wording.digest(body.settings), True),
    )


def _expires(moment: datetime | None) -> str:
    return _("never") if moment is None else wording.moment(moment)


def _statement_label(digest: Digest, state: AuthorityState) -> str:
    known = state.by_digest.get(digest)
    if known is None:
        return _("Statement")
    of = known.statement
    return _("{name} version {version}").format(
        name=statement_name(of.kind, of.subject, state), version=of.version
    )


def _purpose(purpose: Purpose) -> str:
    return _("a key") if purpose is Purpose.RELEASE else _("renewal of a lease")


def _receipt(receipt: Receipt, leaf: bytes, asking: bool, witnesses: Witnesses) -> tuple[Look, str]:
    if asking:
        return Look(_("Asking"), "pending", "circle-dashed"), _("The server is asked for it.")
    if receipt is None:
        text = _("Not needed: the proof above was made here. Ask to compare.")
        return Look(_("Not asked for"), "unknown", "circle-minus"), text
    if isinstance(receipt, KeyturnError):
        bad = isinstance(receipt, UntrustedError | MalformedError)
        look = Look(_("Not genuine"), BAD, "octagon-x") if bad else _no_answer()
        return look, wording.error_text(receipt)
    at = receipt.checkpoint.checkpoint
    if receipt.leaf != leaf:
        return Look(_("Not genuine"), BAD, "octagon-x"), _("It is of other bytes than these.")
    text = _("The server's proof leads to the signed root of {size} entries, {root}.").format(
        size=f"{at.size:,}", root=wording.digest(at.root.hex())
    )
    if not witnesses.keys:
        return Look(_("Verified"), OK, "circle-check"), text
    try:
        count = len(cosignatures_of(receipt.checkpoint.note, witnesses.keys))
    except (UntrustedError, MalformedError) as error:
        return Look(_("Not genuine"), BAD, "octagon-x"), wording.error_text(error)
    cosigned = _("Of the roster's witnesses {count} cosigned it; {k} are needed.").format(
        count=count, k=witnesses.k
    )
    enough = Look(_("Verified"), OK, "circle-check")
    few = Look(_("Too few witnesses"), "stale", "triangle-alert")
    return enough if count >= witnesses.k else few, f"{text} {cosigned}"


def _no_answer() -> Look:
    return Look(_("No answer"), "stale", "triangle-alert")


def _short(digits: str) -> str:
    return wording.digest(digits)


def _platform(name: str) -> str:
    """Vendor and product, and the ends of a chip's id."""
    kind, dash, chip = name.rpartition("-")
    return f"{kind}{dash}{chip[:8]}…{chip[-4:]}" if len(chip) > 20 else name


def _pretty(leaf: bytes) -> str:
    try:
        return json.dumps(json.loads(leaf), indent=2, ensure_ascii=False)
    except ValueError:
        return repr(leaf)


def shown_facts(facts: Sequence[Fact]) -> list[tuple[str, str, bool]]:
    """As `KeyValues` takes them."""
    return [(each.name, each.value, each.mono) for each in facts]
