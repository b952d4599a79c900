"""What can be wrong with a configuration."""

from keyturn.base.errors import MalformedError


class MalformedConfig(MalformedError):
    """A setting is missing, unknown, or of the wrong type. The message names it."""
