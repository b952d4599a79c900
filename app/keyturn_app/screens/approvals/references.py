"""Whether what a body names is there: baselines, platform lists, policies, targets."""

from collections.abc import Iterator
from datetime import datetime

from keyturn.quorum.bodies import Admission, Revocation
from keyturn.quorum.kinds import Kind, TargetKind
from keyturn.quorum.policy_body import Policy
from keyturn.quorum.state import AuthorityState
from keyturn_app.facts import Facts
from keyturn_app.i18n import _
from keyturn_app.screens.approvals.case import Case
from keyturn_app.screens.approvals.naming import short
from keyturn_app.screens.approvals.outcome import Check, met, not_met, unknown, warning


def references(case: Case, facts: Facts, now: datetime) -> Iterator[Check]:
    body, state = case.statement.body, case.state
    if state is None:
        if isinstance(body, Policy | Admission | Revocation):
            yield unknown(_("Whether what it names is in force cannot be known offline"))
        return
    if isinstance(body, Policy):
        yield from _policy(body, state, now)
    elif isinstance(body, Admission):
        yield from _admission(body, state, facts, now)
    elif isinstance(body, Revocation):
        yield from _revocation(body, state, facts)


def _policy(body: Policy, state: AuthorityState, now: datetime) -> Iterator[Check]:
    for name in body.baselines:
        if state.in_force(Kind.REFERENCE_VALUES, name, now) is None:
            yield not_met(
                _("Baseline {name} is not in force: no node can pass").format(name=short(name)),
                _("nothing in force"),
                _("reference values called {name}").format(name=short(name)),
            )
        else:
            yield met(_("Baseline {name} is in force").format(name=short(name)))
    for name in body.platforms or ():
        if state.in_force(Kind.PLATFORMS, name, now) is None:
            yield not_met(
                _("Platform list {name} is not in force").format(name=short(name)),
                _("nothing in force"),
                _("platforms called {name}").format(name=short(name)),
            )
        else:
            yield met(_("Platform list {name} is in force").format(name=short(name)))


def _admission(
    body: Admission, state: AuthorityState, facts: Facts, now: datetime
) -> Iterator[Check]:
    if state.policy(body.policy, now) is None:
        yield not_met(
            _("Policy {name} is not in force: no key is released").format(name=short(body.policy)),
            _("nothing in force"),
            _("a policy called {name}").format(name=short(body.policy)),
        )
    else:
        yield met(_("Policy {name} is in force").format(name=short(body.policy)))
    if facts.models is None:
        return
    known = next((each for each in facts.models.all if each.digest == body.model), None)
    if known is None:
        yield warning(_("No such model is in the inventory"), "", short(body.model))
    elif known.tag and known.tag != body.tag.hex():
        yield not_met(
            _("The inventory has another tag for this model"), known.tag[:16], body.tag.hex()[:16]
        )
    else:
        yield met(_("The model is in the inventory, with this tag"))


def _revocation(body: Revocation, state: AuthorityState, facts: Facts) -> Iterator[Check]:
    if (body.target_kind, body.target) in state.revoked:
        yield warning(_("It is revoked already"))
    known = _target_known(body, state, facts)
    if known is None:
        yield unknown(_("Whether there is such a target is not known here"))
    elif known:
        yield met(_("What it names is known here"))
    else:
        yield warning(_("Nothing of this name is known: look at the spelling"), short(body.target))


def _target_known(body: Revocation, state: AuthorityState, facts: Facts) -> bool | None:
    target = body.target
    if body.target_kind is TargetKind.POLICY:
        return (Kind.POLICY, target) in state.newest
    if body.target_kind is TargetKind.MODEL:
        listed = facts.models is not None and any(m.digest == target for m in facts.models.all)
        return listed or (Kind.MODEL, target) in state.newest
    if body.target_kind is TargetKind.MEASUREMENT:
        return any(
            target in getattr(each.statement.body, "snp", {})
            for (kind, _subject), each in state.newest.items()
            if kind is Kind.REFERENCE_VALUES
        )
    if facts.nodes is None:
        return None
    if body.target_kind is TargetKind.NODE:
        return any(node.name == target for node in facts.nodes.all)
    return any(node.platform == target for node in facts.nodes.all)
