from copy import deepcopy
from typing import Any

import pytest

from keyturn.base.errors import MalformedError
from keyturn.base.strictjson import dump, parse_object
from keyturn.ceremony.script import ShareUse
from keyturn.ceremony.shareerrors import ShareFault, ShareRefused
from keyturn.ceremony.sharesets import (
    ShareSet,
    check_sets,
    check_sort,
    is_rehearsed,
    needed_text,
    read_share_set,
)
from unit.ceremony.share_sets import FIVE, deal, scheme

DEALT = deal(by=scheme((2, "ada bob cem"), (1, "dee"), needed=2))
SET = DEALT.set


def read(document: dict[str, Any]) -> ShareSet:
    return read_share_set(parse_object(dump(document), limit=1 << 20, what="set"))


def test_what_is_written_is_read() -> None:
    assert read(SET.document()) == SET


@pytest.mark.parametrize("rehearsal", [False, True])
def test_a_set_of_the_other_sort_is_refused(rehearsal: bool) -> None:
    mine, other = deal(rehearsal=rehearsal).set, deal(rehearsal=not rehearsal).set
    check_sets((), rehearsal=rehearsal)
    check_sets((mine, mine), rehearsal=rehearsal)
    with pytest.raises(ShareRefused, match="share set") as refused:
        check_sets((mine, other), rehearsal=rehearsal)
    assert refused.value.fault is (ShareFault.REAL if rehearsal else ShareFault.REHEARSED)


@pytest.mark.parametrize(
    ("identifier", "rehearsed"), [(0, False), (16383, False), (16384, True), (32767, True)]
)
def test_the_highest_of_fifteen_bits_says_which(identifier: int, rehearsed: bool) -> None:
    assert is_rehearsed(identifier) is rehearsed
    check_sort(identifier, rehearsal=rehearsed)
    with pytest.raises(ShareRefused):
        check_sort(identifier, rehearsal=not rehearsed)


def change(*path: str | int, to: object) -> dict[str, Any]:
    document: Any = deepcopy(SET.document())
    place = document
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = to
    return document  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    "document",
    [
        change("use", to="admin"),
        change("id", to=32768),
        change("id", to=-1),
        change("group_threshold", to=3),
        change("group_threshold", to=0),
        change("more", to=1),
        change("groups", to=[]),
        change("groups", 0, "threshold", to=4),
        change("groups", 0, "more", to=4),
        change("groups", 0, "members", 0, "group", to=1),
        change("groups", 0, "members", 0, "member", to=1),
        change("groups", 0, "members", 0, "officer", to="dee"),
        change("groups", 0, "members", 0, "officer", to=""),
        change("groups", 0, "members", 0, "check", to="0123456"),
        change("groups", 0, "members", 0, "check", to="0123456G"),
        change("groups", 0, "members", 0, "words", to="academic"),
    ],
)
def test_a_set_that_is_not_exactly_so_is_refused(document: dict[str, Any]) -> None:
    with pytest.raises(MalformedError):
        read(document)


@pytest.mark.parametrize("name", list(SET.document()))
def test_a_missing_field_is_refused(name: str) -> None:
    document = SET.document()
    del document[name]
    with pytest.raises(MalformedError, match=name):
        read(document)


def test_places_are_counted_as_people_do() -> None:
    assert [SET.number_of(each) for each in SET.members] == [1, 2, 3, 4]
    assert [each.officer for each in SET.members] == ["ada", "bob", "cem", "dee"]
    dee = SET.member_of("dee")
    assert dee is not None
    assert (dee.group, dee.member) == (1, 0)
    assert SET.member_of("zoe") is None


def test_sizes_go_by_use() -> None:
    assert (SET.size, SET.words) == (16, 20)
    backup = deal(ShareUse.BACKUP).set
    assert (backup.size, backup.words) == (32, 33)


def test_how_many_are_needed_is_said_in_words() -> None:
    assert needed_text(FIVE) == "3 of 5"
    assert needed_text(SET) == "2 of 2 groups: 2 of 3, 1 of 1"
