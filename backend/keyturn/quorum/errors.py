"""What can be wrong with a statement, an approval or a submission."""

from enum import Enum

from keyturn.base.encoding import Digest
from keyturn.base.errors import MalformedError, UntrustedError


class MalformedStatement(MalformedError):
    """A statement, approval or log entry does not have the form of our protocol §2 or §6."""


class SubmissionReason(Enum):
    """Why something does not come into force (our protocol §2.5)."""

    WRONG_FINGERPRINT = "wrong-fingerprint"
    OTHER_AUTHORITY = "other-authority"
    NO_ROSTER = "no-roster"
    ROSTER_EXPIRED = "roster-expired"
    UNKNOWN_PROPOSER = "unknown-proposer"
    NOT_A_PROPOSER = "not-a-proposer"
    BAD_SIGNATURE = "bad-signature"
    UNKNOWN_SIGNER = "unknown-signer"
    WRONG_SIGNER = "wrong-signer"
    NOT_AN_APPROVER = "not-an-approver"
    FROM_THE_FUTURE = "from-the-future"
    OLDER_THAN_STATEMENT = "older-than-statement"
    LAPSED = "lapsed"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"
    IN_FORCE_ALREADY = "in-force-already"
    RECORDED = "recorded"
    WRONG_VERSION = "wrong-version"
    WRONG_PREDECESSOR = "wrong-predecessor"
    OTHER_STATEMENT = "other-statement"
    TOO_FEW_APPROVALS = "too-few-approvals"
    SIMULATION_CHANGED = "simulation-changed"
    SIMULATION_FORBIDDEN = "simulation-forbidden"
    NOT_IN_FORCE = "not-in-force"
    UNKNOWN_KEY = "unknown-key"
    COMPROMISED_KEY = "compromised-key"
    UNFIT_PARTICIPANT = "unfit-participant"
    WINDOW_OVER = "window-over"
    NOT_OPEN = "not-open"
    KEY_DESTROYED = "key-destroyed"
    LOG_NOT_CONTINUED = "log-not-continued"


class SubmissionRefused(UntrustedError):
    """A submission does not come into force; `reason` is stable, the message is for people."""

    def __init__(
        self,
        reason: SubmissionReason,
        message: str,
        *,
        found: str = "",
        expected: str = "",
        hint: str = "",
        statement: Digest | None = None,
    ) -> None:
        super().__init__(message, found=found, expected=expected, hint=hint)
        self.reason = reason
        self.statement = statement


class EnrolmentRefused(UntrustedError):
    """A request to become an officer proves too little, or cannot be taken in (§2.9)."""


class LogInconsistent(UntrustedError):
    """The log's own content breaks a rule of our protocol §6: it was not written by a keyholder."""
