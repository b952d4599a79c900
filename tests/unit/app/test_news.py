"""News in words: each kind of event, alarms, turns of the connection; what was read."""

from dataclasses import replace

import pytest

from keyturn_app.desk import Topic
from keyturn_app.facts import Link
from keyturn_app.news import News, Tone, item_of
from keyturn_app.settings import MemoryPreferences
from support.authority import Clock
from support.desks import InlineDesk
from support.facts import alarm, happening, standing_desk, with_link
from unit.client.scripted_server import ScriptedServer

DIGEST = "sha256:" + "ab" * 32


@pytest.fixture
def desk() -> InlineDesk:
    return standing_desk(ScriptedServer(Clock()))


@pytest.mark.parametrize(
    ("kind", "data", "title", "page", "target"),
    [
        (
            "proposal",
            {"proposer": "ada", "digest": DIGEST},
            "ada proposed a change",
            "approvals",
            DIGEST,
        ),
        (
            "proposal",
            {"withdrawn": True, "digest": DIGEST},
            "A proposal was withdrawn",
            "approvals",
            DIGEST,
        ),
        (
            "rebuilt",
            {"empty": True, "reason": "the database had no entry of the log", "without_key": []},
            "The server's database was lost, and written anew from the log",
            "log",
            "",
        ),
        (
            "rebuilt",
            {"empty": False, "reason": "rows differed", "without_key": [DIGEST]},
            "The server's database was written anew from the log",
            "models",
            "",
        ),
        (
            "ceremony",
            {"ceremony": "kc-1", "kind": "backup", "seq": 0, "event": "opened"},
            "A key ceremony was opened",
            "ceremonies",
            "kc-1",
        ),
        (
            "ceremony",
            {"ceremony": "kc-1", "kind": "backup", "seq": 2, "event": "done"},
            "A key ceremony went on",
            "ceremonies",
            "kc-1",
        ),
        (
            "approval",
            {"officer": "bela", "decision": "approve"},
            "bela approved a proposal",
            "approvals",
            "",
        ),
        (
            "approval",
            {"officer": "bela", "decision": "reject"},
            "bela rejected a proposal",
            "approvals",
            "",
        ),
        ("in-force", {"digest": DIGEST}, "In force", "approvals", DIGEST),
        ("revocation", {"digest": DIGEST}, "Revoked", "approvals", DIGEST),
        (
            "refused",
            {"digest": DIGEST},
            "The keyholder did not take a proposal",
            "approvals",
            DIGEST,
        ),
        ("model", {"digest": DIGEST}, "A sealed model was registered", "models", DIGEST),
        ("grant", {"node": "n1"}, "A key was released to n1", "fleet", "n1"),
        ("refusal", {"node": "n1", "reasons": ["stale"]}, "n1 was refused a key", "fleet", "n1"),
        ("report", {"officer": "ada", "count": 3}, "Sign-ins failed as ada", "log", ""),
        ("report", {"officer": None, "count": 3}, "Sign-ins failed", "log", ""),
        (
            "configuration",
            {"program": "keyholder", "changed": ["workers"]},
            "Settings of the keyholder changed",
            "log",
            "",
        ),
        (
            "configuration",
            {"program": "control", "changed": [1, ["x"]]},
            "Settings of the control plane changed",
            "log",
            "",
        ),
        ("heartbeat-lost", {"node": "n1"}, "No word from n1", "fleet", "n1"),
        (
            "wiped",
            {"node": "n1", "time_to_wipe_ms": 41},
            "n1 wiped its keys and weights",
            "fleet",
            "n1",
        ),
        (
            "platform-changed",
            {"node": "n1"},
            "Another machine came under the name n1",
            "fleet",
            "n1",
        ),
        (
            "history-rewritten",
            {},
            "The server reports that the log's history was rewritten",
            "log",
            "",
        ),
        ("new-kind", {}, "Event “new-kind”", "", ""),
    ],
)
def test_each_kind_of_event_has_words_and_a_way_to_it(
    kind: str, data: dict[str, object], title: str, page: str, target: str
) -> None:
    item = item_of(happening(1, kind, **data))
    assert (item.title, item.page, item.target) == (title, page, target)


