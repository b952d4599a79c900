"""What a backup is not made or proved without. (Backups themselves: tests/flows.)"""

import pytest

from keyturn.base.encoding import digest_bytes
from keyturn.base.errors import MalformedError
from keyturn.base.signatures import KeyId
from keyturn.ceremony.errors import CeremonyReason, CeremonyRefused
from keyturn.hsm.kekwork import KekOrigin, KekProfile, KekReport, KekState
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
