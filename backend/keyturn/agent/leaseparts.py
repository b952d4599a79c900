"""The words of a lease: what can happen, what is to be done, how things stand. Values only.

The transitions between them are `lease`'s. Times are seconds of a clock that runs in suspend.
"""

from dataclasses import dataclass
from enum import Enum
from typing import NewType

from keyturn.keyrelease.binding import Purpose

LeaseId = NewType("LeaseId", str)
"""32 hex digits."""


class EndReason(Enum):
    """Why a node wiped."""

    STOPPED = "stopped"
    REVOKED = "revoked"
    LEASE_ENDED = "lease-ended"
    REFUSED = "refused"
    RENEWAL_REFUSED = "renewal-refused"
    CHECK_FAILED = "check-failed"
    OPEN_FAILED = "open-failed"
    CLOCK_JUMPED = "clock-jumped"
    CRASHED = "crashed"


# ---- events ----


@dataclass(frozen=True, slots=True)
class Start:
    """Begin."""


@dataclass(frozen=True, slots=True)
class ChallengeReceived:
    """`sent_at`: when the request for it was sent; the lease counts from here."""

    challenge: bytes
    sent_at: float


@dataclass(frozen=True, slots=True)
class EvidenceCollected:
    """The devices have signed. What they signed stays with the driver."""


@dataclass(frozen=True, slots=True)
class Granted:
    """An answer that passed every check of our protocol §5.6."""

    lease: LeaseId
    seconds: int


@dataclass(frozen=True, slots=True)
class Refused:
    """The keyholder said no."""


@dataclass(frozen=True, slots=True)
class CheckFailed:
    """Something that should prove itself did not."""


@dataclass(frozen=True, slots=True)
class ControlLost:
    """Nobody answered, so nothing is known; asking again is allowed."""


@dataclass(frozen=True, slots=True)
class Opened:
    """The model lies open in memory and its engine is ready."""


@dataclass(frozen=True, slots=True)
class OpenFailed:
    """The sealed model did not open, or cannot be run."""


@dataclass(frozen=True, slots=True)
class RevocationReceived:
    """A revocation that names this node, its quorum and receipt verified."""


@dataclass(frozen=True, slots=True)
class RenewalWanted:
    """Something changed that may concern this node: prove anew now, not at half of the lease."""


@dataclass(frozen=True, slots=True)
class Tick:
    """Time has passed."""


@dataclass(frozen=True, slots=True)
class Stop:
    """The operator wants the node to end; `crashed` when it is a bug that wants it."""

    crashed: bool = False


@dataclass(frozen=True, slots=True)
class WipeDone:
    milliseconds: int


Event = (
    Start
    | ChallengeReceived
    | EvidenceCollected
    | Granted
    | Refused
    | CheckFailed
    | ControlLost
    | Opened
    | OpenFailed
    | RevocationReceived
    | RenewalWanted
    | Tick
    | Stop
    | WipeDone
)


# ---- commands ----


@dataclass(frozen=True, slots=True)
class AskChallenge:
    purpose: Purpose


@dataclass(frozen=True, slots=True)
class CollectEvidence:
    """Make the keys that this purpose needs and let every device quote. `lease`: to renew."""

    purpose: Purpose
    challenge: bytes
    lease: LeaseId | None


@dataclass(frozen=True, slots=True)
class Ask:
    """Send the request, check the answer."""

    purpose: Purpose


@dataclass(frozen=True, slots=True)
class Open:
    """Open the sealed model into memory and load it."""


@dataclass(frozen=True, slots=True)
class Serve:
    """Answer requests that come before `until`."""

    until: float


@dataclass(frozen=True, slots=True)
class Extend:
    """The lease now ends at `until`."""

    until: float


@dataclass(frozen=True, slots=True)
class StopServing:
    reason: EndReason


@dataclass(frozen=True, slots=True)
class Wipe:
    """Zeroise weights and keys, then send WipeDone."""

    reason: EndReason


@dataclass(frozen=True, slots=True)
class Report:
    """Say that the node is wiped, and end. `milliseconds`: None when the wipe itself crashed."""

    reason: EndReason
    milliseconds: int | None


Command = AskChallenge | CollectEvidence | Ask | Open | Serve | Extend | StopServing | Wipe | Report


# ---- states ----


@dataclass(frozen=True, slots=True)
class Waiting:
    """No exchange is under way; the next begins at `until`. `failures` in a row so far."""

    until: float
    failures: int = 0


class Step(Enum):
    CHALLENGE = "challenge"
    EVIDENCE = "evidence"
    ANSWER = "answer"


@dataclass(frozen=True, slots=True)
class InFlight:
    """An exchange waits for the outcome of one step. `sent_at` is known after the first.

    `again`: a renewal was wanted meanwhile, so this one's answer may be older than the reason.
    """

    step: Step
    sent_at: float
    failures: int
    again: bool = False


Exchange = Waiting | InFlight


@dataclass(frozen=True, slots=True)
class Lease:
    id: LeaseId
    ends_at: float


@dataclass(frozen=True, slots=True)
class Starting:
    name = "starting"


@dataclass(frozen=True, slots=True)
class Attesting:
    exchange: Exchange
    name = "attesting"


@dataclass(frozen=True, slots=True)
class Opening:
    lease: Lease
    exchange: Exchange
    name = "opening"


@dataclass(frozen=True, slots=True)
class Serving:
    lease: Lease
    exchange: Exchange
    name = "serving"


@dataclass(frozen=True, slots=True)
class Wiping:
    reason: EndReason
    name = "wiping"


@dataclass(frozen=True, slots=True)
class Wiped:
    reason: EndReason
    name = "wiped"


State = Starting | Attesting | Opening | Serving | Wiping | Wiped
