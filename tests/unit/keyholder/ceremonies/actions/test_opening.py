"""Steps that custodians open something in: what was entered is named, and kept for later."""

from dataclasses import replace

import pytest

from keyturn.ceremony.errors import CeremonyRefused
from keyturn.ceremony.facts import Unlocked
from keyturn.ceremony.script import ShareUse
from keyturn.keyholder.ceremonies.actions.opening import SEAL, UNLOCK, UNLOCK_BACKUP, UNLOCK_SO
from keyturn.keyholder.ceremonies.doing import Doing
from unit.keyholder.ceremonies.test_opening import entered


def test_who_opened_what_is_said(doing: Doing) -> None:
    shares = entered("one")
    facts = UNLOCK.do(replace(doing, shares=shares))
    assert isinstance(facts, Unlocked)
    assert (facts.use, facts.officers) == (ShareUse.USER, ("ada", "bela", "chen"))
    assert shares.has_enough(ShareUse.USER)


def test_shares_stay_for_the_steps_after(doing: Doing) -> None:
    kept = [each.keeps(doing.plan) for each in (UNLOCK, UNLOCK_SO, UNLOCK_BACKUP)]
    assert kept == [(ShareUse.USER,), (ShareUse.SO,), (ShareUse.BACKUP,)]
    assert SEAL.token


def test_too_few_open_nothing(doing: Doing) -> None:
    for act in (UNLOCK, UNLOCK_SO, UNLOCK_BACKUP):
        with pytest.raises(CeremonyRefused, match="not enough"):
            act.do(doing)
