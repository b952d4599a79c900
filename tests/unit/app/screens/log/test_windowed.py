"""The log page over a log of which only the newest entries are on this machine."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from keyturn.base.encoding import b64
from keyturn.client import history
from keyturn.client.logexport import read_export
from keyturn.client.seen import first_at_hand
from keyturn_app.desk import Topic
from keyturn_app.screens.log import exporting, indexing
from keyturn_app.screens.log.keeping import Verdict
from keyturn_app.screens.log.viewmodel import Section
from support.logbook import Logbook
from unit.app.screens.log.test_presenter import Table, sit_down
from unit.client.scripted_server import Document


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Table]:
    """800 entries, of which the newest block and the rest behind it are at hand."""
    monkeypatch.setattr(history, "KEPT", 1)
    monkeypatch.setattr(indexing, "OLDER", 256)
    monkeypatch.setattr(indexing, "CHUNK", 100)
    monkeypatch.setattr(exporting, "ENTRIES", 512)
    book = Logbook(tmp_path / "state")
    book.story()
    book.busy(790)
    made = sit_down(book)
    yield made
    made.presenter.close()


def first(table: Table) -> int:
    seen = table.desk.facts.seen
    assert seen is not None
    return first_at_hand(seen.leaves)


def test_the_newest_are_shown_and_the_page_says_so(table: Table) -> None:
    size = table.book.size
    assert size == 800
    assert first(table) == 512
    assert table.indexes() == list(range(size - 1, 511, -1))
    shown = table.view.filter
    assert shown.summary == "288 entries: the newest of 800 are looked at"
    assert shown.older == "Load 256 older"
    table.presenter.filter_line("node:node-3")
    shown = table.view.filter
    assert shown.summary.startswith(f"{table.view.rows.count} of 288: the newest of 800")


def test_older_ones_are_fetched_shown_and_searched_too(table: Table) -> None:
    table.presenter.toggle_kind("refusal")
    before = table.indexes()
    table.presenter.load_older()
    after = table.indexes()
    assert after[: len(before)] == before
    assert len(after) > len(before)
    assert min(after) >= 256
    for _ in range(3):
        table.presenter.load_older()
    table.presenter.clear_filter()
    assert table.indexes() == list(range(799, -1, -1))
    assert (table.view.filter.older, table.view.filter.summary) == ("", "800 entries")
    assert table.view.rows.at(799).text == "Origin of this log"
    counts = {each.id: each.count for each in table.view.filter.chips}
    assert sum(counts.values()) == 800
    table.book.grant()
    table.desk.refresh()
    assert table.indexes()[0] == 800


def test_an_old_entry_by_its_index_is_fetched_and_proved(table: Table) -> None:
    assert table.presenter.go_to("300") == ""
    assert table.view.rows.row_of(300) is None
    assert table.detail.index == 300
    assert table.detail.proof.look.word == "Included"
    assert table.detail.exact == table.book.server.leaves[300].decode()
    table.presenter.copy_proof()
    table.presenter.copy_entry()
    assert len(table.copied) == 2
    table.book.grant()
    table.desk.refresh()
    assert table.detail.proof.look.word == "Included"


def test_changes_of_authority_are_at_hand_whatever_their_age(table: Table) -> None:
    assert table.presenter.go_to("1") == ""
    assert table.detail.proof.look.word == "Included"


def changed(true: Document) -> Document:
    leaves = true["leaves"]
    assert isinstance(leaves, list)
    return {**true, "leaves": [b64(b"{}"), *leaves[1:]]}


def test_other_entries_than_those_that_were_proved_are_not_shown(table: Table) -> None:
    table.book.server.lie("/v1/log/entries", changed)
    table.presenter.load_older()
    assert "not those of its log" in table.view.filter.busy
    assert table.view.rows.count == 288
    table.presenter.go_to("300")
    assert table.view.detail is None
    assert "not those of its log" in table.officer.toasts[-1]


def test_the_window_moves_on_with_the_log(table: Table) -> None:
    for _ in range(3):
        table.book.busy(256)
        table.desk.refresh()
    size = table.book.size
    assert first(table) == 5 * 256
    assert table.indexes()[0] == size - 1
    assert table.view.rows.index_of(table.view.rows.count - 1) >= first(table) - 100
    table.book.busy(3 * 256)  # more than stays at hand, at once
    table.desk.refresh()
    assert table.indexes() == list(range(table.book.size - 1, first(table) - 1, -1))


def remember(table: Table, *sizes: int) -> None:
    """As if this profile had been shown these."""
    client, time = table.book.client(), table.book.clock()
    for place, size in enumerate(sizes, 1):
        client._seen_before().add(
            table.book.server.checkpoint(size), time + timedelta(minutes=2 * place)
        )


def test_checkpoints_of_old_are_compared_by_the_servers_proofs(table: Table) -> None:
    table.book.server.asked.clear()
    consistency = table.presenter._keeping.consistency
    assert {each.verdict for each in consistency.kept} == {Verdict.CONSISTENT}
    remember(table, 10, 300, 512, 520)
    again = sit_down(table.book)
    try:
        kept = again.presenter._keeping.consistency.kept
        assert {10, 300, 512, 520} <= {each.seen.checkpoint.size for each in kept}
        assert {each.verdict for each in kept} == {Verdict.CONSISTENT}
        assert ("GET", "/v1/log/consistency") in table.book.server.asked
    finally:
        again.presenter.close()


def test_a_checkpoint_of_old_that_the_log_does_not_extend_is_an_alarm(table: Table) -> None:
    server = table.book.server
    true = server.leaves[5]
    server.leaves[5] = server.leaves[6]
    remember(table, 300)
    server.leaves[5] = true
    again = sit_down(table.book)
    try:
        assert again.view.section is Section.ALARM
    finally:
        again.presenter.close()


def test_the_whole_log_is_exported(table: Table, tmp_path: Path) -> None:
    table.officer.chosen = tmp_path / "export"
    table.presenter.export()
    found = tmp_path / "export"
    assert (found / "checkpoint").is_file()
    assert not list(tmp_path.glob(".export*"))
    bundles = [each for each in (found / "tile" / "entries").rglob("*") if each.is_file()]
    assert len(bundles) == 4


def test_what_was_thrown_away_is_told_once(table: Table) -> None:
    assert table.officer.toasts == []
    table.presenter.close()
    client = table.desk._client
    assert client is not None
    client.close()
    state = table.book.directory
    assert state is not None
    (kept,) = state.glob("*/log-*/kept")
    kept.write_bytes(kept.read_bytes()[:-1])
    again = sit_down(table.book)
    try:
        again.desk.show(again.desk.facts, Topic.SEEN)
        (toast,) = again.officer.toasts
        assert "thrown away" in toast
        assert again.book.size == len(again.desk.facts.seen.leaves)  # type: ignore[union-attr]
    finally:
        again.presenter.close()


def test_nothing_older_is_asked_of_a_server_that_is_not_believed(table: Table) -> None:
    table.desk.identity = type(table.desk.identity)(
        table.desk.identity.profile, "test-eu", "ada", "Officer Ada", locked=True
    )
    assert table.presenter.why_not().older
    before = table.view.rows.count
    table.presenter.load_older()
    assert table.view.rows.count == before


def test_an_export_of_a_short_log_still_verifies(tmp_path: Path) -> None:
    book = Logbook()
    book.start()
    book.policy()
    made = sit_down(book)
    made.officer.chosen = tmp_path / "export"
    made.presenter.export()
    made.presenter.close()
    assert read_export(tmp_path / "export", book.server.fingerprint).log.size == book.size
