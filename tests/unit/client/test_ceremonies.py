"""A reader believes a host as far as its records prove themselves, and no further."""

from dataclasses import replace
from datetime import datetime
from typing import TypeVar, cast

import pytest

from keyturn.base.errors import KeyturnError, MalformedError
from keyturn.ceremony.course import CourseState
from keyturn.ceremony.errors import CeremonyRefused
from keyturn.ceremony.kinds import SCRIPTS
from keyturn.ceremony.script import Many, Part, ScriptKind, ShareUse, Signers
from keyturn.ceremony.steps import Word
from keyturn.client.ceremonies import CeremonyReader
from keyturn.quorum.bundle import load_bundle
from keyturn.wire.ceremonies import AskCeremony, CeremonyNews
from keyturn.wire.requests import Request
from support.ceremonies import Cast, Play, genesis_plan, played_genesis, playing_genesis, share_sets
from support.ceremonylog import logged_genesis
from support.playedhost import PlayedHost

A = TypeVar("A")
ID = "rehearsal-genesis-1"


def host_at(step: str | None) -> PlayedHost:
    """A genesis that waits for this step; None: one that is over."""
    for play in playing_genesis():
        if (play.course.step.id if play.course.step else None) == step:
            return PlayedHost(play.cast, play)
    raise AssertionError(step)


class Lying:
    """A host whose news are changed on the way."""

    def __init__(self, host: PlayedHost, lie: object) -> None:
        self.host = host
        self.lie = lie

    def ask(self, request: Request[A]) -> A:
        answer = self.host.ask(request)
        if isinstance(request, AskCeremony):
            return cast("A", self.lie(answer))  # type: ignore[operator]
        return answer


def test_a_ceremony_is_followed_record_by_record() -> None:
    host = host_at("open")
    play = host.play
    assert play is not None
    reader = CeremonyReader(host)
    first = reader.read(ID)
    assert first.course.step is not None
    assert (first.course.step.id, first.waiting and first.waiting.seq) == ("open", 1)
    play.do({"roster": None, "file": None})
    then = reader.read(ID)
    assert len(then.course.records) == 2
    assert reader.read(ID).verified is then.verified  # nothing new: nothing is proved again


def test_what_it_is_about_is_the_plans() -> None:
    followed = CeremonyReader(host_at("hand-out")).read(ID)
    assert followed.ceremony == ID
    assert followed.share_sets == share_sets(followed.plan)
    assert {each.use for each in followed.share_sets} == set(ShareUse)
    assert not followed.verified.looked_at.pinned


def test_one_that_is_over_waits_for_nothing() -> None:
    followed = CeremonyReader(host_at(None)).read(ID)
    assert followed.waiting is None
    assert followed.course.state is CourseState.DONE


def test_an_aborted_one_is_over() -> None:
    host = host_at("hand-out")
    assert host.play is not None
    host.play.say(Word.ABORT, "The token's reader is broken.")
    followed = CeremonyReader(host).read(ID)
    assert (followed.course.state, followed.waiting) == (CourseState.ABORTED, None)


def test_the_list_is_the_hosts_word() -> None:
    found = CeremonyReader(host_at("hand-out")).all()
    assert [(each.ceremony, each.step) for each in found.ceremonies] == [(ID, "hand-out")]


def cut(news: CeremonyNews) -> CeremonyNews:
    return replace(news, records=news.records[:-1])


def flipped(news: CeremonyNews) -> CeremonyNews:
    last = news.records[-1].replace(b'"time":"2026', b'"time":"2027', 1)
    return replace(news, records=(*news.records[:-1], last))


def swapped(news: CeremonyNews) -> CeremonyNews:
    return replace(news, records=(*news.records[:-2], news.records[-1], news.records[-2]))


def left_out(news: CeremonyNews) -> CeremonyNews:
    return replace(news, records=(*news.records[:1], *news.records[2:]), seq=news.seq - 1)


def no_record(news: CeremonyNews) -> CeremonyNews:
    return replace(news, records=())


def longer(news: CeremonyNews) -> CeremonyNews:
    return replace(news, seq=news.seq + 1)


def another_step(news: CeremonyNews) -> CeremonyNews:
    assert news.waiting is not None
    return replace(news, waiting=replace(news.waiting, step="close"))


def another_place(news: CeremonyNews) -> CeremonyNews:
    assert news.waiting is not None
    return replace(news, waiting=replace(news.waiting, seq=1))


def all_over(news: CeremonyNews) -> CeremonyNews:
    return replace(news, waiting=None)


