"""The order of entries, the clock and the leases that the log remembers."""

import threading
from datetime import timedelta

import pytest

from keyturn.hsm.errors import HsmUnreachable
from keyturn.keyholder.errors import ClockRefused, KeyholderStopped
from keyturn.keyholder.journal import Journal
from keyturn.keyrelease.audit import audit_log
from keyturn.keyrelease.entries import GrantEntry, read_grant
from keyturn.quorum.entries import EntryKind, parse_entry, start_entry
from keyturn.quorum.errors import LogInconsistent
from keyturn.quorum.kinds import Kind
from support.authority import START
from support.hsmviews import HsmView
from support.ready import Ready
from support.system import System, reasons

BOOT = "ab" * 16


@pytest.fixture
def journal(system: System) -> Journal:
    return system.keyholder.journal


def enter_start(journal: Journal) -> None:
    with journal.ordered():
        journal.commit(start_entry(journal.now(), BOOT, "a test"))


def test_an_entry_is_on_the_disk_when_commit_returns(system: System, journal: Journal) -> None:
    enter_start(journal)

    assert parse_entry(journal.log.leaf(journal.log.size - 1)).kind is EntryKind.START
    assert journal.state.size == journal.log.size
    assert system.restart().journal.log.size == journal.log.size + 1


def test_an_entry_that_breaks_the_rules_is_not_written(journal: Journal) -> None:
    size = journal.log.size
    leaf = start_entry(START - timedelta(days=1), BOOT, "a test")

    with pytest.raises(LogInconsistent, match="time runs backwards"), journal.ordered():
        journal.commit(leaf)

    assert journal.log.size == size
    enter_start(journal)  # and the journal lives


def test_a_clock_before_the_last_entry_is_refused(system: System, journal: Journal) -> None:
    system.clock.advance(seconds=10)
    enter_start(journal)
    system.clock.advance(seconds=-1)

    with pytest.raises(ClockRefused, match="before the log's last entry"):
        journal.now()
    system.clock.advance(seconds=1)
    assert journal.now() == START + timedelta(seconds=10)


def test_a_clock_that_went_back_is_refused_without_an_entry(
    system: System, journal: Journal
) -> None:
    """A spent challenge is forgotten by the clock: set forward and back it would live again."""
    system.clock.advance(hours=1)
    journal.now()
    system.clock.advance(hours=-1)

    with pytest.raises(ClockRefused, match="back"):
        journal.now()
    system.clock.advance(hours=1)
    assert journal.now() == START + timedelta(hours=1)


def test_fractions_of_a_second_are_cut_off(system: System, journal: Journal) -> None:
    system.clock.advance(milliseconds=1999)

    assert journal.now() == START + timedelta(seconds=1)


def test_an_entry_made_while_the_clock_is_read_is_no_clock_set_back(
    system: System, journal: Journal
) -> None:
    """Another thread enters something between the reading of the clock and its comparison."""
    earlier = system.clock()
    thread = threading.Thread(target=enter_start, args=(journal,))

    def reading() -> object:
        system.clock.advance(seconds=5)
        journal._clock = system.clock
        thread.start()
        thread.join(0.5)  # it cannot end first where reading is in one piece
        return earlier

    journal._clock = reading  # type: ignore[assignment]

    assert journal.now() == earlier
    thread.join()
    assert journal.now() == earlier + timedelta(seconds=5)


def test_a_failed_append_stops_the_keyholder_for_good(system: System, journal: Journal) -> None:
    view = system.hsm
    assert isinstance(view, HsmView)
    view.lose(0)
    with pytest.raises(HsmUnreachable):
        enter_start(journal)

    with pytest.raises(KeyholderStopped, match="HSM worker died") as stopped:
        journal.check_alive()
    assert "restart" in stopped.value.hint
    with pytest.raises(KeyholderStopped), journal.ordered():
        pytest.fail("nothing may be ordered any more")

    assert system.restart().journal.log.size == journal.log.size + 2  # the entry and a start


