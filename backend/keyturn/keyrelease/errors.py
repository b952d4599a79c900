"""What can be wrong with a release request, an answer or a lease, and why nothing is cosigned."""

from keyturn.base.errors import KeyturnError, MalformedError, UnreachableError, UntrustedError


class MalformedRequest(MalformedError):
    """A release request, its claims or its evidence does not have the form of our protocol §5.2."""


class OtherEvidence(UntrustedError):
    """A request is not the one that a log entry names, or says other things than the entry."""


class AnswerRejected(UntrustedError):
    """A release answer does not prove what the node needs before it opens a model (§5.6)."""


class AuditFailed(UntrustedError):
    """A log breaks a rule of release: what it says happened was not allowed to happen."""


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


class DamagedState(MalformedError):
    """The state on the disk is not what a witness wrote."""
