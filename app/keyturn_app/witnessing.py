"""Who cosigned the log and whether this app does, in words, for every page alike. No Qt in here.

What is shown was verified; whether a cosignature is fresh is decided anew with each look, by the
clock of now (I10).
"""

from dataclasses import dataclass
from datetime import datetime

from keyturn.base.encoding import b64
from keyturn.client.cosigning import Hindrance, OwnCosigning, WitnessLine, WitnessState
from keyturn.keyrelease.cosigning import Pending
from keyturn_app import wording
from keyturn_app.desk import Desk
from keyturn_app.facts import Facts, Link
from keyturn_app.i18n import _, n_
from keyturn_app.states import Look

_OK, _WARN, _BAD, _DIM = "ok", "stale", "danger", "unknown"


@dataclass(frozen=True, slots=True)
class WitnessRow:
    """One witness of the roster. `own`: it is this app."""

    name: str
    key: str
    full_key: str
    size: str
    age: str
    look: Look
    own: bool


@dataclass(frozen=True, slots=True)
class OwnView:
    """This app as a witness; `spki` empty while its key is not known."""

    look: Look
    text: str
    name: str
    key_id: str
    spki: str
    owed: tuple[str, ...]
    in_roster: bool


@dataclass(frozen=True, slots=True)
class WitnessesView:
    """`needed` says k and T in words."""

    look: Look
    text: str
    needed: str
    rows: tuple[WitnessRow, ...]
    own: OwnView


def witnesses_view(desk: Desk) -> WitnessesView:
    facts, now = desk.facts, desk.now()
    own = own_view(facts, now, locked=desk.identity.locked)
    return WitnessesView(
        overall(facts, now), overall_text(facts, now), needed(facts), rows(facts, now), own
    )


def count_text(facts: Facts, now: datetime) -> str:
    """`2 of 2`: how many are fresh, of how many a release needs. Empty where it is not known."""
    state = _state(facts)
    if state is None or not state.witnesses.k:
        return ""
    return _("{fresh} of {needed}").format(fresh=state.fresh(now), needed=state.witnesses.k)


def overall(facts: Facts, now: datetime) -> Look:
    """Whether a release would find enough witnesses, as far as is known."""
    seen, state = facts.seen, _state(facts)
    if seen is None:
        return Look(_("Unknown"), _DIM, "circle-slash")
    if seen.roster.witnesses.k == 0:
        return Look(_("No witness"), _WARN, "triangle-alert")
    if state is None:
        return Look(_("Unknown"), _DIM, "circle-slash")
    if state.fresh(now) < state.witnesses.k:
        return Look(_("Too few witnesses"), _BAD, "triangle-alert")
    if facts.connection.link is not Link.LIVE:
        return Look(_("Witnessed"), _DIM, "shield-check")
    return Look(_("Witnessed"), _OK, "shield-check")


def overall_text(facts: Facts, now: datetime) -> str:
    seen, state = facts.seen, _state(facts)
    if seen is None:
        return _("The log is not known yet.")
    if seen.roster.witnesses.k == 0:
        return _(
            "No witness has to cosign this log (caveat no-witness). A keyholder that shows one "
            "history to you and another to somebody else is noticed only when you compare "
            "checkpoints with them. A roster change names witnesses."
        )
    if state is None:
        return _("This server does not say what the witnesses cosigned.")
    covered = state.covered(now)
    if covered is None:
        return _(
            "Releases are refused: too few witnesses cosigned the log lately. Look whether they "
            "run, and why they refuse."
        )
    return n_(
        "Enough witnesses saw the log with at least {count} entry.",
        "Enough witnesses saw the log with at least {count} entries.",
        covered,
    )


def needed(facts: Facts) -> str:
    seen = facts.seen
    if seen is None:
        return ""
    witnesses = seen.roster.witnesses
    if witnesses.k == 0:
        return _("A release needs no witness.")
    return _("A release needs {k} of {n}, none older than {t} s").format(
        k=witnesses.k, n=len(witnesses.keys), t=witnesses.t_seconds
    )


def rows(facts: Facts, now: datetime) -> tuple[WitnessRow, ...]:
    """One for each witness of the roster, in its order."""
    state = _state(facts)
    if state is None:
        return ()
    mine = _own_key(facts)
    live = facts.connection.link is Link.LIVE
    return tuple(
        WitnessRow(
            each.name or "—",
            wording.digest(each.key.key_id),
            each.key.key_id,
            f"{each.size:,}" if each.time is not None else "—",
            wording.ago(each.time, now),
            _row_look(state, each, now, live=live),
            each.key.key_id == mine,
        )
        for each in state.lines
    )


