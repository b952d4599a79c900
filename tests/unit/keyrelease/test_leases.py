"""Leases: begun by a release, moved by renewals, over at their end (our protocol §5.8)."""

from dataclasses import replace
from datetime import timedelta

from keyturn.base.encoding import Digest
from keyturn.keyrelease.binding import Purpose
from keyturn.keyrelease.entries import GrantEntry
from keyturn.keyrelease.leases import Lease, LeaseBook
from support.authority import START

A = Digest("sha256:" + "a" * 64)
END = START + timedelta(seconds=60)
RELEASE = GrantEntry(
    Purpose.RELEASE,
    A,
    "ab" * 16,
    END,
    bytes(56),
    A,
    "node-1",
    "amd-genoa-00",
    A,
    bytes(32),
    A,
    (A,),
    (),
)
LATER = replace(RELEASE, purpose=Purpose.RENEWAL, until=END + timedelta(seconds=60))


def book(*entries: GrantEntry) -> LeaseBook:
    made = LeaseBook()
    for index, entry in enumerate(entries):
        made.apply(index, entry)
    return made


def test_a_release_begins_a_lease() -> None:
    expected = Lease(RELEASE.lease, A, "node-1", "amd-genoa-00", A, 0, END)
    assert book(RELEASE).live(RELEASE.lease, START) == expected


def test_a_lease_is_over_at_its_end() -> None:
    found = book(RELEASE)
    assert found.live(RELEASE.lease, END - timedelta(seconds=1)) is not None
    assert found.live(RELEASE.lease, END) is None


def test_a_renewal_moves_the_end_and_nothing_else() -> None:
    stranger = replace(LATER, node="node-2", tls=Digest("sha256:" + "b" * 64))
    found = book(RELEASE, stranger).live(RELEASE.lease, END)

    assert found == Lease(RELEASE.lease, A, "node-1", "amd-genoa-00", A, 0, LATER.until)


def test_a_renewal_begins_no_lease() -> None:
    assert len(book(LATER)) == 0


def test_an_unknown_lease_is_not_live() -> None:
    assert book(RELEASE).live("cd" * 16, START) is None
    assert book().live(RELEASE.lease, START) is None


def test_what_is_over_is_forgotten() -> None:
    found = book(RELEASE, replace(RELEASE, lease="cd" * 16, until=LATER.until))
    found.prune(END)

    assert len(found) == 1
    assert found.live("cd" * 16, END) is not None


def test_the_last_renewal_in_the_log_counts_in_whatever_order_they_come() -> None:
    later = replace(LATER, until=END + timedelta(seconds=90))
    found = LeaseBook()
    found.apply(3, RELEASE)
    found.apply(5, later)
    found.apply(4, LATER)

    lease = found.live(RELEASE.lease, END)
    assert lease is not None
    assert lease.until == later.until


def test_a_renewal_on_its_way_shortens_at_once_and_lengthens_later() -> None:
    shorter = replace(
        LATER, until=START + timedelta(seconds=5), challenge=b"s" * 56, lease=RELEASE.lease
    )
    found = book(RELEASE)
    found.announce(LATER)
    found.announce(shorter)
    assert found.live(RELEASE.lease, shorter.until) is None

    found.apply(1, LATER)
    assert found.live(RELEASE.lease, shorter.until) is None
    found.apply(2, shorter)
    lease = found.live(RELEASE.lease, START)
    assert lease is not None
    assert lease.until == shorter.until


def test_a_renewal_that_never_came_changes_nothing() -> None:
    shorter = replace(LATER, until=START + timedelta(seconds=5))
    found = book(RELEASE)
    found.announce(shorter)
    found.retract(shorter)

    lease = found.live(RELEASE.lease, START)
    assert lease is not None
    assert lease.until == END


def test_a_refusal_ends_the_lease_of_its_own_grant_alone() -> None:
    other = replace(RELEASE, lease="cd" * 16, challenge=b"o" * 56)
    found = book(RELEASE, other)
    found.end(b"n" * 56)
    found.end(RELEASE.challenge)

    assert found.live(RELEASE.lease, START) is None
    assert found.live(other.lease, START) is not None
