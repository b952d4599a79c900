"""The log's next name, and nothing without an authority. (A log that goes on: tests/flows.)"""

import pytest

from keyturn.ceremony.errors import CeremonyRefused
from keyturn.keyholder.ceremonies.actions import newkeys
from keyturn.keyholder.ceremonies.doing import Doing


@pytest.mark.parametrize(
    ("origin", "version", "following"),
    [
        ("keyturn.example/log", 2, "keyturn.example/log.2"),
        ("keyturn.example/log.2", 3, "keyturn.example/log.3"),
        ("keyturn.example/log.2", 4, "keyturn.example/log.2.4"),
        ("log.1", 2, "log.1.2"),
    ],
)
def test_the_logs_next_name(origin: str, version: int, following: str) -> None:
    assert newkeys._next_origin(origin, version) == following


def test_without_an_authority_no_keys_are_new(doing: Doing) -> None:
    for ask in (newkeys._state, newkeys._newest_keys, newkeys.statements, newkeys.sign_keys):
        with pytest.raises(CeremonyRefused):
            ask(doing)
    with pytest.raises(CeremonyRefused, match="fresh token is locked"):
        newkeys.go_on(doing)
