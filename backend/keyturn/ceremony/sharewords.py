"""What a person sees while typing a share: words completed, and what is wrong so far.

Pure: a widget or a terminal asks after each key. The words come as text, which cannot be wiped;
what leaves here is places and numbers, never a word that was not typed.
"""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from keyturn.ceremony.mnemonic import parse_words
from keyturn.ceremony.shareerrors import MalformedShare
from keyturn.ceremony.slip39_words import WORDS

UNIQUE = 4
"""Letters after which no two words of the list are alike."""


class WordState(Enum):
    EMPTY = "empty"
    BEGUN = "begun"
    """Some word of the list begins so."""
    KNOWN = "known"
    UNKNOWN = "unknown"


class EntryState(Enum):
    INCOMPLETE = "incomplete"
    UNKNOWN_WORD = "unknown-word"
    TOO_MANY = "too-many"
    WRONG = "wrong"
    """All words are there and of the list; the checksum, or what it covers, is wrong."""
    RIGHT = "right"
    """It is a share. Whether it is the right one, the host says."""


@dataclass(frozen=True, slots=True)
class Feedback:
    """What is to be shown of a share being typed."""

    state: EntryState
    words: tuple[WordState, ...]
    have: int
    """Words of the list so far."""
    expected: int
    place: int | None = None
    """The word to look at, from 1."""


def completions(prefix: str, limit: int = 8) -> tuple[str, ...]:
    """The first words of the list that begin so, in alphabetical order; none for no letters."""
    typed = prefix.strip().lower()
    if not typed:
        return ()
    start = bisect_left(WORDS, typed)
    found = []
    for word in WORDS[start : start + limit]:
        if not word.startswith(typed):
            break
        found.append(word)
    return tuple(found)


def complete(typed: str) -> str | None:
    """The one word that is meant by a whole word or by its first letters; None if there is none."""
    found = completions(typed, limit=2)
    if found and (len(found) == 1 or found[0] == typed.strip().lower()):
        return found[0]
    return None


def word_state(typed: str) -> WordState:
    """Of one word, while it is typed."""
    word = typed.strip().lower()
    if not word:
        return WordState.EMPTY
    found = completions(word, limit=1)
    if not found:
        return WordState.UNKNOWN
    return WordState.KNOWN if found[0] == word else WordState.BEGUN


def split_words(text: str) -> tuple[str, ...]:
    """Typed or pasted text as words: lower case, whatever stands between them."""
    return tuple(text.lower().split())


def joined(words: Sequence[str]) -> bytearray:
    """Typed words as a share's words travel. Four letters stand for the word. Wipe it after use.

    A word that is none of the list is left as it is, for the reader to refuse.
    """
    whole = [complete(each) or each.strip().lower() for each in words]
    return bytearray(" ".join(whole).encode("utf-8"))


def feedback(words: Sequence[str], expected: int) -> Feedback:
    """What to show of `words` so far, of a share of `expected` words."""
    typed = list(words)
    while typed and not typed[-1].strip():
        typed.pop()
    states = tuple(word_state(each) for each in typed)
    have = states.count(WordState.KNOWN)
    if len(typed) > expected:
        return Feedback(EntryState.TOO_MANY, states, have, expected, expected + 1)
    if WordState.UNKNOWN in states:
        place = states.index(WordState.UNKNOWN) + 1
        return Feedback(EntryState.UNKNOWN_WORD, states, have, expected, place)
    if have < expected:
        return Feedback(EntryState.INCOMPLETE, states, have, expected)
    return _whole(typed, states, expected)


def _whole(typed: Sequence[str], states: tuple[WordState, ...], expected: int) -> Feedback:
    raw = joined(typed)
    try:
        parse_words(raw).wipe()
    except MalformedShare as error:
        return Feedback(EntryState.WRONG, states, len(states), expected, error.place)
    finally:
        raw[:] = bytes(len(raw))
    return Feedback(EntryState.RIGHT, states, len(states), expected)
