"""Proposing that a model version be revoked: what it stops is said first. No Qt in here."""

from datetime import datetime

from keyturn.client.client import KeyturnClient
from keyturn.client.inventory import Model
from keyturn.client.proposals import Proposal
from keyturn.quorum.kinds import Kind, TargetKind
from keyturn_app import wording
from keyturn_app.facts import Facts
from keyturn_app.i18n import _, n_
from keyturn_app.questions import Confirm, Weight
from keyturn_app.screens.models.admission import holding, subject_of_revocation

TYPED = 40
"""Characters of a name that one may ask a person to type."""


def question(model: Model, facts: Facts, now: datetime) -> Confirm:
    """Asked before anything is signed; the model's name must be typed, or what can be typed."""
    return Confirm(
        _("Revoke {name} {version}?").format(name=model.name, version=model.version),
        _(
            "You sign a proposal. When it is in force, no key of this model is released, "
            "and every node that holds it wipes it. Undone only by a new admission."
        ),
        _("Propose revocation"),
        _stops(model, facts, now),
        typed=_typed(model),
        weight=Weight.DANGER,
        comment=_("Reason; every officer will read it"),
        comment_required=True,
    )


def _typed(model: Model) -> str:
    """Of a name that no keyboard has, or that is too long, the digest's first digits."""
    name = model.name
    if name.isascii() and name.isprintable() and len(name) <= TYPED and name == name.strip():
        return name
    return model.digest.removeprefix("sha256:")[:8]


def propose(client: KeyturnClient, model: Model, reason: str) -> Proposal:
    return client.propose_change(
        Kind.REVOCATION,
        subject_of_revocation(model.digest),
        {"target_kind": TargetKind.MODEL.value, "target": model.digest},
        reason=reason,
        life=None,
    )


def _stops(model: Model, facts: Facts, now: datetime) -> tuple[str, ...]:
    """What will be stopped, named."""
    held = holding(model.digest, facts, now)
    if held is None:
        first = _("Where it runs is unknown: the server is not reached.")
    elif not held:
        first = _("No node holds a lease for it now.")
    else:
        names = ", ".join(each.name for each in held)
        count = n_("{count} node stops", "{count} nodes stop", len(held))
        first = _("{count} serving it: {names}").format(count=count, names=names)
    needed = facts.seen.roster.thresholds[Kind.REVOCATION] if facts.seen else 0
    return (
        first,
        n_("It takes {count} approval.", "It takes {count} approvals.", needed),
        _("Model digest {digest}").format(digest=wording.grouped(model.digest)),
    )
