"""Records as lines for people: who signed, what was said, what was done. No Qt in here."""

from collections.abc import Mapping

from keyturn.base.errors import KeyturnError
from keyturn.ceremony.records import Event, Record
from keyturn.ceremony.steps import parse_said, parse_step_signature
from keyturn_app import wording
from keyturn_app.i18n import _
from keyturn_app.screens.ceremonies.reading import Reading
from keyturn_app.screens.ceremonies.viewmodel import RecordLine
from keyturn_app.screens.ceremonies.words import event_word, part_word


def signed_in(reading: Reading, step_id: str) -> tuple[tuple[str, str], ...]:
    """(officer, part) of the signatures in this step's record. Their proof is the transcript's."""
    for record in reading.records:
        if record.step == step_id and record.event is Event.DONE:
            return tuple(_signer(each) for each in record.signed)
    return ()


def _signer(raw: bytes) -> tuple[str, str]:
    try:
        found = parse_step_signature(raw)
    except KeyturnError:
        return "", ""
    return found.officer, found.part.value


def fact_rows(record: Record) -> tuple[tuple[str, str], ...]:
    """A record's facts for people: names as words, digests shortened, lists counted."""
    rows = []
    for name, value in record.facts.items():
        if name == "script":
            continue
        rows.append((name.replace("_", " ").capitalize(), _value(value)))
    return tuple(rows)


def _value(value: object) -> str:
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if value is None:
        return _("none")
    if isinstance(value, str):
        return wording.digest(value) if len(value) >= 64 and " " not in value else value
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, list):
        if all(isinstance(each, str) for each in value) and len(value) <= 6:
            return ", ".join(_value(each) for each in value)
        return str(len(value))
    if isinstance(value, dict):
        return ", ".join(f"{name} {_value(each)}" for name, each in value.items())
    return str(value)


def transcript_lines(reading: Reading, names: Mapping[str, str]) -> tuple[RecordLine, ...]:
    """Steps by their titles in the script that the plan names."""
    script = reading.script
    titles = {} if script is None else {each.id: each.title for each in script.steps}
    return tuple(_record_line(each, names, titles) for each in reading.records)


_TONES = {
    Event.FAILED: "danger",
    Event.ABORTED: "danger",
    Event.EXCEPTION: "stale",
    Event.NOTE: "text2",
    Event.RESUMED: "pending",
}


def _record_line(record: Record, names: Mapping[str, str], titles: Mapping[str, str]) -> RecordLine:
    head = event_word(record.event)
    if record.step is not None:
        head = f"{titles.get(record.step, record.step)}: {head}"
    elif record.event is Event.OPENED:
        head = f"{record.ceremony}: {head}"
    return RecordLine(
        time=record.time.strftime("%H:%M:%S"),
        head=head,
        lines=tuple(words_of(record, names)),
        digest=record.digest,
        tone=_TONES.get(record.event, "text"),
    )


def words_of(record: Record, names: Mapping[str, str]) -> list[str]:
    """Who signed a record, and what was said in it."""
    if record.event in {Event.DONE, Event.FAILED}:
        signers = [_signer(each) for each in record.signed]
        who = [names.get(officer, officer) for officer, _part in signers if officer]
        lines = [_("by {people}").format(people=", ".join(dict.fromkeys(who)))] if who else []
        if record.event is Event.FAILED:
            lines.append(_text(record.facts.get("reason")))
        return lines
    if record.event is Event.OPENED:
        return []
    lines = []
    for each in record.signed:
        try:
            said = parse_said(each)
        except KeyturnError:
            continue
        name = names.get(said.officer, said.officer)
        part = part_word(said.part).lower()
        lines.append(_("by {name} ({part})").format(name=name, part=part))
        lines.append(said.text)
    return lines


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
