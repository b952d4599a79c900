"""News for the officer, in words: happenings, alarms and turns of the connection.

Heard from the start, so that the page that lists them may be built late. A happening is the
server's word: it says where to look, and proves nothing. No Qt in here.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from keyturn_app import wording
from keyturn_app.desk import Desk, Topic
from keyturn_app.facts import Alarm, Happening, Link
from keyturn_app.i18n import _
from keyturn_app.presenting import Listeners
from keyturn_app.settings import Preferences
from keyturn_app.states import link_look

KEPT = 300


class Tone(Enum):
    """How loud it is."""

    QUIET = "quiet"
    GOOD = "good"
    ATTENTION = "attention"
    ALARM = "alarm"


@dataclass(frozen=True, slots=True)
class Item:
    """One piece of news. `page` and `target` say where one sees it; empty: nowhere."""

    title: str
    detail: str
    at: datetime
    tone: Tone
    icon: str
    page: str = ""
    target: str = ""
    happening: int = 0  # its number in the server's stream


class News:
    """Newest first. What was read is remembered by the number of the last happening seen."""

    def __init__(self, desk: Desk, preferences: Preferences) -> None:
        self.listeners = Listeners()
        self._desk = desk
        self._preferences = preferences
        self._key = f"news.read.{desk.identity.profile.fingerprint}.{desk.identity.officer}"
        self._read = _number(preferences.get(self._key))
        self._own: list[Item] = []
        self._unread_own = 0
        self._link = desk.facts.connection.link
        self._alarms: tuple[Alarm, ...] = ()
        self._leave = desk.subscribe(
            self._heard, Topic.HAPPENINGS, Topic.ALARMS, Topic.CONNECTION, Topic.IDENTITY
        )
        self._heard(frozenset(Topic))

    @property
    def items(self) -> tuple[Item, ...]:
        """What the app itself has noticed is pushed out by nothing that a server tells."""
        told = [item_of(each) for each in self._desk.facts.happenings if _worth_telling(each)]
        told = told[max(0, len(told) + len(self._own) - KEPT) :]
        now = self._desk.now()

        def newest(each: Item) -> tuple[datetime, bool, int]:
            return min(each.at, now), each.tone is Tone.ALARM, each.happening

        return tuple(sorted([*told, *self._own], key=newest, reverse=True))

    @property
    def unread(self) -> int:
        fresh = sum(
            each.id > self._read and _worth_telling(each) for each in self._desk.facts.happenings
        )
        return fresh + self._unread_own

    @property
    def fresh(self) -> frozenset[Item]:
        """The items behind `unread`."""
        told = [each for each in self._desk.facts.happenings if each.id > self._read]
        heard = [item_of(each) for each in told if _worth_telling(each)]
        return frozenset([*heard, *self._own[len(self._own) - self._unread_own :]])

    @property
    def alarming(self) -> int:
        """How much of what was not read wants attention."""
        return sum(each.tone in (Tone.ATTENTION, Tone.ALARM) for each in self.fresh)

    def mark_read(self) -> None:
        """The officer has seen what there is now."""
        newest = max((each.id for each in self._desk.facts.happenings), default=self._read)
        if newest <= self._read and not self._unread_own:
            return
        self._read, self._unread_own = max(newest, self._read), 0
        self._preferences.set(self._key, str(self._read))
        self.listeners.tell()

    def close(self) -> None:
        self._leave()

    def _heard(self, _topics: frozenset[Topic]) -> None:
        facts = self._desk.facts
        for alarm in facts.alarms:
            if alarm not in self._alarms:
                self._add(_alarm_item(alarm))
        self._alarms = facts.alarms
        if facts.connection.link is not self._link:
            self._turned(self._link, facts.connection.link, facts.connection.error)
            self._link = facts.connection.link
        self.listeners.tell()

    def _turned(self, before: Link, now: Link, why: str) -> None:
        if now is Link.CONNECTING or (before is Link.CONNECTING and now is Link.LIVE):
            return
        look = link_look(now)
        tone = Tone.GOOD if now is Link.LIVE else Tone.ATTENTION
        title = _("Connection: {state}").format(state=look.word)
        self._add(Item(title, why, self._desk.now(), tone, look.icon))

    def _add(self, item: Item) -> None:
        self._own = [*self._own, item][-KEPT:]
        self._unread_own = min(self._unread_own + 1, KEPT)


def item_of(happening: Happening) -> Item:
    """A happening in words."""
    data = happening.data
    title, detail, tone, icon, page, name = _WORDS.get(happening.kind, _unknown)(data)
    title = title or _("Event “{kind}”").format(kind=happening.kind[:40])
    target = _text(data, name)
    if name and not _TARGETS[name].fullmatch(target):
        page = target = ""
    return Item(title, detail, happening.at, tone, icon, page, target, happening.id)


_TARGETS = {
    "digest": re.compile(r"(?:sha256:[0-9a-f]{64})?"),
    "node": re.compile(r"[A-Za-z0-9.-]{0,64}"),
    "ceremony": re.compile(r"[a-z0-9.-]{0,64}"),
}
"""What a target may be, by the field that names it: pages take drafts and filters there as well."""


Words = tuple[str, str, Tone, str, str, str]
"""Title, detail, tone, icon, page, and the field that names the target there."""


def _text(data: Mapping[str, object], name: str) -> str:
    """A field of what the server sent, cut to what a line can hold."""
    value = data.get(name, "") if name else ""
    return _plain(value, 200)


def _plain(value: object, longest: int) -> str:
    """A text or number of the server's on one line; what would be obeyed is a mark instead."""
    if not isinstance(value, str | int):
        return ""
    text = str(value)[:longest]
    return "".join(each if each.isprintable() else "\ufffd" for each in text)


