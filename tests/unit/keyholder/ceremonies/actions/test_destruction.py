"""Which model's key is destroyed; what follows: tests/flows/test_ceremonies_rotation.py."""

from types import SimpleNamespace
from typing import Any

import pytest

from keyturn.base.encoding import Digest
from keyturn.ceremony.errors import CeremonyRefused
from keyturn.ceremony.facts import ModelKeyDestroyed
from keyturn.keyholder.ceremonies.actions.destruction import DESTROY_MODEL_KEY, model_of
from support.rotating import state_of

MODEL, OTHER = (Digest("sha256:" + digit * 64) for digit in "12")


def _doing(*concerns: str, destroyed: frozenset[Digest] = frozenset(), log: bool = True) -> Any:
    state = state_of([(MODEL, bytes(32))], destroyed) if log else None
    return SimpleNamespace(
        plan=SimpleNamespace(concerns=concerns), site=SimpleNamespace(state=state)
    )


def test_the_model_of_the_plan_is_destroyed() -> None:
    doing = _doing("ada", MODEL, "ab" * 32)
    assert DESTROY_MODEL_KEY.do(doing) == ModelKeyDestroyed(MODEL, None)
    assert model_of(doing) == MODEL


@pytest.mark.parametrize(
    ("doing", "why"),
    [
        (_doing(), "0 models"),
        (_doing(MODEL, OTHER), "2 models"),
        (_doing(OTHER), "never admitted"),
        (_doing(MODEL, destroyed=frozenset({MODEL})), "destroyed before"),
        (_doing(MODEL, log=False), "never admitted"),
    ],
    ids=["none", "two", "unknown", "again", "no log"],
)
def test_anything_else_is_refused(doing: Any, why: str) -> None:
    with pytest.raises(CeremonyRefused, match=why):
        DESTROY_MODEL_KEY.do(doing)
