"""A step that fails is recorded as failed, with its reason; it can be tried again."""

import errno
from contextlib import suppress
from pathlib import Path

import pytest

from keyturn.ceremony.errors import CeremonyReason, CeremonyRefused
from keyturn.ceremony.facts import Attended, Facts
from keyturn.ceremony.records import Event
from keyturn.ceremony.script import Action
from keyturn.hsm.errors import PinRefused
from keyturn.keyholder.ceremonies.doing import Act, Doing
from keyturn.keyholder.errors import KeyholderStopped
from keyturn.wire.ceremonies import AskCeremonies
from keyturn.wire.errors import PeerRefused
from support.ceremonies import Cast
from support.ceremonies_host import Table, genesis_plan, host_here
from unit.keyholder.failing_disk import FailingDisk


def attending(errors: list[Exception]) -> dict[Action, Act]:
    def do(_: Doing) -> Facts:
        if errors:
            raise errors.pop(0)
        return Attended()

    return {Action.ATTEND: Act(do, left="all as it was")}


@pytest.mark.parametrize(
    ("error", "reason", "found"),
    [
        (
            CeremonyRefused(CeremonyReason.LOCKED, "it is locked", found="x", expected="y"),
            "locked",
            "it is locked; found x",
        ),
        (PinRefused("the token refused the PIN"), "failed", "the token refused the PIN"),
        (OSError(errno.ENOSPC, "no space"), "failed", "the log's disk is full while"),
        (OSError(errno.EIO, "broken"), "failed", "the log's disk failed while"),
        (PinRefused("hidden \u202e here"), "failed", "hidden ? here"),
    ],
)
def test_a_failed_step_says_why_and_stays_the_next_one(
    tmp_path: Path, error: Exception, reason: str, found: str
) -> None:
    with host_here(tmp_path / "host", acts=attending([error])) as door:
        table = Table(door, Cast())
        table.open(genesis_plan(table.cast))
        record = table.step()
        assert record.event is Event.FAILED
        assert record.facts["reason"] == reason
        left = str(record.facts["left"])
        assert left.startswith("all as it was")
        assert left == "all as it was" if "failed while" in found else left.endswith(".")
        assert str(record.facts["found"]).startswith(found)
        assert table.waits_for == "open"
        assert table.step().event is Event.DONE


@pytest.mark.parametrize("error", [KeyholderStopped("the log failed"), ValueError("a bug")])
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_host_that_cannot_go_on_says_so(tmp_path: Path, error: Exception) -> None:
    with host_here(tmp_path / "host", acts=attending([error])) as door:
        table = Table(door, Cast())
        table.open(genesis_plan(table.cast))
        signers = table.signers()
        for officer, part in signers[:-1]:
            table.sign(officer, part)
        with suppress(KeyholderStopped):
            table.sign(*signers[-1])
        with pytest.raises(KeyholderStopped):
            door.host.answer(AskCeremonies())


def test_a_record_that_cannot_be_written_leaves_the_step_to_be_signed_again(
    tmp_path: Path,
) -> None:
    disk = FailingDisk(1 << 30, errno.ENOSPC)
    with host_here(tmp_path / "host", acts=attending([]), io=lambda: disk) as door:
        table = Table(door, Cast())
        table.open(genesis_plan(table.cast))
        disk._at = len(disk.steps)
        *others, last = table.signers()
        for officer, part in others:
            table.sign(officer, part)
        with pytest.raises(PeerRefused, match="signatures of it are void") as refused:
            table.sign(*last)
        assert refused.value.hint.startswith("Free space")
        assert table.last.event is Event.OPENED
        waiting = table.read().waiting
        assert waiting is not None
        assert waiting.signed == ()
        assert table.step().event is Event.DONE
