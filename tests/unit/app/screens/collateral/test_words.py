"""Every kind, state, verdict and event has words, and a state is never colour alone."""

import pytest

from keyturn.base.collateral import CollateralKind
from keyturn.client.collateralcarry import Verdict
from keyturn.collateral.staleness import State
from keyturn_app.screens.collateral.words import (
    VENDORS,
    kind_name,
    scope_name,
    state_look,
    state_text,
    vendor,
    verdict_look,
)


@pytest.mark.parametrize("kind", CollateralKind)
def test_every_kind_has_a_vendor_and_a_name(kind: CollateralKind) -> None:
    assert vendor(kind) in VENDORS
    assert kind_name(kind)


def test_states_and_verdicts_differ_in_word_and_shape() -> None:
    for looks in ([state_look(e) for e in State], [verdict_look(e) for e in Verdict]):
        assert len({each.word for each in looks}) == len(looks) == len({e.icon for e in looks})
    assert all(state_text(each) for each in State)
    assert state_look(State.DUE, by_word=True).word == "Due, says the server"


@pytest.mark.parametrize(
    ("kind", "scope", "expected"),
    [
        ("amd-crl", "vcek/Milan", "Milan · VCEK"),
        ("intel-tcb-info", "90c06f000000", "FMSPC 90c06f000000"),
        ("intel-pck-crl", "platform", "platform CA"),
        ("nvidia-ocsp", "ab" * 32, "certificate abababab…abab"),
        ("amd-vek", f"Genoa/{'cd' * 64}/00", "Genoa · cdcdcdcd…"),
        ("nvidia-rim", "NV_GPU_DRIVER", "NV_GPU_DRIVER"),
    ],
)
def test_scopes_are_short(kind: str, scope: str, expected: str) -> None:
    assert scope_name(CollateralKind(kind), scope) == expected
