"""Sixty logged refusals of one platform an hour, and a bounded memory of platforms."""

from datetime import timedelta

from keyturn.keyholder.allowance import (
    MAX_PLATFORMS,
    DecisionAllowance,
    RefusalAllowance,
    ReportAllowance,
)
from support.authority import START


def test_sixty_an_hour_for_each_platform() -> None:
    allowance = RefusalAllowance()

    assert [allowance.spend("a", START) for _ in range(61)] == [True] * 60 + [False]
    assert allowance.spend("b", START)
    assert not allowance.spend("a", START + timedelta(minutes=59))
    assert allowance.spend("a", START + timedelta(hours=1))


def test_a_flood_of_platforms_shares_what_is_left() -> None:
    allowance = RefusalAllowance()
    for place in range(MAX_PLATFORMS):
        assert allowance.spend(f"platform-{place}", START)

    others = [allowance.spend(f"another-{place}", START) for place in range(100)]
    assert others == [True] * 60 + [False] * 40
    assert allowance.spend("platform-0", START)
    assert len(allowance._spent) == MAX_PLATFORMS + 1


def test_two_hundred_decisions_of_an_officer_a_day() -> None:
    allowance = DecisionAllowance()
    midnight = START.replace(hour=0)

    assert [allowance.spend("ada", midnight) for _ in range(201)] == [True] * 200 + [False]
    assert allowance.has("bela", midnight)
    assert not allowance.has("ada", midnight + timedelta(hours=23, minutes=59))
    assert allowance.has("ada", midnight + timedelta(days=1))


def test_sixty_reports_an_hour() -> None:
    allowance = ReportAllowance()
    assert [allowance.spend("control", START) for _ in range(61)] == [True] * 60 + [False]
