"""GPUs and switches against one policy: each, and all together (our protocol §2.6; I6)."""

from dataclasses import replace
from datetime import datetime
from functools import cache
from typing import Any

import pytest

from keyturn.attest.anchors import HARDWARE_ANCHORS, SpkiDigest, Vendor
from keyturn.attest.chains import ChainCache
from keyturn.attest.nvidia import Asked, examine_gpu, examine_switch
from keyturn.attest.nvidia_claims import GpuClaims, SwitchClaims
from keyturn.base.encoding import Digest
from keyturn.policy.appraisal import appraise
from keyturn.policy.findings import failing
from keyturn.policy.rules import Rules
from keyturn.policy.shown import Shown
from keyturn.quorum.origin import Method, Origin
from keyturn.quorum.reference_bodies import GpuReference, ReferenceValues, SwitchReference
from keyturn.quorum.tee_rules import GpuMode, GpuRule
from support.nvdevices import Vendor as Maker
from unit.policy.rulebook import (
    BASELINE,
    FIRMWARE,
    GPU,
    NOW,
    OTHER,
    POLICY,
    REFERENCE,
    SNP,
    claims,
    failed,
    one,
    origin_until,
    reasons,
    rules,
)


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


# What a policy names beyond its baselines


def gpu_rule(**changed: Any) -> Rules:
    return rules(gpu=GpuRule(1, **changed))


@pytest.mark.parametrize(
    ("name", "right", "reason"),
    [
        ("architectures", GPU.arch, "gpu-architecture-not-allowed"),
        ("modes", GpuMode(GPU.mode), "gpu-mode-not-allowed"),
        ("drivers", GPU.driver, "gpu-driver-not-allowed"),
        ("vbioses", GPU.vbios, "gpu-vbios-not-allowed"),
    ],
)
def test_each_set_that_a_policy_names(name: str, right: Any, reason: str) -> None:
    other = GpuMode.MPT if name == "modes" else "other"
    assert reasons(gpu_rule(**{name: frozenset({right})})) == []
    assert reasons(gpu_rule(**{name: frozenset({right, other})})) == []
    found = one(gpu_rule(**{name: frozenset({other})}))
    assert (found.reason, found.statement) == (reason, POLICY)
    assert found.check.startswith("gpu 0: ")
    assert reasons(gpu_rule(**{name: frozenset()})) == [reason]


def test_a_mode_that_is_not_reported_is_no_mode() -> None:
    silent = replace(GPU, feature=None)
    assert silent.mode == "not reported"
    every = gpu_rule(modes=frozenset(GpuMode))
    assert reasons(every, gpus=(silent,)) == ["gpu-mode-not-allowed"]


# Where reference values come from


@pytest.mark.parametrize("method", [None, *Method])
def test_only_values_of_a_rim_where_a_rim_is_demanded(method: Method | None) -> None:
    origin = Origin("a test") if method is None else origin_until(None, method)
    known = with_gpu(replace(REFERENCE, origin=origin))
    assert reasons(rules(known)) == []
    demanded = rules(known, gpu=GpuRule(1, rim=True))
    if method is Method.RIM:
        assert reasons(demanded) == []
        return
    found = one(demanded)
    assert (found.reason, found.statement) == ("reference-values-not-from-rim", POLICY)
    assert found.found == ("not said" if method is None else method.value)


def test_a_rim_beside_values_by_hand_is_the_one_that_counts() -> None:
    from_rim = replace(REFERENCE, origin=origin_until(None, Method.RIM))
    by_hand = replace(REFERENCE, origin=origin_until(None, Method.BY_HAND))
    demanded = {"gpu": GpuRule(1, rim=True)}
    assert reasons(rules(with_gpu(by_hand, from_rim), **demanded)) == []
    stale_rim = replace(from_rim, driver="1.0")
    assert len(reasons(rules(with_gpu(by_hand, stale_rim), **demanded))) == 1


@pytest.mark.parametrize(("until", "counts"), [(None, True), (NOW, False)])
def test_a_gpus_values_count_until_their_end(until: datetime | None, counts: bool) -> None:
    against = rules(with_gpu(replace(REFERENCE, origin=origin_until(until))))
    assert reasons(against) == ([] if counts else ["reference-value-expired"])
    if not counts:
        assert (
            reasons(rules(with_gpu(replace(REFERENCE, origin=origin_until(until)), REFERENCE)))
            == []
        )


# Switches, and the set as a whole

GPU_PDIS = (b"\x01" * 8, b"\x02" * 8)
SWITCH_PDIS = (b"\xa1\xa2" * 4, b"\xb1\xb2" * 4)


