import select
import subprocess
import sys
from pathlib import Path

import keyturn

_PROGRAM = """
import ctypes, resource
from keyturn.hsm.hardening import harden
harden()
print(ctypes.CDLL(None).prctl(3, 0, 0, 0, 0), resource.getrlimit(resource.RLIMIT_CORE))
"""


def test_a_hardened_process_leaves_no_dump() -> None:
    """In a process of its own: a test run that cannot be debugged helps nobody."""
    backend = str(Path(keyturn.__file__).parents[1])
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM],
        env={"PYTHONPATH": backend},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "0 (0, 0)"


def test_a_process_ends_with_the_one_that_started_it() -> None:
    inner = (
        "import os, sys, time; from keyturn.hsm.hardening import die_with_parent;"
        "die_with_parent(int(sys.argv[1])); print(os.getpid(), flush=True); time.sleep(60)"
    )
    outer = (
        "import os, subprocess, sys;"
        "subprocess.run([sys.executable, '-c', sys.argv[1], str(os.getpid())])"
    )
    backend = str(Path(keyturn.__file__).parents[1])
    parent = subprocess.Popen(
        [sys.executable, "-c", outer, inner],
        stdout=subprocess.PIPE,
        env={"PYTHONPATH": backend},
    )
    assert parent.stdout is not None
    assert int(parent.stdout.readline())
    parent.kill()
    ended, _, _ = select.select([parent.stdout], [], [], 30)  # the last holder of the pipe is gone
    assert ended
    assert parent.stdout.read() == b""
    parent.wait(10)
    parent.stdout.close()


def test_a_process_whose_parent_is_gone_already_ends() -> None:
    program = "from keyturn.hsm.hardening import die_with_parent; die_with_parent(1 << 22)"
    backend = str(Path(keyturn.__file__).parents[1])
    done = subprocess.run([sys.executable, "-c", program], env={"PYTHONPATH": backend}, check=False)
    assert done.returncode == 1
