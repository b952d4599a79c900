"""`ready.json`: where a node can be reached and how it stands, for supervisors. No secret."""

import json
import os
from dataclasses import dataclass
from pathlib import Path


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
