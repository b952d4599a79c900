"""A directory tree that behaves as the kernel's configfs-tsm does, over a simulated machine.

`provider`, `generation`, `inblob`, `outblob`, `auxblob` are files; what is written to `inblob`
counts `generation` up; `outblob` is made when it is read. `interrupt` may write between.
"""

import errno
import shutil
import struct
from collections.abc import Callable
from pathlib import Path

from keyturn.guest.tsm import ConfigFs
from keyturn_sim.node import SimNode
from keyturn_sim.tdnode import SimTdNode
from support.nodes import Sim

GUIDS = {
    "vek": "63da758de6644564adc5f4b93be8accd",
    "intermediate": "4ab7b379bbac4fe4a02f05aef327c782",
    "root": "c0b406a4a80349529743 3fb6014cd0ae".replace(" ", ""),
}


def certificate_table(sim: SimNode) -> bytes:
    """As a host gives it (GHCB 2.0 §4.1.8.1)."""
    certificates = {GUIDS[name]: der for name, der in sim.collateral().items()}
    at = 24 * (len(certificates) + 1)
    head, body = b"", b""
    for guid, der in certificates.items():
        head += bytes.fromhex(guid) + struct.pack("<II", at + len(body), len(der))
        body += der
    return head + bytes(24) + body


class SimConfigFs(ConfigFs):
    """`busy`: how often `outblob` is not ready yet. `table`: False, the host gives none."""

    def __init__(self, sim: Sim, *, busy: int = 0, table: bool = True) -> None:
        self.sim = sim
        self.busy = busy
        self.table = table
        self.made: list[Path] = []
        self.interrupt: Callable[[Path], None] = lambda report: None

    def make(self, folder: Path) -> None:
        super().make(folder)
        self.made.append(folder)
        provider = "tdx_guest" if isinstance(self.sim, SimTdNode) else "sev_guest"
        for name, text in (("provider", provider), ("generation", "0"), ("inblob", "")):
            (folder / name).write_text(f"{text}\n" if text else "")

    def remove(self, folder: Path) -> None:
        shutil.rmtree(folder)

    def write(self, path: Path, data: bytes) -> None:
        super().write(path, data)
        self.count(path.parent)

    def count(self, report: Path) -> None:
        """Somebody wrote."""
        counter = report / "generation"
        counter.write_text(f"{int(counter.read_text()) + 1}\n")

    def read(self, path: Path) -> bytes:
        if path.name == "outblob":
            if self.busy:
                self.busy -= 1
                raise OSError(errno.EBUSY, "the quoting service is busy")
            self.interrupt(path.parent)
            path.write_bytes(self._made((path.parent / "inblob").read_bytes()))
        if path.name == "auxblob" and isinstance(self.sim, SimNode) and self.table:
            path.write_bytes(certificate_table(self.sim))
        return super().read(path)

    def _made(self, report_data: bytes) -> bytes:
        if isinstance(self.sim, SimTdNode):
            return self.sim.tdx_quote(report_data)
        return self.sim.snp_report(report_data)
