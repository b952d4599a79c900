"""Two texts compared, line by line and word by word, for people to read. Pure Python.

What is compared are bodies written out for reading; what is signed are the exact bytes, which
the page shows on demand.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import Enum

from keyturn.base.strictjson import JsonObject
from keyturn_app.statements.lettering import visible

LONGEST = 20_000  # lines; beyond, comparing would take seconds
_BLOCK = 60  # lines on one side; larger blocks are paired in order
_EFFORT = 4_000_000
"""Characters of one side times those of the other: what is larger is paired in order, and marked
whole. A proposer must not be able to keep an approver's window busy."""
_WORDY = 250_000  # the same, in words of one line
_LIKE = 0.55
_WORDS = re.compile(r"\w+|\s+|.")
_NAME = re.compile(r'\s*("[^"]*":)')


class Sign(Enum):
    """What a line carries in front of it."""

    SAME = " "
    ADDED = "+"
    REMOVED = "-"


@dataclass(frozen=True, slots=True)
class Line:
    """`marks`: the parts of the text that changed, as (start, end) in characters."""

    number: int
    text: str
    sign: Sign = Sign.SAME
    marks: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Pair:
    """Lines beside one another; None where a side has none."""

    before: Line | None
    after: Line | None

    @property
    def same(self) -> bool:
        return self.before is not None and self.before.sign is Sign.SAME


@dataclass(frozen=True, slots=True)
class Unified:
    """One line of the unified form, numbered on both sides where it stands on both."""

    before: int | None
    after: int | None
    line: Line


def pretty(body: JsonObject) -> list[str]:
    """A body as lines, two spaces an indentation, in the order in which it was signed.

    What cannot be seen is written as an escape.
    """
    return visible(json.dumps(body, indent=2, ensure_ascii=False)).split("\n")


def side_by_side(before: Sequence[str], after: Sequence[str]) -> tuple[Pair, ...]:
    """Raises ValueError beyond LONGEST lines.

    A comma that ends a line says only that another follows: it makes no difference by itself.
    """
    if len(before) + len(after) > LONGEST:
        raise ValueError("too long to compare")
    pairs: list[Pair] = []
    old, new = [each.rstrip(",") for each in before], [each.rstrip(",") for each in after]
    matcher = SequenceMatcher(None, old, new, autojunk=len(old) + len(new) > 2000)
    for tag, one, end, other, other_end in matcher.get_opcodes():
        if tag == "equal":
            for place in range(end - one):
                pairs.append(
                    Pair(
                        Line(one + place + 1, before[one + place]),
                        Line(other + place + 1, after[other + place]),
                    )
                )
        else:
            pairs.extend(_block(before, range(one, end), after, range(other, other_end)))
    return tuple(pairs)


def unified(pairs: Sequence[Pair]) -> tuple[Unified, ...]:
    """The same, below one another: of each changed block what goes, then what comes."""
    found: list[Unified] = []
    coming: list[Unified] = []
    for pair in pairs:
        if pair.before is not None and pair.after is not None and pair.same:
            found += coming
            coming = []
            found.append(Unified(pair.before.number, pair.after.number, pair.after))
            continue
        if pair.before is not None:
            found.append(Unified(pair.before.number, None, pair.before))
        if pair.after is not None:
            coming.append(Unified(None, pair.after.number, pair.after))
    return tuple(found + coming)


def counts(pairs: Sequence[Pair]) -> tuple[int, int]:
    """Lines added, lines removed."""
    added = sum(p.after is not None and p.after.sign is Sign.ADDED for p in pairs)
    removed = sum(p.before is not None and p.before.sign is Sign.REMOVED for p in pairs)
    return added, removed


def words(before: str, after: str) -> tuple[tuple[tuple[int, int], ...], ...]:
    """Where two lines differ, word by word: marks of the one, marks of the other."""
    if len(before) * len(after) > _EFFORT:
        return ((0, len(before)),), ((0, len(after)),)
    one, other = _WORDS.findall(before), _WORDS.findall(after)
    if len(one) * len(other) > _WORDY:
        return ((0, len(before)),), ((0, len(after)),)
    left: list[tuple[int, int]] = []
    right: list[tuple[int, int]] = []
    for tag, start, end, start2, end2 in SequenceMatcher(None, one, other, False).get_opcodes():
        if tag != "equal":
            _mark(left, one, start, end)
            _mark(right, other, start2, end2)
    return tuple(left), tuple(right)


def _mark(marks: list[tuple[int, int]], parts: list[str], start: int, end: int) -> None:
    at = sum(map(len, parts[:start]))
    length = sum(map(len, parts[start:end]))
    if length:
        marks.append((at, at + length))


def _block(before: Sequence[str], left: range, after: Sequence[str], right: range) -> list[Pair]:
    pairs = []
    for one, other in _paired([before[i] for i in left], [after[i] for i in right]):
        if one is None and other is not None:
            place = right[other]
            pairs.append(Pair(None, Line(place + 1, after[place], Sign.ADDED)))
        elif other is None and one is not None:
            place = left[one]
            pairs.append(Pair(Line(place + 1, before[place], Sign.REMOVED), None))
        elif one is not None and other is not None:
            was, now = before[left[one]], after[right[other]]
            gone, come = words(was, now)
            pairs.append(
                Pair(
                    Line(left[one] + 1, was, Sign.REMOVED, gone),
                    Line(right[other] + 1, now, Sign.ADDED, come),
                )
            )
    return pairs


def _paired(before: list[str], after: list[str]) -> list[tuple[int | None, int | None]]:
    """Which changed line stands beside which: as alike as possible, in their order."""
    effort = sum(map(len, before)) * sum(map(len, after))
    if not before or not after or max(len(before), len(after)) > _BLOCK or effort > _EFFORT:
        length = max(len(before), len(after))
        return [
            (i if i < len(before) else None, i if i < len(after) else None) for i in range(length)
        ]
    best = _best(before, after)
    found: list[tuple[int | None, int | None]] = []
    i, j = 0, 0
    while i < len(before) and j < len(after):
        if best[i][j] == best[i + 1][j]:
            found.append((i, None))
            i += 1
        elif best[i][j] == best[i][j + 1]:
            found.append((None, j))
            j += 1
        else:
            found.append((i, j))
            i, j = i + 1, j + 1
    found += [(each, None) for each in range(i, len(before))]
    found += [(None, each) for each in range(j, len(after))]
    return found


def _best(before: list[str], after: list[str]) -> list[list[float]]:
    """The likeness that the ends from (i, j) on can reach together."""
    best = [[0.0] * (len(after) + 1) for _ in range(len(before) + 1)]
    for i in range(len(before) - 1, -1, -1):
        for j in range(len(after) - 1, -1, -1):
            skip = max(best[i + 1][j], best[i][j + 1])
            alike = _likeness(before[i], after[j])
            best[i][j] = max(skip, best[i + 1][j + 1] + alike) if alike else skip
    return best


def _likeness(one: str, other: str) -> float:
    """0 for lines that have nothing to do with one another."""
    names = _NAME.match(one), _NAME.match(other)
    if names[0] is not None and names[1] is not None:
        return 1.0 if names[0][1] == names[1][1] else 0.0
    if (names[0] is None) != (names[1] is None):
        return 0.0
    ratio = SequenceMatcher(None, one.strip(), other.strip(), False).ratio()
    return ratio if ratio >= _LIKE else 0.0
