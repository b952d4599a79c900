"""No secret stays where it can be found: on widgets, in logs, on disk, in a crash's report.

Each place is searched by the same call for a marker that was put there first: a search that finds
nothing proves nothing by itself.
"""

import base64
import logging
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex

import pytest
from PySide6.QtCore import qInfo
from PySide6.QtWidgets import QApplication, QLabel, QLineEdit, QPlainTextEdit, QPushButton
from pytestqt.logging import _QtMessageCapture as QtLog
from shiboken6 import getAllValidWrappers, isValid

from keyturn.base.signatures import Algorithm
from keyturn.client.memory import Memory
from keyturn.exposure.memscan import find_in_process
from keyturn.officerkeys.keyfile import write_key_file
from keyturn.officerkeys.keypair import generate
from keyturn.vault import sealer, sealing
from keyturn_app.live.profiles import seat_id
from keyturn_app.shell import crashes
from support.office import QUICK, Office, passphrase_of, private_bytes, seal
from support.officefixtures import (
    hsm_worker,
    node_secrets,
    office,
    system,
    token_template,
    unhardened,
    vendors,
    whole,
)
from support.whole import Whole

__all__ = [
    "hsm_worker",
    "node_secrets",
    "office",
    "system",
    "token_template",
    "unhardened",
    "vendors",
    "whole",
]

# The offscreen plugin says of menus and raised windows that it cannot do them.
pytestmark = pytest.mark.qt_log_ignore("This plugin does not support", "propagateSizeHints")

ROOT = Path(__file__).resolve().parents[2]
MARKER = "a-marker-put-there-by-a-test"
TEXTS = ("text", "toPlainText", "title", "currentText", "placeholderText")
SAID = ("toolTip", "accessibleName", "accessibleDescription", "whatsThis", "windowTitle")


def forms(secret: bytes) -> tuple[bytes, ...]:
    """As it is, as Qt keeps texts, and as people write bytes."""
    text = secret.decode("latin-1")
    spelled = (secret.hex(), secret.hex().upper(), base64.b64encode(secret).decode())
    return (secret, text.encode("utf-16-le"), *(each.encode() for each in spelled))


def found(secrets: Mapping[str, bytes], places: Mapping[str, bytes]) -> set[tuple[str, str]]:
    """Which secret lies where."""
    return {
        (name, place)
        for name, secret in secrets.items()
        for place, content in places.items()
        if any(form in content for form in forms(secret))
    }


def on_widgets() -> str:
    """Every text of every widget, seen or not."""
    texts = []
    for each in getAllValidWrappers():
        for name in (*TEXTS, *SAID):
            ask = getattr(each, name, None) if isValid(each) else None
            if callable(ask):
                texts.append(_said(ask))
    return "\n".join(texts)


def _said(ask: Callable[[], object]) -> str:
    try:
        return str(ask())
    except (TypeError, RuntimeError):  # it wants arguments, or is of another kind
        return ""


@dataclass
class Places:
    """All that is searched."""

    office: Office
    caplog: pytest.LogCaptureFixture
    qt: QtLog

    def contents(self) -> dict[str, bytes]:
        found = {
            "widgets": on_widgets().encode(),
            "clipboard": QApplication.clipboard().text().encode(),
            "log": self.caplog.text.encode(),
            "Qt's messages": "\n".join(str(each.message) for each in self.qt.records).encode(),
        }
        directory = self.office.directory / "app"
        for path in sorted(directory.rglob("*")):
            if path.is_file():
                found[str(path.relative_to(directory))] = path.read_bytes()
        return found


@pytest.fixture
def places(office: Office, caplog: pytest.LogCaptureFixture, qtlog: QtLog) -> Places:
    caplog.set_level(logging.DEBUG)
    return Places(office, caplog, qtlog)


