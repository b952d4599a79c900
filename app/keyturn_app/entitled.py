"""Why this officer cannot do something now, in words; empty where it can. No Qt in here."""

from keyturn.quorum.kinds import Role
from keyturn.quorum.roster import OfficerId
from keyturn_app.desk import Desk
from keyturn_app.facts import Link
from keyturn_app.i18n import _

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
