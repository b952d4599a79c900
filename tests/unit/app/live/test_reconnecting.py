"""The server goes away and comes back: one sees it, and no event is lost."""

import contextlib
import socket
from collections.abc import Iterator
from pathlib import Path

from keyturn.base.errors import UnreachableError
from keyturn.quorum.kinds import Kind
from keyturn_app.facts import Link
from support.authority import Authority, Clock, policy_body
from support.control import LocalKeyholder, World, running_server
from unit.app.live.lines import hearing
from unit.client.test_against_control import prove_consistency


@contextlib.contextmanager
def served(directory: Path, keyholder: LocalKeyholder, port: int) -> Iterator[World]:
    with running_server(directory, keyholder, keyholder.clock, port=port) as world:
        prove_consistency(world)
        yield world


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def test_stopped_and_back(tmp_path: Path) -> None:
    clock = Clock()
    keyholder = LocalKeyholder(tmp_path / "keyholder.sock", Authority(clock), clock)
    port = free_port()
    with contextlib.ExitStack() as stack:
        stack.enter_context(keyholder.serving())
        server = contextlib.ExitStack()
        world = server.enter_context(served(tmp_path, keyholder, port))
        heard = stack.enter_context(hearing(world, tmp_path / "ada"))
        before = heard.until(lambda facts: bool(facts.happenings))
        server.close()
        lost = heard.until_link(Link.RECONNECTING)
        assert lost.connection.failures > 0
        assert lost.connection.error
        assert lost.seen is not None  # still what was verified, with its time
        assert isinstance(heard.asked(lambda client: client.checkpoint()), UnreachableError)

        made = world.authority.approved(Kind.POLICY, "serving", policy_body())
        keyholder.enter(Kind.POLICY, "serving", made)  # while nobody listens
        stack.enter_context(served(tmp_path, keyholder, port))
        heard.until_link(Link.LIVE)
        after = heard.until(lambda facts: len(facts.happenings) > len(before.happenings))
        numbers = [each.id for each in after.happenings]
        assert numbers == list(range(numbers[0], numbers[-1] + 1))
        assert "in-force" in {each.kind for each in after.happenings}
        heard.until(
            lambda facts: (
                facts.seen is not None and (Kind.POLICY, "serving") in facts.seen.state.newest
            )
        )
        assert heard.facts.alarms == ()
        assert heard.facts.connection.failures == 0
