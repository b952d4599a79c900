"""Errors that carry more than a message."""

from datetime import UTC, datetime

from keyturn.base.errors import UnreachableError
from keyturn.collateral.errors import RateLimited


def test_a_limit_says_until_when() -> None:
    error = RateLimited("slow", not_before=datetime(2026, 2, 25, tzinfo=UTC), found="9 s")
    assert isinstance(error, UnreachableError)
    assert "2026-02-25T00:00:00Z" in error.hint
    assert str(error) == "slow; found 9 s"
