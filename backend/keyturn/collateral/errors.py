"""What goes wrong between a vendor's service, the cache on disk and a bundle in a file."""

from datetime import datetime

from keyturn.base.errors import (
    KeyturnError,
    MalformedError,
    NotFoundError,
    UnreachableError,
    UntrustedError,
)
from keyturn.base.times import format_time


class VendorUnreachable(UnreachableError):
    """A service did not answer, or not in time, or only with errors."""


class RateLimited(VendorUnreachable):
    """A service asks to wait longer than this fetch may take."""

    def __init__(self, message: str, *, not_before: datetime, found: str = "") -> None:
        super().__init__(
            message,
            found=found,
            hint=f"ask again after {format_time(not_before)}, or use a mirror or a bundle",
        )
        self.not_before = not_before


class NoSuchCollateral(NotFoundError):
    """The vendor knows no such document."""


class BadAnswer(MalformedError):
    """An answer that is too large, redirected, encoded or of another form than asked for."""


class WrongScope(MalformedError):
    """A kind of collateral has no such scope."""


class RolledBack(UntrustedError):
    """A document, or a bundle, older than what is already known."""


class IssuerMissing(UntrustedError):
    """A document cannot be proved without another one that is not there."""


class EntryDamaged(MalformedError):
    """A file of the cache that cannot be read: it counts as absent."""


class CacheUnusable(KeyturnError):
    """The disk refused: full, read-only, or not ours."""


class BundleMalformed(MalformedError):
    """A file that is no bundle, or has in it what no bundle may have."""


class BundleUntrusted(UntrustedError):
    """A bundle whose signatures, versions or dates do not hold."""


class BundleKeyRefused(KeyturnError):
    """A signing key for bundles that cannot be used."""
