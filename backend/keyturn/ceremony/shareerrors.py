"""What can be wrong with shares. No message, found or expected ever holds a word of one (I8)."""

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
    OTHER_USE = "other-use"
    OTHER_CUSTODIAN = "other-custodian"
    WRONG_CHECK = "wrong-check"
    TWICE = "twice"
    TOO_FEW = "too-few"
    WRONG_SECRET = "wrong-secret"  # noqa: S105 - a name, no secret


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
            CeremonyReason.WRONG_SHARE, message, found=found, expected=expected, hint=hint
        )
        self.fault = fault
