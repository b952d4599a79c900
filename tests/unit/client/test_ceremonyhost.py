"""A host process is started, waited for, and ends with whoever started it."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from keyturn.client import ceremonyhost
from keyturn.client.ceremonyhost import HostFailed, HostProcess, arguments
from keyturn.wire.ceremonies import AskCeremonies
from support.hsmtoken import softhsm_module

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("PYTHONPATH", str(ROOT / "backend"))
    with tempfile.TemporaryDirectory(prefix="kt-") as found:
        yield Path(found)


@pytest.fixture
def stand_in(desk: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A module in the host's place, which says or does what the test writes into it."""
    monkeypatch.setenv("PYTHONPATH", str(desk))
    monkeypatch.setattr(ceremonyhost, "MODULE", "standin")
    monkeypatch.setattr(ceremonyhost, "END_SECONDS", 0.5)
    return desk / "standin.py"


def test_the_command_line() -> None:
    plain = arguments(Path("d"), Path("s"), None, rehearsal=False)
    assert plain == ["--directory", "d", "--socket", "s"]
    whole = arguments(Path("d"), Path("s"), Path("m.so"), rehearsal=True)
    assert whole == [*plain, "--module", "m.so", "--rehearsal"]


def test_a_host_listens_and_ends(desk: Path) -> None:
    host = HostProcess.start(
        desk / "host", desk / "s", module=softhsm_module(), log=desk / "log", seconds=90
    )
    with host:
        assert host.running
        assert host.pid > 0
        assert host.door.ask(AskCeremonies()).ceremonies == ()
    assert not host.running
    assert (desk / "log").exists()
    host.end()


def test_why_it_does_not_start_is_told(desk: Path) -> None:
    (desk / "host").write_text("a file")
    with pytest.raises(HostFailed) as failed:
        HostProcess.start(desk / "host", desk / "s", module=softhsm_module(), seconds=90)
    assert failed.value.found


def test_a_log_that_cannot_be_written(desk: Path) -> None:
    with pytest.raises(HostFailed, match="cannot write"):
        HostProcess.start(desk / "host", desk / "s", log=desk / "none" / "log")


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("", "nothing said"),
        ("print('hello')", "hello"),
        ('print(\'{"listens": null, "error": "no token", "hint": ""}\')', "no token"),
        ("print('{}')", "{}"),
        ('print(\'{"listens": "s"}\')', "listens"),
    ],
)
def test_a_process_that_is_no_host(stand_in: Path, code: str, says: str) -> None:
    stand_in.write_text(code, encoding="utf-8")
    with pytest.raises(HostFailed) as failed:
        HostProcess.start(stand_in.parent / "host", stand_in.parent / "s", seconds=60)
    assert says in failed.value.found


def test_one_that_says_nothing_is_given_up(stand_in: Path) -> None:
    stand_in.write_text("import sys; sys.stdin.read()", encoding="utf-8")
    with pytest.raises(HostFailed, match="did not start"):
        HostProcess.start(stand_in.parent / "host", stand_in.parent / "s", seconds=0.2)


def test_one_that_does_not_end_is_made_to(stand_in: Path) -> None:
    stand_in.write_text(
        "import signal, threading\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        'print(\'{"listens": "s", "phrase": "x"}\', flush=True)\n'
        "threading.Event().wait()\n",
        encoding="utf-8",
    )
    host = HostProcess.start(stand_in.parent / "host", stand_in.parent / "s", seconds=60)
    host.end()
    assert not host.running
