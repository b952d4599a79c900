"""The command palette: every action, and everything that has a name, found as one types.

Presenter and view-model; no Qt in here.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum

from keyturn_app import wording
from keyturn_app.actions import Action, Actions
from keyturn_app.desk import Desk
from keyturn_app.facts import Facts
from keyturn_app.i18n import _
from keyturn_app.presenting import Presenter
from keyturn_app.states import node_look, status_look

MOST = 40
_PER_KIND = 12
_SHORTEST_DIGEST = 4


class Kind(Enum):
    ACTION = "action"
    NODE = "node"
    MODEL = "model"
    PROPOSAL = "proposal"


@dataclass(frozen=True, slots=True)
class Row:
    """One line. `why_not` says why it cannot be done now; empty when it can."""

    kind: Kind
    key: str  # the action's id, or where to go
    text: str
    detail: str
    icon: str
    shortcut: str = ""
    why_not: str = ""
    page: str = ""

    @property
    def spoken(self) -> str:
        """For a screen reader."""
        return ", ".join(
            each for each in (self.text, self.detail, self.shortcut, self.why_not) if each
        )


@dataclass(frozen=True, slots=True)
class PaletteView:
    """`at` is the chosen row, -1 without rows. `said`: why there are none, or what failed."""

    query: str
    rows: tuple[Row, ...]
    at: int
    said: str


class PalettePresenter(Presenter[PaletteView]):
    """`run` gives the reason where an action cannot be run; `go` opens a page at a target."""

    def __init__(
        self,
        actions: Actions,
        desk: Desk,
        *,
        run: Callable[[str], str],
        go: Callable[[str, str], None],
        page: Callable[[], str],
        pages: frozenset[str],
    ) -> None:
        super().__init__()
        self._actions, self._desk = actions, desk
        self._run, self._go = run, go
        self._page, self._pages = page, pages
        self._query = ""
        self._at = 0
        self._said = ""
        self._rows = self._found()

    def view(self) -> PaletteView:
        said = self._said or ("" if self._rows else _("Nothing is called so."))
        return PaletteView(self._query, self._rows, self._at if self._rows else -1, said)

    def search(self, query: str) -> None:
        self._query, self._at, self._said = query, 0, ""
        self._rows = self._found()
        self.changed()

    def move(self, by: int) -> None:
        """Up and down, round the ends."""
        if self._rows:
            self._at, self._said = (self._at + by) % len(self._rows), ""
            self.changed()

    def choose(self, at: int) -> None:
        if 0 <= at < len(self._rows):
            self._at, self._said = at, ""
            self.changed()

    def enter(self) -> bool:
        """Do what the chosen row says. False: it could not be done, and the view says why."""
        if not self._rows:
            return False
        row = self._rows[self._at]
        if row.kind is not Kind.ACTION:
            self._go(row.page, row.key)
            return True
        self._said = row.why_not or self._run(row.key)
        if self._said:
            self.changed()
        return not self._said

    def _found(self) -> tuple[Row, ...]:
        query = self._query.strip()
        ranked = [(score(query, each.text), each) for each in self._actions if self._here(each)]
        fitting = [(points, each) for points, each in ranked if points is not None]
        found = [(points, _action_row(each)) for points, each in fitting]
        found.sort(key=lambda pair: (not query and bool(pair[1].why_not), -pair[0], pair[1].text))
        rows = [each for _points, each in found]
        places = [each for each in places_of(self._desk.facts, query) if each.page in self._pages]
        exact = [each for each in places if each.text.casefold() == query.casefold()]
        others = [each for each in places if each not in exact]
        return tuple([*exact, *rows, *others][:MOST])

    def _here(self, action: Action) -> bool:
        return action.page in ("", self._page()) and action.id != "palette.open"


def score(query: str, text: str) -> int | None:
    """How well `query` fits: its letters in order, best at words' starts; None: not at all."""
    if not query:
        return 0
    small, low = query.casefold(), text.casefold()
    at = low.find(small)
    if at >= 0:
        return 1000 - at + (500 if _starts_word(low, at) else 0) + (300 if at == 0 else 0)
    points, place = 0, -1
    for letter in small.replace(" ", ""):
        found = _next(low, letter, place + 1)
        if found < 0:
            return None
        points += 20 if _starts_word(low, found) else 10 if found == place + 1 else 1
        place = found
    return points


def _next(text: str, letter: str, start: int) -> int:
    """The letter's next place: at a word's start if there is one, except right after the last."""
    plain = text.find(letter, start)
    if plain in (-1, start):
        return plain
    word = text.find(" " + letter, start)
    return word + 1 if word >= 0 else plain


def _starts_word(text: str, at: int) -> bool:
    return at == 0 or not text[at - 1].isalnum()


def _action_row(action: Action) -> Row:
    return Row(
        Kind.ACTION,
        action.id,
        action.text,
        "",
        action.icon or "terminal",
        action.shortcut,
        action.why_not(),
        action.page,
    )


def places_of(facts: Facts, query: str) -> Iterator[Row]:
    """Nodes and models by name, models and proposals by the beginning of their digest.

    Nothing of a server that is not believed.
    """
    if len(query) < 2 or not facts.trusted:
        return
    low = query.casefold()
    digits = low.removeprefix("sha256:").replace(" ", "")
    by_digest = len(digits) >= _SHORTEST_DIGEST and all(c in "0123456789abcdef" for c in digits)

    def hit(digest: str) -> bool:
        return by_digest and digest.rpartition(":")[2].startswith(digits)

    yield from _first(_nodes(facts, low))
    yield from _first(_models(facts, low, hit))
    yield from _first(_proposals(facts, low, hit))


def _first(rows: Iterator[Row]) -> Iterator[Row]:
    for _at, each in zip(range(_PER_KIND), rows, strict=False):
        yield each


def _nodes(facts: Facts, low: str) -> Iterator[Row]:
    for node in facts.nodes.all if facts.nodes else ():
        if low in node.name.casefold():
            look = node_look(node.state)
            yield Row(Kind.NODE, node.name, node.name, look.word, look.icon, page="fleet")


def _models(facts: Facts, low: str, hit: Callable[[str], bool]) -> Iterator[Row]:
    for model in facts.models.all if facts.models else ():
        name = f"{model.name} {model.version}"
        if low in name.casefold() or low in model.model_id.casefold() or hit(model.digest):
            short = wording.digest(model.digest)
            yield Row(Kind.MODEL, model.digest, name, short, "box", page="models")


def _proposals(facts: Facts, low: str, hit: Callable[[str], bool]) -> Iterator[Row]:
    for proposal in facts.proposals.all if facts.proposals else ():
        statement = proposal.statement
        name = f"{statement.kind.value} {wording.digest(statement.subject)}"
        if low in f"{statement.kind.value} {statement.subject}".casefold() or hit(proposal.digest):
            look = status_look(proposal.status)
            detail = f"{look.word} · {wording.digest(proposal.digest)}"
            yield Row(Kind.PROPOSAL, proposal.digest, name, detail, "stamp", page="approvals")
