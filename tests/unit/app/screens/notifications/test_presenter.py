"""The page of news: fresh until left, filtered, and leading on."""

from dataclasses import replace

import pytest

from keyturn_app.news import News
from keyturn_app.screens.notifications.presenter import NotificationsPresenter
from keyturn_app.settings import MemoryPreferences
from support.authority import Clock
from support.desks import InlineDesk
from support.facts import happening, standing_desk
from unit.client.scripted_server import ScriptedServer


class Bench:
    def __init__(self) -> None:
        self.desk: InlineDesk = standing_desk(ScriptedServer(Clock()))
        self.went: list[tuple[str, str]] = []
        self.news = News(self.desk, MemoryPreferences())
        self.presenter = NotificationsPresenter(
            self.desk, self.news, lambda page, target: self.went.append((page, target))
        )

    def happens(self, *kinds: str) -> None:
        before = self.desk.facts.happenings
        fresh = [happening(len(before) + at, k, node=f"n{at}") for at, k in enumerate(kinds, 1)]
        self.desk.show(replace(self.desk.facts, happenings=(*before, *fresh)))


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_without_news_it_says_why_it_is_empty(bench: Bench) -> None:
    view = bench.presenter.view()
    assert (view.rows, view.empty) == ((), "Nothing happened yet.")


def test_what_is_new_is_marked_and_read_when_looked_at(bench: Bench) -> None:
    bench.happens("grant", "wiped")
    bench.presenter.look()
    assert bench.news.unread == 0
    assert [each.fresh for each in bench.presenter.view().rows] == [True, True]
    bench.presenter.leave()
    bench.presenter.look()
    assert [each.fresh for each in bench.presenter.view().rows] == [False, False]


def test_what_comes_while_one_looks_is_marked_too(bench: Bench) -> None:
    bench.presenter.look()
    bench.happens("grant")
    assert bench.news.unread == 0
    assert [each.fresh for each in bench.presenter.view().rows] == [True]


def test_what_comes_after_one_left_stays_unread(bench: Bench) -> None:
    bench.presenter.look()
    bench.presenter.leave()
    bench.happens("grant")
    assert bench.news.unread == 1


def test_only_what_needs_attention(bench: Bench) -> None:
    bench.happens("grant", "wiped", "refusal")
    bench.presenter.show_only_attention(True)
    assert [each.icon for each in bench.presenter.view().rows] == ["octagon-x", "eraser"]


def test_a_row_leads_to_where_one_sees_it(bench: Bench) -> None:
    bench.happens("grant", "refusal")
    bench.presenter.open(0)
    bench.presenter.open(7)
    assert bench.went == [("fleet", "n2")]


def test_a_row_is_spoken_whole(bench: Bench) -> None:
    bench.happens("refusal")
    bench.presenter.look()
    assert bench.presenter.view().rows[0].spoken == "new, n1 was refused a key, 0 s ago"
