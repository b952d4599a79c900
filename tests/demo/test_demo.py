"""The whole system as a newcomer runs it: through and out, and up until Ctrl-C."""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
RUN = (sys.executable, str(ROOT / "packaging" / "demo" / "run.py"))
LONG = 400.0  # seconds; on two idle cores it takes about 45

pytestmark = pytest.mark.timeout(2 * LONG)


def left_behind(since: set[str]) -> set[str]:
    return {each.name for each in directories()} - since


def directories() -> list[Path]:
    return list(Path(tempfile.gettempdir()).glob("keyturn-demo-*"))


def processes_naming(directory: str) -> list[str]:
    """Command lines of processes that mention a directory."""
    found = []
    for process in Path("/proc").iterdir():
        if process.name.isdigit():
            try:
                line = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            except (OSError, UnicodeDecodeError):
                continue
            if directory in line:
                found.append(line)
    return found


def test_headless_holds_every_step_and_leaves_nothing() -> None:
    before = {each.name for each in directories()}

    done = subprocess.run(
        (*RUN, "--headless"), capture_output=True, text=True, timeout=LONG, check=False
    )

    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    assert "Every step held" in done.stdout
    assert "✗" not in done.stdout
    assert left_behind(before) == set()
    assert processes_naming("keyturn-demo-") == []


@pytest.fixture
def display() -> Iterator[dict[str, str]]:
    """The environment of a display of this test's own; an empty one where none can be had."""
    program = shutil.which("Xvfb")
    if program is None:
        yield {}
        return
    numbers, told = os.pipe()
    command = (program, "-screen", "0", "1440x900x24", "-nolisten", "tcp", "-displayfd", str(told))
    server = subprocess.Popen(command, pass_fds=(told,), stderr=subprocess.DEVNULL)
    os.close(told)
    try:
        with os.fdopen(numbers) as stream:
            number = stream.readline().strip()
        yield {"DISPLAY": f":{number}"} if number else {}
    finally:
        server.terminate()
        server.wait(10)


def test_it_stays_up_until_ctrl_c_and_what_it_says_to_try_works(display: dict[str, str]) -> None:
    """With a display the app opens on it, live; as root there must be one."""
    assert display or os.geteuid() != 0
    before = {each.name for each in directories()}
    demo = subprocess.Popen(
        RUN,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "COLUMNS": "2000", **display},
    )
    try:
        lines = read_until(demo, "Ctrl-C ends it")
        opened = any("open and live, signed in as five officers" in line for line in lines)
        assert opened == bool(display or "DISPLAY" in os.environ), "\n".join(lines[-30:])
        (directory,) = left_behind(before)
        for number, command in enumerate(tries(lines)):
            done = subprocess.run(
                ("bash", "-c", command), capture_output=True, text=True, timeout=60, check=False
            )
            assert done.returncode == 0, (number, done.stdout[-2000:], done.stderr[-2000:])
        rest = press_ctrl_c(demo, times=3)
    finally:
        demo.kill()
        demo.communicate()

    assert demo.returncode == 0, rest
    assert "no process, file or secret is left" in rest
    assert left_behind(before) == set()
    assert processes_naming(directory) == []


def press_ctrl_c(demo: "subprocess.Popen[str]", times: int) -> str:
    """As an impatient person does, 0.4 s apart while it is still there; what it said then."""
    for _ in range(times):
        demo.send_signal(signal.SIGINT)
        try:
            return demo.communicate(timeout=0.4)[0]
        except subprocess.TimeoutExpired:
            continue  # the clean-up goes on
    return demo.communicate(timeout=60)[0]


def test_ctrl_c_early_and_again_leaves_nothing() -> None:
    before = {each.name for each in directories()}
    demo = subprocess.Popen(RUN, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        read_until(demo, "token")
        rest = press_ctrl_c(demo, times=3)
    finally:
        demo.kill()
        demo.communicate()

    assert demo.returncode == 0, rest
    assert "no process, file or secret is left" in rest
    assert "Traceback" not in rest
    assert left_behind(before) == set()
    assert processes_naming("keyturn-demo-") == []


def read_until(demo: "subprocess.Popen[str]", last: str) -> list[str]:
    lines: list[str] = []
    assert demo.stdout is not None
    for line in demo.stdout:
        lines.append(line.rstrip())
        if last in line:
            return lines
    raise AssertionError("\n".join(lines[-60:]))


def tries(lines: list[str]) -> list[str]:
    """The commands that the demo offers."""
    start = next(place for place, line in enumerate(lines) if "It stays up" in line)
    commands = [line.strip() for line in lines[start + 1 : -1] if line.strip()]
    assert len(commands) >= 5
    assert all(re.match(r"(curl|\S*keyturn) ", each) for each in commands)
    return commands
