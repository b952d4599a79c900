"""Two ways to a host; both hand the host's own answer or its own no back."""

from pathlib import Path
from typing import Any, cast

import pytest

from keyturn.base.errors import UnreachableError
from keyturn.base.strictjson import Fields
from keyturn.client.ceremonies import CeremonyReader
from keyturn.client.ceremonydoor import LocalDoor, ServerDoor
from keyturn.client.client import KeyturnClient
from keyturn.client.errors import MalformedAnswer
from keyturn.wire.ceremonies import AskCeremonies, AskCeremonyFile, SayInCeremony
from keyturn.wire.errors import PeerRefused
from support.ceremonies import Cast, Play, genesis_plan
from support.playedhost import PlayedHost


def played() -> PlayedHost:
    cast = Cast()
    return PlayedHost(cast, Play(cast, genesis_plan(cast)))


def test_at_the_desk_by_the_hosts_socket(tmp_path: Path) -> None:
    with played().serving(tmp_path / "host.sock") as path:
        door = LocalDoor(path)
        assert door.path == path
        assert [each.step for each in door.ask(AskCeremonies()).ceremonies] == ["open"]
        assert CeremonyReader(door).read("rehearsal-genesis-1").plan.token == "keyturn-rehearsal"
        with pytest.raises(PeerRefused) as refused:
            door.ask(AskCeremonyFile("rehearsal-genesis-1", "none.json"))
        assert refused.value.kind == "not-found"
        with pytest.raises(PeerRefused) as refused:
            door.ask(SayInCeremony("rehearsal-genesis-1", b"{}"))
        assert refused.value.kind == "malformed"


def test_a_host_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UnreachableError):
        LocalDoor(tmp_path / "no.sock").ask(AskCeremonies())


class Forwarding(KeyturnClient):
    """A client whose server answers what the test says."""

    def __init__(self, answer: dict[str, Any]) -> None:
        self.answers = answer

    def _asked(self, ask: Any) -> Any:
        return Fields(self.answers, "answer")


def test_through_the_control_plane() -> None:
    host = played()
    door = ServerDoor(Forwarding({"answer": host.answer(AskCeremonies())}))
    assert door.ask(AskCeremonies()) == host.ask(AskCeremonies())


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"answer": None},
        {"answer": {}},
        {"answer": {"host": "*", "ceremonies": []}},
        {"answer": {"host": "", "ceremonies": [], "more": 1}},
        {"answer": {"host": "", "ceremonies": [{}]}},
    ],
)
def test_what_a_control_plane_makes_up_is_malformed(answer: dict[str, Any]) -> None:
    with pytest.raises(MalformedAnswer):
        ServerDoor(cast("KeyturnClient", Forwarding(answer))).ask(AskCeremonies())
