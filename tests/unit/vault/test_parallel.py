import os
import threading
from itertools import count

import pytest

from keyturn.vault.errors import SealCancelled
from keyturn.vault.parallel import (
    InOrder,
    Meter,
    Stop,
    in_parallel,
    raise_if_cancelled,
    thread_count,
)


@pytest.mark.parametrize(
    ("wanted", "jobs", "found"), [(3, 10, 3), (30, 10, 10), (1, 0, 1), (None, 1, 1)]
)
def test_thread_count(wanted, jobs, found):
    assert thread_count(wanted, jobs) == found


def test_no_threads_is_no_answer():
    with pytest.raises(ValueError, match="0 threads"):
        thread_count(0, 5)


def test_all_workers_run_and_have_ended():
    barrier = threading.Barrier(3)
    in_parallel(lambda stop: barrier.wait(10) and None, 3)
    assert not [each for each in threading.enumerate() if each.name.startswith("keyturn-vault")]


def test_the_first_error_stops_the_others():
    numbers = count()

    def work(stop):
        if next(numbers) == 0:
            raise LookupError("mine")
        while not stop:
            os.sched_yield()

    with pytest.raises(LookupError, match="mine"):
        in_parallel(work, 3)


def test_meter_adds_up_across_threads():
    seen = []
    meter = Meter(40, lambda *step: seen.append(step))

    def work(stop):
        for _ in range(10):
            meter.add(1)

    in_parallel(work, 4)
    assert seen == [(done, 40) for done in range(41)]


def test_steps_run_in_the_order_of_their_numbers():
    order, done, numbers = InOrder(), [], count()

    def work(stop):
        mine = 3 - next(numbers)
        order.run(mine, lambda: done.append(mine), stop)

    in_parallel(work, 4)
    assert done == [0, 1, 2, 3]


def test_a_stopped_step_does_not_run():
    stop, done = Stop(), []
    stop.set()
    InOrder().run(5, lambda: done.append(5), stop)
    assert done == []


def test_cancel():
    raise_if_cancelled(None)
    raise_if_cancelled(lambda: False)
    with pytest.raises(SealCancelled):
        raise_if_cancelled(lambda: True)
