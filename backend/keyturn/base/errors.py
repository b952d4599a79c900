"""The root of every error that Keyturn raises.

Three things are kept apart everywhere, because callers act on them differently:
*malformed* (the bytes are not what they claim to be), *untrusted* (well formed, but
not proved) and *unreachable* (nothing was learned). A message states what was found
and what was expected; what a person may do about it is the separate `hint`.
"""


class KeyturnError(Exception):
    """Anything that Keyturn refuses or fails at.

    `found` and `expected` are short texts for people and machines; never secrets (I8).
    """

    def __init__(
        self, message: str, *, found: str = "", expected: str = "", hint: str = ""
    ) -> None:
        super().__init__(message)
        self.message = message
        self.found = found
        self.expected = expected
        self.hint = hint

    def __str__(self) -> str:
        text = self.message
        if self.found:
            text += f"; found {self.found}"
        if self.expected:
            text += f"; expected {self.expected}"
        return text


class MalformedError(KeyturnError):
    """The input does not have the form that its format demands."""


class UntrustedError(KeyturnError):
    """The input is well formed, but a proof that it needs is missing or wrong."""


class UnreachableError(KeyturnError):
    """A peer, device or store could not be asked, so nothing is known."""


class NotFoundError(KeyturnError):
    """What was asked for by its name is not there, and that is the whole answer."""
