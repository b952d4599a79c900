"""What can be wrong with a ceremony's documents, or with what somebody wants to do in one."""

from enum import Enum

from keyturn.base.errors import MalformedError, UntrustedError


class MalformedCeremony(MalformedError):
    """A script, plan, signature, record or transcript has not the form of our protocol §10."""


class CeremonyReason(Enum):
    """Why a ceremony does not go on as somebody wants it to."""

    BAD_SIGNATURE = "bad-signature"
    UNKNOWN_OFFICER = "unknown-officer"
    WRONG_PART = "wrong-part"
    WRONG_STEP = "wrong-step"
    WRONG_PLACE = "wrong-place"  # another seq or previous record: a replay, or too late
    TOO_EARLY = "too-early"  # the witness signs last where others attach something
    WRONG_TIME = "wrong-time"
    WRONG_CEREMONY = "wrong-ceremony"
    SIGNED_ALREADY = "signed-already"
    NOT_ENTERED = "not-entered"
    WRONG_PHRASE = "wrong-phrase"
    NOT_ATTACHED = "not-attached"
    WRONG_ATTACHMENT = "wrong-attachment"
    OVER = "over"
    INTERRUPTED = "interrupted"
    LOCKED = "locked"
    UNFIT_PARTICIPANT = "unfit-participant"
    WRONG_SCRIPT = "wrong-script"
    NOT_AUTHORISED = "not-authorised"
    BROKEN_CHAIN = "broken-chain"
    WRONG_SHARE = "wrong-share"
    FAILED = "failed"


class CeremonyRefused(UntrustedError):
    """It does not happen; `reason` is stable, the message is for people."""

    def __init__(
        self,
        reason: CeremonyReason,
        message: str,
        *,
        found: str = "",
        expected: str = "",
        hint: str = "",
    ) -> None:
        super().__init__(message, found=found, expected=expected, hint=hint)
        self.reason = reason
