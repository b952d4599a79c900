"""Whole nodes against one policy: every check is there, met or not (our protocol §5.3; I6)."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from keyturn.attest.crl import CrlFacts
from keyturn.attest.eventlog import parse_event_log
from keyturn.attest.nvidia_claims import GpuClaims
from keyturn.attest.ocsp import OcspFacts, Status
from keyturn.attest.snp import SnpClaims
from keyturn.attest.tpm import TpmClaims
from keyturn.attest.tpm_algorithms import HashAlgorithm, Scheme
from keyturn.attest.tpm_quote import TpmQuote, TpmSignature
from keyturn.base.collateral import APPRAISED, CollateralKind
from keyturn.policy.appraisal import appraise
from keyturn.policy.findings import failing
from keyturn.policy.rules import Rules
from keyturn.policy.shown import Shown, collateral_issued
from keyturn.quorum.tee_rules import GpuRule
from keyturn.quorum.tpm_bodies import PcrBank, TpmReference, TpmRule
from keyturn_sim.bootlog import SimBoot
from unit.policy.rulebook import (
    BASELINE,
    FIRMWARE,
    GPU,
    NOW,
    POLICY,
    SNP,
    TD,
    TD_TIME,
    failed,
    one,
    origin_until,
    reasons,
    rules,
    td_failed,
    td_reasons,
    td_rules,
)


def test_a_good_node_breaks_no_rule_and_every_rule_is_shown() -> None:
    findings = appraise(rules(), Shown(SNP, (GPU,)), NOW)

    assert failing(findings) == ()
    names = [each.check for each in findings]
    assert names[:2] == ["cpu: kind of TEE", "cpu: product"]
    assert {"cpu: firmware measurement", "cpu: workload digest", "platform"} <= set(names)
    assert {"gpu: count", "devices: GPUs distinct", "gpu 0: driver", "gpu 0: vbios"} <= set(names)
    assert len(set(names)) == len(names)


# A policy that says no more than policies did


def test_what_is_not_said_is_not_asked() -> None:
    """Without the later fields the checks are those of before, and the set of GPUs is one."""
    plain = appraise(rules(), Shown(SNP, (GPU,)), NOW)
    names = {each.check for each in plain}
    assert not names & {"site", "evidence age", "switch: count", "gpu 0: architecture"}
    assert not any(name.startswith("collateral ") for name in names)
    later = Shown(SNP, (GPU,), challenged=NOW)
    assert failing(appraise(rules(), later, NOW + timedelta(seconds=120))) == ()


# Collateral: how old it may be

DAY = timedelta(days=1)


def listed_crl(*ages: timedelta) -> SnpClaims:
    """The node's AMD certificates with revocation lists of these ages."""
    crls = tuple(CrlFacts("ARK", 1, NOW - age, NOW + DAY) for age in ages)
    return replace(SNP, crls=crls)


def asked(kind: CollateralKind, age: timedelta) -> Rules:
    return rules(collateral={kind: int(age.total_seconds())})


SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("ages", "reason"),
    [
        ([], "collateral-missing"),
        ([timedelta(0)], None),
        ([DAY], None),
        ([DAY + SECOND], "collateral-too-old"),
        ([timedelta(0), DAY + SECOND], "collateral-too-old"),  # the oldest counts
        ([-SECOND], "collateral-from-the-future"),
    ],
)
def test_a_list_of_amds_has_an_age(ages: list[timedelta], reason: str | None) -> None:
    found = reasons(asked(CollateralKind.AMD_CRL, DAY), snp=listed_crl(*ages))
    assert found == ([] if reason is None else [reason])


def test_an_old_list_is_said_with_what_was_asked() -> None:
    found = one(asked(CollateralKind.AMD_CRL, DAY), snp=listed_crl(DAY + SECOND))
    assert (found.check, found.statement) == ("collateral amd-crl", POLICY)
    assert found.expected == "issued at most 1 day, 0:00:00 ago"
    assert "newer" in found.hint


def test_ages_of_other_vendors_collateral_are_not_this_nodes() -> None:
    every = rules(collateral=dict.fromkeys(APPRAISED, 60))
    found = failed(every, snp=listed_crl(timedelta(0)))
    assert [each.check for each in found] == ["collateral nvidia-ocsp"]
    td_every = td_rules(collateral=dict.fromkeys(APPRAISED, 60))
    assert {each.check for each in td_failed(td_every, now=TD_TIME)} == {
        "collateral intel-pck-crl",
        "collateral intel-qe-identity",
        "collateral intel-root-crl",
        "collateral intel-tcb-info",
    }


