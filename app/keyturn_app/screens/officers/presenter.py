"""The officers page: the roster, and proposing that it change. No Qt in here."""

from collections.abc import Callable
from pathlib import Path

from keyturn.base.errors import KeyturnError
from keyturn.client.calendar import calendar_of
from keyturn.client.offline import write_new_file
from keyturn.client.proposals import Proposal
from keyturn.quorum.bundle import make_bundle
from keyturn.quorum.enrolment import Enrolment
from keyturn.quorum.expiry import in_force
from keyturn.quorum.kinds import Kind
from keyturn.quorum.roster import Officer, OfficerId
from keyturn_app.actions import Action
from keyturn_app.desk import Topic
from keyturn_app.facts import Seen
from keyturn_app.i18n import _
from keyturn_app.presenting import Presenter
from keyturn_app.questions import Confirmed, Notice, OpenFile, SaveFile, Weight
from keyturn_app.screens.officers import changing, composing
from keyturn_app.screens.officers.entitled import not_asking, not_known, not_proposing
from keyturn_app.screens.officers.history import history_of
from keyturn_app.screens.officers.requests import RequestsPresenter
from keyturn_app.screens.officers.ruling import RulePresenter
from keyturn_app.screens.officers.viewmodel import (
    ActionView,
    ExpiryLine,
    OfficersView,
    Phase,
    phase_of,
)
from keyturn_app.surroundings import Surroundings
from keyturn_app.tasks import Job, Progress
from keyturn_app.witnessing import witnesses_view
from keyturn_app.witnessproposing import WitnessProposing

_TOPICS = (Topic.CONNECTION, Topic.SEEN, Topic.WITNESSES, Topic.IDENTITY)


