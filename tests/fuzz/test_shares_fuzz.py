"""Whatever bytes or words come, the readers of shares refuse or read; nothing else is raised."""

from contextlib import suppress

from hypothesis import given, settings
from hypothesis import strategies as st

from keyturn.base.errors import KeyturnError, MalformedError
from keyturn.base.strictjson import dump, parse_object
from keyturn.ceremony.mnemonic import parse_words, write_words
from keyturn.ceremony.rs1024 import checksum
from keyturn.ceremony.shareerrors import MalformedShare
from keyturn.ceremony.shares import Gathering
from keyturn.ceremony.sharesets import read_share_set
from keyturn.ceremony.sharewords import feedback, joined, split_words
from keyturn.ceremony.slip39_words import WORDS
from support.fuzzing import examples, flipped
from unit.ceremony.share_sets import deal

DEALT = deal()
MORE = settings(max_examples=examples(200), deadline=None)


@given(st.binary(max_size=400) | st.text(max_size=200).map(lambda text: text.encode()))
@MORE
def test_any_bytes_are_refused_or_read(raw: bytes) -> None:
    with suppress(MalformedShare):
        parse_words(raw)


@given(st.lists(st.integers(0, 1023), min_size=17, max_size=60), st.booleans())
@MORE
def test_any_symbols_with_a_right_checksum_are_refused_or_written_back(
    data: list[int], extendable: bool
) -> None:
    data[1] = data[1] & ~16 | extendable << 4
    symbols = (*data, *checksum(b"shamir_extendable" if extendable else b"shamir", data))
    words = " ".join(WORDS[each] for each in symbols).encode()
    with suppress(MalformedShare):
        assert write_words(parse_words(words)) == words


def test_a_flipped_bit_never_passes() -> None:
    words = bytes(DEALT.words("ada"))
    for changed in flipped(words, range(len(words)), usual=2):
        found = Gathering(DEALT.set)
        with suppress(KeyturnError):
            found.add("ada", changed)
        assert found.entered == ()


@given(st.lists(st.text(max_size=12), max_size=40), st.integers(0, 40))
@MORE
def test_any_typed_words_get_feedback(words: list[str], expected: int) -> None:
    assert feedback(words, expected).expected == expected
    joined(words)
    split_words("\n".join(words))


@given(st.data())
@MORE
def test_any_share_set_is_refused_or_read(data: st.DataObject) -> None:
    raw = bytearray(dump(DEALT.set.document()))
    for at in data.draw(st.lists(st.integers(0, len(raw) - 1), max_size=3)):
        raw[at] = data.draw(st.integers(0, 255))
    with suppress(MalformedError):
        read_share_set(parse_object(bytes(raw), limit=1 << 20, what="set"))
