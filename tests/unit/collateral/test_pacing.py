"""Rates, back-off and Retry-After, by a clock that the test moves."""

from datetime import UTC, datetime

import pytest

from keyturn.collateral.pacing import Backoff, Rate, TokenBucket, retry_after

NOW = datetime(2026, 2, 25, tzinfo=UTC)


class Clock:
    def __init__(self) -> None:
        self.at = 0.0

    def __call__(self) -> float:
        return self.at


def test_a_bucket_gives_a_burst_then_one_at_a_time() -> None:
    clock = Clock()
    bucket = TokenBucket(Rate(2, 5.0), clock)
    assert [bucket.take() for _ in range(4)] == [0.0, 0.0, 5.0, 10.0]
    clock.at = 100.0
    assert [bucket.take() for _ in range(3)] == [0.0, 0.0, 5.0]


def test_a_token_can_be_given_back() -> None:
    bucket = TokenBucket(Rate(1, 5.0), Clock())
    bucket.take()
    assert bucket.take() == 5.0
    bucket.give_back()
    assert bucket.take() == 5.0


def test_a_clock_that_goes_back_gives_nothing() -> None:
    clock = Clock()
    bucket = TokenBucket(Rate(1, 5.0), clock)
    bucket.take()
    clock.at = -1000.0
    assert bucket.take() == 5.0


def test_waits_double_up_to_a_limit_with_half_by_chance() -> None:
    backoff = Backoff(first=1.0, most=6.0)
    assert [backoff.wait(n, 0.0) for n in (1, 2, 3, 4, 5)] == [0.5, 1.0, 2.0, 3.0, 3.0]
    assert [backoff.wait(n, 1.0) for n in (1, 2, 3, 4, 5)] == [1.0, 2.0, 4.0, 6.0, 6.0]


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("0", 0.0),
        (" 120 ", 120.0),
        ("9" * 60, 1e8),
        ("Wed, 25 Feb 2026 00:01:00 GMT", 60.0),
        ("Wed, 25 Feb 2026 00:01:00", 60.0),
        ("Tue, 24 Feb 2026 00:00:00 GMT", 0.0),
        ("soon", None),
        ("-5", None),
        ("", None),
        ("٣", None),
    ],
)
def test_retry_after(header: str | None, seconds: float | None) -> None:
    assert retry_after(header, NOW) == seconds
