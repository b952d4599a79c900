"""Running a keyholder: what keeps it from serving at all.

Whole lives of the process are in tests/flows/test_process.py and tests/flows/test_unseal.py.
"""

from dataclasses import replace
from pathlib import Path

import pytest

from keyturn.keyholder import program
from keyturn.keyholder.config import load_config
from keyturn.keyholder.logdisk_errors import LogMissing
from keyturn.keyholder.program import run_keyholder
from support.founded import make_founded


def test_without_a_log_there_is_nothing_to_serve(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(program, "harden", lambda: None)  # not this process
    founded = make_founded(tmp_path / "a")
    config = replace(load_config(founded.config, {}), log=tmp_path / "missing")
    with pytest.raises(LogMissing):
        run_keyholder(config, founded.directory, None)
    assert not config.socket.exists()
