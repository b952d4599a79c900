"""Fresh, due, stale, expired: by our limits and by the documents' own dates."""

from datetime import UTC, datetime, timedelta

import pytest

from keyturn.attest.collateral_age import Age
from keyturn.base.collateral import CollateralKind
from keyturn.collateral.staleness import LIMITS, State, state_of

NOW = datetime(2026, 2, 25, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def state(
    kind: CollateralKind,
    *,
    fetched: timedelta = HOUR,
    issued: timedelta = 2 * HOUR,
    left: timedelta | None = 365 * DAY,
) -> State:
    until = None if left is None else NOW + left
    return state_of(kind, Age(NOW - issued, until), NOW - fetched, NOW)


def test_every_kind_has_limits() -> None:
    assert set(LIMITS) == set(CollateralKind)
    assert all(state(kind) is State.FRESH for kind in CollateralKind)


@pytest.mark.parametrize(
    ("kind", "limit"),
    [
        (CollateralKind.AMD_CRL, 7 * DAY),
        (CollateralKind.INTEL_ROOT_CRL, 7 * DAY),
        (CollateralKind.INTEL_PCK_CRL, 7 * DAY),
        (CollateralKind.INTEL_TCB_INFO, 30 * DAY),
        (CollateralKind.INTEL_QE_IDENTITY, 30 * DAY),
        (CollateralKind.NVIDIA_RIM, 30 * DAY),
    ],
)
def test_limits_count_from_fetching(kind: CollateralKind, limit: timedelta) -> None:
    old = 300 * DAY
    assert state(kind, fetched=limit, issued=old) is State.DUE
    assert state(kind, fetched=limit + HOUR, issued=old) is State.STALE
    assert state(kind, fetched=limit + HOUR, issued=old, left=-HOUR) is State.EXPIRED


def test_an_ocsp_answer_ages_from_its_issue() -> None:
    kind = CollateralKind.NVIDIA_OCSP
    assert state(kind, fetched=timedelta(), issued=DAY + HOUR) is State.STALE
    assert state(kind, fetched=timedelta(), issued=7 * HOUR) is State.DUE
    assert state(kind, fetched=timedelta(), issued=HOUR, left=None) is State.FRESH


def test_certificates_have_only_their_own_dates() -> None:
    kind = CollateralKind.AMD_VEK
    assert state(kind, fetched=2000 * DAY, issued=2000 * DAY) is State.FRESH
    assert state(kind, left=29 * DAY) is State.DUE
    assert state(kind, left=-HOUR) is State.EXPIRED


def test_the_end_itself_is_still_in() -> None:
    assert state(CollateralKind.AMD_CRL, left=timedelta()) is State.DUE


def test_a_clock_that_is_wrong_is_no_reason_to_trust() -> None:
    kind = CollateralKind.INTEL_TCB_INFO
    assert state(kind, issued=-HOUR, fetched=-HOUR) is State.EXPIRED
    assert state(kind, fetched=-HOUR) is State.DUE
