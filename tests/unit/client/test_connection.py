"""A connection's authority and log: older, forked, cut, or of another key, each is told."""

from pathlib import Path

import pytest

from keyturn.base.encoding import b64, unb64
from keyturn.client.errors import (
    AuthorityRolledBack,
    HistoryRewritten,
    ServerLied,
    ServerRefused,
)
from keyturn.client.memory import Memory
from keyturn.quorum.bundle import make_bundle
from keyturn.quorum.kinds import Kind
from keyturn.quorum.state import replay
from keyturn.tlog.errors import UntrustedCheckpoint
from support.authority import Clock, make_people, policy_body
from unit.client.scripted_server import ORIGIN, ScriptedServer

PLATFORMS = {"platforms": [{"id": "amd-genoa-00", "site": "here", "note": ""}]}


@pytest.fixture
def server() -> ScriptedServer:
    return ScriptedServer(Clock())


def a_policy(server: ScriptedServer, approvers: tuple[str, ...] = ()) -> str:
    made = server.authority.propose(Kind.POLICY, "serving", policy_body())
    made.approvals += [server.authority.approval(made.digest, each) for each in approvers]
    return server.post(made)


def test_hello_and_authority_of_the_pinned_fingerprint(server: ScriptedServer) -> None:
    client = server.client()
    assert client.hello().fingerprint == server.fingerprint
    assert set(client.authority().roster.officers) == {"ada", "bela", "chen", "dora", "emil"}


def test_a_forgotten_session_is_renewed_once(server: ScriptedServer) -> None:
    client = server.client()
    client.proposals()
    server.tokens.clear()
    assert len(client.proposals()) == 2
    assert sum(path == "/v1/sessions" for _, path in server.asked) == 2


def test_a_receipt_is_of_the_history_seen(server: ScriptedServer) -> None:
    entry = server.client().receipt(1)
    assert (entry.index, entry.leaf) == (1, server.leaves[1])


def test_a_roster_newer_than_the_servers_bundle_is_known_from_the_log(
    server: ScriptedServer,
) -> None:
    old = b64(make_bundle(server.state))
    server.authority.people |= make_people(["zoe"])
    server.enact(Kind.ROSTER, "roster", server.authority.roster_body())
    server.lie("/v1/authority", lambda true: {"bundle": old})
    digest = a_policy(server, ("zoe",))
    assert server.client().proposal(digest).approved_by == ("zoe",)


def test_another_authority_is_named_at_once(server: ScriptedServer) -> None:
    other = ScriptedServer(server.clock)
    server.lie("/v1/hello", lambda true: {**true, "fingerprint": other.fingerprint})
    with pytest.raises(ServerLied, match="another authority") as caught:
        server.client().hello()
    assert (caught.value.found, caught.value.expected) == (other.fingerprint, server.fingerprint)


def test_a_bundle_of_another_authority_is_a_lie(server: ScriptedServer) -> None:
    bundle = b64(make_bundle(ScriptedServer(server.clock).state))
    server.lie("/v1/authority", lambda true: {"bundle": bundle})
    with pytest.raises(ServerLied, match="authority is not the pinned one"):
        server.client().authority()


def test_an_older_roster_than_seen_is_a_rollback(server: ScriptedServer) -> None:
    old = b64(make_bundle(server.state))
    server.enact(Kind.ROSTER, "roster", server.authority.roster_body())
    memory = Memory(server.fingerprint)
    server.client(memory=memory).authority()
    server.lie("/v1/authority", lambda true: {"bundle": old})
    with pytest.raises(AuthorityRolledBack, match="roster") as caught:
        server.client(memory=memory).authority()
    assert caught.value.expected == "version 2 or newer"
    assert server.client().authority().roster  # whoever saw nothing newer cannot know


