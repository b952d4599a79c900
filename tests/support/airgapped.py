"""`keyturn-app --station` as a process of its own, watched: `python -m support.airgapped DIR FILE`.

Opens the key, visits every page, reads and signs the proposal in FILE, ends. Prints one JSON
object: every socket event that Python audited, what was signed, and what the positive controls
found: a socket before the seal is seen, and after it is refused.
"""

import json
import os
import socket
import sys
from contextlib import closing
from pathlib import Path

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication

from keyturn.base.errors import KeyturnError
from keyturn.client.client import KeyturnClient
from keyturn.client.transport import Transport
from keyturn.quorum.approvals import Decision
from keyturn.wire.tls import Pin
from keyturn_app.live.airgap import Sealed
from keyturn_app.main import main
from keyturn_app.shell.window import MainWindow

PASSPHRASE = b"seven green bottles on a wall"
seen: list[str] = []
found: dict[str, object] = {}


def watch(event: str, arguments: tuple[object, ...]) -> None:
    if event == "socket.__new__":
        seen.append(f"{event} {arguments[1]}")
    elif event.startswith("socket."):
        seen.append(event)


def drive(raw: bytes) -> None:
    """Until the window is unlocked; then once through it."""
    windows = [each for each in QApplication.topLevelWidgets() if isinstance(each, MainWindow)]
    if not windows or windows[0].locked:
        QTimer.singleShot(20, lambda: drive(raw))
        return
    (window,) = windows
    for page in ("fleet", "models", "approvals", "officers", "log", "notifications", "settings"):
        window.go(page)
    window.check_again()
    found["join"] = window.actions_.run("seat.join")

    def sign(client: KeyturnClient) -> list[str]:
        file = client.sign_offline(client.read_export(raw), Decision.APPROVE, "")
        return [str(each) for each in file.approved_by]

    def done(names: list[str]) -> None:
        found["approved_by"] = names
        QApplication.exit(0)

    def failed(error: KeyturnError) -> None:
        found["error"] = str(error)
        QApplication.exit(1)

    window._desk.ask(sign, done=done, failed=failed)


def tried(what: str) -> str:
    """What reaching for the network by Python comes to."""
    try:
        if what == "socket":
            socket.create_connection(("127.0.0.1", 9), timeout=1)
        elif what == "name":
            socket.getaddrinfo("localhost", 9)
        else:
            Transport.pinned("https://127.0.0.1:9", Pin("ab" * 32)).get("/v1/hello", "hello")
    except Sealed:
        return "sealed"
    except (OSError, KeyturnError) as error:
        return type(error).__name__
    return "reached"


def run() -> int:
    sys.addaudithook(watch)
    with closing(socket.socket(socket.AF_INET)):
        found["control"] = list(seen)
    seen.clear()
    reader, writer = os.pipe()
    os.write(writer, PASSPHRASE)
    os.close(writer)
    raw = Path(sys.argv[2]).read_bytes()
    QTimer.singleShot(0, lambda: drive(raw))
    status = main(["--station", sys.argv[1], "--passphrase-fd", str(reader)])
    found["events"] = list(seen)
    found["tried"] = [tried(each) for each in ("socket", "name", "https")]
    print(json.dumps({**found, "status": status}))
    return status


if __name__ == "__main__":
    sys.exit(run())
