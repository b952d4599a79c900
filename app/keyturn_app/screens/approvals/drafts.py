"""Proposals that are being written: what each says, and where it is kept until it is sent."""

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from keyturn.base.errors import MalformedError
from keyturn.base.strictjson import Fields, JsonObject, dump, load_object, parse_object
from keyturn.client.changes import body_of
from keyturn.client.examples import example
from keyturn.quorum.bodies import Admission, Body, Revocation, parse_body
from keyturn.quorum.ceremony_body import Restore
from keyturn.quorum.kinds import Kind
from keyturn.quorum.state import AuthorityState
from keyturn.quorum.statements import LONGEST_LIFE, SINGLE_SUBJECTS
from keyturn.quorum.texts import check_texts
from keyturn_app.settings import Preferences
from keyturn_app.statements.difference import pretty

MAX_BODY = 1 << 20
MAX_KEPT = 8 << 20


@dataclass(frozen=True, slots=True)
class Draft:
    """As typed: nothing in it has been checked. Texts only; it holds no secret."""

    kind: Kind
    subject: str
    text: str
    reason: str = ""
    ticket: str = ""
    days: str = "90"
    lapses_hours: int = 72

    @property
    def life(self) -> timedelta | None:
        """None unless it is a number of days that a statement may be in force."""
        if not (self.days.isascii() and self.days.isdigit()) or len(self.days) > 3:
            return None
        life = timedelta(days=int(self.days))
        return life if timedelta(0) < life <= LONGEST_LIFE else None

    @property
    def key(self) -> str:
        return f"{self.kind.value}:{self.subject}"


class Drafts:
    """Drafts by kind and subject. They outlive the app: one text for all of an authority's."""

    def __init__(self, preferences: Preferences, authority: str) -> None:
        self._preferences = preferences
        self._key = f"approvals.drafts.{authority.removeprefix('sha256:')[:16]}"

    def get(self, key: str) -> Draft | None:
        return next((each for each in self.all() if each.key == key), None)

    def put(self, draft: Draft) -> None:
        self._keep([*(each for each in self.all() if each.key != draft.key), draft])

    def drop(self, key: str) -> Draft | None:
        """Gives what was there, so that it can come back."""
        gone = self.get(key)
        if gone is not None:
            self._keep([each for each in self.all() if each.key != key])
        return gone

    def all(self) -> tuple[Draft, ...]:
        """What cannot be read is as if nothing had been written."""
        kept = self._preferences.get(self._key)
        if not kept:
            return ()
        try:
            document = parse_object(kept.encode(), limit=MAX_KEPT, what="drafts")
            return tuple(_read_draft(each) for each in document.objects("drafts", limit=200))
        except (MalformedError, UnicodeEncodeError):
            return ()

    def _keep(self, drafts: list[Draft]) -> None:
        written = [{**asdict(each), "kind": each.kind.value} for each in drafts[-200:]]
        self._preferences.set(self._key, dump({"drafts": written}).decode())


def _read_draft(fields: Fields) -> Draft:
    return Draft(
        fields.choice("kind", Kind),
        fields.text("subject", empty=True),
        fields.text("text", limit=MAX_BODY, empty=True),
        fields.text("reason", limit=MAX_BODY, empty=True),
        fields.text("ticket", empty=True),
        fields.text("days", limit=20, empty=True),
        fields.integer("lapses_hours", low=1, high=168),
    )


@dataclass(frozen=True, slots=True)
class Parsed:
    """What the text says, or why it says nothing. `body` None: `error` names the field."""

    body: JsonObject | None
    typed: Body | None
    error: str = ""
    found: str = ""
    expected: str = ""
    line: int = 0  # of the text, from 1; 0 where unknown


def parsed(draft: Draft) -> Parsed:
    """The body as the keyholder would read it: the same parser."""
    try:
        body = load_object(draft.text.encode("utf-8"), limit=MAX_BODY, what="body")
        check_texts(body, "body")
        typed = parse_body(draft.kind, Fields(body, draft.kind.value))
    except UnicodeEncodeError as error:
        return Parsed(None, None, f"body: {error.reason}")
    except MalformedError as error:
        line = line_of(draft.text, error.message)
        return Parsed(None, None, error.message, error.found, error.expected, line)
    return Parsed(body, typed)


def subject_of(draft: Draft, read: Parsed) -> str:
    """Some kinds have one subject, others' follows from the body; else as typed."""
    if isinstance(read.typed, Revocation):
        return read.typed.subject
    if isinstance(read.typed, Restore):
        return read.typed.kek
    if isinstance(read.typed, Admission):
        return read.typed.model
    return SINGLE_SUBJECTS.get(draft.kind, draft.subject.strip())


def started(kind: Kind, subject: str, state: AuthorityState, now: datetime) -> Draft:
    """From what is newest of the subject, or from an example that still has to be filled in."""
    newest = state.newest.get((kind, subject))
    if newest is None:
        body = example(kind, subject, state.roster, now)
    else:
        body = body_of(newest.statement)
        body.pop("compromised", None)  # said once, it holds for ever (our protocol §2.8)
    return Draft(kind, subject, "\n".join(pretty(body)))


def line_of(text: str, message: str) -> int:
    """The line of the field that an error names: its last name that stands in the text."""
    marker = "line "
    if " is not JSON: " in message and marker in message:
        digits = message.rpartition(marker)[2].split(" ")[0]
        return int(digits) if digits.isdigit() else 0
    lines = text.split("\n")
    for name in reversed(_names(message)):
        for place, line in enumerate(lines, 1):
            if f'"{name}"' in line:
                return place
    return 0


def _names(message: str) -> list[str]:
    words = message.replace("'", " ").replace(":", " ").replace(",", " ").split()
    return [each.partition("[")[0] for each in words]
