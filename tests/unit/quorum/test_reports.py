"""Reports and settings as log entries: their exact form, and what a reader refuses (§6.2)."""

import hashlib
import json
from collections.abc import Callable
from datetime import timedelta

import pytest

from keyturn.base.encoding import Digest
from keyturn.base.errors import MalformedError
from keyturn.quorum.entries import Entry, parse_entry
from keyturn.quorum.errors import LogInconsistent
from keyturn.quorum.reports import (
    ConfigurationEntry,
    Program,
    ReportEntry,
    SignInFailure,
    configuration,
    configuration_entry,
    read_configuration,
    read_report,
    report_entry,
    settings_document,
    settings_values,
)
from keyturn.quorum.roster import OfficerId
from support.authority import START
from unit.quorum.authority_log import AuthorityLog

A = Digest("sha256:" + "a" * 64)
TIME = "2026-11-23T08:00:00Z"
FRAME = {"type": "log-entry", "format": 1, "time": TIME}
REPORT: dict[str, object] = {
    **FRAME,
    "kind": "report",
    "program": "control",
    "event": "sign-in-failures",
    "officer": "ada",
    "reason": "bad-signature",
    "count": 3,
    "since": TIME,
}
CONFIGURATION: dict[str, object] = {
    **FRAME,
    "kind": "configuration",
    "program": "keyholder",
    "settings": A,
    "changed": ["reserve", "workers"],
    "software": "keyturn 0.1.0",
}
REPORTED = ReportEntry(OfficerId("ada"), SignInFailure.BAD_SIGNATURE, 3, START)
CONFIGURED = ConfigurationEntry(Program.KEYHOLDER, A, ("reserve", "workers"), "keyturn 0.1.0")


def entry(fields: dict[str, object]) -> Entry:
    return parse_entry(json.dumps(fields).encode())


def test_each_is_read_and_written_as_the_protocol_says() -> None:
    assert read_report(entry(REPORT)) == REPORTED
    assert json.loads(report_entry(START, REPORTED)) == REPORT
    assert read_report(entry({**REPORT, "officer": None})).officer is None
    assert read_configuration(entry(CONFIGURATION)) == CONFIGURED
    assert json.loads(configuration_entry(START, CONFIGURED)) == CONFIGURATION


@pytest.mark.parametrize(
    ("fields", "read"),
    [
        pytest.param(REPORT, read_report, id="report"),
        pytest.param(CONFIGURATION, read_configuration, id="configuration"),
    ],
)
def test_every_field_is_needed_and_no_other(
    fields: dict[str, object], read: Callable[[Entry], object]
) -> None:
    for name in fields:
        less = {key: value for key, value in fields.items() if key != name}
        with pytest.raises(MalformedError, match=f"'{name}' is missing"):
            read(entry(less))
    with pytest.raises(MalformedError, match="unknown field 'more'"):
        read(entry({**fields, "more": 1}))


@pytest.mark.parametrize(
    "changed",
    [
        {"program": "keyholder"},
        {"program": "agent"},
        {"event": "sign-ins"},
        {"reason": "guessed"},
        {"officer": ""},
        {"officer": "a" * 65},
        {"count": 0},
        {"count": True},
        {"since": "yesterday"},
    ],
    ids=str,
)
def test_another_report_is_refused(changed: dict[str, object]) -> None:
    with pytest.raises(MalformedError):
        read_report(entry({**REPORT, **changed}))


@pytest.mark.parametrize(
    "changed",
    [
        {"program": "agent"},
        {"settings": "a" * 64},
        {"changed": ["port", "port"]},
        {"changed": [1]},
        {"changed": [str(each) for each in range(201)]},
        {"changed": None},
        {"changed": ["Port"]},
        {"changed": ["port\u202etrop"]},
        {"changed": ["a" * 65]},
        {"software": ""},
        {"software": "keyturn\n0.1.0"},
        {"software": "keyturn \u202e0.1.0"},
    ],
    ids=lambda each: str(each)[:40],
)
def test_another_configuration_is_refused(changed: dict[str, object]) -> None:
    with pytest.raises(MalformedError):
        read_configuration(entry({**CONFIGURATION, **changed}))


def test_the_log_takes_both_and_neither_changes_what_is_in_force() -> None:
    log = AuthorityLog()
    before = log.state
    log.append(report_entry(log.clock(), ReportEntry(None, SignInFailure.MALFORMED, 1, START)))
    log.append(report_entry(log.clock(), REPORTED))
    log.append(configuration_entry(log.clock(), CONFIGURED))
    assert log.state.by_digest == before.by_digest
    assert log.state.size == before.size + 3


def test_a_report_names_nobody_who_is_not_in_the_roster() -> None:
    """Attackers write the names that sign-ins claim: none of theirs gets into the log."""
    log = AuthorityLog()
    claimed = ReportEntry(OfficerId("mallory"), SignInFailure.UNKNOWN_OFFICER, 1, START)
    with pytest.raises(LogInconsistent, match="not in the roster"):
        log.append(report_entry(log.clock(), claimed))


def test_a_report_is_not_of_what_is_to_come() -> None:
    log = AuthorityLog()
    since = log.clock() + timedelta(seconds=121)
    with pytest.raises(LogInconsistent, match="to come"):
        log.append(report_entry(log.clock(), ReportEntry(None, SignInFailure.BAD_NONCE, 1, since)))


def test_the_settings_digest_is_of_the_sorted_document() -> None:
    values = {"port": 1, "host": "h", "names": ("b", "a"), "module": None, "debug": False}
    raw = settings_document(Program.CONTROL, "keyturn 1", values)
    assert raw == (
        b'{"format":1,"program":"control","software":"keyturn 1","type":"settings","values":'
        b'{"debug":false,"host":"h","module":null,"names":["b","a"],"port":1}}'
    )
    made = configuration(Program.CONTROL, "keyturn 1", values, {})
    assert made.settings == "sha256:" + hashlib.sha256(raw).hexdigest()
    assert made.changed == ("debug", "host", "module", "names", "port")


def test_only_the_names_that_differ_are_named() -> None:
    before = {"port": 1, "names": ["a"], "gone": "x", "module": None}
    now = {"port": 2, "names": ("a",), "new": "y", "module": None}
    made = configuration(Program.CONTROL, "keyturn 1", now, before)
    assert made.changed == ("gone", "new", "port")


def test_the_same_settings_by_other_software_are_another_configuration() -> None:
    made = configuration(Program.CONTROL, "keyturn 1", {"port": 1}, {})
    again = configuration(Program.CONTROL, "keyturn 1", {"port": 1}, {"port": 1})
    newer = configuration(Program.CONTROL, "keyturn 2", {"port": 1}, {"port": 1})
    assert again.settings == made.settings
    assert newer.settings != made.settings
    assert newer.changed == ()


@pytest.mark.parametrize(
    "raw", [b"", b"[]", b"{}", b'{"type":"settings","format":1,"program":"control","values":{}}']
)
def test_a_document_that_is_none_has_no_values(raw: bytes) -> None:
    with pytest.raises(MalformedError):
        settings_values(raw)


def test_the_values_of_a_document() -> None:
    raw = settings_document(Program.CONTROL, "keyturn 1", {"port": 1, "names": ("a",)})
    assert settings_values(raw) == {"port": 1, "names": ["a"]}
