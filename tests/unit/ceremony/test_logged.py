"""Whether every record is in the log, by receipts alone."""

from dataclasses import replace

import pytest

from keyturn.base.encoding import Digest, digest_of
from keyturn.base.errors import KeyturnError
from keyturn.ceremony.errors import CeremonyRefused
from keyturn.ceremony.logged import LoggedAs, LogLooked, look_in_log
from keyturn.quorum.bundle import Authority, load_bundle
from support.ceremonies import ORIGIN, START, Cast
from support.ceremonylog import ceremony_leaf, logged_genesis, receipt

LOGGED = logged_genesis(Cast())
COURSE = LOGGED.play.course
RECORDS = COURSE.records
OF = LoggedAs(COURSE.plan.ceremony, COURSE.plan.kind, RECORDS)


def authority() -> Authority:
    return load_bundle(LOGGED.bundle, LOGGED.fingerprint, START, lenient=True)


def look(*receipts: bytes) -> LogLooked | None:
    return look_in_log(OF, authority(), receipts)


def of(leaves: list[bytes]) -> list[bytes]:
    """Receipts of leaves that stand in a log of their own after the founding ones."""
    every = [*LOGGED.leaves[: LOGGED.first], *leaves]
    return [receipt(every, place) for place in range(LOGGED.first, len(every))]


LEAVES = [ceremony_leaf(LOGGED.play, each) for each in RECORDS]


def test_every_record_stands_there() -> None:
    found = look(*LOGGED.receipts)
    assert found == LogLooked(ORIGIN, 3, 2 + len(RECORDS), len(LOGGED.leaves), None)


def test_in_any_order_of_the_receipts() -> None:
    assert look(*reversed(LOGGED.receipts)) == look(*LOGGED.receipts)


def test_what_was_destroyed_is_told() -> None:
    model = digest_of(b"a model")
    leaves = [*LEAVES[:-1], ceremony_leaf(LOGGED.play, RECORDS[-1], model)]
    found = look(*of(leaves))
    assert found is not None
    assert found.destroys == model


def test_without_bundle_or_receipts_nothing_was_looked_at() -> None:
    assert look_in_log(OF, None, LOGGED.receipts) is None
    assert look() is None


@pytest.mark.parametrize("place", range(len(RECORDS)))
def test_a_receipt_too_few(place: int) -> None:
    some = [*LOGGED.receipts[:place], *LOGGED.receipts[place + 1 :]]
    with pytest.raises(CeremonyRefused, match=f"record {place} has no receipt"):
        look(*some)


def test_a_receipt_too_many() -> None:
    further = replace(RECORDS[-1], seq=RECORDS[-1].seq + 1)
    receipts = of([*LEAVES, ceremony_leaf(LOGGED.play, further)])
    with pytest.raises(CeremonyRefused, match="more records"):
        look(*receipts)
    with pytest.raises(CeremonyRefused):
        look(*LOGGED.receipts, LOGGED.receipts[0])


def test_another_record_than_the_log_holds() -> None:
    other = replace(RECORDS[2], raw=RECORDS[2].raw + b" ")
    leaves = [*LEAVES[:2], ceremony_leaf(LOGGED.play, other), *LEAVES[3:]]
    with pytest.raises(CeremonyRefused, match="record 2: the log holds another one"):
        look(*of(leaves))


def test_another_order_than_the_log_holds() -> None:
    leaves = [*LEAVES[:2], LEAVES[3], LEAVES[2], *LEAVES[4:]]
    with pytest.raises(CeremonyRefused, match="another order"):
        look(*of(leaves))


def test_an_entry_that_is_no_ceremonys_record() -> None:
    with pytest.raises(CeremonyRefused, match="statement"):
        look(receipt(LOGGED.leaves, 1))


def test_an_entry_of_another_ceremony() -> None:
    other = replace(RECORDS[0], ceremony="genesis-2")
    leaves = [ceremony_leaf(LOGGED.play, other), *LEAVES[1:]]
    with pytest.raises(CeremonyRefused, match="another ceremony"):
        look(*of(leaves))


def test_another_log_and_a_receipt_that_proves_nothing() -> None:
    other = receipt(LOGGED.leaves, LOGGED.first, "other.example/log")
    with pytest.raises(KeyturnError):
        look(other, *LOGGED.receipts[1:])
    broken = LOGGED.receipts[0].replace(b'"index":3', b'"index":4')
    with pytest.raises(CeremonyRefused, match="does not prove"):
        look(broken, *LOGGED.receipts[1:])


def test_the_fingerprint_is_the_rosters() -> None:
    assert LOGGED.fingerprint == Digest(str(COURSE.done[-2].facts["authority"]))
