"""The devices of one machine together: every way in which one could be missing or foreign."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from keyturn.attest.anchors import HARDWARE_ANCHORS, SpkiDigest, Vendor
from keyturn.attest.certificates import pem_certificates
from keyturn.attest.chains import ChainCache
from keyturn.attest.checks import Outcome, failures
from keyturn.attest.errors import Reason
from keyturn.attest.nvidia import Asked, examine_gpu, examine_switch, verify_gpu, verify_switch
from keyturn.attest.nvidia_claims import GpuClaims, SwitchClaims
from keyturn.attest.nvidia_set import SetRule, appraise_set, gpu_links, switch_links
from support.nvdevices import Vendor as Maker

NONCE = bytes(range(32))
GPU_PDIS = (b"\x01" * 8, b"\x02" * 8)
SWITCH_PDIS = (b"\xa1\xa2" * 4, b"\xb1\xb2" * 4)
RULE = SetRule(gpus=2, switches=2, nonce=NONCE, source="policy")
ALONE = replace(RULE, switches=0)
Machine = tuple[tuple[GpuClaims, ...], tuple[SwitchClaims, ...]]


@pytest.fixture(scope="module")
def maker() -> Maker:
    return Maker.create()


@pytest.fixture(scope="module")
def asked(maker: Maker) -> Asked:
    roots = {Vendor.NVIDIA_DEVICE: [SpkiDigest(maker.spki)]}
    return Asked(
        anchors=HARDWARE_ANCHORS.with_simulated(roots, source="test"),
        now=datetime(2026, 11, 23, 8, tzinfo=UTC),
        expected_nonce=None,
        cache=ChainCache(),
    )


@pytest.fixture(scope="module")
def machine(maker: Maker, asked: Asked) -> Machine:
    """Two GPUs and two switches in PPCIE mode, all linked."""
    links = b"".join(pdi[::-1] for pdi in SWITCH_PDIS) + bytes(8)
    gpus = [maker.gpu(pdi=pdi, f22=links, f36=b"\x02\0", f21=b"\xaa") for pdi in GPU_PDIS]
    switches = [maker.switch(pdi, GPU_PDIS) for pdi in SWITCH_PDIS]
    return (
        tuple(examine_gpu(d.report(NONCE), d.chain, asked).proved() for d in gpus),
        tuple(examine_switch(d.report(NONCE), d.chain, asked).proved() for d in switches),
    )


def reasons(machine: Machine, rule: SetRule = RULE) -> list[Reason | None]:
    return [check.reason for check in failures(appraise_set(*machine, rule))]


def test_a_whole_machine_meets_every_check(machine: Machine) -> None:
    checks = appraise_set(*machine, RULE)
    assert {check.outcome for check in checks} == {Outcome.MET}
    assert [check.name for check in checks] == [
        "one nonce", "GPUs distinct", "switches distinct", "GPU count", "switch count",
        "one architecture", "one mode", "GPUs name the switches", "switches name the GPUs",
        "as many GPUs as the switches see", "GPUs certified as seen",
        "switches certified as reported",
    ]  # fmt: skip
    assert gpu_links(machine[0]) == tuple(sorted(SWITCH_PDIS))
    assert switch_links(machine[1]) == GPU_PDIS


def test_a_device_that_answers_another_challenge(machine: Machine) -> None:
    gpus, switches = machine
    other = replace(gpus[1], report=replace(gpus[1].report, nonce=bytes(32)))
    assert reasons(((gpus[0], other), switches))[0] is Reason.NONCE_NOT_SHARED
    assert reasons(machine, replace(RULE, nonce=bytes(32))) == [Reason.NONCE_NOT_SHARED]
    assert reasons(machine, replace(RULE, nonce=None)) == []


def test_devices_that_were_asked_one_by_one_answer_different_nonces(machine: Machine) -> None:
    own = replace(RULE, nonce=None, own_nonces=True)
    assert reasons(machine, own) == [Reason.NONCE_NOT_SHARED]
    numbered = [
        tuple(
            replace(each, report=replace(each.report, nonce=bytes([place, n]) * 16))
            for n, each in enumerate(devices)
        )
        for place, devices in enumerate(machine)
    ]
    assert reasons((numbered[0], numbered[1]), own) == []


def test_a_device_shown_twice_hides_a_missing_one(machine: Machine) -> None:
    gpus, switches = machine
    assert reasons(((gpus[0], gpus[0]), switches))[0] is Reason.DUPLICATE_DEVICE
    assert reasons((gpus, (switches[0], switches[0])))[0] is Reason.DUPLICATE_DEVICE
    # One boot ROM with two firmware keys is one device, too.
    twin = replace(gpus[0], leaf_digest=bytes(32), report=replace(gpus[0].report, signed=b"x"))
    assert reasons(((gpus[0], twin), switches))[0] is Reason.DUPLICATE_DEVICE


def test_a_missing_or_additional_device(machine: Machine) -> None:
    gpus, switches = machine
    assert reasons((gpus[:1], switches))[0] is Reason.TOPOLOGY_INCOMPLETE
    assert reasons((gpus, switches[:1]))[0] is Reason.TOPOLOGY_INCOMPLETE
    assert reasons(machine, replace(RULE, gpus=1)) == [Reason.TOPOLOGY_INCOMPLETE]
    assert Reason.TOPOLOGY_INCOMPLETE in reasons(machine, replace(RULE, switches=1))
    nothing = reasons(((), ()))
    assert nothing[0] is Reason.NONCE_NOT_SHARED
    assert Reason.TOPOLOGY_INCOMPLETE in nothing


def test_architectures_do_not_mix(machine: Machine) -> None:
    gpus, switches = machine
    assert reasons(((gpus[0], replace(gpus[1], arch="GB100")), switches)) == [
        Reason.MIXED_ARCHITECTURES
    ]


@pytest.mark.parametrize(
    ("features", "rule", "met"),
    [
        (("PPCIE", "PPCIE"), RULE, True),
        ((None, None), RULE, True),  # firmware before the flag, protected by its status
        (("PPCIE", "SPT"), RULE, False),
        (("SPT", "SPT"), RULE, False),
        (("MPT", "MPT"), RULE, False),
        (("MPT", "MPT"), ALONE, True),
        (("SPT", "SPT"), ALONE, True),
        (("SPT", "MPT"), ALONE, False),
        (("PPCIE", "PPCIE"), ALONE, False),  # PPCIE without its switches proves too little
    ],
)
def test_modes_do_not_mix(machine: Machine, features, rule: SetRule, met: bool) -> None:  # type: ignore[no-untyped-def]
    gpus = tuple(replace(gpu, feature=f) for gpu, f in zip(machine[0], features, strict=True))
    found = reasons((gpus, machine[1] if rule.switches else ()), rule)
    assert found == ([] if met else [Reason.MIXED_MODES])


def test_gpus_without_switches_have_no_links_to_check(machine: Machine) -> None:
    gpus = tuple(replace(gpu, feature="MPT", switch_pdis=()) for gpu in machine[0])
    names = [check.name for check in appraise_set(gpus, (), ALONE)]
    assert "GPUs name the switches" not in names


def topology(machine: Machine) -> list[str]:
    failed = failures(appraise_set(*machine, RULE))
    assert {check.reason for check in failed} == {Reason.TOPOLOGY_MISMATCH}
    return [check.name for check in failed]


def test_every_gpu_names_these_switches_and_no_other(machine: Machine) -> None:
    gpus, switches = machine
    links = gpus[0].switch_pdis
    for wrong in (links[:1], (*links, b"\x07" * 8), (), tuple(pdi[::-1] for pdi in links)):
        changed = (gpus[0], replace(gpus[1], switch_pdis=wrong))
        assert topology((changed, switches)) == ["GPUs name the switches"]


def test_every_switch_names_the_same_gpus(machine: Machine) -> None:
    gpus, switches = machine
    less = replace(switches[1], gpu_pdis=GPU_PDIS[:1])
    assert topology((gpus, (switches[0], less))) == ["switches name the GPUs"]
    more = tuple(replace(each, gpu_pdis=(*GPU_PDIS, b"\x03" * 8)) for each in switches)
    assert topology((gpus, more)) == [
        "as many GPUs as the switches see",
        "GPUs certified as seen",
    ]
    none = {check.name for check in failures(appraise_set((), switches, RULE))}
    assert {"GPUs name the switches", "GPUs certified as seen"} <= none
    blind = tuple(replace(each, gpu_pdis=()) for each in switches)
    assert "switches name the GPUs" in topology((gpus, blind))


def test_a_gpu_of_another_machine_is_not_the_one_that_the_switches_see(machine: Machine) -> None:
    gpus, switches = machine
    foreign = replace(gpus[1], pdi=b"\x09" * 8)
    assert topology(((gpus[0], foreign), switches)) == ["GPUs certified as seen"]


def test_a_switch_must_be_the_one_that_was_certified(machine: Machine) -> None:
    gpus, switches = machine
    lying = replace(switches[1], certified_pdi=b"\x09" * 8)
    assert topology((gpus, (switches[0], lying))) == ["switches certified as reported"]
    both = (lying, replace(switches[0], certified_pdi=None))
    assert "switches certified as reported" in topology((gpus, both))


def test_what_no_certificate_says_is_not_measured(machine: Machine) -> None:
    gpus, switches = machine
    silent = (replace(gpus[0], pdi=None), gpus[1]), (
        replace(switches[0], certified_pdi=None), switches[1],
    )  # fmt: skip
    checks = appraise_set(*silent, RULE)
    assert failures(checks) == ()
    unmeasured = [check.name for check in checks if check.outcome is Outcome.NOT_MEASURED]
    assert unmeasured == ["GPUs certified as seen", "switches certified as reported"]


def test_a_recorded_machine_is_whole(vectors_dir: Path) -> None:
    folder, cache = vectors_dir / "nvidia/ppcie-8gpu", ChainCache()

    def read(name: str) -> dict[str, object]:
        return {
            "report": (folder / name / "report.bin").read_bytes(),
            "chain": pem_certificates((folder / name / "chain.pem").read_bytes()),
            "anchors": HARDWARE_ANCHORS,
            "now": datetime(2026, 3, 1, tzinfo=UTC),
            "expected_nonce": None,
            "cache": cache,
        }

    gpus = tuple(verify_gpu(**read(f"gpu{n}")).claims for n in range(8))  # type: ignore[arg-type]
    switches = tuple(verify_switch(**read(f"switch{n}")).claims for n in range(4))  # type: ignore[arg-type]
    rule = SetRule(gpus=8, switches=4, nonce=gpus[0].nonce, source="policy")
    checks = appraise_set(gpus, switches, rule)
    assert {check.outcome for check in checks} == {Outcome.MET}
