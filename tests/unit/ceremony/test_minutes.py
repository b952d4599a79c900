"""Minutes hold what was proved, and nothing that is secret."""

from dataclasses import replace
from typing import cast

from keyturn.base.strictjson import JsonObject
from keyturn.ceremony.errors import CeremonyReason
from keyturn.ceremony.facts import Failed
from keyturn.ceremony.keyfacts import Attribute
from keyturn.ceremony.minutes import Minutes, Section, make_minutes
from keyturn.ceremony.phrases import phrase_of
from keyturn.ceremony.records import Event
from keyturn.ceremony.script import Part
from keyturn.ceremony.sharesets import SIZES
from keyturn.ceremony.steps import Word
from keyturn.ceremony.transcript import Verified, parse_transcript, verify_transcript
from support.ceremonies import (
    Cast,
    Play,
    genesis_facts,
    played_genesis,
    playing_genesis,
    stream,
)
from support.ceremonylog import logged_genesis

LOGGED = logged_genesis(Cast(simulation=False), eventful=True)


def verified(play: Play) -> Verified:
    return verify_transcript(parse_transcript(play.transcript()))


EVENTFUL = verified(played_genesis(eventful=True))
MINUTES = make_minutes(EVENTFUL)


def section(minutes: Minutes, title: str) -> Section:
    return next(each for each in minutes.sections if each.title == title)


def texts(minutes: Minutes) -> str:
    """Everything that is to be read."""
    parts = [minutes.title, minutes.ceremony, minutes.state, minutes.digest, minutes.phrase]
    parts += [text for row in minutes.summary for text in row]
    for each in minutes.sections:
        parts += [each.title, *each.texts, *each.points]
        for table in each.tables:
            parts.append(table.caption)
            parts += [cell for row in table.rows for cell in row]
    return "\n".join(parts)


def test_the_head() -> None:
    assert (MINUTES.title, MINUTES.ceremony) == ("Genesis", "rehearsal-genesis-1")
    assert MINUTES.state == "Done: every step, signed by all"
    assert MINUTES.digest == EVENTFUL.digest
    assert MINUTES.phrase == phrase_of(EVENTFUL.digest)
    assert dict(MINUTES.summary)["Plan"] == EVENTFUL.course.signed_plan.digest


def test_marks_for_every_page() -> None:
    assert MINUTES.marks == ("REHEARSAL", "SIMULATED")
    real = verify_transcript(parse_transcript(LOGGED.transcript), LOGGED.fingerprint)
    assert make_minutes(real).marks == ()


def test_everybody_with_all_their_parts_and_keys() -> None:
    (table,) = section(MINUTES, "People").tables
    people = {row[1]: row for row in table.rows}
    assert set(people) == set(Cast().people)
    assert people["ada"][2].split("\n") == [
        "Custodian: user PIN",
        "Custodian: backup secret",
        "Officer",
    ]
    roster = EVENTFUL.course.roster
    for officer in roster.officers.values():
        assert people[officer.id][3] == officer.keys[0].key_id[:16]


def test_tokens_and_keys_with_attributes_and_what_a_programs_word_is_worth() -> None:
    found = section(MINUTES, "Token and keys")
    assert "This token is a program." in found.texts[2]
    keys, attributes = found.tables
    assert [row[0] for row in keys.rows] == [
        "KEK",
        "Ingest key",
        "Log key",
        "Result key",
        "Backup key",
    ]
    by_name = {row[0]: row[1:] for row in attributes.rows}
    assert by_name["EXTRACTABLE"] == ("true", "false", "false", "false", "false")


def bent_key(attribute: Attribute) -> Minutes:
    """A KEK that says one thing more of itself."""
    play = next(each for each in playing_genesis() if each.step.id == "make-token")
    play.do(_with(play, attribute))
    return make_minutes(verified(play))


def _with(play: Play, attribute: Attribute) -> JsonObject:
    facts = genesis_facts(play.plan)["make-token"]
    keys = facts["keys"]
    assert isinstance(keys, list)
    kek = keys[0]
    assert isinstance(kek, dict)
    attributes = kek["attributes"]
    assert isinstance(attributes, list)
    more = [*attributes, attribute.document()]
    return cast("JsonObject", {**facts, "keys": [{**kek, "attributes": more}, *keys[1:]]})


def test_an_attribute_that_is_not_as_demanded_stands_out() -> None:
    found = section(bent_key(Attribute("DERIVE", "true", False)), "Token and keys")
    rows = {row[0]: row[1:] for row in found.tables[1].rows}
    assert rows["DERIVE"] == ("true (NOT as its profile demands)", "–", "–", "–", "–")


