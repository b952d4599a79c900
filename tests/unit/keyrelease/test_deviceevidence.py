"""GPUs and switches of one request: each for its own place, and what OCSP says of them."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from cryptography.x509 import ocsp

from keyturn.attest.chains import ChainCache
from keyturn.base.collateral import CollateralDocument
from keyturn.keyrelease.collateral import NOTHING_KEPT, CollateralSet
from keyturn.keyrelease.evidence import VerifiedEvidence, verify_evidence
from keyturn.keyrelease.request import ReleaseRequest, SwitchEvidence
from support.collateral import ocsp_document
from support.nvdevices import Device, Vendor
from support.ocspmaker import answer
from support.shownparts import NOW, Parts, anchors_of, protected_set, snp_cpu
from unit.keyrelease.release_desk import simulated, vendors

REVOKED = ocsp.OCSPCertStatus.REVOKED
GOOD = ocsp.OCSPCertStatus.GOOD


@pytest.fixture(scope="module")
def machine() -> tuple[Vendor, Parts]:
    vendor, gpus, switches = protected_set()
    return vendor, Parts(snp_cpu(simulated(0)), gpus, switches)


@pytest.fixture
def judge(machine: tuple[Vendor, Parts]) -> Callable[..., VerifiedEvidence]:
    def run(
        request: ReleaseRequest, *documents: CollateralDocument, now: datetime = NOW
    ) -> VerifiedEvidence:
        anchors = anchors_of(amd=vendors().roots["amd-sev"], nvidia=machine[0].spki)
        kept = NOTHING_KEPT.with_documents(documents)
        return verify_evidence(request, anchors, now, ChainCache(), collateral=kept)

    return run


Judge = Callable[..., VerifiedEvidence]


def reasons(found: VerifiedEvidence) -> set[tuple[str, str | None]]:
    return {(each.check, each.reason) for each in found.findings if each.failed}


def with_switches(request: ReleaseRequest, *switches: SwitchEvidence) -> ReleaseRequest:
    """As an attacker would change them on the way."""
    return replace(request, evidence=replace(request.evidence, switches=switches))


def answers(
    device: Device, status: ocsp.OCSPCertStatus = GOOD, **changed: object
) -> list[CollateralDocument]:
    """About all that NVIDIA issued of a chain; `status` is the boot ROM's."""
    path = device.path
    return [
        ocsp_document(
            answer(
                path[at],
                path[at + 1],
                now=NOW,
                status=status if at == 1 else GOOD,
                **changed,  # type: ignore[arg-type]
            ),
            device.chain[at:],
        )
        for at in (1, 2, 3)
    ]


def test_switches_follow_the_gpus(machine: tuple[Vendor, Parts], judge: Judge) -> None:
    found = judge(machine[1].ask())
    assert found.genuine
    assert (len(found.gpus), len(found.switches)) == (2, 2)
    names = {each.check.split(":")[0] for each in found.findings}
    assert names == {"cpu", "gpu 0", "gpu 1", "switch 0", "switch 1"}


def test_switches_that_change_places_are_refused(
    machine: tuple[Vendor, Parts], judge: Judge
) -> None:
    request = machine[1].ask()
    one, other = request.evidence.switches
    found = judge(with_switches(request, other, one))
    assert reasons(found) == {
        ("cpu: evidence", "report-data-mismatch"),
        ("switch 0: evidence", "nonce-mismatch"),
        ("switch 1: evidence", "nonce-mismatch"),
    }


def test_a_switch_that_is_missing_or_twice_is_refused(
    machine: tuple[Vendor, Parts], judge: Judge
) -> None:
    request = machine[1].ask()
    one, _ = request.evidence.switches
    assert reasons(judge(with_switches(request, one))) == {
        ("cpu: evidence", "report-data-mismatch")
    }
    assert reasons(judge(with_switches(request, one, one))) == {
        ("cpu: evidence", "report-data-mismatch"),
        ("switch 1: evidence", "nonce-mismatch"),
    }


