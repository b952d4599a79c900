"""The collateral page's presenter: asks, filters, foresees, and carries files. No Qt in here."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

from keyturn.base.collateral import CollateralKind
from keyturn.base.encoding import Digest
from keyturn.base.errors import KeyturnError
from keyturn.client.client import KeyturnClient
from keyturn.client.collateralcarry import (
    MAX_FILE,
    OpeningAt,
    Parcel,
    directory_of,
    hand_in,
    keys_to_confirm,
    make_bundle_file,
    open_parcel,
)
from keyturn.client.collateralstock import Stock, look_at, trust_of
from keyturn.client.offline import read_file, write_new_file
from keyturn.quorum.kinds import Role
from keyturn.quorum.state import AuthorityState
from keyturn_app import wording
from keyturn_app.desk import Desk, Topic
from keyturn_app.entitled import not_allowed, not_asking
from keyturn_app.i18n import _, n_
from keyturn_app.presenting import Presenter
from keyturn_app.questions import Asker, Confirm, Confirmed, OpenFile, SaveFile, failure
from keyturn_app.screens.collateral.viewmodel import (
    ATTENTION,
    CollateralView,
    Empty,
    Section,
    WhyNot,
    chosen,
    detail_of,
    forecast_view,
    item_id,
    needs_attention,
    parcel_view,
    row_of,
)
from keyturn_app.screens.collateral.words import VENDORS, vendor
from keyturn_app.tasks import Door, Job, Progress, Work

T = TypeVar("T")
BUNDLE_LIFE = timedelta(days=14)
_GENERAL = ("amd-crl:vcek/Genoa", "intel-qe-identity:td", "intel-root-crl:root")
_READERS = (Role.PROPOSER, Role.APPROVER, Role.AUDITOR, Role.OPERATOR)


@dataclass(frozen=True, slots=True)
class _Loaded:
    stock: Stock
    state: AuthorityState
    directory: Path | None


def _load(client: KeyturnClient, now_of: Desk) -> _Loaded:
    """On the network thread."""
    stock = look_at(client, now_of.now())
    return _Loaded(stock, client.seen().state, client.collateral_directory)


class CollateralPresenter(Presenter[CollateralView]):
    def __init__(self, desk: Desk, door: Door, asker: Asker) -> None:
        super().__init__()
        self._desk, self._door, self._asker = desk, door, asker
        self._loaded: _Loaded | None = None
        self._error: KeyturnError | None = None
        self._section = Section.CACHE
        self._filters: frozenset[str] = frozenset()
        self._line = ""
        self._selected: str | None = None
        self._days = 90
        self._event: int | None = None
        self._parcel: Parcel | None = None
        self._work = ""
        self._job: Job | None = None
        self._asking = False
        self._seen_event = self._newest_event()
        self._could = not not_asking(desk)
        self.keep(desk.subscribe(self._changed, Topic.CONNECTION, Topic.HAPPENINGS, Topic.IDENTITY))

    # ---- showing ----

    def view(self) -> CollateralView:
        loaded, why_not = self._loaded, self.why_not()
        parcel = None if self._parcel is None else parcel_view(self._parcel)
        base = CollateralView(
            self._section,
            parcel=parcel,
            problem="" if self._error is None else wording.error_text(self._error),
            work=self._work,
            why_not=why_not,
        )
        if loaded is None or not self._desk.facts.trusted:
            return replace(base, empty=self._nothing_known())
        now, stock = self._desk.now(), loaded.stock
        items = chosen(stock.items, self._filters, self._line, now)
        picked = next((each for each in stock.items if item_id(each) == self._selected), None)
        return replace(
            base,
            rows=tuple(row_of(each, now) for each in items),
            counts=self._counts(stock),
            summary=_("{shown} of {all}").format(shown=len(items), all=len(stock.items)),
            note=self._note(stock),
            selected=self._selected,
            detail=None if picked is None else detail_of(picked, stock, now),
            forecast=forecast_view(stock, self._days, self._event, now),
            empty=self._empty(stock, bool(items)),
        )

    def why_not(self) -> WhyNot:
        asking = not_asking(self._desk)
        busy = self._work
        unread = "" if self._loaded else _("The collateral has not been read yet.")
        handing = not_allowed(self._desk, Role.OPERATOR, Role.PROPOSER)
        none = "" if self._parcel and self._parcel.documents else _("Nothing to hand in.")
        return WhyNot(
            refresh=asking or busy,
            bring=busy or unread,
            export=busy or unread,
            hand_in=handing or busy or none,
        )

    def commands(self) -> tuple[str, ...]:
        """What to run on a connected machine, for what this authority's nodes call for."""
        wanted = [f"{kind.value}:{scope}" for kind, scope in self._wanted()]
        return (
            "keyturn collateral fetch " + " ".join(wanted or _GENERAL),
            "keyturn collateral key bundles.pem",
            "keyturn collateral export -o collateral.zip --key bundles.pem",
        )

    def _wanted(self) -> list[tuple[CollateralKind, str]]:
        """OCSP answers are asked for with a chain, which no command line names."""
        loaded = self._loaded
        if loaded is None:
            return []
        keys = {key for key in loaded.stock.users if key[0] is not CollateralKind.NVIDIA_OCSP}
        return sorted(keys, key=lambda key: (key[0].value, key[1]))

    def _nothing_known(self) -> Empty:
        if not self._desk.facts.trusted:
            return Empty(_("Server not believed"), _("Nothing that it says is shown as fact."))
        if self._error is not None:
            return Empty(_("The collateral cannot be read"), wording.error_text(self._error))
        reason = not_allowed(self._desk, *_READERS)
        if reason and not self._asking:
            return Empty(_("Nothing known"), reason)
        return Empty(_("Reading the collateral"), _("Each document is proved on this machine."))

    def _empty(self, stock: Stock, some: bool) -> Empty | None:
        if some:
            return None
        if stock.items:
            return Empty(_("No document passes the filter"), _("Clear the filter to see all."))
        text = _(
            "Vendors sign what is known about their hardware: revocation lists, TCB levels, OCSP "
            "answers. Without Intel's no TDX node gets a key. Fetch it on a machine with a network "
            "and carry it here, or let the control plane fetch it ([collateral] fetch = true)."
        )
        return Empty(_("No collateral yet"), text, self.commands())

    def _note(self, stock: Stock) -> str:
        says = stock.says
        if says is None:
            return _("This server says nothing about fetching.")
        if not says.fetching:
            return _("The server fetches nothing: bundles and files are handed in.")
        text = _("The server fetches from the vendors")
        if says.due is not None:
            text += " · " + _("next {when}").format(when=wording.until(says.due, self._desk.now()))
        if says.failed:
            failed = n_("{count} failed", "{count} failed", len(says.failed))
            text += f" · {failed}: {says.failed[0].reason}"
        return text

    def _counts(self, stock: Stock) -> tuple[tuple[str, str, int, bool], ...]:
        now = self._desk.now()
        attention = sum(needs_attention(each, now) for each in stock.items)
        counted = [
            (name, name, sum(vendor(e.document.kind) == name for e in stock.items))
            for name in VENDORS
        ]
        counted.append((ATTENTION, _("Needs attention"), attention))
        return tuple((name, text, count, name in self._filters) for name, text, count in counted)

    # ---- asking ----

    def load(self) -> None:
        """Ask the server for everything, unless that is under way."""
        if self._asking or not_asking(self._desk):
            self.changed()
            return
        self._asking = True
        desk = self._desk
        self.keep(desk.ask(lambda client: _load(client, desk), done=self._got, failed=self._failed))
        self.changed()

    def shown(self) -> None:
        if self._loaded is None:
            self.load()

    def _got(self, loaded: _Loaded) -> None:
        self._asking, self._error, self._loaded = False, None, loaded
        self.changed()

    def _failed(self, error: KeyturnError) -> None:
        self._asking, self._error = False, error
        self.changed()

    def _changed(self, _topics: frozenset[Topic]) -> None:
        newest, could = self._newest_event(), not not_asking(self._desk)
        news = newest != self._seen_event or could != self._could
        self._seen_event, self._could = newest, could
        if could and news:
            self.load()
        else:
            self.changed()

    def _newest_event(self) -> int:
        found = [each.id for each in self._desk.facts.happenings if each.kind == "collateral"]
        return max(found, default=0)

    # ---- what the officer does ----

    def open(self, target: str) -> None:
        """A section's name, or a document's id."""
        if target in {each.value for each in Section}:
            self._section = Section(target)
        elif target:
            self._section, self._selected = Section.CACHE, target
        self.changed()

    def toggle(self, name: str) -> None:
        self._filters = self._filters ^ {name}
        self.changed()

    def filter_line(self, text: str) -> None:
        self._line = text
        self.changed()

    def clear_filter(self) -> None:
        self._filters, self._line = frozenset(), ""
        self.changed()

    def select(self, item: str | None) -> None:
        self._selected = item
        self.changed()

    def choose_days(self, days: int) -> None:
        self._days, self._event = days, None
        self.changed()

    def select_event(self, place: int | None) -> None:
        """An event, and with it the document that it is about."""
        self._event = place
        loaded = self._loaded
        if place is not None and loaded is not None:
            shown = forecast_view(loaded.stock, self._days, place, self._desk.now())
            if shown.selected is not None:
                event = shown.events[shown.selected]
                item = loaded.stock.find((event.kind, event.scope))
                self._selected = None if item is None else item_id(item)
        self.changed()

    def step_event(self, by: int) -> None:
        """The next or the previous one in time."""
        loaded = self._loaded
        if loaded is None:
            return
        count = len(forecast_view(loaded.stock, self._days, None, self._desk.now()).events)
        if count:
            start = -1 if self._event is None and by > 0 else (self._event or 0)
            self.select_event(min(count - 1, max(0, start + by)))

    # ---- carrying ----

    def bring(self) -> None:
        """Choose a file, and prove what is in it."""
        if self.why_not().bring:
            return
        patterns = (_("Bundles and documents (*)"),)
        self._asker.path(OpenFile(_("Import collateral"), patterns), self._read)

    def _read(self, path: Path | None) -> None:
        loaded = self._loaded
        if path is None or loaded is None:
            return
        directory = loaded.directory

        def work(_job: Job, _tell: Callable[[Progress], None]) -> tuple[bytes, frozenset[Digest]]:
            raw = read_file(path, MAX_FILE)
            return raw, keys_to_confirm(raw, directory_of(directory))

        self._run(
            _("Reading {name}").format(name=path.name),
            work,
            lambda found: self._confirm(path.name, *found),
        )

    def _confirm(self, name: str, raw: bytes, keys: frozenset[Digest]) -> None:
        if not keys:
            self._prove(name, raw, None)
            return
        key = sorted(keys)[0]
        question = Confirm(
            _("Whose bundles may this app believe?"),
            _(
                "No bundle was imported here before. Compare this digest with what "
                "`keyturn collateral key` shows on the machine that made the bundle, by another "
                "way than the file. It is asked once; later bundles must be of this key."
            ),
            _("It is the same: believe it"),
            details=(wording.grouped(key),),
        )

        def said(answer: Confirmed | None) -> None:
            if answer is not None:
                self._prove(name, raw, key)

        self._asker.confirm(question, said)

    def _prove(self, name: str, raw: bytes, key: Digest | None) -> None:
        loaded, now = self._loaded, self._desk.now()
        if loaded is None:
            return

        def work(job: Job, _tell: Callable[[Progress], None]) -> Parcel:
            job.check()
            trust = trust_of(loaded.state, now)
            at = OpeningAt(directory_of(loaded.directory), trust, loaded.stock, now)
            return open_parcel(name, raw, at, key)

        self._run(_("Proving what is in {name}").format(name=name), work, self._proved)

    def _proved(self, parcel: Parcel) -> None:
        self._parcel, self._section = parcel, Section.CARRY
        self.changed()

    def discard(self) -> None:
        """Put the file away. What proved itself stays kept on this machine."""
        self._parcel = None
        self.changed()

    def hand_over(self) -> None:
        """Give the keyholder, through the server, what is not older than what it has."""
        parcel = self._parcel
        if parcel is None or self.why_not().hand_in:
            return
        count = len(parcel.documents)
        self._work = n_("Handing in {count} document", "Handing in {count} documents", count)

        def done(told: Parcel) -> None:
            self._work, self._parcel = "", told
            kept = sum(each.kept is True for each in told.rows)
            self._asker.toast(
                n_(
                    "The keyholder keeps {count} of them",
                    "The keyholder keeps {count} of them",
                    kept,
                )
            )
            self.load()

        def failed(error: KeyturnError) -> None:
            self._work = ""
            self._asker.tell(failure(_("The collateral could not be handed in"), error))
            self.changed()

        self.keep(self._desk.ask(lambda client: hand_in(client, parcel), done=done, failed=failed))
        self.changed()

    def export(self) -> None:
        """Write a signed bundle of all that is proved here."""
        if self.why_not().export:
            return
        patterns = (_("Bundles (*.zip)"),)

        def chosen_file(path: Path | None) -> None:
            if path is not None:
                question = OpenFile(_("The key that signs bundles (keyturn collateral key)"))
                self._asker.path(question, lambda key: self._write(path, key))

        self._asker.path(SaveFile(_("Export collateral"), "collateral.zip", patterns), chosen_file)

    def _write(self, path: Path, key: Path | None) -> None:
        loaded = self._loaded
        if key is None or loaded is None:
            return

        def work(_job: Job, _tell: Callable[[Progress], None]) -> None:
            directory = directory_of(loaded.directory)
            write_new_file(path, make_bundle_file(loaded.stock, directory, key, BUNDLE_LIFE))

        def done(_nothing: None) -> None:
            self._asker.toast(_("Written to {name}").format(name=path.name))

        self._run(_("Writing {name}").format(name=path.name), work, done)

    def cancel(self) -> None:
        if self._job is not None:
            self._job.cancel()

    def _run(self, label: str, work: Work[T], done: Callable[[T], None]) -> None:
        self._work = label

        def finished(found: T) -> None:
            self._work, self._job = "", None
            done(found)
            self.changed()

        def failed(error: KeyturnError) -> None:
            self._work, self._job = "", None
            self._asker.tell(failure(label, error))
            self.changed()

        self.changed()
        job = self._door.run(label, work, done=finished, failed=failed, progress=_quiet)
        if self._work:
            self._job = job

    def close(self) -> None:
        if self._job is not None:
            self._job.drop()
        super().close()


def _quiet(_progress: Progress) -> None:
    """One file at a time: its name is progress enough."""
