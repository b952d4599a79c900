"""Collateral proved by whoever looks: dates are the documents' own, a server's word is marked."""

from datetime import UTC, datetime, timedelta

import pytest

from keyturn.base.collateral import CollateralKind
from keyturn.base.strictjson import Fields
from keyturn.client.collateralstatus import read_status
from keyturn.client.collateralstock import Asked, foresee, items_of, needs_by_node, stock_of
from keyturn.collateral.fetching import Trust
from keyturn.collateral.staleness import State
from keyturn.policy.forecast import NodeNeeds, Why
from support.carried import Shelf, kept
from support.collateral import IntelDesk
from unit.keyrelease.release_desk import Desk

NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)
DAY = timedelta(days=1)
INTEL = IntelDesk()
TRUST = Trust(anchors=INTEL.anchors)
KIND = CollateralKind


def test_dates_are_read_of_documents_and_a_servers_word_only_makes_them_worse() -> None:
    shelf = Shelf(NOW, [INTEL.root_crl(NOW)])
    says = read_status(Fields(shelf.answer("GET", "x/status", {}), "x"))
    (item,) = items_of(shelf.documents, (), says, TRUST, NOW)
    assert item.age is not None
    assert (item.age.issued, item.fault, item.there, item.here) == (NOW, None, True, False)
    assert item.state(NOW) == (State.FRESH, False)
    assert item.proved_state(NOW + 29 * DAY) is State.DUE
    assert item.state(NOW + 31 * DAY) == (State.EXPIRED, False), "whatever the server says"
    shelf.now = NOW + 10 * DAY  # the server fetched it then, it says
    late = Shelf(NOW, [INTEL.root_crl(NOW)])
    lying = late.answer("GET", "x/status", {})
    lying["documents"][0]["state"] = "stale"  # type: ignore[index]
    says = read_status(Fields(lying, "x"))
    (item,) = items_of(late.documents, (), says, TRUST, NOW)
    assert item.state(NOW) in ((State.STALE, True), (State.FRESH, False))


def test_what_does_not_prove_itself_says_why_and_counts_as_expired() -> None:
    other = IntelDesk()
    (item,) = items_of([other.root_crl(NOW)], (), None, TRUST, NOW)
    assert item.fault is not None
    assert item.state(NOW) == (State.EXPIRED, False)
    assert foresee((item,), (), NOW) == (), "nothing of it is foreseen"


def test_what_both_have_stands_once() -> None:
    document = INTEL.root_crl(NOW)
    newer = INTEL.root_crl(NOW + timedelta(hours=1), 2)
    found = items_of([document], [kept(document, NOW), kept(newer, NOW)], None, TRUST, NOW + DAY)
    assert [(each.here, each.there) for each in found] == [(True, True), (True, False)]
    assert found[0].fetched == NOW


def test_ends_name_nodes_and_models_and_a_servers_word_dates_none() -> None:
    documents = INTEL.everything(NOW)
    items = items_of(documents, (), None, TRUST, NOW)
    keys = frozenset(each.key for each in items)
    needs = [NodeNeeds("gpu-1", frozenset({"llama"}), keys)]
    events = foresee(items, needs, NOW)
    assert {each.why for each in events} == {Why.DOCUMENT_ENDS, Why.CERTIFICATE_ENDS}
    assert all(each.nodes == ("gpu-1",) and each.models == ("llama",) for each in events)
    mine = items_of((), [kept(each, NOW) for each in documents], None, TRUST, NOW)
    assert Why.TOO_OLD in {each.why for each in foresee(mine, needs, NOW)}
    gone = foresee(items[1:], needs, NOW)
    assert (gone[0].why, gone[0].when) == (Why.MISSING, NOW)


@pytest.fixture(scope="module")
def desk() -> Desk:
    return Desk()


def test_needs_follow_evidence_and_the_models_policy(desk: Desk) -> None:
    asked = Asked("node-1", desk.digest, desk.request().raw)
    needs, users = needs_by_node([asked], desk.log.state, desk.clock())
    assert needs[0].collateral == frozenset(), "no policy asks for a list's age"
    assert {kind for kind, _ in users} == {KIND.AMD_CRL, KIND.NVIDIA_OCSP}
    assert set(users.values()) == {("node-1",)}
    desk.set_policy(collateral={"amd-crl": 86_400})
    needs, _ = needs_by_node([asked], desk.log.state, desk.clock())
    assert [kind for kind, _ in needs[0].collateral] == [KIND.AMD_CRL]
    assert len(needs[0].models) == 1
    stock = stock_of((), (), None, [asked], desk.log.state, desk.clock())
    assert [each.why for each in stock.events] == [Why.MISSING]
    nothing = Asked("node-2", desk.digest, b"nonsense")
    assert needs_by_node([nothing], desk.log.state, desk.clock()) == ((), {})
