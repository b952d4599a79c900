"""Baselines of real hardware: captured or from NVIDIA's manifests, they accept what they are of."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from keyturn.attest.anchors import HARDWARE_ANCHORS
from keyturn.attest.certificates import pem_certificates
from keyturn.attest.chains import ChainCache
from keyturn.attest.nvidia import Asked, examine_gpu
from keyturn.attest.nvidia_claims import GpuClaims
from keyturn.attest.snp import SnpClaims, SnpCollateral, verify_snp
from keyturn.client.baselines import Term, of_manifests
from keyturn.policy.capturing import Choices, NotCapturable, captured
from keyturn.policy.comparing import compare_node
from keyturn.policy.shown import Shown
from keyturn.quorum.origin import Method
from support.golden import observed

THEN = datetime(2024, 6, 1, tzinfo=UTC)
NONCE = "4cff7f5380ead8fad8ec2c531c110aca4302a88f603792801a8ca29ee151af2e"


def der(path: Path) -> bytes:
    raw = path.read_bytes()
    return pem_certificates(raw)[0] if raw.startswith(b"-----") else raw


def snp(folder: Path, name: str) -> SnpClaims:
    roots = folder / "roots"
    return verify_snp(
        (folder / name / "report.bin").read_bytes(),
        SnpCollateral(
            der(folder / name / "vcek.der"),
            der(roots / "milan-ask.pem"),
            der(roots / "milan-ark.pem"),
        ),
        anchors=HARDWARE_ANCHORS,
        now=THEN,
        expected_report_data=None,
        cache=ChainCache(),
    ).claims


@pytest.fixture
def gpu(vectors_dir: Path) -> GpuClaims:
    """An H100 with driver 545.00."""
    folder = vectors_dir / "nvidia" / "hopper-545-full"
    asked = Asked(
        anchors=HARDWARE_ANCHORS,
        now=THEN,
        expected_nonce=bytes.fromhex(NONCE),
        cache=ChainCache(),
    )
    chain = pem_certificates((folder / "chain.pem").read_bytes())
    found = examine_gpu((folder / "report.bin").read_bytes(), chain, asked)
    assert found.claims is not None
    return found.claims


def test_nvidias_manifests_accept_the_h100_that_they_are_of(
    vectors_dir: Path, gpu: GpuClaims
) -> None:
    nvidia = vectors_dir / "nvidia"
    names = ("driver-gh100-545.00.swidtag", "vbios-96005E0001-test.swidtag")
    files = [(nvidia / "rims" / name).read_bytes() for name in names]
    roots = pem_certificates((nvidia / "roots" / "nvidia-rim-root-ca.pem").read_bytes())
    values = of_manifests(files, HARDWARE_ANCHORS, list(roots), Term(THEN))
    (reference,) = values.gpu
    assert (reference.architecture, reference.driver) == (gpu.arch, gpu.driver)
    assert reference.origin.provenance is not None
    assert reference.origin.provenance.method is Method.RIM
    found = Shown(snp(vectors_dir / "snp", "milan-v2-virtee"), (gpu,))
    rows = [row for row in compare_node(values, found) if row.kind == "gpu"]
    assert len(rows) > 30
    assert all(row.same for row in rows)
    index = next(iter(reference.measurements))
    report = replace(gpu.report, measurements={**gpu.measurements, index: b"\x5a" * 48})
    changed = replace(found, gpus=(replace(gpu, report=report),))
    wrong = [
        row.what for row in compare_node(values, changed) if row.kind == "gpu" and not row.same
    ]
    assert wrong == [f"measurement {index}"]


def test_real_firmware_is_captured_and_says_nothing_of_simulation(
    vectors_dir: Path, gpu: GpuClaims
) -> None:
    found = Shown(snp(vectors_dir / "snp", "milan-v2-virtee"), (gpu,))
    values = captured(observed(found), obtained=THEN, until=None, choices=Choices())
    assert all(row.same for row in compare_node(values, found))
    assert all(each.source.startswith("captured from node") for each in values.snp.values())


def test_a_real_guest_that_may_be_debugged_is_not_captured(vectors_dir: Path) -> None:
    found = Shown(snp(vectors_dir / "snp", "milan-v2-gce-debug"))
    with pytest.raises(NotCapturable) as caught:
        captured(observed(found), obtained=THEN, until=None, choices=Choices())
    assert "debug" in caught.value.message
