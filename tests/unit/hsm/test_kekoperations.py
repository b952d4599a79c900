from dataclasses import replace

import pytest

from keyturn.hsm.errors import HsmRequestError
from keyturn.hsm.kekoperations import SpentSteps
from keyturn.hsm.kekwork import CeremonyOrder

STEP = CeremonyOrder("rotation-1", 4, b"r" * 32)


def test_a_step_is_spent_once() -> None:
    spent = SpentSteps()
    spent.spend(STEP)
    with pytest.raises(HsmRequestError, match="once"):
        spent.spend(STEP)
    for other in (replace(STEP, seq=3), replace(STEP, ceremony="rotation-2")):
        spent.spend(other)


def test_parts_of_a_step_only_rise() -> None:
    spent = SpentSteps()
    for part in (0, 1, 5):
        spent.spend(replace(STEP, part=part))
    for part in (0, 4, 5):
        with pytest.raises(HsmRequestError, match="too late"):
            spent.spend(replace(STEP, part=part))
    spent.spend(replace(STEP, part=6))


def test_a_step_has_one_record() -> None:
    spent = SpentSteps()
    spent.spend(STEP)
    with pytest.raises(HsmRequestError, match="one record"):
        spent.spend(replace(STEP, part=1, record=b"s" * 32))


def test_a_worker_does_not_forget_what_it_answered() -> None:
    spent = SpentSteps()
    for seq in range(4096):
        spent.spend(replace(STEP, seq=seq))
    with pytest.raises(HsmRequestError, match="too many"):
        spent.spend(replace(STEP, seq=5000))
    spent.spend(replace(STEP, seq=7, part=1))
