"""Fingerprints as words, by the list's published example."""

import pytest

from keyturn.base.encoding import Digest
from keyturn_app import wording
from keyturn_app.fingerprint import agrees, is_whole, words, words_of

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


def test_the_first_half_of_a_fingerprint_is_read() -> None:
    digits = PUBLISHED.replace(" ", "").lower()[:32]
    assert words(Digest("sha256:" + digits + "00" * 16)) == tuple(SPOKEN.split()[:16])


def test_swapped_neighbours_are_heard() -> None:
    one, other = words_of(b"\x01\x02"), words_of(b"\x02\x01")
    assert set(one).isdisjoint(other)


DIGEST = Digest("sha256:" + bytes(range(32)).hex())


@pytest.mark.parametrize(
    "typed",
    [
        DIGEST,
        DIGEST.upper(),
        wording.grouped(DIGEST).replace("sha256 ", ""),
        " ".join(words(DIGEST)),
        ",\n".join(words(DIGEST)).upper(),
    ],
)
def test_typed_in_digits_or_in_words_it_agrees(typed: str) -> None:
    assert is_whole(typed)
    assert agrees(typed, DIGEST)


@pytest.mark.parametrize(
    ("typed", "whole"),
    [
        ("", False),
        (DIGEST[:-1], False),
        (DIGEST + "0", False),
        (DIGEST[:-1] + "0", True),
        (" ".join(words(DIGEST)[:-1]), False),
        (" ".join([*words(DIGEST), "aardvark"]), False),
        (" ".join(reversed(words(DIGEST))), True),
        ("sha256:" + "٠" * 64, False),
    ],
)
def test_anything_else_does_not(typed: str, whole: bool) -> None:
    assert is_whole(typed) == whole
    assert not agrees(typed, DIGEST)