@pytest.mark.parametrize("value", [None, 7, ["a"], {"a": 1}, "x" * 10_000])
def test_what_the_server_sends_instead_is_shown_short(value: object) -> None:
    for kind in ("proposal", "approval", "refusal", "wiped", "model", "in-force"):
        data = dict.fromkeys(("node", "digest", "kind", "subject", "officer", "reasons"), value)
        item = item_of(happening(1, kind, **data))
        assert len(item.title) < 300
        assert len(item.detail) < 500


@pytest.mark.parametrize("kind", ["renewal", "decision"])
def test_what_goes_on_all_day_is_no_news(desk: InlineDesk, kind: str) -> None:
    desk.show(replace(desk.facts, happenings=(happening(1, kind, node="n1"),)))
    news = News(desk, MemoryPreferences())
    assert news.items == ()
    assert news.unread == 0


def test_what_was_read_stays_read_the_next_time(desk: InlineDesk) -> None:
    kept = MemoryPreferences()
    desk.show(replace(desk.facts, happenings=(happening(4, "grant", node="n1"),)))
    news = News(desk, kept)
    assert news.unread == 1
    assert [each.title for each in news.fresh] == ["A key was released to n1"]
    news.mark_read()
    assert news.unread == 0
    assert News(desk, kept).unread == 0
    desk.show(replace(desk.facts, happenings=(*desk.facts.happenings, happening(5, "wiped"))))
    assert news.unread == 1


def test_an_alarm_is_news_once(desk: InlineDesk) -> None:
    news = News(desk, MemoryPreferences())
    for _time in range(3):
        desk.show(replace(desk.facts, alarms=(alarm(),)), Topic.ALARMS)
    assert [each.tone for each in news.items] == [Tone.ALARM]
    assert news.unread == 1


def test_a_turn_of_the_connection_is_news_with_its_reason(desk: InlineDesk) -> None:
    news = News(desk, MemoryPreferences())
    desk.show(with_link(desk.facts, Link.RECONNECTING, error="No answer."))
    desk.show(with_link(desk.facts, Link.RECONNECTING, error="No answer."))
    desk.show(with_link(desk.facts, Link.LIVE))
    told = [(each.title, each.detail, each.tone) for each in reversed(news.items)]
    assert ("Connection: Reconnecting", "No answer.", Tone.ATTENTION) in told
    assert ("Connection: Live", "", Tone.GOOD) in told
    assert len(told) == 2


def test_newest_first_even_within_a_second(desk: InlineDesk) -> None:
    told = tuple(happening(at, "grant", node=f"n{at}") for at in (1, 2, 3))
    desk.show(replace(desk.facts, happenings=told))
    assert [each.target for each in News(desk, MemoryPreferences()).items] == ["n3", "n2", "n1"]


def test_closed_it_hears_nothing(desk: InlineDesk) -> None:
    news = News(desk, MemoryPreferences())
    news.close()
    desk.show(with_link(desk.facts, Link.OFFLINE))
    assert news.unread == 0


def test_what_wants_attention_is_counted_until_read(desk: InlineDesk) -> None:
    news = News(desk, MemoryPreferences())
    told = (happening(1, "grant", node="n1"), happening(2, "refusal", node="n2"))
    desk.show(replace(desk.facts, happenings=told))
    assert (news.unread, news.alarming) == (2, 1)
    news.mark_read()
    assert news.alarming == 0


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("proposal", {"proposer": "ada", "digest": "new:revocation:node:n1"}),
        ("model", {"digest": "../../x"}),
        ("wiped", {"node": "state:attested"}),
        ("grant", {"node": "n1 OR state:attested"}),
    ],
)
def test_an_event_leads_nowhere_but_to_what_it_names(kind: str, data: dict[str, object]) -> None:
    """Neither a new draft nor a filter: the server does not use the officer's hand."""
    item = item_of(happening(1, kind, **data))
    assert (item.page, item.target) == ("", "")


def test_what_is_large_or_obeyed_in_an_event_is_neither_kept_nor_shown() -> None:
    item = item_of(happening(1, "wiped", node=[0] * 100_000))
    assert "0, 0" not in item.title
    item = item_of(happening(2, "proposal", proposer="ada\u202ebela\n", subject="x"))
    assert "\u202e" not in item.title
    assert "\n" not in item.title
    item = item_of(happening(3, "refusal", node="n1", reasons=[["x"] * 100_000, "no\u2028t"]))
    assert len(item.detail) < 100
    assert "\u2028" not in item.detail
