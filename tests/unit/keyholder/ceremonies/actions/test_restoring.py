"""What a restore leaves when it is taken back. (Restores themselves: tests/flows.)"""

from pathlib import Path

import pytest

from keyturn.ceremony.errors import CeremonyReason, CeremonyRefused
from keyturn.keyholder.ceremonies.actions import restoring
from keyturn.keyholder.ceremonies.doing import Doing
from keyturn.keyholder.ceremonies.site import desk_of


def fresh(doing: Doing) -> Path:
    directory = desk_of(doing.site).fresh_directory(doing.plan)
    directory.mkdir()
    (directory / "softhsm2.conf").write_text("x")
    return directory


def test_a_fresh_token_is_taken_back_and_the_one_in_use_is_not(doing: Doing) -> None:
    directory = fresh(doing)
    (doing.site.directory / "token").mkdir()
    for _ in range(2):
        restoring.take_back(doing.files, doing.site, doing.course)
    assert not directory.exists()
    assert (doing.site.directory / "token").is_dir()


def test_a_token_that_the_log_goes_on_under_is_kept(
    doing: Doing, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = fresh(doing)
    monkeypatch.setattr(type(doing.site), "uses_fresh", lambda *_: True)
    restoring.take_back(doing.files, doing.site, doing.course)
    assert directory.exists()


def test_nothing_is_restored_without_a_backup_or_proved_without_a_token(doing: Doing) -> None:
    with pytest.raises(CeremonyRefused, match="no backup here"):
        restoring.restore_kek(doing)
    with pytest.raises(CeremonyRefused) as refused:
        restoring.prove_restore(doing)
    assert refused.value.reason is CeremonyReason.LOCKED
