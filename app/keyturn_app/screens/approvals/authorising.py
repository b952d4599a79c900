"""Ceremonies and restores: what a careful officer asks about, and what follows. No Qt."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from keyturn.quorum.bodies import Body
from keyturn.quorum.ceremony_body import Ceremony, CeremonyKind, Restore, check_authorises
from keyturn.quorum.errors import SubmissionRefused
from keyturn.quorum.roster import OfficerId
from keyturn_app import wording
from keyturn_app.i18n import _, n_
from keyturn_app.screens.approvals.case import Case
from keyturn_app.screens.approvals.outcome import Check, met, not_met, warning
from keyturn_app.screens.approvals.sentences import ceremony_word, people

LONG_WINDOW = timedelta(days=3)
LOSES = frozenset({CeremonyKind.MODEL_KEY_DESTRUCTION, CeremonyKind.HSM_REPLACEMENT})
"""What cannot be taken back once it is done."""

TELLS = frozenset({CeremonyKind.BACKUP, CeremonyKind.RESTORE_DRILL, CeremonyKind.KEY_IMPORT})
"""What takes a secret through people's hands."""


def authorising(case: Case, now: datetime) -> Iterator[Check]:
    """Nothing for other kinds. Who is fit for it the keyholder's own rules say."""
    body = case.statement.body
    if not isinstance(body, Ceremony | Restore):
        return
    yield _when(body, now)
    if case.state is None:
        yield from _offline(body, case, now)
    length = body.window.not_after - body.window.not_before
    if length > LONG_WINDOW:
        yield warning(
            _("A long time for it"),
            wording.age(length.total_seconds()),
            n_("at most {count} day", "at most {count} days", LONG_WINDOW.days),
        )
    yield from _ceremony(body) if isinstance(body, Ceremony) else _restore(body)
    proposer = case.statement.proposer
    if proposer in _doers(body):
        yield warning(_("Who proposes it also does it"), str(proposer))
    yield from _otherwise(body, case)


def _offline(body: Ceremony | Restore, case: Case, now: datetime) -> Iterator[Check]:
    """By the roster in the file; with the log `checks` runs all of the keyholder's rules."""
    try:
        check_authorises(body, case.roster, now)
    except SubmissionRefused as refused:
        yield not_met(
            _("The keyholder would refuse it: {why}").format(why=refused.message),
            refused.found,
            refused.expected,
        )


def _when(body: Ceremony | Restore, now: datetime) -> Check:
    window = body.window
    if now >= window.not_after:
        return not_met(_("Its time is over"), wording.moment(window.not_after))
    if body.is_open(now):
        text = _("Its time has begun: {left} left").format(
            left=wording.age((window.not_after - now).total_seconds())
        )
        return warning(text, wording.moment(window.not_before))
    return met(_("Its time begins {when}").format(when=wording.until(window.not_before, now)))


def _ceremony(body: Ceremony) -> Iterator[Check]:
    who = body.participants
    if who.administrator in who.custodians:
        yield warning(_("The administrator is also custodian"), str(who.administrator))
    if len(who.custodians) == 1:
        yield warning(_("One custodian alone takes part"), str(who.custodians[0]))
    if who.scribe is None:
        yield warning(_("Nobody is named to take notes"))
    elif who.scribe in {who.administrator, *who.custodians}:
        yield warning(_("Who takes notes has another part too"), str(who.scribe))
    if body.token is None:
        yield warning(_("No token is named: it may be done on any"))
    if body.ceremony in LOSES:
        yield warning(_("What it does cannot be taken back"), ceremony_word(body.ceremony))


def _restore(body: Restore) -> Iterator[Check]:
    yield warning(_("The whole KEK is in memory of one machine meanwhile"), body.host)


def _doers(body: Ceremony | Restore) -> frozenset[OfficerId]:
    if isinstance(body, Restore):
        return frozenset(body.custodians)
    return frozenset({body.participants.administrator, *body.participants.custodians})


def _otherwise(body: Ceremony | Restore, case: Case) -> Iterator[Check]:
    """What of the version before would be another."""
    compared = case.compared_with()
    if compared is None:
        return
    before: Body = compared.statement.body
    if isinstance(before, Ceremony | Restore) and before.is_open(case.statement.time):
        yield warning(_("The version before was open when this was proposed: it would end"))
    scripts = [each.script for each in (body, before) if isinstance(each, Ceremony)]
    if len(set(scripts)) == 2:
        yield warning(_("Another script than before"), *map(wording.digest, scripts))
    if isinstance(before, Ceremony | Restore) and before.token != body.token:
        yield warning(_("Another token than before"), body.token or "—", before.token or "—")


# ---- what follows ----


def what_follows(body: Ceremony | Restore, case: Case) -> tuple[tuple[str, str, str], ...]:
    """(icon, colour, text) of each consequence."""
    if isinstance(body, Restore):
        names = people(body.custodians, case.roster)
        text = _(
            "{names} may put the KEK back together at {host}. Who has it opens every model key."
        ).format(names=names, host=body.host)
        return (("rotate-ccw", "danger", text), _ends())
    weight = "pending"
    text = _("Those named may hold it: {what}. Each step is logged.").format(
        what=ceremony_word(body.ceremony)
    )
    if body.ceremony in LOSES:
        weight = "danger"
        text += " " + _("What it does cannot be taken back.")
    elif body.ceremony in TELLS:
        weight = "danger"
        text += " " + _("A secret passes through their hands.")
    return (("stamp", weight, text), _ends())


def _ends() -> tuple[str, str, str]:
    text = _(
        "It cannot be revoked: it ends by itself, or when the next version of the same subject "
        "comes into force."
    )
    return ("hourglass", "stale", text)
