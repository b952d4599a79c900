"""The desktop application on the running demo, where there is a display to show it on.

All five officers sign in at one desk, passphrases by descriptor, so that one person can feel the
quorum. The app may be closed at any time; the system stays up.
"""

import os
import sys
from importlib.util import find_spec
from pathlib import Path

from debian import environment_with
from keyturn_demo.commands import secret_fd
from keyturn_demo.console import StepFailed
from keyturn_demo.parts import START_SECONDS, System
from keyturn_demo.supervisor import Part, tail
from keyturn_demo.world import ROOT, read_json, wait_for

APP = str(Path(sys.executable).parent / "keyturn-app")
_PASSED = (
    *("DISPLAY", "XAUTHORITY", "WAYLAND_DISPLAY", "XDG_RUNTIME_DIR", "XDG_SESSION_TYPE"),
    *("DBUS_SESSION_BUS_ADDRESS", "QT_QPA_PLATFORM", "QT_SCALE_FACTOR", "LD_LIBRARY_PATH"),
)
"""Of the caller's environment: where the display is, and how to draw on it."""


def why_not() -> str:
    """Why no window can be opened here; empty when one can."""
    if not any(os.environ.get(each) for each in ("DISPLAY", "WAYLAND_DISPLAY")):
        return "there is no display"
    if find_spec("PySide6") is None:
        return "PySide6 is not installed"
    return ""


def open_app(system: System) -> Part:
    """Start the app; returns when its window is there and live. Raises StepFailed."""
    ready = system.world.directory / "tmp" / "app.json"
    arguments = ["--profile-dir", str(system.world.directory / "app"), "--ready", str(ready)]
    descriptors = []
    for desk in system.desks.values():
        descriptor = secret_fd(desk.passphrase)
        descriptors.append(descriptor)
        arguments += ["--profile", str(desk.directory), "--passphrase-fd", str(descriptor)]
    passed = {name: os.environ[name] for name in _PASSED if name in os.environ}
    try:
        part = system.supervisor.start(
            "app",
            (APP, *arguments),
            pass_fds=tuple(descriptors),
            restart=False,
            environment=environment_with(ROOT / ".cache" / "debian", passed),
        )
    finally:
        for descriptor in descriptors:
            os.close(descriptor)

    def alive() -> None:
        if part.process is not None and part.process.poll() is not None:
            raise StepFailed(f"the app ended; {tail(part.log, 30)}")

    wait_for("the app's window", lambda: read_json(ready), START_SECONDS, alive)
    return part
