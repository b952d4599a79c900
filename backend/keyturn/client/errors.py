"""What can go wrong between an officer and the control plane, named from the officer's side."""

from enum import Enum

from keyturn.base.errors import KeyturnError, MalformedError, UnreachableError, UntrustedError
from keyturn.tlog.checkpoints import SignedCheckpoint
from keyturn.wire.errors import PinMismatch as PinMismatch  # every question may raise it


class MalformedAnswer(MalformedError):
    """The server's answer does not have the form of its API."""


class MalformedProfile(MalformedError):
    """The profile, or what it remembers, cannot be read."""


class NoProfile(KeyturnError):
    """There is no profile yet."""


class ServerUnreachable(UnreachableError):
    """The server did not answer, so nothing is known."""


class NoServer(KeyturnError):
    """An officer station was to ask a server: it has none, and opens no connection."""


class ServerRefused(KeyturnError):
    """The server answered, and its answer is no. `kind` and `status` are the server's own."""

    def __init__(
        self,
        status: int,
        kind: str,
        message: str,
        *,
        found: str = "",
        expected: str = "",
        hint: str = "",
    ) -> None:
        super().__init__(message, found=found, expected=expected, hint=hint)
        self.status = status
        self.kind = kind


class RoleLacking(ServerRefused):
    """The officer's roles do not include what was asked (our protocol §7.5).

    `asked`: method and path. The client has checked it against the verified roster.
    """

    asked: tuple[str, str] = ("", "")


class NoLongerOfficer(KeyturnError):
    """The newest roster, verified here, does not name this officer: the server lets nobody in.

    `index`: the log index since when, by the server's word alone; None when it does not say.
    """

    def __init__(self, officer: str, version: int, index: int | None) -> None:
        since = "" if index is None else f", log index {index}"
        super().__init__(
            f"You are no longer an officer of this authority (roster version {version}{since})",
            found=f"no officer {officer!r} in the newest roster",
            hint="What you saw before stays as you saw it. Another officer can propose a roster "
            "that names you again.",
        )
        self.version = version
        self.index = index


class ServerLied(UntrustedError):
    """The server claimed what its own proofs contradict."""


class AuthorityRolledBack(UntrustedError):
    """The server shows an older roster or `keys` statement than this profile has seen."""


class FileForged(UntrustedError):
    """A file, or what pictures held, is not genuine. Whoever carried it could have changed it: no
    word on the server.
    """


class AuthorityForked(UntrustedError):
    """Another roster or `keys` statement of a version that this station has seen (I5)."""


class HistoryRewritten(UntrustedError):
    """Two checkpoints, both signed by the log's key, that cannot be one history (I5).

    Keep both: together they prove it to anybody.
    """

    def __init__(self, message: str, *, kept: SignedCheckpoint, shown: SignedCheckpoint) -> None:
        super().__init__(
            message,
            found=_described(shown),
            expected=f"a log that extends {_described(kept)}",
            hint="Do not go on. Save both checkpoints and tell the other officers and witnesses.",
        )
        self.kept = kept
        self.shown = shown


class NotAtHand(KeyturnError):
    """An entry of the log that is proved, but not kept on this machine."""


class NotFound(KeyturnError):
    """Nothing is called so, or more than one thing is."""


class NotEntitled(KeyturnError):
    """The roster does not let this officer do that; the keyholder would refuse it."""


class CardUnreachable(UnreachableError):
    """No module, no card in the reader, or the card was taken out. Nothing was signed."""


class PinState(Enum):
    """What a card says of its user PIN; no card tells how many tries are left."""

    FINE = "fine"
    LOW = "low"
    """A wrong PIN was given since the last right one."""
    FINAL = "final try"
    LOCKED = "locked"


class CardPinRefused(UntrustedError):
    """The card refused the PIN, or would. It was given once at most, and is never given again."""

    def __init__(self, message: str, state: PinState, *, found: str = "", hint: str = "") -> None:
        super().__init__(message, found=found, expected="the card's user PIN", hint=hint)
        self.state = state
        """After the refusal."""


class CardUntrusted(UntrustedError):
    """The card, its module or its key is not as it must be, or signed something else."""


class CardRefused(KeyturnError):
    """The card answered, and its answer is no."""


class FileUnusable(KeyturnError):
    """A file cannot be read, or is there already and is not overwritten."""


def _described(signed: SignedCheckpoint) -> str:
    at = signed.checkpoint
    return f"{at.size} entries with root {at.root.hex()[:16]}"


class MalformedPart(MalformedError):
    """A picture, or the parts together, are not what a proposal travels as."""


class ForeignPart(MalformedError):
    """A part of another transfer is among the pictures."""

    def __init__(self, index: int, *, found: str, expected: str) -> None:
        super().__init__(
            f"part {index} belongs to another transfer",
            found=found,
            expected=expected,
            hint="Take it out: one proposal at a time.",
        )
        self.index = index


class PartsMissing(MalformedError):
    """Not all pictures are there yet. `missing` are the numbers of the others."""

    def __init__(self, missing: tuple[int, ...], count: int) -> None:
        super().__init__(
            "pictures are missing",
            found=f"{count - len(missing)} of {count} parts",
            expected=f"also {', '.join(map(str, missing))}",
        )
        self.missing = missing
        self.count = count
