"""The keyholder's clock set forward, while it runs and before it starts."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from keyturn.keyholder.errors import ClockRefused
from keyturn.keyholder.genesis import log_signer
from keyturn.keyholder.logdisk import LogDisk
from keyturn.keyholder.opening import boottime, clock
from keyturn.keyholder.service import Keyholder
from support.authority import START
from support.ready import Ready
from support.system import ORIGIN, System


def start(
    system: System,
    *,
    seconds: Callable[[], float] | None = None,
    max_gap: timedelta | None = None,
) -> Keyholder:
    system.keyholder.close()
    sign, key = log_signer(system.hsm)
    log = LogDisk.open(system.directory / "log", ORIGIN, sign, key)
    try:
        system.keyholder = Keyholder(
            log, system.hsm, system.fingerprint, system.clock, boottime=seconds, max_gap=max_gap
        )
    except BaseException:
        log.close()
        raise
    return system.keyholder


class Passing:
    """Seconds since boot: they pass, whatever the wall clock says."""

    seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


def pass_(system: System, passing: Passing, *, wall: float, real: float) -> datetime:
    system.clock.advance(seconds=wall)
    passing.seconds += real
    return system.keyholder.journal.now()


def test_time_that_passes_is_believed(system: System) -> None:
    passing = Passing()
    start(system, seconds=passing)

    for _ in range(50):
        pass_(system, passing, wall=86_400, real=86_400)
    assert pass_(system, passing, wall=60, real=0) == START + timedelta(days=50, seconds=60)


def test_a_clock_set_forward_decides_and_logs_nothing(ready: Ready) -> None:
    system, passing = ready.system, Passing()
    start(system, seconds=passing)
    raw = ready.request()
    size = system.keyholder.journal.log.size
    system.clock.advance(seconds=61)

    with pytest.raises(ClockRefused, match="set forward"):
        ready.release(raw)
    with pytest.raises(ClockRefused, match="set forward"):
        system.challenge()
    with pytest.raises(ClockRefused, match="set forward"):
        system.set_policy()
    assert system.keyholder.journal.log.size == size

    system.clock.advance(seconds=-61)
    assert ready.release(raw).granted


def test_small_steps_forward_add_up(system: System) -> None:
    passing = Passing()
    start(system, seconds=passing)
    pass_(system, passing, wall=40, real=0)

    with pytest.raises(ClockRefused, match="61 s more than have passed"):
        pass_(system, passing, wall=21, real=0)


def test_a_step_back_is_no_credit(system: System) -> None:
    passing = Passing()
    start(system, seconds=passing)
    pass_(system, passing, wall=0, real=1000)

    with pytest.raises(ClockRefused, match="set forward"):
        pass_(system, passing, wall=1000, real=0)


def test_a_start_long_after_the_last_entry_needs_a_word(system: System) -> None:
    day = timedelta(hours=24)
    system.clock.advance(hours=24)
    start(system, max_gap=day)
    system.clock.advance(hours=24, seconds=1)
    size = system.keyholder.journal.log.size

    with pytest.raises(ClockRefused, match="long after the log's last entry") as refused:
        start(system, max_gap=day)
    assert "--accept-clock" in refused.value.hint

    assert start(system, max_gap=None).journal.log.size == size + 1


def test_the_programs_clocks_go_together() -> None:
    before = clock().timestamp() - boottime()
    assert abs(clock().timestamp() - boottime() - before) < 60
