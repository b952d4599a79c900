"""What a fleet's requests call for, and what of the kept is told as no longer fresh."""

from datetime import UTC, datetime, timedelta

from keyturn.base.collateral import CollateralDocument, CollateralKind
from keyturn.collateral.staleness import State
from keyturn.control.collateralplan import changes, counts, read_standing, wanted_of
from support.collateral import IntelDesk
from unit.keyrelease.release_desk import Desk

NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)
INTEL = IntelDesk()


def test_vendors_are_not_asked_about_simulated_hardware_nor_by_nonsense() -> None:
    assert wanted_of([Desk().request().raw, b"nonsense"]) == ()


def test_a_standing_says_its_dates_and_its_state() -> None:
    found = read_standing(INTEL.root_crl(NOW, 7), NOW, "a vendor")
    assert found is not None
    data = found.to_data(NOW + timedelta(days=3), held=True)
    assert (data["state"], data["number"], data["held"]) == ("due", "7", True)
    assert data["until"] == "2026-12-23T08:00:00Z"
    bad = CollateralDocument(CollateralKind.AMD_CRL, "vcek/Milan", b"x", ())
    assert read_standing(bad, NOW, "") is None


def test_what_is_not_fresh_is_told_once_for_each_state() -> None:
    standing = read_standing(INTEL.root_crl(NOW), NOW, "a vendor")
    assert standing is not None
    standings = {"ab": standing}
    assert changes(standings, {}, NOW) == ({}, [])
    due, news = changes(standings, {}, NOW + timedelta(days=2))
    assert (due, [state for _, state in news]) == ({"ab": "due"}, [State.DUE])
    assert changes(standings, due, NOW + timedelta(days=2)) == (due, [])
    late, news = changes(standings, due, NOW + timedelta(days=40))
    assert (late, [state for _, state in news]) == ({"ab": "expired"}, [State.EXPIRED])
    assert counts([standing], NOW)["fresh"] == 1
