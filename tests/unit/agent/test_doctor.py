"""The doctor tries everything, whatever became of the rest (the good case: test_program)."""

from pathlib import Path

from keyturn.agent.config import AgentConfig
from keyturn.agent.doctor import examine
from keyturn.base.encoding import Digest
from keyturn.wire.tls import Pin


def test_each_failure_is_named(tmp_path: Path) -> None:
    config = AgentConfig(
        "node-1", "https://127.0.0.1:1", Pin("ab" * 32), tmp_path / "a.bundle",
        Digest("sha256:" + "00" * 32), tmp_path / "sealed", tmp_path / "d.sock", tmp_path,
        "127.0.0.1", 0, 1.0, None, None, None,
    )  # fmt: skip

    findings = examine(config)

    assert [each.good for each in findings] == [False] * 5
    assert all(each.found for each in findings)
    assert findings[4].to_document()["name"] == "control plane"
