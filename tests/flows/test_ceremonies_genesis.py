"""A genesis held by its officers: to the end, aborted at each step, killed at each step.

One genesis is held for all of these; each begins from a copy of its directory.
"""

import shutil
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from keyturn.base.errors import KeyturnError
from keyturn.ceremony.course import CourseState
from keyturn.ceremony.records import Event
from keyturn.ceremony.script import Part
from keyturn.ceremony.transcript import parse_transcript, verify_transcript
from keyturn.quorum.bundle import load_bundle
from keyturn.wire.errors import PeerRefused
from support.ceremonies import Cast
from support.ceremonies_host import (
    Killed,
    Stage,
    Table,
    genesis_plan,
    host_here,
    host_process,
    keyholder_in,
    now,
)
from support.founded import wait_for

DIES = pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
"""The host's thread ends where the process would."""
STEPS = (
    "open",
    "preflight",
    "make-token",
    "hand-out",
    "prove-shares",
    "sign-founding",
    "found",
    "close",
)
FILES = ("authority.bundle", "keyholder.toml", "log", "token", "kek-backup.json")


@pytest.fixture
def stages(genesis_stages: dict[str, Stage]) -> dict[str, Stage]:
    return genesis_stages


def reopened(table: Table) -> None:
    """Whoever started the host again: resume, and open the token where it must be."""
    table.resume()
    table.unlock_all()


class Signing(threading.Thread):
    """A signature that is under way while something happens to the host."""

    def __init__(self, table: Table, officer: str, part: Part) -> None:
        super().__init__(daemon=True)
        self._sign = (table, officer, part)
        self.start()

    def run(self) -> None:
        table, officer, part = self._sign
        with suppress(KeyturnError):
            table.sign(officer, part)


def left(directory: Path) -> set[str]:
    """What of an authority lies there."""
    return {each.name for each in directory.iterdir()} & set(FILES)


def test_the_steps_are_those_of_the_script(stages: dict[str, Stage]) -> None:
    assert tuple(stages) == (*STEPS, "over")


def test_a_genesis_is_proved_by_its_transcript(stages: dict[str, Stage], tmp_path: Path) -> None:
    directory = stages["over"].copied_to(tmp_path / "host")
    with host_here(directory) as door:
        table = stages["over"].table(door)
        assert table.state is CourseState.DONE
        verified = verify_transcript(parse_transcript(table.file("transcript.json")))
        bundle = table.file("authority.bundle")
    assert verified.looked_at.bundle
    assert verified.looked_at.log is not None
    assert verified.authority is not None
    assert load_bundle(bundle, verified.authority, now()).origin == "keyturn.example/log"
    assert not list(directory.rglob("boxes.json"))


@pytest.mark.parametrize("step", STEPS)
def test_aborted_at_any_step_nothing_is_founded(
    stages: dict[str, Stage], tmp_path: Path, step: str
) -> None:
    directory = stages[step].copied_to(tmp_path / "host")
    with host_here(directory) as door:
        table = stages[step].table(door)
        assert table.abort().event is Event.ABORTED
        assert left(directory) == set()
        assert not list(directory.rglob("kept/*"))
    with host_here(directory) as door:
        assert stages[step].table(door).state is CourseState.ABORTED
        again = Table(door, Cast())
        again.open(genesis_plan(again.cast, ceremony="genesis-2"))
        assert again.waits_for == "open"


def test_killed_before_every_step_it_is_resumed_to_the_end(
    stages: dict[str, Stage], tmp_path: Path
) -> None:
    directory = stages["open"].copied_to(tmp_path / "host")
    with host_here(directory) as door:
        table = stages["open"].table(door)
    for step in STEPS:
        with host_here(directory) as door:
            table.at(door)
            waiting = table.read().waiting
            assert waiting is not None
            assert (waiting.step, waiting.interrupted) == (step, True)
            if step == "hand-out":
                with pytest.raises(PeerRefused, match="stopped since the last record"):
                    table.step()
            reopened(table)
            assert table.step().event is Event.DONE
            assert table.state is (CourseState.RUNNING if step != "close" else CourseState.DONE)
            if step == "close":
                verified = verify_transcript(parse_transcript(table.file("transcript.json")))
                assert verified.looked_at.log is not None
    assert left(directory) == set(FILES)


