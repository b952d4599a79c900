"""The command line: what it refuses to start on, what it says when it breaks, one whole run."""

import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest

from keyturn.base.errors import KeyturnError
from keyturn.base.signatures import Algorithm
from keyturn.client.profile import places_of, write_profile
from keyturn.officerkeys.keyfile import KdfCost, write_key_file
from keyturn.officerkeys.keypair import generate
from keyturn.officerkeys.location import InFile
from keyturn_app import main as program
from keyturn_app.live.errors import ProfilesUnusable
from keyturn_app.main import NoDisplay, check_display, main
from keyturn_app.settings import MemoryPreferences
from keyturn_app.shell import crashes, soundness
from keyturn_app.shell.soundness import UnsoundQt, check_qt
from keyturn_app.shell.starting import ForgivingPreferences
from support.authority import Clock
from unit.client.scripted_server import ScriptedServer

ROOT = Path(__file__).resolve().parents[2]
PASSPHRASE = "a passphrase of a test"
SECRET = "a value that nobody may read"


def test_more_passphrases_than_profiles_is_a_wrong_command_line(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["--passphrase-fd", "3"]) == 2
    assert "--passphrase-fd" in capsys.readouterr().err


@pytest.mark.parametrize("other", ["--server", "--profile"])
def test_a_station_has_no_server(other: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--station", "somewhere", other, "else"]) == 2
    assert "a station has no" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"])
def test_any_display_will_do(name: str) -> None:
    check_display({name: ":0"}, "linux")


def test_without_a_display_it_says_so() -> None:
    check_display({}, "darwin")
    with pytest.raises(NoDisplay, match="there is no display"):
        check_display({}, "linux")


def test_this_qt_and_this_python_belong_together() -> None:
    check_qt()


def test_lost_references_are_found_and_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(soundness, "_lost", lambda value, call: 100)
    with pytest.raises(UnsoundQt) as caught:
        check_qt()
    assert "100 lost in 100 calls" in str(caught.value)
    assert "6.11.3" in caught.value.hint


def test_what_breaks_is_named_by_type_and_place_alone(caplog: pytest.LogCaptureFixture) -> None:
    def fails(secret: str) -> None:
        raise KeyError(secret)

    with caplog.at_level(logging.ERROR, "keyturn_app"), pytest.raises(KeyError) as caught:
        fails(SECRET)
    told = crashes.described(caught.type, caught.tb)
    assert SECRET in str(caught.value)  # it would be there to be told
    assert SECRET not in told
    assert told.startswith("builtins.KeyError at test_main.py:")
    assert told.endswith(" fails")


@pytest.mark.parametrize(
    ("message", "told"),
    [
        ("QFont::setPixelSize: Pixel size <= 0 (0)", "QFont::setPixelSize"),
        (f"QIODevice: {SECRET}", "QIODevice"),
        ("x" * 1000, "x" * 120),
    ],
)
def test_of_qt_s_messages_only_where_they_come_from(message: str, told: str) -> None:
    assert crashes.of_qt(message) == told


def test_pictures_are_taken_by_their_own_module(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked: list[Path] = []

    def take(directory: Path) -> int:
        asked.append(directory)
        return 0

    monkeypatch.setattr("keyturn_app.screenshots.take", take)
    assert program._screenshots(tmp_path) == 0
    assert asked == [tmp_path]


def test_a_profile_that_is_not_there_is_an_error_with_what_to_do(tmp_path: Path) -> None:
    done = run(tmp_path, "import sys; from keyturn_app.main import main; sys.exit(main())")
    assert done.returncode == 1
    assert "there is no profile" in done.stderr
    assert "keyturn connect" in done.stderr


SCRIPT = """
import os, signal, sys
from PySide6.QtCore import QTimer
from keyturn_app import main as program

class Window(program.MainWindow):
    def __init__(self, *given):
        super().__init__(*given)
        self.look = QTimer(self)
        self.look.timeout.connect(self.see)
        self.look.start(50)

    def shut_down(self):
        super().shut_down()
        print("ended", flush=True)

    def see(self):
        if not self.locked:
            print("unlocked", self.page, flush=True)
            self.look.stop()
            END

program.MainWindow = Window
sys.exit(program.main())
"""


@pytest.mark.parametrize("end", ["self.close()", "os.kill(os.getpid(), signal.SIGTERM)"])
def test_it_opens_unlocked_by_descriptor_and_ends_clean(tmp_path: Path, end: str) -> None:
    profile(tmp_path)
    reader, writer = os.pipe()
    os.write(writer, f"{PASSPHRASE}\n".encode())
    os.close(writer)
    try:
        done = run(
            tmp_path, SCRIPT.replace("END", end), "--passphrase-fd", str(reader), keep=(reader,)
        )
    finally:
        os.close(reader)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("unlocked ")
    assert "ended" in done.stdout
    assert PASSPHRASE not in done.stdout + done.stderr
    assert (tmp_path / "app" / "app.sqlite").exists()
    assert PASSPHRASE.encode() not in (tmp_path / "app" / "app.sqlite").read_bytes()


def profile(directory: Path) -> None:
    """Of a server that is not there: the key opens all the same."""
    server = ScriptedServer(Clock())
    with generate("ada", "Ada", Algorithm.ED25519) as secret:
        cost = KdfCost(iterations=1, lanes=1, memory_kib=8)
        write_key_file(directory / "ada.key", secret, bytearray(PASSPHRASE.encode()), cost=cost)
    known = server.profile("ada")
    made = type(known)(
        "https://127.0.0.1:9", known.pin, known.fingerprint, "ada", InFile(Path("ada.key"))
    )
    write_profile(places_of(directory, {}), made)


def run(
    directory: Path, script: str, *arguments: str, keep: tuple[int, ...] = ()
) -> subprocess.CompletedProcess[str]:
    paths = os.pathsep.join(str(ROOT / each) for each in ("backend", "app"))
    where = ["--profile", str(directory), "--profile-dir", str(directory / "app")]
    return subprocess.run(
        [sys.executable, "-c", script, *where, *arguments],
        env={**os.environ, "PYTHONPATH": paths, "QT_QPA_PLATFORM": "offscreen"},
        pass_fds=keep,
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_an_error_that_stops_it_is_told_whole(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken() -> None:
        raise KeyturnError("it broke", found="one", expected="two", hint="Mend it.")

    monkeypatch.setattr(program, "check_qt", broken)
    monkeypatch.setattr(program, "harden_process", lambda: None)
    monkeypatch.setattr(crashes, "install", lambda: None)
    assert main([]) == 1
    assert capsys.readouterr().err == ("keyturn-app: it broke; found one; expected two Mend it.\n")


def test_what_the_disk_does_not_take_is_there_until_the_end() -> None:
    """A draft is not lost while the officer looks at another page."""

    class Full(MemoryPreferences):
        full = True

        def set(self, key: str, text: str) -> None:
            if self.full:
                raise ProfilesUnusable("database or disk is full")
            super().set(key, text)

    kept = Full({"draft": "old"})
    forgiving = ForgivingPreferences(kept)
    forgiving.set("draft", "new")
    assert forgiving.get("draft") == "new"
    kept.full = False
    forgiving.set("draft", "newest")
    assert (forgiving.get("draft"), kept.texts) == ("newest", {"draft": "newest"})
