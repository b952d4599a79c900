"""What executes ceremonies, as presenters see it: values, and one way to ask. No Qt in here.

What a host says is its word until a transcript, a plan's signature or the log proves it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from pathlib import Path
from typing import Protocol, TypeVar

from keyturn.base.errors import KeyturnError
from keyturn.ceremony.course import Course
from keyturn.ceremony.plan import Plan
from keyturn.ceremony.script import Part, ShareUse
from keyturn.ceremony.sharesets import ShareSheet
from keyturn.ceremony.steps import Word
from keyturn.client.ceremonybrought import Brought
from keyturn.officerkeys.signer import Signer
from keyturn.quorum.bundle import Authority

T = TypeVar("T")


class HostPlace(Enum):
    """Where a host is."""

    KEYHOLDER = "keyholder"  # the running one, reached through the server
    LOCAL = "local"  # the running one, by its own socket on this machine
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
    """`caution`: what its word is worth; empty where the authority's keys vouch for it.

    `authority`: as its log proves it, of the pinned one; None where nothing was read.
    """

    ceremonies: tuple[Held, ...]
    fingerprint: str
    caution: str = ""
    sealed: bool = False
    authority: Authority | None = None


@dataclass(frozen=True, slots=True)
class Box:
    """A share for its custodian; what is in it only its host's door opens, with their key."""

    officer: str
    use: str
    group: int
    member: int


@dataclass(frozen=True, slots=True)
class ToSign:
    """A statement that a step attaches, read as the keyholder reads it. `role`: propose, approve.

    `proposer`: whom it names as such; they sign it, the others approve.
    """

    kind: str
    role: str
    proposer: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class Count:
    """How far a long action is."""

    done: int
    total: int
    what: str


@dataclass(frozen=True, slots=True)
class Awaiting:
    """What a ceremony waits for, as far as it fits what was proved.

    `signed` and `entered` are (officer, part) and (use, officer), `unmet` of what enough shares
    must be there first, by the host's word.
    """

    step: str
    signed: tuple[tuple[str, str], ...] = ()
    boxes: tuple[Box, ...] = ()
    statements: tuple[ToSign, ...] = ()
    count: Count | None = None
    interrupted: bool = False
    unmet: tuple[ShareUse, ...] = ()
    entered: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Told:
    """A ceremony, every record proved; `handle` is the host's own, for what follows from it."""

    course: Course
    awaiting: Awaiting | None
    handle: object = None


@dataclass(frozen=True, slots=True)
class OwnShare:
    """A share that its custodian opened; to be wiped by whoever asked. `check`: read aloud.

    `sheet`: what stands around the words where they are printed; None: they are not.
    """

    words: bytearray = field(repr=False)
    check: str
    sheet: ShareSheet | None = None


@dataclass(frozen=True, slots=True)
class HostWords:
    """The words of a host's key that nothing signs, for a person to compare (§10.7).

    `told`: whether the host said the same to this app, which started it; else its own terminal
    shows them.
    """

    phrase: str
    told: bool = False


@dataclass(frozen=True, slots=True)
class StepWords:
    """What one officer signs of a step. `shares`: sealed; `unlocks`: they open a locked host."""

    part: Part
    entered: Mapping[str, str]
    shares: tuple[bytes, ...] = ()
    unlocks: bool = False


@dataclass(frozen=True, slots=True)
class SealedSeen:
    """A sealed keyholder, proved as far as it can be before a share goes there (§10.12).

    `missing`: the fewest shares that are still needed; `mine`: which share this officer has;
    `keepers`: (officer, which share) of all, in their order.
    """

    sealed: bool
    fingerprint: str = ""
    log_size: int = 0
    caveats: tuple[str, ...] = ()
    entered: tuple[str, ...] = ()
    missing: int = 0
    needed: str = ""
    mine: str = ""
    keepers: tuple[tuple[str, str], ...] = ()


class CeremonyHost(Protocol):
    """One host, blocking, away from the window's thread. Everything raises KeyturnError."""

    def look(self) -> HostSeen: ...

    def follow(self, ceremony: str) -> Told:
        """Everything of it, proved. Raises CeremonyRefused, MalformedError on what cannot be."""

    def open(self, plan: Plan, signer: Signer) -> str:
        """Sign the plan and begin its ceremony; gives its id."""

    def bring(self, brought: Brought) -> None:
        """Hand a keyholder the statement that lets a ceremony happen, with its quorum."""

    def put_restore(self, ceremony: str, brought: Brought) -> None:
        """Hand in the statement of a restore, which the log cannot say yet (§10.8)."""

    def put_file(self, ceremony: str, name: str, raw: bytes) -> None:
        """Hand in another file that a ceremony takes (§10.8)."""

    def file(self, ceremony: str, name: str) -> bytes | None:
        """A file as the host gives it, which proves nothing; None: it has none."""

    def sign(self, told: Told, signer: Signer, words: StepWords, now: datetime) -> None:
        """Statements that the step attaches are signed along."""

    def say(
        self, told: Told, part: Part, signer: Signer, now: datetime, word: Word, text: str
    ) -> None: ...

    def open_box(self, told: Told, box: Box, signer: Signer) -> OwnShare:
        """For its custodian alone, checked against the share set of the record."""

    def to_compare(self, told: Told) -> HostWords | None:
        """What a person must compare before a share goes to this host; None where its key is
        vouched for, or there is none yet that could. Raises KeyturnError: no share goes there."""

    def seal_share(
        self, told: Told, use: ShareUse, officer: str, words: bytearray, compared: str | None
    ) -> bytes:
        """A share, checked and sealed to this host's proved key; `compared`: its words, where a
        person at its machine compared them. Wipes `words`."""

    def sealed(self, officer: str, now: datetime) -> SealedSeen:
        """How a sealed keyholder stands for this officer. Raises KeyturnError where it is not
        proved: then no share goes there."""

    def unseal(self, signer: Signer, words: bytearray, now: datetime) -> SealedSeen:
        """Look once more, then seal this officer's share to it. Wipes `words`."""

    def close_token(self, signer: Signer, part: Part, why: str, now: datetime) -> None:
        """Seal a running keyholder: one signature, and no key is released any more."""

    def transcript(self, told: Told) -> bytes:
        """The transcript file, with receipts where there are any."""


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

    def minutes(self, transcript: bytes) -> bytes:
        """A transcript file as minutes in PDF. Slow; raises KeyturnError."""

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

    def pins(self) -> bool:
        """Whether this machine can be told its authority: nobody sits here who knows one."""

    def pin(
        self,
        bundle: Path,
        typed: str,
        *,
        done: Callable[[Authority], None],
        failed: Callable[[KeyturnError], None],
    ) -> None:
        """Learn the authority of a bundle's file, if its fingerprint is the one that was typed."""

    def close(self) -> None:
        """End what was started here."""
