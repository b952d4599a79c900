"""A replay that is taken up again says the same as one from the beginning."""

from keyturn.base.encoding import digest_of
from keyturn.keyholder.journal import Journal
from keyturn.keyholder.replaying import Replay
from keyturn.keyrelease.continuation import previous_check
from keyturn.quorum.entries import CeremonyEntry
from keyturn.quorum.reports import Program
from keyturn.quorum.state import AuthorityState
from support.hsmtoken import Model
from support.ready import Ready
from support.system import System


def replayed(system: System, until: int) -> Replay:
    log = system.keyholder.journal.log
    replay, check = Replay(AuthorityState(system.fingerprint)), previous_check(log.root)
    for leaf in log.leaves(0, until):
        replay.apply(leaf, log.object, check)
    return replay


def test_going_on_is_as_good_as_beginning_again(ready: Ready) -> None:
    ready.ask()
    ready.system.restart()
    ready.ask()
    journal = ready.system.keyholder.journal
    half = replayed(ready.system, journal.log.size // 2)
    assert 0 < half.state.size < journal.log.size

    resumed = Journal(journal.log, ready.system.fingerprint, ready.system.clock, replayed=half)
    fresh = Journal(journal.log, ready.system.fingerprint, ready.system.clock)

    assert resumed.state.newest == fresh.state.newest
    assert resumed.state.size == fresh.state.size == journal.log.size
    assert len(half.leases) == len(fresh._leases) == 2
    assert resumed.configured(Program.KEYHOLDER) == fresh.configured(Program.KEYHOLDER)


def test_records_of_steps_that_were_done_are_remembered(system: System, model: Model) -> None:
    journal = system.keyholder.journal
    expected = []
    with journal.ordered():
        for seq, event in enumerate(("opened", "done", "failed", "done")):
            digest = journal.put_object(f"{seq}".encode())
            entry = CeremonyEntry("a-1", "unseal", seq, event, digest, None)
            at = journal.commit_ceremony(entry, reserved=True).index
            assert journal.index_of(digest) == at
            expected += [digest] if event == "done" else []
    again = replayed(system, journal.log.size)
    assert again.done == expected
    assert again.recorded[digest] == journal.log.size - 1
    assert journal.index_of(digest_of(b"of no ceremony")) is None
