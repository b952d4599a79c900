"""What the keyholder refuses besides what its parts refuse."""

from keyturn.base.errors import MalformedError, UnreachableError, UntrustedError


class ClockRefused(UntrustedError):
    """The clock stands before the log's last entry: nothing is decided until it is right (I6)."""


class KeyholderStopped(UnreachableError):
    """The keyholder failed in a way that only a restart from its log can mend."""


class KeyholderSealed(UnreachableError):
    """The keyholder has no HSM until custodians have entered their shares (our protocol §10.12)."""

    def __init__(self) -> None:
        super().__init__(
            "the keyholder is sealed",
            hint="unseal it: `keyturn ceremony unseal status` tells whose shares open it",
        )


class WrongToken(UntrustedError):
    """The token's keys are not those of the `keys` statement in force."""


class KeyFileRefused(MalformedError):
    """A model's `keyturn.key` does not fit its admission statement or this authority."""


class AuthorityUnsettled(UnreachableError):
    """Statements came into force faster than one release could be decided. Ask again."""


class TooManyDecisions(UntrustedError):
    """One officer's decisions of a day are enough: the log is not one officer's to fill."""


class NoWitness(UntrustedError):
    """Cosignatures are handed in while no roster says whose would count."""


class CollateralMemoryDamaged(MalformedError):
    """What collateral was used before cannot be known: older one could be let in (§4.7)."""


class SocketPathTooLong(MalformedError):
    """The kernel takes no such path for a unix socket (unix(7))."""