def test_a_switch_of_another_challenge_is_refused(
    machine: tuple[Vendor, Parts], judge: Judge
) -> None:
    request, other = machine[1].ask(), machine[1].ask(b"\1" * 56)
    one, _ = request.evidence.switches
    found = judge(with_switches(request, one, other.evidence.switches[1]))
    assert reasons(found) == {
        ("cpu: evidence", "report-data-mismatch"),
        ("switch 1: evidence", "nonce-mismatch"),
    }


def test_switches_exchanged_for_those_of_another_machine_are_refused(
    machine: tuple[Vendor, Parts], judge: Judge
) -> None:
    """Asked with the right nonce, so that only the CPU's report tells."""
    parts = machine[1]
    stranger = machine[0].switch(b"\x77" * 8, (b"\xa0" * 8,))
    request = parts.ask()
    swapped = replace(parts, switches=(parts.switches[0], stranger)).ask()
    found = judge(with_switches(request, *swapped.evidence.switches))
    assert reasons(found) == {("cpu: evidence", "report-data-mismatch")}


def test_a_gpu_where_a_switch_belongs_is_refused(
    machine: tuple[Vendor, Parts], judge: Judge
) -> None:
    parts = machine[1]
    found = judge(replace(parts, gpus=parts.gpus[:1], switches=parts.gpus[1:]).ask())
    assert reasons(found) == {("switch 0: evidence", "wrong-device-kind")}
    found = judge(replace(parts, gpus=parts.switches, switches=()).ask())
    assert {reason for _, reason in reasons(found)} == {"wrong-device-kind"}


# OCSP


def test_answers_about_the_whole_chain_count(machine: tuple[Vendor, Parts], judge: Judge) -> None:
    parts = machine[1]
    documents = [each for device in (*parts.gpus, *parts.switches) for each in answers(device)]
    found = judge(parts.ask(), *documents)
    assert found.genuine
    assert {len(each.ocsp) for each in (*found.gpus, *found.switches)} == {3}


def test_answers_that_were_verified_before_are_judged_again(
    machine: tuple[Vendor, Parts],
) -> None:
    """One cache all along, as in a keyholder."""
    vendor, parts = machine
    request, cache = parts.ask(), ChainCache()
    anchors = anchors_of(amd=vendors().roots["amd-sev"], nvidia=vendor.spki)
    good, revoked = (
        NOTHING_KEPT.with_documents(answers(parts.gpus[0], status)) for status in (GOOD, REVOKED)
    )

    def judged(kept: CollateralSet, now: datetime = NOW) -> VerifiedEvidence:
        return verify_evidence(request, anchors, now, cache, collateral=kept)

    for _ in range(2):
        found = judged(good)
        assert found.genuine
        assert [len(each.ocsp) for each in found.gpus] == [3, 0]
        assert {reason for _, reason in reasons(judged(revoked))} == {"cert-revoked"}
        old = judged(good, NOW + timedelta(days=2))
        assert [each.ocsp for each in old.gpus] == [(), ()]
        elsewhere = anchors_of(amd=vendors().roots["amd-sev"])
        refused = verify_evidence(request, elsewhere, NOW, cache, collateral=good)
        assert not refused.gpus
        assert not refused.switches


@pytest.mark.parametrize("left_out", [None, 0, 1, 2])
@pytest.mark.parametrize("later", [timedelta(0), timedelta(days=40)])
def test_a_revoked_device_is_refused_by_part_of_the_answers_and_by_old_ones_too(
    machine: tuple[Vendor, Parts], judge: Judge, left_out: int | None, later: timedelta
) -> None:
    parts = machine[1]
    documents = answers(parts.switches[0], REVOKED)
    if left_out is not None:
        del documents[left_out]
    found = judge(parts.ask(), *documents, now=NOW + later)
    wanted = set() if left_out == 0 else {"cert-revoked"}
    assert {reason for _, reason in reasons(found)} == wanted
    assert len(found.switches) == (2 if left_out == 0 else 1)


def test_old_or_partial_answers_prove_nothing_good(
    machine: tuple[Vendor, Parts], judge: Judge
) -> None:
    parts = machine[1]
    whole = answers(parts.gpus[0])
    for documents, now in ((whole, NOW + timedelta(days=2)), (whole[:2], NOW)):
        found = judge(parts.ask(), *documents, now=now)
        assert found.genuine
        assert [each.ocsp for each in found.gpus] == [(), ()]
