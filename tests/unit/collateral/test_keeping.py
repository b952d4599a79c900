"""Cache and fetcher together: what is asked for, what stays in use, what is handed in."""

from datetime import UTC, datetime, timedelta
from urllib.parse import quote

from keyturn.attest.anchors import HARDWARE_ANCHORS
from keyturn.base.collateral import APPRAISED, CollateralKind
from keyturn.collateral.cache import Cache, entry_name
from keyturn.collateral.errors import IssuerMissing, RolledBack, VendorUnreachable
from keyturn.collateral.keeping import Collateral, Done, any_failed
from keyturn.collateral.scopes import Wanted
from keyturn.collateral.staleness import State
from support.vendoranswers import (
    CHAIN,
    CHAIN_PATH,
    NOW,
    PCK_LIST,
    QE,
    QE_PATH,
    ROOT_LIST,
    ROOT_PATH,
    TCB,
    TCB_PATH,
    Clockwork,
    Recorded,
)
from support.vendorserver import Answer, VendorServer
from unit.collateral.conftest import FetcherOf

EVERY = (CHAIN, TCB, QE, ROOT_LIST, PCK_LIST)


def test_everything_is_fetched_kept_and_handed_in(collateral: Collateral) -> None:
    outcomes = collateral.refresh(EVERY, NOW)
    assert [each.done for each in outcomes] == [Done.NEWER] * 5
    assert not any_failed(outcomes)
    handed = collateral.documents()
    assert {each.kind for each in handed} == APPRAISED & {each.kind for each in EVERY}
    assert len(collateral.contents().kept) == 5


def test_what_is_fresh_is_not_asked_for(collateral: Collateral, server: VendorServer) -> None:
    collateral.refresh([PCK_LIST], NOW)
    asked = len(server.asked)
    assert collateral.refresh([PCK_LIST], NOW)[0].done is Done.FRESH
    assert len(server.asked) == asked
    assert collateral.refresh([PCK_LIST], NOW, force=True)[0].done is Done.SAME
    assert len(server.asked) == asked + 1


def test_what_proves_another_is_fetched_first(collateral: Collateral, server: VendorServer) -> None:
    assert collateral.refresh([ROOT_LIST], NOW)[0].done is Done.NEWER
    assert server.asked == [QE_PATH, ROOT_PATH]
    assert collateral.get(*QE.key) is not None


def test_an_old_answer_is_used_while_the_vendor_is_away(
    collateral: Collateral, server: VendorServer, clockwork: Clockwork
) -> None:
    collateral.refresh([PCK_LIST], NOW)
    server.answers.clear()
    clockwork.now_is = NOW + timedelta(days=10)
    (outcome,) = collateral.refresh([PCK_LIST], clockwork.now_is)
    assert outcome.done is Done.OLD
    assert outcome.kept is not None
    assert outcome.kept.state(clockwork.now_is) is State.STALE
    assert outcome.kept.fetched == NOW
    assert outcome.error is not None
    assert any_failed([outcome])
    assert collateral.documents()[0].kind is PCK_LIST.kind


def test_one_failure_is_its_own(collateral: Collateral, server: VendorServer) -> None:
    server.say(CHAIN_PATH, Answer(b"", 403))
    outcomes = collateral.refresh([CHAIN, TCB], NOW)
    assert [each.done for each in outcomes] == [Done.FAILED, Done.NEWER]
    assert isinstance(outcomes[0].error, VendorUnreachable)
    assert outcomes[0].kept is None


def test_without_its_issuer_a_document_is_not_fetched(
    collateral: Collateral, server: VendorServer
) -> None:
    server.say(QE_PATH, Answer(b"", 403))
    (outcome,) = collateral.refresh([ROOT_LIST], NOW)
    assert isinstance(outcome.error, IssuerMissing)
    assert server.count(ROOT_PATH) == 0


def test_a_mirror_that_is_behind_changes_nothing(
    cache: Cache, fetcher_of: FetcherOf, server: VendorServer, recorded: Recorded
) -> None:
    """The attack: a mirror answers with a list of last month's that is still current."""
    collateral = Collateral(cache, fetcher_of())
    collateral.refresh([QE], NOW)
    other = Recorded(recorded.vectors, "00806f05-2025-10")
    then = Clockwork(datetime(2025, 10, 20, tzinfo=UTC))
    old = fetcher_of(around=then.around())
    server.say(QE_PATH, _qe_answer(other))
    (outcome,) = Collateral(cache, old).refresh([QE], then.now_is, force=True)
    assert outcome.done is Done.OLD
    assert isinstance(outcome.error, RolledBack)
    kept = collateral.get(*QE.key)
    assert kept is not None
    assert kept.document == recorded.document(QE)


def _qe_answer(other: Recorded) -> Answer:
    headers = {"SGX-Enclave-Identity-Issuer-Chain": quote(other.issuers("qe_identity"))}
    return Answer(other.qe_identity(), headers=headers)


def test_a_damaged_entry_is_fetched_anew(collateral: Collateral, cache: Cache) -> None:
    collateral.refresh([CHAIN], NOW)
    (cache.directory / entry_name(*CHAIN.key)).write_bytes(b"garbage")
    assert collateral.get(*CHAIN.key) is None
    assert collateral.refresh([CHAIN], NOW)[0].done is Done.NEWER
    assert collateral.get(*CHAIN.key) is not None


def test_a_scope_of_another_form_is_an_outcome(collateral: Collateral) -> None:
    (outcome,) = collateral.refresh([Wanted(CollateralKind.AMD_VEK, "Milan/ab/cd")], NOW)
    assert outcome.done is Done.FAILED


def test_an_attack_is_never_kept(
    cache: Cache, fetcher_of: FetcherOf, server: VendorServer, recorded: Recorded
) -> None:
    nobody = fetcher_of(HARDWARE_ANCHORS.narrowed_to(()))
    outcomes = Collateral(cache, nobody).refresh(EVERY, NOW)
    assert {each.done for each in outcomes} == {Done.FAILED}
    assert cache.contents().kept == ()
    assert server.count(TCB_PATH) == 1
