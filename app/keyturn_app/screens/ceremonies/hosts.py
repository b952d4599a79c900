"""What executes ceremonies, as presenters see it: values, and one way to ask. No Qt in here.

What a host says is its word until a transcript, a plan's signature or the log proves it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Protocol, TypeVar

from keyturn.base.encoding import Digest
from keyturn.base.errors import KeyturnError
from keyturn.officerkeys.signer import Signer

T = TypeVar("T")


class HostPlace(Enum):
    """Where a host is."""

    KEYHOLDER = "keyholder"  # the running one, reached through the server
    MACHINE = "machine"  # a process of its own on this machine


class RunState(Enum):
    RUNNING = "running"
    INTERRUPTED = "interrupted"
    DONE = "done"
    ABORTED = "aborted"


@dataclass(frozen=True, slots=True)
class Held:
    """A ceremony in a host's list. `opened` as the host wrote it, RFC 3339."""

    ceremony: str
    kind: str
    rehearsal: bool
    state: RunState
    step: str | None
    seq: int
    opened: str


@dataclass(frozen=True, slots=True)
class HostSeen:
    """`caution`: what its word is worth; empty where the authority's keys vouch for it."""

    ceremonies: tuple[Held, ...]
    fingerprint: str
    caution: str = ""
    sealed: bool = False


@dataclass(frozen=True, slots=True)
class Box:
    """A share, sealed to its custodian."""

    officer: str
    use: str
    group: int
    member: int
    box: bytes


@dataclass(frozen=True, slots=True)
class ToSign:
    """A statement that a step attaches. `role`: propose or approve."""

    kind: str
    role: str
    payload_type: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class Count:
    """How far a long action is."""

    done: int
    total: int
    what: str


@dataclass(frozen=True, slots=True)
class Awaiting:
    """What a ceremony waits for. `signed` and `entered` are (officer, part) and (use, officer)."""

    step: str
    seq: int
    previous: Digest
    signed: tuple[tuple[str, str], ...] = ()
    boxes: tuple[Box, ...] = ()
    statements: tuple[ToSign, ...] = ()
    count: Count | None = None
    interrupted: bool = False
    locked: bool = False
    entered: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class News:
    """Records from the asked seq on, and what it waits for now (None: it is over)."""

    records: tuple[bytes, ...]
    seq: int
    awaiting: Awaiting | None


@dataclass(frozen=True, slots=True)
class ShareSpot:
    """Which share, in which ceremony: what a box and an entered share are bound to."""

    ceremony: str
    plan: Digest
    previous: Digest
    use: str
    officer: str


class CeremonyHost(Protocol):
    """One host, blocking, away from the window's thread. Everything raises KeyturnError."""

    def look(self) -> HostSeen: ...

    def news(self, ceremony: str, since: int) -> News: ...

    def open(self, plan: bytes) -> str:
        """Begin the ceremony of this signed plan; gives its id."""

    def sign(self, ceremony: str, envelope: bytes, attached: tuple[bytes, ...]) -> None: ...

    def say(self, ceremony: str, envelope: bytes) -> None: ...

    def file(self, ceremony: str, name: str) -> bytes: ...

    def put(self, ceremony: str, name: str, data: bytes) -> Digest: ...

    def open_box(self, signer: Signer, box: Box, spot: ShareSpot) -> bytearray:
        """The words of a share, for its custodian alone; to be wiped by whoever asked."""

    def seal_share(self, words: bytearray, spot: ShareSpot) -> bytes:
        """An entered share, sealed to this host's proved key. Wipes `words`."""


class CeremonyDoor(Protocol):
    """One host, asked away from the window's thread; answers come on it, in order."""

    @property
    def id(self) -> str: ...

    @property
    def place(self) -> HostPlace: ...

    @property
    def title(self) -> str: ...

    def ask(
        self,
        work: Callable[[CeremonyHost], T],
        *,
        done: Callable[[T], None],
        failed: Callable[[KeyturnError], None],
    ) -> Callable[[], None]:
        """Gives the call that drops the answer."""


class Stage(Protocol):
    """Where ceremonies are held: the hosts that are known now, and how to have one more."""

    def doors(self) -> tuple[CeremonyDoor, ...]: ...

    def own_signer(self) -> Signer | None:
        """The key that is open in this app: its officer signs without being asked again."""

    def why_no_host(self) -> str:
        """Why no host can be started on this machine; empty when one can."""

    def start(
        self,
        directory: Path | None,
        *,
        rehearsal: bool,
        done: Callable[[CeremonyDoor], None],
        failed: Callable[[KeyturnError], None],
    ) -> None:
        """Start a host process here. `directory` None: a throw-away one, for a rehearsal."""

    def join(
        self,
        socket: Path,
        *,
        done: Callable[[CeremonyDoor], None],
        failed: Callable[[KeyturnError], None],
    ) -> None:
        """Take part at a host that runs on this machine already."""

    def close(self) -> None:
        """End what was started here."""
