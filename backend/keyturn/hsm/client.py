"""Asking an HSM worker process: start it, talk to it, notice when it is gone.

The program that asks never holds a DEK and never reads the PIN: it passes the PIN's
descriptor on. A worker that dies or does not answer in time is killed and reported as
`HsmUnreachable`; nothing hangs, and whether its last operation was done is unknown.
"""

import contextlib
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from keyturn.base.errors import KeyturnError, MalformedError
from keyturn.base.signatures import KeyId
from keyturn.base.strictjson import Fields
from keyturn.hsm import kekmessages as asked
from keyturn.hsm.errors import HsmUnreachable
from keyturn.hsm.frames import receive_answer, send_frame_until
from keyturn.hsm.kekwork import (
    CeremonyOrder,
    KekProfile,
    KekReport,
    RewrapItem,
    Rewrapped,
    TokenReport,
    WrappedKek,
)
from keyturn.hsm.messages import (
    Hello,
    LoadMark,
    Operation,
    Release,
    Request,
    Sign,
    StoreMark,
    encode_request,
    parse_answer,
    parse_hello,
    read_bytes,
    read_wrapped,
    whole,
)
from keyturn.hsm.process import child_command, child_environment
from keyturn.hsm.protocol import (
    Admission,
    Assurance,
    KekWrapped,
    PublicKey,
    Purpose,
    ReleaseOrder,
    Wrapped,
)

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class WorkerConfig:
    """Where the token is. Times in seconds."""

    module: Path
    token_label: str
    softhsm_configuration: Path | None = None
    start_seconds: float = 30.0
    answer_seconds: float = 10.0
    stop_seconds: float = 2.0


class HsmWorker:
    """An `Hsm` in a process of its own. Any thread may ask; requests go one after another."""

    def __init__(self, config: WorkerConfig, pin_fd: int) -> None:
        """Start it and wait for its hello; `pin_fd` stays open and unread here.

        Raises PinRefused, TokenError, HsmError, HsmUnreachable.
        """
        starting = StartingWorker(config, pin_fd)
        self._take(config, starting, starting.hello())

    @classmethod
    def from_started(cls, config: WorkerConfig, starting: "StartingWorker") -> "HsmWorker":
        """The worker that `starting` is, once it said hello (several may start at a time)."""
        worker = cls.__new__(cls)
        worker._take(config, starting, starting.hello())
        return worker

    def _take(self, config: WorkerConfig, started: "StartingWorker", hello: Hello) -> None:
        self._config = config
        self._process = started.process
        self._channel = started.channel
        self._hello = hello
        self._lock = threading.Lock()
        self._number = 0
        self._dead = ""

    @property
    def hello(self) -> Hello:
        return self._hello

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def assurance(self) -> Assurance:
        return self._hello.assurance

    @property
    def is_alive(self) -> bool:
        """False once it was found dead, killed or closed."""
        return not self._dead and self._process.poll() is None

    def public_keys(self) -> Mapping[Purpose, PublicKey]:
        return dict(self._hello.keys)

    def rewrap_admission(self, admission: Admission) -> KekWrapped:
        return self._ask(admission, whole(asked.read_kek_wrapped))

    def release(self, kek_wrapped: bytes, order: ReleaseOrder) -> Wrapped:
        return self._ask(Release(kek_wrapped, order), whole(read_wrapped))

    def sign_log(self, message: bytes) -> bytes:
        return self._bytes(Sign(Purpose.LOG, message))

    def sign_result(self, message: bytes) -> bytes:
        return self._bytes(Sign(Purpose.RESULT, message))

    def store_mark(self, mark: bytes) -> None:
        self._ask(StoreMark(mark), read_bytes)

    def load_mark(self) -> bytes | None:
        return self._ask(LoadMark(), read_bytes)

    def keks(self) -> tuple[KekReport, ...]:
        return self._hello.keks

    def describe_keys(self) -> TokenReport:
        report = self._ask(asked.DescribeKeys(), whole(asked.read_token_report))
        self._hello = replace(self._hello, keks=report.keks)
        return report

    def make_kek(self, order: CeremonyOrder, profile: KekProfile) -> KekReport:
        return self._changed(asked.MakeKek(order, profile))

    def activate_kek(self, order: CeremonyOrder, kek: KeyId) -> KekReport:
        return self._changed(asked.ActivateKek(order, kek))

    def rewrap(
        self, order: CeremonyOrder, to: KeyId, batch: Sequence[RewrapItem]
    ) -> tuple[Rewrapped, ...]:
        done = self._ask(asked.Rewrap(order, to, tuple(batch)), whole(asked.read_done))
        if len(done) != len(batch):
            raise HsmUnreachable(
                "the HSM worker answered for another batch",
                found=str(len(done)),
                expected=str(len(batch)),
            )
        return done

    def retire_kek(self, order: CeremonyOrder, kek: KeyId) -> KekReport:
        return self._changed(asked.RetireKek(order, kek))

    def destroy_kek(self, order: CeremonyOrder, kek: KeyId) -> KekReport:
        return self._changed(asked.DestroyKek(order, kek))

    def backup_kek(self, order: CeremonyOrder, kek: KeyId, spki: bytes) -> WrappedKek:
        return self._ask(asked.BackupKek(order, kek, spki), whole(asked.read_wrapped_kek))

    def _changed(self, operation: Operation) -> KekReport:
        """What it says of one KEK; what it says of all is read again."""
        report = self._ask(operation, whole(asked.read_kek))
        self.describe_keys()
        return report

    def close(self) -> None:
        """End it: by closing the socket, then by force."""
        with self._lock:
            self._end("closed")

    def __enter__(self) -> "HsmWorker":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _bytes(self, operation: Operation) -> bytes:
        result = self._ask(operation, read_bytes)
        if result is None:
            raise HsmUnreachable("the HSM worker's answer is of another kind")
        return result

    def _ask(self, operation: Operation, read: Callable[[Fields], R]) -> R:
        with self._lock:
            if self._dead:
                raise HsmUnreachable(f"the HSM worker is gone: {self._dead}")
            self._number += 1
            raw = encode_request(Request(self._number, operation))
            try:
                answer = exchange(self._channel, raw, self._config.answer_seconds)
                result = parse_answer(answer, self._number, read)
            except MalformedError as error:
                self._end("it spoke otherwise than agreed")
                raise HsmUnreachable(f"the HSM worker's answer cannot be read: {error}") from error
            except HsmUnreachable as error:
                self._end(error.message)
                raise
            if isinstance(result, HsmUnreachable):
                self._end(result.message)
            if isinstance(result, KeyturnError):
                raise result
            return result

    def _end(self, why: str) -> None:
        if not self._dead:
            self._dead = why
            stop(self._process, self._channel, self._config.stop_seconds)


