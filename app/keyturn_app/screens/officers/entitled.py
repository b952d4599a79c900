"""Why something cannot be done now, in words; empty where it can. No Qt in here."""

from keyturn.quorum.kinds import Role
from keyturn.quorum.roster import OfficerId
from keyturn_app.desk import Desk
from keyturn_app.facts import Link
from keyturn_app.i18n import _

_CONNECTED = {Link.LIVE, Link.STALE}


def not_known(desk: Desk) -> str:
    """Whether there is a roster to look at, and to believe."""
    if not desk.facts.trusted:
        return _("The server is not believed.")
    return _("The roster is not known yet.") if desk.facts.seen is None else ""


def not_asking(desk: Desk) -> str:
    """Whether the server can be asked, and believed."""
    if desk.identity.locked:
        return _("Locked: unlock your key first.")
    if not desk.facts.trusted:
        return _("The server is not believed.")
    if desk.facts.connection.link not in _CONNECTED or desk.facts.seen is None:
        return _("Not connected to the server.")
    return ""


def not_proposing(desk: Desk) -> str:
    """As `not_asking`, and whether the roster lets this officer propose."""
    reason = not_asking(desk)
    if reason or desk.facts.seen is None:
        return reason
    officer = desk.facts.seen.roster.officers.get(OfficerId(desk.identity.officer))
    if officer is None:
        return _("You are not in the roster in force.")
    if Role.PROPOSER not in officer.roles:
        return _("It needs the role {role}.").format(role=Role.PROPOSER.value)
    return ""
