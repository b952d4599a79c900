"""The list of news as it is shown. No Qt in here."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from keyturn_app import wording
from keyturn_app.i18n import _, n_
from keyturn_app.news import Item, Tone

_TOKENS = {
    Tone.QUIET: "text2",
    Tone.GOOD: "ok",
    Tone.ATTENTION: "stale",
    Tone.ALARM: "danger",
}


@dataclass(frozen=True, slots=True)
class Row:
    """`fresh`: it came since the officer last looked. `goes`: there is something to see."""

    title: str
    detail: str
    age: str
    moment: str
    icon: str
    token: str
    fresh: bool
    goes: bool

    @property
    def spoken(self) -> str:
        new = _("new") if self.fresh else ""
        return ", ".join(each for each in (new, self.title, self.detail, self.age) if each)


@dataclass(frozen=True, slots=True)
class NotificationsView:
    rows: tuple[Row, ...]
    only_attention: bool
    summary: str
    empty: str  # why there is nothing; empty when there is something


def rows_of(items: Sequence[Item], fresh: Collection[Item], now: datetime) -> tuple[Row, ...]:
    return tuple(
        Row(
            each.title,
            each.detail,
            wording.ago(each.at, now),
            wording.moment(each.at),
            each.icon,
            _TOKENS[each.tone],
            each in fresh,
            bool(each.page),
        )
        for each in items
    )


def needs_attention(item: Item) -> bool:
    return item.tone in (Tone.ATTENTION, Tone.ALARM)


def notifications_view(
    items: Sequence[Item], fresh: Collection[Item], now: datetime, *, only_attention: bool
) -> NotificationsView:
    """`items` are those to be shown."""
    empty = ""
    if not items:
        empty = _("Nothing that needs attention.") if only_attention else _("Nothing happened yet.")
    return NotificationsView(
        rows_of(items, fresh, now),
        only_attention,
        n_("{count} entry, newest first", "{count} entries, newest first", len(items))
        + " · "
        + _("as the server tells it; the pages show what is proved"),
        empty,
    )
