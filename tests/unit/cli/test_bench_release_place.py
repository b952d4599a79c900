import os
import socket
import subprocess
import sys
import time

import pytest

from keyturn.base.strictjson import Fields
from keyturn.cli import bench_release_place
from keyturn.cli.bench_release_place import (
    BenchImpossible,
    LoadProcess,
    _children,
    _cpu_of,
    _wait_until,
)
from keyturn.wire.frames import receive_frame, send_frame


@pytest.fixture
def child():
    """A process that does nothing until its input ends."""
    process = subprocess.Popen(
        (sys.executable, "-c", "import sys; sys.stdin.read()"), stdin=subprocess.PIPE
    )
    yield process
    process.communicate()


@pytest.fixture
def load(child):
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield LoadProcess(child, ours), theirs


def test_children_are_found_by_their_parent(child):
    assert child.pid in _children(os.getpid())


def test_cpu_time_of_a_process_is_what_it_used():
    until = time.process_time() + 0.05
    while time.process_time() < until:
        pass
    assert _cpu_of(os.getpid()) == pytest.approx(time.process_time(), abs=0.05)


def test_a_process_that_is_gone_used_nothing(child):
    child.communicate()
    assert _cpu_of(child.pid) == 0


def test_an_answer_of_the_load_is_read(load):
    process, peer = load
    send_frame(peer, {"total_us": 7})
    answer = process.ask({"do": "fire"})
    assert isinstance(answer, Fields)
    assert answer.integer("total_us") == 7
    assert receive_frame(peer) == {"do": "fire"}


def test_what_the_load_refuses_is_an_error(load):
    process, peer = load
    send_frame(peer, {"error": "refused", "found": "x", "expected": "y"})
    with pytest.raises(BenchImpossible) as caught:
        process.ask({"do": "fire"})
    assert (caught.value.message, caught.value.found) == ("refused", "x")


def test_a_load_that_died_is_an_error(load):
    process, peer = load
    peer.shutdown(socket.SHUT_WR)
    with pytest.raises(BenchImpossible, match="load process died"):
        process.ask({"do": "fire"})


def test_what_never_starts_is_given_up(monkeypatch):
    monkeypatch.setattr(bench_release_place, "START_SECONDS", -1.0)
    with pytest.raises(BenchImpossible, match="the keyholder does not start"):
        _wait_until(lambda: False, "the keyholder")