def unsigned(news: CeremonyNews) -> CeremonyNews:
    """The step's last signature is gone, as if it had not been needed."""
    play = next(each for each in playing_genesis() if each.step.id == "preflight")
    signatures = play.signatures()[:-1]
    play.add(play.course.last.event.DONE, "preflight", signatures, {})
    return replace(news, records=play.raw)


LIES = [
    cut, flipped, swapped, left_out, no_record, longer, another_step, another_place, all_over,
    unsigned,
]  # fmt: skip


@pytest.mark.parametrize("lie", LIES, ids=lambda lie: lie.__name__)
def test_a_host_that_lies_is_found_out(lie: object) -> None:
    reader = CeremonyReader(Lying(host_at("make-token"), lie))
    with pytest.raises((CeremonyRefused, MalformedError)):
        reader.read(ID)


def test_history_is_not_rewritten_later() -> None:
    host, other = host_at("make-token"), host_at("hand-out")
    assert host.play is not None
    host.play.say(Word.NOTE, "A note that the other one lacks.")
    reader = CeremonyReader(host)
    reader.read(ID)
    host.play = other.play
    with pytest.raises((CeremonyRefused, MalformedError)):
        reader.read(ID)


def test_another_ceremony_is_not_taken_for_the_one_asked_for() -> None:
    with pytest.raises(CeremonyRefused, match="another ceremony"):
        CeremonyReader(host_at("open")).read("rehearsal-genesis-2")


def test_an_authority_that_nobody_pinned_is_not_believed() -> None:
    logged = logged_genesis()
    cast = logged.play.cast
    plan = genesis_plan(
        cast, rehearsal=False, founding=None, authority=logged.fingerprint, ceremony="unseal-1"
    )
    host = PlayedHost(cast, Play(cast, plan))
    with pytest.raises(CeremonyRefused, match="not pinned"):
        CeremonyReader(host).read("unseal-1")


def test_another_authority_is_not_believed() -> None:
    logged = logged_genesis()
    cast = logged.play.cast
    other = "sha256:" + "00" * 32
    plan = genesis_plan(cast, rehearsal=False, founding=None, authority=other, ceremony="unseal-1")
    host = PlayedHost(cast, Play(cast, plan))
    authority = load_bundle(logged.bundle, logged.fingerprint, cast_time(), lenient=True)
    with pytest.raises(CeremonyRefused, match="not pinned here"):
        CeremonyReader(host, authority).read("unseal-1")


def test_an_easier_script_is_not_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A host brings a script of the same kind whose steps the administrator signs alone."""
    genesis = SCRIPTS[ScriptKind.GENESIS]
    alone = Signers(Part.ADMINISTRATOR, Many.ONE)
    easier = replace(
        genesis, steps=tuple(replace(each, signers=(alone,)) for each in genesis.steps)
    )
    monkeypatch.setattr("support.ceremonies.SCRIPTS", {ScriptKind.GENESIS: easier})
    people = Cast()
    plan = genesis_plan(people, script=easier.digest)
    host = PlayedHost(people, Play(people, plan))
    with pytest.raises(CeremonyRefused, match="another script"):
        CeremonyReader(host).read(ID)


def test_no_genesis_is_signed_under_a_pinned_authority() -> None:
    """A server replays the authority's own genesis up to the signing of its keys, and asks for
    signatures over keys of its own: a bundle does not ask what its keys follow."""
    logged = logged_genesis()
    people = logged.play.cast
    authority = load_bundle(logged.bundle, logged.fingerprint, cast_time(), lenient=True)
    host = PlayedHost(people, Play(people, genesis_plan(people, rehearsal=False)))
    assert CeremonyReader(host).read("genesis-1").plan.kind is ScriptKind.GENESIS
    with pytest.raises(CeremonyRefused, match="founded already"):
        CeremonyReader(host, authority).read("genesis-1")


def cast_time() -> datetime:
    return played_genesis().plan.time


def test_an_endless_answer_is_ended() -> None:
    class Endless(Lying):
        asked = 0

        def ask(self, request: Request[A]) -> A:
            if isinstance(request, AskCeremony):
                Endless.asked += 1
                assert Endless.asked < 100
                host = host_at("preflight")
                raw = host.ask(AskCeremony(ID)).records[:1]
                return cast("A", CeremonyNews(raw, 10_000, None))
            return super().ask(request)

    with pytest.raises(KeyturnError):
        CeremonyReader(Endless(host_at("preflight"), None)).read(ID)
