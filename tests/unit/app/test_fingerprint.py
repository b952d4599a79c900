"""Fingerprints as words, by the list's published example."""

import pytest

from keyturn.base.encoding import Digest
from keyturn_app import wording
from keyturn_app.fingerprint import agrees, is_whole, words

PUBLISHED = "E582 94F2 E9A2 2748 6E8B 061B 31CC 528F D7FA 3F19"
SPOKEN = (
    "topmost Istanbul Pluto vagabond treadmill Pacific brackish dictator goldfish Medusa "
    "afflict bravado chatter revolver Dupont midsummer stopwatch whimsical cowbell bottomless"
)


def test_the_first_half_of_a_fingerprint_is_read() -> None:
    digits = PUBLISHED.replace(" ", "").lower()[:32]
    assert words(Digest("sha256:" + digits + "00" * 16)) == tuple(SPOKEN.split()[:16])


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
