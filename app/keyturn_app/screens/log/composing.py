"""The page's parts, composed of facts: pure functions from what is known to what is shown."""

from collections.abc import Sequence
from datetime import datetime

from keyturn.base.errors import UntrustedError
from keyturn.tlog.checkpoints import Witness, verify_cosignatures
from keyturn_app import witnessing, wording
from keyturn_app.facts import Alarm, AlarmKind, Facts, Link, Seen
from keyturn_app.i18n import _, n_
from keyturn_app.screens.log.alarming import Contradiction, Side
from keyturn_app.screens.log.columns import KINDS, Columns
from keyturn_app.screens.log.detailing import checkpoint_facts
from keyturn_app.screens.log.keeping import Consistency, Kept, Verdict
from keyturn_app.screens.log.viewmodel import (
    AlarmSide,
    AlarmView,
    CheckpointRow,
    Checkpoints,
    Chip,
    Empty,
    Fact,
    Section,
    Span,
    Tile,
)
from keyturn_app.screens.log.words import kind_look, kinds_word, moment
from keyturn_app.states import Look

_GREEN = "ok"


def spans() -> tuple[Span, ...]:
    """How far back one may look."""
    return (
        Span("any", _("Any time"), 0),
        Span("10m", _("Last 10 minutes"), 600),
        Span("1h", _("Last hour"), 3600),
        Span("24h", _("Last 24 hours"), 86400),
        Span("7d", _("Last 7 days"), 7 * 86400),
    )


def sections(alarms: int) -> tuple[tuple[Section, str], ...]:
    """The alarm is a part of the page once there is one."""
    always = (
        (Section.ENTRIES, _("Entries")),
        (Section.CHECKPOINTS, _("Checkpoints")),
        (Section.WITNESSES, _("Witnesses")),
    )
    if not alarms:
        return always
    return (*always, (Section.ALARM, n_("{count} alarm", "{count} alarms", alarms)))


def as_of(facts: Facts) -> str:
    """When what is shown was true, where that is not now (I10)."""
    seen, link = facts.seen, facts.connection.link
    if seen is None or link in (Link.LIVE, Link.CONNECTING):
        return ""
    return _("as verified at {time}").format(time=wording.moment(seen.as_of))


def empty(facts: Facts, shown: int, filtered: bool, busy: bool) -> Empty | None:
    """Why there is no row."""
    if facts.seen is None:
        if facts.connection.link in (Link.OFFLINE, Link.RECONNECTING):
            text = facts.connection.error or _("It appears here once the server answers.")
            return Empty("wifi-off", _("The log is not known"), text)
        if not facts.trusted:
            return Empty("siren", _("The log is not known"), _("The server was not believed."))
        text = _("Each entry is fetched and proved before it is shown.")
        if (reading := facts.connection.reading) is not None:
            text = f"{wording.reading(reading.done, reading.total)}. {text}"
        return Empty("loader-circle", _("Reading the log"), text)
    if shown:
        return None
    if busy:
        return Empty("loader-circle", _("Looking"), _("The log is being searched."))
    if filtered:
        text = _("Take a kind or a word out of the filter, or look further back.")
        return Empty("funnel-x", _("No entry is like that"), text)
    return Empty("scroll-text", _("The log is empty"), _("Its first entry is its origin."))


def chips(columns: Columns, checked: frozenset[object]) -> tuple[Chip, ...]:
    order = (
        "grant",
        "refusal",
        "statement",
        "decision",
        "ceremony",
        "withdrawal",
        "report",
        "configuration",
        "start",
        "origin",
    )
    kinds = sorted(KINDS, key=lambda kind: order.index(kind.value))
    return tuple(
        Chip(
            kind.value,
            kinds_word(kind),
            kind_look(kind).icon,
            columns.counts[kind],
            kind in checked,
        )
        for kind in kinds
        if columns.counts[kind] or kind in checked
    )


def tiles(facts: Facts, consistency: Consistency, last: str, now: datetime) -> tuple[Tile, ...]:
    """Four figures over the page; none before the log is known."""
    seen = facts.seen
    if seen is None:
        return ()
    quiet = Look("", "muted", "scroll-text")
    at = seen.checkpoint.checkpoint
    verdict, _text = consistency_look(facts, consistency)
    count = n_("{count} checkpoint seen", "{count} checkpoints seen", consistency.consistent)
    witness, _long = witnesses(facts, now)
    keys = seen.roster.witnesses
    return (
        Tile("size", _("Entries"), f"{at.size:,}", wording.digest(at.root.hex()), quiet),
        Tile(
            "last",
            _("Newest entry"),
            last,
            _("verified {ago}").format(ago=wording.ago(seen.as_of, now)),
            Look("", "muted", "clock"),
        ),
        Tile(
            "consistency",
            _("Consistency"),
            verdict.word,
            count,
            verdict,
        ),
        Tile(
            "witnesses",
            _("Witnesses"),
            witnessing.count_text(facts, now) or _count(keys.k, len(keys.keys)),
            witness.word,
            witness,
        ),
    )


