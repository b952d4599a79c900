"""Bytes as words, by the list's published example."""

from keyturn.base.spokenwords import words_of

PUBLISHED = "E582 94F2 E9A2 2748 6E8B 061B 31CC 528F D7FA 3F19"
SPOKEN = (
    "topmost Istanbul Pluto vagabond treadmill Pacific brackish dictator goldfish Medusa "
    "afflict bravado chatter revolver Dupont midsummer stopwatch whimsical cowbell bottomless"
)


def test_the_published_example() -> None:
    assert " ".join(words_of(bytes.fromhex(PUBLISHED))) == SPOKEN


def test_every_byte_has_a_word_of_its_own_in_both_places() -> None:
    even = [words_of(bytes([each]))[0] for each in range(256)]
    odd = [words_of(bytes([0, each]))[1] for each in range(256)]
    assert len({each.lower() for each in (*even, *odd)}) == 512
    assert (even[0], even[255], odd[0], odd[255]) == ("aardvark", "Zulu", "adroitness", "Yucatan")


def test_swapped_neighbours_are_heard() -> None:
    one, other = words_of(b"\x01\x02"), words_of(b"\x02\x01")
    assert set(one).isdisjoint(other)
