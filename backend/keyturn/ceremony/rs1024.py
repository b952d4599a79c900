"""RS1024, the checksum of SLIP-39: a Reed-Solomon code over GF(1024) of three symbols.

Source: SLIP-0039, "Checksum". It finds every error of at most three words. What it could correct
it does not: the standard says that a program should at most tell where an error might be, and
so `suspect` tells a place and nothing else.
"""

from collections.abc import Iterable, Sequence

CHECKSUM = 3
"""Symbols of 10 bits."""

_GENERATOR = (
    0xE0E040,
    0x1C1C080,
    0x3838100,
    0x7070200,
    0xE0E0009,
    0x1C0C2412,
    0x38086C24,
    0x3090FC48,
    0x21B1F890,
    0x3F3F120,
)


def _polymod(values: Iterable[int], state: int = 1) -> int:
    """30 bits. No branch and no place in memory depends on a value."""
    for value in values:
        top = state >> 20
        state = (state & 0xFFFFF) << 10 ^ value
        for place, term in enumerate(_GENERATOR):
            state ^= term & -(top >> place & 1)
    return state


def checksum(customization: bytes, data: Sequence[int]) -> tuple[int, ...]:
    """The three symbols that end `data` (symbols of 10 bits)."""
    rest = _polymod((*customization, *data, *(0,) * CHECKSUM)) ^ 1
    return tuple(rest >> 10 * place & 1023 for place in reversed(range(CHECKSUM)))


def syndrome(customization: bytes, symbols: Sequence[int]) -> int:
    """0 where the checksum at the end of `symbols` is right; else what `suspect` needs."""
    return _polymod((*customization, *symbols)) ^ 1


def suspect(found: int, length: int) -> int | None:
    """Which one symbol of `length`, from 0, alone explains the syndrome `found`; None if none does.

    The code's words differ in four places or more, so there is never more than one such place. That
    one place explains it is no proof that only one symbol is wrong.
    """
    for place in range(length):
        after = (0,) * (length - 1 - place)
        # The checksum is linear: an error's syndrome does not depend on the other symbols.
        columns = [_polymod((1 << bit, *after), 0) for bit in range(10)]
        if _spans(columns, found):
            return place
    return None


def _spans(columns: list[int], wanted: int) -> bool:
    """Whether `wanted` is the sum (over GF(2)) of some of `columns`."""
    basis: list[int] = []
    for each in columns:
        for known in basis:
            each = min(each, each ^ known)
        if each:
            basis.append(each)
    for known in basis:
        wanted = min(wanted, wanted ^ known)
    return wanted == 0
