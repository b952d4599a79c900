"""A keyholder is sealed, unsealed by its custodians, and sealed again; and what attackers get."""

import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from keyturn.base.errors import KeyturnError, MalformedError
from keyturn.base.strictjson import JsonObject
from keyturn.ceremony.errors import CeremonyReason, CeremonyRefused
from keyturn.ceremony.records import parse_record
from keyturn.ceremony.script import Part
from keyturn.ceremony.shareboxes import make_host_key
from keyturn.ceremony.shareerrors import MalformedShare, ShareFault, ShareRefused
from keyturn.hsm.errors import PinRefused
from keyturn.keyholder.config import load_config
from keyturn.keyholder.errors import KeyholderSealed
from keyturn.keyholder.logdisk_errors import LogRolledBack
from keyturn.keyholder.opening import clock
from keyturn.keyholder.sealable import PinRefusedBefore, Sealable
from keyturn.keyholder.sealedstate import Place
from keyturn.keyholder.sharefinding import FILE
from keyturn.quorum.entries import EntryKind, parse_entry, read_ceremony
from keyturn.tlog.merkle import leaf_hash
from keyturn.wire.keyholder import (
    AskChallenge,
    AskCheckpoint,
    AskEntries,
    AskHello,
    read_answer,
)
from keyturn.wire.requests import A, Request
from keyturn.wire.unsealing import AskUnseal, HandShare, UnsealNews
from support.custodians import Custodians, dealt, share_out
from support.founded import Founded, RealClock, make_founded


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Founded:
    return make_founded(tmp_path_factory.mktemp("founded") / "a")


@pytest.fixture
def custodians(origin: Founded, tmp_path: Path) -> Custodians:
    return share_out(origin.copied_to(tmp_path / "kh"))


def ask(keyholder: Sealable, request: Request[A]) -> A:
    answer: JsonObject = keyholder.answer(request)  # type: ignore[arg-type, assignment]
    return read_answer(request, answer)


@contextmanager
def sealed(founded: Founded) -> Iterator[Sealable]:
    place = Place(load_config(founded.config, {}), founded.directory)
    keyholder = Sealable(place, clock)
    try:
        keyholder.begin_sealed()
        yield keyholder
    finally:
        keyholder.close()


def news(keyholder: Sealable) -> UnsealNews:
    return ask(keyholder, AskUnseal())


def unseal(keyholder: Sealable, custodians: Custodians, *names: str) -> None:
    for name in names:
        ask(keyholder, custodians.share(news(keyholder), name))


def kinds(keyholder: Sealable) -> list[str]:
    hello = ask(keyholder, AskHello())
    leaves = ask(keyholder, AskEntries(0, hello.size)).leaves
    return [parse_entry(each).kind.value for each in leaves]


def test_it_answers_about_its_log_and_nothing_else(custodians: Custodians) -> None:
    with sealed(custodians.founded) as keyholder:
        hello = ask(keyholder, AskHello())
        assert hello.sealed
        assert hello.fingerprint == custodians.founded.fingerprint
        assert len(ask(keyholder, AskEntries(0, 100)).leaves) == hello.size
        assert ask(keyholder, AskCheckpoint()).startswith(hello.origin)
        with pytest.raises(KeyholderSealed):
            ask(keyholder, AskChallenge())


def test_enough_custodians_open_it_in_the_same_process(custodians: Custodians) -> None:
    with sealed(custodians.founded) as keyholder:
        first = news(keyholder)
        assert (first.entered, first.missing, first.sealed) == ((), 3, True)
        unseal(keyholder, custodians, "emil", "ada")
        second = news(keyholder)
        assert (second.entered, second.missing) == (("emil", "ada"), 1)
        with pytest.raises(KeyholderSealed):
            ask(keyholder, AskChallenge())

        taken = ask(keyholder, custodians.share(second, "chen"))

        assert not taken.sealed
        assert not ask(keyholder, AskHello()).sealed
        assert ask(keyholder, AskChallenge()).challenge
        assert kinds(keyholder)[-4:] == ["start", "configuration", "ceremony", "ceremony"]


def test_the_log_says_who_opened_it_and_holds_no_share(custodians: Custodians) -> None:
    with sealed(custodians.founded) as keyholder:
        opened = parse_record(news(keyholder).record)
        unseal(keyholder, custodians, "ada", "bela", "chen")
        size = ask(keyholder, AskHello()).size
        leaves = ask(keyholder, AskEntries(size - 2, size)).leaves
    entries = [read_ceremony(parse_entry(each)) for each in leaves]
    assert [(each.seq, each.event) for each in entries] == [(0, "opened"), (1, "done")]
    assert entries[0].record == opened.digest
    everything = b"".join(
        each.read_bytes() for each in custodians.founded.directory.rglob("*") if each.is_file()
    )
    assert custodians.secret("ada").public.officer.encode() in everything
    for words in custodians.words.values():
        assert words not in everything
        assert b" ".join(words.split()[:4]) not in everything
    assert custodians.founded.pin not in everything


