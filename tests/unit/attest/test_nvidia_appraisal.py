"""GPU firmware against reference values."""

from dataclasses import replace
from datetime import datetime

import pytest

from keyturn.attest.anchors import TrustAnchors
from keyturn.attest.checks import Outcome, failures
from keyturn.attest.errors import Reason
from keyturn.attest.nvidia import verify_gpu
from keyturn.attest.nvidia_appraisal import NVDEC0_INDEX, GpuReference, appraise_gpu
from keyturn.attest.nvidia_claims import GpuClaims
from keyturn_sim import SimNode, SimVendors

NONCE = bytes(32)
GOOD = GpuReference(
    driver="590.12",
    vbios="96.00.A5.00.01",
    measurements={
        1: frozenset({b"\x02" * 48}),
        2: frozenset({b"\xff" * 48, b"\x03" * 48}),
        NVDEC0_INDEX: frozenset({b"\x24" * 48}),
    },
    source="baseline",
)


@pytest.fixture
def claims(node: SimNode, anchors: TrustAnchors, now: datetime) -> GpuClaims:
    report = node.gpu_report(0, NONCE)
    chain = node.gpus[0].chain
    return verify_gpu(report, chain, anchors=anchors, now=now, expected_nonce=NONCE).claims


def test_a_known_good_gpu_meets_every_check(claims: GpuClaims) -> None:
    checks = appraise_gpu(claims, GOOD)
    assert {check.outcome for check in checks} == {Outcome.MET}
    assert [c.name for c in checks][2:] == ["measurement-1", "measurement-2", "measurement-35"]


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"driver": "590.13"}, Reason.DRIVER_MISMATCH),
        ({"vbios": "96.00.A5.00.02"}, Reason.VBIOS_MISMATCH),
        ({"measurements": {1: frozenset({b"\x03" * 48})}}, Reason.MEASUREMENT_MISMATCH),
        ({"measurements": {1: frozenset({b"\x02" * 32})}}, Reason.MEASUREMENT_MISMATCH),
        ({"measurements": {99: frozenset({bytes(48)})}}, Reason.MEASUREMENT_MISMATCH),
        ({"measurements": {}}, Reason.NO_REFERENCE_VALUES),
        ({"measurements": {1: frozenset()}}, Reason.NO_REFERENCE_VALUES),
    ],
)
def test_one_difference_fails(
    claims: GpuClaims, changed: dict[str, object], reason: Reason
) -> None:
    (failed,) = failures(appraise_gpu(claims, replace(GOOD, **changed)))  # type: ignore[arg-type]
    assert failed.reason is reason


@pytest.mark.parametrize("enabled", [True, False])
def test_index_35_counts_while_nvdec0_is_on(enabled, vendors: SimVendors, anchors, now) -> None:  # type: ignore[no-untyped-def]
    gpu = vendors.issue_gpu({1: b"\x02" * 48, 2: b"\x03" * 48}, nvdec0=enabled)
    report = gpu.report(NONCE, NONCE)
    claims = verify_gpu(report, gpu.chain, anchors=anchors, now=now, expected_nonce=NONCE).claims
    failed = [check.name for check in failures(appraise_gpu(claims, GOOD))]
    assert failed == (["measurement-35"] if enabled else [])


def test_a_decoder_that_is_off_excuses_its_own_index_alone(
    vendors: SimVendors, anchors, now
) -> None:  # type: ignore[no-untyped-def]
    gpu = vendors.issue_gpu({1: b"\x09" * 48, 2: b"\x03" * 48}, nvdec0=False)
    report = gpu.report(NONCE, NONCE)
    claims = verify_gpu(report, gpu.chain, anchors=anchors, now=now, expected_nonce=NONCE).claims
    assert [check.name for check in failures(appraise_gpu(claims, GOOD))] == ["measurement-1"]
