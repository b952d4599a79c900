"""What can be wrong with shares. No message, found or expected ever holds a word of one (I8)."""

from collections.abc import Mapping
from enum import Enum

from keyturn.ceremony.errors import CeremonyReason, CeremonyRefused, MalformedCeremony


class ShareFault(Enum):
    """What is wrong with what was entered; stable."""

    UNKNOWN_WORD = "unknown-word"
    LENGTH = "length"
    CHECKSUM = "checksum"
    FORM = "form"  # the checksum is right, but what it covers cannot be
    NOT_A_CUSTODIAN = "not-a-custodian"
    OTHER_SET = "other-set"
    REAL = "real"  # a real token's, in a rehearsal
    REHEARSED = "rehearsed"  # a rehearsal's, in earnest
    OTHER_USE = "other-use"
    OTHER_CUSTODIAN = "other-custodian"
    WRONG_CHECK = "wrong-check"
    TWICE = "twice"
    TOO_FEW = "too-few"
    WRONG_SECRET = "wrong-secret"  # noqa: S105 - a name, no secret


SHARE_ADVICE: Mapping[ShareFault, str] = {
    ShareFault.UNKNOWN_WORD: "Compare that word with the sheet.",
    ShareFault.LENGTH: "Count the words on the sheet: 20 of a PIN, 33 of the backup secret.",
    ShareFault.CHECKSUM: "A word is wrong, or two are swapped: compare each with the sheet.",
    ShareFault.FORM: "Its words are no share of ours: take another sheet, and tell the witness.",
    ShareFault.NOT_A_CUSTODIAN: "Look at the plan: it names who holds a share of this secret.",
    ShareFault.OTHER_SET: "It comes from another ceremony: take the sheet of this one.",
    ShareFault.REAL: "Enter no share here; tell the witness: this host asked for real shares in a "
    "rehearsal.",
    ShareFault.REHEARSED: "Shares of a rehearsal are worthless: take the sheet of the real token.",
    ShareFault.OTHER_USE: "Take the sheet of the other secret.",
    ShareFault.OTHER_CUSTODIAN: "Sheets may have been swapped: stop, and have the witness record "
    "it.",
    ShareFault.WRONG_CHECK: "Its form is right, its content is not: have the witness record it.",
    ShareFault.TWICE: "Another custodian's share is needed.",
    ShareFault.TOO_FEW: "More custodians enter their shares.",
    ShareFault.WRONG_SECRET: "Stop: one of these shares is not as it was dealt. Have the witness "
    "record who entered which, and enter each again from its sheet.",
}
"""For each fault, where whoever refuses knows nothing better."""


class MalformedShare(MalformedCeremony):
    """These words are no share. `place` is that of the word to look at, from 1, where known."""

    def __init__(
        self,
        fault: ShareFault,
        message: str,
        *,
        place: int | None = None,
        found: str = "",
        expected: str = "",
        hint: str = "",
    ) -> None:
        hint = hint or SHARE_ADVICE[fault]
        super().__init__(message, found=found, expected=expected, hint=hint)
        self.fault = fault
        self.place = place


class ShareRefused(CeremonyRefused):
    """A share, but not one that may be used here; or the shares together give no secret."""

    def __init__(
        self,
        fault: ShareFault,
        message: str,
        *,
        found: str = "",
        expected: str = "",
        hint: str = "",
    ) -> None:
        super().__init__(
            CeremonyReason.WRONG_SHARE,
            message,
            found=found,
            expected=expected,
            hint=hint or SHARE_ADVICE[fault],
        )
        self.fault = fault
