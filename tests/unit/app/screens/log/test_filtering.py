"""Filters over an index in pieces find what a plain look through the entries finds."""

from datetime import UTC, datetime

import numpy as np
import pytest

from keyturn.quorum.entries import EntryKind
from keyturn_app.screens.log.columns import UNREADABLE, Columns, read_chunk
from keyturn_app.screens.log.filtering import BadFilter, Filter, look_up, matching, read_filter
from support.authority import START
from support.logbook import MODEL, MODEL_NAME, Logbook

NOW = datetime(2026, 11, 29, 10, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def book() -> Logbook:
    made = Logbook()
    made.story()
    made.busy(200)
    return made


def indexed(book: Logbook, step: int = 37) -> Columns:
    columns = Columns()
    while columns.size < book.size:
        columns.append(read_chunk(book.server.leaves[columns.size : columns.size + step]))
    return columns


def found(book: Logbook, asked: Filter, first: int = 0) -> list[int]:
    columns = indexed(book)
    names: dict[str, str] = {MODEL: MODEL_NAME}
    named = look_up(asked, columns.node_names, columns.subject_names, lambda s: names.get(s, ""))
    places = matching(asked, columns.snapshot(), book.server.leaves, named, first, lambda: None)
    return list(map(int, places))


def plainly(book: Logbook, *needles: str) -> list[int]:
    return [
        place
        for place, leaf in enumerate(book.server.leaves)
        if all(each.encode() in leaf for each in needles)
    ]


def test_everything_is_counted_once(book: Logbook) -> None:
    columns = indexed(book)
    assert columns.size == book.size
    assert sum(columns.counts.values()) == book.size
    assert columns.counts[EntryKind.REFUSAL] == len(plainly(book, '"kind":"refusal"'))


def test_by_kind_node_and_text_together(book: Logbook) -> None:
    grants = Filter(frozenset({EntryKind.GRANT}))
    assert found(book, grants) == plainly(book, '"kind":"grant"')
    one = Filter(nodes=("node-17",))
    assert found(book, one) == plainly(book, '"node":"node-17"')
    both = Filter(frozenset({EntryKind.REFUSAL}), texts=("node-3",))
    assert set(found(book, both)) >= set(plainly(book, '"kind":"refusal"', '"node":"node-3"'))


def test_a_models_name_finds_what_names_its_digest(book: Logbook) -> None:
    assert found(book, Filter(texts=("minilm",))) == plainly(book, MODEL)
    assert found(book, Filter(texts=(MODEL[7:20],))) == plainly(book, MODEL[7:20])


def test_bytes_inside_an_entry_are_found(book: Logbook) -> None:
    assert found(book, Filter(texts=("measurement-mis",))) == plainly(book, "measurement-mis")
    assert found(book, Filter(texts=("no such thing",))) == []


def test_by_time_and_from_an_entry_on(book: Logbook) -> None:
    start = int(START.timestamp())
    some = found(book, Filter(since=start + 3, until=start + 5))
    assert some == [6, 7, 8]
    assert found(book, Filter(since=start + 3, until=start + 5), first=7) == [7, 8]


def test_a_stopped_search_stops(book: Logbook) -> None:
    def stop() -> None:
        raise KeyboardInterrupt

    columns = indexed(book)
    asked = Filter(texts=("x",))
    named = look_up(asked, columns.node_names, columns.subject_names, str)
    with pytest.raises(KeyboardInterrupt):
        matching(asked, columns.snapshot(), book.server.leaves, named, 0, stop)


def test_an_unreadable_entry_is_in_no_kind() -> None:
    chunk = read_chunk([b"{", b'{"kind":"what","time":"2026-11-29T10:00:00Z"}', b"[]"])
    assert np.all(chunk.kinds == UNREADABLE)
    columns = Columns()
    columns.append(chunk)
    assert sum(columns.counts.values()) == 0


def test_the_line_is_read() -> None:
    asked = read_filter('node:node-1 "two words" SHA256:AB', frozenset(), 0, NOW)
    assert asked == Filter(nodes=("node-1",), texts=("two words", "ab"))
    hour = read_filter("", frozenset(), 3600, NOW)
    assert hour.since == int(NOW.timestamp()) - 3600
    day = read_filter("since:2026-11-28 until:2026-11-29T09:30", frozenset(), 0, NOW)
    assert day.until is not None
    assert day.since is not None
    assert day.until - day.since == 33.5 * 3600
    assert read_filter("  ", frozenset(), 0, NOW).everything


@pytest.mark.parametrize("line", ["since:yesterday", "what:ever", "until:10:00"])
def test_what_cannot_be_understood_is_said(line: str) -> None:
    with pytest.raises(BadFilter) as caught:
        read_filter(line, frozenset(), 0, NOW)
    assert caught.value.expected
