"""The frame's presenter: from verified facts to a `ShellView`. No Qt in here."""

from keyturn_app.desk import Desk, Topic
from keyturn_app.facts import Link
from keyturn_app.i18n import _
from keyturn_app.news import News
from keyturn_app.presenting import Presenter
from keyturn_app.questions import Asker, Notice, Weight
from keyturn_app.shell.viewmodel import (
    OfficerView,
    ShellView,
    age_text,
    banner,
    environment,
    initials,
    roles_text,
)
from keyturn_app.shell.waiting import officer_of
from keyturn_app.states import link_look

_TOPICS = (Topic.CONNECTION, Topic.SEEN, Topic.HAPPENINGS, Topic.ALARMS, Topic.IDENTITY)
"""Not nodes: they change at any time, and nothing here shows them."""


class ShellPresenter(Presenter[ShellView]):
    """One desk's frame. Its view ages: look again every second. `kind`: a seat's environment."""

    def __init__(self, desk: Desk, news: News, asker: Asker, kind: str = "") -> None:
        super().__init__()
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
            link=link_look(facts.connection.link),
            age=age_text(facts.connection, now),
            banner=banner(facts, now),
            dimmed=facts.connection.link not in (Link.LIVE, Link.CONNECTING),
            officer=OfficerView(name, initials(name), roles),
            fingerprint=identity.profile.fingerprint,
            unread=self._news.alarming,
            denied=facts.denied,
        )

    def check_again(self) -> None:
        """Ask the server for everything, and judge it anew."""
        self._desk.refresh()

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
