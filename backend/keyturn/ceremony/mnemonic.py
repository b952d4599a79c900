"""One SLIP-39 share and the words that it is written in.

Source: SLIP-0039, "Format of the share mnemonic". Words travel as a `bytearray` of ASCII, one
space between two, so that they can be wiped; what Python copies on the way (a word that is looked
up, a list of symbols) it frees without wiping. The words are looked up in a dictionary, whose time
is not constant.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from keyturn.ceremony.rs1024 import CHECKSUM, checksum, suspect, syndrome
from keyturn.ceremony.shareerrors import MalformedShare, ShareFault
from keyturn.ceremony.slip39_words import WORDS
from keyturn.seal.keys import wipe

BITS = 10
"""Bits of a word."""
HEAD = 4
"""Words before the value: 2 of what all shares have in common, 2 of the share's place."""
LEAST_VALUE = 16
"""Bytes: SLIP-39 has no shorter secrets than 128 bits."""
LEAST_WORDS = HEAD + (8 * LEAST_VALUE + BITS - 1) // BITS + CHECKSUM
MOST_WORDS = HEAD + 103 + CHECKSUM
"""Of secrets of 1,024 bits; the standard has no end, a reader needs one."""
LONGEST_WORD = 8

_ENCODED = tuple(word.encode() for word in WORDS)
_PLACES = {word: place for place, word in enumerate(_ENCODED)}


@dataclass(frozen=True, slots=True, eq=False)
class Share:
    """A share of a secret, its value in clear: `wipe` it after use."""

    identifier: int
    """15 bits, the same in all shares of one splitting."""
    extendable: bool
    exponent: int
    """4 bits: PBKDF2 has 10,000 · 2^exponent iterations in all."""
    group: int
    group_threshold: int
    groups: int
    member: int
    threshold: int
    value: bytearray = field(repr=False)

    def wipe(self) -> None:
        wipe(self.value)


def customization(extendable: bool) -> bytes:
    """What the checksum is computed over before the share's own words."""
    return b"shamir_extendable" if extendable else b"shamir"


def word_count(value_size: int) -> int:
    """Words of a share of a secret of so many bytes."""
    return HEAD + (8 * value_size + BITS - 1) // BITS + CHECKSUM


def write_words(share: Share) -> bytearray:
    """The share's mnemonic: lower-case words, single spaces. Wipe it after use."""
    head = (share.identifier << 5 | share.extendable << 4 | share.exponent) << 20
    head |= share.group << 16 | (share.group_threshold - 1) << 12 | (share.groups - 1) << 8
    head |= share.member << 4 | (share.threshold - 1)
    symbols = [head >> BITS * place & 1023 for place in reversed(range(HEAD))]
    symbols += _symbols(share.value)
    symbols += checksum(customization(share.extendable), symbols)
    words = bytearray(len(symbols) * (LONGEST_WORD + 1))  # at once: growing would leave copies
    end = 0
    for symbol in symbols:
        word = _ENCODED[symbol]
        words[end : end + len(word) + 1] = word + b" "
        end += len(word) + 1
    del words[end - 1 :]
    symbols[:] = [0] * len(symbols)
    return words


def parse_words(words: bytes | bytearray) -> Share:
    """Read a mnemonic: words of the list in lower case, single spaces.

    Raises MalformedShare, which says which word to look at where one alone explains the error.
    """
    symbols = read_symbols(words)
    extendable = bool(symbols[1] >> 4 & 1)
    wrong = syndrome(customization(extendable), symbols)
    if wrong:
        raise _wrong_checksum(wrong, len(symbols))
    head = 0
    for symbol in symbols[:HEAD]:
        head = head << BITS | symbol
    value = _value(symbols[HEAD:-CHECKSUM])
    symbols[:] = [0] * len(symbols)
    share = Share(
        head >> 25,
        extendable,
        head >> 20 & 15,
        head >> 16 & 15,
        (head >> 12 & 15) + 1,
        (head >> 8 & 15) + 1,
        head >> 4 & 15,
        (head & 15) + 1,
        value,
    )
    if share.group_threshold > share.groups or share.group >= share.groups:
        share.wipe()
        raise MalformedShare(
            ShareFault.FORM,
            "share: its groups cannot be",
            found=f"group {share.group + 1}, {share.group_threshold} of {share.groups}",
            expected="a group of those that there are, and no more needed than there are",
        )
    return share


def read_symbols(words: bytes | bytearray) -> list[int]:
    """Each word's 10 bits, nothing more checked than words and number. Raises MalformedShare."""
    parts = words.split(b" ")
    if not LEAST_WORDS <= len(parts) <= MOST_WORDS:
        raise MalformedShare(
            ShareFault.LENGTH,
            "share: the number of words",
            found=str(len(parts)) if words else "none",
            expected=f"{LEAST_WORDS} to {MOST_WORDS}",
        )
    symbols = []
    for place, part in enumerate(parts, start=1):
        symbol = _PLACES.get(bytes(part))
        if symbol is None:
            raise MalformedShare(
                ShareFault.UNKNOWN_WORD,
                f"share: word {place} is not one of the list",
                place=place,
                expected="lower-case words of the SLIP-39 list, one space between two",
                hint="Compare this word with the sheet.",
            )
        symbols.append(symbol)
    return symbols


def _wrong_checksum(wrong: int, length: int) -> MalformedShare:
    place = suspect(wrong, length)
    hint = "More than one word is wrong, or words are missing or swapped: compare them all."
    if place is not None:
        hint = f"Look at word {place + 1} first."
    return MalformedShare(
        ShareFault.CHECKSUM,
        "share: the checksum is wrong",
        place=None if place is None else place + 1,
        expected="the words of one share, in their order",
        hint=hint,
    )


def _symbols(value: bytearray) -> Iterator[int]:
    """The value, padded on the left with zero bits to whole words."""
    left, have = 0, -8 * len(value) % BITS
    for each in value:
        left, have = left << 8 | each, have + 8
        if have >= BITS:
            have -= BITS
            yield left >> have
            left &= (1 << have) - 1


def _value(symbols: list[int]) -> bytearray:
    """The bytes that `_symbols` gives these words of; the padding must be zero."""
    padding = BITS * len(symbols) % 16  # secrets have an even number of bytes
    if padding > 8:
        raise MalformedShare(
            ShareFault.LENGTH,
            "share: no secret is written in so many words",
            found=str(len(symbols) + HEAD + CHECKSUM),
            expected="20, 33 or another number that fits whole pairs of bytes",
        )
    if symbols[0] >> (BITS - padding):
        raise MalformedShare(
            ShareFault.FORM, "share: its padding is not zero", expected="bits of zero"
        )
    value = bytearray((BITS * len(symbols) - padding) // 8)
    left, have, at = 0, -padding, 0
    for symbol in symbols:
        left, have = left << BITS | symbol, have + BITS
        while have >= 8:
            have -= 8
            value[at], at = left >> have, at + 1
            left &= (1 << have) - 1
    return value
