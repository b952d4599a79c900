"""The wizard as it is shown: frozen values. No Qt in here."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from keyturn.ceremony.script import Part
from keyturn_app.screens.ceremonies.words import Made
from keyturn_app.states import Look


class Phase(Enum):
    """What the ceremony is at, and with it what can be done."""

    LOADING = "loading"
    SIGNING = "signing"
    WORKING = "working"
    STEP_DONE = "step-done"
    INTERRUPTED = "interrupted"
    LOCKED = "locked"  # shares open the token again, before the step goes on
    BROKEN = "broken"
    OVER = "over"
    ABORTED = "aborted"


@dataclass(frozen=True, slots=True)
class StepLine:
    """`state`: done, current, failed or to-come."""

    id: str
    number: int
    title: str
    text: str
    state: str


@dataclass(frozen=True, slots=True)
class Ring:
    """`filled` of `segments`; `figure` is said in its middle."""

    segments: int
    filled: int
    figure: str
    word: str


@dataclass(frozen=True, slots=True)
class PersonRow:
    """One who signs this step. `why_not`: why the button cannot be pressed; no `action`: none."""

    officer: str
    part: Part
    name: str
    initials: str
    parts: str
    share: str
    look: Look
    note: str
    action: str
    why_not: str
    current: bool


@dataclass(frozen=True, slots=True)
class Progress:
    text: str
    fraction: float


@dataclass(frozen=True, slots=True)
class Trouble:
    """What did not work: found, expected and what to do."""

    title: str
    found: str
    expected: str
    hint: str


@dataclass(frozen=True, slots=True)
class RecordLine:
    """One record in the transcript pane. `tone`: a colour token of its head."""

    time: str
    head: str
    lines: tuple[str, ...]
    digest: str
    tone: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a stranger finds in the transcript file. `holds`: None while nobody could look."""

    text: str
    holds: bool | None


@dataclass(frozen=True, slots=True)
class Ended:
    """What is left when it is over. `state` is good only when the transcript was verified.

    `why_no_minutes`: nothing that looks like minutes is made of what does not hold.
    """

    title: str
    text: str
    state: Look
    verdict: str
    files: tuple[str, ...]
    bad: bool = False
    why_no_minutes: str = ""


@dataclass(frozen=True, slots=True)
class HandIn:
    """A file that the ceremony waits for. `button` empty: it is there. `done`: nothing is needed
    any more."""

    text: str
    button: str
    why_not: str = ""
    done: bool = False
    title: str = ""


@dataclass(frozen=True, slots=True)
class Given:
    """A file that the host gives: `name` is its own. `now`: this step needs it."""

    name: str
    title: str
    text: str
    now: bool = False


@dataclass(frozen=True, slots=True)
class WizardView:
    phase: Phase
    title: str
    rehearsal: bool
    ceremony: str = ""
    steps: tuple[StepLine, ...] = ()
    ring: Ring | None = None
    over_line: str = ""
    headline: str = ""
    says: str = ""
    chips: tuple[Look, ...] = ()
    cautions: tuple[str, ...] = ()
    people_title: str = ""
    people: tuple[PersonRow, ...] = ()
    made: Made | None = None
    progress: Progress | None = None
    outcome: tuple[tuple[str, str], ...] = ()
    phrase: str = ""
    trouble: Trouble | None = None
    transcript: tuple[RecordLine, ...] = ()
    chain: Look | None = None
    script: tuple[tuple[str, str, bool], ...] = ()
    next_text: str = ""
    next_why_not: str = ""
    why_not_abort: str = ""
    why_not_say: str = ""
    resume: bool = False
    ended: Ended | None = None
    error: str = ""
    hand_in: HandIn | None = None
    bring: HandIn | None = None
    given: tuple[Given, ...] = ()


@dataclass(frozen=True, slots=True)
class Around:
    """What the wizard needs beside the records. `own`: who sits here; empty: a shared desk."""

    now: datetime
    names: Mapping[str, str]
    own: str = ""
    models: int | None = None
    shown_step: int | None = None
    caution: str = ""
    error: str = ""
    busy: bool = False
    verdict: Verdict | None = None
    files: tuple[str, ...] = ()
