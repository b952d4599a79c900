"""A PKCS#11 module that several parts of one process use: an officer's program with a card.

The standard starts a module once a process, and stopping it ends everybody's sessions. So
users of one module share one `Library`, and the last one stops it; a module that something
else in this process started is used, and never stopped. Not for the HSM's worker, which is
alone in its process and wants to know if it is not.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from keyturn.hsm.errors import HsmError
from keyturn.hsm.modules import check_module
from keyturn.hsm.pkcs11 import Library


@dataclass
class _Loaded:
    library: Library
    users: int = 0


_guard = threading.Lock()
_loaded: dict[Path, _Loaded] = {}


@contextmanager
def shared_library(module: Path) -> Iterator[Library]:
    """The module, started if it is not yet. Raises HsmUnreachable."""
    path = check_module(module)
    with _guard:
        entry = _loaded.get(path)
        if entry is None:
            entry = _loaded[path] = _Loaded(Library(path, started_elsewhere_is_fine=True))
        entry.users += 1
    try:
        yield entry.library
    finally:
        with _guard:
            entry.users -= 1
            if not entry.users:
                del _loaded[path]
                with suppress(HsmError):  # a module that does not stop is nobody's to mend
                    entry.library.close()
