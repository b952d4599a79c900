"""Sealing a running keyholder: one officer's signature, and why (§10.12). No Qt here."""

from collections.abc import Callable
from datetime import datetime

from keyturn.ceremony.script import Part
from keyturn.officerkeys.signer import Signer
from keyturn.quorum.kinds import Role
from keyturn.quorum.roster import OfficerId, Roster
from keyturn_app.i18n import _
from keyturn_app.questions import Asker, Confirm, Confirmed, Weight, failure
from keyturn_app.screens.ceremonies.hosts import CeremonyDoor, CeremonyHost
from keyturn_app.screens.ceremonies.saying import Saying, Speaking


def sealers(roster: Roster) -> tuple[tuple[OfficerId, Part], ...]:
    """Who may seal it, as what: whoever operates, and every custodian."""
    found: list[tuple[OfficerId, Part]] = []
    for each in roster.officers.values():
        if Role.OPERATOR in each.roles:
            found.append((each.id, Part.ADMINISTRATOR))
        elif Role.CUSTODIAN in each.roles:
            found.append((each.id, Part.CUSTODIAN))
    return tuple(found)


def part_of(signer: Signer, roster: Roster) -> Part:
    """As what this app's officer seals it."""
    return dict(sealers(roster)).get(OfficerId(signer.officer), Part.CUSTODIAN)


def _says() -> str:
    return _(
        "Its token is closed. No node gets a key, no statement comes into force, until custodians "
        "of the user PIN have unsealed it again."
    )


def question() -> Confirm:
    """In an officer's own app, where their key is open."""
    return Confirm(
        _("Seal the keyholder"),
        _says(),
        _("Seal"),
        typed="seal",
        weight=Weight.DANGER,
        comment=_("Why"),
        comment_required=True,
    )


def ask_to_seal(
    door: CeremonyDoor,
    signer: Signer,
    roster: Roster,
    asker: Asker,
    now: datetime,
    sealed: Callable[[], None],
) -> None:
    """In an officer's own app, with the key that is open there."""
    part = part_of(signer, roster)

    def answered(answer: Confirmed | None) -> None:
        if answer is None:
            return
        why = answer.comment
        door.ask(
            lambda host: host.close_token(signer, part, why, now),
            done=lambda _none: sealed(),
            failed=lambda error: asker.tell(failure(_("Not sealed"), error)),
        )

    asker.confirm(question(), answered)


class SealPresenter(Speaking):
    """At a desk that all share: whoever seals it opens their key for that."""

    def __init__(
        self,
        roster: Roster,
        host: CeremonyDoor,
        asker: Asker,
        now: Callable[[], datetime],
        *,
        closed: Callable[[bool], None],
    ) -> None:
        saying = Saying(
            _("Seal the keyholder"),
            _says(),
            _("Seal"),
            _("Why"),
            sealers(roster),
            _("Who seals it"),
            danger=True,
        )
        super().__init__(saying, roster, host, asker, now, own=None, closed=closed)

    def hand(
        self, host: CeremonyHost, signer: Signer, part: Part, text: str, now: datetime
    ) -> None:
        host.close_token(signer, part, text, now)
