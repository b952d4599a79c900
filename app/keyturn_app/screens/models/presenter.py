"""The models page: inventory, one model, and what may be done with it. No Qt in here."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from keyturn.base.encoding import Digest
from keyturn.base.errors import KeyturnError
from keyturn.client.admitting import SealedFiles
from keyturn.client.client import KeyturnClient
from keyturn.client.inventory import Model
from keyturn.client.proposals import Proposal
from keyturn.client.seen import leaf_at_hand
from keyturn.quorum.kinds import Role
from keyturn_app.actions import Action
from keyturn_app.desk import Topic
from keyturn_app.i18n import _
from keyturn_app.presenting import Presenter
from keyturn_app.questions import Confirmed, OpenDirectory, failure
from keyturn_app.screens.models import revoking, work
from keyturn_app.screens.models.admission import subject_of_revocation
from keyturn_app.screens.models.admitting import AdmissionPresenter
from keyturn_app.screens.models.checking import CheckPresenter
from keyturn_app.screens.models.detail import Detail, detail_of
from keyturn_app.screens.models.entitled import (
    no_admission,
    no_model,
    no_revocation,
    not_allowed,
    not_asking,
)
from keyturn_app.screens.models.history import Concerning, Event, events_of
from keyturn_app.screens.models.manifests import Manifests
from keyturn_app.screens.models.viewmodel import (
    ActionView,
    Arrangement,
    Column,
    ModelsView,
    Show,
    Shown,
    banner_of,
    count_text,
    phase_of,
    rows_of,
    tiles_of,
)
from keyturn_app.screens.models.wizard_presenter import SealPresenter
from keyturn_app.surroundings import Surroundings

_AT_ONCE = (Topic.CONNECTION, Topic.SEEN, Topic.PROPOSALS, Topic.MODELS, Topic.IDENTITY)
"""Where a model runs changes all the time, and is told by the second: see `tick`."""

Sheet = SealPresenter | AdmissionPresenter


class ModelsPresenter(Presenter[ModelsView]):
    """`sheet` is the wizard or the form that lies over the inventory, if one does."""

    def __init__(self, around: Surroundings) -> None:
        super().__init__()
        self._desk, self._door, self._asker = around.desk, around.door, around.asker
        self._copy, self._go = around.copy, around.go
        self._arranged = Arrangement()
        self._manifests = Manifests(self._desk, self.changed)
        self.keep(self._manifests.close)
        self._concerning = Concerning()
        self._read: tuple[object, tuple[Event, ...]] | None = None
        self._check: CheckPresenter | None = None
        self.sheet: Sheet | None = None
        self.keep(self._desk.subscribe(self._on_facts, *_AT_ONCE))
        self._all_actions = self._make_actions()
        self.keep(around.actions.add(*self._all_actions))
        self._look_at_log()

    def view(self) -> ModelsView:
        facts, now = self._desk.facts, self._desk.now()
        shown = rows_of(facts, now, self._arranged)
        phase, title, text = phase_of(facts, shown)
        banner, tone = banner_of(facts, now)
        arranged = self._arranged
        return ModelsView(
            phase=phase,
            title=title,
            text=text,
            banner=banner,
            tone=tone,
            dimmed=bool(banner),
            tiles=tiles_of(facts, shown.every, arranged.show) if facts.trusted else (),
            query=arranged.query,
            rows=shown.rows if facts.trusted else (),
            count=count_text(shown) if facts.models and facts.trusted else "",
            sort=arranged.sort,
            ascending=arranged.ascending,
            detail=self._detail(shown),
            actions=self._views("models.seal", "models.register"),
            row_actions=self._views(
                "models.admit", "models.revoke", "models.verify", "models.copy-digest"
            ),
            check=None if self._check is None else self._check.view(),
        )

    # ---- arranging ----

    def filter(self, query: str) -> None:
        self._arrange(query=query)

    def show(self, show: Show) -> None:
        """Only these; the same again shows all."""
        self._arrange(show=Show.ALL if self._arranged.show is show else show)

    def open_all(self) -> None:
        """Leave every filter."""
        self._arrange(query="", show=Show.ALL)

    def sort(self, column: Column) -> None:
        """By this column; the same again turns the order round."""
        same = self._arranged.sort is column
        self._arrange(sort=column, ascending=not self._arranged.ascending if same else True)

    def select(self, digest: Digest | None) -> None:
        if digest != self._arranged.selected:
            self._end_check()
            self._arrange(selected=digest)
            self._ask_manifest()

    def open(self, target: str) -> None:
        """Show a model by its digest, whatever was filtered; an empty target changes nothing."""
        found = self._model(Digest(target))
        if found is not None:
            self._arranged = replace(self._arranged, query="", show=Show.ALL)
            self.select(found.digest)
            self.changed()

    def tick(self) -> None:
        """A second went by: ages and leases are told anew."""
        self.changed()

    def retry_manifest(self) -> None:
        self._ask_manifest()
        self.changed()

    def follow(self, page: str, target: str) -> None:
        """Go where a link leads."""
        self._go(page, target)

    def refresh(self) -> None:
        self._desk.refresh(Topic.SEEN, Topic.PROPOSALS, Topic.MODELS, Topic.NODES)

    # ---- sealing, registering, admitting ----

    def seal(self) -> None:
        wizard = SealPresenter(
            self._desk,
            self._door,
            self._asker,
            closed=self._close_sheet,
            registered=self._is_registered,
            admit=lambda directory: self._admit(None, "", directory),
        )
        self._show_sheet(wizard)

    def register(self) -> None:
        self._asker.path(
            OpenDirectory(_("A sealed model's folder, with keyturn.json and keyturn.key")),
            self._register_chosen,
        )

    def _register_chosen(self, path: Path | None) -> None:
        if path is not None:
            self._door.run(
                _("Reading {name}").format(name=path.name),
                work.read_files(path),
                done=self._register_files,
                failed=self._tell,
            )

    def _register_files(self, files: SealedFiles) -> None:
        def ask(client: KeyturnClient) -> Model:
            return client.register_model(files.manifest, files.key)

        def done(model: Model) -> None:
            self._asker.toast(_("{name} is in the inventory.").format(name=model.name))
            self._is_registered(model)

        self.keep(self._desk.ask(ask, done=done, failed=self._tell))

    def _is_registered(self, model: Model) -> None:
        self.select(model.digest)
        self._desk.refresh(Topic.MODELS)

    def admit(self) -> None:
        model = self._selected()
        if model is not None:
            self._admit(model.digest, f"{model.name} {model.version}", None)

    def _admit(self, expected: Digest | None, name: str, directory: Path | None) -> None:
        form = AdmissionPresenter(
            self._desk,
            self._door,
            self._asker,
            expected=expected,
            name=name,
            closed=self._close_sheet,
            proposed=self._is_proposed,
        )
        self._show_sheet(form)
        if directory is not None:
            form.set_directory(directory)

    def _is_proposed(self, proposal: Proposal) -> None:
        self._asker.toast(
            _("Proposed. Not in force: {missing} to approve.").format(missing=proposal.missing)
        )
        self._desk.refresh(Topic.PROPOSALS, Topic.MODELS)
        self._go("approvals", proposal.digest)

    # ---- revoking ----

    def revoke(self) -> None:
        model = self._selected()
        if model is None:
            return
        self._asker.confirm(
            revoking.question(model, self._desk.facts, self._desk.now()),
            lambda answer: self._revoke(model, answer),
        )

    def _revoke(self, model: Model, answer: Confirmed | None) -> None:
        if answer is None:
            return

        reason = answer.comment.strip()
        self.keep(
            self._desk.ask(
                lambda client: revoking.propose(client, model, reason),
                done=self._is_proposed,
                failed=self._tell,
            )
        )

    # ---- copies ----

    def verify(self) -> None:
        model = self._selected()
        if model is not None:
            self._asker.path(
                OpenDirectory(_("Folder with the copy to check")),
                lambda path: self._verify(model, path),
            )

    def _verify(self, model: Model, path: Path | None) -> None:
        if path is None:
            return
        self._end_check()
        self._check = CheckPresenter(self._door, path, model.digest)
        self._check.listeners.add(self.changed)
        self._check.start()
        self.changed()

    def cancel_check(self) -> None:
        if self._check is not None:
            self._check.cancel()

    def close_check(self) -> None:
        self._end_check()
        self.changed()

    def copy_digest(self) -> None:
        model = self._selected()
        if model is not None:
            self._copy(model.digest)

    def copy(self, text: str) -> None:
        self._copy(text)

    def close(self) -> None:
        self._end_check()
        if self.sheet is not None:
            self.sheet.close()
            self.sheet = None
        super().close()

    # ---- inside ----

    def _make_actions(self) -> tuple[Action, ...]:
        desk = self._desk

        def chosen() -> str:
            return no_model(self._selected())

        def may_register() -> str:
            return not_allowed(desk, Role.OPERATOR, Role.PROPOSER)

        def may_open() -> str:
            """A wizard half filled in, or one that seals, is not thrown away by a shortcut."""
            return _("Finish or cancel what is open first.") if self.sheet is not None else ""

        def may_admit() -> str:
            return may_open() or no_admission(desk, self._selected())

        def may_revoke() -> str:
            return no_revocation(desk, self._selected())

        def made(
            name: str, text: str, run: Callable[[], None], icon: str, why: Callable[[], str]
        ) -> Action:
            return Action(f"models.{name}", text, run, icon=icon, page="models", why_not=why)

        return (
            made("seal", _("Seal a model…"), self.seal, "file-lock", may_open),
            made("register", _("Register…"), self.register, "circle-plus", may_register),
            made("admit", _("Propose admission…"), self.admit, "stamp", may_admit),
            made("revoke", _("Revoke…"), self.revoke, "ban", may_revoke),
            made("verify", _("Verify a copy…"), self.verify, "scan-search", chosen),
            made("copy-digest", _("Copy digest"), self.copy_digest, "copy", chosen),
            made("refresh", _("Ask again"), self.refresh, "refresh-cw", lambda: not_asking(desk)),
        )

    def _views(self, *ids: str) -> tuple[ActionView, ...]:
        by_id = {each.id: each for each in self._all_actions}
        chosen = (by_id[each] for each in ids)
        return tuple(ActionView(a.id, a.text, a.icon, a.why_not()) for a in chosen)

    def _detail(self, shown: Shown) -> Detail | None:
        model, facts = self._selected(), self._desk.facts
        if model is None or not facts.trusted:
            return None
        if all(each.digest != model.digest for each in shown.rows):
            return None
        leaves = facts.seen.leaves if facts.seen else ()
        proposals = [
            each.digest
            for each in (facts.proposals.all if facts.proposals else ())
            if each.statement.subject in {model.digest, subject_of_revocation(model.digest)}
        ]
        return detail_of(
            model,
            facts,
            self._desk.now(),
            self._manifests.known(model.digest),
            self._manifests.error(model.digest),
            self._events_of(model.digest, proposals, leaves),
        )

    def _events_of(
        self, digest: Digest, proposals: list[Digest], leaves: Sequence[bytes]
    ) -> tuple[Event, ...]:
        """Read again only when the log or what is asked has changed."""
        key = (digest, tuple(proposals), len(leaves), leaf_at_hand(leaves, len(leaves) - 1))
        if self._read is None or self._read[0] != key:
            self._read = key, events_of(digest, proposals, leaves, self._concerning)
        return self._read[1]

    def _model(self, digest: Digest) -> Model | None:
        models = self._desk.facts.models
        return (
            next((each for each in models.all if each.digest == digest), None) if models else None
        )

    def _selected(self) -> Model | None:
        chosen = self._arranged.selected
        return None if chosen is None else self._model(chosen)

    def _ask_manifest(self) -> None:
        if self._arranged.selected is not None:
            self._manifests.want(self._arranged.selected)

    def _arrange(self, **changes: object) -> None:
        self._arranged = replace(self._arranged, **changes)  # type: ignore[arg-type]
        self.changed()

    def _look_at_log(self) -> None:
        if self._desk.facts.seen is not None:
            self._concerning.extend(self._desk.facts.seen.leaves)

    def _on_facts(self, topics: frozenset[Topic]) -> None:
        if Topic.SEEN in topics:
            self._look_at_log()
        if Topic.CONNECTION in topics or Topic.IDENTITY in topics:
            self._ask_manifest()
        self.changed()

    def _show_sheet(self, sheet: Sheet) -> None:
        if self.sheet is not None:
            self.sheet.close()
        self.sheet = sheet
        self.changed()

    def _close_sheet(self) -> None:
        self.sheet = None
        self.changed()

    def _end_check(self) -> None:
        if self._check is not None:
            self._check.close()
            self._check = None

    def _tell(self, error: KeyturnError) -> None:
        self._asker.tell(failure(_("That did not work"), error))
