"""The minutes of an unsealing or a sealing, which have two records and no plan (§10.12)."""

from keyturn.ceremony.minutes import SIMULATED, Column, Minutes, Section, Table
from keyturn.ceremony.minuteswords import (
    PARTS,
    clock,
    describe,
    lowered,
    moment,
    name_of,
    set_text,
)
from keyturn.ceremony.phrases import phrase_of
from keyturn.ceremony.sessions import VerifiedSession
from keyturn.ceremony.steps import StepSignature

_STATE = "Done, with the signatures that it needs"


def make_session_minutes(verified: VerifiedSession) -> Minutes:
    """The minutes of a proved transcript without a plan."""
    return Minutes(
        verified.script.title,
        verified.ceremony,
        (SIMULATED,) if verified.roster.simulation else (),
        _STATE,
        verified.digest,
        phrase_of(verified.digest),
        _summary(verified),
        (_signed(verified), _limits(verified)),
    )


def _summary(verified: VerifiedSession) -> tuple[tuple[str, str], ...]:
    sets = "\n".join(set_text(each) for each in verified.opened.custody)
    rows = [
        ("Ceremony", verified.ceremony),
        ("What it is for", verified.script.purpose),
        ("Outcome", _STATE),
        ("Keyholder's session began", moment(verified.first.time)),
        ("Recorded", moment(verified.done.time)),
        ("Authority", verified.authority),
        ("Shares", sets or "none take part"),
        (
            "Script",
            f"{verified.script.kind.value}, revision {verified.script.revision}\n"
            f"{verified.script.digest}",
        ),
        ("Host", f"{verified.opened.host}, {verified.opened.software}"),
    ]
    return tuple(rows)


def _signed(verified: VerifiedSession) -> Section:
    roster = verified.roster
    rows = tuple(
        (
            name_of(each.officer, roster),
            PARTS[each.part],
            clock(each.time),
            each.envelope.signatures[0].key_id[:16],
            _entered(verified, each),
        )
        for each in verified.signatures
    )
    columns = (
        Column("Name", 24),
        Column("Part", 18),
        Column("Signed", 14),
        Column("With key", 28, exact=True),
        Column("What was entered", 44),
    )
    said = describe(verified.facts, roster)
    return Section("Who signed", said, (Table(columns, rows),))


def _entered(verified: VerifiedSession, signature: StepSignature) -> str:
    labels = {each.name: each.label for each in verified.step.entered}
    return "\n".join(
        f"{labels.get(name, lowered(name))}: {value}" for name, value in signature.entered.items()
    )


def _limits(verified: VerifiedSession) -> Section:
    log = verified.looked_at.log
    points = [
        "Proved: the record follows from the one before, and has the signatures that it needs, by"
        " officers of the authority's roster, made for this very session.",
        "The host's word: that the token was opened or closed.",
        f"Proved: both records are in the log {log.origin}, entries {log.first} and {log.last},"
        f" under a checkpoint of {log.size} entries that the log's key signed."
        if log
        else "Not looked at: whether the records are in the authority's log.",
    ]
    text = (
        "These minutes were made from the transcript alone. Whoever has the transcript's file can"
        " prove all of it again and compare the digest: keyturn ceremony verify FILE."
    )
    return Section("What this proves, and what not", (text,), points=tuple(points))
