"""Found against expected, side by side: where two values begin to differ, and where they agree."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import Enum

_HEX = re.compile(r"[0-9a-f]{16,}\Z")
_IN_TEXT = re.compile(r"[0-9a-f]{16,}")
_WORDS = re.compile(r"\s+|[.,;:]|[^\s.,;:]+")
_LONGEST = 4096  # characters; beyond them both are shown as they are
_GROUP = 8  # hex digits


class Shape(Enum):
    """How both are divided."""

    HEX = "hex"  # groups of four bytes
    WORDS = "words"  # words, numbers and their separators: versions, lists, names


@dataclass(frozen=True, slots=True)
class Part:
    """A run of both sides; one is empty where only the other has it."""

    found: str
    expected: str

    @property
    def same(self) -> bool:
        return self.found == self.expected


@dataclass(frozen=True, slots=True)
class Difference:
    """The `found` of all parts together is the finding's, and so is `expected`."""

    shape: Shape
    parts: tuple[Part, ...]


def compare(found: str, expected: str) -> Difference:
    """Two hex values of one length by groups of bytes, everything else by words."""
    if max(len(found), len(expected)) > _LONGEST:
        return Difference(Shape.WORDS, (Part(found, expected),))
    if _HEX.match(found) and len(leading_hex(expected)) == len(found):
        head = leading_hex(expected)
        parts = [
            Part(found[at : at + _GROUP], head[at : at + _GROUP])
            for at in range(0, len(found), _GROUP)
        ]
        rest = expected[len(head) :]
        return Difference(Shape.HEX, (*parts, *((Part("", rest),) if rest else ())))
    return Difference(
        Shape.WORDS, tuple(_by_words(_WORDS.findall(found), _WORDS.findall(expected)))
    )


def leading_hex(text: str) -> str:
    """The hex value that a text begins with, or nothing."""
    found = _IN_TEXT.match(text)
    return found.group() if found else ""


def _by_words(found: Sequence[str], expected: Sequence[str]) -> list[Part]:
    matcher = SequenceMatcher(None, found, expected, autojunk=False)
    return [
        Part("".join(found[a:b]), "".join(expected[c:d])) for _, a, b, c, d in matcher.get_opcodes()
    ]
