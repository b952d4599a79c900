"""Why something cannot be done now, in words; empty where it can. No Qt in here."""

from keyturn.client.inventory import Model
from keyturn.quorum.kinds import Role
from keyturn_app.desk import Desk
from keyturn_app.entitled import not_allowed
from keyturn_app.i18n import _
from keyturn_app.screens.models.admission import Standing, admission_of


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
