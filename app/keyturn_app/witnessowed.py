"""Revocations that the log lacks, written out for the keyholder, past the server. No Qt in here."""

from collections.abc import Callable
from pathlib import Path

from keyturn.base.errors import KeyturnError
from keyturn.client.offline import write_new_file
from keyturn.keyrelease.cosigning import Pending
from keyturn_app.desk import Desk
from keyturn_app.i18n import _, n_
from keyturn_app.questions import Asker, OpenDirectory, failure
from keyturn_app.tasks import Door, Job, Progress

Found = list[tuple[Pending, bytes | None]]


class OwedSaving:
    """For one desk. What is written is a proposal file each, for `keyturn keyholder submit`."""

    def __init__(self, desk: Desk, door: Door, asker: Asker) -> None:
        self._desk = desk
        self._door = door
        self._asker = asker

    def save(self) -> None:
        """Ask where; files that are there already are not written over."""
        self._asker.path(OpenDirectory(_("Save the revocations for the keyholder")), self._chosen)

    def _chosen(self, directory: Path | None) -> None:
        if directory is not None:
            self._desk.ask(
                lambda client: client.owed(),
                done=lambda found: self._write(directory, found),
                failed=self._failed,
            )

    def _write(self, directory: Path, found: Found) -> None:
        files = {
            directory / f"revocation-{each.statement.rpartition(':')[2][:16]}.json": document
            for each, document in found
            if document is not None
        }

        def work(_job: Job, _tell: Callable[[Progress], None]) -> int:
            for path, document in files.items():
                write_new_file(path, document)
            return len(files)

        self._door.run(
            _("Saving revocations"), work, done=self._saved(directory), failed=self._failed
        )

    def _saved(self, directory: Path) -> Callable[[int], None]:
        def said(count: int) -> None:
            text = n_(
                "{count} revocation is in {{path}}: take it to the keyholder.",
                "{count} revocations are in {{path}}: take them to the keyholder.",
                count,
            )
            self._asker.toast(text.replace("{path}", str(directory)))

        return said

    def _failed(self, error: KeyturnError) -> None:
        self._asker.tell(failure(_("The revocations were not saved"), error))