@pytest.mark.parametrize(
    "kind",
    [
        CollateralKind.INTEL_TCB_INFO,
        CollateralKind.INTEL_QE_IDENTITY,
        CollateralKind.INTEL_ROOT_CRL,
        CollateralKind.INTEL_PCK_CRL,
    ],
)
def test_each_of_intels_documents_has_an_age(kind: CollateralKind) -> None:
    """The simulated ones are a day old."""
    issued = collateral_issued(Shown(TD))[kind]
    assert issued is not None
    against = td_rules(collateral={kind: 86_400})
    assert td_reasons(against, now=issued + DAY) == []
    assert td_reasons(against, now=issued + DAY + SECOND) == ["collateral-too-old"]
    assert td_reasons(against, now=issued - SECOND) == ["collateral-from-the-future"]
    if kind in {CollateralKind.INTEL_ROOT_CRL, CollateralKind.INTEL_PCK_CRL}:
        assert td_reasons(against, replace(TD, lists=())) == ["collateral-missing"]


def answered(*ages: timedelta) -> GpuClaims:
    facts = [OcspFacts("a GPU", Status.GOOD, NOW - age, None, nonce_checked=False) for age in ages]
    return replace(GPU, ocsp=tuple(facts))


@pytest.mark.parametrize(
    ("ages", "reason"),
    [
        ([[DAY, timedelta(0)]], None),
        ([[DAY + SECOND, timedelta(0)]], "collateral-too-old"),
        ([[]], "collateral-missing"),
        ([[timedelta(0)], []], "collateral-missing"),  # of one GPU nobody asked
        ([[timedelta(0)], [DAY + SECOND]], "collateral-too-old"),
    ],
)
def test_answers_about_every_device_have_an_age(
    ages: list[list[timedelta]], reason: str | None
) -> None:
    gpus = tuple(answered(*each) for each in ages)
    found = appraise(asked(CollateralKind.NVIDIA_OCSP, DAY), Shown(SNP, gpus), NOW)
    (judged,) = (each for each in found if each.check == "collateral nvidia-ocsp")
    assert judged.reason == reason


def test_without_devices_no_answer_about_them_is_asked() -> None:
    against = rules(gpu=GpuRule(0), collateral={CollateralKind.NVIDIA_OCSP: 60})
    assert reasons(against, gpus=(), shown=0) == []


# The age of evidence


@pytest.mark.parametrize(
    ("age", "met"), [(-2, False), (-1, True), (0, True), (30, True), (31, False)]
)
def test_evidence_has_an_age_from_its_challenge_on(age: int, met: bool) -> None:
    against = rules(evidence_seconds=30)
    challenged = NOW - timedelta(seconds=age)
    found = failed(against, challenged=challenged)
    assert [each.reason for each in found] == ([] if met else ["evidence-too-old"])
    assert all(each.found == f"{age} s" and each.statement == POLICY for each in found)


def test_a_challenge_that_nobody_knows_has_no_age() -> None:
    assert reasons(rules(evidence_seconds=30), challenged=None) == []


# A TPM's values

BOOT = SimBoot()


def test_a_tpms_values_count_until_their_end() -> None:
    log = parse_event_log(BOOT.log())
    pcrs = log.replay(HashAlgorithm.SHA256)
    claims = TpmClaims(
        TpmQuote(b"", b"", 0, 0, 0, True, 0, (), b"", b""),
        TpmSignature(Scheme.ECDSA, HashAlgorithm.SHA256, (1, 1)),
        None,
        None,
        {HashAlgorithm.SHA256: pcrs},
        log,
        True,
    )
    values = {PcrBank.SHA256: {7: frozenset({pcrs[7].hex()})}}
    rule = TpmRule(PcrBank.SHA256, (7,), False, False, False, frozenset())

    def judged(until: datetime | None) -> list[str | None]:
        known = TpmReference(values, frozenset(), frozenset(), {}, origin_until(until))
        baselines = {"firmware": (FIRMWARE, replace(BASELINE, tpm=(known,)))}
        return reasons(rules(baselines, tpm=rule), tpm=claims, tpm_shown=True)

    assert judged(None) == judged(NOW + SECOND) == []
    assert judged(NOW) == ["reference-value-expired"]
