"""One session of shares by itself: what it shows, and that it is over when it is over."""

import secrets
from datetime import timedelta

import pytest

from keyturn.base.encoding import digest_of
from keyturn.ceremony.errors import CeremonyReason, CeremonyRefused
from keyturn.ceremony.factreading import read_facts, read_opened
from keyturn.ceremony.facts import Unlocked
from keyturn.ceremony.kinds import SCRIPTS
from keyturn.ceremony.records import Event
from keyturn.ceremony.script import Action, ScriptKind, ShareUse
from keyturn.ceremony.sharesets import ShareSet
from keyturn.keyholder.ceremonies.hostkey import HostKey
from keyturn.keyholder.unsealing import LIFE, UnsealSession, opened_record
from keyturn.quorum.roster import Roster
from keyturn.tlog.checkpoints import Checkpoint
from keyturn.tlog.merkle import EMPTY_ROOT
from support.custodians import Custodians, dealt
from support.founded import ORIGIN, Founded, RealClock, officer_secrets
from unit.keyholder.rosters import roster_of

now = RealClock()


@pytest.fixture
def custodians() -> Custodians:
    pin = secrets.token_hex(16).encode()
    founded = Founded(None, pin, pin, None, officer_secrets())  # type: ignore[arg-type]
    return Custodians(founded, *dealt(pin))


def session_of(custodians: Custodians, sets: tuple[ShareSet, ...]) -> UnsealSession:
    seen: list[Checkpoint] = []
    key = HostKey()
    host = key.document(None, 0, bytes(EMPTY_ROOT), now(), None)
    opened = opened_record(ScriptKind.UNSEAL, key.boot, digest_of(host), sets, now())
    roster: Roster = roster_of(custodians.founded.secrets.values())
    return UnsealSession(key, opened, (host, None), sets, roster, seen.append, ORIGIN)


def test_the_last_share_gives_the_secret_once(custodians: Custodians) -> None:
    session = session_of(custodians, (custodians.share_set,))
    for name in ("ada", "bela"):
        share = custodians.share(session.news(), name)
        assert session.take(share.envelope, share.attached, now()) is None
    assert session.taken().missing == 1
    last = custodians.share(session.news(), "emil")

    enough = session.take(last.envelope, last.attached, now())

    assert enough is not None
    assert enough.secret == bytes.fromhex(custodians.founded.pin.decode())
    assert enough.done.event is Event.DONE
    assert enough.done.previous == session.opened.digest
    assert len(enough.done.signed) == 3
    facts = read_facts(Action.UNLOCK, enough.done.facts)
    assert facts == Unlocked(
        ShareUse.USER, custodians.share_set.identifier, ("ada", "bela", "emil")
    )
    assert session.news().entered == ()
    with pytest.raises(CeremonyRefused) as caught:
        session.take(last.envelope, last.attached, now())
    assert caught.value.reason is CeremonyReason.OVER
    assert custodians.founded.pin not in repr(enough).encode()


def test_record_0_says_what_it_is_about(custodians: Custodians) -> None:
    session = session_of(custodians, (custodians.share_set,))
    opened = read_opened(session.opened.facts)
    assert opened.script == SCRIPTS[ScriptKind.UNSEAL].to_bytes()
    assert opened.host == digest_of(session.news().host)
    assert opened.custody == (custodians.share_set,)
    assert session.opened.ceremony == f"unseal-{session.session}"


def test_its_shares_end_with_its_time(custodians: Custodians) -> None:
    session = session_of(custodians, (custodians.share_set,))
    assert not session.is_over(now() + 10 * LIFE)
    share = custodians.share(session.news(), "ada")
    session.take(share.envelope, share.attached, now())
    assert not session.is_over(now() + LIFE - timedelta(minutes=1))
    assert session.is_over(now() + LIFE + timedelta(minutes=1))
    session.wipe()
    assert session.news().entered == ()


def test_without_a_set_nothing_is_taken(custodians: Custodians) -> None:
    session = session_of(custodians, ())
    assert (session.news().missing, session.news().shares) == (0, ())
    share = custodians.share(session.news(), "ada")
    with pytest.raises(CeremonyRefused) as caught:
        session.take(share.envelope, share.attached, now())
    assert caught.value.reason is CeremonyReason.LOCKED
