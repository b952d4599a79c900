"""Who relies on what a statement says: policies, models and nodes, by what is known here. No Qt."""

from collections.abc import Iterator
from datetime import datetime

from keyturn.quorum.bodies import (
    Admission,
    Keys,
    Platforms,
    TrustAnchorsBody,
)
from keyturn.quorum.expiry import in_force
from keyturn.quorum.kinds import Kind
from keyturn.quorum.policy_body import Policy
from keyturn.quorum.reference_bodies import (
    ReferenceValues,
)
from keyturn.quorum.roster import Roster
from keyturn.quorum.state import AuthorityState
from keyturn.quorum.statements import Statement
from keyturn_app.i18n import _, n_
from keyturn_app.screens.approvals.case import Case

Reach = tuple[str, str, str, tuple[str, ...]]
"""Icon, colour, text, and the names of what is meant."""

NAMES = 8


def reach(case: Case, now: datetime) -> Iterator[Reach]:
    """Nothing where no log is known, except what follows from the body alone."""
    body = case.statement.body
    if isinstance(body, Keys):
        yield _keys(body, case)
    elif isinstance(body, TrustAnchorsBody):
        yield _anchors(body)
    elif isinstance(body, Roster):
        yield _roster(body, case)
    if case.state is None:
        return
    if isinstance(body, Policy):
        yield _policy(case.statement.subject, case.state, now)
    elif isinstance(body, ReferenceValues | Platforms):
        yield _relied_on(case.statement, case.state, now)


def _keys(body: Keys, case: Case) -> Reach:
    before = None if case.state is None else case.state.newest_keys
    if before is None or before.origin == body.origin:
        text = _(
            "Nodes, sealers and officers take the keyholder's keys from this: what is sealed anew "
            "is sealed to its ingest key."
        )
        return ("key-round", "pending", text, ())
    text = _(
        "The log goes on under another key: everybody believes only that one from then on, and "
        "what is not admitted yet is sealed again."
    )
    return ("key-round", "danger", text, ())


def _anchors(body: TrustAnchorsBody) -> Reach:
    if not body.simulated:
        text = _("Only evidence that a vendor's hardware signed counts.")
        return ("shield-check", "ok", text, ())
    text = _("Evidence that these simulated roots sign counts: it proves nothing about a machine.")
    return ("shield-check", "danger", text, tuple(each.product for each in body.simulated[:NAMES]))


def _roster(body: Roster, case: Case) -> Reach:
    """By the rule of TUF: the old roster and the new one both have their threshold."""
    text = _(
        "It takes {now} approvals by the roster in force, and {then} by this one. From then on "
        "this one decides everything, the next roster too."
    ).format(now=case.roster.thresholds[Kind.ROSTER], then=body.thresholds[Kind.ROSTER])
    return ("users", "pending", text, ())


def _policy(policy: str, state: AuthorityState, now: datetime) -> Reach:
    models = [
        f"{each.statement.body.name} {each.statement.body.version}"
        for each in in_force(state, now)
        if isinstance(each.statement.body, Admission) and each.statement.body.policy == policy
    ]
    text = n_(
        "{count} model is released under it; nodes are judged by it from their next lease on.",
        "{count} models are released under it; nodes are judged by it from their next lease on.",
        len(models),
    )
    if not models:
        text = _("No model is admitted under it yet.")
    return ("scale", "pending" if models else "unknown", text, _named(models))


def _relied_on(statement: Statement, state: AuthorityState, now: datetime) -> Reach:
    name, icon = statement.subject, "badge-check"
    if statement.kind is Kind.PLATFORMS:
        icon = "hard-drive"
    policies = [
        each.statement.subject
        for each in in_force(state, now)
        if isinstance(each.statement.body, Policy)
        and name
        in (
            each.statement.body.baselines
            if statement.kind is Kind.REFERENCE_VALUES
            else each.statement.body.platforms or ()
        )
    ]
    text = n_(
        "{count} policy in force relies on it; nodes are judged by it from their next lease on.",
        "{count} policies in force rely on it; nodes are judged by it from their next lease on.",
        len(policies),
    )
    if not policies:
        text = _("No policy in force names it yet: by itself it lets nothing pass.")
    return (icon, "pending" if policies else "unknown", text, _named(policies))


def _named(names: list[str]) -> tuple[str, ...]:
    left = len(names) - NAMES
    shown = tuple(names[:NAMES])
    return (*shown, n_("and {count} more", "and {count} more", left)) if left > 0 else shown
