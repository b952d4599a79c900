"""The log page's presenter: what is shown of the log, and what the officer asked of it. No Qt."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from keyturn.base.errors import KeyturnError
from keyturn.client.client import KeyturnClient
from keyturn.client.errors import NotAtHand
from keyturn.client.seen import leaf_at_hand, nodes_of, whole_at_hand
from keyturn.quorum.entries import EntryKind
from keyturn.tlog.merkle import leaf_hash
from keyturn.tlog.receipts import Receipt as ReceiptFile
from keyturn.tlog.receipts import VerifiedEntry
from keyturn_app import wording
from keyturn_app.desk import Desk, Topic
from keyturn_app.facts import Link, Seen
from keyturn_app.i18n import _, n_
from keyturn_app.presenting import Presenter
from keyturn_app.questions import Asker
from keyturn_app.screens.log import composing
from keyturn_app.screens.log.alarms import Alarms
from keyturn_app.screens.log.detailing import Receipt, detail
from keyturn_app.screens.log.exporting import Exporting
from keyturn_app.screens.log.filtering import BadFilter, read_filter
from keyturn_app.screens.log.indexing import Indexing
from keyturn_app.screens.log.keeping import Keeping
from keyturn_app.screens.log.proofsteps import verified_path
from keyturn_app.screens.log.viewmodel import (
    Detail,
    FilterBar,
    LogView,
    Rows,
    Section,
    WhyNot,
    Work,
)
from keyturn_app.screens.log.words import Row, not_here, read_leaf, row
from keyturn_app.tasks import Door
from keyturn_app.witnessing import witnesses_view
from keyturn_app.witnessowed import OwedSaving
from keyturn_app.witnessproposing import WitnessProposing

CACHED = 2000
"""Rows kept parsed."""


@dataclass(slots=True)
class _Chosen:
    """The entry in the drawer, and what the server's receipt of it was found to be."""

    index: int
    receipt: Receipt = None
    asking: bool = False
    fault: str = ""
    leave: Callable[[], None] = lambda: None