def _count(needed: int, known: int) -> str:
    return _("{k} of {n}").format(k=needed, n=known) if known else _("None")


def consistency_look(facts: Facts, consistency: Consistency) -> tuple[Look, str]:
    """One word, and a sentence. What is old is not green, whatever it was (I10)."""
    look, text = _compared(consistency)
    if consistency.contradicted is None and any(map(_rewrote, facts.alarms)):
        text = _("The server showed a history that does not extend what was seen: see the alarm.")
        return Look(_("Rewritten"), "danger", "siren"), text
    if look.token == _GREEN and facts.connection.link is not Link.LIVE:
        return Look(look.word, "unknown", look.icon), text
    return look, text


def _rewrote(each: Alarm) -> bool:
    return each.kind is AlarmKind.REWRITTEN


def _compared(consistency: Consistency) -> tuple[Look, str]:
    against = consistency.contradicted
    if against is not None:
        return Look(_("Rewritten"), "danger", "siren"), _(
            "The log of now does not contain the checkpoint of {size} entries that was seen at "
            "{time}."
        ).format(size=f"{against.seen.checkpoint.size:,}", time=wording.moment(against.seen.time))
    if consistency.error:
        return Look(_("Not checked"), "stale", "triangle-alert"), consistency.error
    waiting = sum(each.verdict is Verdict.WAITING for each in consistency.kept)
    if consistency.checked is None or waiting:
        text = _("Each checkpoint that was seen is compared with the log.")
        return Look(_("Checking"), "pending", "circle-dashed"), text
    if consistency.since is None:
        text = _("No checkpoint of this log was seen before.")
        return Look(_("First seen"), "unknown", "circle-minus"), text
    text = n_(
        "Consistent with the {count} checkpoint seen since {{time}}.",
        "Consistent with all {count} checkpoints seen since {{time}}.",
        consistency.consistent,
    ).replace("{time}", wording.moment(consistency.since))
    return Look(_("Consistent"), _GREEN, "shield-check"), text


def witnesses(facts: Facts, now: datetime) -> tuple[Look, str]:
    """Who else looks at this log, and what it means that nobody does (I5, I11)."""
    seen, found = facts.seen, facts.witnesses
    if seen is None or (found is not None and found.state is not None):
        return witnessing.overall(facts, now), witnessing.overall_text(facts, now)
    keys = seen.roster.witnesses
    if keys.k == 0:
        text = _(
            "No witness has to cosign this log (caveat no-witness). A keyholder that shows one "
            "history to you and another to somebody else is noticed only when you compare "
            "checkpoints with them. A roster change names witnesses."
        )
        return Look(_("No witness"), "stale", "triangle-alert"), text
    signed = cosigned(seen)
    text = _(
        "{k} of {n} witnesses must have cosigned within {t} s. This checkpoint has "
        "{count} valid cosignatures."
    ).format(k=keys.k, n=len(keys.keys), t=keys.t_seconds, count=signed)
    if signed >= keys.k:
        return Look(_("Witnessed"), "ok", "shield-check"), text
    return Look(_("Too few witnesses"), "stale", "triangle-alert"), text


def cosigned(seen: Seen) -> int:
    """How many of the roster's witness keys cosigned this checkpoint."""
    note, count = seen.checkpoint.note, 0
    for key in seen.roster.witnesses.keys:
        for line in note.signatures:
            witness = Witness(line.name, key)
            if witness.note_key.id != line.key_id:
                continue
            try:
                count += len(verify_cosignatures(note, (witness,)))
            except UntrustedError:
                continue
    return count


def checkpoints(facts: Facts, consistency: Consistency, now: datetime) -> Checkpoints:
    seen = facts.seen
    verdict, text = consistency_look(facts, consistency)
    witness, witness_text = witnesses(facts, now)
    checked = consistency.checked
    rows = tuple(_row(each) for each in reversed(consistency.kept))
    unsigned = sum(each.verdict is Verdict.UNSIGNED for each in consistency.kept)
    return Checkpoints(
        verdict,
        text,
        "" if checked is None else _("Checked at {time}").format(time=wording.moment(checked)),
        rows,
        () if seen is None else checkpoint_facts(seen),
        witness,
        witness_text,
        consistency.busy,
        ""
        if not unsigned
        else n_(
            "{count} kept checkpoint is not signed by this log's key: it proves nothing.",
            "{count} kept checkpoints are not signed by this log's key: they prove nothing.",
            unsigned,
        ),
    )


