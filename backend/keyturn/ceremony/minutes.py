"""The minutes of a ceremony, as sections and tables: what an auditor reads (our protocol §10.4).

Made from a proved transcript alone, so that nothing stands in them that was not signed or said in
a record. How they look is for whoever prints them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from keyturn.base.encoding import Digest
from keyturn.ceremony.course import CourseState
from keyturn.ceremony.errors import CeremonyReason
from keyturn.ceremony.facts import (
    BackupProved,
    Facts,
    KekImported,
    KekMade,
    KekRestored,
    PinsReplaced,
    Preflighted,
    SharesProved,
    TokenMade,
    TransportKeyMade,
)
from keyturn.ceremony.hostphrase import HOST_ENTRY
from keyturn.ceremony.keyfacts import KeyFacts, TokenFacts
from keyturn.ceremony.kinds import is_known
from keyturn.ceremony.minuteswords import (
    PARTS,
    PROFILES,
    SECRETS,
    STATES,
    WORTH,
    clock,
    describe,
    key_name,
    lowered,
    moment,
    name_of,
    protects,
    set_text,
    token_text,
)
from keyturn.ceremony.people import WITHOUT_STATEMENT
from keyturn.ceremony.phrases import phrase_of
from keyturn.ceremony.script import EnteredKind, Part, ShareUse, Step
from keyturn.ceremony.sharesets import ShareSet
from keyturn.ceremony.steps import Said, StepSignature, Word
from keyturn.ceremony.transcript import Happened, StepDone, StepFailed, Verified, WordSaid
from keyturn.quorum.roster import Roster

REHEARSAL = "REHEARSAL"
SIMULATED = "SIMULATED"
_SHORT = 48
"""Characters of an attribute's value that fit into a table's cell."""


@dataclass(frozen=True, slots=True)
class Column:
    """`width` is relative to the other columns'; `exact`: to be read byte for byte; `lead`: a
    cell's first line stands out."""

    title: str
    width: int
    exact: bool = False
    lead: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """A cell may have several lines."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[str, ...], ...]
    caption: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    title: str
    texts: tuple[str, ...] = ()
    tables: tuple[Table, ...] = ()
    points: tuple[str, ...] = ()
    """After the tables, one below the other."""


@dataclass(frozen=True, slots=True)
class Minutes:
    """`marks` stand on every page: REHEARSAL, SIMULATED."""

    title: str
    ceremony: str
    marks: tuple[str, ...]
    state: str
    digest: Digest
    phrase: str
    summary: tuple[tuple[str, str], ...]
    sections: tuple[Section, ...]


def make_minutes(verified: Verified) -> Minutes:
    """The minutes of a proved transcript."""
    course = verified.course
    return Minutes(
        course.script.title,
        verified.plan.ceremony,
        _marks(verified),
        STATES[course.state],
        verified.digest,
        phrase_of(verified.digest),
        _summary(verified),
        (
            _people(verified),
            *_made(verified),
            *_custody(verified),
            _course(verified),
            _unusual(verified),
            _limits(verified),
        ),
    )


def _marks(verified: Verified) -> tuple[str, ...]:
    marks = [REHEARSAL] if verified.rehearsal else []
    return (*marks, SIMULATED) if verified.course.roster.simulation else tuple(marks)


def _summary(verified: Verified) -> tuple[tuple[str, str], ...]:
    course, plan = verified.course, verified.plan
    rows = [
        ("Ceremony", plan.ceremony),
        ("What it is for", course.script.purpose),
        ("Outcome", STATES[course.state]),
        ("Opened", moment(course.records[0].time)),
        ("Last record", moment(course.last.time)),
        ("Authority", verified.authority or "none: it ended before one was founded"),
        ("Token", plan.token),
    ]
    if plan.kek_profile is not None:
        rows.append(("KEK", PROFILES[plan.kek_profile]))
    if plan.concerns:
        rows.append(("Concerns", "\n".join(plan.concerns)))
    if plan.statement is not None:
        rows.append(("Let by statement", plan.statement))
    rows += [
        ("Script", f"{plan.kind.value}, revision {course.script.revision}\n{plan.script}"),
        ("Plan", course.signed_plan.digest),
        ("Host", f"{verified.opened.host}, {verified.opened.software}"),
    ]
    return tuple(rows)


# ---- people ----


def _people(verified: Verified) -> Section:
    roster = verified.course.roster
    rows = []
    for officer, parts in _parts(verified).items():
        keys = sorted(_keys_used(verified, officer))
        rows.append((name_of(officer, roster), officer, "\n".join(parts), "\n".join(keys)))
    columns = (
        Column("Name", 26),
        Column("Officer", 14),
        Column("Part", 30),
        Column("Signed with key", 30, exact=True),
    )
    text = (
        "Everybody who had a part, and the first digits of the key that they signed with. Whose"
        " key it is, the roster says."
    )
    return Section("People", (text,), (Table(columns, tuple(rows)),))


def _parts(verified: Verified) -> dict[str, list[str]]:
    plan = verified.plan
    found: dict[str, list[str]] = {
        plan.administrator: [PARTS[Part.ADMINISTRATOR]],
    }
    found.setdefault(plan.witness, []).append(PARTS[Part.WITNESS])
    if plan.scribe is not None:
        found.setdefault(plan.scribe, []).append(PARTS[Part.SCRIBE])
    for use, scheme in {**verified.course.custody, **plan.shares}.items():
        for officer in scheme.officers:
            if use in plan.shares or _signed_by(verified, officer):
                found.setdefault(officer, []).append(f"Custodian: {lowered(SECRETS[use])}")
    for each in _signatures(verified):
        if each.part is Part.OFFICER:
            parts = found.setdefault(each.officer, [])
            if PARTS[Part.OFFICER] not in parts:
                parts.append(PARTS[Part.OFFICER])
    return found


def _signatures(verified: Verified) -> list[StepSignature]:
    steps = (each for each in verified.happened if isinstance(each, (StepDone, StepFailed)))
    return [signature for each in steps for signature in each.signatures]


def _said(verified: Verified) -> list[StepSignature | Said]:
    return [*_signatures(verified), *(each.said for each in verified.words)]


def _signed_by(verified: Verified, officer: str) -> bool:
    return any(each.officer == officer for each in _said(verified))


def _keys_used(verified: Verified, officer: str) -> set[str]:
    envelopes = [each.envelope for each in _said(verified) if each.officer == officer]
    if officer == verified.plan.administrator:
        envelopes.append(verified.course.signed_plan.envelope)
    keys = {each.signatures[0].key_id[:16] for each in envelopes}
    return keys or {"signed nothing"}


# ---- keys and tokens ----


def _facts(verified: Verified) -> list[Facts]:
    return [each.facts for each in verified.done]


def _made(verified: Verified) -> list[Section]:
    tokens, keys = _tokens(verified), _keys(verified)
    if not tokens and not keys:
        return []
    texts = [f"{how}: {token_text(each)}." for how, each in tokens]
    texts += dict.fromkeys(WORTH[each.assurance] for _, each in tokens)
    columns = (
        Column("Key", 16),
        Column("What it does", 40),
        Column("How", 20),
        Column("Id", 40, exact=True),
    )
    rows = tuple((key_name(each), protects(each), _how(each), each.id) for each in keys)
    tables = [Table(columns, rows)] if keys else []
    tables += [_attributes(keys)] if any(each.attributes for each in keys) else []
    return [Section("Token and keys", tuple(texts), tuple(tables), _long_attributes(keys))]


def _how(key: KeyFacts) -> str:
    profile = [key.profile.value.replace("-", " ")] if key.profile else []
    return "\n".join([key.algorithm, *profile, key.origin.value, key.state.value])


def _attributes(keys: Sequence[KeyFacts]) -> Table:
    """One row for each attribute, one column for each key; long values stand below."""
    names = dict.fromkeys(each.name for key in keys for each in key.attributes)
    columns = [Column("", 26, exact=True)]
    columns += [Column(key_name(each), 16, exact=True) for each in keys]
    rows = []
    for name in names:
        values = [_value(key, name) for key in keys]
        rows.append((name, *("see below" if len(each) > _SHORT else each for each in values)))
    return Table(tuple(columns), tuple(rows), "Attributes, as the token says them")


def _value(key: KeyFacts, name: str) -> str:
    """As the token says it; a dash where this key was not asked for it."""
    found = next((each for each in key.attributes if each.name == name), None)
    if found is None:
        return "–"
    return found.value + ("" if found.checked else " (NOT as its profile demands)")


def _long_attributes(keys: Sequence[KeyFacts]) -> tuple[str, ...]:
    return tuple(
        f"{key_name(key)}, {each.name}: {_value(key, each.name)}"
        for key in keys
        for each in key.attributes
        if len(_value(key, each.name)) > _SHORT
    )


def _tokens(verified: Verified) -> tuple[tuple[str, TokenFacts], ...]:
    """How each token came into it, and the token."""
    found = [("Token at the opening", verified.opened.token)] if verified.opened.token else []
    for each in _facts(verified):
        if isinstance(each, Preflighted):
            found.append(("Token that was tested", each.token))
        if isinstance(each, TokenMade):
            found.append(("Token that was made", each.token))
        if isinstance(each, BackupProved):
            found.append(("Throw-away token", each.token))
    return tuple(dict.fromkeys(found))


def _keys(verified: Verified) -> tuple[KeyFacts, ...]:
    found: list[KeyFacts] = []
    for each in _facts(verified):
        if isinstance(each, TokenMade):
            found += each.keys
        if isinstance(each, (KekMade, KekRestored, KekImported, TransportKeyMade)):
            found.append(each.key)
    return tuple(found)


# ---- shares ----


def _custody(verified: Verified) -> list[Section]:
    sets = [
        share_set
        for each in _facts(verified)
        if isinstance(each, (TokenMade, PinsReplaced))
        for share_set in each.share_sets
    ]
    if not sets:
        return []
    text = (
        "Who holds which share. A check value tells one share from another and opens nothing; the"
        " words of a share were shown to its custodian alone and are in no record."
    )
    tables = tuple(_share_table(verified, each) for each in sets)
    return [Section("Custody of shares", (text,), tables)]


def _share_table(verified: Verified, share_set: ShareSet) -> Table:
    roster, bags = verified.course.roster, _bags(verified)
    proved = _proved(verified)
    rows = []
    for place, each in enumerate(share_set.members, start=1):
        when = proved.get((share_set.use, each.officer), "NOT PROVED")
        name, bag = name_of(each.officer, roster), bags.get(each.officer, "none")
        rows.append((str(place), name, each.check, bag, when))
    columns = (
        Column("Share", 8),
        Column("Custodian", 32),
        Column("Check value", 18, exact=True),
        Column("Bag", 24),
        Column("Proved", 18),
    )
    return Table(columns, tuple(rows), set_text(share_set))


def _bags(verified: Verified) -> dict[str, str]:
    """By custodian, what they entered as the number of the bag."""
    bags = {}
    for done in verified.done:
        names = [each.name for each in done.step.entered if each.kind is EnteredKind.BAG]
        for signature in done.signatures:
            numbers = [signature.entered[name] for name in names if signature.entered.get(name)]
            if numbers:
                bags[str(signature.officer)] = ", ".join(numbers)
    return bags


def _proved(verified: Verified) -> dict[tuple[ShareUse, str], str]:
    return {
        (use, officer): clock(each.record.time)
        for each in verified.done
        if isinstance(each.facts, SharesProved)
        for use, officer in each.facts.proved
    }


# ---- what happened ----


def _course(verified: Verified) -> Section:
    roster = verified.course.roster
    first = verified.course.records[0]
    by = name_of(verified.plan.administrator, roster)
    opened = (str(first.seq), f"Opened\n{moment(first.time)}", f"{by}: signed the plan", "")
    rows = [opened, *(_row(each, roster) for each in verified.happened)]
    columns = (
        Column("No.", 7),
        Column("What and when", 30, lead=True),
        Column("Signed by", 34),
        Column("What was entered and recorded", 52),
    )
    text = "Every record in its order, with all signatures. Times are the host's, in UTC."
    return Section("Course of the ceremony", (text,), (Table(columns, tuple(rows)),))


def _row(happened: Happened, roster: Roster) -> tuple[str, str, str, str]:
    record = happened.record
    when = moment(record.time)
    if isinstance(happened, WordSaid):
        said = happened.said
        title = f"{said.word.value.upper()}\n{when}"
        return str(record.seq), title, _signer(said, roster), said.text
    title = happened.step.title + (" (FAILED)" if isinstance(happened, StepFailed) else "")
    signers = "\n".join(_signer(each, roster) for each in happened.signatures)
    lines = [*_entries(happened.step, happened.signatures, roster)]
    if isinstance(happened, StepDone):
        lines += describe(happened.facts, roster)
    else:
        lines += _failure(happened)
    return str(record.seq), f"{title}\n{when}", signers, "\n".join(lines)


def _signer(signed: StepSignature | Said, roster: Roster) -> str:
    name, part = name_of(signed.officer, roster), PARTS[signed.part].lower()
    return f"{clock(signed.time)}  {name}, {part}"


def _entries(step: Step, signatures: Sequence[StepSignature], roster: Roster) -> list[str]:
    """What was entered: what all of a part confirmed in one line, the rest by name."""
    lines = []
    for field in step.entered:
        by = [each for each in signatures if each.part is field.part and field.name in each.entered]
        if not by or field.kind is EnteredKind.BAG:
            continue
        if field.kind is EnteredKind.CONFIRM:
            every = sum(each.part is field.part for each in signatures)
            who = ", ".join(name_of(each.officer, roster) for each in by)
            all_of_them = len(by) == every > 1
            lines.append(f"“{field.label}”: {f'all {every}' if all_of_them else who}.")
        elif field.kind is EnteredKind.PHRASE:
            lines += [f"Read back: {each.entered[field.name]}." for each in by]
        else:
            lines += [f"{field.label}: {each.entered[field.name]}" for each in by]
    return lines + _compared(signatures, roster)


def _compared(signatures: Sequence[StepSignature], roster: Roster) -> list[str]:
    """Who vouched for a host whose key nothing signs (our protocol §10.7)."""
    return [
        f"{name_of(each.officer, roster)} compared the key of the host, which nothing signs"
        f" (keyholder-host-trusted): {each.entered[HOST_ENTRY]}."
        for each in signatures
        if HOST_ENTRY in each.entered
    ]


def _failure(failed: StepFailed) -> list[str]:
    facts = failed.failed
    why = facts.reason.value.replace("-", " ")
    lines = ["It failed." if facts.reason is CeremonyReason.FAILED else f"It failed: {why}."]
    if facts.found or facts.expected:
        lines.append(f"Found {facts.found or 'nothing'}; expected {facts.expected or 'nothing'}.")
    return [*lines, f"What is left of it: {facts.left.rstrip('.') or 'not said'}."]


def _unusual(verified: Verified) -> Section:
    roster = verified.course.roster
    rows = []
    for each in verified.happened:
        if isinstance(each, StepFailed):
            text = "\n".join(_failure(each))
            rows.append((str(each.record.seq), f"{each.step.title} failed", "", text))
        if isinstance(each, WordSaid) and each.said.word is not Word.NOTE:
            before = f"before: {each.step.title}" if each.step else ""
            kind = f"{each.said.word.value.capitalize()}\n{before}"
            said = name_of(each.said.officer, roster)
            rows.append((str(each.record.seq), kind, said, each.said.text))
    title = "Exceptions, failures and interruptions"
    if not rows:
        return Section(title, ("None was recorded.",))
    columns = (
        Column("No.", 7),
        Column("What", 36, lead=True),
        Column("Said by", 24),
        Column("Words", 56),
    )
    return Section(title, (), (Table(columns, tuple(rows)),))


# ---- what it is worth ----


def _limits(verified: Verified) -> Section:
    looked, plan = verified.looked_at, verified.plan
    points = [
        "Proved: the records follow each other without a gap; they follow the script named above;"
        " every step has the signatures that it needs, by officers whose part it was, each made"
        " for that very place in this ceremony.",
        "The host's word: what it says of the token, its keys and its files. Those who signed the"
        " next step had it before their eyes.",
    ]
    points.append(
        "Proved: the roster chains to the authority's fingerprint."
        if looked.bundle
        else "Not looked at: whether an authority uses this roster; the transcript brings no"
        " authority bundle."
    )
    if not looked.pinned:
        points.append(
            "Not looked at: whether this is the authority that you know. Compare the fingerprint"
            " above with your own."
        )
    points.append(_log_point(verified))
    if plan.kind not in WITHOUT_STATEMENT and not verified.rehearsal:
        points.append(
            "Not looked at: whether the statement that let this ceremony happen was in force. The"
            " log shows it."
        )
    if not is_known(verified.course.script):
        points.append(
            "Not this release's script: it may ask fewer people for less than Keyturn does. Read"
            " every step of it."
        )
    if verified.course.state is not CourseState.DONE:
        points.append("The ceremony was not closed: nobody signed the whole of it.")
    text = (
        "These minutes were made from the transcript alone. Whoever has the transcript's file can"
        " prove all of it again and compare the digest: keyturn ceremony verify FILE."
    )
    return Section("What this proves, and what not", (text,), points=tuple(points))


def _log_point(verified: Verified) -> str:
    log = verified.looked_at.log
    if verified.rehearsal:
        return "A rehearsal is in no log. It had no effect outside its throw-away token."
    if log is None:
        return "Not looked at: whether the records are in the authority's log."
    return (
        f"Proved: every record is in the log {log.origin}, entries {log.first} to {log.last}, under"
        f" a checkpoint of {log.size} entries that the log's key signed."
    )
