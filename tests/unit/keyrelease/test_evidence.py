"""Evidence of one request: genuine, and bound to its very keys and devices (§4.3, §5.3)."""

from dataclasses import replace

import pytest

from keyturn.attest.anchors import HARDWARE_ANCHORS
from keyturn.keyrelease.binding import Purpose
from keyturn.keyrelease.evidence import VerifiedEvidence, verify_evidence
from keyturn.keyrelease.request import Evidence, GpuEvidence, ReleaseRequest
from keyturn_sim.node import Fault
from support.nodes import NodeSecrets
from unit.keyrelease.release_desk import Desk, simulated


@pytest.fixture
def desk() -> Desk:
    return Desk()


def reasons(verified: VerifiedEvidence) -> list[tuple[str, str | None]]:
    return [(each.check, each.reason) for each in verified.findings if each.failed]


def changed(request: ReleaseRequest, **parts: object) -> ReleaseRequest:
    return replace(request, evidence=replace(request.evidence, **parts))  # type: ignore[arg-type]


def test_a_good_nodes_evidence_is_genuine(desk: Desk) -> None:
    found = desk.verified(desk.request())

    assert found.genuine
    assert found.simulated
    assert found.cpu is not None
    assert found.cpu.measurement == desk.node.sim.launch.measurement
    assert len(found.gpus) == 1
    assert {each.check.split(":")[0] for each in found.findings} == {"cpu", "gpu 0"}


def test_simulated_roots_are_not_hardware(desk: Desk) -> None:
    request = desk.request()
    found = verify_evidence(request, HARDWARE_ANCHORS, desk.clock(), desk.cache)

    assert reasons(found) == [
        ("cpu: evidence", "untrusted-root"),
        ("gpu 0: evidence", "chain-invalid"),
    ]
    assert (found.cpu, found.gpus, found.genuine) == (None, (), False)
    assert not found.simulated
    assert "only hardware roots pinned" in found.findings[0].hint
    assert desk.verified(request).genuine


@pytest.mark.parametrize("part", ["hpke", "rsa", "tls", "prompt", "ak_name"])
def test_evidence_for_other_keys_is_refused(desk: Desk, part: str) -> None:
    request = desk.request()
    other = {
        "hpke": bytes(1216),
        "rsa": b"rsa",
        "tls": NodeSecrets(desk.node.secrets.rsa_key).public(Purpose.RELEASE).tls,
        "prompt": b"mine",
        "ak_name": b"mine",
    }
    stolen = replace(request, keys=replace(request.keys, **{part: other[part]}))
    found = desk.verified(stolen)

    of_a_tpm = [("tpm: AK of this request", "tpm-missing")] if part == "ak_name" else []
    assert reasons(found) == [
        ("cpu: evidence", "report-data-mismatch"),
        ("gpu 0: evidence", "nonce-mismatch"),
        *of_a_tpm,
    ]
    assert desk.verified(request).genuine


def test_evidence_for_another_challenge_is_refused(desk: Desk) -> None:
    found = desk.verified(replace(desk.request(), challenge=desk.challenge()))
    assert {reason for _, reason in reasons(found)} == {"report-data-mismatch", "nonce-mismatch"}


def test_a_devices_evidence_cannot_be_exchanged(desk: Desk) -> None:
    """Another genuine GPU that signs the right nonce: the CPU's report names the first."""
    request = desk.request()
    gpus = replace(desk.node, sim=simulated(1, b"\1" * 48)).evidence(request.core).gpus
    found = desk.verified(changed(request, gpus=gpus))

    assert reasons(found) == [("cpu: evidence", "report-data-mismatch")]


def test_a_device_cannot_be_left_out(desk: Desk) -> None:
    found = desk.verified(changed(desk.request(), gpus=()))
    assert reasons(found) == [("cpu: evidence", "report-data-mismatch")]


def test_devices_cannot_change_places(desk: Desk) -> None:
    desk.node = replace(desk.node, sim=simulated(2))
    request = desk.request()
    assert desk.verified(request).genuine

    swapped = changed(request, gpus=tuple(reversed(request.evidence.gpus)))
    assert reasons(desk.verified(swapped)) == [
        ("cpu: evidence", "report-data-mismatch"),
        ("gpu 0: evidence", "nonce-mismatch"),
        ("gpu 1: evidence", "nonce-mismatch"),
    ]


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (Fault.OTHER_NONCE, [("gpu 0: evidence", "nonce-mismatch")]),
        (Fault.OTHER_REPORT_DATA, [("cpu: evidence", "report-data-mismatch")]),
    ],
)
def test_a_node_that_answers_something_else_is_refused(
    desk: Desk, fault: Fault, expected: list[tuple[str, str]]
) -> None:
    request = desk.request(sim=desk.node.sim.misbehaving(fault))
    assert reasons(desk.verified(request)) == expected


def test_a_good_device_beside_a_bad_one_is_still_read(desk: Desk) -> None:
    desk.node = replace(desk.node, sim=simulated(2))
    request = desk.request()
    bad = GpuEvidence(request.evidence.gpus[0].report[:-1], request.evidence.gpus[0].chain)
    found = desk.verified(changed(request, gpus=(bad, request.evidence.gpus[1])))

    assert len(found.gpus) == 1
    assert [check for check, _ in reasons(found)] == ["cpu: evidence", "gpu 0: evidence"]
    assert not found.genuine


@pytest.mark.parametrize("part", ["report", "vek", "intermediate", "root"])
def test_junk_is_a_finding_and_no_crash(desk: Desk, part: str) -> None:
    request = desk.request()
    snp = replace(request.evidence.cpu, **{part: b"junk"})
    found = desk.verified(changed(request, cpu=snp))

    assert [check for check, _ in reasons(found)] == ["cpu: evidence"]
    assert found.cpu is None
    assert found.findings[0].expected


def test_evidence_without_devices_is_genuine_by_itself(desk: Desk) -> None:
    desk.node = replace(desk.node, sim=simulated(0))
    found = desk.verified(desk.request())

    assert found.genuine
    assert found.gpus == ()
    assert isinstance(desk.request().evidence, Evidence)
