"""What can go wrong with the log's disk, seen by whoever wants an entry on it."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from keyturn.base.errors import KeyturnError, UnreachableError, UntrustedError


class LogFull(KeyturnError):
    """No room. Nothing of what was asked is on the disk or ever will be; the rest is safe."""


class LogDamaged(UntrustedError):
    """What lies on the disk contradicts the signed checkpoint, or was cut before it."""


class LogRolledBack(UntrustedError):
    """The log is shorter than, or not an extension of, a checkpoint that someone has seen."""


class LogUnwritable(UnreachableError):
    """The disk failed. Whether the entry is on it is found out by the next append or open."""


class LogInUse(UnreachableError):
    """Another process writes this log, or this writer was closed."""


class LogMissing(UnreachableError):
    """There is no such log, or no such object beside it."""


class LogOverloaded(UnreachableError):
    """More entries wait than the writer accepts. Nothing was logged."""


@contextmanager
def disk_errors(doing: str) -> Iterator[None]:
    """Give an OSError its meaning where nothing stays behind: LogFull or LogUnwritable."""
    try:
        yield
    except OSError as error:
        raise disk_error(error, doing) from error


@contextmanager
def unsure_errors(doing: str) -> Iterator[None]:
    """The same where something may stay behind, for lack of space too: LogUnwritable."""
    try:
        yield
    except OSError as error:
        raise _unwritable(error, doing) from error


def disk_error(error: OSError, doing: str) -> KeyturnError:
    """LogFull for no space or quota, else LogUnwritable."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return LogFull(
            f"the log's disk is full while {doing}",
            hint="Free space on the log's disk. Keys stay where they are until then.",
        )
    return _unwritable(error, doing)


def _unwritable(error: OSError, doing: str) -> LogUnwritable:
    return LogUnwritable(
        f"the log's disk failed while {doing}", found=error.strerror or type(error).__name__
    )
