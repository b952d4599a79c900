"""The copy of the log: fetched once, proved each time, thrown away when it was touched."""

from pathlib import Path

import pytest

from keyturn.base.encoding import Digest
from keyturn.client.errors import MalformedAnswer, ServerLied
from keyturn.client.history import History
from keyturn.quorum.errors import LogInconsistent
from keyturn.quorum.kinds import Kind
from support.authority import Clock, policy_body
from unit.client.scripted_server import ScriptedServer


class Source:
    """Counts what is fetched from a scripted server."""

    def __init__(self, server: ScriptedServer) -> None:
        self.server = server
        self.entries: list[tuple[int, int]] = []
        self.objects: list[Digest] = []

    def fetch(self, start: int, end: int) -> list[bytes]:
        self.entries.append((start, end))
        return self.server.leaves[start : min(end, start + 2)]

    def fetch_object(self, digest: Digest) -> bytes:
        self.objects.append(digest)
        return self.server.objects[digest]

    def history(self, directory: Path | None) -> History:
        return History(self.server.fingerprint, self.fetch, self.fetch_object, directory)


@pytest.fixture
def source() -> Source:
    return Source(ScriptedServer(Clock()))


def test_pages_are_joined_and_replayed(source: Source) -> None:
    history = source.history(None)
    state = history.sync(source.server.checkpoint().checkpoint)
    assert source.entries == [(0, 3), (2, 3)]
    assert state.by_digest.keys() == source.server.state.by_digest.keys()
    assert list(history.leaves) == source.server.leaves


def test_the_next_run_fetches_only_what_is_new(source: Source, tmp_path: Path) -> None:
    source.history(tmp_path).sync(source.server.checkpoint().checkpoint)
    source.server.enact(Kind.POLICY, "serving", policy_body())
    source.entries.clear()
    source.objects.clear()
    state = source.history(tmp_path).sync(source.server.checkpoint().checkpoint)
    assert source.entries == [(3, 4)]
    assert len(source.objects) == 3  # the policy and its two approvals
    assert state.size == 4


def test_a_touched_copy_is_fetched_again(source: Source, tmp_path: Path) -> None:
    source.history(tmp_path).sync(source.server.checkpoint().checkpoint)
    (copy,) = tmp_path.glob("0*")
    copy.write_bytes(copy.read_bytes().replace(b'"version":1', b'"version":2'))
    source.entries.clear()
    state = source.history(tmp_path).sync(source.server.checkpoint().checkpoint)
    assert source.entries == [(0, 3), (2, 3)]
    assert state.size == 3
    source.entries.clear()
    source.history(tmp_path).sync(source.server.checkpoint().checkpoint)
    assert source.entries == []


def test_a_cut_copy_and_a_touched_object_are_fetched_again(source: Source, tmp_path: Path) -> None:
    source.history(tmp_path).sync(source.server.checkpoint().checkpoint)
    (copy,) = tmp_path.glob("0*")
    copy.write_bytes(copy.read_bytes()[:-1])
    touched = next((tmp_path / "objects").iterdir())
    touched.write_bytes(b"something else")
    source.objects.clear()
    source.history(tmp_path).sync(source.server.checkpoint().checkpoint)
    assert [each.removeprefix("sha256:") for each in source.objects] == [touched.name]


def test_other_leaves_than_the_checkpoints_are_a_lie(source: Source) -> None:
    checkpoint = source.server.checkpoint().checkpoint
    source.server.leaves[1] = source.server.leaves[2]
    with pytest.raises(ServerLied, match="do not lead"):
        source.history(None).sync(checkpoint)


def test_a_page_of_nothing_is_malformed(source: Source) -> None:
    checkpoint = source.server.checkpoint().checkpoint
    source.server.leaves.pop()
    with pytest.raises(MalformedAnswer, match="log entries"):
        source.history(None).sync(checkpoint)


def test_a_log_that_no_honest_keyholder_writes_is_inconsistent(source: Source) -> None:
    source.server.leaves[2] = source.server.leaves[2].replace(b'"version":1', b'"version":2')
    with pytest.raises(LogInconsistent, match="names another statement"):
        source.history(None).sync(source.server.checkpoint().checkpoint)


def test_after_a_failure_the_truth_is_still_accepted(source: Source) -> None:
    history = source.history(None)
    true_leaf = source.server.leaves[2]
    checkpoint = source.server.checkpoint().checkpoint
    source.server.leaves[2] = source.server.leaves[1]
    with pytest.raises(ServerLied):
        history.sync(checkpoint)
    source.server.leaves[2] = true_leaf
    assert history.sync(checkpoint).size == 3


def test_the_leaves_are_those_of_their_time(source: Source) -> None:
    history = source.history(None)
    assert len(history.leaves) == 0
    history.sync(source.server.checkpoint().checkpoint)
    before = history.leaves
    source.server.enact(Kind.POLICY, "serving", policy_body())
    history.sync(source.server.checkpoint().checkpoint)
    assert (len(before), len(history.leaves)) == (3, 4)
