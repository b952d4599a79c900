"""Requests kept for officers: the newest of each node, and never more than fit."""

from keyturn.base.encoding import digest_of
from keyturn.control.evidence import RecentEvidence


def keep(kept: RecentEvidence, node: str, *requests: bytes) -> None:
    for each in requests:
        kept.keep(node, digest_of(each), each)


def held(kept: RecentEvidence, *requests: bytes) -> list[bool]:
    return [kept.find(digest_of(each)) == each for each in requests]


def test_the_two_newest_of_each_node_are_kept() -> None:
    kept = RecentEvidence()
    keep(kept, "n1", b"a", b"b", b"c")
    keep(kept, "n2", b"d")
    assert held(kept, b"a", b"b", b"c", b"d") == [False, True, True, True]
    assert kept.size == 3


def test_what_is_kept_already_is_kept_once() -> None:
    kept = RecentEvidence()
    keep(kept, "n1", b"a", b"a", b"a", b"b")
    assert held(kept, b"a", b"b") == [True, True]
    assert kept.size == 2


def test_the_oldest_goes_when_it_is_full() -> None:
    kept = RecentEvidence(limit=4)
    keep(kept, "n1", b"aa")
    keep(kept, "n2", b"bb")
    keep(kept, "n3", b"cc")
    assert held(kept, b"aa", b"bb", b"cc") == [False, True, True]
    keep(kept, "n4", b"too large")
    assert held(kept, b"bb", b"cc", b"too large") == [False, False, False]
    assert kept.size == 0
    keep(kept, "n1", b"aa")
    assert held(kept, b"aa") == [True]
