"""The log page without a window: rows, filters, details, proofs, checkpoints, alarms, exports."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from keyturn.base.encoding import b64
from keyturn.base.signatures import load_verify_key
from keyturn.client.errors import HistoryRewritten
from keyturn.client.logexport import read_export
from keyturn.quorum.approvals import Decision
from keyturn.quorum.entries import start_entry
from keyturn.quorum.kinds import Kind
from keyturn.quorum.reports import Program
from keyturn.tlog.receipts import parse_receipt, verify_receipt
from keyturn_app import wording
from keyturn_app.desk import Topic
from keyturn_app.facts import Alarm, AlarmKind, Connection, Facts, Link
from keyturn_app.screens.log.alarming import Contradiction, export, side
from keyturn_app.screens.log.presenter import LogPresenter
from keyturn_app.screens.log.viewmodel import Detail, LogView, Section
from keyturn_app.tasks import Job
from support.authority import spki
from support.desks import InlineDesk, InlineDoor, ScriptedOfficer
from support.logbook import MODEL_NAME, Logbook
from support.witnesses import Pen
from unit.client.scripted_server import ORIGIN


@dataclass
class Table:
    """One officer at the log page."""

    book: Logbook
    desk: InlineDesk
    presenter: LogPresenter
    officer: ScriptedOfficer
    door: InlineDoor
    copied: list[str]
    told: list[int] = field(default_factory=list)

    @property
    def view(self) -> LogView:
        return self.presenter.view()

    @property
    def detail(self) -> Detail:
        found = self.view.detail
        assert found is not None
        return found

    def indexes(self) -> list[int]:
        rows = self.view.rows
        return [rows.index_of(place) for place in range(rows.count)]

    def show(self, **changed: object) -> None:
        self.desk.show(replace(self.desk.facts, **changed))  # type: ignore[arg-type]


def sit_down(book: Logbook, desk: InlineDesk | None = None) -> Table:
    desk = desk or book.desk()
    officer, door, copied = ScriptedOfficer(), InlineDoor(), list[str]()
    presenter = LogPresenter(desk, door, officer, copied.append)
    table = Table(book, desk, presenter, officer, door, copied)
    presenter.listeners.add(lambda: table.told.append(1))
    return table


@pytest.fixture
def book(tmp_path: Path) -> Logbook:
    made = Logbook(tmp_path / "state")
    made.story()
    return made


@pytest.fixture
def table(book: Logbook) -> Iterator[Table]:
    made = sit_down(book)
    yield made
    made.presenter.close()
    assert not made.desk._listeners


# ---- rows ----


def test_newest_first_in_words(table: Table) -> None:
    rows = table.view.rows
    texts = [rows.at(place).text for place in range(rows.count)]
    assert rows.count == table.book.size
    assert texts == [
        "Revocation of node node-1 in force, approved by ada",
        "Refused node-2: measurement-mismatch",
        f"Renewal for node-1, {MODEL_NAME}, lease until 08:01:04",
        f"Grant to node-1 for {MODEL_NAME}, lease until 08:01:03",
        f"model '{MODEL_NAME}' version 1 in force, approved by bela, chen",
        "policy 'serving' version 1 in force, approved by bela, chen",
        "Keyholder started, keyturn 0.1.0",
        "keys version 1 in force, approved by bela, chen, dora",
        "roster version 1 in force, approved by bela, chen, dora",
        "Origin of this log",
    ]


def test_decisions_reports_and_settings_in_words(table: Table) -> None:
    book = table.book
    first = book.decide()
    book.decide("chen", Decision.APPROVE)
    book.report()
    book.report(None, 1)
    book.configure()
    book.configure(Program.CONTROL, port=8443, host="127.0.0.1")
    table.desk.refresh()
    rows = table.view.rows
    assert book.proposal is not None
    digest = wording.digest(book.proposal.digest)
    source = "Reported by the control plane, not proved"
    assert [rows.at(place).text for place in range(6)] == [
        f"{source}: Control plane, keyturn 0.1.0: host, port changed",
        "Keyholder, keyturn 0.1.0: workers changed",
        f"{source}: 1 failed sign-in: the signature was not theirs",
        f"{source}: 3 failed sign-ins as ada: the signature was not theirs",
        f"chen approved proposal {digest}",
        f"bela rejected proposal {digest}",
    ]
    assert rows.at(5).look.token == "danger"
    chips = {each.id: each.count for each in table.view.filter.chips}
    assert (chips["decision"], chips["report"], chips["configuration"]) == (2, 2, 2)
    table.presenter.toggle_kind("report")
    assert table.indexes() == [first + 3, first + 2]
    table.presenter.toggle_kind("report")
    table.presenter.filter_line(book.proposal.digest)
    assert table.indexes() == [first + 1, first]


def test_the_drawer_says_what_a_later_entry_means(table: Table) -> None:
    rejection = table.book.decide()
    report, settings = table.book.report(), table.book.configure(Program.CONTROL)
    table.desk.refresh()

    def facts(index: int) -> dict[str, str]:
        table.presenter.select(index)
        found = table.view.detail
        assert found is not None
        return {each.name: each.value for each in found.facts}

    assert facts(rejection)["Decision"] == "Rejected"
    assert facts(rejection)["Effect"].startswith("From here on no approval of this officer counts")
    detail = table.view.detail
    assert detail is not None
    assert [each.label for each in detail.named][1:] == ["Statement envelope", "Rejection"]
    for index in (report, settings):
        assert facts(index)["Source"] == "reported by the control plane, not proved"
    assert facts(report)["Failed sign-ins"] == "3"
    assert facts(settings)["Changed"] == "workers"


def test_the_view_is_equal_when_nothing_changed(table: Table) -> None:
    assert table.view == table.view


def test_new_entries_come_on_top_of_the_same_rows(table: Table) -> None:
    before = table.view.rows
    table.book.grant("node-9")
    table.desk.refresh()
    after = table.view.rows
    assert (after.era, after.count) == (before.era, before.count + 1)
    assert after.at(0).node == "node-9"
    assert after.row_of(0) == after.count - 1


def test_filters_join_and_new_entries_pass_through_them(table: Table) -> None:
    table.presenter.toggle_kind("grant")
    assert table.indexes() == [7, 6]
    table.presenter.toggle_kind("refusal")
    assert table.indexes() == [8, 7, 6]
    table.presenter.filter_line("node:node-2")
    assert table.indexes() == [8]
    era = table.view.rows.era
    index = table.book.refuse("node-2")
    table.desk.refresh()
    assert table.indexes() == [index, 8]
    assert table.view.rows.era == era
    assert table.view.rows.row_of(8) == 1
    assert table.view.rows.row_of(7) is None
    assert table.view.filter.summary == "2 of 11"
    table.presenter.clear_filter()
    assert len(table.indexes()) == 11


def test_a_line_that_cannot_be_read_leaves_the_rows_and_says_why(table: Table) -> None:
    table.presenter.filter_line("kind:grant")
    assert "not known" in table.view.filter.error
    assert "node:" in table.view.filter.error
    assert table.view.rows.count == table.book.size
    table.presenter.filter_line("nothing-like-this")
    assert table.view.filter.error == ""
    assert table.view.empty is not None
    assert table.view.empty.title == "No entry is like that"


def test_only_so_far_back(table: Table) -> None:
    table.book.clock.advance(hours=2)
    table.book.start()
    table.desk.refresh()
    table.presenter.choose_span("1h")
    assert table.indexes() == [10]


def test_a_long_log_is_read_in_pieces(monkeypatch: pytest.MonkeyPatch, book: Logbook) -> None:
    monkeypatch.setattr("keyturn_app.screens.log.indexing.CHUNK", 256)
    book.busy(1000)
    table = sit_down(book)
    assert table.view.rows.count == book.size
    assert sum(chip.count for chip in table.view.filter.chips) == book.size
    table.presenter.select(3)
    assert table.detail.proof.path is not None
    assert len(table.detail.proof.path.steps) == len(table.detail.proof.spoken) - 2
    table.presenter.toggle_kind("refusal")
    assert table.view.rows.count == 1 + len(range(7, 1000, 11))


def test_another_log_starts_over(table: Table) -> None:
    other = Logbook()
    other.start()
    facts = other.desk().facts
    table.presenter.select(2)
    table.desk.show(facts)
    assert table.view.rows.count == other.size
    assert table.view.rows.at(0).text.startswith("Keyholder started")


# ---- one entry ----


def test_an_entry_and_its_proof(table: Table) -> None:
    table.presenter.select(6)
    detail = table.detail
    assert detail.exact.encode() == table.book.server.leaves[6]
    assert json.loads(detail.pretty) == json.loads(detail.exact)
    assert detail.proof.path is not None
    assert detail.proof.path.root == table.book.server.checkpoint().checkpoint.root
    assert detail.proof.look.word == "Included"
    assert dict((f.name, f.value) for f in detail.checkpoint)["Signature"].startswith("valid")
    targets = {(each.page, each.label) for each in detail.named}
    assert ("approvals", "policy 'serving' version 1") in targets
    assert ("fleet", "Node") in targets


def test_the_copied_proof_convinces_a_stranger(table: Table) -> None:
    table.presenter.select(4)
    table.presenter.copy_proof()
    key = load_verify_key(spki(table.book.server.log_key))
    entry = verify_receipt(parse_receipt(table.copied[0].encode()), key, ORIGIN)
    assert (entry.index, entry.leaf) == (4, table.book.server.leaves[4])
    table.presenter.copy_entry()
    assert table.copied[1].encode() == table.book.server.leaves[4]


def test_the_servers_receipt_is_verified_when_asked_for(table: Table) -> None:
    table.presenter.select(4)
    assert table.detail.receipt.word == "Not asked for"
    table.presenter.ask_receipt()
    assert table.detail.receipt.word == "Verified"


def test_a_wrong_receipt_is_named(table: Table) -> None:
    other = table.book.server.receipt(2)
    table.book.server.lie("/v1/log/receipts/4", lambda _: {"receipt": other})
    table.presenter.select(4)
    table.presenter.ask_receipt()
    assert table.detail.receipt.word == "Not genuine"
    assert "another entry" in table.detail.receipt_text


def test_a_closed_drawer_hears_of_no_receipt(table: Table) -> None:
    table.desk.waiting = True
    table.presenter.select(4)
    table.presenter.ask_receipt()
    assert table.detail.receipt.word == "Asking"
    table.presenter.select(5)
    told = len(table.told)
    table.desk.answer()
    assert len(table.told) == told
    assert table.detail.receipt.word == "Not asked for"


def test_going_to_an_index(table: Table) -> None:
    table.presenter.toggle_kind("grant")
    assert table.presenter.go_to("1,0000") != ""
    assert "no index" in table.presenter.go_to("last")
    assert table.presenter.go_to(" 2 ") == ""
    assert table.view.selected == 2
    assert table.view.rows.row_of(2) is not None  # the filter gave way
    table.presenter.open("7")
    assert table.detail.index == 7
    table.presenter.open("checkpoints")
    assert table.view.section is Section.CHECKPOINTS
    table.presenter.open("node:node-2")
    assert (table.view.section, table.indexes()) == (Section.ENTRIES, [8])


def test_an_index_asked_for_before_the_log_is_there(book: Logbook) -> None:
    desk = InlineDesk(book.identity(), book.client(), book.clock)
    table = sit_down(book, desk)
    assert table.view.empty is not None
    assert table.view.empty.title == "Reading the log"
    assert table.view.why_not.export
    table.presenter.open("3")
    desk.refresh()
    assert table.view.selected == 3


# ---- checkpoints ----


def test_every_checkpoint_that_was_seen_is_compared(table: Table) -> None:
    table.book.clock.advance(minutes=5)
    table.book.grant()
    table.desk.refresh()
    shown = table.view.checkpoints
    assert shown.verdict.word == "Consistent"
    assert shown.text.startswith("Consistent with all 2 checkpoints seen since 2026-11-23")
    assert [each.size for each in shown.rows] == ["11", "10"]
    assert "No witness has to cosign" in shown.witness_text
    table.presenter.check_now()
    assert table.view.checkpoints.verdict.word == "Consistent"


def test_the_next_session_compares_with_what_the_last_one_saw(table: Table) -> None:
    table.book.clock.advance(minutes=5)
    table.book.grant()
    again = sit_down(table.book)
    assert len(again.view.checkpoints.rows) == 2
    again.presenter.close()


def test_a_kept_checkpoint_that_the_log_did_not_sign_accuses_nobody(
    table: Table, tmp_path: Path
) -> None:
    (path,) = (tmp_path / "state").rglob("checkpoints-*.json")
    text = path.read_text()
    path.write_text(text.replace("10\\n", "9\\n", 1))
    again = sit_down(table.book)
    shown = again.view.checkpoints
    assert "Not signed by the log" in {each.look.word for each in shown.rows}
    assert shown.limit
    assert again.view.alarm is None
    again.presenter.close()


def forge(book: Logbook) -> None:
    """Another entry where the refusal was, and the same length."""
    book.server.leaves[8] = start_entry(book.clock(), "cd" * 16, "keyturn 0.1.0")


def test_a_kept_checkpoint_that_is_not_of_this_log_is_an_alarm(book: Logbook) -> None:
    first = sit_down(book)
    first.presenter.close()
    forge(book)
    desk = InlineDesk(book.identity(), book.server.client(), book.clock)  # who forgot everything
    desk.refresh(Topic.SEEN)
    desk._client = first.desk._client  # whose list of checkpoints did not
    shown = sit_down(book, desk).view
    assert shown.section is Section.ALARM
    assert shown.alarm is not None
    assert [side.signature.token for side in shown.alarm.sides] == ["ok", "ok"]
    assert shown.checkpoints.verdict.word == "Rewritten"


# ---- alarms ----


def rewritten(table: Table, tmp_path: Path) -> tuple[Alarm, HistoryRewritten]:
    kept = table.book.server.checkpoint()
    forge(table.book)
    error = HistoryRewritten("it does not extend", kept=kept, shown=table.book.server.checkpoint())
    saved = tmp_path / "contradiction.json"
    notes = (each.to_bytes() for each in (error.kept, error.shown))
    export(Contradiction(*(side(each, None, None) for each in notes)), saved)
    found, expected = error.found, error.expected
    alarm = Alarm(
        AlarmKind.REWRITTEN,
        error.message,
        found,
        expected,
        error.hint,
        table.book.clock(),
        (saved,),
    )
    return alarm, error


def test_a_rewritten_history_shows_both_checkpoints(table: Table, tmp_path: Path) -> None:
    alarm, error = rewritten(table, tmp_path)
    table.show(connection=Connection(Link.DISTRUSTED), alarms=(alarm,))
    view = table.view
    assert view.section is Section.ALARM
    assert view.checkpoints.verdict.word == "Rewritten"
    assert "as verified at 2026-11-23" in view.filter.summary
    assert view.alarm is not None
    before, now = view.alarm.sides
    assert before.signature.word == now.signature.word == "Signed by the log's key"
    roots = ["".join(f.value.split()) for side in (before, now) for f in side.facts if f.mono][::2]
    assert roots == [e.checkpoint.root.hex() for e in (error.kept, error.shown)]
    assert view.alarm.saved == (str(alarm.saved[0]),)
    assert view.why_not.export
    table.officer.chosen = tmp_path / "both.json"
    table.presenter.export_alarm()
    assert (tmp_path / "both.json").read_bytes() == alarm.saved[0].read_bytes()
    assert table.officer.toasts


def test_entries_stay_readable_below_an_alarm(table: Table, tmp_path: Path) -> None:
    alarm, _ = rewritten(table, tmp_path)
    table.show(connection=Connection(Link.DISTRUSTED), alarms=(alarm,))
    table.presenter.show_section(Section.ENTRIES)
    assert table.view.rows.count == 10
    assert table.view.rows.at(1).text.startswith("Refused node-2")


def test_a_second_alarm_is_in_front_and_the_first_one_next(table: Table, tmp_path: Path) -> None:
    alarm, _ = rewritten(table, tmp_path)
    lied = Alarm(AlarmKind.LIED, "it lied", "a", "b", "ask", table.book.clock())
    table.show(alarms=(alarm,))
    table.show(alarms=(alarm, lied))
    assert table.view.alarm is not None
    assert (table.view.alarm.title, table.view.alarm.number) == ("The server lied", 2)
    assert not table.view.alarm.can_export
    table.presenter.next_alarm()
    assert table.view.alarm.can_export


# ---- offline ----


def test_out_of_reach_the_log_is_shown_as_of_then(table: Table) -> None:
    table.book.clock.advance(minutes=3)
    table.show(connection=Connection(Link.RECONNECTING, failures=2))
    view = table.view
    assert view.filter.summary == "10 entries, as verified at 2026-11-23 08:00:06 UTC"
    assert next(each.note for each in view.tiles if each.id == "last") == "verified 3 min ago"
    assert view.checkpoints.verdict.token != "ok"
    assert view.rows.count == 10
    assert view.why_not.export == "The server is out of reach."
    assert view.why_not.verify == ""


def test_nothing_is_known_offline(book: Logbook) -> None:
    desk = InlineDesk(book.identity(), None, book.clock)
    desk.facts = Facts(connection=Connection(Link.OFFLINE))
    view = sit_down(book, desk).view
    assert view.empty is not None
    assert view.empty.title == "The log is not known"


# ---- the whole log as files ----


def test_exported_and_verified(tmp_path: Path) -> None:
    book = Logbook()
    book.start()
    book.policy()
    book.refuse()
    table = sit_down(book)
    target = tmp_path / "log"
    table.officer.chosen = target
    table.presenter.export()
    found = read_export(target, book.server.fingerprint)
    assert list(found.log.leaves()) == book.server.leaves
    assert table.officer.told[-1].title == "The log is exported"
    assert list(tmp_path.glob(".*.part")) == []
    table.presenter.verify_export()
    assert table.officer.told[-1].title == "The log holds"
    assert "Refusals: 1" in table.officer.told[-1].details
    assert table.view.work is None


def test_the_entry_at_fault_is_named(table: Table, tmp_path: Path) -> None:
    target = tmp_path / "log"
    table.officer.chosen = target
    table.presenter.export()
    table.presenter.verify_export()  # this story's grants kept no rule: there is no baseline
    notice = table.officer.told[-1]
    assert notice.title == "Not done: Verifying an export"
    assert notice.text.startswith("entry 6: granted, though not so")
    assert notice.expected == "reference-values 'firmware' in force"


def test_what_is_there_is_not_overwritten(table: Table, tmp_path: Path) -> None:
    table.officer.chosen = tmp_path / "there"
    table.officer.chosen.mkdir()
    (table.officer.chosen / "mine").write_text("precious")
    table.presenter.export()
    assert "there already" in table.officer.told[-1].text
    assert (tmp_path / "there" / "mine").read_text() == "precious"


def test_a_stopped_export_leaves_nothing(table: Table, tmp_path: Path) -> None:
    table.officer.chosen = tmp_path / "log"

    def stop(job: Job) -> None:
        if table.view.work is not None and job.label.startswith("Exporting"):
            job.cancel()

    table.door.before = stop
    table.presenter.export()
    assert table.officer.toasts == ["Stopped: Exporting the log"]
    assert sorted(each.name for each in tmp_path.iterdir()) == ["state"]


def test_a_server_that_fails_in_the_middle_is_named(table: Table, tmp_path: Path) -> None:
    table.officer.chosen = tmp_path / "log"
    table.book.server.lie = None  # type: ignore[method-assign, assignment]
    table.desk._client = None
    table.presenter.export()
    assert table.officer.told[-1].title == "Not done: Exporting the log"
    assert sorted(each.name for each in tmp_path.iterdir()) == ["state"]


def test_topics_that_do_not_matter_are_not_heard(table: Table) -> None:
    told = len(table.told)
    table.desk.show(table.desk.facts, Topic.NODES)
    assert len(table.told) == told


@pytest.mark.parametrize(("pens", "word"), [(0, "Too few witnesses"), (1, "Verified")])
def test_a_receipt_says_how_many_witnesses_cosigned_it(
    book: Logbook, monkeypatch: pytest.MonkeyPatch, pens: int, word: str
) -> None:
    server, pen = book.server, Pen("one.example")
    keys = [{"algorithm": "ed25519", "spki": b64(pen.verify_key.spki)}]
    body = server.authority.roster_body(witnesses={"keys": keys, "k": 1, "t_seconds": 300})
    server.enact(Kind.ROSTER, "roster", body)
    plain = server.receipt

    def receipt(index: int) -> dict[str, object]:
        found = plain(index)
        note = str(found["checkpoint"]).encode()
        seconds = int(server.clock().timestamp())
        return {**found, "checkpoint": (pen.cosigned(note, seconds) if pens else note).decode()}

    monkeypatch.setattr(server, "receipt", receipt)
    made = sit_down(book)
    made.presenter.go_to("2")
    made.presenter.ask_receipt()
    assert made.detail.receipt.word == word
    assert f"witnesses {pens} cosigned it; 1 are needed" in made.detail.receipt_text
    made.presenter.close()


def test_a_checkpoint_by_the_key_of_before_accuses_too(book: Logbook) -> None:
    """A history rewritten where the log key was replaced: each note is checked by its own key."""
    server = book.server
    kept = server.checkpoint().to_bytes()
    server.replace_log_key()
    shown, key = server.checkpoint().to_bytes(), load_verify_key(spki(server.log_key))
    names = server.state.log_names

    assert side(shown, key, server.origin, names=names).signed
    assert side(kept, key, server.origin, names=names).signed
    assert not side(kept, key, server.origin).signed
    assert side(kept, None, None).signed is None
