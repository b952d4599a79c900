"""Ways to a keyholder: an answer that has not its form is the server's fault, and said so."""

import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from keyturn.base.errors import MalformedError, UntrustedError
from keyturn.base.strictjson import Fields, JsonObject
from keyturn.client.errors import MalformedAnswer
from keyturn.client.unsealdoor import (
    LocalUnsealDoor,
    NothingPinned,
    ServerUnsealDoor,
    is_keyholder,
)
from keyturn.keyholder.config import load_config
from keyturn.keyholder.opening import clock
from keyturn.keyholder.sealable import Sealable
from keyturn.keyholder.sealedstate import Place
from keyturn.keyholder.server import KeyholderServer, local_socket
from keyturn.quorum.kinds import Kind
from keyturn.quorum.state import AuthorityState, Chain, InForce
from keyturn.tlog.checkpoints import Checkpoint
from keyturn.tlog.errors import UntrustedProof
from keyturn.tlog.merkle import Hash
from keyturn.wire.errors import PeerUnreachable
from keyturn.wire.keyholder import AnyRequest
from keyturn.wire.unsealing import AskSeal, HandShare, ShareTaken
from support.custodians import share_out
from support.founded import Founded, make_founded
from unit.wire.test_unsealing import NEWS


class Server:
    """Answers what a test says."""

    def __init__(self, answer: JsonObject) -> None:
        self.answer = answer
        self.asked: list[tuple[str, object]] = []

    def ask_get(self, path: str, what: str) -> Fields:
        self.asked.append((path, None))
        return Fields(self.answer, what)

    def ask_post(self, path: str, what: str, document: object) -> Fields:
        self.asked.append((path, document))
        return Fields(self.answer, what)


def test_the_servers_answers_are_read() -> None:
    server = Server(NEWS.document())
    assert ServerUnsealDoor(server).news() == NEWS  # type: ignore[arg-type]
    server.answer = {"entered": ["ada"], "missing": 1, "sealed": True}
    taken = ServerUnsealDoor(server).hand(HandShare(b"e", (b"s",)))  # type: ignore[arg-type]
    assert taken == ShareTaken(("ada",), 1, sealed=True)
    server.answer = {"index": 4}
    assert ServerUnsealDoor(server).seal(AskSeal(b"e")) == 4  # type: ignore[arg-type]
    paths = [path for path, _ in server.asked]
    assert paths == ["/v1/unseal", "/v1/unseal/shares", "/v1/seal"]


@pytest.mark.parametrize(
    "ask",
    [
        lambda door: door.news(),
        lambda door: door.hand(HandShare(b"e", ())),
        lambda door: door.seal(AskSeal(b"e")),
    ],
)
def test_what_has_not_the_form_is_malformed(ask: Callable[[ServerUnsealDoor], object]) -> None:
    for answer in ({}, {"index": "x"}, {**NEWS.document(), "sealed": 1}):
        with pytest.raises(MalformedAnswer):
            ask(ServerUnsealDoor(Server(answer)))  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Founded:
    return share_out(make_founded(tmp_path_factory.mktemp("founded") / "a")).founded


def version_behind(state: AuthorityState) -> dict[Chain, InForce]:
    """A roster that came into force behind the end of this log."""
    found = state.newest[(Kind.ROSTER, "roster")]
    envelope = replace(found.statement.envelope, payload=b"another roster")
    statement = replace(found.statement, envelope=envelope)
    return {(Kind.ROSTER, "roster"): replace(found, statement=statement)}


def test_at_the_machine_the_log_is_replayed_and_compared(founded: Founded) -> None:
    keyholder = Sealable(Place(load_config(founded.config, {}), founded.directory), clock)
    keyholder.begin_sealed()
    server = KeyholderServer(founded.socket, keyholder.answer, lambda _: None)
    thread = threading.Thread(target=server.serve)
    thread.start()
    try:
        path, pinned = local_socket(founded.socket), founded.fingerprint
        known = LocalUnsealDoor(path, pinned, None).known()
        at = known.checkpoint.checkpoint
        assert known.state.roster is not None
        assert LocalUnsealDoor(path, pinned, at).known() == known
        longer = Checkpoint(at.origin, at.size + 1, at.root)
        with pytest.raises(UntrustedError, match="shorter"):
            LocalUnsealDoor(path, pinned, longer).known()
        for size in (at.size, at.size - 1):
            other = Checkpoint(at.origin, size, Hash(bytes(32)))
            with pytest.raises(UntrustedProof):
                LocalUnsealDoor(path, pinned, other).known()
        assert LocalUnsealDoor(path, pinned, None, known.state).known() == known
        newer = replace(known.state, newest={**known.state.newest, **version_behind(known.state)})
        with pytest.raises(UntrustedError, match="older copy") as refused:
            LocalUnsealDoor(path, pinned, None, newer).known()
        assert refused.value.expected == "roster roster, version 1"
        foreign = type(pinned)("sha256:" + "00" * 32)
        with pytest.raises(UntrustedError):
            LocalUnsealDoor(path, foreign, None).known()
    finally:
        server.stop()
        thread.join(10)
        keyholder.close()


def test_a_log_that_goes_back_or_elsewhere_is_refused_at_the_next_look(
    founded: Founded, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One door reads on from what it proved itself; what it cannot prove, it forgets."""
    keyholder = Sealable(Place(load_config(founded.config, {}), founded.directory), clock)
    keyholder.begin_sealed()
    server = KeyholderServer(founded.socket, keyholder.answer, lambda _: None)
    thread = threading.Thread(target=server.serve)
    thread.start()
    try:
        path = local_socket(founded.socket)
        assert is_keyholder(path)
        door = LocalUnsealDoor(path, founded.fingerprint)
        known = door.known()
        assert door.known() == known
        assert known.authority.fingerprint == founded.fingerprint
        at = known.checkpoint.checkpoint
        asked: list[object] = []
        entries = door._entries
        monkeypatch.setattr(door, "_entries", lambda *a: asked.append(a) or entries(*a))
        door.known()
        assert asked == []  # it reads no entry twice
        door._seen = Checkpoint(at.origin, at.size + 1, at.root)
        with pytest.raises(UntrustedError, match="shorter"):
            door.known()
        door._seen = Checkpoint(at.origin, at.size, Hash(bytes(32)))
        with pytest.raises(UntrustedProof):
            door.known()
    finally:
        server.stop()
        thread.join(10)
        keyholder.close()


def test_without_a_pinned_authority_nothing_is_known(tmp_path: Path) -> None:
    with pytest.raises(NothingPinned):
        LocalUnsealDoor(tmp_path / "missing", None).known()


def test_a_host_of_ceremonies_is_no_keyholder(tmp_path: Path) -> None:
    def answer(request: AnyRequest) -> dict[str, object]:
        raise MalformedError("this host holds ceremonies, and nothing else", found=request.op)

    path = tmp_path / "host.sock"
    server = KeyholderServer(path, answer, lambda _: None)
    thread = threading.Thread(target=server.serve)
    thread.start()
    try:
        assert not is_keyholder(path)
    finally:
        server.stop()
        thread.join(10)
    with pytest.raises(PeerUnreachable):
        is_keyholder(path)


def test_nobody_there_is_said(tmp_path: Path, founded: Founded) -> None:
    with pytest.raises(PeerUnreachable):
        LocalUnsealDoor(tmp_path / "missing", founded.fingerprint, None).news()