@DIES
@pytest.mark.parametrize(
    ("step", "place"),
    [
        ("make-token", "boxes kept"),
        ("make-token", "token made"),
        ("found", "log begun"),
        ("found", "founded"),
        ("found", "recorded done"),
        ("close", "recorded done"),
    ],
)
def test_killed_inside_a_step_it_is_resumed_to_the_end(
    stages: dict[str, Stage], tmp_path: Path, step: str, place: str
) -> None:
    directory = stages[step].copied_to(tmp_path / "host")

    def at(where: str) -> None:
        if where == place:
            raise Killed

    with host_here(directory, at=at) as door:
        table = stages[step].table(door)
        reopened(table)
        signers = table.signers()
        for officer, part in signers:
            table.sign(officer, part)
        door.host.close()
    with host_here(directory) as door:
        table.at(door)
        if table.state is CourseState.RUNNING:
            reopened(table)
            table.run()
        assert table.state is CourseState.DONE
        verified = verify_transcript(parse_transcript(table.file("transcript.json")))
    assert left(directory) == set(FILES)
    assert verified.looked_at.log is not None or step == "close"


@DIES
@pytest.mark.parametrize(("step", "place"), [("make-token", "token made"), ("found", "founded")])
def test_killed_inside_a_step_it_may_be_aborted(
    stages: dict[str, Stage], tmp_path: Path, step: str, place: str
) -> None:
    directory = stages[step].copied_to(tmp_path / "host")

    def at(where: str) -> None:
        if where == place:
            raise Killed

    with host_here(directory, at=at) as door:
        table = stages[step].table(door)
        reopened(table)
        for officer, part in table.signers():
            table.sign(officer, part)
        door.host.close()
    with host_here(directory) as door:
        assert table.at(door).abort().event is Event.ABORTED
    assert left(directory) == set()


def test_a_token_that_was_deleted_fails_the_step_and_nothing_else(
    stages: dict[str, Stage], tmp_path: Path
) -> None:
    directory = stages["prove-shares"].copied_to(tmp_path / "host")
    with host_here(directory) as door:
        table = stages["prove-shares"].table(door)
        table.resume()
        shutil.rmtree(directory / "token")
        record = table.step()
        assert record.event is Event.FAILED
        assert str(record.facts["left"]).startswith("the token and its shares, as they were. ")
        assert table.waits_for == "prove-shares"
        table.abort()
    assert left(directory) == set()


def test_a_process_that_is_killed_while_the_token_is_made(tmp_path: Path) -> None:
    directory = tmp_path / "host"
    with host_process(directory) as process:
        table = Table(process.door, Cast())
        table.open(genesis_plan(table.cast))
        table.run(until="make-token")
        *others, (last, part) = table.signers()
        for officer, its in others:
            table.sign(officer, its)
        signing = Signing(table, last, part)
        wait_for(lambda: (directory / "token").exists())
        process.kill()
        signing.join()
    with host_process(directory) as process:
        table.at(process.door)
        assert table.waits_for == "make-token"
        table.resume()
        table.run(until="prove-shares")
        assert table.file("preflight.json")
        table.abort()
        assert process.end() == 0
    assert left(directory) == set()


def test_a_genesis_that_a_keyholder_runs_on_is_finished_there_and_not_taken_back(
    stages: dict[str, Stage], tmp_path: Path
) -> None:
    stage = stages["close"]
    directory = stage.copied_to(tmp_path / "host")
    with keyholder_in(directory, stage) as keyholder:
        table = stage.table(keyholder.door)
        with pytest.raises(PeerRefused, match="not taken back"):
            table.abort()
        table.resume()
        table.run()
        assert table.state is CourseState.DONE
        verified = verify_transcript(parse_transcript(table.file("transcript.json")))
    assert verified.looked_at.log is not None
    assert left(directory) == set(FILES)
