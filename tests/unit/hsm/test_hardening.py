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
