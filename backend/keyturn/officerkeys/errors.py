"""What can go wrong with an officer's keys."""

from keyturn.base.errors import KeyturnError, MalformedError, UnreachableError, UntrustedError


class MalformedKeyFile(MalformedError):
    """The bytes are not an officer's key file of a format that we read."""


class KeyNotOpened(UntrustedError):
    """Wrong passphrase, or the key file was changed; authenticated encryption cannot tell which."""


class KeyMismatch(UntrustedError):
    """The private keys found are not those of the public keys beside them."""


class KeyStoreUnavailable(UnreachableError):
    """No usable OS keyring, or the key file cannot be read or written."""


class KeyNotFound(UnreachableError):
    """No key of that officer lies at that place."""


class KeyExists(KeyturnError):
    """A key lies there already; it is never overwritten."""


class PassphraseError(KeyturnError):
    """No passphrase, or one that is unfit."""


class KeyExposed(UntrustedError):
    """The key file can be read or changed by others than its owner."""