class LogPresenter(Presenter[LogView]):
    """Close it when the desk changes."""

    def __init__(self, desk: Desk, door: Door, asker: Asker, copy: Callable[[str], None]) -> None:
        super().__init__()
        self._desk = desk
        self._asker = asker
        self._copy = copy
        self._indexing = Indexing(desk, door, self._indexed)
        self._keeping = Keeping(desk, door, self._checked)
        self._exporting = Exporting(desk, door, asker, self.changed)
        self._alarms = Alarms(desk, door, asker, self.changed)
        self._proposing = WitnessProposing(desk, asker)
        self._owed = OwedSaving(desk, door, asker)
        self._section = Section.ENTRIES
        self._kinds: frozenset[EntryKind] = frozenset()
        self._line = self._error = ""
        self._span = "any"
        self._chosen: _Chosen | None = None
        self._wanted: int | None = None
        self._rows: Rows | None = None
        self._parsed: dict[int, Row] = {}
        self._detail: tuple[object, Detail] | None = None
        self._signed_names = 0
        self._told_of = ""
        self.keep(desk.subscribe(self._told))
        for part in (self._indexing, self._keeping, self._exporting, self._alarms):
            self.keep(part.close)
        self._told(frozenset(Topic))

    # ---- what the officer asks for ----

    def open(self, target: str) -> None:
        """A log index, a part of the page by its name, or words to filter by."""
        names = {each.value: each for each in Section}
        if target.isdecimal():
            self.go_to(target)
        elif target in names:
            self.show_section(names[target])
        elif target:
            self.show_section(Section.ENTRIES)
            self.filter_line(target)

    def show_section(self, section: Section) -> None:
        if section is Section.ALARM and not self._alarms.count:
            return
        self._section = section
        self.changed()

    def toggle_kind(self, kind: str) -> None:
        self._kinds ^= {EntryKind(kind)}
        self._apply_filter()

    def filter_line(self, line: str) -> None:
        self._line = line
        self._apply_filter()

    def choose_span(self, span: str) -> None:
        self._span = span
        self._apply_filter()

    def clear_filter(self) -> None:
        self._kinds, self._line, self._span = frozenset(), "", "any"
        self._apply_filter()

    def select(self, index: int | None) -> None:
        """An entry into the drawer; None closes it."""
        if self._chosen is not None:
            self._chosen.leave()
        seen = self._desk.facts.seen
        there = index is not None and seen is not None and 0 <= index < len(seen.leaves)
        self._chosen = _Chosen(index) if index is not None and there else None
        if self._chosen is not None and seen is not None:
            self._fetch(self._chosen, seen)
        self.changed()

    def go_to(self, text: str) -> str:
        """Choose the entry of this index, whatever the filter says; gives what is wrong with it."""
        digits = text.replace(",", "").replace(" ", "").strip()
        if not (digits.isascii() and digits.isdecimal()):
            return _("“{text}” is no index: a number like 12").format(text=text)
        seen, index = self._desk.facts.seen, int(digits[:16])
        if seen is None:
            self._wanted = index
            return ""
        if index >= len(seen.leaves):
            return _("There is no entry {index}: the newest is {newest}").format(
                index=f"{index:,}", newest=f"{len(seen.leaves) - 1:,}"
            )
        self._section = Section.ENTRIES
        if self._rows_now().row_of(index) is None:
            self.clear_filter()
        self.select(index)
        return ""

    def load_older(self) -> None:
        """Have older entries fetched, proved, shown and searched too."""
        if not self.why_not().older:
            self._indexing.older()

    def check_now(self) -> None:
        """Ask for the newest checkpoint, and compare all that was ever seen with it again."""
        self._desk.refresh(Topic.SEEN)
        self._keeping.look(self._desk.facts.seen, anew=True)

    def ask_receipt(self) -> None:
        """Have the server prove the chosen entry too; what it says is verified."""
        chosen = self._chosen
        if chosen is None or chosen.asking:
            return
        chosen.asking = True

        def done(found: VerifiedEntry) -> None:
            chosen.receipt, chosen.asking = found, False
            self.changed()

        def failed(error: KeyturnError) -> None:
            chosen.receipt, chosen.asking = error, False
            self.changed()

        index = chosen.index
        chosen.leave = self._desk.ask(lambda c: c.receipt(index), done=done, failed=failed)
        self.changed()

    def copy_entry(self) -> None:
        """The exact bytes of the chosen entry, which are JSON."""
        chosen, detail = self._chosen, self._detail_now()
        if chosen is not None and detail is not None:
            self._copy(detail.exact)
            self._asker.toast(_("Entry {index} copied").format(index=f"{chosen.index:,}"))

    def copy_proof(self) -> None:
        """A receipt, made here: the leaf, its proof and the signed checkpoint."""
        seen, chosen = self._desk.facts.seen, self._chosen
        if seen is None or chosen is None or self.why_not().proof:
            return
        leaf, at = leaf_at_hand(seen.leaves, chosen.index), seen.checkpoint.checkpoint
        if leaf is None:
            return
        nodes = nodes_of(seen.leaves)
        path = verified_path(leaf_hash(leaf), chosen.index, at.size, at.root, nodes)
        made = ReceiptFile(chosen.index, leaf, path.proof, seen.checkpoint.to_bytes())
        self._copy(made.to_bytes().decode())
        self._asker.toast(_("Proof of entry {index} copied").format(index=f"{chosen.index:,}"))

    def copy_text(self, text: str) -> None:
        self._copy(text)

    def copy_cosigner(self) -> None:
        """This app's cosigning key, as a roster takes it."""
        found = witnesses_view(self._desk).own.spki
        if found:
            self._copy(found)
            self._asker.toast(_("Cosigning key copied"))

    def propose_witness(self) -> None:
        self._proposing.propose()

    def save_owed(self) -> None:
        """Revocations that the log lacks, for the keyholder."""
        self._owed.save()

    def export(self) -> None:
        seen = self._desk.facts.seen
        if seen is not None and not self.why_not().export:
            self._exporting.export(seen)

    def verify_export(self) -> None:
        if not self.why_not().verify:
            self._exporting.verify()

    def cancel(self) -> None:
        self._exporting.cancel()

    def export_alarm(self) -> None:
        self._alarms.export()

    def next_alarm(self) -> None:
        self._alarms.next()
        self.changed()

    # ---- what is shown ----

    def view(self) -> LogView:
        facts, now = self._desk.facts, self._desk.now()
        rows, indexing, consistency = self._rows_now(), self._indexing, self._keeping.consistency
        return LogView(
            self._section,
            composing.sections(self._alarms.count),
            composing.tiles(facts, consistency, self._age_of_newest(), now),
            self._filter_bar(rows),
            facts.seen is not None,
            rows,
            composing.empty(facts, rows.count, indexing.filtered, indexing.busy),
            None if self._chosen is None else self._chosen.index,
            self._detail_now(),
            composing.checkpoints(facts, consistency, now),
            witnesses_view(self._desk),
            self._alarms.view(consistency),
            self._work(),
            self.why_not(),
        )

    def why_not(self) -> WhyNot:
        """Why what cannot be done cannot."""
        facts, running = self._desk.facts, self._exporting.running
        known = "" if facts.seen is not None else _("The log is not known yet.")
        busy = "" if running is None else _("Wait for: {label}.").format(label=running.label)
        asked = known or ("" if facts.trusted else _("This server is not believed."))
        if not asked and facts.connection.link in (Link.OFFLINE, Link.RECONNECTING):
            asked = _("The server is out of reach.")
        if not asked and self._desk.identity.locked:
            asked = _("Unlock first: your key signs in.")
        entry = known or ("" if self._chosen is not None else _("Choose an entry first."))
        shown = None if self._detail_now() is None else self._detail_now()
        unproved = shown is not None and shown.proof.path is None
        fetching = self._indexing.fetching
        return WhyNot(
            export=busy or asked,
            verify=busy,
            check=asked,
            entry=entry,
            proof=entry or (_("The proof is not made yet.") if unproved else ""),
            receipt=entry or asked,
            propose=self._proposing.why_not(),
            older=asked or (_("Older entries are on their way.") if fetching else ""),
        )

    # ---- inside ----

    def _told(self, topics: frozenset[Topic]) -> None:
        if topics & {Topic.SEEN, Topic.IDENTITY}:
            self._take(self._desk.facts.seen)
        if topics & {Topic.ALARMS, Topic.IDENTITY} and self._alarms.take():
            self._section = Section.ALARM
        if topics & {
            Topic.SEEN,
            Topic.WITNESSES,
            Topic.ALARMS,
            Topic.CONNECTION,
            Topic.IDENTITY,
        }:
            self.changed()

    def _take(self, seen: Seen | None) -> None:
        names = 0 if seen is None else len(seen.state.by_digest)
        if names != self._signed_names:  # a model has a name now, or a statement its approvers
            self._signed_names = names
            self._parsed.clear()
            self._rows = None
        if seen is not None and seen.told != self._told_of:
            self._told_of = seen.told
            text = _("What was kept of the log was thrown away, and the log read anew: {why}")
            self._asker.toast(text.format(why=seen.told))
        self._indexing.feed(seen)
        self._apply_filter()
        if seen is None:
            self._chosen = None
        elif self._wanted is not None:
            wanted, self._wanted = self._wanted, None
            self.go_to(str(wanted))
        self._keeping.look(seen)

    def _indexed(self) -> None:
        self.changed()

    def _checked(self) -> None:
        seen = self._desk.facts.seen
        if seen is not None and self._alarms.contradicted(seen, self._keeping.consistency):
            self._section = Section.ALARM
        self.changed()

    def _apply_filter(self) -> None:
        seconds = next(each.seconds for each in composing.spans() if each.id == self._span)
        minute = self._desk.now().replace(second=0, microsecond=0)
        try:
            asked = read_filter(self._line, self._kinds, seconds, minute)
        except BadFilter as error:
            expected = f" {_('Expected')}: {error.expected}" if error.expected else ""
            self._error = f"{error.message}.{expected}"
        else:
            self._error = ""
            self._indexing.filter(asked)
        self.changed()

    def _rows_now(self) -> Rows:
        seen, places, era = self._desk.facts.seen, self._indexing.places, self._indexing.era
        total = 0 if seen is None else len(seen.leaves)
        first = min(self._indexing.first, total)
        count = total - first if places is None else len(places)
        known = self._rows
        if known is not None and (known.count, known.era) == (count, era):
            return known

        def index_of(place: int) -> int:
            return total - 1 - place if places is None else int(places[count - 1 - place])

        def at(place: int) -> Row:
            return self._row(index_of(place))

        def row_of(index: int) -> int | None:
            if places is None:
                return total - 1 - index if first <= index < total else None
            place = int(np.searchsorted(places, index))
            return count - 1 - place if place < count and places[place] == index else None

        self._rows = Rows(count, era, index_of, at, row_of)
        return self._rows

    def _row(self, index: int) -> Row:
        found = self._parsed.get(index)
        seen = self._desk.facts.seen
        if found is None and seen is not None:
            if len(self._parsed) >= CACHED:
                self._parsed.clear()
            leaf = leaf_at_hand(seen.leaves, index)
            if leaf is None:
                return not_here(index)
            found = self._parsed[index] = row(index, leaf, seen.state)
        assert found is not None  # there are no rows without a log
        return found

    def _fetch(self, chosen: _Chosen, seen: Seen) -> None:
        """An older entry is shown once the client has it, with its neighbours, which prove it."""
        index = chosen.index
        if whole_at_hand(seen.leaves, index):
            return

        def done(_none: None) -> None:
            chosen.fault = ""
            self.changed()

        def failed(error: KeyturnError) -> None:
            chosen.fault = wording.error_text(error)
            self._asker.toast(chosen.fault)
            self.changed()

        work = partial(KeyturnClient.load, start=index, end=index + 1)
        chosen.leave = self._desk.ask(work, done=done, failed=failed)

    def _detail_now(self) -> Detail | None:
        seen, chosen = self._desk.facts.seen, self._chosen
        if seen is None or chosen is None:
            return None
        key = (
            chosen.index,
            chosen.receipt,
            chosen.asking,
            seen.checkpoint,
            len(seen.state.by_digest),
            whole_at_hand(seen.leaves, chosen.index),
        )
        if self._detail is None or self._detail[0] != key:
            try:
                made = detail(chosen.index, seen, chosen.receipt, chosen.asking)
            except NotAtHand:  # given up meanwhile: what was proved of it stays so
                before = self._detail and self._detail[1]
                return before if before is not None and before.index == chosen.index else None
            self._detail = (key, made)
        return self._detail[1]

    def _filter_bar(self, rows: Rows) -> FilterBar:
        indexing, total = self._indexing, self._indexing.total
        summary = n_("{count} entry", "{count} entries", total)
        if indexing.filtered:
            summary = _("{shown} of {total}").format(shown=f"{rows.count:,}", total=f"{total:,}")
        older = ""
        if indexing.first and total:
            summary = _("{summary}: the newest of {all} are looked at").format(
                summary=summary, all=f"{indexing.first + total:,}"
            )
            older = _("Load {count} older").format(count=f"{indexing.next_older:,}")
        if old := composing.as_of(self._desk.facts):
            summary = f"{summary}, {old}"
        busy = indexing.fault
        if not busy and total and not indexing.ready:
            busy = _("Reading: {share} %").format(share=indexing.done * 100 // total)
        if not busy and indexing.fetching:
            busy = _("Fetching older entries")
        return FilterBar(
            composing.chips(indexing.columns, self._kinds),
            self._line,
            self._error,
            composing.spans(),
            self._span,
            summary,
            busy,
            older,
        )

    def _age_of_newest(self) -> str:
        seen = self._desk.facts.seen
        if seen is None or not seen.leaves:
            return "—"
        leaf = leaf_at_hand(seen.leaves, len(seen.leaves) - 1)
        time = seen.state.last_time if leaf is None else read_leaf(leaf)[0].time
        return wording.ago(time, self._desk.now())

    def _work(self) -> Work | None:
        running = self._exporting.running
        if running is None:
            return None
        progress = running.progress
        share = progress.done / progress.total if progress.total else None
        text = f"{running.label}: {progress.text}" if progress.text else running.label
        return Work(text, share)
