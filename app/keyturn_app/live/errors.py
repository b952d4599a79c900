"""What can go wrong with what the app keeps about servers and officers."""

from keyturn.base.errors import KeyturnError, MalformedError, UnreachableError


class ProfilesUnusable(UnreachableError):
    """The database of servers cannot be opened, read or written."""


class ProfilesTooNew(MalformedError):
    """A newer version of the app wrote it; what it means is not guessed."""


class UnknownSeat(KeyturnError):
    """No officer at no server is called so."""


class TooManyTries(KeyturnError):
    """Wrong passphrases came too fast."""
