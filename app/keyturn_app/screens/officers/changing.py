"""Roster changes: read or composed, what they would do said first, then proposed. No Qt in here."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from keyturn.base.encoding import Digest
from keyturn.base.errors import KeyturnError
from keyturn.base.signatures import KeyId
from keyturn.base.strictjson import Fields, JsonObject
from keyturn.client.client import KeyturnClient
from keyturn.client.errors import NotFound
from keyturn.client.offline import read_file
from keyturn.client.proposals import Proposal
from keyturn.client.qrpictures import is_picture, read_with_others
from keyturn.client.rosterchange import (
    approvers_of_keys_leaving,
    keys_meant,
    with_officer,
    without_officers,
)
from keyturn.quorum.enrolment import MAX_ENROLMENT, Enrolment, check_enrolment, parse_enrolment
from keyturn.quorum.kinds import Kind
from keyturn.quorum.roster import Officer, Roster, parse_roster
from keyturn.quorum.state import AuthorityState, would_suspend
from keyturn_app import fingerprint, wording
from keyturn_app.i18n import _
from keyturn_app.questions import Confirm, Weight
from keyturn_app.screens.officers.composing import newest_roster, roles_text
from keyturn_app.tasks import Job, Progress, Work
from keyturn_app.wording import kind_name

Compose = Callable[[AuthorityState], JsonObject]


class RosterMoved(KeyturnError):
    """Another roster came into force since what the officer was shown."""


@dataclass(frozen=True, slots=True)
class Change:
    """A roster change as it was shown. `upon`: the roster that it was shown against."""

    upon: Digest
    compose: Compose
    question: Confirm
    ticket: str | None = None


# ---- enrolling ----


def read_request(path: Path) -> Work[Enrolment]:
    """A file, or one of its QR pictures. Raises FileUnusable, MalformedError, EnrolmentRefused."""

    def work(_job: Job, _tell: Callable[[Progress], None]) -> Enrolment:
        if is_picture(path):
            return parse_enrolment(read_with_others(path))
        return parse_enrolment(read_file(path, 2 * MAX_ENROLMENT))

    return work


def enrolling(enrolment: Enrolment, state: AuthorityState, now: datetime) -> Change:
    """Raises EnrolmentRefused, NotFound, and MalformedError where the roster's rules forbid it."""
    check_enrolment(enrolment, state, now)
    officer = enrolment.officer

    def compose(state: AuthorityState) -> JsonObject:
        return with_officer(state, officer)

    after = roster_of(compose(state))
    question = Confirm(
        _("Take {name} into the roster?").format(name=officer.name),
        _(
            "You sign a proposal for the roster in force with exactly this officer added. The "
            "request proves that its maker has these keys, not who it is: have that person read "
            "its digest aloud."
        ),
        _("Propose"),
        (
            _("Officer {name}, id {id}").format(name=officer.name, id=officer.id),
            _("Roles: {roles}").format(roles=roles_text(officer.roles)),
            *(
                _("Key {algorithm} {id}: has signed the request").format(
                    algorithm=key.algorithm.value, id=wording.grouped(key.key_id)
                )
                for key in officer.keys
            ),
            _("For this authority; made {time}").format(time=wording.moment(enrolment.time)),
            _("Request {digest}").format(digest=wording.grouped(enrolment.digest)),
            _("In words: {words}").format(words=" ".join(fingerprint.words(enrolment.digest))),
            _takes(state, after),
        ),
        comment=_("Reason; every officer will read it"),
        comment_required=True,
    )
    return Change(upon(state), compose, question, f"enrolment {enrolment.digest}")


# ---- removing ----


def removing(officer: Officer, state: AuthorityState, *, compromised: bool) -> Change:
    """What it suspends is found before anybody is asked.

    Raises NotFound, and MalformedError where the roster's rules forbid the removal.
    """

    def compose(state: AuthorityState) -> JsonObject:
        named = keys_meant(state, [officer.id]) if compromised else frozenset[KeyId]()
        return without_officers(state, [officer.id], named)

    question = Confirm(
        _title(officer, compromised=compromised),
        _text(compromised=compromised),
        _("Propose removal"),
        effects(state, roster_of(compose(state)), compromised=compromised),
        typed=str(officer.id),
        weight=Weight.DANGER,
        comment=_("Reason; every officer will read it"),
        comment_required=True,
    )
    return Change(upon(state), compose, question)


def _title(officer: Officer, *, compromised: bool) -> str:
    if compromised:
        return _("Remove {name}, keys compromised?").format(name=officer.name)
    return _("Remove {name}?").format(name=officer.name)


def _text(*, compromised: bool) -> str:
    if compromised:
        return _(
            "You sign a proposal. In force, it removes the officer and names every key of theirs "
            "compromised, for ever: what rests on those keys is suspended, and approved anew or "
            "not at all."
        )
    return _(
        "You sign a proposal. In force, the officer decides nothing more. What they approved "
        "before stays in force."
    )


def effects(state: AuthorityState, after: Roster, *, compromised: bool) -> tuple[str, ...]:
    newest = newest_roster(state)
    assert newest is not None  # a body was composed upon it
    suspends = would_suspend(state, replace(newest.statement, body=after))
    lines = [
        _("Suspended: {kind} {subject}, version {version}").format(
            kind=kind_name(each.statement.kind),
            subject=each.statement.subject,
            version=each.statement.version,
        )
        for each in suspends
    ]
    if compromised and not suspends:
        lines.append(_("Nothing is suspended: everything has enough approvals without these keys."))
    signed = approvers_of_keys_leaving(state, after)
    if signed:
        lines.append(
            _(
                "The authority's keys are signed by {names}: renew them first, signed by those "
                "who stay. Until then no node, sealer or newcomer takes the authority bundle."
            ).format(names=", ".join(signed))
        )
    return (*lines, _takes(state, after))


def _takes(state: AuthorityState, after: Roster) -> str:
    """By the rule of TUF: the old roster and the new one both have their threshold."""
    now = state.roster.thresholds[Kind.ROSTER] if state.roster else 0
    return _("It takes {now} approvals by the roster in force, and {then} by the new one.").format(
        now=now, then=after.thresholds[Kind.ROSTER]
    )


# ---- both ----


def upon(state: AuthorityState) -> Digest:
    """Raises NotFound."""
    newest = newest_roster(state)
    if newest is None:
        raise NotFound("no roster is in force")
    return newest.statement.digest


def roster_of(body: JsonObject) -> Roster:
    """Raises MalformedError where the rules of rosters forbid it."""
    return parse_roster(Fields(body, "roster"))


def propose(client: KeyturnClient, change: Change, reason: str) -> Proposal:
    """Composed upon the newest state. Raises RosterMoved where that is another than was shown."""
    state = client.state()
    if upon(state) != change.upon:
        raise RosterMoved(
            "the roster changed since this was shown",
            found=upon(state),
            expected=change.upon,
            hint="Look at the roster again, and propose again.",
        )
    return client.propose_change(
        Kind.ROSTER, "roster", change.compose(state), reason=reason, ticket=change.ticket
    )