def test_a_long_attribute_stands_below() -> None:
    long = "CLASS=secret key, " * 8
    found = section(bent_key(Attribute("UNWRAP_TEMPLATE", long, True)), "Token and keys")
    assert found.points == (f"KEK, UNWRAP_TEMPLATE: {long}",)
    assert found.tables[1].rows[-1][1] == "see below"


def test_custody_with_check_values_and_bags() -> None:
    tables = section(MINUTES, "Custody of shares").tables
    assert [each.caption for each in tables] == [
        "User PIN: 3 of 5 custodians needed",
        "Security officer PIN: 2 of 3 custodians needed",
        "Backup secret: 2 of 3 custodians needed",
    ]
    first = tables[0].rows[0]
    assert (first[0], first[1]) == ("1", "Ada Byron")
    assert len(first[2]) == 8
    assert first[3].startswith("KT-")
    assert first[4] == "09:08:40"


def test_a_share_that_nobody_proved_stands_out() -> None:
    play = next(each for each in playing_genesis() if each.step.id == "prove-shares")
    found = make_minutes(verified(play))
    tables = section(found, "Custody of shares").tables
    assert {row[4] for each in tables for row in each.rows} == {"NOT PROVED"}


def test_every_record_has_its_row_and_every_signature_its_line() -> None:
    (table,) = section(MINUTES, "Course of the ceremony").tables
    assert [row[0] for row in table.rows] == [str(each.seq) for each in EVENTFUL.course.records]
    for happened, row in zip(EVENTFUL.happened, table.rows[1:], strict=True):
        many = len(happened.record.signed)
        assert len(row[2].split("\n")) == many


def test_what_was_unusual() -> None:
    (table,) = section(MINUTES, "Exceptions, failures and interruptions").tables
    assert [row[1].split("\n")[0] for row in table.rows] == [
        "Make the token's keys failed",
        "Exception",
        "Resume",
    ]
    calm = make_minutes(verified(played_genesis()))
    found = section(calm, "Exceptions, failures and interruptions")
    assert (found.texts, found.tables) == (("None was recorded.",), ())


def test_why_a_step_failed() -> None:
    play = next(each for each in playing_genesis() if each.step.id == "preflight")
    failed = Failed(CeremonyReason.WRONG_SHARE, "", "", "")
    play.add(Event.FAILED, "preflight", play.signatures(), failed.document())
    minutes = make_minutes(verified(play))
    said = texts(minutes)
    assert "It failed: wrong share.\nWhat is left of it: not said." in said
    assert minutes.state == "Not finished"
    assert "nobody signed the whole of it" in said


def test_an_aborted_ceremony_says_so_and_why() -> None:
    play = next(each for each in playing_genesis() if each.step.id == "hand-out")
    play.say(Word.ABORT, "A custodian fell ill.", Part.WITNESS)
    minutes = make_minutes(verified(play))
    assert minutes.state == "Aborted"
    assert dict(minutes.summary)["Authority"].startswith("none")
    assert "A custodian fell ill." in texts(minutes)


def test_what_was_proved_and_what_was_not_looked_at() -> None:
    rehearsed = section(MINUTES, "What this proves, and what not").points
    assert sum(each.startswith("Not looked at") for each in rehearsed) == 2
    assert any("rehearsal is in no log" in each for each in rehearsed)
    real = verify_transcript(parse_transcript(LOGGED.transcript), LOGGED.fingerprint)
    points = section(make_minutes(real), "What this proves, and what not").points
    assert not any(each.startswith("Not looked at") for each in points)
    assert any("entries 3 to 15" in each for each in points)


def test_without_receipts_the_log_was_not_looked_at() -> None:
    found = verify_transcript(parse_transcript(LOGGED.play.transcript(LOGGED.bundle)))
    points = section(make_minutes(found), "What this proves, and what not").points
    assert "Not looked at: whether the records are in the authority's log." in points


def test_rows_fit_their_columns() -> None:
    for each in MINUTES.sections:
        for table in each.tables:
            assert all(len(row) == len(table.columns) for row in table.rows)


def test_no_secret_is_in_the_minutes() -> None:
    said = texts(MINUTES)
    for use, size in SIZES.items():
        secret = stream(f"{EVENTFUL.plan.ceremony} {use.value} secret")(size)
        assert secret.hex() not in said
    control = replace(MINUTES, state=stream("a control")(16).hex())
    assert stream("a control")(16).hex() in texts(control)
