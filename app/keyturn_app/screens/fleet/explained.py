"""Why a node was refused, as the drawer says it: faults, their origin and ways out. No Qt."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from keyturn.policy import repairing
from keyturn.policy.explaining import Explanation, Fault, Source
from keyturn.policy.repairing import Repair
from keyturn.policy.sidebyside import Part, Shape
from keyturn.quorum.kinds import Kind, Role
from keyturn.quorum.roster import OfficerId
from keyturn_app import wording
from keyturn_app.desk import Identity
from keyturn_app.facts import Facts
from keyturn_app.handing import PAGE, Handed
from keyturn_app.i18n import _, n_
from keyturn_app.screens.fleet.details import sentence
from keyturn_app.screens.fleet.repairwords import (
    Step,
    button_text,
    risk_token,
    risk_words,
    steps,
    title,
    why_words,
)

NAMED = 6
"""Nodes named at most; the rest is counted."""


@dataclass(frozen=True, slots=True)
class FaultView:
    """`parts` are both sides, run by run; `hex`: in groups of four bytes."""

    title: str
    code: str
    parts: tuple[Part, ...]
    hex: bool
    found: str
    expected: str
    hint: str
    source: tuple[str, ...]
    shared: tuple[str, ...]
    shared_text: str
    passed: tuple[str, ...]
    passed_text: str


@dataclass(frozen=True, slots=True)
class RepairView:
    """`copied`: what its button copies, where it is done elsewhere; else it opens something.
    `why_not`: why it cannot be pressed now."""

    place: int
    title: str
    why: str
    risk: str
    risk_token: str
    button: str
    why_not: str
    steps: tuple[Step, ...]
    copied: str = ""


@dataclass(frozen=True, slots=True)
class WhyView:
    """`note`: what is still being found out, or could not be."""

    faults: tuple[FaultView, ...] = ()
    repairs: tuple[RepairView, ...] = ()
    told: tuple[str, ...] = ()
    note: str = ""
    loading: bool = False
    comparing: bool = False


def why_view(found: Explanation, facts: Facts, identity: Identity, note: str) -> WhyView:
    why_not = why_not_propose(facts, identity)
    return WhyView(
        tuple(_fault(each) for each in found.faults),
        tuple(
            _repair(each, place, found.node, why_not) for place, each in enumerate(found.repairs)
        ),
        tuple(_told(found)),
        note,
    )


def _fault(fault: Fault) -> FaultView:
    finding = fault.finding
    return FaultView(
        sentence(finding.check),
        fault.code,
        fault.difference.parts,
        fault.difference.shape is Shape.HEX,
        finding.found,
        finding.expected,
        finding.hint or "",
        tuple(_source(fault.source)),
        fault.shared_by[:NAMED],
        _counted_shared(fault.shared_by),
        fault.passed_by[:NAMED],
        _counted_passed(fault.passed_by),
    )


def _source(source: Source | None) -> Iterator[str]:
    if source is None:
        yield _("Set by the protocol or the maker's specification.")
        return
    subject = source.subject if ":" not in source.subject else wording.digest(source.subject)
    yield _("{kind} {subject}, version {version}").format(
        kind=wording.kind_name(source.kind), subject=subject, version=source.version
    )
    yield _("In force since {time}, log entry {index}").format(
        time=wording.moment(source.since), index=source.index
    )
    names = ", ".join(each.name for each in source.approvers)
    yield _("Proposed by {name}, approved by {names}").format(
        name=source.proposer_name, names=names or "—"
    )
    if source.reason:
        yield _("“{reason}”").format(reason=source.reason)


def _counted_shared(names: Sequence[str]) -> str:
    if not names:
        return _("No other node has this fault over the same value.")
    return n_("{count} other node has it too:", "{count} other nodes have it too:", len(names))


def _counted_passed(names: Sequence[str]) -> str:
    if not names:
        return ""
    return n_("{count} node of this model passes:", "{count} nodes of this model pass:", len(names))


def _told(found: Explanation) -> Iterator[str]:
    if not found.measurable:
        yield _("Its evidence is not measurable: nothing that it says is relied on.")
    if found.said_only:
        codes = ", ".join(found.said_only)
        yield _("Said by the keyholder alone, found by no check here: {codes}.").format(codes=codes)
    if found.found_only:
        codes = ", ".join(found.found_only)
        yield _("Found here, not named by the log's entry: {codes}.").format(codes=codes)


def _repair(repair: Repair, place: int, node: str, why_not: str) -> RepairView:
    text, listed = button_text(repair), steps(repair, node)
    copied = "" if text else _steps_text(title(repair), listed)
    proposes = repair.draft is not None or isinstance(repair.action, repairing.RenewStatement)
    return RepairView(
        place,
        title(repair),
        why_words(repair.why),
        risk_words(repair.risk),
        risk_token(repair.risk),
        text or _("Copy the steps"),
        why_not if text and proposes else "",
        listed,
        copied,
    )


def _steps_text(head: str, listed: Sequence[Step]) -> str:
    lines = (f"{each.text} {each.command}".strip() for each in listed)
    return "\n".join((head, *lines))


def why_not_propose(facts: Facts, identity: Identity) -> str:
    """Why this officer cannot propose a statement now."""
    if identity.locked:
        return _("Your key is locked away: unlock first.")
    if facts.seen is None or not facts.trusted:
        return _("What is in force is not known now.")
    officer = facts.seen.roster.officers.get(OfficerId(identity.officer))
    if officer is None or Role.PROPOSER not in officer.roles:
        return _("Only officers with the role proposer may propose; the roster gives you none.")
    return ""


# ---- where its button goes ----


def destination(repair: Repair, found: Explanation, facts: Facts) -> tuple[str, str] | None:
    """The page and target that a repair opens; None where it is done elsewhere."""
    draft, action = repair.draft, repair.action
    if draft is not None:
        reason = _reason(repair, found.node)
        return PAGE, Handed(draft.kind, draft.subject, draft.body, reason).target()
    match action:
        case repairing.RenewStatement(kind=kind, subject=subject):
            return PAGE, f"new:{kind.value}:{subject}"
        case repairing.ImportRim():
            return "baselines", ""
        case repairing.FetchCollateral():
            return "collateral", ""
        case repairing.CosignLog():
            return "log", "witnesses"
        case repairing.MoveOn(revocation=revocation) if revocation is not None:
            state = None if facts.seen is None else facts.seen.state
            entry = None if state is None else state.by_digest.get(revocation)
            return None if entry is None else ("log", str(entry.index))
    return None


def _reason(repair: Repair, node: str) -> str:
    """A first word; the officer makes it his own before anything is signed."""
    draft = repair.draft
    kind = Kind.POLICY if draft is None else draft.kind
    return {
        Kind.REFERENCE_VALUES: _("Firmware as node {node} shows it, proved and not debugged."),
        Kind.PLATFORMS: _("The machine of node {node}."),
    }.get(kind, _("Accepts by name what node {node} cannot be without.")).format(node=node)
