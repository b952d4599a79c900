"""What follows from a proposal beyond its own words: what stops, what is bound, what returns."""

from dataclasses import dataclass
from datetime import datetime

from keyturn.client.inventory import Node, NodeState
from keyturn.quorum.bodies import (
    Admission,
    Platforms,
    Revocation,
)
from keyturn.quorum.ceremony_body import Ceremony, Restore
from keyturn.quorum.kinds import Kind, TargetKind
from keyturn.quorum.reference_bodies import (
    ReferenceValues,
)
from keyturn.quorum.roster import Roster
from keyturn.quorum.state import InForce, would_suspend
from keyturn.quorum.statements import Statement
from keyturn_app.facts import Facts
from keyturn_app.i18n import _, n_
from keyturn_app.screens.approvals.authorising import what_follows
from keyturn_app.screens.approvals.case import Case
from keyturn_app.screens.approvals.naming import kind_word
from keyturn_app.screens.approvals.reach import reach
from keyturn_app.statements.lettering import visible

SERVING = frozenset({NodeState.ATTESTED, NodeState.STALE})
SHOWN = 8


@dataclass(frozen=True, slots=True)
class Consequence:
    """`weight` is a colour token: danger where something stops."""

    icon: str
    weight: str
    text: str
    details: tuple[str, ...] = ()


def consequences(case: Case, facts: Facts, now: datetime) -> tuple[Consequence, ...]:
    """Of what is proposed, by what is known now. Facts about nodes are the server's word."""
    body = case.statement.body
    if isinstance(body, Revocation):
        return (_stops(body, case, facts), _nothing_returns())
    if isinstance(body, Admission):
        return _released_under(body)
    if isinstance(body, Ceremony | Restore):
        return tuple(Consequence(*each) for each in what_follows(body, case))
    first = _returns(case)
    if isinstance(body, Roster) and body.compromised and case.index is None:
        first = (_suspends(case),)
    return (*first, *(Consequence(*each) for each in reach(case, now)))


def suspended(case: Case) -> tuple[InForce, ...] | None:
    """What a roster change that is not in force yet would suspend; None while no log is known."""
    body = case.statement.body
    if not isinstance(body, Roster) or not body.compromised or case.index is not None:
        return ()
    return None if case.state is None else would_suspend(case.state, case.statement)


def suspension_words(found: tuple[InForce, ...]) -> str:
    return n_(
        "{count} statement would be suspended: too few approvals without the compromised keys.",
        "{count} statements would be suspended: too few approvals without the compromised keys.",
        len(found),
    )


def suspended_names(found: tuple[InForce, ...]) -> tuple[str, ...]:
    """The first few, as officers know them; how many there are besides."""
    names = tuple(
        _("{kind} {subject}, version {version}").format(
            kind=kind_word(each.statement.kind),
            subject=visible(each.statement.subject[:200]),
            version=each.statement.version,
        )
        for each in found[:SHOWN]
    )
    left = len(found) - SHOWN
    return (*names, n_("and {count} more", "and {count} more", left)) if left > 0 else names


def _suspends(case: Case) -> Consequence:
    found = suspended(case)
    if found is None:
        return Consequence(
            "ban",
            "danger",
            _("It names compromised keys. What this suspends is not known without the log."),
        )
    if not found:
        return Consequence(
            "ban", "ok", _("Nothing would be suspended: all has enough approvals of other keys.")
        )
    return Consequence("ban", "danger", suspension_words(found), suspended_names(found))


def stopped(revocation: Revocation, case: Case, facts: Facts) -> tuple[Node, ...] | None:
    """The nodes that serve now and would have to stop; None while nodes are not known."""
    if facts.nodes is None:
        return None
    resting = _resting_on(revocation, case)
    return tuple(
        node
        for node in facts.nodes.all
        if node.state in SERVING and _concerned(node, revocation, resting)
    )


def _concerned(node: Node, revocation: Revocation, resting: frozenset[str]) -> bool:
    grant = node.granted[1] if node.granted else None
    target = revocation.target
    if revocation.target_kind is TargetKind.NODE:
        return node.name == target
    if revocation.target_kind is TargetKind.PLATFORM:
        return target in {node.platform, grant.platform if grant else None}
    if revocation.target_kind is TargetKind.MODEL:
        return target in {node.model, grant.model if grant else None}
    return grant is not None and not resting.isdisjoint(grant.statements)


def _resting_on(revocation: Revocation, case: Case) -> frozenset[str]:
    """Statements on which a grant rests when it depends on a policy or a measurement."""
    if case.state is None:
        return frozenset()
    target = revocation.target
    return frozenset(
        each.statement.digest
        for each in case.state.by_digest.values()
        if (
            revocation.target_kind is TargetKind.POLICY
            and each.statement.kind is Kind.POLICY
            and each.statement.subject == target
        )
        or (
            revocation.target_kind is TargetKind.MEASUREMENT
            and isinstance(each.statement.body, ReferenceValues)
            and target in each.statement.body.measurements
        )
    )


def _stops(revocation: Revocation, case: Case, facts: Facts) -> Consequence:
    nodes = stopped(revocation, case, facts)
    if nodes is None:
        return Consequence(
            "octagon-alert", "danger", _("What would stop is not known: no nodes are known here.")
        )
    names = tuple(each.name for each in nodes[:SHOWN])
    if len(nodes) > SHOWN:
        names += (n_("and {count} more", "and {count} more", len(nodes) - SHOWN),)
    if revocation.target_kind is TargetKind.MEASUREMENT and nodes:
        text = n_(
            "{count} node that serves now rests on a baseline with this measurement.",
            "{count} nodes that serve now rest on a baseline with this measurement.",
            len(nodes),
        )
        return Consequence("octagon-alert", "danger", text, names)
    text = n_(
        "{count} node serves under it now: it stops, and wipes its keys.",
        "{count} nodes serve under it now: they stop, and wipe their keys.",
        len(nodes),
    )
    if not nodes:
        text = _("No node is known to serve under it now.")
    return Consequence("octagon-alert", "danger" if nodes else "unknown", text, names)


def _nothing_returns() -> Consequence:
    return Consequence(
        "undo-2",
        "stale",
        _(
            "Nothing returns by itself: no earlier version comes back. "
            "Undoing it is a new proposal of its own kind."
        ),
    )


def _released_under(body: Admission) -> tuple[Consequence, ...]:
    return (
        Consequence(
            "box",
            "pending",
            _(
                "The key is released to nodes that satisfy policy {policy}, whatever it says then."
            ).format(policy=body.policy),
        ),
    )


def _returns(case: Case) -> tuple[Consequence, ...]:
    """Revocations that this statement would end by naming their targets anew."""
    if case.state is None or case.index is not None:
        return ()
    named = _named(case.statement)
    ended = [target for kind, target in case.state.revoked if (kind, target) in named]
    if not ended:
        return ()
    text = n_(
        "{count} thing that was revoked would count again.",
        "{count} things that were revoked would count again.",
        len(ended),
    )
    return (Consequence("rotate-ccw", "danger", text, tuple(ended[:SHOWN])),)


def _named(statement: Statement) -> set[tuple[TargetKind, str]]:
    body = statement.body
    if isinstance(body, ReferenceValues):
        return {(TargetKind.MEASUREMENT, each) for each in body.measurements}
    if isinstance(body, Platforms):
        return {(TargetKind.PLATFORM, each) for each in body.platforms}
    if statement.kind is Kind.POLICY:
        return {(TargetKind.POLICY, statement.subject)}
    return set()
