import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyturn.ceremony.mnemonic import parse_words
from keyturn.ceremony.sharewords import (
    UNIQUE,
    EntryState,
    WordState,
    complete,
    completions,
    feedback,
    joined,
    split_words,
    word_state,
)
from keyturn.ceremony.slip39_words import WORDS

GOOD = [
    "duckling",
    "enlarge",
    "academic",
    "academic",
    "agency",
    "result",
    "length",
    "solution",
    "fridge",
    "kidney",
    "coal",
    "piece",
    "deal",
    "husband",
    "erode",
    "duke",
    "ajar",
    "critical",
    "decision",
    "keyboard",
]


def test_completions_come_in_order_and_end_with_their_prefix() -> None:
    assert completions("aca") == ("academic",)
    assert completions("ac") == (
        "academic",
        "acid",
        "acne",
        "acquire",
        "acrobat",
        "activity",
        "actress",
    )
    assert completions("a", limit=3) == ("academic", "acid", "acne")
    assert completions(" ZER ") == ("zero",)
    assert completions("") == completions(" ") == completions("xx") == completions("zz") == ()


@given(st.sampled_from(WORDS))
def test_four_letters_stand_for_a_word(word: str) -> None:
    assert complete(word[:UNIQUE]) == complete(word) == complete(word.upper()) == word


def test_a_word_that_begins_another_is_itself() -> None:
    both = [(one, two) for one in WORDS for two in WORDS if two.startswith(one) and one != two]
    for one, _ in both:
        assert complete(one) == one
    assert complete("ac") is None
    assert complete("") is None
    assert complete("academics") is None


@pytest.mark.parametrize(
    ("typed", "state"),
    [
        ("", WordState.EMPTY),
        (" ", WordState.EMPTY),
        ("a", WordState.BEGUN),
        ("acad", WordState.BEGUN),
        ("Academic", WordState.KNOWN),
        ("academics", WordState.UNKNOWN),
        ("ö", WordState.UNKNOWN),
    ],
)
def test_one_words_state(typed: str, state: WordState) -> None:
    assert word_state(typed) is state


def test_pasted_text_is_taken_apart() -> None:
    assert split_words("  Acid\n acne\tzero ") == ("acid", "acne", "zero")


def test_words_are_joined_as_they_travel_and_four_letters_stand_for_them() -> None:
    assert joined(GOOD) == " ".join(GOOD).encode()
    assert joined([f" {word[:4].upper()}" for word in GOOD]) == " ".join(GOOD).encode()
    assert joined(["acid", "nonsense"]) == b"acid nonsense"
    parse_words(joined(GOOD)).wipe()


def test_a_whole_share_is_right() -> None:
    found = feedback(GOOD, 20)
    assert (found.state, found.have, found.place) == (EntryState.RIGHT, 20, None)


def test_while_typing_it_is_incomplete() -> None:
    found = feedback([*GOOD[:3], "acad", "", ""], 20)
    assert (found.state, found.have, found.expected) == (EntryState.INCOMPLETE, 3, 20)
    assert found.words == (*(WordState.KNOWN,) * 3, WordState.BEGUN)
    assert feedback([], 20).state is EntryState.INCOMPLETE
    assert feedback([*GOOD[:3], "", *GOOD[4:]], 20).state is EntryState.INCOMPLETE


def test_an_unknown_word_and_one_too_many_are_told_by_their_place() -> None:
    found = feedback([*GOOD[:3], "nonsense", *GOOD[4:]], 20)
    assert (found.state, found.place) == (EntryState.UNKNOWN_WORD, 4)
    found = feedback([*GOOD, "acid"], 20)
    assert (found.state, found.place) == (EntryState.TOO_MANY, 21)


def test_a_wrong_checksum_tells_the_word_where_one_explains_it() -> None:
    found = feedback([*GOOD[:8], "acid", *GOOD[9:]], 20)
    assert (found.state, found.place) == (EntryState.WRONG, 9)
    found = feedback([*GOOD[:6], GOOD[12], *GOOD[7:12], GOOD[6], *GOOD[13:]], 20)
    assert (found.state, found.place) == (EntryState.WRONG, None)