def _subject(data: Mapping[str, object]) -> str:
    subject = wording.digest(_text(data, "subject"))
    return f"{_text(data, 'kind')} {subject}".strip()


def _proposal(data: Mapping[str, object]) -> Words:
    if data.get("withdrawn"):
        return _("A proposal was withdrawn"), "", Tone.QUIET, "undo-2", "approvals", "digest"
    title = _("{officer} proposed a change").format(officer=_text(data, "proposer"))
    return title, _subject(data), Tone.ATTENTION, "file-input", "approvals", "digest"


def _approval(data: Mapping[str, object]) -> Words:
    officer = _text(data, "officer")
    if data.get("decision") == "reject":
        title = _("{officer} rejected a proposal").format(officer=officer)
        return title, "", Tone.ATTENTION, "x", "approvals", "digest"
    title = _("{officer} approved a proposal").format(officer=officer)
    return title, "", Tone.QUIET, "user-check", "approvals", "digest"


def _in_force(data: Mapping[str, object]) -> Words:
    return _("In force"), _subject(data), Tone.GOOD, "badge-check", "approvals", "digest"


def _revocation(data: Mapping[str, object]) -> Words:
    subject = wording.digest(_text(data, "subject"))
    return _("Revoked"), subject, Tone.ATTENTION, "ban", "approvals", "digest"


def _not_taken(data: Mapping[str, object]) -> Words:
    title = _("The keyholder did not take a proposal")
    return title, _subject(data), Tone.ATTENTION, "octagon-x", "approvals", "digest"


def _model(data: Mapping[str, object]) -> Words:
    detail = f"{_text(data, 'name')} {_text(data, 'version')}".strip()
    return _("A sealed model was registered"), detail, Tone.QUIET, "box", "models", "digest"


def _grant(data: Mapping[str, object]) -> Words:
    title = _("A key was released to {node}").format(node=_text(data, "node"))
    return title, "", Tone.GOOD, "key-round", "fleet", "node"


def _refusal(data: Mapping[str, object]) -> Words:
    title = _("{node} was refused a key").format(node=_text(data, "node"))
    reasons = data.get("reasons")
    told = ", ".join(_plain(each, 60) for each in reasons[:4]) if isinstance(reasons, list) else ""
    return title, told, Tone.ATTENTION, "octagon-x", "fleet", "node"


