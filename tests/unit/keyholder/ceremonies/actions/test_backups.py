"""What a backup is not made or proved without. (Backups themselves: tests/flows.)"""

from pathlib import Path
from types import SimpleNamespace

import pytest

from keyturn.base.encoding import digest_bytes
from keyturn.base.errors import MalformedError
from keyturn.base.signatures import KeyId
from keyturn.ceremony.errors import CeremonyReason, CeremonyRefused
from keyturn.hsm.kekwork import KekOrigin, KekProfile, KekReport, KekState
from keyturn.keyholder.ceremonies.actions import backups
from keyturn.keyholder.ceremonies.actions.backups import (
    active_kek,
    back_up,
    backup_at,
    order_of,
    prove_backup,
)
from keyturn.keyholder.ceremonies.doing import Doing
from keyturn.keyholder.ceremonies.site import BACKUP


class Keks:
    def __init__(self, *states: KekState) -> None:
        self._states = states

    def keks(self) -> tuple[KekReport, ...]:
        made = KekOrigin.MADE, ()
        return tuple(
            KekReport(KeyId(f"{place:064x}"), KekProfile.RECOVERABLE, state, *made)
            for place, state in enumerate(self._states)
        )


def test_an_order_names_the_record_that_people_signed(doing: Doing) -> None:
    order = order_of(doing, 3)
    assert (order.ceremony, order.seq, order.part) == ("genesis-1", 1, 3)
    assert order.record == digest_bytes(doing.course.last_digest)


def test_one_kek_is_active() -> None:
    found = active_kek(Keks(KekState.DEACTIVATED, KekState.ACTIVE))  # type: ignore[arg-type]
    assert found.id == KeyId(f"{1:064x}")
    for states in ((), (KekState.ACTIVE, KekState.ACTIVE)):
        with pytest.raises(CeremonyRefused):
            active_kek(Keks(*states))  # type: ignore[arg-type]


def test_without_a_token_or_a_backup_nothing_is_done(doing: Doing) -> None:
    with pytest.raises(CeremonyRefused) as refused:
        back_up(doing)
    assert refused.value.reason is CeremonyReason.LOCKED
    with pytest.raises(CeremonyRefused, match="no backup here"):
        prove_backup(doing)
    doing.files.keep(BACKUP, b"{}")
    with pytest.raises(MalformedError):
        backup_at(doing.files, doing.site)


def test_the_backup_of_the_kek_before_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A token that is lost between a rotation's backup and its rewrapping: nearly every DEK lies
    under the old KEK yet."""
    old, new = KeyId("ab" * 32), KeyId("cd" * 32)
    said = {b"old": old, b"new": new}
    monkeypatch.setattr(
        backups, "parse_backup", lambda raw: SimpleNamespace(wrapped=SimpleNamespace(kek=said[raw]))
    )
    backups.keep_other(tmp_path, new)
    assert not list(tmp_path.iterdir())
    (tmp_path / BACKUP).write_bytes(b"old")
    backups.keep_other(tmp_path, old)
    assert [each.name for each in tmp_path.iterdir()] == [BACKUP]
    for _ in range(2):  # a step that is done again finds its own
        backups.keep_other(tmp_path, new)
        (tmp_path / BACKUP).write_bytes(b"new")
    assert (tmp_path / backups.kept_backup(old)).read_bytes() == b"old"
    assert len(list(tmp_path.iterdir())) == 2


def test_a_file_that_is_no_backup_is_not_thrown_away(tmp_path: Path) -> None:
    (tmp_path / BACKUP).write_bytes(b"{}")
    backups.keep_other(tmp_path, KeyId("ab" * 32))
    assert [each.read_bytes() for each in tmp_path.iterdir()] == [b"{}"] * 2
