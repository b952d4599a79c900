"""What the evidence viewer's trees are made of: branches with cells, and what stands behind each.

Values only; whoever shows them decides nothing. No Qt.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from keyturn.base.strictjson import Json


@dataclass(frozen=True, slots=True)
class Detail:
    """A named value of a branch, whole; `mono` for digits."""

    label: str
    value: str
    mono: bool = False


@dataclass(frozen=True, slots=True)
class Bytes:
    """Bytes behind a branch; `start` and `end` are those of it within them."""

    raw: bytes = field(repr=False)
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Branch:
    """`key` is its place among all of a tab's, stable while the evidence is the same.

    `icon` and `token` repeat what a cell says in words. `document` is what is copied as JSON.
    """

    key: str
    cells: tuple[str, ...]
    icon: str = ""
    token: str = ""
    details: tuple[Detail, ...] = ()
    data: Bytes | None = None
    children: tuple["Branch", ...] = ()
    document: Json = None
    open: bool = True

    @property
    def spoken(self) -> str:
        return ", ".join(each for each in self.cells if each)


def every(branches: Iterable[Branch]) -> Iterator[Branch]:
    """Each branch and all below it, as they stand."""
    for each in branches:
        yield each
        yield from every(each.children)


def found(branches: Iterable[Branch], query: str) -> tuple[Branch, ...]:
    """Those that have every word of `query` somewhere, with the way to them; all for an empty one.

    A branch that has them itself keeps all that is below it.
    """
    words = query.lower().split()
    if not words:
        return tuple(branches)
    return tuple(kept for each in branches if (kept := _kept(each, words)) is not None)


def _kept(branch: Branch, words: list[str]) -> Branch | None:
    text = " ".join((*branch.cells, *(each.value for each in branch.details))).lower()
    if all(word in text for word in words):
        return branch
    below = tuple(kept for each in branch.children if (kept := _kept(each, words)) is not None)
    return replace(branch, children=below, open=True) if below else None
