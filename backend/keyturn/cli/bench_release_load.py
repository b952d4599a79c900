"""The load of `keyturn bench release`, in a process of its own: nodes that ask for keys.

A challenge is good for 120 s, so requests can be made, devices' signatures included, before
the clock starts: what `fire` measures is the keyholder and the sending of frames. `whole` is one
node's exchange from asking for a challenge to the opened DEK, its own work included.

Jobs come and results go as frames over one socket (`wire.frames`); times are whole microseconds.
"""

import argparse
import itertools
import resource
import socket
import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from keyturn.agent.attester import DeviceSocket, collect
from keyturn.agent.keys import NodeKeys, ReleaseKey, make_node_keys
from keyturn.base.encoding import Digest, b64, digest_bytes
from keyturn.base.errors import KeyturnError, MalformedError
from keyturn.base.strictjson import Fields, dump
from keyturn.keyrelease.answer import check_answer, open_dek
from keyturn.keyrelease.binding import NodeKeys as PublicKeys
from keyturn.keyrelease.binding import Purpose, compute_core
from keyturn.keyrelease.grant import parse_answer, parse_refusal
from keyturn.keyrelease.request import NodeClaims, build_request, parse_request
from keyturn.quorum.bundle import Authority, load_bundle
from keyturn.wire.frames import MAX_FRAME, decode_body, encode_frame, receive_frame, send_frame
from keyturn.wire.keyholder import AskChallenge, AskRelease, Released, read_answer
from keyturn.wire.requests import Request

SECONDS = 30.0
"""Limit of one answer."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Variant:
    """One kind of node: its machines' devices, and the model it asks for."""

    model: Digest
    wrapped: bytes
    devices: tuple[Path, ...]


@dataclass(frozen=True, slots=True)
class Target:
    """Where the keyholder is, and whose it must be."""

    keyholder: Path
    authority: Authority
    variants: dict[str, Variant]


@dataclass(frozen=True, slots=True)
class Made:
    """One finished request, its frame, and what opens its answer."""

    raw: bytes
    frame: bytes
    keys: NodeKeys
    release_key: ReleaseKey


@dataclass(frozen=True, slots=True)
class Shot:
    """One answer: its frame and the microseconds that it took."""

    answer: bytes
    microseconds: int


