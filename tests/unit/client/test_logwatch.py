"""One log, seen over time: it may grow and show its past, and nothing else."""

import pytest

from keyturn.base.signatures import load_verify_key
from keyturn.client.errors import HistoryRewritten
from keyturn.client.logwatch import LogWatch
from keyturn.client.memory import Memory
from keyturn.tlog.checkpoints import SignedCheckpoint
from keyturn.tlog.errors import UntrustedCheckpoint
from keyturn.tlog.proofs import Proof, consistency_proof
from support.authority import Clock, spki
from unit.client.scripted_server import ORIGIN, ScriptedServer


class Watched:
    """A server's log and one profile that watches it."""

    def __init__(self) -> None:
        self.server = ScriptedServer(Clock())
        self.memory = Memory(self.server.fingerprint)
        self.asked: list[tuple[int, int]] = []

    def watch(self, kept: SignedCheckpoint | None = None) -> LogWatch:
        key = load_verify_key(spki(self.server.log_key))
        return LogWatch(key, ORIGIN, self.memory, self.ask, kept)

    def ask(self, old: int, new: int) -> Proof:
        self.asked.append((old, new))
        return consistency_proof(old, new, self.server.node)

    def note(self, size: int) -> bytes:
        return self.server.checkpoint(size).to_bytes()

    def seen(self, size: int) -> SignedCheckpoint:
        return self.server.checkpoint(size)


@pytest.fixture
def watched() -> Watched:
    return Watched()


def test_the_first_checkpoint_is_kept(watched: Watched) -> None:
    watched.watch().advance(watched.note(2))
    assert watched.memory.recall().checkpoints == {ORIGIN: watched.note(2)}
    assert watched.asked == []


def test_growth_is_proved_also_in_the_next_run(watched: Watched) -> None:
    watched.watch().advance(watched.note(1))
    watch = watched.watch()
    watch.advance(watched.note(3))
    assert watched.asked == [(1, 3)]
    assert watch.newest == watched.seen(3)
    assert watched.memory.recall().checkpoints == {ORIGIN: watched.note(3)}


def test_the_past_may_be_shown_again_but_is_never_the_newest(watched: Watched) -> None:
    watch = watched.watch()
    watch.advance(watched.note(3))
    watch.agree(watched.seen(2))
    assert watched.asked == [(2, 3)]
    watch.agree(watched.seen(2))
    assert watched.asked == [(2, 3)]  # once proved is enough
    with pytest.raises(HistoryRewritten, match="older log"):
        watch.advance(watched.note(2))
    assert watch.newest == watched.seen(3)


def test_another_past_is_a_rewritten_history(watched: Watched) -> None:
    watch = watched.watch()
    watch.advance(watched.note(3))
    watched.server.leaves[0] = watched.server.leaves[1]
    for size in (2, 3):
        with pytest.raises(HistoryRewritten) as caught:
            watch.agree(watched.seen(size))
        assert caught.value.shown.checkpoint.size == size
    assert watch.newest != watched.seen(3)


def test_a_larger_kept_checkpoint_does_not_hide_the_one_that_is_remembered(
    watched: Watched,
) -> None:
    """A kept history of the same officer, put here from a machine that was shown a fork."""
    watched.watch().advance(watched.note(2))
    before = watched.memory.recall()
    watched.server.leaves[0] = watched.server.leaves[1]
    watch = watched.watch(watched.seen(3))
    with pytest.raises(HistoryRewritten) as caught:
        watch.advance(watched.note(3))
    assert caught.value.kept.checkpoint.size == 2
    assert watched.memory.recall() == before
    with pytest.raises(HistoryRewritten):
        watch.agree(watched.seen(3))


def test_both_are_proved_to_be_of_one_history_once(watched: Watched) -> None:
    watched.watch().advance(watched.note(2))
    watch = watched.watch(watched.seen(3))
    watch.advance(watched.note(3))
    watch.advance(watched.note(3))
    assert watched.asked == [(2, 3)]


def test_a_proof_that_is_none_is_a_rewritten_history(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch = watched.watch()
    watch.advance(watched.note(1))
    monkeypatch.setattr(watch, "_ask", lambda *_: ())
    with pytest.raises(HistoryRewritten, match="does not extend"):
        watch.advance(watched.note(3))


def test_a_kept_checkpoint_of_another_key_is_not_believed(watched: Watched) -> None:
    watched.watch().advance(watched.note(3))
    watched.server.log_key = ScriptedServer(Clock()).log_key
    with pytest.raises(UntrustedCheckpoint):
        watched.watch()


def test_what_was_seen_under_the_older_key_binds_the_newer(watched: Watched) -> None:
    server = watched.server
    watched.watch().advance(watched.note(3))
    server.replace_log_key()
    key = load_verify_key(spki(server.log_key))

    watch = LogWatch(key, server.origin, watched.memory, watched.ask)
    assert watch.newest is not None
    assert watch.newest.checkpoint.size == 3
    watch.advance(watched.note(5))
    assert watched.asked == [(3, 5)]
    assert set(watched.memory.recall().checkpoints) == {ORIGIN, server.origin}

    server.leaves[1] = server.leaves[0]  # and in the next run both are compared
    with pytest.raises(HistoryRewritten):
        LogWatch(key, server.origin, watched.memory, watched.ask).recall()
