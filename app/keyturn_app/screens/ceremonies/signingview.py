"""The sheet in which one officer signs a step, as it is shown. No Qt, and no word of a share that
is masked.
"""

from dataclasses import dataclass
from enum import Enum

from keyturn.base.encoding import Digest
from keyturn.ceremony.script import EnteredKind
from keyturn.ceremony.sharewords import EntryState, Feedback, WordState
from keyturn_app.i18n import _
from keyturn_app.screens.ceremonies.phrasing import is_phrase
from keyturn_app.screens.ceremonies.sheeting import SheetView

SHOWN_SECONDS = 60
"""How long a share stays readable."""


class Page(Enum):
    KEY = "key"
    COMPARE = "compare"  # the host's words, where nothing signs its key
    ALONE = "alone"
    SHOW = "show"
    ENTER = "enter"
    FORM = "form"


class KeyPlace(Enum):
    FILE = "file"
    KEYRING = "keyring"
    CARD = "card"
    OPEN = "open"  # the key that is open in this app


@dataclass(frozen=True, slots=True)
class KeyView:
    """`places` in the order of the choice; `why_not` why a place cannot be taken here."""

    places: tuple[tuple[KeyPlace, str, str], ...]
    place: KeyPlace
    text: str
    text_title: str
    secret_title: str  # empty: none is asked for


@dataclass(frozen=True, slots=True)
class ShareView:
    """`words` only while they are shown; `count` always."""

    title: str
    count: int
    words: tuple[str, ...]
    shown: bool
    seconds: int
    seen: bool
    check: str = ""
    """8 hex digits by which it is told from every other; may be read aloud."""


@dataclass(frozen=True, slots=True)
class EntryView:
    title: str
    count: int


@dataclass(frozen=True, slots=True)
class FieldView:
    """`problem`: why what is typed will not do; empty while it will, or nothing is typed."""

    name: str
    kind: EnteredKind
    label: str
    value: str
    required: bool
    problem: str
    good: bool


@dataclass(frozen=True, slots=True)
class StatementLine:
    title: str
    digest: str
    text: str


@dataclass(frozen=True, slots=True)
class SignView:
    page: Page
    title: str
    step: str
    place: str  # like "1 of 3"
    says: str
    key: KeyView | None = None
    share: ShareView | None = None
    sheet: SheetView | None = None
    entry: EntryView | None = None
    host_words: tuple[str, ...] = ()
    fields: tuple[FieldView, ...] = ()
    statements: tuple[StatementLine, ...] = ()
    signs: tuple[tuple[str, str, bool], ...] = ()
    next_text: str = ""
    why_not: str = ""
    can_back: bool = False
    busy: str = ""
    error: str = ""


def field_view(
    name: str, kind: EnteredKind, label: str, value: str, *, required: bool, previous: Digest
) -> FieldView:
    """A phrase is compared at once: whoever mishears it hears it again."""
    problem, good = "", bool(value.strip())
    if kind is EnteredKind.CONFIRM:
        good = value == "yes"
    elif kind is EnteredKind.PHRASE and value.strip():
        words = value.split()
        if is_phrase(value, previous):
            good = True
        else:
            good = False
            if len(words) >= 8:
                problem = _("That is not the phrase of this record. Have it read again.")
    return FieldView(name, kind, label, value, required, problem, good)


def entry_text(found: Feedback) -> tuple[str, str]:
    """(what is said of the words so far, its colour token)."""
    if found.state is EntryState.RIGHT:
        return _("All {count} words are there, and the checksum fits.").format(
            count=found.expected
        ), "ok"
    if found.state is EntryState.UNKNOWN_WORD:
        text = _("Word {place} is not in the list of share words.")
        return text.format(place=found.place), "danger"
    if found.state is EntryState.WRONG:
        return _(
            "The checksum does not fit: a word is wrong, or two are swapped. Compare each with "
            "the sheet."
        ), "danger"
    if found.state is EntryState.TOO_MANY:
        return _("That is more than {count} words.").format(count=found.expected), "danger"
    text = _("{have} of {count} words")
    return text.format(have=found.have, count=found.expected), "text2"


def word_token(state: WordState) -> str:
    return {
        WordState.EMPTY: "",
        WordState.BEGUN: "",
        WordState.KNOWN: "ok",
        WordState.UNKNOWN: "error",
    }[state]