@cache
def protected() -> tuple[tuple[GpuClaims, ...], tuple[SwitchClaims, ...]]:
    """Two GPUs and two switches in PPCIE mode, all linked, each asked with a nonce of its own."""
    maker = Maker.create()
    roots = {Vendor.NVIDIA_DEVICE: [SpkiDigest(maker.spki)]}
    anchors = HARDWARE_ANCHORS.with_simulated(roots, source="test")
    links = b"".join(pdi[::-1] for pdi in SWITCH_PDIS) + bytes(8)
    gpus = [maker.gpu(pdi=pdi, f22=links, f36=b"\x02\0", f21=b"\xaa") for pdi in GPU_PDIS]
    switches = [maker.switch(pdi, GPU_PDIS) for pdi in SWITCH_PDIS]

    def asked(place: int) -> Asked:
        nonce = bytes([place]) * 32
        return Asked(anchors=anchors, now=NOW, expected_nonce=nonce, cache=ChainCache())

    return (
        tuple(
            examine_gpu(d.report(bytes([n]) * 32), d.chain, asked(n)).proved()
            for n, d in enumerate(gpus)
        ),
        tuple(
            examine_switch(d.report(bytes([n]) * 32), d.chain, asked(n)).proved()
            for n, d in enumerate(switches, start=2)
        ),
    )


def hexed(device: GpuClaims | SwitchClaims) -> dict[int, frozenset[str]]:
    return {index: frozenset({each.hex()}) for index, each in device.measurements.items()}


WHOLE = GpuRule(2, 2)


def switched(rule: GpuRule = WHOLE, **switch: Any) -> Rules:
    gpus, switches = protected()
    known = GpuReference(gpus[0].arch, gpus[0].driver, gpus[0].vbios, hexed(gpus[0]), Origin("x"))
    of_switch = SwitchReference(
        switches[0].arch, switches[0].vbios, hexed(switches[0]), Origin("a test")
    )
    values = replace(BASELINE, gpu=(known,), switches=(replace(of_switch, **switch),))
    return rules({"firmware": (FIRMWARE, values)}, gpu=rule)


def failed_set(
    against: Rules,
    gpus: tuple[GpuClaims, ...] | None = None,
    switches: tuple[SwitchClaims, ...] | None = None,
    **shown: Any,
) -> list[str | None]:
    made = protected()
    node = Shown(
        SNP,
        made[0] if gpus is None else gpus,
        made[1] if switches is None else switches,
        **shown,
    )
    return [each.reason for each in failing(appraise(against, node, NOW))]


def test_a_whole_protected_machine_meets_every_rule() -> None:
    assert failed_set(switched()) == []
    findings = appraise(switched(), Shown(SNP, *protected()), NOW)
    names = [each.check for each in findings]
    assert {"switch: count", "devices: switches distinct", "switch 1: bios"} <= set(names)
    assert len(set(names)) == len(names)


def test_a_protected_gpu_without_its_switches() -> None:
    """The attack: NVLink leads through a switch that nobody asked to see."""
    assert failed_set(switched(GpuRule(2)), switches=()) == ["mixed-modes"]
    (gpu, *_), _ = protected()
    assert failed_set(switched(GpuRule(1)), gpus=(gpu,), switches=()) == ["mixed-modes"]
    status = replace(gpu, feature=None)  # firmware before the flag
    assert failed_set(switched(GpuRule(1)), gpus=(status,), switches=()) == ["mixed-modes"]


@pytest.mark.parametrize(("asked", "shown"), [(1, 2), (0, 2), (2, 1), (2, 0), (3, 2)])
def test_the_number_of_switches(asked: int, shown: int) -> None:
    against = switched(GpuRule(2, asked))
    findings = appraise(against, Shown(SNP, *protected(), switches_shown=shown), NOW)
    (count,) = (each for each in findings if each.check == "switch: count")
    assert (count.reason, count.found, count.expected) == ("switch-count", str(shown), str(asked))


def test_switches_that_nobody_asked_for_are_counted_too() -> None:
    assert "switch-count" in failed_set(switched(GpuRule(2)))


def test_a_switch_shown_twice_hides_a_missing_one() -> None:
    gpus, (first, _) = protected()
    assert "duplicate-device" in failed_set(switched(), switches=(first, first))
    gpu, _ = gpus
    assert "duplicate-device" in failed_set(switched(), gpus=(gpu, gpu))


def test_a_gpu_that_is_linked_elsewhere() -> None:
    (first, second), _ = protected()
    strange = replace(second, switch_pdis=(b"\xee" * 8,))
    assert failed_set(switched(), gpus=(first, strange)) == ["topology-mismatch"]


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"bios": "1.0"}, "vbios-version-mismatch"),
        ({"architecture": "LS11"}, "no-reference-values"),
        ({"measurements": {0: frozenset({"ee" * 48})}}, "measurement-mismatch"),
        ({"measurements": {200: frozenset({"ee" * 48})}}, "measurement-mismatch"),
        ({"measurements": {}}, "no-reference-values"),
        ({"origin": origin_until(NOW)}, "reference-value-expired"),
    ],
)
def test_a_switch_unlike_its_reference(changed: dict[str, Any], reason: str) -> None:
    assert failed_set(switched(**changed)) == [reason, reason]  # one of each switch


def test_a_rim_is_demanded_of_switches_too() -> None:
    found = failed_set(switched(GpuRule(2, 2, rim=True)))
    assert found == ["reference-values-not-from-rim"] * 4


def test_a_switch_without_any_reference() -> None:
    against = switched()
    values = replace(against.baselines["firmware"][1], switches=())
    assert (
        failed_set(replace(against, baselines={"firmware": (FIRMWARE, values)}))
        == ["no-reference-values"] * 2
    )
