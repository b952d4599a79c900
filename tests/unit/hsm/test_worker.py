import socket
import threading
from collections.abc import Mapping

import pytest

from keyturn.base.errors import KeyturnError
from keyturn.hsm.errors import HsmRequestError, HsmUnreachable, KeyBindingError
from keyturn.hsm.frames import receive_frame, send_frame
from keyturn.hsm.messages import (
    LoadMark,
    Release,
    Request,
    Sign,
    StoreMark,
    encode_request,
    parse_answer,
)
from keyturn.hsm.protocol import (
    Admission,
    Assurance,
    OaepHash,
    PublicKey,
    Purpose,
    ReleaseOrder,
    Wrapped,
)
from keyturn.hsm.worker import Server, SpentOrders, serve


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

    def rewrap_admission(self, admission: Admission) -> bytes:
        self._fail()
        return b"rewrapped " + admission.ingest_wrapped

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


def _order(index: int) -> ReleaseOrder:
    return ReleaseOrder(bytes(32), bytes(32), b"spki", index, bytes(32))


def _ask(server: Server, operation: object, *, wrapped: bool = False) -> object:
    answer, _ = server.answer(encode_request(Request(5, operation)))  # type: ignore[arg-type]
    return parse_answer(answer, 5, wrapped=wrapped)


def test_each_operation_reaches_the_hsm() -> None:
    server = Server(ScriptedHsm())
    admission = Admission(b"blob", OaepHash.SHA1, bytes(32), bytes(32))
    assert _ask(server, admission) == b"rewrapped blob"
    assert _ask(server, Sign(Purpose.LOG, b"m")) == b"log m"
    assert _ask(server, Sign(Purpose.RESULT, b"m")) == b"result m"
    assert _ask(server, LoadMark()) is None
    assert _ask(server, StoreMark(b"mark")) is None
    assert _ask(server, LoadMark()) == b"mark"
    released = _ask(server, Release(b"kek", _order(1)), wrapped=True)
    assert released == Wrapped(b"released kek", OaepHash.SHA256)


def test_one_log_index_is_answered_once() -> None:
    server = Server(ScriptedHsm())
    assert isinstance(_ask(server, Release(b"k", _order(9)), wrapped=True), Wrapped)
    assert isinstance(_ask(server, Release(b"k", _order(9)), wrapped=True), HsmRequestError)
    assert isinstance(_ask(server, Release(b"k", _order(8)), wrapped=True), Wrapped)


def test_a_refused_request_is_answered_and_the_worker_goes_on() -> None:
    answer, go_on = Server(ScriptedHsm(KeyBindingError("no"))).answer(
        encode_request(Request(5, Sign(Purpose.LOG, b"m")))
    )
    assert isinstance(parse_answer(answer, 5, wrapped=False), KeyBindingError)
    assert go_on


def test_a_lost_token_is_answered_and_ends_the_worker() -> None:
    answer, go_on = Server(ScriptedHsm(HsmUnreachable("gone"))).answer(
        encode_request(Request(5, Sign(Purpose.LOG, b"m")))
    )
    assert isinstance(parse_answer(answer, 5, wrapped=False), HsmUnreachable)
    assert not go_on


@pytest.mark.parametrize("raw", [b"{}", b"not json", b'{"id":5,"op":"export"}'])
def test_what_is_no_request_is_answered_as_such(raw: bytes) -> None:
    answer, go_on = Server(ScriptedHsm()).answer(raw)
    assert isinstance(parse_answer(answer, 5, wrapped=False), HsmRequestError)
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
        server = Server(ScriptedHsm(error))
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
    assert parse_answer(answer or b"", 1, wrapped=False) == b"log m"


def test_it_ends_when_the_token_is_lost() -> None:
    status, _ = _served(HsmUnreachable("gone"), _frame(Sign(Purpose.LOG, b"m")))
    assert status == 3


def test_it_ends_at_a_broken_frame() -> None:
    assert _served(None, b"\0\0")[0] == 2
