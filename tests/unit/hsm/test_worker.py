import socket
import threading
from collections.abc import Mapping
from typing import Any

import pytest

from keyturn.base.errors import KeyturnError
from keyturn.base.signatures import KeyId
from keyturn.hsm import kekmessages
from keyturn.hsm.errors import HsmRequestError, HsmUnreachable, KeyBindingError
from keyturn.hsm.frames import receive_frame, send_frame
from keyturn.hsm.kekwork import (
    CeremonyOrder,
    KekOrigin,
    KekProfile,
    KekReport,
    KekState,
    RewrapItem,
    RewrapOutcome,
    Rewrapped,
)
from keyturn.hsm.messages import (
    LoadMark,
    Release,
    Request,
    Sign,
    StoreMark,
    encode_request,
    parse_answer,
    read_bytes,
    read_wrapped,
    whole,
)
from keyturn.hsm.protocol import (
    Admission,
    Assurance,
    KekWrapped,
    OaepHash,
    PublicKey,
    Purpose,
    ReleaseOrder,
    Wrapped,
)
from keyturn.hsm.worker import Server, SpentOrders, serve

KEK = KekReport(KeyId("ab" * 32), KekProfile.RECOVERABLE, KekState.ACTIVE, KekOrigin.MADE, ())


class ScriptedHsm:
    """An Hsm that answers from a script and remembers the mark."""

    assurance = Assurance.SOFTWARE

    def __init__(self, error: KeyturnError | None = None) -> None:
        self._error = error
        self._mark: bytes | None = None

    def _fail(self) -> None:
        if self._error:
            raise self._error

    def public_keys(self) -> Mapping[Purpose, PublicKey]:
        return {}

    def rewrap_admission(self, admission: Admission) -> KekWrapped:
        self._fail()
        return KekWrapped(admission.ingest_wrapped, KEK.id)

    def release(self, kek_wrapped: bytes, order: ReleaseOrder) -> Wrapped:
        self._fail()
        return Wrapped(b"released " + kek_wrapped, OaepHash.SHA256)

    def sign_log(self, message: bytes) -> bytes:
        self._fail()
        return b"log " + message

    def sign_result(self, message: bytes) -> bytes:
        return b"result " + message

    def store_mark(self, mark: bytes) -> None:
        self._mark = mark

    def load_mark(self) -> bytes | None:
        return self._mark


