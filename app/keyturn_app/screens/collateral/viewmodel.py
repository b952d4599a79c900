"""The collateral page as frozen values. No Qt in here."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from keyturn.client.collateralcarry import Brought, Parcel
from keyturn.client.collateralstock import Item, Stock
from keyturn.collateral.staleness import State
from keyturn.policy.forecast import Event
from keyturn_app import wording
from keyturn_app.i18n import _, n_
from keyturn_app.screens.collateral.timelayout import within
from keyturn_app.screens.collateral.words import (
    event_look,
    kind_name,
    scope_name,
    state_look,
    state_text,
    unproved_look,
    vendor,
    verdict_look,
    why_text,
)
from keyturn_app.states import Look


class Section(Enum):
    CACHE = "cache"
    FORECAST = "forecast"
    CARRY = "carry"


ATTENTION = "attention"
"""The filter for what is not fresh, beside the vendors' names."""


@dataclass(frozen=True, slots=True)
class Row:
    """One document. `id` names it while the page lives."""

    id: str
    vendor: str
    kind: str
    about: str
    age: str
    issued: str
    until: str
    look: Look
    held: Look
    nodes: str

    @property
    def texts(self) -> tuple[str, ...]:
        return (
            self.vendor,
            self.kind,
            self.about,
            self.look.word,
            self.age,
            self.until,
            self.held.word,
            self.nodes,
            self.issued,
        )


@dataclass(frozen=True, slots=True)
class EventRow:
    when: str
    left: str
    what: str
    why: str
    stops: str
    look: Look

    @property
    def texts(self) -> tuple[str, ...]:
        return (self.left, self.look.word, self.stops, self.what, self.why, self.when)

    @property
    def spoken(self) -> str:
        return ", ".join(each for each in self.texts if each)


@dataclass(frozen=True, slots=True)
class Forecast:
    """`events` and `rows` belong together, place by place. `selected`: a place."""

    days: int
    now: datetime
    events: tuple[Event, ...] = ()
    rows: tuple[EventRow, ...] = ()
    selected: int | None = None
    summary: str = ""
    known: bool = True  # whether there is any document
    guessing: bool = False  # of some nodes it is not known what they need


@dataclass(frozen=True, slots=True)
class Detail:
    id: str
    title: str
    about: str
    look: Look
    text: str
    fault: str
    facts: tuple[tuple[str, str, bool], ...]
    said: tuple[tuple[str, str, bool], ...]
    certificates: tuple[tuple[str, str, bool], ...]
    users: str
    ends: tuple[str, ...]
    digest: str


@dataclass(frozen=True, slots=True)
class ParcelRow:
    what: str
    about: str
    issued: str
    look: Look
    answer: str

    @property
    def texts(self) -> tuple[str, ...]:
        return (self.what, self.about, self.issued, self.look.word, self.answer)


@dataclass(frozen=True, slots=True)
class ParcelView:
    title: str
    text: str
    rows: tuple[ParcelRow, ...]
    count: int  # that can be handed in
    done: bool


@dataclass(frozen=True, slots=True)
class WhyNot:
    refresh: str = ""
    bring: str = ""
    export: str = ""
    hand_in: str = ""


@dataclass(frozen=True, slots=True)
class Empty:
    title: str
    text: str
    commands: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CollateralView:
    section: Section
    rows: tuple[Row, ...] = ()
    counts: tuple[tuple[str, str, int, bool], ...] = ()  # filter, text, how many, whether chosen
    summary: str = ""
    note: str = ""
    selected: str | None = None
    detail: Detail | None = None
    forecast: Forecast | None = None
    parcel: ParcelView | None = None
    empty: Empty | None = None
    problem: str = ""
    work: str = ""
    why_not: WhyNot = WhyNot()


def item_id(item: Item) -> str:
    return f"{item.document.kind.value} {item.document.scope} {item.document.digest}"


def row_of(item: Item, now: datetime) -> Row:
    kind, age = item.document.kind, item.age
    return Row(
        item_id(item),
        vendor(kind),
        kind_name(kind),
        scope_name(kind, item.document.scope),
        _age(item, now),
        "" if age is None else f"{age.issued:%Y-%m-%d}",
        _("no end") if age is None or age.until is None else f"{age.until:%Y-%m-%d}",
        look_of(item, now),
        held_look(item),
        str(len(item.users)) if item.users else "–",
    )


def _age(item: Item, now: datetime) -> str:
    """Since its issue: that is signed. When it was fetched is in the details."""
    if item.age is None:
        return "–"
    return wording.age((now - item.age.issued).total_seconds())


def look_of(item: Item, now: datetime) -> Look:
    if item.fault is not None and item.proved_state(now) is State.EXPIRED and not _over(item, now):
        return unproved_look()
    return state_look(*item.state(now))


def _over(item: Item, now: datetime) -> bool:
    age = item.age
    return age is not None and age.until is not None and now > age.until


def held_look(item: Item) -> Look:
    """The server's word, and said to be."""
    if not item.there:
        return Look(_("Only here"), "stale", "hard-drive")
    if item.said is None:
        return Look(_("Not said"), "unknown", "circle-help")
    if item.said.held:
        return Look(_("Keeps it"), "ok", "check")
    return Look(_("Does not keep it"), "danger", "circle-x")


def chosen(items: Sequence[Item], filters: frozenset[str], line: str, now: datetime) -> list[Item]:
    """Those that pass: any of the vendors chosen, attention if asked for, all the words."""
    vendors = filters - {ATTENTION}
    words = line.lower().split()

    def passes(item: Item) -> bool:
        if vendors and vendor(item.document.kind) not in vendors:
            return False
        if ATTENTION in filters and not needs_attention(item, now):
            return False
        row = row_of(item, now)
        text = " ".join((*row.texts, item.document.scope, item.document.digest, *item.users))
        return all(word in text.lower() for word in words)

    return [each for each in items if passes(each)]


