"""The PIN that a pool keeps for workers that are started later. (The pool: tests/contract.)"""

import os
import threading
from pathlib import Path

import pytest

from keyturn.hsm.client import WorkerConfig
from keyturn.hsm.errors import HsmUnreachable
from keyturn.hsm.pins import pin_file
from keyturn.hsm.pool import HsmPool


def test_a_new_pin_is_what_later_processes_read() -> None:
    pool = HsmPool.__new__(HsmPool)
    pool._pin_fd = pin_file(bytearray(b"0" * 32))
    pool.pin_changed(bytearray(b"1" * 32))
    with pool.pin() as descriptor:
        assert os.read(descriptor, 99) == b"1" * 32
    with pool.pin() as descriptor:
        assert os.read(descriptor, 99) == b"1" * 32
    os.close(pool._pin_fd)


def test_a_pin_that_came_by_a_pipe_is_gone() -> None:
    pool = HsmPool.__new__(HsmPool)
    pool._pin_fd, other = os.pipe()
    with pytest.raises(HsmUnreachable), pool.pin():
        pass
    with pytest.raises(HsmUnreachable):
        pool.pin_changed(bytearray(b"1" * 32))
    os.close(pool._pin_fd)
    os.close(other)


class Played:
    """A worker that knows which KEK was active when it read the token last."""

    def __init__(self, token: list[str]) -> None:
        self._token = token
        self.is_alive = True
        self.hello = token[0]

    def describe_keys(self) -> str:
        self.hello = self._token[0]
        return self.hello

    def activate(self) -> str:
        self._token[0] = "new"
        self.is_alive = False
        raise HsmUnreachable("the HSM worker did not answer")


def test_after_an_act_whose_answer_was_lost_no_worker_goes_by_what_was_before() -> None:
    """The token did it: one that still takes the old KEK for the active one wraps under it."""
    token = ["old"]
    lead, other = Played(token), Played(token)
    pool = HsmPool.__new__(HsmPool)
    pool._free, pool._size = [other, lead], 2  # type: ignore[list-item]
    pool._freed, pool._draining = threading.Condition(threading.Lock()), threading.Lock()
    pool._config = WorkerConfig(Path(), "")
    pool._hello = lead.hello  # type: ignore[assignment]
    with pytest.raises(HsmUnreachable):
        pool._changing(lambda worker: worker.activate())  # type: ignore[attr-defined]
    assert {other.hello, str(pool._hello)} == {"new"}
