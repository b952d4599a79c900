"""Two baselines, or a baseline and a node, as rows that say what differs. No Qt in here."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from keyturn.policy.comparing import Row
from keyturn_app import wording
from keyturn_app.i18n import _


class Change(Enum):
    """`sign` stands before a row, `word` beside it: tint only repeats them."""

    SAME = "same"
    ADDED = "added"
    REMOVED = "removed"
    DIFFERS = "differs"

    @property
    def sign(self) -> str:
        return {"same": "=", "added": "+", "removed": "−", "differs": "≠"}[self.value]

    @property
    def token(self) -> str:
        return {"same": "text2", "added": "added", "removed": "removed", "differs": "stale"}[
            self.value
        ]


@dataclass(frozen=True, slots=True)
class Compared:
    """One row. `left` and `right` are grouped; "" where that side has nothing."""

    change: Change
    word: str
    kind: str
    what: str
    left: str
    right: str


@dataclass(frozen=True, slots=True)
class Comparison:
    left: str
    right: str
    rows: tuple[Compared, ...]
    summary: str
    hidden: int = 0


MOST = 120


def compared(
    left: str,
    right: str,
    rows: Sequence[Row],
    *,
    node: bool = False,
    every: bool = False,
    most: int = MOST,
) -> Comparison:
    """`node`: the right is a node. `every`: also what is the same. At most `most` rows."""
    made = [_row(each, node=node) for each in rows]
    different = [each for each in made if each.change is not Change.SAME]
    shown = made if every else different
    summary = (
        _("{different} of {count} differ").format(different=len(different), count=len(made))
        if different
        else _("Nothing differs")
    )
    return Comparison(left, right, tuple(shown[:most]), summary, max(0, len(shown) - most))


def copied(comparison: Comparison) -> str:
    """As lines of text, each with its sign."""
    return "\n".join(
        wording.tabbed((each.change.sign, each.word, each.kind, each.what, each.left, each.right))
        for each in comparison.rows
    )


def _row(row: Row, *, node: bool) -> Compared:
    change = Change.DIFFERS
    if row.same:
        change = Change.SAME
    elif not row.left:
        change = Change.ADDED
    elif not row.right:
        change = Change.REMOVED
    left, right = (_grouped(each) for each in (row.left, row.right))
    return Compared(change, _word(change, node=node), row.kind.upper(), row.what, left, right)


def _word(change: Change, *, node: bool) -> str:
    if node:
        return {
            Change.SAME: _("allowed"),
            Change.ADDED: _("not in the baseline"),
            Change.REMOVED: _("not shown by the node"),
            Change.DIFFERS: _("differs"),
        }[change]
    return {
        Change.SAME: _("same"),
        Change.ADDED: _("added"),
        Change.REMOVED: _("removed"),
        Change.DIFFERS: _("differs"),
    }[change]


_HEX = frozenset("0123456789abcdef")


def _grouped(text: str) -> str:
    """Hex in groups of four; words as they are."""
    return " or ".join(
        wording.grouped(each) if len(each) >= 32 and _HEX.issuperset(each) else each
        for each in text.split(" or ")
    )
