"""What the app knows, verified here: immutable values, each with the time at which it was true.

Made on the network thread by `live`, read by presenters. None means *not known yet*; it is never
shown as *nothing there*. Nothing in here is the server's bare word unless a field says so.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from pathlib import Path

from keyturn.base.encoding import Digest
from keyturn.client.cosigning import OwnCosigning, WitnessState
from keyturn.client.inventory import Model, Node
from keyturn.client.proposals import Proposal
from keyturn.quorum.bundle import Authority
from keyturn.quorum.kinds import Kind
from keyturn.quorum.roster import Roster
from keyturn.quorum.state import AuthorityState
from keyturn.tlog.checkpoints import SignedCheckpoint


class Link(Enum):
    """The connection as one sees it (I10)."""

    CONNECTING = "connecting"
    LIVE = "live"
    STALE = "stale"  # connected, but silent for longer than STALE_SECONDS
    RECONNECTING = "reconnecting"  # lost; tried again
    OFFLINE = "offline"  # not asked in this session: locked, or somebody else has the window
    STATION = "station"  # an officer station: there is no server, and nothing is ever asked
    REMOVED = "removed"  # the newest roster does not name this officer: the server lets nobody in
    DISTRUSTED = "distrusted"  # it lied, or rewrote history: nothing it says is shown as fact


STALE_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Reading:
    """How many entries of a log are read and proved, while there are many."""

    done: int
    total: int


@dataclass(frozen=True, slots=True)
class Connection:
    """`heard`: when the server last said what verified; `behind_ms`: of the newest event."""

    link: Link
    heard: datetime | None = None
    behind_ms: int | None = None
    events_per_second: float = 0.0
    failures: int = 0
    error: str = ""  # why not live: found, expected and what to do, for people
    reading: Reading | None = None


class AlarmKind(Enum):
    LIED = "lied"
    REWRITTEN = "history-rewritten"
    ROLLED_BACK = "rolled-back"
    INCONSISTENT = "log-inconsistent"
    OTHER_KEY = "other-key"  # its TLS key is not the pinned one: found and expected are both pins


@dataclass(frozen=True, slots=True)
class Alarm:
    """What the server was caught at. `saved`: files with the proof, both checkpoints among them."""

    kind: AlarmKind
    message: str
    found: str
    expected: str
    hint: str
    at: datetime
    saved: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True)
class Seen:
    """The log as verified up to `checkpoint`, and the authority that follows from it.

    Not all of `leaves` need be on this machine: see `keyturn.client.seen`. `told`: why what was
    kept of the log could not be used.
    """

    authority: Authority
    state: AuthorityState
    checkpoint: SignedCheckpoint
    leaves: Sequence[bytes]
    as_of: datetime
    told: str = ""

    @property
    def roster(self) -> Roster:
        """The roster in force; a verified log has one."""
        roster = self.state.roster
        return self.authority.roster if roster is None else roster


@dataclass(frozen=True, slots=True)
class Bundle:
    """All that a station knows: the newest bundle that reached it, verified.

    Whether its roster is in force stands in the log, which no station sees.
    """

    authority: Authority
    as_of: datetime

    @property
    def roster(self) -> Roster:
        return self.authority.roster

    @property
    def version(self) -> int:
        """Of its newest roster."""
        return self.authority.state.newest[(Kind.ROSTER, "roster")].statement.version


@dataclass(frozen=True, slots=True)
class Proposals:
    """`gone`: of `all`, those that the server listed before and lists no more, still undecided."""

    all: tuple[Proposal, ...]
    as_of: datetime
    gone: frozenset[Digest] = frozenset()


@dataclass(frozen=True, slots=True)
class Models:
    all: tuple[Model, ...]
    as_of: datetime


@dataclass(frozen=True, slots=True)
class Nodes:
    """`changed`: names that differ from the last `Nodes` by more than age; None: all of them."""

    all: tuple[Node, ...]
    as_of: datetime
    changed: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Witnesses:
    """Who cosigned the log, verified; `state` None: the server does not say.

    `own` None: this app was not asked to cosign, or `fault` says why it cannot. Both are of
    `as_of`: whether a cosignature is fresh, the clock of now decides.
    """

    state: WitnessState | None
    own: OwnCosigning | None
    fault: str
    as_of: datetime


@dataclass(frozen=True, slots=True)
class Happening:
    """One event of the server's stream: display data, never proof."""

    id: int
    kind: str
    data: dict[str, object]
    at: datetime


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything known now. `happenings`: the newest few hundred, oldest first.

    `denied`: what the officer's roles do not include (`proposals`, `models`, `nodes`), and what
    the server said of it. Then it is None, and never will be known.
    """

    connection: Connection = field(default_factory=lambda: Connection(Link.CONNECTING))
    seen: Seen | None = None
    proposals: Proposals | None = None
    models: Models | None = None
    nodes: Nodes | None = None
    witnesses: Witnesses | None = None
    happenings: tuple[Happening, ...] = ()
    alarms: tuple[Alarm, ...] = ()
    bundle: Bundle | None = None  # at a station alone, in the place of all the others
    denied: Mapping[str, str] = field(default_factory=dict)
    sealed: bool | None = None
    """Whether the keyholder waits for its custodians: the server's word. None: it does not know."""

    @property
    def simulated(self) -> bool:
        known = self.seen or self.bundle
        return known is not None and known.roster.simulation

    @property
    def trusted(self) -> bool:
        """Whether what is known may be shown as fact."""
        return self.connection.link is not Link.DISTRUSTED