@pytest.fixture
def deks(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The keys of what is sealed here, which only a test may know."""
    known: list[bytes] = []
    real = sealer.seal_directory

    def watched(*arguments: object, dek: bytearray, **options: object) -> object:
        known.append(bytes(dek))
        return real(*arguments, dek=dek, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(sealing, "seal_directory", watched)
    return known


def state_of(office: Office) -> Path:
    """Where the seat that has the window remembers what it saw."""
    return office.store.places_for(seat_id(office.seats.desk.identity.profile)).state


def test_each_place_is_really_searched(places: Places) -> None:
    office = places.office
    marked = {"marker": MARKER.encode()}
    assert found(marked, places.contents()) == set()
    made = [QLabel(MARKER, office.window), QPushButton("x", office.window)]
    made[1].setToolTip(MARKER)
    QApplication.clipboard().setText(MARKER)
    logging.getLogger("keyturn_app").debug("%s", MARKER)
    qInfo(MARKER)
    office.store.set("a.key", MARKER)
    kept = state_of(office)
    kept.mkdir(parents=True, exist_ok=True)
    (kept / "memory.json").write_text(MARKER)
    assert {place for _marker, place in found(marked, places.contents())} == {
        "widgets",
        "clipboard",
        "log",
        "Qt's messages",
        "app.sqlite",
        str((kept / "memory.json").relative_to(office.directory / "app")),
    }
    QApplication.clipboard().clear()


@pytest.mark.parametrize("way", [*TEXTS[:2], "placeholderText", *SAID])
def test_each_text_of_a_widget_is_really_searched(office: Office, way: str) -> None:
    kind = {"toPlainText": QPlainTextEdit, "placeholderText": QLineEdit}.get(way, QLabel)
    made = kind(office.window)
    setter = "setPlainText" if way == "toPlainText" else f"set{way[0].upper()}{way[1:]}"
    getattr(made, setter)(MARKER)
    assert MARKER in on_widgets()


def test_no_secret_is_anywhere(
    places: Places, whole: Whole, deks: list[bytes], tmp_path: Path
) -> None:
    """Typed, used to sign and to seal, and locked away again."""
    office = places.office
    source, place = tmp_path / "model", tmp_path / "place"
    for each in (source, place):
        each.mkdir()
    (source / "weights.safetensors").write_bytes(b"some weights")
    office.unlock("ada")
    seal(office, source, place)
    state = state_of(office)
    session = Memory(whole.system.fingerprint, state).recall().session
    assert session is not None
    (dek,) = deks
    secrets = {
        "passphrase": passphrase_of("ada").encode(),
        "private key": private_bytes(whole.system.authority.people["ada"]),
        "session": session.token.encode(),
        "data key": dek,
    }
    memory = str(next(state.rglob("memory.json")).relative_to(office.directory / "app"))
    # Said in the threat model: while it lasts, the session lies in the officer's own file.
    assert found(secrets, places.contents()) == {("session", memory)}
    assert next(state.rglob("memory.json")).stat().st_mode & 0o077 == 0

    office.lock()
    office.until(lambda: Memory(whole.system.fingerprint, state).recall().session is None)
    assert found(secrets, places.contents()) == set()
    sealed = {str(each): each.read_bytes() for each in place.rglob("*") if each.is_file()}
    assert len(sealed) > 2
    assert found(secrets, sealed) == set()


def test_a_crash_report_tells_where_and_never_what(
    places: Places, caplog: pytest.LogCaptureFixture
) -> None:
    secret = passphrase_of("ada")

    class AMarker(RuntimeError):
        pass

    def opens(passphrase: str) -> None:
        raise AMarker(f"cannot open with {passphrase}", passphrase)

    try:
        opens(secret)
    except AMarker as error:
        crashes._unhandled(type(error), error, error.__traceback__)
    assert "AMarker at test_secrets.py" in caplog.text  # the control: it was reported
    assert "opens" in caplog.text
    assert secret not in caplog.text
    assert crashes.of_qt(f"QObject::connect: {secret}") == "QObject::connect"


@dataclass
class Elsewhere:
    """The window in another process, searched at each step."""

    process: "subprocess.Popen[bytes]"
    needles: Mapping[str, bytes]

    def search(self, step: str) -> dict[str, int]:
        """How often each needle lies in its memory once it has come to `step`; then it goes on."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        assert self.process.stdout.readline().decode().strip() == step
        searched = find_in_process(self.process.pid, self.needles)
        self.process.stdin.write(b"x")
        self.process.stdin.flush()
        return {name: len(hits) for name, hits in searched.hits.items()}


@pytest.mark.parametrize("algorithm", Algorithm)
def test_after_a_lock_no_private_key_is_in_memory(tmp_path: Path, algorithm: Algorithm) -> None:
    """A sample, as every search of memory is; with what it found of the passphrase."""
    word = f"zebra-{token_hex(8)}-lamp"
    with generate("ada", "Ada", algorithm) as secret:
        private = bytes(secret.private_copy())
        write_key_file(tmp_path / "ada.key", secret, bytearray(word.encode()), cost=QUICK)
    needles = {
        "typed": word.encode("utf-16-le"),
        "passphrase": word.encode(),
        "signing key": private[:32],
        "sealing key": private[32:],
    }
    paths = os.pathsep.join(str(ROOT / each) for each in ("backend", "app"))
    with subprocess.Popen(
        [sys.executable, str(ROOT / "tests" / "support" / "unlocked.py"), str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": paths},
    ) as process:
        assert process.stdin is not None
        process.stdin.write(word.encode() + b"\n")
        process.stdin.flush()
        window = Elsewhere(process, needles)
        typed, unlocked, locked = map(window.search, ("typed", "unlocked", "locked"))
    assert process.returncode == 0
    assert typed["typed"]  # the controls: what is there is found
    assert unlocked["signing key"]
    assert unlocked["sealing key"]
    assert (locked["signing key"], locked["sealing key"], locked["typed"]) == (0, 0, 0)
    assert locked["passphrase"] <= 1  # the copy that Python made of the field's text, if not reused
