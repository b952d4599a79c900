"""The page as values: dates are the documents' own, a server's word is marked as such."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from keyturn.client.collateralcarry import Brought, Parcel, Verdict
from keyturn.client.collateralstatus import Said
from keyturn.client.collateralstock import Stock, foresee, items_of
from keyturn.collateral.fetching import Trust
from keyturn.collateral.staleness import State
from keyturn.policy.forecast import NodeNeeds
from keyturn.wire.collateral import CollateralRefused
from keyturn_app.screens.collateral.viewmodel import (
    ATTENTION,
    chosen,
    detail_of,
    forecast_view,
    held_look,
    item_id,
    look_of,
    parcel_view,
    row_of,
    stops_text,
)
from support.collateral import IntelDesk

NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)
DAY = timedelta(days=1)
INTEL = IntelDesk()
TRUST = Trust(anchors=INTEL.anchors)
ITEMS = items_of(INTEL.everything(NOW), (), None, TRUST, NOW)
NEEDS = [
    NodeNeeds(f"gpu-{n}", frozenset({"llama"}), frozenset(e.key for e in ITEMS)) for n in range(5)
]
STOCK = Stock(ITEMS, tuple(NEEDS), {}, foresee(ITEMS, NEEDS, NOW), None, NOW)


def test_a_row_says_what_the_document_says() -> None:
    row = row_of(ITEMS[0], NOW + 2 * DAY)
    assert (row.vendor, row.age, row.issued, row.until) == (
        "Intel", "2 days", "2026-11-23", "2026-12-23"
    )  # fmt: skip
    assert len(row.texts) == 9
    assert row.held.word == "Not said"


def test_a_servers_word_is_marked_and_never_makes_better() -> None:
    said = Said(NOW - 10 * DAY, "a vendor", State.STALE, held=False)
    item = replace(ITEMS[0], said=said)
    assert look_of(item, NOW).word == "Stale, says the server"
    assert held_look(item).word == "Does not keep it"
    fresh = replace(ITEMS[0], said=Said(NOW, "a vendor", State.FRESH, held=True))
    assert look_of(fresh, NOW + 40 * DAY).word == "Expired"
    assert held_look(replace(item, there=False)).word == "Only here"


def test_what_does_not_prove_itself_is_not_called_expired() -> None:
    (item,) = items_of([IntelDesk().root_crl(NOW)], (), None, TRUST, NOW)
    assert look_of(item, NOW).word == "Not proved"
    detail = detail_of(item, replace(STOCK, events=()), NOW)
    assert detail.fault
    assert detail.ends == ()


def test_filters_go_together() -> None:
    assert chosen(ITEMS, frozenset(), "", NOW) == list(ITEMS)
    assert chosen(ITEMS, frozenset({"AMD"}), "", NOW) == []
    assert chosen(ITEMS, frozenset({ATTENTION}), "", NOW) == []
    assert len(chosen(ITEMS, frozenset({"Intel", ATTENTION}), "", NOW + 40 * DAY)) == 4
    (found,) = chosen(ITEMS, frozenset(), "fmspc TCB", NOW)
    assert found.document.kind.value == "intel-tcb-info"
    digest = ITEMS[1].document.digest
    assert chosen(ITEMS, frozenset(), digest[7:30], NOW) == [ITEMS[1]]


def test_the_forecast_names_nodes_and_models() -> None:
    shown = forecast_view(STOCK, 90, 99, NOW)
    assert (len(shown.events), shown.selected) == (4, None)
    assert stops_text(shown.events[0]) == "gpu-0, gpu-1, gpu-2 and 2 more · llama"
    assert shown.rows[0].look.word == "Stops nodes"
    assert "gpu-0" in shown.rows[0].spoken
    assert forecast_view(STOCK, 30, None, NOW + 60 * DAY).rows[0].look.word == "Stops nodes now"
    assert forecast_view(STOCK, 90, 1, NOW).selected == 1
    assert shown.summary == "4 events · 4 stop nodes"


def test_details_keep_what_is_proved_apart_from_what_is_said() -> None:
    said = Said(NOW, "handed in", State.FRESH, held=True)
    detail = detail_of(replace(ITEMS[0], said=said, users=("gpu-0",)), STOCK, NOW)
    assert detail.id == item_id(ITEMS[0])
    assert {name for name, _, _ in detail.facts} >= {"Issued", "Valid until", "Scope"}
    assert [name for name, _, _ in detail.said] == ["Fetched", "From", "Keyholder"]
    assert detail.users == "gpu-0"
    assert "Stops gpu-0" in detail.ends[0]


def test_a_parcel_says_of_each_document_what_became_of_it() -> None:
    document = ITEMS[0].document
    good = Brought(document.kind, document.scope, Verdict.NEWER, document, ITEMS[0].age)
    no = CollateralRefused(document.kind.value, document.scope, "collateral-older", "a", "b")
    rows = (good, replace(good, kept=True), replace(good, kept=False, answer=no))
    view = parcel_view(Parcel("b.zip", rows, 1, NOW + DAY))
    assert [each.answer for each in view.rows] == [
        "Proved here, not handed in yet",
        "The keyholder keeps it",
        "The keyholder refuses it: found a, expected b",
    ]
    assert (view.count, view.done) == (3, True)
    assert "2026-11-24" in view.text