def test_a_stale_checkpoint_is_a_rewritten_history(server: ScriptedServer) -> None:
    memory = Memory(server.fingerprint)
    old = server.checkpoint(2)
    server.client(memory=memory).checkpoint()
    server.lie("/v1/log/checkpoint", lambda true: {"note": old.to_bytes().decode()})
    with pytest.raises(HistoryRewritten, match="older log") as caught:
        server.client(memory=memory).checkpoint()
    assert caught.value.kept.checkpoint.size == 3
    assert caught.value.shown.checkpoint == old.checkpoint


def fork(server: ScriptedServer) -> None:
    """The same log key signs a history in which the last entry is another one."""
    server.leaves[-1] = server.leaves[-1].replace(b'"version":1', b'"version":7')


def test_a_fork_of_one_size_is_a_rewritten_history(server: ScriptedServer) -> None:
    memory = Memory(server.fingerprint)
    kept = server.client(memory=memory).checkpoint()
    fork(server)
    with pytest.raises(HistoryRewritten, match="does not extend") as caught:
        server.client(memory=memory).checkpoint()
    assert caught.value.kept.checkpoint == kept.checkpoint
    assert caught.value.shown.checkpoint == server.checkpoint().checkpoint


def test_a_longer_fork_is_a_rewritten_history(server: ScriptedServer) -> None:
    memory = Memory(server.fingerprint)
    server.client(memory=memory).checkpoint()
    server.enact(Kind.POLICY, "serving", policy_body())
    server.client(memory=Memory(server.fingerprint)).checkpoint()
    server.leaves[2] = server.leaves[2].replace(b'"version":1', b'"version":7')
    with pytest.raises(HistoryRewritten):
        server.client(memory=memory).checkpoint()


def forgetful(server: ScriptedServer, directory: Path) -> Memory:
    """What was kept of the log is there, and the memory of its checkpoint is gone."""
    memory = Memory(server.fingerprint, directory)
    with server.client(memory=memory) as client:
        client.seen()
    assert memory.directory is not None
    (memory.directory / "memory.json").unlink()
    return memory


def test_a_fork_before_what_is_kept_is_a_rewritten_history(
    server: ScriptedServer, tmp_path: Path
) -> None:
    kept = server.checkpoint().checkpoint
    memory = forgetful(server, tmp_path)
    fork(server)
    with pytest.raises(HistoryRewritten) as caught:
        server.client(memory=memory).seen()
    assert caught.value.kept.checkpoint == kept


def test_a_log_older_than_what_is_kept_is_a_rewritten_history(
    server: ScriptedServer, tmp_path: Path
) -> None:
    server.enact(Kind.POLICY, "serving", policy_body())
    memory = forgetful(server, tmp_path)
    older = server.checkpoint(3).to_bytes().decode()
    server.lie("/v1/log/checkpoint", lambda _: {"note": older})
    with pytest.raises(HistoryRewritten, match="older log"):
        server.client(memory=memory).seen()


def test_a_fork_behind_what_is_kept_is_a_rewritten_history(
    server: ScriptedServer, tmp_path: Path
) -> None:
    memory = forgetful(server, tmp_path)
    server.enact(Kind.POLICY, "serving", policy_body())
    server.client(memory=memory).checkpoint()  # known to the memory alone
    server.leaves[3] = server.leaves[3].replace(b'"version":1', b'"version":2')
    server.leaves.append(server.leaves[3])
    with pytest.raises(HistoryRewritten):
        server.client(memory=memory).seen()


def test_a_memory_of_one_fork_and_a_kept_log_of_another_are_a_rewritten_history(
    server: ScriptedServer, tmp_path: Path
) -> None:
    memory = forgetful(server, tmp_path)
    fork(server)
    server.leaves.append(server.leaves[2])
    note = server.checkpoint().to_bytes()
    memory.keep_checkpoint(server.origin, note)
    with pytest.raises(HistoryRewritten):
        server.client(memory=memory).seen()


def test_the_next_client_asks_for_no_entry_again(server: ScriptedServer, tmp_path: Path) -> None:
    memory = Memory(server.fingerprint, tmp_path)
    with server.client(memory=memory) as client:
        client.seen()
    server.asked.clear()
    with server.client(memory=memory) as client:
        assert client.seen().state.size == len(server.leaves)
    asked = {path for _, path in server.asked}
    assert asked == {"/v1/authority", "/v1/log/checkpoint"}


