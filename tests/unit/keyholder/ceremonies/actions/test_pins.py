"""New PINs are dealt first; without old and new shares none is set. (Set: tests/flows.)"""

from dataclasses import replace

import pytest

from keyturn.ceremony.errors import CeremonyReason, CeremonyRefused
from keyturn.ceremony.facts import PinsReplaced
from keyturn.ceremony.script import ShareUse
from keyturn.keyholder.ceremonies.actions.pins import CHANGING, new_pins, set_pins
from keyturn.keyholder.ceremonies.doing import Doing
from keyturn.keyholder.ceremonies.sharing import Entered, kept_boxes, kept_sets


def test_new_pins_are_dealt_and_nothing_else_happens(doing: Doing) -> None:
    facts = new_pins(doing)
    assert isinstance(facts, PinsReplaced)
    assert {each.use for each in facts.share_sets} == {ShareUse.USER, ShareUse.SO}
    assert kept_sets(doing.files) == facts.share_sets
    assert len(kept_boxes(doing.files)) == 8
    assert doing.files.kept(CHANGING) is None


def test_without_shares_no_pin_is_set(doing: Doing) -> None:
    with pytest.raises(CeremonyRefused) as refused:
        set_pins(replace(doing, shares=Entered(())))
    assert refused.value.reason is CeremonyReason.LOCKED
