"""Slow work through the door: elsewhere, told here, and never again once dropped."""

import threading
from collections.abc import Callable, Iterator

import pytest
from pytestqt.qtbot import QtBot

from keyturn.base.errors import KeyturnError
from keyturn_app.qtkit.door import QtDoor
from keyturn_app.tasks import Cancelled, Job, Progress
from unit.app.live.lines import ours


@pytest.fixture
def door(qtbot: QtBot) -> Iterator[QtDoor]:
    made = QtDoor()
    yield made
    made.close()
    assert ours() == []


def test_work_runs_elsewhere_and_is_told_here(door: QtDoor, qtbot: QtBot) -> None:
    here, told = threading.current_thread(), []

    def work(job: Job, progress: Callable[[Progress], None]) -> threading.Thread:
        for each in range(1, 101):
            progress(Progress(each, 100))
        return threading.current_thread()

    progress: list[Progress] = []
    done: list[threading.Thread] = []

    def finished(thread: threading.Thread) -> None:
        told.append(threading.current_thread())
        done.append(thread)

    door.run("count", work, done=finished, failed=pytest.fail, progress=progress.append)
    qtbot.waitUntil(lambda: bool(done))
    assert done[0] is not here
    assert told == [here]
    assert progress[-1] == Progress(100, 100)


def test_failures_keep_their_type_and_faults_hide_their_text(door: QtDoor, qtbot: QtBot) -> None:
    failed: list[KeyturnError] = []

    def refuse(job: Job, progress: Callable[[Progress], None]) -> None:
        raise KeyturnError("no", hint="so")

    def fault(job: Job, progress: Callable[[Progress], None]) -> None:
        raise ZeroDivisionError("a secret")

    door.run("refuse", refuse, done=pytest.fail, failed=failed.append)
    qtbot.waitUntil(lambda: len(failed) == 1)
    door.run("fault", fault, done=pytest.fail, failed=failed.append)
    qtbot.waitUntil(lambda: len(failed) == 2)
    assert failed[0].hint == "so"
    assert "ZeroDivisionError" in str(failed[1])
    assert "secret" not in str(failed[1])


def waits(started: threading.Event) -> Callable[[Job, Callable[[Progress], None]], None]:
    def work(job: Job, progress: Callable[[Progress], None]) -> None:
        started.set()
        pause = threading.Event()
        while True:
            job.check()
            pause.wait(0.005)

    return work


def test_cancelled_work_says_so(door: QtDoor, qtbot: QtBot) -> None:
    started, failed = threading.Event(), []
    job = door.run("wait", waits(started), done=pytest.fail, failed=failed.append)
    assert started.wait(5)
    job.cancel()
    qtbot.waitUntil(lambda: bool(failed))
    assert isinstance(failed[0], Cancelled)


def test_dropped_work_is_never_heard_of(door: QtDoor, qtbot: QtBot) -> None:
    started = threading.Event()
    job = door.run("wait", waits(started), done=pytest.fail, failed=pytest.fail)
    assert started.wait(5)
    job.drop()
    done: list[int] = []
    door.run("next", lambda job, progress: 1, done=done.append, failed=pytest.fail)
    qtbot.waitUntil(lambda: done == [1])


def test_closing_ends_what_runs(qtbot: QtBot) -> None:
    door = QtDoor(threads=1)
    started = threading.Event()
    door.run("wait", waits(started), done=pytest.fail, failed=pytest.fail)
    door.run("queued", lambda job, progress: 1, done=pytest.fail, failed=pytest.fail)
    assert started.wait(5)
    door.close()
    assert ours() == []
