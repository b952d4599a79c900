"""What a witness refuses beside what `keyrelease.errors` names; each has one HTTP status in
`witness.http`."""

from keyturn.base.errors import KeyturnError, MalformedError, NotFoundError, UnreachableError


class UnknownLog(NotFoundError):
    """No log of this origin is in the witness's settings."""


class WitnessUnwritable(UnreachableError):
    """The state could not be made durable, so nothing was signed."""


class WitnessKeyRefused(MalformedError):
    """The key file is no Ed25519 key, is open to others, or needs another passphrase."""


class TooMany(KeyturnError):
    """More requests from one address than a witness takes."""


class BodyTooLarge(MalformedError):
    """The body is larger than this path takes."""
