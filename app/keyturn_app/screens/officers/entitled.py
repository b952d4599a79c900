"""Why something cannot be looked at now, in words; empty where it can. No Qt in here."""

from keyturn_app.desk import Desk
from keyturn_app.i18n import _


def not_known(desk: Desk) -> str:
    """Whether there is a roster to look at, and to believe."""
    if not desk.facts.trusted:
        return _("The server is not believed.")
    return _("The roster is not known yet.") if desk.facts.seen is None else ""
