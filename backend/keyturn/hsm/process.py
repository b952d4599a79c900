"""How the processes that load a PKCS#11 module are started: fresh, with little around them.

Started, never forked: a fork after C_Initialize shares a session that no module supports.
"""

import os
import sys
from pathlib import Path

import keyturn
from keyturn.hsm.modules import library_path

SOFTHSM_VARIABLE = "SOFTHSM2_CONF"  # names a file; no secret
_KEPT = ("PATH", "LANG", "LC_ALL", "TZ")


def child_command(program: str, *arguments: str) -> list[str]:
    """Run a module of ours with this interpreter, without user site and current directory."""
    return [sys.executable, "-P", "-s", "-m", program, *arguments]


def child_environment(module: Path, softhsm_configuration: Path | None) -> dict[str, str]:
    """The whole environment of such a process; nothing else of ours is inherited."""
    environment = {name: os.environ[name] for name in _KEPT if name in os.environ}
    environment["PYTHONPATH"] = str(Path(keyturn.__file__).resolve().parent.parent)
    libraries = library_path(module)
    if libraries:
        environment["LD_LIBRARY_PATH"] = libraries
    if softhsm_configuration is not None:
        environment[SOFTHSM_VARIABLE] = str(softhsm_configuration)
    return environment
