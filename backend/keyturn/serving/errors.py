"""What keeps a server from beginning."""

from keyturn.base.errors import UnreachableError


class CannotListen(UnreachableError):
    """The address is taken, or not this machine's."""
