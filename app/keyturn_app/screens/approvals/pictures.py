"""A proposal's file as QR pictures: stepped through on the screen, or written as files. No Qt."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from keyturn.base.errors import KeyturnError
from keyturn.client.offline import ProposalFile
from keyturn.client.qrparts import split
from keyturn.client.qrpictures import write_pictures
from keyturn_app.i18n import _
from keyturn_app.questions import Asker, SaveFile
from keyturn_app.tasks import Door, Job, Progress


@dataclass(frozen=True, slots=True)
class PicturesView:
    """The part that is shown. `text` is what its QR code says."""

    title: str
    text: str
    place: str
    first: bool
    last: bool


@dataclass(frozen=True, slots=True)
class _Shown:
    whole: bytes
    texts: tuple[str, ...]
    name: str
    title: str
    index: int = 0


class Pictures:
    """`changed` is called after each change, `failed` on errors."""

    def __init__(
        self,
        asker: Asker,
        door: Door,
        *,
        changed: Callable[[], None],
        failed: Callable[[KeyturnError], None],
    ) -> None:
        self._asker, self._door = asker, door
        self._changed, self._failed = changed, failed
        self._shown: _Shown | None = None
        self._job: Job | None = None

    def show(self, file: ProposalFile, title: str) -> None:
        whole = file.to_bytes()
        try:
            texts = split(whole)
        except KeyturnError as error:
            self._failed(error)
            return
        digest = file.statement.digest.removeprefix("sha256:")
        name = f"proposal-{file.statement.kind.value}-{digest[:8]}-pictures"
        self._shown = _Shown(whole, texts, name, title)
        self._changed()

    def step(self, by: int) -> None:
        """On or back, without wrapping."""
        shown = self._shown
        if shown is None:
            return
        index = max(0, min(shown.index + by, len(shown.texts) - 1))
        self._shown = _Shown(shown.whole, shown.texts, shown.name, shown.title, index)
        self._changed()

    def shut(self) -> None:
        if self._shown is not None:
            self._shown = None
            self._changed()

    def write(self) -> None:
        """Ask for a directory, and write one PNG file for each part into it."""
        shown = self._shown
        if shown is None:
            return
        question = SaveFile(_("Write the pictures to a new directory"), shown.name)
        whole = shown.whole

        def chosen(path: Path | None) -> None:
            if path is not None:
                self._job = self._door.run(
                    _("Write a proposal's pictures"),
                    lambda job, tell: _write(whole, path, job, tell),
                    done=self._written,
                    failed=self._failed,
                )

        self._asker.path(question, chosen)

    def view(self) -> PicturesView | None:
        shown = self._shown
        if shown is None:
            return None
        place = _("Picture {index} of {count}").format(
            index=shown.index + 1, count=len(shown.texts)
        )
        return PicturesView(
            shown.title,
            shown.texts[shown.index],
            place,
            shown.index == 0,
            shown.index == len(shown.texts) - 1,
        )

    def close(self) -> None:
        if self._job is not None:
            self._job.drop()

    def _written(self, paths: tuple[Path, ...]) -> None:
        self._asker.toast(_("Written to {name}").format(name=paths[0].parent.name))


def _write(
    whole: bytes, path: Path, _job: Job, _tell: Callable[[Progress], None]
) -> tuple[Path, ...]:
    return write_pictures(whole, path)
