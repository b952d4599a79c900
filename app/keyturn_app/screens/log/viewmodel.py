"""What the log page shows, as frozen values. No Qt; nothing is decided by whoever shows it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum

from keyturn.base.encoding import Digest
from keyturn_app.screens.log.proofsteps import Path as ProofPath
from keyturn_app.screens.log.words import Row
from keyturn_app.states import Look
from keyturn_app.witnessing import WitnessesView


class Section(Enum):
    """The page's parts, one in front at a time."""

    ENTRIES = "entries"
    CHECKPOINTS = "checkpoints"
    WITNESSES = "witnesses"
    ALARM = "alarm"


@dataclass(frozen=True, slots=True)
class Tile:
    """`look` gives icon and colour; `figure` is what is read first."""

    id: str
    label: str
    figure: str
    note: str
    look: Look


@dataclass(frozen=True, slots=True)
class Empty:
    """What is shown instead of rows."""

    icon: str
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Chip:
    """A kind of entry to filter by."""

    id: str
    text: str
    icon: str
    count: int
    checked: bool


@dataclass(frozen=True, slots=True)
class Span:
    """A choice of how far back."""

    id: str
    text: str
    seconds: int


@dataclass(frozen=True, slots=True)
class FilterBar:
    chips: tuple[Chip, ...]
    line: str
    error: str
    spans: tuple[Span, ...]
    span: str
    summary: str  # how many of how many
    busy: str  # how far the index is, or empty
    older: str = ""  # to load older entries by, where not all are looked at


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """The table's rows, newest first; `at` parses the one that is asked for.

    `places` is the row → index of the log; two `Rows` of one `era` differ only by new rows on top.
    """

    count: int
    era: int
    index_of: Callable[[int], int]
    at: Callable[[int], Row]
    row_of: Callable[[int], int | None]


@dataclass(frozen=True, slots=True)
class Fact:
    """A field of an entry in words; `full` is what is copied where the value is a digest."""

    name: str
    value: str
    mono: bool = False


@dataclass(frozen=True, slots=True)
class Named:
    """An object or subject that an entry names. `page` empty: it can only be copied."""

    label: str
    value: str
    page: str = ""
    target: str = ""


@dataclass(frozen=True, slots=True)
class Proof:
    """The inclusion proof that was checked here. `path` None: not checked, and `text` says why."""

    look: Look
    text: str
    path: ProofPath | None = None
    spoken: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Detail:
    """One entry, all of it."""

    index: int
    look: Look
    title: str
    time: str
    sentence: str
    facts: tuple[Fact, ...]
    named: tuple[Named, ...]
    leaf_hash: str
    pretty: str
    exact: str
    proof: Proof
    checkpoint: tuple[Fact, ...]
    receipt: Look
    receipt_text: str


@dataclass(frozen=True, slots=True)
class CheckpointRow:
    time: str
    size: str
    root: str
    full_root: str
    look: Look


@dataclass(frozen=True, slots=True)
class Checkpoints:
    """`verdict` and its text: whether all that was seen is one history."""

    verdict: Look
    text: str
    checked: str
    rows: tuple[CheckpointRow, ...]
    newest: tuple[Fact, ...]
    witness: Look
    witness_text: str
    busy: bool
    limit: str


@dataclass(frozen=True, slots=True)
class AlarmSide:
    """One of two checkpoints that cannot be one history."""

    title: str
    facts: tuple[Fact, ...]
    signature: Look


@dataclass(frozen=True, slots=True)
class AlarmView:
    title: str
    text: str
    at: str
    found: str
    expected: str
    sides: tuple[AlarmSide, ...]
    meaning: tuple[str, ...]
    advice: tuple[str, ...]
    saved: tuple[str, ...]
    can_export: bool
    number: int = 1
    of: int = 1


@dataclass(frozen=True, slots=True)
class Work:
    """Something long: `fraction` None when nobody knows how long."""

    text: str
    fraction: float | None


@dataclass(frozen=True, slots=True)
class WhyNot:
    """Reasons, empty where the action can be done now."""

    export: str = ""
    verify: str = ""
    check: str = ""
    entry: str = ""  # whatever needs a chosen entry
    proof: str = ""
    receipt: str = ""
    propose: str = ""  # this app as a witness
    older: str = ""


@dataclass(frozen=True, slots=True)
class LogView:
    """The whole page."""

    section: Section
    sections: tuple[tuple[Section, str], ...]
    tiles: tuple[Tile, ...]
    filter: FilterBar
    known: bool  # whether there is a log to filter
    rows: Rows
    empty: Empty | None
    selected: int | None
    detail: Detail | None
    checkpoints: Checkpoints
    witnesses: WitnessesView
    alarm: AlarmView | None
    work: Work | None
    why_not: WhyNot = field(default_factory=WhyNot)


def statement_target(digest: Digest, label: str) -> Named:
    """A statement is opened where it was decided."""
    return Named(label, digest, "approvals", digest)
