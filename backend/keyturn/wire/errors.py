"""What can go wrong between two processes, seen from the one that asks."""

from keyturn.base.errors import KeyturnError, MalformedError, UnreachableError, UntrustedError


class MalformedFrame(MalformedError):
    """A frame is too large, cut short, or not one strict JSON object."""


class PinMismatch(UntrustedError):
    """The TLS server holds another key than the one that was pinned."""


class BrokenIdentity(MalformedError):
    """A server's own TLS key is readable by others, or the file holds something else."""


class PeerUnreachable(UnreachableError):
    """The peer did not accept, answer in time, or finish its answer: nothing is known."""


class PeerRefused(KeyturnError):
    """The peer answered, and its answer is no. `kind` is the peer's own error kind."""

    def __init__(
        self, kind: str, message: str, *, found: str = "", expected: str = "", hint: str = ""
    ) -> None:
        super().__init__(message, found=found, expected=expected, hint=hint)
        self.kind = kind
