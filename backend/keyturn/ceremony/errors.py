"""What can be wrong with a ceremony's documents, or with what somebody wants to do in one."""

from collections.abc import Mapping
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


WHAT_TO_DO: Mapping[CeremonyReason, str] = {
    CeremonyReason.BAD_SIGNATURE: "Sign again with the key that the roster has for you. If it is "
    "yours already, have the witness record it.",
    CeremonyReason.UNKNOWN_OFFICER: "Look the roster in force up: only its officers take part.",
    CeremonyReason.WRONG_PART: "Look at the plan: it names who signs this step, and as what.",
    CeremonyReason.WRONG_STEP: "Look at the ceremony again, and sign the step that waits now.",
    CeremonyReason.WRONG_PLACE: "Look at the ceremony again: something was recorded meanwhile. "
    "Then sign again.",
    CeremonyReason.TOO_EARLY: "Wait until all others have signed this step, then sign.",
    CeremonyReason.WRONG_TIME: "Set the clock of the machine that is wrong, then sign again.",
    CeremonyReason.WRONG_CEREMONY: "Look at its id and at the host: this belongs to another one.",
    CeremonyReason.SIGNED_ALREADY: "Nothing is left to do for you in this step: others are needed.",
    CeremonyReason.NOT_ENTERED: "Fill in what the step asks of your part, nothing else, and sign "
    "again.",
    CeremonyReason.WRONG_PHRASE: "Have the phrase read aloud once more, and compare the screens.",
    CeremonyReason.NOT_ATTACHED: "Enter your share, or sign the statements, with this step.",
    CeremonyReason.WRONG_ATTACHMENT: "Begin your signature anew, and sign nothing that you "
    "did not see.",
    CeremonyReason.OVER: "Nothing more is signed in it: keep its transcript, and open a new one.",
    CeremonyReason.INTERRUPTED: "The administrator or the witness resumes it, or aborts it.",
    CeremonyReason.LOCKED: "Custodians enter their shares first; then the step goes on.",
    CeremonyReason.UNFIT_PARTICIPANT: "Choose somebody else for this part, and open it anew.",
    CeremonyReason.WRONG_SCRIPT: "Program, host and plan must be of one release: look at each.",
    CeremonyReason.NOT_AUTHORISED: "Look at the statement that is to let this happen: its "
    "approvals, its window, its people, token and script. Where it does not fit, propose "
    "a new one.",
    CeremonyReason.BROKEN_CHAIN: "Sign nothing more. Keep what is there, and have the records on "
    "the host's disk looked at.",
    CeremonyReason.WRONG_SHARE: "Compare ceremony, secret and name on the sheet, and enter "
    "it again.",
    CeremonyReason.FAILED: "Put right what was found; then everybody signs the step again, or it "
    "is aborted.",
}
"""For each reason, where whoever refuses knows nothing better."""


class CeremonyRefused(UntrustedError):
    """It does not happen; `reason` is stable, message and hint are for people."""

    def __init__(
        self,
        reason: CeremonyReason,
        message: str,
        *,
        found: str = "",
        expected: str = "",
        hint: str = "",
    ) -> None:
        hint = hint or WHAT_TO_DO[reason]
        super().__init__(message, found=found, expected=expected, hint=hint)
        self.reason = reason
