from hypothesis import given
from hypothesis import strategies as st
from shamir_mnemonic import rs1024 as oracle

from keyturn.ceremony.rs1024 import CHECKSUM, checksum, suspect, syndrome

NAME = b"shamir"
DATA = st.lists(st.integers(0, 1023), min_size=1, max_size=40)


@given(DATA)
def test_the_checksum_is_the_reference_implementations(data: list[int]) -> None:
    assert list(checksum(NAME, data)) == oracle.create_checksum(data, NAME)
    assert syndrome(NAME, [*data, *checksum(NAME, data)]) == 0


@given(DATA)
def test_the_customization_counts(data: list[int]) -> None:
    assert syndrome(b"shamir_extendable", [*data, *checksum(NAME, data)]) != 0


@given(DATA, st.data())
def test_one_wrong_symbol_is_told_by_its_place(data: list[int], draw: st.DataObject) -> None:
    symbols = [*data, *checksum(NAME, data)]
    place = draw.draw(st.integers(0, len(symbols) - 1))
    symbols[place] ^= draw.draw(st.integers(1, 1023))
    wrong = syndrome(NAME, symbols)
    assert wrong
    assert suspect(wrong, len(symbols)) == place


@given(DATA, st.data())
def test_up_to_three_wrong_symbols_are_always_noticed(data: list[int], draw: st.DataObject) -> None:
    symbols = [*data, *checksum(NAME, data)]
    places = st.sets(st.integers(0, len(symbols) - 1), min_size=2, max_size=CHECKSUM)
    for place in draw.draw(places):
        symbols[place] ^= draw.draw(st.integers(1, 1023))
    assert syndrome(NAME, symbols)


def test_two_wrong_symbols_are_not_taken_for_one() -> None:
    symbols = [*range(17), *checksum(NAME, range(17))]
    symbols[3] ^= 5
    symbols[9] ^= 700
    assert suspect(syndrome(NAME, symbols), len(symbols)) is None
