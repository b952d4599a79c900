"""The process by itself; what its tasks do to a token: tests/contract/test_hsm_ceremonies.py."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from keyturn.hsm.ceremonytasks import MakeToken, Restore, Secret
from keyturn.hsm.errors import HsmRequestError, TokenError
from keyturn.hsm.kekwork import KekProfile
from support.hsmceremonies import Desk, backup_of
from support.hsmtoken import softhsm_module


def _run(task: bytes) -> tuple[int, dict[str, object]]:
    options = ("--module", str(softhsm_module()), "--label", "t")
    done = subprocess.run(
        [sys.executable, "-m", "keyturn.hsm.ceremonychild", *options],
        input=task,
        capture_output=True,
        check=False,
        env={"PYTHONPATH": str(Path(__file__).parents[3] / "backend")},
    )
    assert done.stderr == b""
    return done.returncode, json.loads(done.stdout)


@pytest.mark.parametrize("task", [b"", b"{}", b'{"task":"export"}', b"x" * (65 << 10)])
def test_what_is_no_task_is_answered_as_such(task: bytes) -> None:
    status, answer = _run(task)
    assert status == 1
    assert answer["error"]["kind"] == "HsmRequestError"  # type: ignore[index]


def test_a_second_token_of_that_name_is_not_made(tmp_path: Path) -> None:
    desk = Desk.at(tmp_path / "t")
    first = desk.make(KekProfile.NEVER_EXTRACTABLE, backed_up=False)
    with pytest.raises(TokenError, match="no free slot"):
        desk.make(KekProfile.NEVER_EXTRACTABLE, backed_up=False)
    with desk.worker() as worker:
        assert worker.keks() == first.report.keks


def test_a_never_extractable_kek_gets_no_backup_key(tmp_path: Path) -> None:
    desk = Desk.at(tmp_path / "t")
    with pytest.raises(HsmRequestError, match="not backed up"):
        desk.do(MakeToken(KekProfile.NEVER_EXTRACTABLE), Secret.BACKUP_SECRET)


def test_a_restore_goes_on_a_fresh_token_only(tmp_path: Path) -> None:
    desk = Desk.at(tmp_path / "t")
    made = desk.make()
    with pytest.raises(TokenError, match="no free slot"):
        desk.do(Restore(backup_of(made)))
