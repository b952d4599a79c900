import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from keyturn.base.errors import MalformedError
from keyturn.ceremony.tokenreport import (
    Check,
    Level,
    PreflightReport,
    ReportedToken,
    ReportedVendor,
    TokenAssurance,
    encode_report,
    parse_report,
    report_digest,
    worst,
)

REPORT = PreflightReport(
    datetime(2026, 11, 29, 12, tzinfo=UTC),
    "module 2.6",
    ReportedToken("label", "maker", "model", "serial", "2.6", ""),
    ReportedVendor("vendor", False, "source"),
    TokenAssurance.SOFTWARE,
    (
        Check("a", Level.GREEN, "found", "expected", ""),
        Check("b", Level.AMBER, "found", "expected", "do"),
    ),
)


def _document() -> dict[str, Any]:
    document = json.loads(encode_report(REPORT))
    assert isinstance(document, dict)
    return document


def _parse(document: dict[str, Any]) -> PreflightReport:
    return parse_report(json.dumps(document).encode())


@pytest.mark.parametrize(
    ("levels", "wanted"),
    [
        ("green green", Level.GREEN),
        ("green amber green", Level.AMBER),
        ("amber red green", Level.RED),
        ("", Level.RED),
    ],
)
def test_a_report_is_as_good_as_its_worst_check(levels: str, wanted: Level) -> None:
    assert worst(tuple(Check("n", Level(each), "f") for each in levels.split())) is wanted


def test_what_was_written_is_read() -> None:
    raw = encode_report(REPORT)
    assert parse_report(raw) == REPORT
    assert report_digest(raw).startswith("sha256:")
    assert [each.name for each in REPORT.of_level(Level.AMBER)] == ["b"]


def test_a_report_cannot_call_itself_better_than_its_checks() -> None:
    with pytest.raises(MalformedError, match="worst of its checks"):
        _parse(_document() | {"level": "green"})


@pytest.mark.parametrize(
    "changed",
    [
        {"type": "preflight"},
        {"format": 2},
        {"level": "yellow"},
        {"time": "2026-11-29"},
        {"assurance": "strong"},
        {"checks": []},
        {"checks": [{"name": "a"}]},
        {"vendor": {"name": "v", "tested": 1, "source": "s"}},
        {"vendor": {"name": "v", "tested": True, "source": "s", "more": 1}},
        {"token": {"label": "x" * 65}},
        {"more": 1},
    ],
    ids=str,
)
def test_anything_else_is_refused(changed: dict[str, object]) -> None:
    with pytest.raises(MalformedError):
        _parse(_document() | changed)


@pytest.mark.parametrize("field", list(_document()))
def test_every_field_is_needed(field: str) -> None:
    document = _document()
    del document[field]
    with pytest.raises(MalformedError):
        _parse(document)


def test_two_checks_of_one_name_are_refused() -> None:
    twice = replace(REPORT, checks=(REPORT.checks[0],) * 2)
    with pytest.raises(MalformedError, match="one name"):
        parse_report(encode_report(twice))


def test_a_report_has_a_size() -> None:
    large = replace(REPORT, checks=tuple(Check(str(n), Level.RED, "x" * 1999) for n in range(40)))
    with pytest.raises(MalformedError, match="too large"):
        parse_report(encode_report(large))
