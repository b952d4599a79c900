"""Phrases that are read back: eight words of a record's digest."""

from keyturn.base.encoding import Digest
from keyturn.ceremony.phrases import as_phrase, phrase_of

DIGEST = Digest("sha256:" + "e58294f2e9a22748" + "00" * 24)
PHRASE = "topmost istanbul pluto vagabond treadmill pacific brackish dictator"


def test_the_first_eight_bytes_are_read_in_lower_case() -> None:
    assert phrase_of(DIGEST) == PHRASE


def test_what_follows_the_eight_bytes_changes_nothing() -> None:
    assert phrase_of(Digest(DIGEST[:-1] + "1")) == PHRASE


def test_another_record_has_another_phrase() -> None:
    assert phrase_of(Digest("sha256:" + "e58294f2e9a22749" + "00" * 24)) != PHRASE


def test_what_is_typed_is_brought_into_the_spelling_of_a_phrase() -> None:
    typed = "  Topmost, Istanbul Pluto\tvagabond  treadmill\nPacific brackish DICTATOR "
    assert as_phrase(typed) == PHRASE
