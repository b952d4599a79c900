"""Files for the evidence commands, bounded before they are believed."""

from pathlib import Path

from keyturn.base.errors import MalformedError, UnreachableError

MAX_FILE = 4 << 20


def read_file(path: Path, limit: int = MAX_FILE) -> bytes:
    """At most `limit` bytes. Raises UnreachableError, MalformedError."""
    try:
        with path.open("rb") as file:
            data = file.read(limit + 1)
    except OSError as error:
        raise UnreachableError(f"cannot read {path}: {error.strerror}") from error
    if len(data) > limit:
        raise MalformedError(f"{path} is too large", expected=f"at most {limit} bytes")
    return data
