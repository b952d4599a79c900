"""The HSM worker: the only process that is logged in to the token (DESIGN §4).

`python -m keyturn.hsm.worker`, started by `client`, with one socket and the PIN's descriptor.
It answers one request at a time and does nothing else; it ends when its peer closes the
socket, and when the token is lost (a new worker finds the token again, an old one does not).
It does not judge a Grant: it refuses what is incomplete, and what it has answered already.
"""

import argparse
import os
import signal
import socket
import sys
from collections import deque
from pathlib import Path

from keyturn.base.errors import KeyturnError
from keyturn.base.strictjson import dump
from keyturn.hsm import kekmessages
from keyturn.hsm.errors import FrameError, HsmRequestError, HsmUnreachable
from keyturn.hsm.frames import receive_frame, send_frame
from keyturn.hsm.hardening import Hardened, harden
from keyturn.hsm.inventory import describe_token
from keyturn.hsm.kekmessages import KekOperation
from keyturn.hsm.kekoperations import TokenCeremonies
from keyturn.hsm.kekwork import HsmCeremonies
from keyturn.hsm.messages import (
    About,
    Hello,
    LoadMark,
    Operation,
    Release,
    Result,
    Sign,
    StoreMark,
    encode_failure,
    encode_hello,
    encode_result,
    error_document,
    parse_request,
)
from keyturn.hsm.operations import TokenHsm
from keyturn.hsm.pins import read_pin
from keyturn.hsm.pkcs11 import Library, wipe
from keyturn.hsm.protocol import Admission, Hsm, Purpose
from keyturn.hsm.softhsm import login_turn
from keyturn.hsm.token import OpenToken, open_token

_REMEMBERED = 65_536  # log indexes answered, so that none is answered twice by one worker


class SpentOrders:
    """Log indexes that this worker has answered."""

    def __init__(self, size: int = _REMEMBERED) -> None:
        self._order: deque[int] = deque()
        self._seen: set[int] = set()
        self._size = size
        self._floor = -1

    def spend(self, log_index: int) -> None:
        """Raises HsmRequestError when it was spent, or is older than what is remembered."""
        if log_index in self._seen or log_index <= self._floor:
            raise HsmRequestError(
                "a grant is answered once", found=f"log index {log_index} again or too old"
            )
        self._seen.add(log_index)
        self._order.append(log_index)
        if len(self._order) > self._size:
            oldest = self._order.popleft()
            self._seen.discard(oldest)
            self._floor = max(self._floor, oldest)


class Server:
    """Requests in, answers out; no socket here."""

    def __init__(self, hsm: Hsm, ceremonies: HsmCeremonies) -> None:
        self._hsm = hsm
        self._ceremonies = ceremonies
        self._spent = SpentOrders()

    def answer(self, raw: bytes) -> tuple[bytes, bool]:
        """The answer to one frame, and whether the worker may go on."""
        number = 0
        try:
            request = parse_request(raw)
            number = request.number
            return encode_result(number, self._do(request.operation)), True
        except HsmUnreachable as error:
            return encode_failure(number, error), False
        except KeyturnError as error:
            return encode_failure(number, error), True

    def _do(self, operation: Operation) -> Result:
        match operation:
            case Admission():
                return self._hsm.rewrap_admission(operation)
            case Release(kek_wrapped, order):
                self._spent.spend(order.log_index)
                return self._hsm.release(kek_wrapped, order)
            case Sign(Purpose.LOG, message):
                return self._hsm.sign_log(message)
            case Sign(_, message):
                return self._hsm.sign_result(message)
            case StoreMark(mark):
                self._hsm.store_mark(mark)
                return None
            case LoadMark():
                return self._hsm.load_mark()
            case _:
                return self._do_step(operation)

    def _do_step(self, operation: KekOperation) -> Result:
        keks = self._ceremonies
        match operation:
            case kekmessages.DescribeKeys():
                return keks.describe_keys()
            case kekmessages.MakeKek(order, profile):
                return keks.make_kek(order, profile)
            case kekmessages.ActivateKek(order, kek):
                return keks.activate_kek(order, kek)
            case kekmessages.RetireKek(order, kek):
                return keks.retire_kek(order, kek)
            case kekmessages.DestroyKek(order, kek):
                return keks.destroy_kek(order, kek)
            case kekmessages.Rewrap(order, to, batch):
                return keks.rewrap(order, to, batch)
            case kekmessages.BackupKek(order, kek, spki):
                return keks.backup_kek(order, kek, spki)


def serve(channel: socket.socket, server: Server) -> int:
    """Answer until the peer closes (0) or the token is lost (3)."""
    while True:
        try:
            raw = receive_frame(channel)
            if raw is None:
                return 0
            answer, go_on = server.answer(raw)
            send_frame(channel, answer)
        except (FrameError, OSError):
            return 2
        if not go_on:
            return 3


def main(arguments: list[str]) -> int:
    """The process. Exit status: 0 closed by its peer, 1 not started, 2 bad frame, 3 token lost."""
    parser = argparse.ArgumentParser(prog="keyturn.hsm.worker")
    parser.add_argument("--module", type=Path, required=True)
    parser.add_argument("--token-label", required=True)
    parser.add_argument("--socket-fd", type=int, required=True)
    parser.add_argument("--pin-fd", type=int, required=True)
    options = parser.parse_args(arguments)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the supervisor's to act on
    with socket.socket(fileno=options.socket_fd) as channel:
        try:
            hardened = harden()
            token = _open(options.module, options.token_label, options.pin_fd)
        except KeyturnError as error:
            _say(channel, dump({"error": error_document(error)}))
            return 1
        if not _say(channel, encode_hello(_hello(token, hardened))):
            return 2
        hsm = TokenHsm(token)
        try:
            return serve(channel, Server(hsm, TokenCeremonies(hsm)))
        finally:
            hsm.forget()


def _say(channel: socket.socket, frame: bytes) -> bool:
    """False when nobody listens any more."""
    try:
        send_frame(channel, frame)
    except OSError:
        return False
    return True


def _open(module: Path, label: str, pin_fd: int) -> OpenToken:
    pin = read_pin(pin_fd)
    try:
        os.close(pin_fd)
        with login_turn():
            return open_token(Library(module), label, pin)
    finally:
        wipe(pin)


def _hello(token: OpenToken, hardened: Hardened) -> Hello:
    return Hello(
        label=token.info.label,
        serial=token.info.serial,
        assurance=token.assurance,
        memory_locked=hardened.memory_locked,
        release_hash=token.keys.release_hash,
        keys=dict(token.keys.public),
        keks=token.keys.keks.reports(),
        about=about(token),
    )


def about(token: OpenToken) -> About:
    said, vendor = describe_token(token.module, token.info)
    return About(f"{token.module.description} {token.module.version}", said, vendor)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
