"""Two ways to a host; both hand the host's own answer or its own no back."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from keyturn.base.errors import UnreachableError
from keyturn.base.strictjson import Fields, dump
from keyturn.client.ceremonies import CeremonyReader
from keyturn.client.ceremonydoor import LocalDoor, Question, ServerDoor, question_of
from keyturn.client.client import KeyturnClient
from keyturn.client.errors import MalformedAnswer, ServerRefused
from keyturn.client.memory import Memory
from keyturn.client.profile import Profile
from keyturn.client.transport import Transport
from keyturn.officerkeys.location import InKeyring
from keyturn.wire.ceremonies import (
    AskCeremonies,
    AskCeremonyFile,
    CeremonyRequest,
    SayInCeremony,
)
from keyturn.wire.errors import PeerRefused
from support.ceremonies import Cast, Play, genesis_plan
from support.control import World, running_world
from support.playedhost import PlayedHost
from support.signers import PersonSigner


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
    with pytest.raises(UnreachableError) as gone:
        LocalDoor(tmp_path / "no.sock").ask(AskCeremonies())
    assert gone.value.found == str(tmp_path / "no.sock")
    assert "Start it again" in gone.value.hint


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


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with running_world(tmp_path) as made:
        yield made


def test_by_a_real_control_plane_to_its_keyholder(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    host, before = played(), world.keyholder.answer

    def answer(question: object) -> object:
        return host.answer(question) if isinstance(question, CeremonyRequest) else before(question)  # type: ignore[arg-type]

    monkeypatch.setattr(world.keyholder, "answer", answer)
    profile = Profile(world.url, world.pin, world.keyholder.fingerprint, "ada", InKeyring("ada"))
    client = KeyturnClient(
        profile,
        Memory(profile.fingerprint),
        Transport.pinned(world.url, world.pin),
        now=world.clock,
        signer=lambda: PersonSigner(world.authority.people["ada"]),
    )
    with client:
        door = ServerDoor(client)
        assert CeremonyReader(door).read("rehearsal-genesis-1").plan.witness == "viktor"
        with pytest.raises(ServerRefused) as refused:
            door.ask(AskCeremonyFile("rehearsal-genesis-1", "none.json"))
    assert (refused.value.status, refused.value.kind) == (404, "not-found")


def test_questions_that_change_nothing_are_told_from_all_others() -> None:
    def read(request: dict[str, object], **more: object) -> Question | None:
        return question_of(dump({"request": request, **more}), limit=1 << 14)

    assert read({"op": "ceremonies"}) == Question("ceremonies")
    assert read({"op": "ceremony", "ceremony": "g", "since": 3}) == Question("ceremony g", 3)
    file = {"op": "ceremony-file", "ceremony": "g", "name": "transcript.json"}
    assert read(file) == Question("ceremony-file g")
    for other in ({**file, "name": "kek-backup.json"}, {**file, "more": 1}, {}, {"op": "hello"}):
        assert read(other) is None
    assert read({"op": "ceremonies"}, more=1) is None
    assert read({"op": "ceremony-sign", "ceremony": "g", "envelope": "", "attached": []}) is None
    assert question_of(b"{", limit=1 << 14) is None
    assert question_of(b" " * 20, limit=8) is None
