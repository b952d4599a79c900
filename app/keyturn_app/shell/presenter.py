"""The frame's presenter: from verified facts to a `ShellView`. No Qt in here."""

from collections.abc import Callable

from keyturn_app import witnessing
from keyturn_app.desk import Desk, Topic
from keyturn_app.facts import AlarmKind, Link
from keyturn_app.i18n import _
from keyturn_app.news import News
from keyturn_app.presenting import Presenter
from keyturn_app.questions import Asker, Confirm, Notice, Weight
from keyturn_app.shell.viewmodel import (
    OfficerView,
    ShellView,
    age_text,
    banner,
    environment,
    initials,
    is_sealed,
    roles_text,
)
from keyturn_app.shell.waiting import officer_of
from keyturn_app.states import Look, link_look, sealed_look

_TYPED = 8
"""Digits of a new pin that the officer types."""
_TOPICS = (
    Topic.CONNECTION,
    Topic.SEEN,
    Topic.WITNESSES,
    Topic.HAPPENINGS,
    Topic.ALARMS,
    Topic.IDENTITY,
)
"""Not nodes: they change at any time, and nothing here shows them."""


class ShellPresenter(Presenter[ShellView]):
    """One desk's frame. Its view ages: look again every second. `kind`: a seat's environment."""

    def __init__(
        self,
        desk: Desk,
        news: News,
        asker: Asker,
        kind: str = "",
        repin: Callable[[str], None] = lambda _pin: None,
    ) -> None:
        super().__init__()
        self._repin = repin
        self._desk = desk
        self._kind = kind
        self._news = news
        self._asker = asker
        self.keep(desk.subscribe(lambda _topics: self.changed(), *_TOPICS))
        self.keep(news.listeners.add(self.changed))

    def view(self) -> ShellView:
        desk, facts, now = self._desk, self._desk.facts, self._desk.now()
        identity, officer = desk.identity, officer_of(desk)
        band = _("SIMULATED: no hardware vouches for anything that is shown here")
        name = officer.name if officer else identity.name or identity.officer
        roles = roles_text(officer.roles) if officer else identity.officer
        return ShellView(
            band=band if facts.simulated else "",
            environment=environment(identity.label, self._kind, simulated=facts.simulated),
            link=sealed_look() if is_sealed(facts) else link_look(facts.connection.link),
            age=age_text(facts.connection, now),
            banner=banner(facts, now),
            dimmed=facts.connection.link not in (Link.LIVE, Link.CONNECTING, Link.STATION),
            officer=OfficerView(name, initials(name), roles),
            fingerprint=identity.profile.fingerprint,
            unread=self._news.alarming,
            witnesses=self._witnesses(),
            denied=facts.denied,
        )

    def _witnesses(self) -> Look | None:
        facts, now = self._desk.facts, self._desk.now()
        count = witnessing.count_text(facts, now)
        if not count:
            return None
        look = witnessing.overall(facts, now)
        return Look(_("Witnesses {count}").format(count=count), look.token, look.icon)

    def check_again(self) -> None:
        """Ask the server for everything, and judge it anew."""
        self._desk.refresh()

    def ask_other_key(self) -> None:
        """Both pins, and a question that nobody but the officer answers: never by itself."""
        others = [each for each in self._desk.facts.alarms if each.kind is AlarmKind.OTHER_KEY]
        if not others:
            return
        pinned, found = self._desk.identity.profile.pin, others[-1].found
        self._asker.confirm(
            Confirm(
                _("The server holds another TLS key"),
                _(
                    "Somebody may sit between you and the server. Go on only if whoever runs it "
                    "told you, by another way than this connection, that its key was changed to "
                    "this one. Then type the first eight digits of the pin that you were told."
                ),
                _("Pin the new key"),
                details=(
                    _("Pinned: {pin}").format(pin=pinned),
                    _("Found: {pin}").format(pin=found),
                ),
                typed=found[:_TYPED],
                weight=Weight.DANGER,
            ),
            lambda answer: None if answer is None else self._repin(found),
        )

    def show_proof(self) -> None:
        """Where the files lie that convict the server."""
        alarms = self._desk.facts.alarms
        saved = [str(path) for alarm in alarms for path in alarm.saved]
        if not saved:
            return
        newest = alarms[-1]
        self._asker.tell(
            Notice(
                _("Proof files"),
                _("These files prove to anybody what the server did. Keep them, and hand them on."),
                found=newest.found,
                expected=newest.expected,
                hint=newest.hint,
                weight=Weight.DANGER,
                details=tuple(saved),
            )
        )
