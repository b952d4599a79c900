"""What is kept of a ceremony: transcript, minutes, a stranger's verdict. No Qt in here."""

from pathlib import Path

from keyturn.client.errors import FileUnusable
from keyturn_app.screens.ceremonies.reading import Reading


def transcript_of(reading: Reading) -> bytes:
    """The transcript file (our protocol §10.4), without the log's receipts."""
    raise NotImplementedError


def minutes_of(reading: Reading) -> bytes:
    """The minutes as PDF; a draft while it runs."""
    raise NotImplementedError


def verdict_of(reading: Reading) -> str:
    """What `keyturn ceremony verify` says of this transcript, in words."""
    raise NotImplementedError


def written(path: Path, data: bytes) -> Path:
    """Raises FileUnusable."""
    try:
        path.write_bytes(data)
    except OSError as error:
        raise FileUnusable(f"cannot write {path}: {error.strerror}") from error
    return path
