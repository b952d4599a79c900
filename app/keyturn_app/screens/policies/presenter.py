"""The page of policies: which are there, one in full, and the form in which one is written."""

import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from keyturn.base.encoding import Digest
from keyturn.base.strictjson import JsonObject
from keyturn.client.proposals import Proposal
from keyturn.policy.drafts import Draft, draft_of, draft_of_body
from keyturn.quorum.kinds import Kind, Role
from keyturn.quorum.state import AuthorityState
from keyturn_app import wording
from keyturn_app.actions import Action
from keyturn_app.desk import Topic
from keyturn_app.entitled import not_allowed, not_asking
from keyturn_app.facts import Facts
from keyturn_app.i18n import _, n_
from keyturn_app.impact import ImpactService, simulated_text
from keyturn_app.presenting import Presenter
from keyturn_app.questions import SaveFile, failure
from keyturn_app.screens.policies.bodies import fresh
from keyturn_app.screens.policies.editing import EditorPresenter
from keyturn_app.screens.policies.versions import Compared, Version, compare
from keyturn_app.screens.policies.viewmodel import (
    Detail,
    Form,
    PoliciesView,
    PolicyRow,
    Show,
    banner_of,
    chosen_versions,
    models_of,
    phase_of,
    rows_of,
    shown_rows,
    shows_of,
)
from keyturn_app.screens.policies.writing import writing
from keyturn_app.statements.policy_words import policy_words
from keyturn_app.surroundings import Surroundings

_TOPICS = (Topic.SEEN, Topic.PROPOSALS, Topic.NODES, Topic.CONNECTION, Topic.IDENTITY)