def _lost(data: Mapping[str, object]) -> Words:
    title = _("No word from {node}").format(node=_text(data, "node"))
    return title, "", Tone.ATTENTION, "circle-slash", "fleet", "node"


def _wiped(data: Mapping[str, object]) -> Words:
    title = _("{node} wiped its keys and weights").format(node=_text(data, "node"))
    took = _text(data, "time_to_wipe_ms")
    detail = _("Time to wipe: {count} ms").format(count=took) if took else ""
    return title, detail, Tone.ATTENTION, "eraser", "fleet", "node"


def _platform(data: Mapping[str, object]) -> Words:
    title = _("Another machine came under the name {node}").format(node=_text(data, "node"))
    return title, "", Tone.ATTENTION, "server", "fleet", "node"


def _rewritten(_data: Mapping[str, object]) -> Words:
    title = _("The server reports that the log's history was rewritten")
    return title, "", Tone.ALARM, "siren", "log", ""


def _rebuilt(data: Mapping[str, object]) -> Words:
    keyless = data.get("without_key")
    count = len(keyless) if isinstance(keyless, list) else 0
    title = _("The server's database was written anew from the log")
    if data.get("empty"):
        title = _("The server's database was lost, and written anew from the log")
    detail = _text(data, "reason")
    if count:
        detail = _("Models whose keyturn.key must be handed in again: {count}").format(count=count)
    return title, detail, Tone.ATTENTION, "history", "models" if count else "log", ""


def _report(data: Mapping[str, object]) -> Words:
    """Somebody knocks, or guesses. It is the server's word alone."""
    officer = _text(data, "officer")
    title = _("Sign-ins failed as {officer}").format(officer=officer)
    if not officer:
        title = _("Sign-ins failed")
    detail = _("Reported by the control plane, not proved")
    return title, detail, Tone.ATTENTION, "triangle-alert", "log", ""


def _configuration(data: Mapping[str, object]) -> Words:
    title = _("Settings of the control plane changed")
    if data.get("program") == "keyholder":
        title = _("Settings of the keyholder changed")
    changed = data.get("changed")
    names = ", ".join(_plain(each, 60) for each in changed[:8]) if isinstance(changed, list) else ""
    return title, names, Tone.ATTENTION, "settings", "log", ""


def _ceremony(data: Mapping[str, object]) -> Words:
    what = f"{_plain(data.get('kind'), 40)} {_plain(data.get('ceremony'), 64)}".strip()
    event = _plain(data.get("event"), 20)
    titles = {
        "opened": _("A key ceremony was opened"),
        "aborted": _("A key ceremony was aborted"),
        "exception": _("An exception was recorded in a key ceremony"),
        "failed": _("A step of a key ceremony failed"),
    }
    title = titles.get(event, _("A key ceremony went on"))
    tone = Tone.ATTENTION if event in titles else Tone.QUIET
    return title, what, tone, "key-round", "ceremonies", "ceremony"


def _unknown(_data: Mapping[str, object]) -> Words:
    return "", "", Tone.QUIET, "circle-dot", "", ""


_WORDS = {
    "proposal": _proposal,
    "approval": _approval,
    "in-force": _in_force,
    "refused": _not_taken,
    "revocation": _revocation,
    "model": _model,
    "grant": _grant,
    "refusal": _refusal,
    "report": _report,
    "configuration": _configuration,
    "ceremony": _ceremony,
    "heartbeat-lost": _lost,
    "wiped": _wiped,
    "platform-changed": _platform,
    "history-rewritten": _rewritten,
    "rebuilt": _rebuilt,
}


def _worth_telling(happening: Happening) -> bool:
    """Renewals go on all day; that a decision was logged was told when it was given."""
    return happening.kind not in ("renewal", "decision")


def _alarm_item(alarm: Alarm) -> Item:
    detail = alarm.message
    return Item(_("The server was caught"), detail, alarm.at, Tone.ALARM, "siren", "log", "")


def _number(text: str | None) -> int:
    return int(text) if text and text.isascii() and text.isdecimal() else 0