def test_leases_are_those_of_the_log(ready: Ready) -> None:
    system = ready.system
    lease = ready.opened()[0].grant.lease
    now = system.clock()
    before = system.keyholder.journal.live_lease(lease, now)
    assert before is not None
    assert before.until == now + timedelta(seconds=60)

    system.restart()

    journal = system.keyholder.journal
    assert journal.live_lease(lease, now) == before
    assert journal.live_lease(lease, before.until) is None
    assert journal.live_lease(None, now) is None
    assert journal.live_lease("00" * 16, now) is None


def test_renewals_count_in_the_order_of_the_log(ready: Ready) -> None:
    """Two threads renew one lease; the one whose entry is first may be the last to say so."""
    journal = ready.system.keyholder.journal
    lease = ready.opened()[0].grant.lease
    first, second = (renewed(ready, lease, seconds) for seconds in (3600, 5))
    ready.system.clock.advance(seconds=1)
    at = journal.log.size

    journal.enter_lease(at + 1, second)
    journal.enter_lease(at, first)

    found = journal.live_lease(lease, ready.system.clock())
    assert found is not None
    assert found.until == second.until


def renewed(ready: Ready, lease: str, seconds: int) -> GrantEntry:
    ready.system.set_policy(lease_seconds=seconds)
    assert ready.ask(lease=lease).granted
    return read_grant(parse_entry(ready.entries("grant")[-1]))


def test_leases_that_are_over_are_forgotten(ready: Ready) -> None:
    """A keyholder that releases for months must not keep every lease in memory."""
    book = ready.system.keyholder.journal._leases
    for _ in range(40):
        assert ready.ask().granted
        ready.system.clock.advance(seconds=61)

    assert len(book) <= 16
    ready.system.restart()
    assert len(ready.system.keyholder.journal._leases) <= 16


def test_a_log_of_another_authority_is_not_replayed(system: System) -> None:
    log = system.keyholder.journal.log
    system.keyholder.close()
    other = system.fingerprint[:-4] + "0000"

    with pytest.raises(LogInconsistent, match="another authority"):
        Journal(log, type(system.fingerprint)(other), system.clock)


def test_state_in_force_is_what_the_entries_say(ready: Ready) -> None:
    before = ready.system.keyholder.journal.state
    after = ready.system.restart().journal.state

    assert after.by_digest.keys() == before.by_digest.keys()
    assert (
        after.newest[(Kind.POLICY, "serving")].index
        == before.newest[(Kind.POLICY, "serving")].index
    )


def test_a_lease_whose_key_never_left_does_not_live_again(ready: Ready) -> None:
    """Refused for its wrapped key after its grant was logged: also when the log is replayed."""
    assert not ready.ask(wrapped=bytes(40)).granted
    lease = read_grant(parse_entry(ready.entries("grant")[-1])).lease
    assert reasons(ready.ask(lease=lease)) == {"lease-not-live"}

    ready.system.restart()

    assert reasons(ready.ask(lease=lease)) == {"lease-not-live"}


def test_a_lease_that_was_shortened_is_over_before_the_answer_leaves(
    ready: Ready, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A renewal's thread is slow between disk and memory; another asks after the new end."""
    system = ready.system
    lease = ready.opened()[0].grant.lease
    system.set_policy(lease_seconds=5)
    late: list[tuple[int, GrantEntry]] = []
    with monkeypatch.context() as slow:
        slow.setattr(system.keyholder.journal, "enter_lease", lambda *a: late.append(a))
        assert ready.ask(lease=lease).granted
    system.clock.advance(seconds=6)

    assert reasons(ready.ask(lease=lease)) == {"lease-not-live"}
    system.keyholder.journal.enter_lease(*late[0])
    assert reasons(ready.ask(lease=lease)) == {"lease-not-live"}
    log = system.keyholder.journal.log
    audit_log(log.leaves(), system.fingerprint, log.object)
