"""What the control plane itself refuses; each has one HTTP status in `control.http`."""

from keyturn.base.errors import (
    KeyturnError,
    MalformedError,
    NotFoundError,
    UntrustedError,
)


class NotSignedIn(UntrustedError):
    """No live session, or a sign-in that proves nothing."""


class NotAllowed(UntrustedError):
    """The officer lacks the role, or the signature is not what the request needs."""


class RoleLacking(NotAllowed):
    """The officer's roles do not include this."""


class NoLongerOfficer(NotSignedIn):
    """The newest roster does not name the officer (any more)."""


class NotFound(NotFoundError):
    """There is nothing under that name."""


class Conflict(KeyturnError):
    """What is asked does not fit what is there already: a replay, or a closed proposal."""


class TooLarge(MalformedError):
    """The body is larger than this route takes."""


class TooMany(KeyturnError):
    """More requests than this server takes at once."""


class TooSlow(MalformedError):
    """The body did not arrive in time."""


class MalformedQuery(MalformedError):
    """A path, query or header of a request is wrong."""


class BadDataDirectory(MalformedError):
    """The directory for the server's data cannot be made or is not this user's to write."""


class TaskFailed(KeyturnError):
    """One of the server's own tasks ended by a fault: the server stops rather than lie."""