def test_two_custodians_get_nothing(custodians: Custodians) -> None:
    with sealed(custodians.founded) as keyholder:
        unseal(keyholder, custodians, "ada", "bela")
        for _ in range(2):
            with pytest.raises(ShareRefused) as caught:
                unseal(keyholder, custodians, "bela")
            assert caught.value.fault is ShareFault.TWICE
        # bela hands in ada's share as if it were chen's
        borrowed = custodians.share(news(keyholder), "chen", words=custodians.words["ada"])
        with pytest.raises(ShareRefused):
            ask(keyholder, borrowed)
        assert ask(keyholder, AskHello()).sealed


def test_a_wrong_swapped_or_foreign_share_is_refused_and_not_kept(custodians: Custodians) -> None:
    _, foreign = dealt(custodians.founded.pin)
    wrong = {
        custodians.words["bela"]: ShareRefused,  # swapped
        foreign["ada"]: ShareRefused,  # of another ceremony, the same PIN
        b"academic acid acne": MalformedShare,
        custodians.words["ada"].replace(b" ", b"  ", 1): MalformedShare,
    }
    with sealed(custodians.founded) as keyholder:
        for words, error in wrong.items():
            with pytest.raises(error):
                ask(keyholder, custodians.share(news(keyholder), "ada", words=words))
        assert news(keyholder).entered == ()
        unseal(keyholder, custodians, "ada", "bela", "chen")
        assert not keyholder.is_sealed


def refused(keyholder: Sealable, request: Request[A]) -> CeremonyReason:
    with pytest.raises(CeremonyRefused) as caught:
        ask(keyholder, request)
    return caught.value.reason


def test_what_was_signed_for_an_older_session_counts_no_more(custodians: Custodians) -> None:
    """A control plane kept the envelopes of the last unsealing, and brings them after a restart."""
    kept = []
    with sealed(custodians.founded) as keyholder:
        for name in ("ada", "bela", "chen"):
            kept.append(custodians.share(news(keyholder), name))
            ask(keyholder, kept[-1])
        assert not keyholder.is_sealed
    with sealed(custodians.founded) as keyholder:
        for each in kept:
            assert refused(keyholder, each) is CeremonyReason.WRONG_CEREMONY
        assert keyholder.is_sealed


def test_a_share_for_another_key_step_part_or_time_is_refused(custodians: Custodians) -> None:
    with sealed(custodians.founded) as keyholder:
        shown = news(keyholder)
        swapped = make_host_key(secrets.token_bytes(96))[1]
        cases = {
            CeremonyReason.WRONG_SHARE: custodians.share(shown, "ada", host_key=swapped),
            CeremonyReason.WRONG_STEP: custodians.share(shown, "ada", step="close"),
            CeremonyReason.WRONG_PART: custodians.share(shown, "ada", part=Part.WITNESS),
            CeremonyReason.BAD_SIGNATURE: custodians.share(shown, "ada", signer="bela"),
            CeremonyReason.WRONG_TIME: custodians.share(
                shown, "ada", when=RealClock()() - timedelta(minutes=5)
            ),
        }
        for reason, share in cases.items():
            assert refused(keyholder, share) is reason
        good = custodians.share(shown, "ada")
        other = custodians.share(shown, "ada")
        mixed = type(good)(good.envelope, other.attached)
        assert refused(keyholder, mixed) is CeremonyReason.WRONG_ATTACHMENT
        for entered in (
            {"size": "1"},
            {"size": "01", "root": "ab" * 32},
            {"size": "x", "root": ""},
        ):
            with pytest.raises(MalformedError):
                ask(keyholder, custodians.share(shown, "ada", entered=entered))
        assert news(keyholder).entered == ()