class OfficersPresenter(Presenter[OfficersView]):
    """Nothing here changes the roster: it proposes, and a quorum decides."""

    def __init__(self, around: Surroundings) -> None:
        super().__init__()
        self._desk, self._door, self._asker = around.desk, around.door, around.asker
        self._copy, self._go = around.copy, around.go
        self._officer: OfficerId | None = None
        self._expiry = ""
        self._proposing = WitnessProposing(self._desk, self._asker)
        self.rules = RulePresenter(self._desk, self._asker, self._is_proposed)
        self.requests = RequestsPresenter(self._desk, self._asker, self._ask_enrol)
        self._all_actions = self._make_actions()
        self.keep(self._desk.subscribe(lambda _: self.changed(), *_TOPICS))
        self.keep(around.actions.add(*self._all_actions))

    def view(self) -> OfficersView:
        facts, now = self._desk.facts, self._desk.now()
        phase, title, text = phase_of(facts)
        actions = {a.id: ActionView(a.id, a.text, a.icon, a.why_not()) for a in self._all_actions}
        if phase is not Phase.READY or facts.seen is None:
            return OfficersView(phase, title, text, actions=actions)
        seen = facts.seen
        state, roster = seen.state, seen.roster
        officers = composing.officer_lines(roster)
        expiries = composing.expiry_lines(state, now)
        newest = composing.newest_roster(state)
        return OfficersView(
            phase,
            banner=composing.banner_of(facts, now),
            look=composing.look_of(state, now),
            roster=composing.roster_lines(seen, now),
            index=None if newest is None else newest.index,
            fingerprint=composing.fingerprint_of(state),
            officers=officers,
            selected=next((each for each in officers if each.id == self._officer), None),
            thresholds=composing.threshold_lines(roster),
            separation=composing.separation_lines(roster.separation),
            witnesses=composing.witness_lines(roster),
            own_witness=composing.own_witness_lines(self._desk),
            expiries=expiries,
            expiry=_chosen(expiries, self._expiry),
            expiry_text=composing.expiry_text(expiries),
            history=history_of(state),
            actions=actions,
        )

    # ---- looking ----

    def open(self, target: str) -> None:
        """Show an officer by id; an id that nobody has changes nothing."""
        seen = self._known()
        if seen is not None and OfficerId(target) in seen.roster.officers:
            self.select(OfficerId(target))

    def select(self, officer: OfficerId | None) -> None:
        if officer != self._officer:
            self._officer = officer
            self.changed()

    def select_expiry(self, key: str) -> None:
        if key != self._expiry:
            self._expiry = key
            self.changed()

    def open_entry(self, index: int) -> None:
        self._go("log", str(index))

    def open_roster_entry(self) -> None:
        seen = self._known()
        newest = composing.newest_roster(seen.state) if seen else None
        if newest is not None:
            self.open_entry(newest.index)

    def copy(self, text: str) -> None:
        self._copy(text)

    def copy_fingerprint(self) -> None:
        seen = self._known()
        if seen is not None:
            self._copy(seen.state.fingerprint)

    def copy_cosigner(self) -> None:
        """This app's cosigning key, as a roster takes it."""
        self._copy(witnesses_view(self._desk).own.spki)

    def propose_witness(self) -> None:
        self._proposing.propose()

    def refresh(self) -> None:
        self._desk.refresh(Topic.SEEN)
        self.requests.load()

    def tick(self) -> None:
        """Time went by: what is left until something expires is told anew, and who asks to join."""
        self.requests.load()
        self.changed()

    # ---- expiries ----

    def renew(self) -> None:
        """Start a draft of the chosen statement's next version."""
        seen = self._known()
        lines = composing.expiry_lines(seen.state, self._desk.now()) if seen else ()
        chosen = _chosen(lines, self._expiry)
        if chosen is not None and not not_proposing(self._desk):
            self._go("approvals", f"new:{chosen.kind.value}:{chosen.subject}")

    def calendar(self) -> None:
        self._asker.path(
            SaveFile(_("Save when everything expires"), "keyturn.ics", (_("Calendars (*.ics)"),)),
            self._save_calendar,
        )

    def _save_calendar(self, path: Path | None) -> None:
        seen = self._known()
        if path is None or seen is None:
            return
        statements = [each.statement for each in in_force(seen.state, self._desk.now())]
        simulated = seen.roster.simulation
        data = calendar_of(statements, seen.state.fingerprint, simulated=simulated)

        def work(_job: Job, _tell: Callable[[Progress], None]) -> None:
            write_new_file(path, data)

        self._door.run(
            _("Writing {name}").format(name=path.name),
            work,
            done=lambda _none: self._asker.toast(_("Saved {name}.").format(name=path.name)),
            failed=self._tell,
        )

    def save_bundle(self) -> None:
        """What an officer station begins with, or takes in as a newer one."""
        question = SaveFile(
            _("Save the authority bundle"), "authority-bundle.json", (_("Bundles (*.json)"),)
        )
        self._asker.path(question, self._write_bundle)

    def _write_bundle(self, path: Path | None) -> None:
        seen = self._known()
        if path is None or seen is None:
            return
        state = seen.state

        def work(_job: Job, _tell: Callable[[Progress], None]) -> None:
            write_new_file(path, make_bundle(state))

        self._door.run(
            _("Writing {name}").format(name=path.name),
            work,
            done=lambda _none: self._asker.toast(_("Saved {name}.").format(name=path.name)),
            failed=self._tell,
        )

    # ---- changing the roster ----

    def change(self) -> None:
        """Start a draft of the next roster: thresholds, roles, witnesses."""
        if not not_proposing(self._desk):
            self._go("approvals", f"new:{Kind.ROSTER.value}:roster")

    def enrol(self) -> None:
        self._asker.path(
            OpenFile(
                _("A new officer's enrolment request"),
                (_("Requests (*.json *.png)"), _("All files (*)")),
            ),
            self._read_request,
        )

    def _read_request(self, path: Path | None) -> None:
        if path is not None:
            job = self._door.run(
                _("Reading {name}").format(name=path.name),
                changing.read_request(path),
                done=self._ask_enrol,
                failed=self._tell,
            )
            self.keep(job.drop)

    def _ask_enrol(self, request: Enrolment) -> None:
        self._ask(lambda seen: changing.enrolling(request, seen.state, self._desk.now()))

    def compose(self) -> None:
        """Put a roster change together; with the chosen officer before one."""
        if not not_proposing(self._desk):
            self.rules.start(self._officer)

    def close(self) -> None:
        self.rules.close()
        self.requests.close()
        super().close()

    def remove(self) -> None:
        self._remove(compromised=False)

    def remove_compromised(self) -> None:
        self._remove(compromised=True)

    def _remove(self, *, compromised: bool) -> None:
        officer = self._selected()
        if officer is not None:
            self._ask(lambda seen: changing.removing(officer, seen.state, compromised=compromised))

    def _ask(self, compose: Callable[[Seen], changing.Change]) -> None:
        """Show what it would do; what the rules forbid is said instead of asked."""
        seen = self._known()
        if seen is None:
            return
        try:
            change = compose(seen)
        except KeyturnError as error:
            self._tell(error)
            return
        self._asker.confirm(change.question, lambda answer: self._propose(change, answer))

    def _propose(self, change: changing.Change, answer: Confirmed | None) -> None:
        if answer is None:
            return
        reason = answer.comment.strip()
        self.keep(
            self._desk.ask(
                lambda client: changing.propose(client, change, reason),
                done=self._is_proposed,
                failed=self._tell,
            )
        )

    def _is_proposed(self, proposal: Proposal) -> None:
        self._asker.toast(
            _("Proposed. Not in force: {missing} to approve.").format(missing=proposal.missing)
        )
        self._desk.refresh(Topic.PROPOSALS)
        self._go("approvals", proposal.digest)

    # ---- inside ----

    def _make_actions(self) -> tuple[Action, ...]:
        desk = self._desk

        def known() -> str:
            return not_known(desk)

        def may_propose() -> str:
            return not_proposing(desk)

        def may_remove() -> str:
            no_officer = "" if self._selected() else _("Choose an officer first.")
            return not_proposing(desk) or no_officer

        def may_renew() -> str:
            return not_proposing(desk) or self._no_expiry()

        def made(
            name: str, text: str, run: Callable[[], None], icon: str, why: Callable[[], str]
        ) -> Action:
            return Action(f"officers.{name}", text, run, icon=icon, page="officers", why_not=why)

        return (
            made("enrol", _("Open enrolment request…"), self.enrol, "user-plus", may_propose),
            made("change", _("Propose change…"), self.change, "pencil", may_propose),
            made("compose", _("Roles and rules…"), self.compose, "users", may_propose),
            made("remove", _("Propose removal…"), self.remove, "circle-minus", may_remove),
            made(
                "compromised",
                _("Remove as compromised…"),
                self.remove_compromised,
                "shield-alert",
                may_remove,
            ),
            made("renew", _("Renew…"), self.renew, "refresh-cw", may_renew),
            made("calendar", _("Save calendar…"), self.calendar, "calendar", known),
            made("bundle", _("Save the authority bundle…"), self.save_bundle, "download", known),
            made("copy", _("Copy fingerprint"), self.copy_fingerprint, "copy", known),
            made(
                "copy-cosigner",
                _("Copy this app's cosigning key"),
                self.copy_cosigner,
                "copy",
                self._no_cosigner,
            ),
            made(
                "propose-witness",
                _("Propose this app as a witness…"),
                self.propose_witness,
                "user-plus",
                self._proposing.why_not,
            ),
            made("entry", _("Show in the log"), self.open_roster_entry, "scroll-text", known),
            made("refresh", _("Ask again"), self.refresh, "refresh-cw", lambda: not_asking(desk)),
        )

    def _no_cosigner(self) -> str:
        known = witnesses_view(self._desk).own.spki
        return "" if known else _("This app's cosigning key is not known yet.")

    def _known(self) -> Seen | None:
        """Nothing of a server that was caught at a lie."""
        facts = self._desk.facts
        return facts.seen if facts.trusted else None

    def _selected(self) -> Officer | None:
        seen = self._known()
        return seen.roster.officers.get(self._officer) if seen and self._officer else None

    def _no_expiry(self) -> str:
        seen = self._known()
        lines = composing.expiry_lines(seen.state, self._desk.now()) if seen else ()
        return "" if _chosen(lines, self._expiry) else _("Choose a statement first.")

    def _tell(self, error: KeyturnError) -> None:
        self._asker.tell(
            Notice(
                _("That did not work"),
                error.message,
                error.found,
                error.expected,
                error.hint,
                Weight.DANGER,
            )
        )


def _chosen(lines: tuple[ExpiryLine, ...], key: str) -> ExpiryLine | None:
    return next((each for each in lines if each.key == key), None)