class ScriptedCeremonies:
    """Remembers what was asked; answers with one KEK."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def __getattr__(self, name: str) -> Any:
        def act(*_: object) -> KekReport | tuple[Rewrapped, ...]:
            self.asked.append(name)
            return (Rewrapped(RewrapOutcome.ALREADY, b"w" * 40),) if name == "rewrap" else KEK

        return act


def _server(error: KeyturnError | None = None) -> Server:
    return Server(ScriptedHsm(error), ScriptedCeremonies())  # type: ignore[arg-type]


def _order(index: int) -> ReleaseOrder:
    return ReleaseOrder(bytes(32), bytes(32), b"spki", index, bytes(32))


def _ask(server: Server, operation: object, read: Any = read_bytes) -> object:
    answer, _ = server.answer(encode_request(Request(5, operation)))  # type: ignore[arg-type]
    return parse_answer(answer, 5, read)


def test_each_operation_reaches_the_hsm() -> None:
    server = _server()
    admission = Admission(b"blob" * 10, OaepHash.SHA1, bytes(32), bytes(32))
    admitted = _ask(server, admission, whole(kekmessages.read_kek_wrapped))
    assert admitted == KekWrapped(b"blob" * 10, KEK.id)
    assert _ask(server, Sign(Purpose.LOG, b"m")) == b"log m"
    assert _ask(server, Sign(Purpose.RESULT, b"m")) == b"result m"
    assert _ask(server, LoadMark()) is None
    assert _ask(server, StoreMark(b"mark")) is None
    assert _ask(server, LoadMark()) == b"mark"
    released = _ask(server, Release(b"kek", _order(1)), whole(read_wrapped))
    assert released == Wrapped(b"released kek", OaepHash.SHA256)


def test_each_step_of_a_ceremony_reaches_the_keks() -> None:
    ceremonies = ScriptedCeremonies()
    server = Server(ScriptedHsm(), ceremonies)  # type: ignore[arg-type]
    order, kek = CeremonyOrder("rotation", 1, bytes(32)), KEK.id
    item = RewrapItem(bytes(32), bytes(32), bytes(40))
    for operation in (
        kekmessages.MakeKek(order, KekProfile.RECOVERABLE),
        kekmessages.ActivateKek(order, kek),
        kekmessages.RetireKek(order, kek),
        kekmessages.DestroyKek(order, kek),
    ):
        assert _ask(server, operation, whole(kekmessages.read_kek)) == KEK
    done = _ask(server, kekmessages.Rewrap(order, kek, (item,)), whole(kekmessages.read_done))
    assert done == (Rewrapped(RewrapOutcome.ALREADY, b"w" * 40),)
    assert ceremonies.asked == [
        "make_kek",
        "activate_kek",
        "retire_kek",
        "destroy_kek",
        "rewrap",
    ]


def test_one_log_index_is_answered_once() -> None:
    server = _server()
    assert isinstance(_ask(server, Release(b"k", _order(9)), whole(read_wrapped)), Wrapped)
    assert isinstance(_ask(server, Release(b"k", _order(9)), whole(read_wrapped)), HsmRequestError)
    assert isinstance(_ask(server, Release(b"k", _order(8)), whole(read_wrapped)), Wrapped)


def test_a_refused_request_is_answered_and_the_worker_goes_on() -> None:
    answer, go_on = _server(KeyBindingError("no")).answer(
        encode_request(Request(5, Sign(Purpose.LOG, b"m")))
    )
    assert isinstance(parse_answer(answer, 5, read_bytes), KeyBindingError)
    assert go_on


def test_a_lost_token_is_answered_and_ends_the_worker() -> None:
    answer, go_on = _server(HsmUnreachable("gone")).answer(
        encode_request(Request(5, Sign(Purpose.LOG, b"m")))
    )
    assert isinstance(parse_answer(answer, 5, read_bytes), HsmUnreachable)
    assert not go_on


@pytest.mark.parametrize("raw", [b"{}", b"not json", b'{"id":5,"op":"export"}'])
def test_what_is_no_request_is_answered_as_such(raw: bytes) -> None:
    answer, go_on = _server().answer(raw)
    assert isinstance(parse_answer(answer, 5, read_bytes), HsmRequestError)
    assert go_on


def test_old_log_indexes_are_forgotten_but_not_answered() -> None:
    spent = SpentOrders(size=2)
    for index in (10, 11, 12):
        spent.spend(index)
    for index in (10, 9, 11, 12):
        with pytest.raises(HsmRequestError):
            spent.spend(index)
    spent.spend(13)


def _served(error: KeyturnError | None, sent: bytes) -> tuple[int, bytes | None]:
    ours, theirs = socket.socketpair()
    status: list[int] = []
    with ours, theirs:
        server = _server(error)
        thread = threading.Thread(target=lambda: status.append(serve(theirs, server)))
        thread.start()
        ours.sendall(sent)
        ours.shutdown(socket.SHUT_WR)
        answer = receive_frame(ours) if len(sent) > 4 else None
        thread.join(10)
    return status[0], answer


def _frame(operation: object) -> bytes:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        send_frame(ours, encode_request(Request(1, operation)))  # type: ignore[arg-type]
        return theirs.recv(1 << 16)


def test_it_serves_until_its_peer_closes() -> None:
    status, answer = _served(None, _frame(Sign(Purpose.LOG, b"m")))
    assert status == 0
    assert parse_answer(answer or b"", 1, read_bytes) == b"log m"


def test_it_ends_when_the_token_is_lost() -> None:
    status, _ = _served(HsmUnreachable("gone"), _frame(Sign(Purpose.LOG, b"m")))
    assert status == 3


def test_it_ends_at_a_broken_frame() -> None:
    assert _served(None, b"\0\0")[0] == 2
