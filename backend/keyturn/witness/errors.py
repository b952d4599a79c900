"""What a witness refuses; each has one HTTP status in `witness.http`."""

from keyturn.base.errors import (
    KeyturnError,
    MalformedError,
    NotFoundError,
    UnreachableError,
    UntrustedError,
)


class UnknownLog(NotFoundError):
    """No log of this origin is in the witness's settings."""


class OtherSize(KeyturnError):
    """The request does not start from what the witness knows; `size` says what that is."""

    def __init__(self, size: int, asked: int) -> None:
        super().__init__(
            "the witness knows the log at another size", found=str(asked), expected=str(size)
        )
        self.size = size


class Forked(OtherSize):
    """A signed checkpoint of the very size that is known, with another root: kept as proof."""

    def __init__(self, size: int) -> None:
        super().__init__(size, size)
        self.message = "the log signed two roots for one size"


class BadProof(UntrustedError):
    """The checkpoint is not proved to extend what the witness knows."""


class RevocationMissing(UntrustedError):
    """A revocation that was handed in is not proved to be in the log: nothing is cosigned."""


class TooManyPending(KeyturnError):
    """More revocations wait for their proof than a witness keeps."""


class ClockWentBack(UnreachableError):
    """The witness's clock stands before its last cosignature."""


class WitnessUnwritable(UnreachableError):
    """The state could not be made durable, so nothing was signed."""


class DamagedState(MalformedError):
    """The state on the disk is not what a witness wrote."""


class WitnessKeyRefused(MalformedError):
    """The key file is no Ed25519 key, is open to others, or needs another passphrase."""


class TooMany(KeyturnError):
    """More requests from one address than a witness takes."""


class BodyTooLarge(MalformedError):
    """The body is larger than this path takes."""
