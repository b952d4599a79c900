"""Writing the next version of a policy: a form, its lint, its impact, and the proposal. No Qt.

Nothing here comes into force: what is proposed waits for others.
"""

import json
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path

from keyturn.base.errors import KeyturnError, MalformedError
from keyturn.base.strictjson import JsonObject
from keyturn.client.changes import body_of
from keyturn.client.client import KeyturnClient
from keyturn.client.proposals import Proposal
from keyturn.keyrelease.decision import caveats_owed
from keyturn.policy.drafts import Draft, draft_of_body
from keyturn.policy.lint import lint
from keyturn.policy.observed import Observed
from keyturn.quorum.kinds import Kind, Role
from keyturn.quorum.state import AuthorityState, InForce
from keyturn.quorum.statements import LONGEST_LIFE
from keyturn_app import wording
from keyturn_app.desk import Topic
from keyturn_app.entitled import not_allowed
from keyturn_app.i18n import _
from keyturn_app.impact import ImpactService, simulated_text
from keyturn_app.presenting import Presenter
from keyturn_app.questions import Confirm, Confirmed, SaveFile, failure
from keyturn_app.screens.policies import bodies, seen
from keyturn_app.screens.policies.bodies import ANY, Value
from keyturn_app.screens.policies.editorvalues import (
    EditorView,
    Read,
    Said,
    difference_of,
    verdict_of,
    words_of,
)
from keyturn_app.screens.policies.form import Known, sections
from keyturn_app.screens.policies.writing import writing
from keyturn_app.surroundings import Surroundings

PAUSE = 2
"""Ticks without an edit, after which the impact is computed anew."""
STEPS = 200


