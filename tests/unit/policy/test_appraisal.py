"""Verified claims against one policy: each rule by itself (our protocol §2.6, §5.3; I6)."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from typing import Any

import pytest

from keyturn.attest.nvidia_claims import GpuClaims
from keyturn.attest.snp import SnpClaims
from keyturn.attest.snp_vek import VekKind
from keyturn.base.encoding import Digest
from keyturn.policy.appraisal import appraise
from keyturn.policy.findings import Finding, failing
from keyturn.policy.rules import Rules
from keyturn.policy.shown import HIDDEN_PLATFORM, Shown, platform_of
from keyturn.quorum.bodies import Platform, Platforms
from keyturn.quorum.origin import Origin
from keyturn.quorum.policy_body import Caveat, Policy
from keyturn.quorum.reference_bodies import GpuReference, ReferenceValues
from keyturn.quorum.tee_rules import GpuRule, MinTcb, SnpRule
from unit.keyrelease.release_desk import Desk, simulated

POLICY, FIRMWARE, OTHER, LIST = (Digest("sha256:" + each * 64) for each in "1234")
NOW = datetime(2026, 11, 29, tzinfo=UTC)
ZERO = MinTcb(0, 0, 0, 0, 0)


@cache
def claims(gpus: int = 1) -> tuple[SnpClaims, tuple[GpuClaims, ...]]:
    """Of a simulated node, as `attest` proves them."""
    desk = Desk()
    desk.node = replace(desk.node, sim=simulated(gpus))
    found = desk.verified(desk.request())
    assert found.cpu is not None
    return found.cpu, found.gpus


SNP, (GPU,) = claims()
REFERENCE = GpuReference(
    GPU.arch,
    GPU.driver,
    GPU.vbios,
    {index: frozenset({value.hex()}) for index, value in GPU.measurements.items()},
    Origin("a test"),
)
BASELINE = ReferenceValues({SNP.measurement.hex(): Origin("a test")}, (REFERENCE,))
RULE = SnpRule(
    frozenset({"Genoa"}),
    {"Genoa": ZERO},
    debug=False,
    migrate_ma=False,
    smt=True,
    alias_check=False,
    vlek=False,
    max_vmpl=0,
)


def rules(
    baselines: Mapping[str, tuple[Digest, ReferenceValues]] | None = None,
    platforms: Mapping[str, tuple[Digest, Platforms]] | None = None,
    snp: Mapping[str, Any] | None = None,
    **policy: Any,
) -> Rules:
    given: dict[str, Any] = {
        "snp": replace(RULE, **(snp or {})),
        "gpu": GpuRule(1),
        "baselines": ("firmware",),
        "workloads": None,
        "platforms": None if platforms is None else tuple(platforms),
        "lease_seconds": 60,
        "accepted_caveats": frozenset(Caveat),
    }
    return Rules(
        Policy(**{**given, **policy}),
        POLICY,
        {"firmware": (FIRMWARE, BASELINE)} if baselines is None else baselines,
        platforms or {},
    )


def failed(
    against: Rules, snp: SnpClaims = SNP, gpus: tuple[GpuClaims, ...] = (GPU,), shown: int = 1
) -> tuple[Finding, ...]:
    return failing(appraise(against, Shown(snp, gpus, gpus_shown=shown), NOW))


def one(against: Rules, **node: Any) -> Finding:
    """The only rule that is broken."""
    (found,) = failed(against, **node)
    return found


def test_a_good_node_breaks_no_rule_and_every_rule_is_shown() -> None:
    findings = appraise(rules(), Shown(SNP, (GPU,)), NOW)

    assert failing(findings) == ()
    names = [each.check for each in findings]
    assert names[:2] == ["cpu: kind of TEE", "cpu: product"]
    assert {"cpu: firmware measurement", "cpu: workload digest", "platform"} <= set(names)
    assert {"gpu: count", "devices: GPUs distinct", "gpu 0: driver", "gpu 0: vbios"} <= set(names)
    assert len(set(names)) == len(names)


# CPU


def test_a_product_that_is_not_named() -> None:
    found = one(rules(snp={"products": frozenset({"Milan", "Turin"})}))
    assert (found.reason, found.found) == ("product-not-allowed", "Genoa")
    assert (found.expected, found.statement) == ("Milan or Turin", POLICY)


def test_a_product_without_a_floor_is_refused() -> None:
    assert one(rules(snp={"min_tcb": {}})).reason == "tcb-below-minimum"
    assert one(rules(snp={"min_tcb": {"Genua": ZERO}})).reason == "tcb-below-minimum"


@pytest.mark.parametrize("part", ["bootloader", "tee", "snp", "microcode"])
def test_each_part_of_the_tcb_has_its_floor(part: str) -> None:
    present = getattr(SNP.reported_tcb, part)
    enough = replace(ZERO, **{part: present})
    assert failed(rules(snp={"min_tcb": {"Genoa": enough}})) == ()

    more = replace(ZERO, **{part: present + 1})
    found = one(rules(snp={"min_tcb": {"Genoa": more}}))
    assert (found.reason, found.statement) == ("tcb-below-minimum", POLICY)


def test_a_vlek_only_where_it_is_allowed() -> None:
    hidden = replace(SNP, vek=replace(SNP.vek, kind=VekKind.VLEK, hwid=None))
    found = one(rules(), snp=hidden)
    assert (found.reason, found.expected) == ("vlek-not-allowed", "VCEK")
    assert failed(rules(snp={"vlek": True}), snp=hidden) == ()


def test_the_alias_check_where_it_is_required() -> None:
    strict = rules(snp={"alias_check": True})
    info = SNP.report.platform_info & ~(1 << 5)
    without = replace(SNP, report=replace(SNP.report, platform_info=info))
    assert failed(rules(), snp=without) == ()
    assert one(strict, snp=without).reason == "alias-check-not-complete"


@pytest.mark.parametrize(
    ("bit", "flag", "reason"),
    [
        (19, "debug", "debug-allowed-by-guest-policy"),
        (18, "migrate_ma", "migration-agent-allowed"),
        (16, "smt", "smt-allowed"),
    ],
)
def test_what_the_guest_policy_allows_the_policy_must_allow(
    bit: int, flag: str, reason: str
) -> None:
    """AMD 56860, table 10: SMT 16, MIGRATE_MA 18, DEBUG 19."""
    opened = replace(SNP, report=replace(SNP.report, policy=SNP.report.policy | 1 << bit))
    assert one(rules(snp={flag: False}), snp=opened).reason == reason
    assert failed(rules(snp={flag: True}), snp=opened) == ()


def test_a_vmpl_above_the_highest_allowed() -> None:
    deeper = replace(SNP, report=replace(SNP.report, vmpl=1))
    assert one(rules(), snp=deeper).reason == "vmpl-too-high"
    assert failed(rules(snp={"max_vmpl": 1}), snp=deeper) == ()


# Measurement, workload, platform


def with_snp(*values: bytes) -> ReferenceValues:
    return ReferenceValues({value.hex(): Origin("a test") for value in values}, (REFERENCE,))


def test_an_unknown_measurement() -> None:
    found = one(rules({"firmware": (FIRMWARE, with_snp(bytes(48)))}))

    assert (found.reason, found.statement) == ("measurement-mismatch", FIRMWARE)
    assert found.found == SNP.measurement.hex()
    assert found.expected == f"{bytes(48).hex()} (baseline firmware)"
    assert "propose its measurement" in found.hint


def test_a_measurement_of_any_of_the_baselines() -> None:
    both = {"a": (OTHER, with_snp(bytes(48))), "b": (FIRMWARE, BASELINE)}
    findings = appraise(rules(both), Shown(SNP, (GPU,)), NOW)
    (found,) = (each for each in findings if each.check == "cpu: firmware measurement")

    assert not found.failed
    assert found.statement == FIRMWARE
    assert found.expected == "one of 2 measurements (baseline a, b)"


def test_without_any_baseline_nothing_is_known() -> None:
    reasons = [each.reason for each in failed(rules({}))]
    assert reasons == ["measurement-mismatch", "no-reference-values"]
    measured, reference = failed(rules({}))
    assert (measured.statement, reference.statement) == (POLICY, POLICY)


def test_a_workload_that_is_not_named() -> None:
    found = one(rules(workloads=frozenset({"ff" * 32, "00" * 32})))
    assert (found.reason, found.found) == ("workload-not-allowed", SNP.host_data.hex())
    assert found.expected == f"{'00' * 32} or {'ff' * 32}"

    assert failed(rules(workloads=frozenset({SNP.host_data.hex()}))) == ()
    assert one(rules(workloads=frozenset())).reason == "workload-not-allowed"


def listed(*ids: str) -> dict[str, tuple[Digest, Platforms]]:
    return {"eu": (LIST, Platforms({each: Platform(each, "Berlin", "") for each in ids}))}


def test_a_platform_that_is_not_listed() -> None:
    found = one(rules(platforms=listed("amd-genoa-00")))
    assert (found.reason, found.found) == ("platform-not-allowed", platform_of(SNP))
    assert (found.expected, found.statement) == ("a platform in eu", LIST)

    assert failed(rules(platforms=listed(platform_of(SNP)))) == ()


def test_a_list_that_is_not_in_force_lists_nothing() -> None:
    found = one(replace(rules(platforms=listed(platform_of(SNP))), platforms={}))
    assert (found.reason, found.statement) == ("platform-not-allowed", POLICY)


def test_a_hidden_chip_is_on_no_list() -> None:
    hidden = replace(SNP, vek=replace(SNP.vek, kind=VekKind.VLEK, hwid=None))
    assert platform_of(hidden) == HIDDEN_PLATFORM == "amd-hidden"
    assert platform_of(SNP).startswith("amd-genoa-")

    against = rules(platforms=listed(platform_of(SNP)), snp={"vlek": True})
    assert one(against, snp=hidden).reason == "platform-not-allowed"


# GPUs


@pytest.mark.parametrize(("count", "shown"), [(0, 1), (2, 1), (1, 2), (1, 0)])
def test_the_number_of_gpus(count: int, shown: int) -> None:
    found = one(rules(gpu=GpuRule(count)), shown=shown)
    assert (found.reason, found.found, found.expected) == ("gpu-count", str(shown), str(count))
    assert failed(rules(gpu=GpuRule(shown)), shown=shown) == ()


def test_a_gpu_that_is_not_genuine_is_shown_and_not_also_missing() -> None:
    assert failed(rules(gpu=GpuRule(2)), gpus=(GPU,), shown=2) == ()


def test_one_gpu_twice() -> None:
    nonces, found = failed(rules(gpu=GpuRule(2)), gpus=(GPU, GPU), shown=2)
    assert (nonces.check, nonces.reason) == ("devices: own nonces", "nonce-not-shared")
    assert (found.reason, found.found, found.expected) == (
        "duplicate-device",
        "1 devices",
        "2 devices",
    )

    snp, two = claims(2)
    assert failed(rules(gpu=GpuRule(2)), snp=snp, gpus=two, shown=2) == ()


def with_gpu(*references: GpuReference) -> dict[str, tuple[Digest, ReferenceValues]]:
    return {"firmware": (FIRMWARE, ReferenceValues(BASELINE.snp, references))}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"driver": "1.0"}, "driver-version-mismatch"),
        ({"vbios": "1.0"}, "vbios-version-mismatch"),
        ({"measurements": {0: frozenset({"ee" * 48})}}, "measurement-mismatch"),
        ({"measurements": {60: frozenset({"ee" * 48})}}, "measurement-mismatch"),
        ({"measurements": {}}, "no-reference-values"),
        ({"architecture": "BLACKWELL"}, "no-reference-values"),
    ],
)
def test_a_gpu_unlike_its_reference(change: dict[str, Any], reason: str) -> None:
    found = one(rules(with_gpu(replace(REFERENCE, **change))))
    assert found.reason == reason
    assert found.check.startswith("gpu 0: ")
    assert failed(rules(with_gpu(REFERENCE))) == ()


def test_no_references_at_all() -> None:
    found = one(rules(with_gpu()))
    assert (found.reason, found.found, found.statement) == ("no-reference-values", GPU.arch, POLICY)


def test_any_reference_of_any_baseline_may_fit() -> None:
    wrong = replace(REFERENCE, driver="1.0", vbios="1.0")
    assert failed(rules(with_gpu(wrong, REFERENCE))) == ()
    other = {"other": (OTHER, ReferenceValues(BASELINE.snp, (wrong,)))}
    assert failed(rules({**other, **with_gpu(REFERENCE)})) == ()


def test_the_closest_reference_is_the_one_shown() -> None:
    far = replace(REFERENCE, driver="1.0", vbios="1.0")
    near = replace(REFERENCE, driver="2.0")
    found = one(rules(with_gpu(far, near)))
    assert (found.reason, found.expected) == ("driver-version-mismatch", "2.0")


def test_parts_of_two_references_do_not_add_up() -> None:
    """Driver of one and VBIOS of another known set: no set fits."""
    one_set, other_set = replace(REFERENCE, vbios="1.0"), replace(REFERENCE, driver="1.0")
    assert one(rules(with_gpu(one_set, other_set))).failed


def test_each_gpu_is_judged_by_itself() -> None:
    snp, (first, second) = claims(2)
    bad = replace(second, driver="1.0")
    found = one(rules(gpu=GpuRule(2)), snp=snp, gpus=(first, bad), shown=2)
    assert (found.check, found.reason) == ("gpu 1: driver", "driver-version-mismatch")