def test_a_log_shorter_than_a_custodian_saw_is_not_unsealed(custodians: Custodians) -> None:
    """Whoever owns the disk put back the log of yesterday."""
    founded = custodians.founded
    yesterday = founded.directory.parent / "yesterday"
    with sealed(founded) as keyholder:
        shutil.copytree(founded.directory / "log", yesterday)
        unseal(keyholder, custodians, "ada", "bela", "chen")
        hello = ask(keyholder, AskHello())
        leaves = ask(keyholder, AskEntries(0, hello.size)).leaves
        root = keyholder._running.opened.keyholder.journal.log.checkpoint.checkpoint.root  # type: ignore[union-attr]
    seen = (hello.size, bytes(root))
    shutil.rmtree(founded.directory / "log")
    shutil.copytree(yesterday, founded.directory / "log")

    with sealed(founded) as keyholder:
        with pytest.raises(LogRolledBack, match="shorter"):
            ask(keyholder, custodians.share(news(keyholder), "ada", seen=seen))
        other = (1, bytes(leaf_hash(leaves[1])))
        with pytest.raises(LogRolledBack, match="not those"):
            ask(keyholder, custodians.share(news(keyholder), "ada", seen=other))
        # Custodians who saw nothing newer open it, and the token's own mark still refuses.
        with pytest.raises(LogRolledBack):
            unseal(keyholder, custodians, "ada", "bela", "chen")
        assert keyholder.is_sealed
        assert news(keyholder).entered == ()


def test_a_pin_that_the_token_refuses_is_tried_once(custodians: Custodians) -> None:
    other = share_out_of(b"00" * 16, custodians)
    with sealed(other.founded) as keyholder:
        unseal(keyholder, other, "ada", "bela")
        with pytest.raises(PinRefused):
            unseal(keyholder, other, "chen")
        assert keyholder.is_sealed
        for name in ("ada", "bela", "chen"):
            with pytest.raises(PinRefusedBefore):
                unseal(keyholder, other, name)


def share_out_of(pin: bytes, custodians: Custodians) -> Custodians:
    founded = custodians.founded
    return share_out(Founded(founded.directory, pin, pin, founded.fingerprint, founded.secrets))


def test_without_custodians_it_stays_sealed(custodians: Custodians) -> None:
    (custodians.founded.directory / FILE).unlink()
    with sealed(custodians.founded) as keyholder:
        assert news(keyholder).shares == ()
        share = custodians.share(news(keyholder), "ada")
        assert refused(keyholder, share) is CeremonyReason.LOCKED


@pytest.mark.parametrize(("name", "part"), [("ada", Part.CUSTODIAN), ("bela", Part.ADMINISTRATOR)])
def test_one_signature_seals_it_again(custodians: Custodians, name: str, part: Part) -> None:
    with sealed(custodians.founded) as keyholder:
        unseal(keyholder, custodians, "ada", "bela", "chen")
        open_news = news(keyholder)
        assert not open_news.sealed
        order = custodians.seal(open_news, name, part)

        index = ask(keyholder, order)

        assert keyholder.is_sealed
        size = ask(keyholder, AskHello()).size
        assert index == size - 1
        last = parse_entry(ask(keyholder, AskEntries(index, size)).leaves[0])
        assert last.kind is EntryKind.CEREMONY
        with pytest.raises(KeyholderSealed):
            ask(keyholder, order)
        unseal(keyholder, custodians, "chen", "dora", "emil")
        assert not keyholder.is_sealed
        assert refused(keyholder, order) is CeremonyReason.WRONG_CEREMONY


def test_sealing_takes_a_reason_and_a_role(custodians: Custodians) -> None:
    with sealed(custodians.founded) as keyholder:
        unseal(keyholder, custodians, "ada", "bela", "chen")
        shown = news(keyholder)
        with pytest.raises(MalformedError):
            ask(keyholder, custodians.seal(shown, "ada", why=""))
        witness = custodians.seal(shown, "ada", Part.WITNESS)
        assert refused(keyholder, witness) is CeremonyReason.WRONG_PART
        assert refused(keyholder, HandShare(b"{}", (b"x",))) is CeremonyReason.OVER


def test_shares_do_not_lie_about_for_ever(
    custodians: Custodians, monkeypatch: pytest.MonkeyPatch
) -> None:
    with sealed(custodians.founded) as keyholder:
        unseal(keyholder, custodians, "ada", "bela")
        before = news(keyholder)
        late = clock() + timedelta(hours=13)
        monkeypatch.setattr(keyholder._sealed, "_clock", lambda: late)
        keyholder.tick()
        after = news(keyholder)
        assert (before.entered, after.entered) == (("ada", "bela"), ())
        assert before.session != after.session


def test_killed_amid_it_all_it_is_sealed(custodians: Custodians) -> None:
    with sealed(custodians.founded) as keyholder:
        unseal(keyholder, custodians, "ada", "bela", "chen")
    with sealed(custodians.founded) as keyholder:
        assert keyholder.is_sealed
        assert kinds(keyholder)[-1] == "ceremony"
        with pytest.raises(KeyturnError), sealed(custodians.founded):
            pass  # a second one beside it
