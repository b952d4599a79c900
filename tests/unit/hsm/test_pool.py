"""The PIN that a pool keeps for workers that are started later. (The pool: tests/contract.)"""

import os

import pytest

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
