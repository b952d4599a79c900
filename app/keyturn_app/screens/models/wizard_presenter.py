"""Drives the seal wizard: what the officer chose, what the door found, sealing itself. No Qt."""

import time
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from keyturn.base.errors import KeyturnError
from keyturn.client.admitting import SealedFiles
from keyturn.client.client import KeyturnClient
from keyturn.client.inventory import Model
from keyturn.quorum.bundle import Authority
from keyturn.quorum.kinds import Role
from keyturn.vault.source import Survey
from keyturn_app import wording
from keyturn_app.desk import Desk, Topic
from keyturn_app.entitled import not_allowed
from keyturn_app.i18n import _
from keyturn_app.presenting import Presenter
from keyturn_app.questions import Asker, OpenDirectory, OpenFile
from keyturn_app.screens.models import work
from keyturn_app.screens.models.wizard import Chosen, Draft, Origin, Step, Wizard
from keyturn_app.screens.models.wizard_viewmodel import Around, RunView, WizardView, view_of
from keyturn_app.tasks import Cancelled, Door, Job, Progress

WINDOW = 3.0
"""Seconds over which speed is measured: short enough to follow a slow disk."""


class Pace:
    """Bytes a second, and seconds left, from what was told in the last WINDOW."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._told: deque[tuple[float, int]] = deque()

    def view(self, progress: Progress, *, stopping: bool) -> RunView:
        now = self._clock()
        self._told.append((now, progress.done))
        while len(self._told) > 2 and now - self._told[0][0] > WINDOW:
            self._told.popleft()
        since, done = self._told[0]
        rate = (progress.done - done) / (now - since) if now > since else 0.0
        left = (progress.total - progress.done) / rate if rate > 0 else None
        return RunView(
            progress.done / progress.total if progress.total else 0.0,
            _("{done} of {total}").format(
                done=wording.size(progress.done), total=wording.size(progress.total)
            ),
            _("{rate}/s").format(rate=wording.size(int(rate))) if rate else "",
            "" if left is None else _("{age} left").format(age=wording.age(left)),
            stopping,
        )


class SealPresenter(Presenter[WizardView]):
    """`closed` is called once, when it is over; `registered` and `admit` go on from a result."""

    def __init__(
        self,
        desk: Desk,
        door: Door,
        asker: Asker,
        *,
        closed: Callable[[], None],
        registered: Callable[[Model], None],
        admit: Callable[[Path], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__()
        self._desk, self._door, self._asker = desk, door, asker
        self._closed, self._registered, self._admit = closed, registered, admit
        self._clock = clock
        self._wizard = Wizard()
        self._around = Around()
        self._job: Job | None = None
        self._looking: Job | None = None
        self.keep(desk.subscribe(self._on_facts, Topic.SEEN, Topic.CONNECTION, Topic.IDENTITY))
        self.keep(self._drop)

    def view(self) -> WizardView:
        desk = self._desk
        around = replace(
            self._around,
            server_why_not=self._server_why_not(),
            register_why_not=not_allowed(desk, Role.OPERATOR, Role.PROPOSER),
            admit_why_not=not_allowed(desk, Role.PROPOSER),
        )
        return view_of(self._wizard, around, desk.now())

    # ---- moving ----

    def forward(self) -> None:
        """On to the next step; on the summary this starts sealing."""
        before, now = self._wizard.step, self._desk.now()
        if self._around.busy:
            return
        self._wizard = self._wizard.forward(now)
        self._around = replace(self._around, error="")
        step = self._wizard.step
        if step is Step.AUTHORITY and self._wizard.draft.chosen is None:
            self._take_servers()
        if step is Step.DESTINATION:
            self._look_at_place()
        if step is Step.SEALING and before is not step:
            self._seal()
        self.changed()

    def back(self) -> None:
        self._wizard = self._wizard.back()
        self._around = replace(self._around, error="")
        self.changed()

    def cancel(self) -> None:
        """Close the wizard; while sealing, stop that first, and come back to the summary."""
        if self._wizard.step is Step.SEALING and self._job is not None:
            self._job.cancel()
            self._around = replace(self._around, run=replace(self._around.run, stopping=True))
            self.changed()
            return
        self.close()
        self._closed()

    # ---- the model ----

    def choose_source(self) -> None:
        self._asker.path(OpenDirectory(_("Directory of the model to seal")), self._source_chosen)

    def _source_chosen(self, path: Path | None) -> None:
        if path is not None:
            self.set_source(path)

    def set_source(self, path: Path) -> None:
        """Look at a directory; its name becomes the model's, unless one was given."""
        draft = self._wizard.draft
        old = draft.source.name if draft.source else ""
        name = path.name if draft.name in {"", old} else draft.name
        self._set(source=path, survey=None, name=name)
        if self._looking is not None:
            self._looking.drop()
        self._around = replace(self._around, error="", busy=True)
        self._looking = self._door.run(
            _("Looking at {name}").format(name=path.name),
            work.look(path),
            done=self._surveyed,
            failed=self._failed,
        )
        self.changed()

    def _surveyed(self, survey: Survey) -> None:
        self._looking = None
        self._around = replace(self._around, busy=False)
        self._set(survey=survey)
        self.changed()

    # ---- identity ----

    def set_identity(self, name: str, version: str, model_id: str) -> None:
        self._set(name=name.strip(), version=version.strip(), model_id=model_id.strip())
        self.changed()

    # ---- authority ----

    def choose_server(self) -> None:
        self._take_servers()
        self.changed()

    def choose_bundle(self) -> None:
        self._asker.path(
            OpenFile(_("Authority bundle"), (_("Authority bundles (*.bundle *.json)"),)),
            self._bundle_chosen,
        )

    def _bundle_chosen(self, path: Path | None) -> None:
        if path is None:
            return
        fingerprint = self._desk.identity.profile.fingerprint
        self._around = replace(self._around, error="", busy=True)
        self._door.run(
            _("Checking {name}").format(name=path.name),
            work.read_authority(path, fingerprint, self._desk.now()),
            done=lambda authority: self._bundle_read(authority, path),
            failed=self._failed,
        )
        self.changed()

    def _bundle_read(self, authority: Authority, path: Path) -> None:
        self._around = replace(self._around, busy=False, error=self._older(authority))
        if not self._around.error:
            self._set(chosen=Chosen(authority, Origin.FILE, path))
        self.changed()

    def _older(self, authority: Authority) -> str:
        """A bundle older than what this profile has seen may name a key that was given up."""
        seen = self._desk.facts.seen
        if seen is None:
            return ""
        for chain, known in authority.state.newest.items():
            newest = seen.state.newest.get(chain)
            if newest is not None and known.statement.version < newest.statement.version:
                return _(
                    "The bundle is older than the log: its “{kind}” is version {found}, "
                    "in force is {expected}. Get a new one."
                ).format(
                    kind=chain[0].value,
                    found=known.statement.version,
                    expected=newest.statement.version,
                )
        return ""

    def _take_servers(self) -> None:
        seen = self._desk.facts.seen
        if seen is not None and not self._server_why_not():
            self._set(chosen=Chosen(seen.authority, Origin.SERVER))

    def _server_why_not(self) -> str:
        """Sealing needs no session: what was verified in this session is good enough."""
        facts = self._desk.facts
        if not facts.trusted:
            return _("The server is not believed.")
        if facts.seen is None:
            return _("Nothing was heard of the server yet.")
        return ""

    # ---- destination ----

    def choose_parent(self) -> None:
        self._asker.path(OpenDirectory(_("Where to put the sealed model")), self._parent_chosen)

    def _parent_chosen(self, path: Path | None) -> None:
        if path is not None:
            self.set_parent(path)

    def set_parent(self, path: Path) -> None:
        self._set(parent=path)
        self._look_at_place()
        self.changed()

    def set_folder(self, folder: str) -> None:
        self._set(folder=folder.strip())
        self._look_at_place()
        self.changed()

    def _look_at_place(self) -> None:
        out = self._wizard.draft.out
        if out is None or "/" in self._wizard.draft.effective_folder:
            return
        self._door.run(
            _("Looking at {name}").format(name=out.parent.name),
            work.look_at_place(out),
            done=self._place_seen,
            failed=self._failed,
        )

    def _place_seen(self, place: work.Place) -> None:
        if place.out == self._wizard.draft.out:
            self._set(place=place)
            self.changed()

    # ---- sealing ----

    def _seal(self) -> None:
        pace = Pace(self._clock)
        self._around = replace(self._around, run=RunView())

        def progressed(progress: Progress) -> None:
            stopping = self._around.run.stopping
            self._around = replace(self._around, run=pace.view(progress, stopping=stopping))
            self.changed()

        started = self._door.run(
            _("Sealing {name}").format(name=self._wizard.draft.name),
            work.seal(self._wizard.plan(self._desk.now())),
            done=self._sealed,
            failed=self._seal_failed,
            progress=progressed,
        )
        self._job = started if self._wizard.step is Step.SEALING else None

    def _sealed(self, sealed: work.Sealed) -> None:
        self._job = None
        self._wizard = self._wizard.finished(sealed)
        self.changed()

    def _seal_failed(self, error: KeyturnError) -> None:
        self._job = None
        self._wizard = self._wizard.stopped()
        text = _("Sealing was stopped. Nothing is left of it.")
        if not isinstance(error, Cancelled):
            text = _("{error} Nothing is left of it.").format(error=wording.error_text(error))
        self._around = replace(self._around, error=text, run=RunView())
        self._look_at_place()
        self.changed()

    # ---- what comes after ----

    def register(self) -> None:
        """Enter the result in the inventory: its two documents, read from its own folder."""
        sealed = self._wizard.sealed
        if sealed is None or self._around.busy:
            return
        self._around = replace(self._around, busy=True, error="")
        self._door.run(
            _("Reading the sealed model"),
            work.read_files(sealed.model.directory),
            done=self._register_files,
            failed=self._failed,
        )
        self.changed()

    def _register_files(self, files: SealedFiles) -> None:
        def ask(client: KeyturnClient) -> Model:
            return client.register_model(files.manifest, files.key)

        self.keep(self._desk.ask(ask, done=self._is_registered, failed=self._failed))

    def _is_registered(self, model: Model) -> None:
        self._around = replace(self._around, busy=False, registered=True)
        self._asker.toast(_("{name} is in the inventory.").format(name=model.name))
        self._registered(model)
        self.changed()

    def propose(self) -> None:
        """Go on to the admission of the result."""
        sealed = self._wizard.sealed
        if sealed is not None:
            self._admit(sealed.model.directory)

    # ---- inside ----

    def _set(self, **changes: object) -> None:
        draft: Draft = replace(self._wizard.draft, **changes)  # type: ignore[arg-type]
        self._wizard = self._wizard.with_draft(draft)

    def _failed(self, error: KeyturnError) -> None:
        self._looking = None
        self._around = replace(self._around, busy=False, error=wording.error_text(error))
        self.changed()

    def _on_facts(self, _topics: frozenset[Topic]) -> None:
        self.changed()

    def _drop(self) -> None:
        for job in (self._job, self._looking):
            if job is not None:
                job.drop()
        self._job = self._looking = None