def _row(each: Kept) -> CheckpointRow:
    at = each.seen.checkpoint
    look = {
        Verdict.WAITING: Look(_("Not checked yet"), "pending", "circle-dashed"),
        Verdict.CONSISTENT: Look(_("Consistent"), "ok", "circle-check"),
        Verdict.UNSIGNED: Look(_("Not signed by the log"), "stale", "triangle-alert"),
        Verdict.NEWER: Look(_("Newer than what is seen"), "pending", "circle-dashed"),
        Verdict.CONTRADICTED: Look(_("Not of this log"), "danger", "octagon-x"),
    }[each.verdict]
    root = at.root.hex()
    return CheckpointRow(moment(each.seen.time), f"{at.size:,}", wording.digest(root), root, look)


def alarm(
    each: Alarm,
    contradiction: Contradiction | None,
    consistency: Consistency,
    number: int,
    of: int,
) -> AlarmView:
    return AlarmView(
        _title(each.kind),
        each.message[:1].upper() + each.message[1:],
        wording.moment(each.at),
        each.found,
        each.expected,
        () if contradiction is None else _sides(contradiction, consistency.kept, each.at),
        _meaning(each.kind),
        _advice(each.kind, each.hint),
        tuple(str(path) for path in each.saved),
        contradiction is not None,
        number,
        of,
    )


def _sides(
    both: Contradiction, kept: Sequence[Kept], shown_at: datetime
) -> tuple[AlarmSide, AlarmSide]:
    times = {each.seen.checkpoint: each.seen.time for each in kept}
    before = both.kept.time or times.get(both.kept.checkpoint)
    return (
        _side(_("Seen before"), both.kept, before),
        _side(_("Shown now"), both.shown, both.shown.time or shown_at),
    )


def _side(title: str, side: Side, time: datetime | None) -> AlarmSide:
    at = side.checkpoint
    signature = {
        True: Look(_("Signed by the log's key"), "ok", "circle-check"),
        False: Look(_("Not signed by the log's key"), "danger", "octagon-x"),
        None: Look(_("Signature not checked: no key known"), "stale", "triangle-alert"),
    }[side.signed]
    facts = (
        Fact(_("Size"), f"{at.size:,}"),
        Fact(_("Root"), wording.grouped(at.root.hex()), True),
        Fact(_("Seen"), _("in an earlier session") if time is None else wording.moment(time)),
        Fact(_("Origin"), at.origin, True),
    )
    return AlarmSide(title, facts, signature)


def _title(kind: AlarmKind) -> str:
    return {
        AlarmKind.REWRITTEN: _("The log's history was rewritten"),
        AlarmKind.ROLLED_BACK: _("An older authority was shown"),
        AlarmKind.INCONSISTENT: _("The log breaks its own rules"),
        AlarmKind.LIED: _("The server lied"),
        AlarmKind.OTHER_KEY: _("The server holds another TLS key"),
    }[kind]


def _meaning(kind: AlarmKind) -> tuple[str, ...]:
    ends = _("Nothing that this server says is shown as fact any more.")
    if kind is AlarmKind.REWRITTEN:
        return (
            _("Both checkpoints are signed by the log's key, and they cannot be one history."),
            _(
                "Entries that were seen are changed or gone, approvals, grants or refusals among "
                "them; or two logs are kept, and each is shown to other people."
            ),
            ends,
        )
    if kind is AlarmKind.INCONSISTENT:
        return (_("No honest keyholder would have written the entry that is named above."), ends)
    if kind is AlarmKind.ROLLED_BACK:
        return (_("The server hides a newer roster or newer keys that were seen before."), ends)
    return (_("What the server said is contradicted by its own proofs and signatures."), ends)


def _advice(kind: AlarmKind, hint: str) -> tuple[str, ...]:
    first = () if not hint else (hint,)
    if kind is not AlarmKind.REWRITTEN:
        return (*first, _("Tell the other officers, and whoever runs the server."))
    return (
        _("Approve nothing. Tell the other officers and witnesses, not through this server."),
        _("Export both checkpoints, and keep them outside: together they prove it to anybody."),
        _("Ask the others which of the two they have seen."),
        _("Leave the keyholder's disk as it is: it is evidence."),
    )
