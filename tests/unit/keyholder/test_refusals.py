"""What a refusal may cost the keyholder: no stop of the process, no full log."""

import logging
from pathlib import Path

import pytest

from keyturn.keyholder import releases as module
from keyturn.keyholder.logdisk_io import DiskIo
from keyturn.keyholder.releases import Outcome
from support.ready import Ready
from support.system import reasons


def test_a_fault_while_evidence_is_read_is_a_refusal(
    ready: Ready, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Evidence is an attacker's: whatever a reader trips over must not stop the process."""

    def tripping(*_: object) -> object:
        raise ZeroDivisionError("not foreseen")

    size = ready.system.keyholder.journal.log.size
    with monkeypatch.context() as patch, caplog.at_level(logging.ERROR):
        patch.setattr(module, "verify_evidence", tripping)
        outcome = ready.ask()

    assert reasons(outcome) == {"evidence-unreadable"}
    assert outcome.answer["logged"] is False
    assert ready.system.keyholder.journal.log.size == size
    assert "ZeroDivisionError" in caplog.text
    assert ready.ask().granted


def refused(ready: Ready) -> Outcome:
    return ready.ask(sim=ready.node.sim.with_debug())


def test_one_platform_cannot_fill_the_log_with_refusals(ready: Ready) -> None:
    releases = ready.system.keyholder.releases
    for _ in range(60):
        assert refused(ready).answer["logged"] is True
    size = ready.system.keyholder.journal.log.size

    more = refused(ready)

    assert reasons(more) == {"debug-allowed-by-guest-policy"}
    assert (more.answer["logged"], more.index) == (False, None)
    assert ready.system.keyholder.journal.log.size == size
    assert releases.unlogged_refusals == 1
    assert ready.ask().granted

    ready.system.clock.advance(hours=1)
    assert refused(ready).answer["logged"] is True


RESERVE = 64 << 20


class Shrinking(DiskIo):
    free = 1 << 40

    def free_bytes(self, directory: Path) -> int:
        return self.free


def on_small_disk(ready: Ready) -> Shrinking:
    disk = Shrinking()
    ready.system.keyholder.close()
    ready.system.start(disk, reserve=RESERVE)
    return disk


def test_refusals_leave_room_for_grants(ready: Ready) -> None:
    """Of what the reserve leaves, the first part again is not for refusals."""
    disk = on_small_disk(ready)
    disk.free = 2 * RESERVE
    size = ready.system.keyholder.journal.log.size

    outcome = refused(ready)

    assert outcome.answer["logged"] is False
    assert ready.system.keyholder.journal.log.size == size
    assert ready.ask().granted
    disk.free = 3 * RESERVE
    assert refused(ready).answer["logged"] is True


def test_a_full_disk_still_answers_a_refusal(ready: Ready) -> None:
    disk = on_small_disk(ready)
    disk.free = 0

    assert refused(ready).answer["logged"] is False
    assert ready.system.keyholder.releases.unlogged_refusals == 1


def test_a_wrong_wrapped_key_is_logged_beyond_the_allowance(ready: Ready) -> None:
    """Its grant is in the log, and this refusal ends that grant's lease."""
    for _ in range(61):
        refused(ready)
    outcome = ready.ask(wrapped=bytes(40))

    assert reasons(outcome) == {"wrapped-dek-does-not-open"}
    assert outcome.answer["logged"] is True