def own_view(facts: Facts, now: datetime, *, locked: bool) -> OwnView:
    found = facts.witnesses
    own = None if found is None else found.own
    look, text = _own_standing(facts, own, now, locked=locked)
    if own is None:
        return OwnView(look, text, "", "", "", (), False)
    key = own.witness.key
    return OwnView(
        look,
        text,
        own.witness.name,
        wording.grouped(key.key_id),
        b64(key.spki),
        tuple(_owed(each, now) for each in own.owed),
        own.hindrance is not Hindrance.NOT_A_WITNESS,
    )


def _own_standing(
    facts: Facts, own: OwnCosigning | None, now: datetime, *, locked: bool
) -> tuple[Look, str]:
    not_cosigning = _("Not cosigning")
    if locked:
        text = _("Locked: this app cosigns only while your key is open.")
        return Look(not_cosigning, _DIM, "lock"), text
    found = facts.witnesses
    if found is not None and found.fault:
        return Look(not_cosigning, _BAD, "octagon-x"), found.fault
    if own is None:
        return Look(_("Unknown"), _DIM, "circle-slash"), _("This app was not asked to cosign yet.")
    if own.hindrance is not None:
        return _hindered(own)
    if facts.connection.link is not Link.LIVE:
        text = _("No connection to the server. {last}").format(last=_last(own, now))
        return Look(not_cosigning, _DIM, "wifi-off"), text
    if own.time is None or not _within_t(facts, own, now):
        return Look(not_cosigning, _WARN, "triangle-alert"), _last(own, now)
    return Look(_("Cosigning"), _OK, "stamp"), _last(own, now)


def _hindered(own: OwnCosigning) -> tuple[Look, str]:
    not_cosigning = _("Not cosigning")
    if own.hindrance is Hindrance.NOT_A_WITNESS:
        text = _("The roster in force does not name this app's key: propose it as a witness.")
        return Look(_("Not a witness"), _DIM, "circle-minus"), text
    if own.hindrance is Hindrance.REVOCATION_MISSING:
        text = n_(
            "The log lacks {count} revocation that was shown to this app with its quorum. "
            "Have the keyholder enter it, past the server: `keyturn keyholder submit`.",
            "The log lacks {count} revocations that were shown to this app with their quorum. "
            "Have the keyholder enter them, past the server: `keyturn keyholder submit`.",
            len(own.owed),
        )
        return Look(not_cosigning, _BAD, "octagon-x"), text
    if own.hindrance is Hindrance.CLOCK_WENT_BACK:
        text = _("This machine's clock stands before its last cosignature: set it right.")
        return Look(not_cosigning, _BAD, "clock"), text
    text = _("The keyholder does not take it: {why}").format(why=own.detail)
    return Look(not_cosigning, _BAD, "octagon-x"), text


def _last(own: OwnCosigning, now: datetime) -> str:
    if own.time is None:
        return _("Nothing was cosigned yet.")
    return _("Cosigned {size} entries {ago}.").format(
        size=f"{own.size:,}", ago=wording.ago(own.time, now)
    )


def _within_t(facts: Facts, own: OwnCosigning, now: datetime) -> bool:
    state = _state(facts)
    if state is None or own.time is None:
        return False
    return abs((now - own.time).total_seconds()) <= state.witnesses.t_seconds


def _row_look(state: WitnessState, line: WitnessLine, now: datetime, *, live: bool) -> Look:
    if line.time is None:
        return Look(_("Nothing yet"), _DIM, "circle-slash")
    if state.is_fresh(line, now):
        return Look(_("Fresh"), _OK if live else _DIM, "circle-check")
    if line.time > now:
        return Look(_("From the future"), _WARN, "clock")
    return Look(_("Not fresh"), _WARN, "triangle-alert")


def _owed(each: Pending, now: datetime) -> str:
    since = datetime.fromtimestamp(each.time, now.tzinfo)
    return _("Revocation of {subject}, version {version}: missing since {time}").format(
        subject=each.subject, version=each.version, time=wording.moment(since)
    )


def _state(facts: Facts) -> WitnessState | None:
    return None if facts.witnesses is None else facts.witnesses.state


def _own_key(facts: Facts) -> str:
    own = None if facts.witnesses is None else facts.witnesses.own
    return "" if own is None else own.witness.key.key_id
