"""What the keyholder would refuse of a draft, whoever approved it: found while it is written."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from keyturn.base.errors import KeyturnError
from keyturn.base.times import format_time
from keyturn.quorum.bodies import Body, TrustAnchorsBody
from keyturn.quorum.ceremony_body import Ceremony, Restore, check_authorises, check_ceremony_id
from keyturn.quorum.errors import MalformedStatement
from keyturn.quorum.roster import Roster


@dataclass(frozen=True, slots=True)
class Meant:
    """What a draft would be signed as."""

    subject: str
    body: Body
    life: timedelta | None


def foretold(meant: Meant, roster: Roster, now: datetime) -> KeyturnError | None:
    """The first rule that it breaks, of those that hang on no approval; None while there is none.

    Who may propose, and whether another statement is quicker, is seen elsewhere.
    """
    try:
        _check(meant, roster, now)
    except KeyturnError as error:
        return error
    return None


def _check(meant: Meant, roster: Roster, now: datetime) -> None:
    body = meant.body
    if isinstance(body, TrustAnchorsBody) and body.simulated and not roster.simulation:
        raise MalformedStatement(
            "simulated: this authority is not a simulation",
            found=f"{len(body.simulated)}",
            expected="no simulated root",
        )
    if isinstance(body, Roster) and body.simulation != roster.simulation:
        raise MalformedStatement(
            "simulation is fixed by the first roster",
            found=str(body.simulation).lower(),
            expected=str(roster.simulation).lower(),
        )
    if not isinstance(body, Ceremony | Restore):
        return
    if isinstance(body, Ceremony) and meant.subject:
        check_ceremony_id(meant.subject)
    check_authorises(body, roster, now)
    if meant.life is not None and body.window.not_after > now + meant.life:
        raise MalformedStatement(
            "not_after lies beyond the days in force",
            found=format_time(body.window.not_after),
            expected=f"at most {format_time(now + meant.life)}",
        )
