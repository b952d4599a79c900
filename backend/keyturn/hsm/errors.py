"""What can go wrong with an HSM, named from the caller's side.

Malformed: the request. Untrusted: what was asked to be opened, or the token itself.
Unreachable: nothing was learned, and another worker may be asked.
"""

from keyturn.base.errors import KeyturnError, MalformedError, UnreachableError, UntrustedError
from keyturn.hsm.cryptoki import rv_name


class HsmError(KeyturnError):
    """The token answered a call with an error that has no better name here."""

    def __init__(self, function: str, rv: int) -> None:
        super().__init__(f"the HSM refused {function}", found=rv_name(rv), expected="CKR_OK")
        self.function = function
        self.rv = rv


class HsmRequestError(MalformedError):
    """A request to the HSM that it does not understand, or a key of a kind it does not wrap to."""


class FrameError(MalformedError):
    """The other end does not speak in frames, or stopped in the middle of one."""


class WrappedKeyError(UntrustedError):
    """A wrapped key that this HSM's keys do not open: tampered with, cut, or another's."""


class KeyBindingError(UntrustedError):
    """The key opened, but it is not the key of this model: its tag does not verify (§5.2)."""


class PinRefused(UntrustedError):
    """The token refused the PIN. Trying again may lock it."""


class TokenError(UntrustedError):
    """The token is there, but is not as Keyturn needs it: a key missing, an attribute different."""


class HsmUnreachable(UnreachableError):
    """No module, no token, no worker, or no answer in time."""


class UntrustedRecipient(UntrustedError):
    """A KEK is to leave the token for a key that is not the trusted one of the order."""


class BackupRefused(UntrustedError):
    """A backup that the secret does not open, or that restores another KEK than it says."""
