"""`ready.json` is whole at every moment, and holds no secret."""

import json
from pathlib import Path

from keyturn.agent.ready import ReadyFile


def test_writes_and_replaces(tmp_path: Path) -> None:
    ready = ReadyFile(tmp_path / "data", "https://h:1", "ab" * 32, "node-1", "sha256:00")

    ready.write("serving")
    ready.write("wiped", reason="revoked", wiped_after_ms=3)

    found = json.loads(ready.path.read_text())
    assert (found["state"], found["reason"], found["wiped_after_ms"]) == ("wiped", "revoked", 3)
    assert [each.name for each in ready.directory.iterdir()] == ["ready.json"]
