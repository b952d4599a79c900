"""Scopes: one form for each kind, and what each document is proved by."""

import pytest

from keyturn.attest.errors import MalformedEvidence
from keyturn.base.collateral import CollateralKind
from keyturn.collateral.errors import WrongScope
from keyturn.collateral.scopes import Wanted, canonical_scope, needed_for, scope_parts, vek_scope

TURIN = f"Turin/{'01' * 8}/{'00' * 8}"


@pytest.mark.parametrize(
    ("kind", "scope"),
    [
        (CollateralKind.AMD_CHAIN, "vcek/Naples"),
        (CollateralKind.AMD_CHAIN, "vcek/Milan\n"),
        (CollateralKind.AMD_CRL, "Milan"),
        (CollateralKind.AMD_VEK, "Milan/../cert_chain"),
        (CollateralKind.AMD_VEK, f"Milan/{'AB' * 64}/{'00' * 8}"),
        (CollateralKind.INTEL_TCB_INFO, "90c06f00000"),
        (CollateralKind.INTEL_TCB_INFO, "90C06F000000"),  # else one platform has two places
        (CollateralKind.INTEL_TCB_INFO, "90c06f000000&x=1"),
        (CollateralKind.INTEL_QE_IDENTITY, "sgx"),
        (CollateralKind.INTEL_ROOT_CRL, ""),
        (CollateralKind.INTEL_PCK_CRL, "Platform"),
        (CollateralKind.NVIDIA_RIM, "../ids"),
        (CollateralKind.NVIDIA_RIM, "a/b"),
        (CollateralKind.NVIDIA_OCSP, "ab" * 31),
    ],
)
def test_another_form_is_refused(kind: CollateralKind, scope: str) -> None:
    with pytest.raises(WrongScope) as refused:
        scope_parts(kind, scope)
    assert refused.value.expected


def test_a_fmspc_has_one_spelling() -> None:
    assert canonical_scope(CollateralKind.INTEL_TCB_INFO, "90C06F000000") == "90c06f000000"
    rim = "NV_GPU_DRIVER_GH100_550.144.03"
    assert canonical_scope(CollateralKind.NVIDIA_RIM, rim) == rim


def test_a_turin_chip_has_eight_bytes_and_others_have_64() -> None:
    assert vek_scope(TURIN).chip == b"\x01" * 8
    assert vek_scope(f"Genoa/{'01' * 64}/{'00' * 8}").chip == b"\x01" * 64
    for wrong in (f"Turin/{'01' * 64}/{'00' * 8}", f"Milan/{'01' * 8}/{'00' * 8}"):
        with pytest.raises(WrongScope, match="number of bytes"):
            vek_scope(wrong)
    with pytest.raises(MalformedEvidence):  # a reserved byte of a TCB
        vek_scope(f"Turin/{'01' * 8}/{'00' * 4}01{'00' * 3}")


def test_what_proves_what() -> None:
    chain = (CollateralKind.AMD_CHAIN, "vcek/Turin")
    assert needed_for(CollateralKind.AMD_VEK, TURIN) == chain
    assert needed_for(CollateralKind.AMD_CRL, "vlek/Milan") == (chain[0], "vlek/Milan")
    identity = (CollateralKind.INTEL_QE_IDENTITY, "td")
    assert needed_for(CollateralKind.INTEL_ROOT_CRL, "root") == identity
    assert needed_for(CollateralKind.AMD_CHAIN, "vcek/Milan") is None
    assert Wanted(*chain).key == chain
