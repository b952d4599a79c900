"""`ready.json` is whole at every moment, and holds no secret."""

import json
import logging
from pathlib import Path

import pytest

from keyturn.agent.errors import ConfigInvalid
from keyturn.agent.ready import ReadyFile


def test_writes_and_replaces(tmp_path: Path) -> None:
    ready = ReadyFile(tmp_path / "data", "https://h:1", "ab" * 32, "node-1", "sha256:00")

    ready.write("serving")
    ready.write("wiped", reason="revoked", wiped_after_ms=3)

    found = json.loads(ready.path.read_text())
    assert (found["state"], found["reason"], found["wiped_after_ms"]) == ("wiped", "revoked", 3)
    assert [each.name for each in ready.directory.iterdir()] == ["ready.json"]


def blocked(tmp_path: Path) -> ReadyFile:
    """A file stands where the directory should be: no user, not even root, can write there."""
    (tmp_path / "data").write_text("")
    return ReadyFile(tmp_path / "data", "https://h:1", "ab" * 32, "node-1", "sha256:00")


def test_a_directory_that_cannot_be_written_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigInvalid, match=r"cannot write .*ready\.json"):
        blocked(tmp_path).write("starting")


def test_telling_never_raises(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        blocked(tmp_path).tell("wiped", wiped_after_ms=3)
    assert "cannot write" in caplog.text