def test_what_cannot_be_used_any_more_is_told(server: ScriptedServer, tmp_path: Path) -> None:
    memory = Memory(server.fingerprint, tmp_path)
    with server.client(memory=memory) as client:
        assert client.seen().told == ""
    (kept,) = tmp_path.glob("*/log-*/kept")
    kept.write_bytes(kept.read_bytes()[:-1])
    with server.client(memory=memory) as client:
        assert "cut short" in client.seen().told or "changed" in client.seen().told


def test_an_honest_log_that_grew_is_accepted(server: ScriptedServer) -> None:
    memory = Memory(server.fingerprint)
    server.client(memory=memory).checkpoint()
    for lease in (30, 40, 50):
        server.enact(Kind.POLICY, "serving", policy_body(lease_seconds=lease))
        assert server.client(memory=memory).checkpoint().checkpoint.size == len(server.leaves)


def test_a_checkpoint_by_another_key_is_untrusted(server: ScriptedServer) -> None:
    other = ScriptedServer(server.clock).checkpoint()
    server.lie("/v1/log/checkpoint", lambda true: {"note": other.to_bytes().decode()})
    with pytest.raises(UntrustedCheckpoint):
        server.client().checkpoint()


def test_entries_that_do_not_lead_to_the_checkpoint_are_a_lie(server: ScriptedServer) -> None:
    def edited(true: dict[str, object]) -> dict[str, object]:
        leaves = true["leaves"]
        assert isinstance(leaves, list)
        raw = unb64(leaves[-1]).replace(b'"version":1', b'"version":2')
        return {**true, "leaves": [*leaves[:-1], b64(raw)]}

    server.lie("/v1/log/entries", edited)
    with pytest.raises(ServerLied, match="do not lead to its signed checkpoint"):
        server.client().state()


def test_another_object_than_asked_for_is_a_lie(server: ScriptedServer) -> None:
    digest = next(iter(server.objects))
    server.lie(f"/v1/log/objects/{digest}", lambda true: {"data": b64(b"another")})
    with pytest.raises(ServerLied, match="another object"):
        server.client().state()


def test_an_absent_object_is_no_inconsistent_log(server: ScriptedServer) -> None:
    digest, data = server.objects.popitem()
    with pytest.raises(ServerRefused):
        server.client().state()
    server.objects[digest] = data
    assert server.client().state().size == len(server.leaves)


def test_a_look_asks_for_nothing_but_the_checkpoint_when_nothing_is_new(
    server: ScriptedServer,
) -> None:
    client = server.client()
    first = client.seen()
    server.asked.clear()
    second = client.seen()
    assert server.asked == [("GET", "/v1/log/checkpoint")]
    assert second.state is first.state
    assert second.checkpoint.checkpoint == server.checkpoint().checkpoint
    assert list(second.leaves) == server.leaves


def test_a_look_notices_a_newer_roster_and_a_new_log(server: ScriptedServer) -> None:
    client = server.client()
    client.seen()
    server.enact(Kind.ROSTER, "roster", server.authority.roster_body())
    assert not client.seen().overtaken

    server.replace_log_key()
    seen = client.seen()
    assert seen.checkpoint.checkpoint.origin == server.origin
    assert seen.authority.origin == server.origin


def test_a_checkpoint_by_another_key_stays_untrusted(server: ScriptedServer) -> None:
    client = server.client()
    client.seen()
    other = ScriptedServer(server.clock).checkpoint()
    server.lie("/v1/log/checkpoint", lambda true: {"note": other.to_bytes().decode()})
    with pytest.raises(UntrustedCheckpoint):
        client.seen()


# The log goes on under another key