class EditorPresenter(Presenter[EditorView]):
    """`subject` is empty for a policy that is new; `reason` for a start other than nothing."""

    def __init__(
        self,
        around: Surroundings,
        subject: str,
        body: JsonObject,
        *,
        closed: Callable[[], None],
        proposed: Callable[[Proposal], None],
        reason: str = "",
    ) -> None:
        super().__init__()
        self._desk, self._asker, self._door = around.desk, around.asker, around.door
        self._copy, self._closed, self._proposed = around.copy, closed, proposed
        self._body = self._start = bodies.copied(body)
        self._name_fixed = bool(subject)
        self._said = Said(subject, reason)
        self._past: list[JsonObject] = []
        self._future: list[JsonObject] = []
        self._typed = ""
        self._busy = False
        self._wait = 0
        self._read: tuple[tuple[object, ...], Read] | None = None
        self._offered: tuple[object, Mapping[str, tuple[seen.Offered, ...]]] | None = None
        self.service = ImpactService(self._desk, self.changed)
        self.keep(self.service.close)
        self.keep(self._desk.subscribe(lambda _topics: self.changed(), Topic.SEEN, Topic.IDENTITY))
        self.keep(self._desk.subscribe(lambda _topics: self.changed(), Topic.CONNECTION))
        if not self._why_not_simulate():
            self._wait = PAUSE

    def view(self) -> EditorView:
        read, said, simulation = self._reading(), self._said, self.service.simulation
        form, general = sections(self._body, self._known(), read.remarks, read.problem)
        before = self._before()
        lines, summary = difference_of(
            None if before is None else body_of(before.statement), self._body
        )
        verdict, tone = verdict_of(read)
        return EditorView(
            _("New version of {policy}").format(policy=said.subject)
            if self._name_fixed
            else _("New policy"),
            self._basis(before),
            said,
            self._name_fixed,
            form,
            general,
            read.problem,
            verdict,
            tone,
            bool(self._past),
            bool(self._future),
            self._body != self._start,
            json.dumps(self._body, indent=2, ensure_ascii=False),
            words_of(read, said.subject),
            lines,
            summary,
            simulation,
            simulated_text(simulation, self._desk.now()),
            simulation.view is not None and not simulation.of(read.draft),
            self._why_not_simulate(),
            self._why_not(),
            self._busy,
        )

    # ---- writing ----

    def set(self, place: str, value: Value, *, typing: bool = False) -> None:
        """`typing`: letters of one field are one step to undo."""
        self._edit(bodies.changed(self._body, place, value), place if typing else "")

    def choose_any(self, place: str, chosen: bool) -> None:
        """The written `any`, or an empty list again."""
        self.set(place, ANY if chosen else ())

    def toggle(self, place: str, name: str, chosen: bool) -> None:
        """One of many."""
        kept = [each for each in bodies.texts(self._body, place) if each != name]
        self.set(place, tuple([*kept, name] if chosen else kept))

    def take(self, place: str, value: Value) -> None:
        """What the fleet shows: names are added, all else is set."""
        names = isinstance(value, tuple) and all(isinstance(each, str) for each in value)
        if not names or not isinstance(value, tuple):
            self.set(place, value)
            return
        known = bodies.texts(self._body, place)
        self.set(place, tuple(dict.fromkeys([*known, *(str(each) for each in value)])))

    def undo(self) -> None:
        self._step(self._past, self._future)

    def redo(self) -> None:
        self._step(self._future, self._past)

    def reset(self) -> None:
        """Back to where it began: what is in force, or what was rolled back to."""
        self._edit(bodies.copied(self._start))

    def say(
        self,
        *,
        subject: str | None = None,
        reason: str | None = None,
        ticket: str | None = None,
        days: str | None = None,
        lapses_hours: int | None = None,
    ) -> None:
        said = self._said
        self._said = Said(
            said.subject if subject is None or self._name_fixed else subject.strip(),
            said.reason if reason is None else reason,
            said.ticket if ticket is None else ticket,
            said.days if days is None else days,
            said.lapses_hours if lapses_hours is None else lapses_hours,
        )
        if self._said != said:
            self.changed()

    def copy_json(self) -> None:
        self._copy(json.dumps(self._body, indent=2, ensure_ascii=False))

    def cancel(self) -> None:
        """Leave the form. What was changed is asked about first."""
        if self._body == self._start:
            self._leave()
            return
        question = Confirm(
            _("Leave without proposing?"),
            _("What you changed in this form is lost."),
            _("Leave"),
        )
        self._asker.confirm(question, lambda answer: self._leave() if answer else None)

    # ---- impact ----

    def simulate(self) -> None:
        if self._why_not_simulate():
            return
        subject, body, life = self._said.subject, self._body, self._said.life

        def make(state: AuthorityState, now: datetime) -> Draft:
            return draft_of_body(Kind.POLICY, subject, body, state, now, life or LONGEST_LIFE)

        self._wait = 0
        self.service.simulate(make)

    def stop(self) -> None:
        self._wait = 0
        self.service.cancel()

    def tick(self) -> None:
        """A second went by: how far the simulation is, and whether the pause is long enough."""
        self.service.poll()
        if self._wait > 1:
            self._wait -= 1
        elif self._wait == 1 and not self.service.simulation.running:
            self.simulate()
        self.changed()

    def export(self) -> None:
        """The simulation's document, as an approval would name it."""
        document = self.service.simulation.document
        if not document:
            return
        name = f"impact-{self._said.subject or 'policy'}.json"

        def chosen(path: Path | None) -> None:
            if path is not None:
                self._door.run(
                    _("Writing {name}").format(name=path.name),
                    writing(path, document),
                    done=lambda _nothing: self._asker.toast(_("Written: {path}").format(path=path)),
                    failed=lambda e: self._asker.tell(failure(_("It was not written"), e)),
                )

        self._asker.path(SaveFile(_("Write the impact preview"), name), chosen)

    # ---- proposing ----

    def propose(self) -> None:
        if self._why_not():
            return
        body, said, view = self._body, self._said, self.view()
        question = Confirm(
            _("Propose this policy?"),
            _("Policy {subject}. Your key signs it; it is NOT IN FORCE until others agree.").format(
                subject=said.subject
            ),
            _("Sign and propose"),
            details=(view.summary, *self._told_impact(view), said.reason.strip()),
        )

        def answered(answer: Confirmed | None) -> None:
            if answer is not None and (self._body, self._said) == (body, said):
                self._send()

        self._asker.confirm(question, answered)

    # ---- inside ----

    def _told_impact(self, view: EditorView) -> tuple[str, ...]:
        found = view.simulation.view
        if found is None or view.impact_old:
            return (_("Its impact was not simulated."),)
        told = " · ".join(f"{each.figure} {each.text}" for each in found.tiles)
        return (told, *(each.text for each in found.models))

    def _send(self) -> None:
        body, said = self._body, self._said

        def work(client: KeyturnClient) -> Proposal:
            return client.propose_change(
                Kind.POLICY,
                said.subject,
                body,
                reason=said.reason.strip(),
                life=said.life,
                lapses=timedelta(hours=said.lapses_hours),
                ticket=said.ticket.strip() or None,
            )

        def done(proposal: Proposal) -> None:
            self._busy = False
            self._leave()
            self._proposed(proposal)

        def failed(error: KeyturnError) -> None:
            self._busy = False
            self._asker.tell(failure(_("It was not proposed"), error))
            self.changed()

        self._busy = True
        self.changed()
        self.keep(self._desk.ask(work, done=done, failed=failed))

    def _leave(self) -> None:
        self.close()
        self._closed()

    def _edit(self, body: JsonObject, typed: str = "") -> None:
        if body == self._body:
            return
        if not typed or typed != self._typed:
            self._past = [*self._past, self._body][-STEPS:]
        self._typed = typed
        self._future = []
        self._put(body)

    def _step(self, here: list[JsonObject], there: list[JsonObject]) -> None:
        self._typed = ""
        if here:
            there.append(self._body)
            self._put(here.pop())

    def _put(self, body: JsonObject) -> None:
        self._body = body
        self._wait = PAUSE
        self.changed()

    def _why_not_simulate(self) -> str:
        seen_, trusted = self._desk.facts.seen, self._desk.facts.trusted
        if self._desk.identity.locked:
            return _("Keyturn is locked: unlock it to ask for evidence.")
        if seen_ is None or not trusted:
            return _("What is in force is not known yet.")
        return _("The policy cannot be read yet.") if self._reading().draft is None else ""

    def _why_not(self) -> str:
        said, reading = self._said, self._reading()
        checks = (
            (self._busy, _("The proposal is being signed.")),
            (not said.subject, _("Give the policy a name.")),
            (reading.draft is None, reading.problem or _("The policy cannot be read yet.")),
            (not said.reason.strip(), _("Say why: every officer will read the reason.")),
            (
                said.life is None,
                _("Say for how many days: 1 to {most}.").format(most=LONGEST_LIFE.days),
            ),
        )
        told = not_allowed(self._desk, Role.PROPOSER)
        return told or next((why for wrong, why in checks if wrong), "")

    def _state(self) -> AuthorityState | None:
        facts = self._desk.facts
        return facts.seen.state if facts.seen is not None and facts.trusted else None

    def _before(self) -> InForce | None:
        state = self._state()
        return None if state is None else state.newest.get((Kind.POLICY, self._said.subject))

    def _basis(self, before: InForce | None) -> str:
        if before is None:
            return _("The first version: nothing of this name was in force before.")
        version = before.statement.version
        return _("Version {next}, in place of version {version}.").format(
            next=version + 1, version=version
        )

    def _known(self) -> Known:
        state, now = self._state(), self._desk.now()
        if state is None:
            return Known()
        there = {
            kind: tuple(
                each
                for each in seen.subjects(state, kind)
                if state.in_force(kind, each, now) is not None
            )
            for kind in (Kind.REFERENCE_VALUES, Kind.PLATFORMS)
        }
        return Known(
            there[Kind.REFERENCE_VALUES],
            there[Kind.PLATFORMS],
            seen.sites(state),
            self._offers(),
        )

    def _reading(self) -> Read:
        """Kept while nothing that it follows from is another; the hour does not matter to it."""
        state, observed = self._state(), self.service.simulation.observed
        of = (self._body, state, observed, self._said)
        if self._read is None or not _same(self._read[0], of):
            self._read = (of, self._linted(state, observed or ()))
        return self._read[1]

    def _offers(self) -> Mapping[str, tuple[seen.Offered, ...]]:
        """Counting a large fleet takes a moment: once for each time that it was looked at."""
        observed = self.service.simulation.observed
        if self._offered is None or self._offered[0] is not observed:
            self._offered = (observed, seen.offers(observed))
        return self._offered[1]

    def _linted(self, state: AuthorityState | None, observed: tuple[Observed, ...]) -> Read:
        if state is None:
            return Read(None, "", ())
        now, life = self._desk.now(), self._said.life
        subject = self._said.subject
        try:
            draft = draft_of_body(
                Kind.POLICY, subject, self._body, state, now, life or LONGEST_LIFE
            )
        except MalformedError as error:
            return Read(None, wording.error_text(error), ())
        remarks = lint(
            Kind.POLICY,
            subject,
            draft.body,
            state,
            now,
            observed=observed,
            owed=caveats_owed(state, now),
            expires=None if life is None else now + life,
        )
        return Read(draft, "", remarks)


def _same(one: tuple[object, ...], other: tuple[object, ...]) -> bool:
    """The very same objects: none of them changes."""
    return all(mine is theirs for mine, theirs in zip(one, other, strict=True))
