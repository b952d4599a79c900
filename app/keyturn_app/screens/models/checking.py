"""Checking a copy of a sealed model, file by file, without any key. No Qt in here."""

from pathlib import Path

from keyturn.base.encoding import Digest
from keyturn.base.errors import KeyturnError
from keyturn.seal.errors import WrongManifest
from keyturn.vault.copies import CopyReport
from keyturn.vault.errors import CopyDamaged
from keyturn_app import wording
from keyturn_app.i18n import _, n_
from keyturn_app.presenting import Presenter
from keyturn_app.screens.models import work
from keyturn_app.screens.models.viewmodel import Check
from keyturn_app.states import Look
from keyturn_app.tasks import Cancelled, Door, Job, Progress


class CheckPresenter(Presenter[Check]):
    """One copy, checked once, against the digest of the model that was chosen."""

    def __init__(self, door: Door, directory: Path, digest: Digest) -> None:
        super().__init__()
        self._door, self._directory, self._digest = door, directory, digest
        self._job: Job | None = None
        self._over = False
        look = Look(_("Checking"), "pending", "loader-circle")
        self._view = Check(str(directory), _("Checking the copy"), look, fraction=0.0)

    def view(self) -> Check:
        return self._view

    def start(self) -> None:
        job = self._door.run(
            _("Checking {name}").format(name=self._directory.name),
            work.check_copy(self._directory, self._digest),
            done=self._whole,
            failed=self._failed,
            progress=self._progressed,
        )
        self._job = None if self._over else job

    def cancel(self) -> None:
        if self._job is not None:
            self._job.cancel()

    def close(self) -> None:
        """Nothing is heard of it any more."""
        if self._job is not None:
            self._job.drop()
            self._job = None
        super().close()

    def _progressed(self, progress: Progress) -> None:
        fraction = progress.done / progress.total if progress.total else 0.0
        text = _("{done} of {total}").format(
            done=wording.size(progress.done), total=wording.size(progress.total)
        )
        self._show(
            Check(self._view.directory, self._view.title, self._view.look, (), fraction, text)
        )

    def _whole(self, report: CopyReport) -> None:
        files = n_("{count} file", "{count} files", len(report.manifest.files))
        size = wording.size(report.manifest.sealed_bytes)
        lines = [
            _("{files}, {size}: each has the size and SHA-256 that the manifest lists.").format(
                files=files, size=size
            ),
            _("The manifest is this model's: its digest is the one shown above."),
        ]
        lines += [_("Not part of the model: {path}").format(path=each) for each in report.extra]
        self._end(_("The copy is whole"), Look(_("Whole"), "ok", "circle-check"), lines)

    def _failed(self, error: KeyturnError) -> None:
        if isinstance(error, Cancelled):
            look = Look(_("Stopped"), "unknown", "circle-minus")
            self._end(_("Stopped"), look, [_("The copy was not checked to its end.")])
        elif isinstance(error, CopyDamaged):
            title = n_("{count} file differs", "{count} files differ", len(error.faults))
            look = Look(_("Damaged"), "danger", "octagon-x")
            self._end(title, look, [*error.faults, error.hint])
        elif isinstance(error, WrongManifest):
            look = Look(_("Another model"), "danger", "octagon-x")
            lines = [
                _("Found {digest}").format(digest=wording.grouped(error.found)),
                _("Expected {digest}").format(digest=wording.grouped(error.expected)),
            ]
            self._end(_("This is a copy of another model"), look, lines)
        else:
            look = Look(_("Not checked"), "stale", "triangle-alert")
            self._end(_("It could not be checked"), look, [wording.error_text(error)])

    def _end(self, title: str, look: Look, lines: list[str]) -> None:
        self._job = None
        self._over = True
        self._show(Check(self._view.directory, title, look, tuple(lines)))

    def _show(self, view: Check) -> None:
        self._view = view
        self.changed()