def needs_attention(item: Item, now: datetime) -> bool:
    return item.state(now)[0] is not State.FRESH


def forecast_view(stock: Stock, days: int, selected: int | None, now: datetime) -> Forecast:
    events = within(stock.events, now, days)
    rows = tuple(_event_row(each, now) for each in events)
    stopping = sum(bool(each.nodes) for each in events)
    summary = n_("{count} event", "{count} events", len(events))
    summary += " · " + n_("{count} stops nodes", "{count} stop nodes", stopping)
    if stock.unseen:
        count = len(stock.unseen)
        summary += " · " + n_(
            "needs of {count} node not known", "needs of {count} nodes not known", count
        )
    if selected is not None and selected >= len(events):
        selected = None
    known = bool(stock.items)
    return Forecast(days, now, events, rows, selected, summary, known, bool(stock.unseen))


def _event_row(event: Event, now: datetime) -> EventRow:
    return EventRow(
        f"{event.when:%Y-%m-%d}",
        wording.until(event.when, now),
        f"{vendor(event.kind)} · {kind_name(event.kind)} · {scope_name(event.kind, event.scope)}",
        why_text(event),
        stops_text(event),
        event_look(event, event.when <= now),
    )


def stops_text(event: Event) -> str:
    """Which nodes and models, by name as far as a line holds them."""
    if not event.nodes:
        return ""
    return f"{_some(event.nodes)} · {_some(event.models)}" if event.models else _some(event.nodes)


def _some(names: Sequence[str], most: int = 3) -> str:
    if len(names) <= most:
        return ", ".join(names)
    more = len(names) - most
    return ", ".join(names[:most]) + " " + n_("and {count} more", "and {count} more", more)


def detail_of(item: Item, stock: Stock, now: datetime) -> Detail:
    document = item.document
    mine = [each for each in stock.events if (each.kind, each.scope) == item.key]
    state, _word = item.state(now)
    text = state_text(state)
    return Detail(
        item_id(item),
        f"{vendor(document.kind)} · {kind_name(document.kind)}",
        scope_name(document.kind, document.scope),
        look_of(item, now),
        text,
        "" if item.fault is None else wording.error_text(item.fault),
        _facts(item),
        _said(item, now),
        tuple((f"{when:%Y-%m-%d}", name, False) for name, when in item.certificates),
        _some(item.users, 12) if item.users else _("No node's last evidence is about it."),
        tuple(_ending(each, now) for each in mine),
        document.digest,
    )


def _ending(event: Event, now: datetime) -> str:
    when = f"{event.when:%Y-%m-%d} ({wording.until(event.when, now)})"
    text = f"{when}: {why_text(event)}"
    stops = stops_text(event)
    return text + "\n" + _("Stops {names}").format(names=stops) if stops else text


def _facts(item: Item) -> tuple[tuple[str, str, bool], ...]:
    document, age = item.document, item.age
    facts = [(_("Scope"), document.scope, True)]
    if age is not None:
        facts.append((_("Issued"), wording.moment(age.issued), False))
        until = _("it names no end") if age.until is None else wording.moment(age.until)
        facts.append((_("Valid until"), until, False))
        if age.number is not None:
            facts.append((_("Number"), f"{age.number}", True))
    if item.certificates:
        issuer = item.certificates[min(1, len(item.certificates) - 1)][0]
        first = item.certificates[0][0]
        facts.append((_("Signed below"), first if len(item.certificates) == 1 else issuer, False))
    facts.append((_("Size"), wording.size(len(document.data)), False))
    return tuple(facts)


def _said(item: Item, now: datetime) -> tuple[tuple[str, str, bool], ...]:
    """What nothing proves; `here` is this machine's own record."""
    said = []
    if item.here and item.fetched is not None:
        said.append((_("Kept here"), _("from {moment}").format(
            moment=wording.moment(item.fetched)), False))  # fmt: skip
    if item.said is not None:
        said.append((_("Fetched"), wording.ago(item.said.fetched, now), False))
        said.append((_("From"), item.said.source or _("not said"), False))
    said.append((_("Keyholder"), held_look(item).word, False))
    return tuple(said)


def parcel_view(parcel: Parcel) -> ParcelView:
    rows = tuple(_parcel_row(each) for each in parcel.rows)
    count, done = len(parcel.documents), any(each.kept is not None for each in parcel.rows)
    text = n_("{count} document", "{count} documents", len(rows))
    if parcel.expires is not None:
        text += " · " + _("may be imported until {moment}").format(
            moment=wording.moment(parcel.expires)
        )
    return ParcelView(parcel.name, text, rows, count, done)


def _parcel_row(each: Brought) -> ParcelRow:
    return ParcelRow(
        f"{vendor(each.kind)} · {kind_name(each.kind)}",
        scope_name(each.kind, each.scope),
        "–" if each.age is None else f"{each.age.issued:%Y-%m-%d}",
        verdict_look(each.verdict),
        _answer(each),
    )


def _answer(each: Brought) -> str:
    if each.error is not None:
        return wording.error_text(each.error)
    if each.answer is not None:
        return _("The keyholder refuses it: found {found}, expected {expected}").format(
            found=each.answer.found, expected=each.answer.expected
        )
    if each.kept is not None:
        return _("The keyholder keeps it") if each.kept else _("The keyholder does not keep it")
    if not each.to_hand_in:
        return _("Kept here; a keyholder has no use for it")
    return _("Proved here, not handed in yet")