class StartingWorker:
    """A worker process that was started and has not said hello yet."""

    def __init__(self, config: WorkerConfig, pin_fd: int) -> None:
        """Raises HsmUnreachable when there is no starting it."""
        self._config = config
        ours, theirs = socket.socketpair()
        command = child_command(
            "keyturn.hsm.worker",
            *("--module", str(config.module), "--token-label", config.token_label),
            *("--socket-fd", str(theirs.fileno()), "--pin-fd", str(pin_fd)),
        )
        with theirs:
            try:
                self.process = subprocess.Popen(
                    command,
                    env=child_environment(config.module, config.softhsm_configuration),
                    pass_fds=(theirs.fileno(), pin_fd),
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                )
            except OSError as error:
                ours.close()
                raise HsmUnreachable(f"the HSM worker does not start: {error}") from error
        self.channel = ours

    def hello(self) -> Hello:
        """Wait for it. On any error the process is ended."""
        try:
            answer = exchange(self.channel, None, self._config.start_seconds)
            return parse_hello(answer)
        except BaseException:
            self.abandon()
            raise

    def abandon(self) -> None:
        """End the process; a second time does nothing."""
        stop(self.process, self.channel, self._config.stop_seconds)


def exchange(channel: socket.socket, request: bytes | None, seconds: float) -> bytes:
    """Send a frame, if any, and receive one. Raises HsmUnreachable, within about `seconds`."""
    deadline = time.monotonic() + seconds
    try:
        if request is not None:
            send_frame_until(channel, request, deadline)
        answer = receive_answer(channel, deadline)
    except TimeoutError as error:
        raise HsmUnreachable("the HSM worker did not answer", expected=f"in {seconds} s") from error
    except (OSError, MalformedError) as error:
        raise HsmUnreachable("the HSM worker died") from error
    if answer is None:
        raise HsmUnreachable("the HSM worker died")
    return answer


def stop(process: subprocess.Popen[bytes], channel: socket.socket, seconds: float) -> None:
    """Close the socket, which ends a worker; kill one that does not end."""
    channel.close()
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(seconds)
