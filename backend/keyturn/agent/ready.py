"""`ready.json`: where a node can be reached and how it stands, for supervisors. No secret."""

import json
import logging
import os
from dataclasses import dataclass
from pathlib import Path

from keyturn.agent.errors import ConfigInvalid

log = logging.getLogger("keyturn.agent")


@dataclass(frozen=True, slots=True)
class ReadyFile:
    """Written atomically, mode 0644, in a directory that is made when missing."""

    directory: Path
    url: str
    tls_spki_sha256: str
    node: str
    model: str

    @property
    def path(self) -> Path:
        return self.directory / "ready.json"

    def write(self, state: str, *, reason: str = "", wiped_after_ms: int | None = None) -> None:
        """Raises ConfigInvalid when the file system says no."""
        try:
            self._write(state, reason, wiped_after_ms)
        except OSError as error:
            raise ConfigInvalid(
                f"cannot write {self.path}: {error.strerror or error}",
                expected="'data' names a directory that this process may write to",
            ) from error

    def tell(self, state: str, *, reason: str = "", wiped_after_ms: int | None = None) -> None:
        """As `write`, but only logs a failure: no file is worth a late wipe or a lost report."""
        try:
            self.write(state, reason=reason, wiped_after_ms=wiped_after_ms)
        except ConfigInvalid as error:
            log.warning("%s", error)

    def _write(self, state: str, reason: str, wiped_after_ms: int | None) -> None:
        document = {
            "url": self.url,
            "tls_spki_sha256": self.tls_spki_sha256,
            "node": self.node,
            "model": self.model,
            "state": state,
            "reason": reason,
            "wiped_after_ms": wiped_after_ms,
            "pid": os.getpid(),
        }
        self.directory.mkdir(parents=True, exist_ok=True)
        draft = self.directory / ".ready.json.new"
        draft.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
        draft.replace(self.path)
