"""Ages as people read them."""

from datetime import UTC, datetime, timedelta

import pytest

from keyturn.attest.collateral_age import Age
from keyturn.base.collateral import CollateralDocument, CollateralKind
from keyturn.cli.collateralshow import age_text, kept_document
from keyturn.collateral.cache import Kept

NOW = datetime(2026, 2, 25, tzinfo=UTC)


def entry(old: timedelta) -> Kept:
    document = CollateralDocument(CollateralKind.AMD_CRL, "vcek/Milan", b"x")
    return Kept(document, Age(NOW - timedelta(days=90), None), NOW - old, "https://vendor/x")


@pytest.mark.parametrize(
    ("old", "text"),
    [
        (timedelta(days=9), "fetched 9 days ago, stale"),
        (timedelta(hours=25), "fetched 1 day ago, due"),
        (timedelta(hours=2), "fetched 2 hours ago, fresh"),
        (timedelta(seconds=3), "fetched 1 minute ago, fresh"),
        (timedelta(seconds=-30), "fetched 1 minute ago, due"),
    ],
)
def test_an_age_is_said_with_its_state(old: timedelta, text: str) -> None:
    assert age_text(entry(old), NOW) == text


def test_a_document_without_an_end_says_so() -> None:
    found = kept_document(entry(timedelta()), NOW)
    assert (found["until"], found["number"], found["state"]) == (None, None, "fresh")
