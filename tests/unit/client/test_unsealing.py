"""A custodian's program: what it checks, by itself (whole stories: tests/flows/test_unseal.py)."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from keyturn.base.encoding import digest_of
from keyturn.base.errors import MalformedError
from keyturn.ceremony.errors import CeremonyReason, CeremonyRefused
from keyturn.ceremony.records import Event, make_record
from keyturn.ceremony.script import Part, ScriptKind
from keyturn.ceremony.shareerrors import MalformedShare, ShareFault, ShareRefused
from keyturn.client.unsealdoor import Known
from keyturn.client.unsealing import (
    KeyholderUnproved,
    check_keyholder,
    check_record,
    hand_share,
    keyholder_key,
    look_at,
    seal_order,
    share_for,
)
from keyturn.keyholder.config import load_config
from keyturn.keyholder.opening import clock
from keyturn.keyholder.sealable import Sealable
from keyturn.keyholder.sealedstate import Place
from keyturn.keyholder.unsealing import opened_record
from keyturn.officerkeys.signer import OfficerSigner
from keyturn.wire.keyholder import read_answer
from keyturn.wire.unsealing import AskSeal, AskUnseal, HandShare, ShareTaken, UnsealNews
from support.custodians import Custodians, dealt, share_out
from support.founded import Founded, RealClock, make_founded

now = RealClock()


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Founded:
    return make_founded(tmp_path_factory.mktemp("founded") / "a")


class Straight:
    """A door to a keyholder in this process."""

    local = False

    def __init__(self, keyholder: Sealable, custodians: Custodians) -> None:
        self.keyholder, self.custodians = keyholder, custodians
        log = keyholder._sealed.log  # type: ignore[union-attr]
        self._known = Known(log.state, log.checkpoint)

    def news(self) -> UnsealNews:
        return read_answer(AskUnseal(), self.keyholder.answer(AskUnseal()))  # type: ignore[arg-type]

    def known(self) -> Known:
        return self._known

    def hand(self, share: HandShare) -> ShareTaken:
        return read_answer(share, self.keyholder.answer(share))  # type: ignore[arg-type]

    def seal(self, order: AskSeal) -> int:
        return read_answer(order, self.keyholder.answer(order))  # type: ignore[arg-type]

    def signer(self, name: str) -> OfficerSigner:
        return OfficerSigner(self.custodians.secret(name))

    def words(self, name: str) -> bytearray:
        return bytearray(self.custodians.words[name])


@pytest.fixture
def door(origin: Founded, tmp_path: Path) -> Iterator[Straight]:
    custodians = share_out(origin.copied_to(tmp_path / "kh"))
    founded = custodians.founded
    keyholder = Sealable(Place(load_config(founded.config, {}), founded.directory), clock)
    keyholder.begin_sealed()
    yield Straight(keyholder, custodians)
    keyholder.close()


def test_three_programs_open_it_and_one_closes_it(door: Straight) -> None:
    for name in ("ada", "bela", "chen"):
        taken = hand_share(door, door.signer(name), door.words(name), now())
    assert not taken.sealed
    with pytest.raises(CeremonyRefused) as caught:
        look_at(door, "ada", now())
    assert caught.value.reason is CeremonyReason.OVER
    order = seal_order(door.news(), door.signer("ada"), Part.CUSTODIAN, "enough", now())
    assert door.seal(order)
    with pytest.raises(CeremonyRefused):
        seal_order(door.news(), door.signer("ada"), Part.CUSTODIAN, "enough", now())


def test_somebody_without_a_share_is_told_so(door: Straight) -> None:
    found = look_at(door, "zoe", now())
    assert found.member is None
    assert not found.entered
    with pytest.raises(ShareRefused):
        share_for(look_at(door, "ada", now()), door.signer("ada"), door.words("bela"), now())
    with pytest.raises(MalformedShare):
        share_for(look_at(door, "ada", now()), door.signer("ada"), bytearray(b"acid"), now())


def test_a_rehearsals_share_does_not_leave_and_its_sets_are_refused(door: Straight) -> None:
    rehearsed, words = dealt(door.custodians.founded.pin, rehearsal=True)
    found = look_at(door, "ada", now())
    relabelled = replace(found, news=replace(found.news, shares=(rehearsed,)))
    for each in (found, relabelled):
        with pytest.raises(ShareRefused) as refused:
            share_for(each, door.signer("ada"), bytearray(words["ada"]), now())
        assert refused.value.fault is ShareFault.REHEARSED
    news = replace(door.news(), shares=(rehearsed,))
    with pytest.raises(ShareRefused, match="a share set of a rehearsal"):
        check_keyholder(news, "ada", door.known(), now(), local=True)


def test_a_record_that_is_another_one_is_refused(door: Straight) -> None:
    news, known = door.news(), door.known()
    other = opened_record(ScriptKind.UNSEAL, news.session, digest_of(b"other"), news.shares, now())
    foreign = opened_record(ScriptKind.UNSEAL, "00" * 16, "x", news.shares, now())
    seal = opened_record(ScriptKind.SEAL, news.session, digest_of(news.host), (), now())
    for record in (other, foreign, seal):
        with pytest.raises(KeyholderUnproved):
            check_keyholder(replace(news, record=record.raw), "ada", known, now(), local=False)
    with pytest.raises(MalformedError):
        check_keyholder(replace(news, record=b"{}"), "ada", known, now(), local=False)


def test_another_script_than_ones_own_is_refused(door: Straight) -> None:
    news = door.news()
    facts = opened_record(ScriptKind.SEAL, news.session, "x", (), now()).facts
    record = make_record(
        f"unseal-{news.session}",
        rehearsal=False,
        seq=0,
        previous=None,
        event=Event.OPENED,
        step=None,
        time=now(),
        signed=(),
        facts=facts,
    )
    with pytest.raises(KeyholderUnproved, match="another script"):
        check_record(replace(news, record=record.raw), ScriptKind.UNSEAL)


def test_a_keyholder_without_a_share_set_asks_for_none(door: Straight) -> None:
    with pytest.raises(ShareRefused):
        check_keyholder(replace(door.news(), shares=()), "ada", door.known(), now(), local=False)


def test_the_key_that_keys_names_is_found(door: Straight) -> None:
    assert keyholder_key(None) is None
    assert keyholder_key(door.known().state.newest_keys) is not None
