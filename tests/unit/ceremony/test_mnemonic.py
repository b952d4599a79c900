import hashlib
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from shamir_mnemonic.share import Share as Oracle

from keyturn.ceremony.mnemonic import (
    LEAST_WORDS,
    MOST_WORDS,
    Share,
    customization,
    parse_words,
    read_symbols,
    word_count,
    write_words,
)
from keyturn.ceremony.rs1024 import checksum
from keyturn.ceremony.shareerrors import MalformedShare, ShareFault
from keyturn.ceremony.slip39_words import LIST_DIGEST, WORDS

GOOD = (
    b"duckling enlarge academic academic agency result length solution fridge kidney coal piece "
    b"deal husband erode duke ajar critical decision keyboard"
)


@st.composite
def shares(draw: st.DrawFn) -> Share:
    groups = draw(st.integers(1, 16))
    return Share(
        identifier=draw(st.integers(0, 32767)),
        extendable=draw(st.booleans()),
        exponent=draw(st.integers(0, 15)),
        group=draw(st.integers(0, groups - 1)),
        group_threshold=draw(st.integers(1, groups)),
        groups=groups,
        member=draw(st.integers(0, 15)),
        threshold=draw(st.integers(1, 16)),
        value=bytearray(draw(st.binary(min_size=16, max_size=64).map(_even))),
    )


def _even(value: bytes) -> bytes:
    return value[: len(value) // 2 * 2]


def fields(share: Share) -> tuple[object, ...]:
    head = (share.identifier, share.extendable, share.exponent, share.group, share.group_threshold)
    return (*head, share.groups, share.member, share.threshold, bytes(share.value))


def fault_of(words: bytes) -> tuple[ShareFault, int | None]:
    with pytest.raises(MalformedShare) as refused:
        parse_words(words)
    said = f"{refused.value} {refused.value.hint}".split()
    typed = {each.decode() for each in words.split() if each.isalpha() and each.isascii()}
    # no word of a share in what is said; these few are words of the list and of the messages
    assert not typed & set(said) & (set(WORDS) - {"length", "check"})
    return refused.value.fault, refused.value.place


def mended(symbols: list[int]) -> bytes:
    """Words of these symbols, the last three replaced by the right checksum."""
    data = symbols[:-3]
    extendable = bool(data[1] >> 4 & 1)
    return " ".join(
        WORDS[each] for each in (*data, *checksum(customization(extendable), data))
    ).encode()


def test_the_list_is_the_standards() -> None:
    text = "".join(f"{word}\n" for word in WORDS)
    assert hashlib.sha256(text.encode()).hexdigest() == LIST_DIGEST
    assert len(WORDS) == 1024
    assert all(one < two for one, two in pairwise(WORDS))
    assert len({word[:4] for word in WORDS}) == 1024


@given(shares())
def test_words_and_shares_are_the_reference_implementations(share: Share) -> None:
    words = write_words(share)
    other = Oracle.from_mnemonic(words.decode())
    assert (other.identifier, other.extendable, other.iteration_exponent) == fields(share)[:3]
    assert (other.group_index, other.group_threshold, other.group_count) == fields(share)[3:6]
    assert (other.index, other.member_threshold, other.value) == fields(share)[6:]
    assert other.mnemonic().encode() == words
    assert fields(parse_words(words)) == fields(share)
    assert len(words.split()) == word_count(len(share.value))


def test_the_secrets_of_keyturn_have_20_and_33_words() -> None:
    assert (word_count(16), word_count(32)) == (20, 33)


@pytest.mark.parametrize("number", [0, 1, LEAST_WORDS - 1, MOST_WORDS + 1])
def test_too_few_and_too_many_words(number: int) -> None:
    assert fault_of(b" ".join([b"academic"] * number)) == (ShareFault.LENGTH, None)


def test_a_number_of_words_that_no_secret_has() -> None:
    symbols = read_symbols(GOOD)
    assert fault_of(mended([*symbols, 0])) == (ShareFault.LENGTH, None)


@pytest.mark.parametrize(
    "words",
    [
        GOOD.replace(b"result", b"resultant"),
        GOOD.replace(b"result", b"Result"),
        GOOD.replace(b"result", b""),
        GOOD.replace(b"result", "resüt".encode()),
        GOOD.replace(b"result", b"\xff"),
    ],
)
def test_an_unknown_word_is_told_by_its_place(words: bytes) -> None:
    assert fault_of(words) == (ShareFault.UNKNOWN_WORD, 6)


@pytest.mark.parametrize("words", [b" " + GOOD, GOOD + b" ", GOOD + b"\n", GOOD.upper()])
def test_one_spelling_only(words: bytes) -> None:
    assert fault_of(words)[0] is ShareFault.UNKNOWN_WORD


@pytest.mark.parametrize("place", range(1, 21))
def test_one_wrong_word_is_told_by_its_place(place: int) -> None:
    words = GOOD.split(b" ")
    words[place - 1] = b"academic" if words[place - 1] != b"academic" else b"acid"
    fault, found = fault_of(b" ".join(words))
    assert fault is ShareFault.CHECKSUM
    # the flag that chooses the customization is in word 2: with it flipped nothing can be told
    assert found in ({place} if place != 2 else {2, None})


def test_two_words_swapped() -> None:
    words = GOOD.split(b" ")
    words[6], words[12] = words[12], words[6]
    assert fault_of(b" ".join(words)) == (ShareFault.CHECKSUM, None)


def test_padding_must_be_zero() -> None:
    symbols = read_symbols(GOOD)
    symbols[4] |= 1 << 9
    assert fault_of(mended(symbols)) == (ShareFault.FORM, None)


def test_a_group_that_is_not_there_and_a_threshold_out_of_reach() -> None:
    symbols = read_symbols(GOOD)  # one group of one
    assert fault_of(mended([*symbols[:2], 1 << 6, *symbols[3:]])) == (ShareFault.FORM, None)
    assert fault_of(mended([*symbols[:2], 1 << 2, *symbols[3:]])) == (ShareFault.FORM, None)


def test_a_share_shows_no_value_and_can_be_wiped() -> None:
    share = parse_words(GOOD)
    assert share.value.hex() not in repr(share)
    assert any(share.value)
    share.wipe()
    assert not any(share.value)
