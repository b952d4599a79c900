"""What a node showed: which kind of machine, which platform, which workload, how old its proof."""

from dataclasses import replace

import pytest

from keyturn.attest.snp_vek import VekKind
from keyturn.base.collateral import CollateralKind
from keyturn.policy.shown import (
    HIDDEN_PLATFORM,
    Shown,
    collateral_issued,
    platform_of,
    tee_of,
    workload_of,
)
from keyturn.quorum.tee_rules import Tee
from unit.policy.rulebook import GPU, SNP, TD, with_report


def test_a_machine_is_of_one_kind() -> None:
    assert tee_of(SNP) is Tee.SNP
    assert tee_of(TD) is Tee.TDX


def test_a_platform_has_an_id_or_is_hidden() -> None:
    hidden = replace(SNP, vek=replace(SNP.vek, kind=VekKind.VLEK, hwid=None))
    assert platform_of(hidden) == HIDDEN_PLATFORM == "amd-hidden"
    assert platform_of(SNP) == SNP.platform_id
    assert platform_of(TD) == TD.platform_id


def test_a_workload_is_what_each_kind_measures_it_as() -> None:
    assert workload_of(SNP) == SNP.host_data
    assert workload_of(with_report(TD, mr_config_id=b"\x01" * 48)) == b"\x01" * 48


@pytest.mark.parametrize(("said", "counted"), [(None, 1), (0, 0), (3, 3)])
def test_as_many_devices_as_were_shown(said: int | None, counted: int) -> None:
    assert Shown(SNP, (GPU,), gpus_shown=said).gpu_count == counted
    assert Shown(SNP, (), switches_shown=said).switch_count == (said or 0)
    assert Shown(SNP, (GPU,)).devices == (GPU,)


def test_a_proof_uses_documents_of_its_own_vendors_only() -> None:
    assert set(collateral_issued(Shown(SNP))) == {CollateralKind.AMD_CRL}
    assert set(collateral_issued(Shown(SNP, (GPU,)))) == {
        CollateralKind.AMD_CRL,
        CollateralKind.NVIDIA_OCSP,
    }
    assert all(kind.value.startswith("intel-") for kind in collateral_issued(Shown(TD)))
