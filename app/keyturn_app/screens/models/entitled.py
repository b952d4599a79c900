"""Why something cannot be done now, in words; empty where it can. No Qt in here."""

from keyturn.client.inventory import Model
from keyturn.quorum.kinds import Role
from keyturn.quorum.roster import OfficerId
from keyturn_app.desk import Desk
from keyturn_app.facts import Link
from keyturn_app.i18n import _
from keyturn_app.screens.models.admission import Standing, admission_of

_CONNECTED = {Link.LIVE, Link.STALE}


def not_asking(desk: Desk) -> str:
    """Whether the server can be asked, and believed."""
    if desk.identity.locked:
        return _("Locked: unlock your key first.")
    if not desk.facts.trusted:
        return _("The server is not believed.")
    if desk.facts.connection.link not in _CONNECTED or desk.facts.seen is None:
        return _("Not connected to the server.")
    return ""


def not_allowed(desk: Desk, *roles: Role) -> str:
    """As `not_asking`, and whether the roster gives this officer one of `roles`."""
    reason = not_asking(desk)
    if reason or desk.facts.seen is None:
        return reason
    officer = desk.facts.seen.roster.officers.get(OfficerId(desk.identity.officer))
    if officer is None:
        return _("You are not in the roster in force.")
    if officer.roles.isdisjoint(roles):
        return _("It needs the role {role}.").format(
            role=_(" or ").join(each.value for each in roles)
        )
    return ""


def no_model(model: Model | None) -> str:
    return _("Choose a model first.") if model is None else ""


def no_admission(desk: Desk, model: Model | None) -> str:
    """Why its admission cannot be proposed."""
    if model is None:
        return no_model(model)
    reason = not_allowed(desk, Role.PROPOSER)
    admission = admission_of(model.digest, desk.facts, desk.now())
    if not reason and admission.open_admission is not None:
        return _("An admission is proposed already: see the approvals.")
    return reason


def no_revocation(desk: Desk, model: Model | None) -> str:
    """Why its revocation cannot be proposed."""
    if model is None:
        return no_model(model)
    reason = not_allowed(desk, Role.PROPOSER)
    admission = admission_of(model.digest, desk.facts, desk.now())
    if reason:
        return reason
    if admission.standing is Standing.REVOKED:
        return _("It is revoked already.")
    if admission.open_revocation is not None:
        return _("A revocation is proposed already: see the approvals.")
    return "" if admission.statement else _("It was never in force: there is nothing to stop.")