class PoliciesPresenter(Presenter[PoliciesView]):
    """`editor` is the form that lies over the page, or None."""

    def __init__(self, around: Surroundings) -> None:
        super().__init__()
        self._around = around
        self._desk, self._asker, self._door = around.desk, around.asker, around.door
        self._query, self._show = "", Show.ALL
        self._selected = ""
        self._after: Digest | None = None
        self._before: Digest | None = None
        self._form = Form.SIDES
        self._compared: tuple[object, Compared] | None = None
        self._counted: tuple[int, datetime, Facts, tuple[PolicyRow, ...]] | None = None
        self.editor: EditorPresenter | None = None
        self.service = ImpactService(self._desk, self.changed)
        self.keep(self.service.close)
        self.keep(self._desk.subscribe(lambda _topics: self.changed(), *_TOPICS))
        self.keep(around.actions.add(*self._actions()))

    def view(self) -> PoliciesView:
        facts, now = self._desk.facts, self._desk.now()
        rows = self._rows()
        shown = shown_rows(rows, self._show, self._query)
        phase, title, text = phase_of(facts, rows, shown)
        banner, tone = banner_of(facts, now)
        selected = self._subject()
        return PoliciesView(
            phase,
            title,
            text,
            banner if facts.trusted else "",
            tone,
            self._query,
            shows_of(rows, self._show),
            shown,
            n_("{count} policy", "{count} policies", len(rows)) if rows else "",
            selected,
            self._form,
            self._detail(selected, now) if rows else None,
            self.why_not_write(),
        )

    # ---- arranging ----

    def search(self, query: str) -> None:
        self._query = query
        self.changed()

    def show(self, show: Show) -> None:
        self._show = show
        self.changed()

    def select(self, subject: str) -> None:
        if subject != self._selected:
            self._selected = subject
            self._after = self._before = None
            self.service.forget()
            self.changed()

    def open(self, target: str) -> None:
        """A policy by its name, or a version of one by its digest."""
        facts, now = self._desk.facts, self._desk.now()
        for row in self._rows():
            every, _after, _before = chosen_versions(row.subject, facts, now, None, None)
            digests = [each.digest for each in every]
            if target == row.subject or target in digests:
                self._query, self._show = "", Show.ALL
                self.select(row.subject)
                if target in digests:
                    self._after = Digest(target)
                self.changed()
                return

    def show_form(self, form: Form) -> None:
        self._form = form
        if form is Form.IMPACT and self.service.simulation.impact is None:
            self.simulate()
        self.changed()

    def show_version(self, digest: Digest) -> None:
        self._after, self._before = digest, None
        self.changed()

    def compare_with(self, digest: Digest) -> None:
        self._before = digest
        self.changed()

    def tick(self) -> None:
        self.service.poll()
        if self.editor is not None:
            self.editor.tick()
        self.changed()

    def refresh(self) -> None:
        self._desk.refresh(Topic.SEEN, Topic.PROPOSALS, Topic.NODES)

    # ---- impact ----

    def simulate(self) -> None:
        """What the version that is shown would change, were it in force next."""
        found = self._shown()
        if found is None or not_asking(self._desk):
            return

        def make(state: AuthorityState, now: datetime) -> Draft:
            """An older version as what comes next: by itself it would change nothing any more."""
            if found.index is None:
                return draft_of(found.statement)
            return draft_of_body(Kind.POLICY, found.statement.subject, found.body, state, now)

        self._form = Form.IMPACT
        self.service.simulate(make)

    def stop(self) -> None:
        self.service.cancel()

    # ---- taking along ----

    def copy_json(self) -> None:
        found = self._shown()
        if found is not None:
            self._around.copy(_json(found.body))

    def export(self) -> None:
        """The body of the version that is shown, as a file."""
        found = self._shown()
        if found is not None:
            text = (_json(found.body) + "\n").encode()
            name = f"{found.statement.subject}-v{found.number}.json"
            self._write(_("Write the policy's body"), name, text)

    def export_impact(self) -> None:
        document = self.service.simulation.document
        if document:
            self._write(_("Write the impact preview"), f"impact-{self._subject()}.json", document)

    def follow(self, page: str, target: str) -> None:
        self._around.go(page, target)

    def open_approval(self) -> None:
        """The proposal that is shown, where it is decided."""
        found = self._shown()
        if found is not None:
            self._around.go("approvals", found.digest)

    # ---- writing ----

    def write_new(self) -> None:
        if not self.why_not_write():
            self._edit("", fresh(), "")

    def write_next(self) -> None:
        """The next version, begun with what is in force."""
        facts, subject = self._desk.facts, self._subject()
        if self.why_not_write() or facts.seen is None or not subject:
            return
        every, _shown, _other = chosen_versions(subject, facts, self._desk.now(), None, None)
        entered = [each for each in every if each.index is not None]
        if entered:
            self._edit(subject, entered[0].body, "")
        elif every:
            self._edit(subject, every[0].body, "")

    def roll_back(self) -> None:
        """An older version's body as a new version: history stays as it is."""
        found = self._shown()
        if found is None or self._why_not_roll_back(found):
            return
        reason = _("Back to version {number}: ").format(number=found.number)
        self._edit(found.statement.subject, found.body, reason)

    def why_not_write(self) -> str:
        return not_allowed(self._desk, Role.PROPOSER)

    # ---- inside ----

    def _edit(self, subject: str, body: JsonObject, reason: str) -> None:
        self.editor = EditorPresenter(
            self._around,
            subject,
            body,
            closed=self._close_editor,
            proposed=self._is_proposed,
            reason=reason,
        )
        self.keep(self.editor.close)
        self.changed()

    def _close_editor(self) -> None:
        self.editor = None
        self.changed()

    def _is_proposed(self, proposal: Proposal) -> None:
        self._asker.toast(_("Proposed: it waits for others"))
        self._desk.refresh(Topic.PROPOSALS)
        self._around.go("approvals", proposal.digest)

    def _write(self, title: str, name: str, document: bytes) -> None:
        def chosen(path: Path | None) -> None:
            if path is not None:
                self._door.run(
                    _("Writing {name}").format(name=path.name),
                    writing(path, document),
                    done=lambda _nothing: self._asker.toast(_("Written: {path}").format(path=path)),
                    failed=lambda e: self._asker.tell(failure(_("It was not written"), e)),
                )

        self._asker.path(SaveFile(title, name), chosen)

    def _rows(self) -> tuple[PolicyRow, ...]:
        """Counted once a second, and when something is another."""
        facts, now = self._desk.facts, self._desk.now()
        if self._counted is None or self._counted[:2] != (id(facts), now):
            self._counted = (id(facts), now, facts, rows_of(facts, now))
        return self._counted[3]

    def _subject(self) -> str:
        """What was chosen, if it is there; else the first."""
        rows = self._rows()
        names = [each.subject for each in rows]
        if self._selected in names:
            return self._selected
        shown = shown_rows(rows, self._show, self._query)
        return shown[0].subject if shown else ""

    def _shown(self) -> Version | None:
        return chosen_versions(
            self._subject(), self._desk.facts, self._desk.now(), self._after, self._before
        )[1]

    def _detail(self, subject: str, now: datetime) -> Detail | None:
        facts = self._desk.facts
        every, after, before = chosen_versions(subject, facts, now, self._after, self._before)
        if after is None or facts.seen is None:
            return None
        simulation = self.service.simulation
        return Detail(
            subject,
            after.look,
            self._line(after, now),
            every,
            after,
            before,
            self._comparing(before, after),
            tuple(policy_words(after.policy, subject)),
            models_of(subject, facts.seen.state, now),
            _json(after.body),
            simulation,
            simulated_text(simulation, now),
            simulation.view is not None and not simulation.of(draft_of(after.statement)),
            self.why_not_write(),
            self._why_not_roll_back(after),
            not_asking(self._desk),
            "" if after.index is None else _("It is decided already."),
        )

    def _line(self, version: Version, now: datetime) -> str:
        named = (e.nodes for e in self._rows() if e.subject == version.statement.subject)
        nodes = next(named, None)
        parts = [_("Version {number}").format(number=version.number)]
        if version.ticket:
            parts.append(version.ticket)
        if version.index is None:
            age = wording.ago(version.statement.time, now)
            parts.append(_("opened {age}").format(age=age))
        if nodes is not None:
            parts.append(n_("{count} node satisfies it", "{count} nodes satisfy it", nodes))
        if version.statement.expires is not None and version.index is not None:
            when = wording.until(version.statement.expires, now)
            parts.append(_("expires {when}").format(when=when))
        return " · ".join(parts)

    def _comparing(self, before: Version | None, after: Version) -> Compared:
        key = (None if before is None else before.digest, after.digest, after.title)
        if self._compared is None or self._compared[0] != key:
            self._compared = (key, compare(before, after))
        return self._compared[1]

    def _why_not_roll_back(self, version: Version) -> str:
        if version.index is None:
            return _("It never was in force.")
        seen = self._desk.facts.seen
        newest = (
            None
            if seen is None
            else seen.state.newest.get((Kind.POLICY, version.statement.subject))
        )
        if newest is not None and newest.statement.digest == version.digest:
            return _("It is the newest version.")
        return self.why_not_write()

    def _actions(self) -> tuple[Action, ...]:
        def action(
            name: str,
            text: str,
            run: Callable[[], None],
            why_not: Callable[[], str],
            shortcut: str = "",
            icon: str = "",
        ) -> Action:
            return Action(f"policies.{name}", text, run, shortcut, icon, "policies", why_not)

        def none() -> str:
            return "" if self._subject() else _("Choose a policy first.")

        def rolling() -> str:
            found = self._shown()
            return none() if found is None else self._why_not_roll_back(found)

        return (
            action("new", _("New policy…"), self.write_new, self.why_not_write, icon="plus"),
            action(
                "edit",
                _("New version of the policy…"),
                self.write_next,
                lambda: none() or self.why_not_write(),
                icon="pencil",
            ),
            action(
                "simulate",
                _("Simulate the policy's impact"),
                self.simulate,
                lambda: none() or not_asking(self._desk),
                icon="refresh-cw",
            ),
            action("roll-back", _("Roll back as a new version…"), self.roll_back, rolling),
            action("copy-json", _("Copy the policy as JSON"), self.copy_json, none, icon="copy"),
            action("export", _("Export the policy…"), self.export, none, icon="download"),
        )


def _json(body: JsonObject) -> str:
    return json.dumps(body, indent=2, ensure_ascii=False)
