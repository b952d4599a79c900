"""Times (our protocol §1.1): RFC 3339 in UTC, whole seconds, one spelling."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyturn.base.errors import MalformedError
from keyturn.base.times import format_time, parse_time


def test_a_time_is_read_and_written() -> None:
    moment = datetime(2026, 11, 23, 8, 0, 0, tzinfo=UTC)
    assert parse_time("2026-11-23T08:00:00Z") == moment
    assert format_time(moment) == "2026-11-23T08:00:00Z"


@given(st.datetimes(datetime(2000, 1, 1), datetime(9000, 12, 31), timezones=st.just(UTC)))
def test_writing_then_reading_cuts_to_whole_seconds(moment: datetime) -> None:
    text = format_time(moment)
    assert parse_time(text) == moment.replace(microsecond=0)
    assert format_time(parse_time(text)) == text


def test_another_zone_is_turned_into_utc() -> None:
    moment = datetime(2026, 1, 1, 1, 30, tzinfo=timezone(timedelta(hours=2)))
    assert format_time(moment) == "2025-12-31T23:30:00Z"


def test_a_time_without_a_zone_is_not_guessed() -> None:
    with pytest.raises(ValueError, match="without a zone"):
        format_time(datetime(2026, 1, 1))


def test_a_leap_day_exists_only_in_leap_years() -> None:
    assert parse_time("2028-02-29T00:00:00Z").day == 29
    with pytest.raises(MalformedError, match="lapse is not a time"):
        parse_time("2026-02-29T00:00:00Z", what="lapse")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026-11-23",
        "2026-11-23T08:00Z",
        "2026-11-23T08:00:00",
        "2026-11-23T08:00:00z",
        "2026-11-23t08:00:00Z",
        "2026-11-23 08:00:00Z",
        "2026-11-23T08:00:00+00:00",
        "2026-11-23T08:00:00.0Z",
        "2026-11-23T08:00:00Z\n",
        " 2026-11-23T08:00:00Z",
        "2026-1-23T08:00:00Z",
        "+2026-11-23T08:00:00Z",
        "٢٠٢٦-11-23T08:00:00Z",
        "2026-13-01T00:00:00Z",
        "2026-00-01T00:00:00Z",
        "2026-11-31T00:00:00Z",
        "2026-11-23T24:00:00Z",
        "2026-11-23T08:60:00Z",
        "2016-12-31T23:59:60Z",
    ],
)
def test_any_other_spelling_or_impossible_time_is_refused(text: str) -> None:
    with pytest.raises(MalformedError, match="is not a time"):
        parse_time(text)


@pytest.mark.parametrize("year", ["0000", "0001", "1999", "9001", "9999"])
def test_years_that_a_life_could_overflow_are_refused(year: str) -> None:
    with pytest.raises(MalformedError, match="out of range"):
        parse_time(f"{year}-01-01T00:00:00Z")