class Asker:
    """One connection to the keyholder. Use as a context manager."""

    def __init__(self, path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(SECONDS)
        self._path = path

    def __enter__(self) -> "Asker":
        try:
            self._socket.connect(str(self._path))
        except OSError:
            self._socket.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def ask(self, request: Request[T]) -> T:
        return read_answer(request, decode_body(self.exchange(encode_frame(request.document()))))

    def exchange(self, frame: bytes) -> bytes:
        """The answer's JSON, unread: reading it is not part of what is measured."""
        self._socket.sendall(frame)
        size = int.from_bytes(self._receive(4), "big")
        if size > MAX_FRAME:
            raise MalformedError("the keyholder's frame is too large", found=f"{size} bytes")
        return self._receive(size)

    def _receive(self, size: int) -> bytes:
        data = bytearray()
        while len(data) < size:
            piece = self._socket.recv(size - len(data))
            if not piece:
                raise MalformedError("the keyholder closed the connection")
            data += piece
        return bytes(data)


class Load:
    """Answers the jobs of the bench."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._made: list[Made] = []
        now = datetime.now(UTC)
        count = max(len(each.devices) for each in target.variants.values())
        self._keys = [make_node_keys(f"bench-{number}", now) for number in range(count)]

    def do(self, job: Fields) -> dict[str, object]:
        """Raises MalformedError on a job that is not known, and what asking raises."""
        match job.text("do"):
            case "prepare":
                return self.prepare(job.text("variant"), job.integer("count", low=1))
            case "fire":
                return self.fire(job.integer("connections", low=1), job.integer("rate"))
            case "whole":
                return self.whole(
                    job.text("variant"), job.integer("count"), job.integer("connections")
                )
            case "sample":
                return self.sample(job.text("variant"))
            case other:
                raise MalformedError("no such job", found=other)

    def prepare(self, variant: str, count: int) -> dict[str, object]:
        """Fetch challenges and make requests over them, two at a time."""
        started, busy = time.perf_counter(), _cpu()
        waits: list[int] = []
        with Asker(self._target.keyholder) as asker:
            challenges = [_timed(waits, lambda: _challenge(asker)) for _ in range(count)]
        with ThreadPoolExecutor(2) as pool:
            made = pool.map(self._make, itertools.repeat(variant), challenges, itertools.count())
            self._made = list(made)
        return {"total_us": _since(started), "cpu_us": _cpu() - busy, "challenge_us": waits}

    def fire(self, connections: int, rate: int) -> dict[str, object]:
        """Send what was prepared. `rate` 0: each connection asks again once it was answered;
        else that many a second are due, and a latency counts from when its request was due."""
        made, self._made = self._made, []
        shots: list[Shot | None] = [None] * len(made)
        numbers = itertools.count()
        gate = threading.Barrier(connections + 1)
        start = 0.0

        def run() -> None:
            with Asker(self._target.keyholder) as asker:
                gate.wait(SECONDS)
                while (number := next(numbers)) < len(made):
                    due = start + number / rate if rate else time.perf_counter()
                    time.sleep(max(0.0, due - time.perf_counter()))
                    answer = asker.exchange(made[number].frame)
                    shots[number] = Shot(answer, _since(due))

        with ThreadPoolExecutor(connections) as pool:
            running = [pool.submit(run) for _ in range(connections)]
            busy, start = _cpu(), time.perf_counter()
            gate.wait(SECONDS)
            for each in running:
                each.result()
            total, cpu = _since(start), _cpu() - busy
        done = [shot for shot in shots if shot is not None]
        self._believe(made, done)
        latencies = [shot.microseconds for shot in done]
        return {"total_us": total, "cpu_us": cpu, "latency_us": latencies}

    def whole(self, variant: str, count: int, connections: int) -> dict[str, object]:
        """Challenge, keys, evidence, release, every check of the answer, DEK opened."""
        found: list[tuple[int, int]] = []
        numbers = itertools.count()

        def run() -> None:
            with Asker(self._target.keyholder) as asker:
                while (number := next(numbers)) < count:
                    found.append(self._exchange(asker, variant, number))

        started, busy = time.perf_counter(), _cpu()
        with ThreadPoolExecutor(connections) as pool:
            for each in [pool.submit(run) for _ in range(connections)]:
                each.result()
        return {
            "total_us": _since(started),
            "cpu_us": _cpu() - busy,
            "latency_us": [latency for latency, _ in found],
            "keyholder_us": [wait for _, wait in found],
        }

    def sample(self, variant: str) -> dict[str, object]:
        with Asker(self._target.keyholder) as asker:
            return {"request": b64(self._make(variant, _challenge(asker), 0).raw)}

    def _exchange(self, asker: Asker, variant: str, number: int) -> tuple[int, int]:
        """Microseconds of the whole, and of those spent waiting for the keyholder."""
        started = time.perf_counter()
        waits: list[int] = []
        challenge = _timed(waits, lambda: _challenge(asker))
        made = self._make(variant, challenge, number)
        answer = _timed(waits, lambda: asker.exchange(made.frame))
        self._open(made, answer)
        return _since(started), sum(waits)

    def _make(self, name: str, challenge: bytes, number: int) -> Made:
        """What an agent does before it asks: a fresh HPKE key, its devices' signatures."""
        variant = self._target.variants[name]
        place = number % len(variant.devices)
        keys, release_key = self._keys[place], ReleaseKey()
        public = PublicKeys(release_key.public, keys.rsa_spki, keys.tls_spki)
        claims = NodeClaims.make(f"bench-{place}", "bench", None, ())
        core = compute_core(
            Purpose.RELEASE, challenge, digest_bytes(variant.model), public, claims.raw
        )
        evidence = collect(DeviceSocket(variant.devices[place]), core)
        raw = build_request(Purpose.RELEASE, challenge, variant.model, public, claims, evidence)
        frame = encode_frame(AskRelease(raw, variant.wrapped).document())
        return Made(raw, frame, keys, release_key)

    def _believe(self, made: Sequence[Made], shots: Sequence[Shot]) -> None:
        """Every answer is a grant, and the last one opens: nothing else counts as a release."""
        for shot in shots:
            _granted(shot.answer)
        self._open(made[-1], shots[-1].answer)

    def _open(self, made: Made, answer: bytes) -> None:
        released = _granted(answer)
        request, document = parse_request(made.raw), parse_answer(dump(released.answer))
        checked = check_answer(document, request, self._target.authority, datetime.now(UTC))
        dek = open_dek(checked, made.release_key.private, made.keys.rsa)
        dek[:] = bytes(len(dek))


def _challenge(asker: Asker) -> bytes:
    return bytes.fromhex(asker.ask(AskChallenge()).challenge)


def _granted(answer: bytes) -> Released:
    """Raises MalformedError on a refusal: a bench of refusals would measure something else."""
    released = read_answer(AskRelease(b"", None), decode_body(answer))
    if not released.granted:
        reasons = parse_refusal(dump(released.answer)).reasons
        found = ", ".join(f"{each.check}: {each.reason} ({each.found})" for each in reasons)
        raise MalformedError("the keyholder refused a release", found=found, expected="a grant")
    return released


def _timed(into: list[int], act: Callable[[], T]) -> T:
    started = time.perf_counter()
    result = act()
    into.append(_since(started))
    return result


def _since(started: float) -> int:
    return round((time.perf_counter() - started) * 1e6)


def _cpu() -> int:
    """Microseconds of CPU time of this process."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return round((used.ru_utime + used.ru_stime) * 1e6)


def serve(channel: socket.socket) -> int:
    """The first frame says where to ask; each further one is a job. Ends with the connection."""
    first = receive_frame(channel)
    if first is None:
        return 0
    load = Load(_read_target(Fields(first, "bench target")))
    send_frame(channel, {"ready": True})
    while (document := receive_frame(channel)) is not None:
        send_frame(channel, _done(load, Fields(document, "bench job")))
    return 0


def _done(load: Load, job: Fields) -> dict[str, object]:
    try:
        return load.do(job)
    except KeyturnError as error:
        return {"error": error.message, "found": error.found, "expected": error.expected}
    except (OSError, threading.BrokenBarrierError) as error:
        return {"error": f"the keyholder cannot be reached: {error}", "found": "", "expected": ""}


def _read_target(fields: Fields) -> Target:
    bundle = fields.b64("bundle", limit=4 << 20)
    authority = load_bundle(bundle, fields.digest("fingerprint"), datetime.now(UTC))
    table = fields.fields("variants")
    variants = {name: _read_variant(table.fields(name)) for name in table.names()}
    return Target(Path(fields.text("keyholder")), authority, variants)


def _read_variant(fields: Fields) -> Variant:
    devices = tuple(Path(each) for each in fields.texts("devices"))
    return Variant(fields.digest("model"), fields.b64("wrapped"), devices)


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="keyturn.cli.bench_release_load")
    parser.add_argument("--fd", type=int, required=True)
    with socket.socket(fileno=parser.parse_args(arguments).fd) as channel:
        return serve(channel)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
