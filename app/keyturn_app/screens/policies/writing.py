"""Writing a document to a file that the officer chose, away from the window's thread. No Qt."""

from collections.abc import Callable
from pathlib import Path

from keyturn.base.errors import KeyturnError
from keyturn_app.i18n import _
from keyturn_app.tasks import Job, Progress


def writing(path: Path, document: bytes) -> Callable[[Job, Callable[[Progress], None]], None]:
    """Work for the door. Ends with KeyturnError where the disk says no."""

    def write(_job: Job, _tell: Callable[[Progress], None]) -> None:
        try:
            path.write_bytes(document)
        except OSError as error:
            raise KeyturnError(
                _("cannot write {name}").format(name=path.name),
                found=error.strerror or type(error).__name__,
            ) from error

    return write
