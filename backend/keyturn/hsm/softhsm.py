"""What SoftHSM 2 needs around it that other modules do not. Does nothing for other modules.

At every login SoftHSM empties the file `token.object` and writes it anew, under no lock that
its readers respect (2.6.1, measured: of workers started three at a time, one in thirty failed
with GENERAL_ERROR or found no token). A process killed between the two would lose the token.
So processes of ours take turns, and a copy of each `token.object` is kept and put back when
the file is shorter than its copy: what it holds has a fixed size.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from keyturn.hsm.errors import HsmUnreachable
from keyturn.hsm.process import SOFTHSM_VARIABLE

_FOLDER = "directories.tokendir"
_TOKEN = "token.object"  # noqa: S105 (a file's name)
_COPY = "token.keyturn-copy"  # not *.object: SoftHSM does not look at it


@contextmanager
def login_turn() -> Iterator[None]:
    """Hold this while loading the module and logging in, and while changing a PIN.

    Waits for the turn. Raises HsmUnreachable when SoftHSM's files cannot be read.
    """
    named = os.environ.get(SOFTHSM_VARIABLE)
    if not named:
        yield
        return
    configuration = Path(named)
    try:
        descriptor = os.open(configuration, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise HsmUnreachable(f"SoftHSM's configuration cannot be read: {error}") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        folder = token_folder(configuration.read_text(encoding="utf-8"))
        _keep_all(folder)
        yield
        _keep_all(folder)
    except OSError as error:
        raise HsmUnreachable(f"SoftHSM's files cannot be kept: {error}") from error
    finally:
        os.close(descriptor)


def token_folder(configuration: str) -> Path:
    """Where the tokens are, from the text of softhsm2.conf. Raises HsmUnreachable."""
    for line in configuration.splitlines():
        name, separator, value = line.partition("=")
        if separator and name.strip() == _FOLDER:
            return Path(value.strip())
    raise HsmUnreachable("SoftHSM's configuration names no token folder", expected=_FOLDER)


def keep_or_restore(token: Path) -> None:
    """For one token's directory: renew the copy, or put it back over a shorter file."""
    original, copy = token / _TOKEN, token / _COPY
    raw = original.read_bytes() if original.exists() else b""
    kept = copy.read_bytes() if copy.exists() else b""
    if len(raw) < len(kept):
        _write(original, kept)
    elif raw != kept:
        _write(copy, raw)


def _keep_all(folder: Path) -> None:
    if folder.is_dir():
        for token in sorted(folder.iterdir()):
            if token.is_dir():
                keep_or_restore(token)


def _write(path: Path, content: bytes) -> None:
    """Replace a file as a whole, on disk before its name."""
    beside = path.with_name(f"{path.name}.new")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
