"""What the frame around every page shows, as frozen values. No Qt in here."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum

from keyturn.quorum.kinds import Kind, Role
from keyturn_app import wording
from keyturn_app.facts import STALE_SECONDS, Alarm, AlarmKind, Connection, Facts, Link
from keyturn_app.i18n import _
from keyturn_app.states import Look


class Tone(Enum):
    WARN = "warn"
    DANGER = "danger"


@dataclass(frozen=True, slots=True)
class BannerView:
    """Across every page. `proof`: whether there are files to show. `other_key`: whether the
    server showed another TLS key, which the officer may take, told by whoever runs it."""

    tone: Tone
    text: str
    proof: bool
    other_key: bool = False


@dataclass(frozen=True, slots=True)
class Environment:
    """`mark` is PROD, STAGING or DEMO; `token` its colour."""

    label: str
    mark: str
    token: str


@dataclass(frozen=True, slots=True)
class OfficerView:
    name: str
    initials: str
    roles: str


@dataclass(frozen=True, slots=True)
class ShellView:
    band: str  # empty: no band
    environment: Environment
    link: Look
    age: str
    banner: BannerView | None
    dimmed: bool  # what the pages show is not of now
    officer: OfficerView
    fingerprint: str  # as `sha256:…`, whole
    unread: int
    witnesses: Look | None = None  # None: no witness is asked for, or nothing is known of them
    denied: Mapping[str, str] = field(default_factory=dict)
    """What the officer's roles do not include, and whose do."""


def environment(label: str, kind: str, *, simulated: bool) -> Environment:
    """`kind` is what the officer says it is; what nobody says to be else is production."""
    if simulated:  # whatever anybody says
        return Environment(label, _("DEMO"), "simulated")
    if kind == "staging":
        return Environment(label, _("STAGING"), "pending")
    return Environment(label, _("PROD"), "stale")


def age_text(connection: Connection, now: datetime) -> str:
    """How far what is shown lies behind the server, or since when nothing was heard."""
    if connection.reading is not None:
        return wording.reading(connection.reading.done, connection.reading.total)
    if connection.link is Link.LIVE and connection.behind_ms is not None:
        behind = _("{count} ms behind").format(count=f"{connection.behind_ms:,}")
        if connection.events_per_second < 1:
            return behind
        rate = _("{count} events/s").format(count=round(connection.events_per_second))
        return f"{rate} · {behind}"
    if connection.link is Link.STATION:
        return ""
    if connection.heard is None:
        return "" if connection.link is Link.CONNECTING else _("never heard")
    return _("heard {ago}").format(ago=wording.ago(connection.heard, now))


def banner(facts: Facts, now: datetime) -> BannerView | None:
    """The worst that must be said; None when there is nothing."""
    connection = facts.connection
    if facts.alarms:
        proof = any(each.saved for each in facts.alarms)
        newest = facts.alarms[-1]
        other = newest.kind is AlarmKind.OTHER_KEY and not facts.trusted
        return BannerView(Tone.DANGER, alarm_text(newest), proof, other)
    if connection.link is Link.DISTRUSTED:
        text = _("Server not believed: nothing that it says is shown as fact. {why}")
        return BannerView(Tone.DANGER, text.format(why=connection.error).strip(), False)
    if connection.link is Link.STATION:
        return BannerView(Tone.WARN, connection.error, False) if connection.error else None
    if connection.link is Link.REMOVED:
        return BannerView(Tone.DANGER, connection.error, False)
    ended = _expired(facts, now)
    if ended:
        return BannerView(Tone.DANGER, ended, False)
    said = {
        Link.STALE: _("Nothing heard for more than {seconds} s: what is shown is old ({age})."),
        Link.RECONNECTING: _("Connection lost, trying again: what is shown is old ({age})."),
        Link.OFFLINE: _("No connection: every node is Unknown, what is shown is old ({age})."),
    }.get(connection.link)
    if said is None:
        return BannerView(Tone.WARN, sealed_text(), False) if is_sealed(facts) else None
    text = said.format(seconds=int(STALE_SECONDS), age=age_text(connection, now))
    why = connection.error[:1].upper() + connection.error[1:]
    return BannerView(Tone.WARN, f"{text} {why}".strip(), False)


def is_sealed(facts: Facts) -> bool:
    """Whether the keyholder waits for its custodians, as far as is known now."""
    return facts.sealed is True and facts.connection.link is Link.LIVE


def sealed_text() -> str:
    return _(
        "Sealed: the keyholder waits for its custodians. No key is released and no lease is renewed"
        " until enough of them have entered their shares on the page Ceremonies."
    )


def _expired(facts: Facts, now: datetime) -> str:
    """Roster or `keys` out of time: officers get in to renew them, and nothing is released."""
    expired = () if facts.seen is None else facts.seen.authority.expired(now)
    if not expired:
        return ""
    names = {Kind.ROSTER: _("roster"), Kind.KEYS: _("keys")}
    what = ", ".join(
        _("{kind} version {version}").format(
            kind=names[each.statement.kind], version=each.statement.version
        )
        for each in expired
    )
    return _(
        "EXPIRED: {what}. No longer in force: no key is released. Renew it on the page Officers."
    ).format(what=what)


def alarm_text(alarm: Alarm) -> str:
    """What the server was caught at: found, expected and what to do."""
    text = _("Server not believed: {message}").format(message=alarm.message.rstrip("."))
    if alarm.found:
        text += _("; found {found}").format(found=alarm.found)
    if alarm.expected:
        text += _("; expected {expected}").format(expected=alarm.expected)
    return f"{text}. {alarm.hint}".strip()


def initials(name: str) -> str:
    words = [each for each in name.replace("-", " ").split() if each[0].isalnum()]
    if not words:
        return "?"
    return (words[0][0] + (words[-1][0] if len(words) > 1 else "")).upper()


def roles_text(roles: frozenset[Role]) -> str:
    """All of them, those that matter most here first: what does not fit is cut at the end."""
    names = {
        Role.PROPOSER: _("Proposer"),
        Role.APPROVER: _("Approver"),
        Role.CUSTODIAN: _("Custodian"),
        Role.OPERATOR: _("Operator"),
        Role.AUDITOR: _("Auditor"),
        Role.WITNESS: _("Witness"),
    }
    return ", ".join(text for role, text in names.items() if role in roles)
