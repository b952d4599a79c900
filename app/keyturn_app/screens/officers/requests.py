"""Newcomers' requests that wait at the server: listed, compared, proposed, dismissed. No Qt."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from keyturn.base.encoding import Digest
from keyturn.base.errors import KeyturnError
from keyturn.client.client import KeyturnClient
from keyturn.client.enrolments import PendingEnrolments, Waiting
from keyturn.quorum.enrolment import LONGEST_WAIT, Enrolment
from keyturn.quorum.kinds import Kind, Role
from keyturn.quorum.roster import OfficerId
from keyturn_app import fingerprint, wording
from keyturn_app.desk import Desk, Topic
from keyturn_app.i18n import _, n_
from keyturn_app.presenting import Presenter
from keyturn_app.questions import Asker, Confirm, Confirmed, Weight, failure
from keyturn_app.screens.officers.composing import key_lines, roles_text
from keyturn_app.screens.officers.entitled import not_asking, not_proposing
from keyturn_app.screens.officers.viewmodel import Line
from keyturn_app.states import Look

_READERS = frozenset({Role.PROPOSER, Role.APPROVER, Role.AUDITOR})
_PER_LINE = 4


@dataclass(frozen=True, slots=True)
class RequestLine:
    """One request. `digest` is its key."""

    digest: Digest
    name: str
    id: str
    roles: str
    age: str
    moment: str
    look: Look


@dataclass(frozen=True, slots=True)
class RequestsView:
    """`text` says what there is, or why nothing is known. `details` are of the chosen one."""

    lines: tuple[RequestLine, ...]
    chosen: Digest | None
    text: str
    warning: str
    details: tuple[Line, ...]
    why_not_propose: str
    why_not_dismiss: str


class RequestsPresenter(Presenter[RequestsView]):
    """`enrol` is called with a request that an officer wants to propose."""

    def __init__(self, desk: Desk, asker: Asker, enrol: Callable[[Enrolment], None]) -> None:
        super().__init__()
        self._desk, self._asker, self._enrol = desk, asker, enrol
        self._pending: PendingEnrolments | None = None
        self._error = ""
        self._asked = False
        self._upon: Digest | None = None
        self._chosen: Digest | None = None
        self.keep(desk.subscribe(lambda _topics: self._moved(), Topic.SEEN, Topic.IDENTITY))

    def view(self) -> RequestsView:
        pending, now = self._pending or PendingEnrolments(()), self._desk.now()
        chosen = self._waiting()
        return RequestsView(
            tuple(_line(each, pending, now) for each in pending.waiting),
            None if chosen is None else chosen.digest,
            self._text(),
            "" if chosen is None else _warning(chosen, pending),
            () if chosen is None else _details(chosen),
            self._why_not(chosen) or ("" if chosen is None else chosen.refused),
            self._why_not(chosen),
        )

    # ---- looking ----

    def load(self) -> None:
        """Ask the server, if it would answer this officer."""
        if self._asked or self._not_reading():
            self.changed()
            return
        self._asked = True

        def done(pending: PendingEnrolments) -> None:
            self._asked, self._pending, self._error = False, pending, ""
            self.changed()

        def failed(error: KeyturnError) -> None:
            self._asked, self._error = False, error.message
            self.changed()

        self.keep(self._desk.ask(KeyturnClient.enrolments, done=done, failed=failed))

    def choose(self, digest: str) -> None:
        if digest != self._chosen:
            self._chosen = Digest(digest)
            self.changed()

    # ---- deciding ----

    def propose(self) -> None:
        chosen, view = self._waiting(), self.view()
        if chosen is not None and not view.why_not_propose:
            self._enrol(chosen.enrolment)

    def dismiss(self) -> None:
        chosen, view = self._waiting(), self.view()
        if chosen is None or view.why_not_dismiss:
            return
        officer = chosen.enrolment.officer
        question = Confirm(
            _("Dismiss the request of {name}?").format(name=officer.name),
            _("The server forgets it. Whoever made it can send it again."),
            _("Dismiss"),
            (
                _("Officer {name}, id {id}").format(name=officer.name, id=officer.id),
                _("Request {digest}").format(digest=wording.grouped(chosen.digest)),
            ),
            weight=Weight.PLAIN,
        )
        self._asker.confirm(question, lambda answer: self._dismiss(chosen, answer))

    def _dismiss(self, chosen: Waiting, answer: Confirmed | None) -> None:
        if answer is None:
            return

        def done(_nothing: None) -> None:
            self._asker.toast(_("Dismissed."))
            self.load()

        def failed(error: KeyturnError) -> None:
            self._asker.tell(failure(_("It was not dismissed"), error))
            self.load()

        self.keep(
            self._desk.ask(
                lambda client: client.dismiss_enrolment(chosen.digest), done=done, failed=failed
            )
        )

    # ---- inside ----

    def _moved(self) -> None:
        """With another roster another request can be taken in."""
        seen = self._desk.facts.seen
        newest = None if seen is None else seen.state.newest.get((Kind.ROSTER, "roster"))
        upon = None if newest is None else newest.statement.digest
        if upon != self._upon:
            self._upon = upon
            if self._pending is not None:
                self.load()
                return
        self.changed()

    def _waiting(self) -> Waiting | None:
        """The chosen one; where nobody chose, the first."""
        listed = self._pending.waiting if self._pending else ()
        named = next((each for each in listed if each.digest == self._chosen), None)
        return named or next(iter(listed), None)

    def _text(self) -> str:
        if reason := self._not_reading():
            return reason
        if self._error:
            return _("What waits is not known: {why}.").format(why=self._error)
        if self._pending is None:
            return _("The server has not been asked yet.")
        count = len(self._pending.waiting)
        text = n_("{count} request waits.", "{count} requests wait.", count)
        if not count:
            text = _("No request waits. A newcomer sends one with: keyturn officer enrol --send")
        if self._pending.unproved:
            text += " " + n_(
                "{count} more proves nothing, and is not shown.",
                "{count} more prove nothing, and are not shown.",
                self._pending.unproved,
            )
        return text

    def _not_reading(self) -> str:
        if reason := not_asking(self._desk):
            return reason
        seen = self._desk.facts.seen
        officer = OfficerId(self._desk.identity.officer)
        found = None if seen is None else seen.roster.officers.get(officer)
        if found is None or not found.roles & _READERS:
            return _("Requests are for who proposes, approves or audits.")
        return ""

    def _why_not(self, chosen: Waiting | None) -> str:
        if reason := not_proposing(self._desk):
            return reason
        return _("Choose a request first.") if chosen is None else ""


def _line(each: Waiting, pending: PendingEnrolments, now: datetime) -> RequestLine:
    officer = each.enrolment.officer
    look = Look(_("Waits"), "pending", "hourglass")
    if pending.alike(each):
        look = Look(_("Same id twice"), "danger", "triangle-alert")
    if each.refused:
        look = Look(_("Not possible"), "unknown", "ban")
    return RequestLine(
        each.digest,
        officer.name,
        officer.id,
        roles_text(officer.roles),
        wording.ago(each.enrolment.time, now),
        wording.moment(each.enrolment.time),
        look,
    )


def _warning(each: Waiting, pending: PendingEnrolments) -> str:
    if each.refused:
        return each.refused
    if pending.alike(each):
        return _(
            "Another request asks for the same id with other keys: one of them is not that person. "
            "Have the digest read aloud."
        )
    return ""


def _details(each: Waiting) -> tuple[Line, ...]:
    officer, made = each.enrolment.officer, each.enrolment.time
    arrived = _("{time}, says the server")
    return (
        (_("Officer"), f"{officer.name} ({officer.id})", False),
        (_("Roles"), roles_text(officer.roles), False),
        *key_lines(officer.keys),
        (_("Share key"), _("said, not proved") if officer.hpke else _("none"), False),
        (_("Made"), wording.moment(made), False),
        (_("Usable until"), wording.moment(made + LONGEST_WAIT), False),
        (_("Arrived"), arrived.format(time=wording.moment(each.received)), False),
        (_("Digest"), wording.grouped(each.digest), True),
        (_("In words"), words_of(each.digest), False),
    )


def words_of(digest: Digest) -> str:
    """To be read aloud, four words a line."""
    words = fingerprint.words(digest)
    lines = (words[at : at + _PER_LINE] for at in range(0, len(words), _PER_LINE))
    return "\n".join(" ".join(each) for each in lines)
