"""A new baseline, or a new version: from a node or from files to a proposal. No Qt in here."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from keyturn.base.errors import KeyturnError
from keyturn.client.client import KeyturnClient
from keyturn.client.proposals import Proposal
from keyturn.policy.observed import Observed
from keyturn.quorum.kinds import Role
from keyturn.quorum.state import AuthorityState
from keyturn_app.desk import Desk, Topic
from keyturn_app.entitled import not_allowed
from keyturn_app.i18n import _
from keyturn_app.presenting import Presenter
from keyturn_app.questions import Asker, Confirm, Confirmed, OpenFile
from keyturn_app.screens.baselines.drafting import Draft, Into, Result, filled, result_of
from keyturn_app.screens.baselines.items import sets_of
from keyturn_app.screens.baselines.newview import (
    ErrorView,
    NewView,
    NodeChoice,
    error_view,
    events_view,
    node_choice,
    picks_of,
)
from keyturn_app.screens.baselines.observing import Evidence
from keyturn_app.screens.baselines.pool import Pool, pool_of_node
from keyturn_app.screens.baselines.reading import reading
from keyturn_app.screens.baselines.sources import (
    Source,
    defaults,
    fields_of,
    missing,
    source_hint,
)
from keyturn_app.screens.baselines.standing import KIND
from keyturn_app.screens.baselines.viewmodel import fleet_view
from keyturn_app.tasks import Cancelled, Door, Job, Progress


class NewPresenter(Presenter[NewView]):
    """One draft. `closed` and `proposed` are called once each at most."""

    def __init__(
        self,
        desk: Desk,
        door: Door,
        asker: Asker,
        evidence: Evidence,
        *,
        copy: Callable[[str], None],
        closed: Callable[[], None],
        proposed: Callable[[Proposal], None],
        source: Source = Source.NODE,
        node: str = "",
        subject: str = "",
    ) -> None:
        super().__init__()
        self._desk, self._door, self._asker = desk, door, asker
        self._evidence = evidence
        self._copy, self._closed, self._proposed = copy, closed, proposed
        self._source, self._node = source, node
        self._filled = {each: defaults(each) for each in Source}
        self._draft = Draft(subject=subject)
        self._error: ErrorView | None = None
        self._unfolded: frozenset[str] = frozenset()
        self._busy, self._fraction = "", 0.0
        self._job: Job | None = None
        self._sending = False
        self._read: tuple[object, Result] | None = None
        topics = (Topic.SEEN, Topic.IDENTITY, Topic.CONNECTION, Topic.PROPOSALS)
        self.keep(desk.subscribe(lambda _topics: self.changed(), *topics))
        self.keep(self._drop_job)

    def view(self) -> NewView:
        draft, result = self._draft, self._result()
        fields = fields_of(self._source, self._filled[self._source])
        state = self._state()
        subjects = () if state is None else tuple(sorted(s for k, s in state.newest if k is KIND))
        in_force = state is not None and (
            state.in_force(KIND, draft.subject.strip(), self._desk.now()) is not None
        )
        error = self._error
        if error is None and result.error is not None:
            error = error_view(_("The draft cannot be signed so"), result.error)
        return NewView(
            source=self._source,
            hint=source_hint(self._source),
            fields=fields,
            nodes=self._nodes() if self._source is Source.NODE else (),
            node=self._node,
            fleet=fleet_view(self._evidence.fleet, self._desk.now()).text,
            read_why_not=self._read_why_not(),
            busy=self._busy,
            fraction=self._fraction if self._busy else None,
            error=error,
            left=draft.pool.left if draft.pool else "",
            sets=picks_of(draft.pool, draft.ticked, self._unfolded) if draft.pool else (),
            events=events_view(draft.pool, draft.ticked) if draft.pool else (),
            subject=draft.subject,
            subjects=subjects,
            into=draft.into,
            can_add=in_force,
            until=draft.until,
            reason=draft.reason,
            ticket=draft.ticket,
            life_days=draft.life_days,
            lapses_hours=draft.lapses_hours,
            result=result,
            needs=self._needs(),
            problem=self._problem(result),
        )

    # ---- where from ----

    def choose_source(self, source: Source) -> None:
        """What was read from another source is put away."""
        if source is self._source:
            return
        self._drop_job()
        self._source, self._error = source, None
        self._put(pool=None, ticked=frozenset())
        if source is Source.NODE:
            self._evidence.want()

    def choose_node(self, name: str) -> None:
        self._node, self._error = name, None
        self._put(pool=None, ticked=frozenset())

    def fill(self, name: str, text: str) -> None:
        """A field of the source; what was read before is not of it any more."""
        if self._filled[self._source].get(name, "") == text:
            return
        self._filled[self._source] = {**self._filled[self._source], name: text}
        self._error = None
        self._put(pool=None, ticked=frozenset())

    def choose_file(self, name: str) -> None:
        fields = fields_of(self._source, self._filled[self._source])
        label = next((each.label for each in fields if each.id == name), name)

        def chosen(path: Path | None) -> None:
            if path is not None:
                self.fill(name, str(path))

        self._asker.path(OpenFile(label, (_("All files (*)"),)), chosen)

    def look_at_nodes(self) -> None:
        self._evidence.ask()

    def read(self) -> None:
        """From the node's evidence, or from the files that were chosen."""
        if self._read_why_not():
            return
        self._error = None
        self._draft = replace(self._draft, pool=None, ticked=frozenset())  # what was read before
        if self._source is Source.NODE:
            self._capture()
        else:
            self._import()

    def cancel_reading(self) -> None:
        """It ends at its next step; nobody waits for that."""
        self._drop_job()
        self.changed()

    # ---- what is taken ----

    def tick(self, key: str, taken: bool) -> None:
        ticked = self._draft.ticked
        self._put(ticked=ticked | {key} if taken else ticked - {key})

    def tick_set(self, key: str, taken: bool) -> None:
        """All of a set, or nothing of it."""
        pool = self._draft.pool
        if pool is None:
            return
        keys = {i.key for each in sets_of(pool.values) if each.key == key for i in each.items}
        ticked = self._draft.ticked
        self._put(ticked=ticked | keys if taken else ticked - keys)

    def toggle(self, key: str) -> None:
        """Take an item that is left out, or leave it out; "" is none."""
        if key:
            self.tick(key, key not in self._draft.ticked)

    def unfold(self, key: str) -> None:
        """Show all values of a set."""
        self._unfolded |= {key}
        self.changed()

    def set_subject(self, subject: str) -> None:
        self._put(subject=subject)

    def set_into(self, into: Into) -> None:
        self._put(into=into)

    def set_until(self, text: str) -> None:
        self._put(until=text)

    def say(self, *, reason: str | None = None, ticket: str | None = None) -> None:
        draft = self._draft
        self._put(
            reason=draft.reason if reason is None else reason,
            ticket=draft.ticket if ticket is None else ticket,
        )

    def set_times(self, life_days: int, lapses_hours: int) -> None:
        self._put(life_days=life_days, lapses_hours=lapses_hours)

    def copy_text(self, text: str) -> None:
        self._copy(text)

    # ---- proposing ----

    def propose(self) -> None:
        """Asked once more, then signed and posted; nothing comes into force by it."""
        draft, result = self._draft, self._result()
        if self._problem(result) or result.body is None:
            return
        subject = draft.subject.strip()
        question = Confirm(
            _("Propose this baseline?"),
            _("Baseline {name}. Your key signs it; it is NOT IN FORCE until others agree.").format(
                name=subject
            ),
            _("Sign and propose"),
            details=(
                result.basis,
                result.changes.summary if result.changes else "",
                draft.reason.strip(),
            ),
        )

        def answered(answer: Confirmed | None) -> None:
            if answer is None:
                return
            if self._draft != draft or self._problem(self._result()):
                self._asker.toast(_("Not signed: the draft has changed meanwhile."))
                return
            self._send(draft, self._result())

        self._asker.confirm(question, answered)

    def cancel(self) -> None:
        self.close()
        self._closed()

    # ---- inside ----

    def _send(self, draft: Draft, result: Result) -> None:
        body = result.body
        if body is None:
            return

        def ask(client: KeyturnClient) -> Proposal:
            return client.propose_change(
                KIND,
                draft.subject.strip(),
                body,
                reason=draft.reason.strip(),
                life=draft.life,
                lapses=timedelta(hours=draft.lapses_hours),
                ticket=draft.ticket.strip() or None,
            )

        def done(proposal: Proposal) -> None:
            self.close()
            self._closed()
            self._proposed(proposal)

        def failed(error: KeyturnError) -> None:
            self._sending = False
            self._error = error_view(_("It was not proposed"), error)
            self.changed()

        self._sending = True
        self.changed()
        self._desk.ask(ask, done=done, failed=failed)

    def _capture(self) -> None:
        fleet = self._evidence.fleet
        observed = fleet.observed.get(self._node)
        if observed is None:
            return
        try:
            pool = pool_of_node(
                observed, self._desk.now(), activated=self._node not in fleet.not_activated
            )
        except KeyturnError as error:
            self._error = error_view(_("This node cannot be captured"), error)
            self.changed()
            return
        self._draft = filled(self._draft, pool)
        self.changed()

    def _import(self) -> None:
        state = self._state()
        if state is None:
            return
        self._drop_job()
        self._busy, self._fraction = _("Reading"), 0.0
        self._job = self._door.run(
            _("Read values of a baseline"),
            reading(self._source, dict(self._filled[self._source]), state, self._desk.now()),
            done=self._have,
            failed=self._lost,
            progress=self._progressed,
        )
        if not self._busy:
            self._job = None  # it was done at once
        self.changed()

    def _progressed(self, progress: Progress) -> None:
        self._busy = progress.text
        self._fraction = progress.done / progress.total if progress.total else 0.0
        self.changed()

    def _have(self, pool: Pool) -> None:
        self._busy, self._job = "", None
        self._draft = filled(self._draft, pool)
        self.changed()

    def _lost(self, error: KeyturnError) -> None:
        self._busy, self._job = "", None
        if not isinstance(error, Cancelled):
            self._error = error_view(_("Nothing was taken from it"), error)
        self.changed()

    def _drop_job(self) -> None:
        if self._job is not None:
            self._job.drop()
        self._job, self._busy = None, ""

    def _nodes(self) -> tuple[NodeChoice, ...]:
        return tuple(node_choice(each) for each in self._evidence.fleet.all)

    def _chosen_node(self) -> Observed | None:
        return self._evidence.fleet.observed.get(self._node)

    def _read_why_not(self) -> str:
        if self._busy:
            return _("One moment.")
        if self._state() is None:
            return _("The log is not known yet.")
        if self._source is not Source.NODE:
            name = missing(self._source, self._filled[self._source])
            return _("Still to be filled in: {name}.").format(name=name) if name else ""
        chosen = self._chosen_node()
        if chosen is None:
            return _("Choose a node.")
        return node_choice(chosen).why_not

    def _problem(self, result: Result) -> str:
        draft = self._draft
        checks = (
            (bool(refused := not_allowed(self._desk, Role.PROPOSER)), refused),
            (self._sending, _("The proposal is being signed.")),
            (draft.pool is None, _("Take values from a source first.")),
            (not draft.ticked, _("Choose at least one value.")),
            (not draft.subject.strip(), _("Name the baseline.")),
            (result.body is None, _("See the error above.")),
            (not draft.reason.strip(), _("Say why; every officer will read it.")),
            (len(draft.reason) > 2000, _("The reason is too long.")),
        )
        return next((text for holds, text in checks if holds), "")

    def _needs(self) -> str:
        seen = self._desk.facts.seen
        if seen is None:
            return ""
        return _("It comes into force when {count} officers approve.").format(
            count=seen.roster.thresholds[KIND]
        )

    def _result(self) -> Result:
        """Worked out again only when something that it hangs on has changed."""
        state, draft = self._state(), self._draft
        if state is None:
            return Result()
        same = replace(draft, reason="", ticket="")
        key = (same, id(draft.pool), state.size)
        if self._read is None or self._read[0] != key:
            self._read = key, self._worked_out(same, state)
        return self._read[1]

    def _worked_out(self, draft: Draft, state: AuthorityState) -> Result:
        if draft.pool is not None and not draft.ticked:
            draft = replace(draft, pool=None)
        return result_of(draft, state, self._desk.now())

    def _state(self) -> AuthorityState | None:
        facts = self._desk.facts
        return facts.seen.state if facts.seen is not None and facts.trusted else None

    def _put(self, **changes: object) -> None:
        self._draft = replace(self._draft, **changes)  # type: ignore[arg-type]
        self.changed()