@pytest.mark.parametrize("again", [False, True], ids=["open all the time", "opened again"])
def test_a_replaced_log_key_is_followed_by_a_proof(server: ScriptedServer, again: bool) -> None:
    memory = Memory(server.fingerprint)
    client = server.client(memory=memory)
    known = client.seen().checkpoint.checkpoint.size
    server.enact(Kind.POLICY, "serving", policy_body())
    server.replace_log_key()
    client = server.client(memory=memory) if again else client
    server.asked.clear()

    seen = client.seen()

    assert seen.checkpoint.checkpoint.origin == server.origin
    assert [each.last for each in seen.state.log_names] == [known + 1, None]
    assert ("GET", "/v1/log/consistency") in server.asked
    assert client.receipt(1).leaf == server.leaves[1]
    assert server.client(memory=memory).state().size == len(server.leaves)


def test_a_fork_under_the_new_key_is_told(server: ScriptedServer) -> None:
    """A quorum for new keys is no quorum for another past."""
    memory = Memory(server.fingerprint)
    server.enact(Kind.POLICY, "serving", policy_body())
    server.client(memory=memory).seen()
    old = server.leaves.pop()  # restored from before that entry
    server.state = replay(server.fingerprint, server.leaves, server.objects.__getitem__)
    server.replace_log_key()
    server.enact(Kind.PLATFORMS, "eu", PLATFORMS)

    with pytest.raises(HistoryRewritten) as caught:
        server.client(memory=memory).seen()

    kept, shown = caught.value.kept.checkpoint, caught.value.shown.checkpoint
    assert (kept.origin, shown.origin) == (ORIGIN, server.origin)
    assert old not in server.leaves


def test_a_shorter_log_under_the_new_key_is_told(server: ScriptedServer) -> None:
    memory = Memory(server.fingerprint)
    for subject in ("a", "b", "c", "d"):
        server.enact(Kind.POLICY, subject, policy_body())
    server.client(memory=memory).seen()
    del server.leaves[3:]
    server.state = replay(server.fingerprint, server.leaves, server.objects.__getitem__)
    server.replace_log_key()

    with pytest.raises(HistoryRewritten, match="older log"):
        server.client(memory=memory).seen()


def test_the_older_key_signs_nothing_beyond_the_seam(server: ScriptedServer) -> None:
    """Who kept the old token, and the bundle of its time, shows a longer log by it."""
    old_key, old_bundle = server.log_key, b64(make_bundle(server.state))
    server.replace_log_key()
    server.log_key, server.origin = old_key, ORIGIN
    server.lie("/v1/authority", lambda _true: {"bundle": old_bundle})

    with pytest.raises(ServerLied, match="does not name the key"):
        server.client().seen()


def test_new_keys_that_the_log_does_not_know_are_a_lie(server: ScriptedServer) -> None:
    """A quorum signed them; no entry brought them into force."""
    leaves, state = list(server.leaves), server.state
    server.replace_log_key()
    bundle = b64(make_bundle(server.state))
    server.leaves, server.state = leaves, state
    server.lie("/v1/authority", lambda _true: {"bundle": bundle})

    with pytest.raises(ServerLied, match="does not name the key"):
        server.client().seen()


def test_the_older_bundle_is_refused_afterwards(server: ScriptedServer) -> None:
    memory, old_bundle = Memory(server.fingerprint), b64(make_bundle(server.state))
    server.replace_log_key()
    server.client(memory=memory).seen()
    server.lie("/v1/authority", lambda _true: {"bundle": old_bundle})

    with pytest.raises(AuthorityRolledBack):
        server.client(memory=memory).seen()


def test_what_is_kept_goes_over_the_seam(server: ScriptedServer, tmp_path: Path) -> None:
    memory = Memory(server.fingerprint, tmp_path)
    server.client(memory=memory).seen()
    server.replace_log_key()
    for _ in range(2):
        memory.keep_session(None)  # the officer's key is open: it keeps
        client = server.client(memory=memory)
        server.asked.clear()
        seen = client.seen()
        assert (seen.state.size, client.told) == (len(server.leaves), "")
    assert ("GET", "/v1/log/entries") not in server.asked
    assert [each.last for each in seen.state.log_names] == [3, None]
