"""A golden node's evidence as a baseline: what was captured is accepted, any changed bit is not."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from keyturn.attest.checks import Outcome
from keyturn.attest.nvidia_appraisal import NVDEC0_INDEX
from keyturn.attest.nvidia_claims import GpuClaims
from keyturn.attest.spdm import Opaque
from keyturn.attest.tdx_claims import TdxClaims
from keyturn.attest.tpm_algorithms import HashAlgorithm
from keyturn.base.encoding import Digest
from keyturn.base.errors import MalformedError
from keyturn.base.strictjson import Fields
from keyturn.policy.appraisal import appraise
from keyturn.policy.boot_values import NotInTheLog, TpmChoice
from keyturn.policy.capturing import Choices, NotCapturable, capture, captured, registers_of
from keyturn.policy.findings import Finding, failing
from keyturn.policy.rules import Rules
from keyturn.policy.shown import Shown
from keyturn.quorum.origin import Method
from keyturn.quorum.policy_body import Caveat, Policy
from keyturn.quorum.reference_bodies import ReferenceValues, parse_reference_values
from keyturn.quorum.tee_rules import GpuRule, MinTcb, SnpRule, TdRegister, TdxRule, TdxStatus
from keyturn.quorum.tpm_bodies import PcrBank, TpmRule
from support.golden import EVIDENCE, NOW, observed, shown, snp_and_gpus, switch, td, tpm

LATER = NOW + timedelta(days=90)
EVERY = frozenset(TdRegister)
SNP_RULE = SnpRule(
    frozenset({"Genoa"}),
    {"Genoa": MinTcb(0, 0, 0, 0, 0)},
    debug=False,
    migrate_ma=False,
    smt=True,
    alias_check=False,
    vlek=False,
    max_vmpl=0,
)
TDX_RULE = TdxRule(
    registers=EVERY,
    statuses=frozenset(TdxStatus),
    advisories=None,
    min_evaluation_number=0,
    debug=False,
    migratable=False,
    service_tds=frozenset(),
    sept_ve_disable=False,
    xfam=None,
    dynamic_platform=True,
    cached_keys=True,
    smt=True,
)
WHOLE_BOOT = TpmChoice(PcrBank.SHA256, (0, 4, 7), True, True, frozenset({"PK", "db"}))
BOOT_RULE = TpmRule(PcrBank.SHA256, (0, 4, 7), True, True, True, frozenset({"PK", "db"}))


def body(found: Shown, **choices: Any) -> ReferenceValues:
    document = capture(observed(found), obtained=NOW, until=LATER, choices=Choices(**choices))
    return parse_reference_values(Fields(document, "reference-values"))


def judged(values: ReferenceValues, found: Shown, **policy: Any) -> tuple[Finding, ...]:
    digest = Digest("sha256:" + "01" * 32)
    given = {
        "snp": SNP_RULE,
        "tdx": None,
        "gpu": GpuRule(found.gpu_count, switches=found.switch_count),
        "baselines": ("golden",),
        "workloads": None,
        "platforms": None,
        "lease_seconds": 60,
        "accepted_caveats": frozenset(Caveat),
        **policy,
    }
    rules = Rules(Policy(**given), digest, {"golden": (digest, values)}, {})
    return failing(appraise(rules, found, NOW))


def flipped(value: bytes) -> Iterator[bytes]:
    """Every single-bit change."""
    for place in range(8 * len(value)):
        changed = bytearray(value)
        changed[place // 8] ^= 1 << place % 8
        yield bytes(changed)


def test_a_captured_snp_node_is_accepted_and_no_other_measurement() -> None:
    found = shown()
    values = body(found)
    assert judged(values, found) == ()
    cpu, gpus = snp_and_gpus()
    for other in flipped(cpu.measurement):
        changed = replace(cpu, report=replace(cpu.report, measurement=other))
        reasons = {each.reason for each in judged(values, replace(found, cpu=changed))}
        assert reasons == {"measurement-mismatch"}
    origin = values.snp[cpu.measurement.hex()]
    assert origin.source == (
        "SIMULATED: captured from node golden-1, evidence of 2026-11-29T12:00:00Z"
    )
    assert origin.provenance is not None
    assert origin.provenance.method is Method.CAPTURED
    assert (origin.provenance.document, origin.provenance.until) == (EVIDENCE, LATER)
    assert len(values.gpu) == len(gpus) == 1


def test_equal_gpus_have_one_set_of_values() -> None:
    found = shown(gpus=3)
    values = body(found)
    assert len(values.gpu) == 1
    assert judged(values, found) == ()


def with_measurement(gpu: GpuClaims, index: int, value: bytes) -> GpuClaims:
    report = replace(gpu.report, measurements={**gpu.measurements, index: value})
    return replace(gpu, report=report)


def test_any_changed_bit_of_a_gpu_is_refused() -> None:
    found = shown()
    values = body(found)
    (gpu,) = found.gpus
    for index, value in gpu.measurements.items():
        other = next(flipped(value))
        changed = replace(found, gpus=(with_measurement(gpu, index, other),))
        assert [each.reason for each in judged(values, changed)] == ["measurement-mismatch"]
    for other in flipped(gpu.measurements[2]):
        changed = replace(found, gpus=(with_measurement(gpu, 2, other),))
        assert judged(values, changed)
    for strange in (replace(gpu, driver="1.2"), replace(gpu, vbios="96.00")):
        assert judged(values, replace(found, gpus=(strange,)))


def test_the_decoders_measurement_is_left_out_while_it_is_off() -> None:
    found = shown()
    (gpu,) = found.gpus
    on = with_measurement(gpu, NVDEC0_INDEX, b"\x07" * 48)
    assert on.nvdec0_enabled
    assert NVDEC0_INDEX in body(replace(found, gpus=(on,))).gpu[0].measurements
    opaque = {**on.report.opaque, Opaque.NVDEC0_STATUS.value: b"\xaa"}
    off = replace(on, report=replace(on.report, opaque=opaque))
    assert not off.nvdec0_enabled
    assert NVDEC0_INDEX not in body(replace(found, gpus=(off,))).gpu[0].measurements


def test_only_chosen_measurements_are_captured() -> None:
    found = shown()
    assert set(body(found, indexes=frozenset({1, 2, 300})).gpu[0].measurements) == {1, 2}
    with pytest.raises(NotCapturable):
        body(found, indexes=frozenset({300}))


def as_td(claims: TdxClaims) -> Shown:
    return Shown(claims)


def test_a_captured_td_is_accepted_and_no_changed_register() -> None:
    found = as_td(td())
    values = body(found, registers=EVERY)
    assert values.tdx[0].registers.keys() == EVERY
    rule = {"snp": None, "tdx": TDX_RULE}
    assert judged(values, found, **rule) == ()
    names = {
        "mr_td": "mrtd",
        "rtmr0": "rtmr0",
        "rtmr3": "rtmr3",
        "mr_seam": "mrseam",
        "mr_owner": "mrowner",
        "mr_owner_config": "mrownerconfig",
    }
    claims = td()
    for field in names:
        for other in flipped(getattr(claims.report, field)):
            report = replace(claims.report, **{field: other})
            changed = replace(claims, quote=replace(claims.quote, report=report))
            assert judged(values, as_td(changed), **rule), field


def test_mrtd_alone_unless_more_is_chosen() -> None:
    (reference,) = body(as_td(td())).tdx
    assert reference.registers == {TdRegister.MRTD: frozenset({td().measurement.hex()})}
    assert registers_of(td().report).keys() == EVERY


def test_a_captured_switch_is_accepted_and_no_changed_one() -> None:
    cpu, _ = snp_and_gpus()
    found = Shown(cpu, switches=(switch(),))
    values = body(found)
    broken = {each.check for each in judged(values, found)}
    assert not any(each.startswith("switch 0") for each in broken)
    device = switch()
    for index, value in device.measurements.items():
        report = replace(
            device.report, measurements={**device.measurements, index: next(flipped(value))}
        )
        changed = replace(found, switches=(replace(device, report=report),))
        assert f"switch 0: measurement-{index}" in {x.check for x in judged(values, changed)}


def test_a_captured_boot_is_accepted_and_no_changed_register() -> None:
    found = shown(with_tpm=True)
    values = body(found, tpm=WHOLE_BOOT)
    assert judged(values, found, tpm=BOOT_RULE) == ()
    assert found.tpm is not None
    bank = HashAlgorithm.SHA256
    for number in (0, 4, 7):
        for other in flipped(found.tpm.pcrs[bank][number]):
            pcrs = {bank: {**found.tpm.pcrs[bank], number: other}}
            changed = replace(found, tpm=replace(found.tpm, pcrs=pcrs))
            assert judged(values, changed, tpm=BOOT_RULE)


def test_values_of_a_boot_are_only_what_its_quote_and_log_prove() -> None:
    quoted = tpm()
    found = replace(shown(with_tpm=True), tpm=replace(quoted, log=None))
    with pytest.raises(NotInTheLog):
        body(found, tpm=WHOLE_BOOT)
    assert body(found, tpm=TpmChoice(pcrs=(7,))).tpm[0].pcrs.keys() == {PcrBank.SHA256}
    for choice in (
        TpmChoice(pcrs=(23,)),
        TpmChoice(bank=PcrBank.SHA384),
        TpmChoice(variables=frozenset({"NoSuch"})),
    ):
        with pytest.raises(NotInTheLog):
            body(replace(found, tpm=quoted), tpm=choice)
    with pytest.raises(NotCapturable):
        body(shown(), tpm=WHOLE_BOOT)


def refused(found: Any) -> NotCapturable:
    with pytest.raises(NotCapturable) as caught:
        captured(found, obtained=NOW, until=None, choices=Choices())
    return caught.value


def test_nothing_is_captured_of_what_is_not_genuine() -> None:
    refused(observed(None))
    failed = Finding("cpu: signature", Outcome.NOT_MET, "x", "y", None, "signature-invalid")
    error = refused(replace(observed(shown()), findings=(failed,)))
    assert "cpu: signature" in error.found
    refused(replace(observed(shown()), evidence=None))
    refused(observed(replace(shown(), gpus_shown=2)))
    refused(observed(replace(shown(), switches_shown=1)))
    refused(observed(replace(shown(), tpm_shown=True)))


def test_a_machine_that_may_be_debugged_is_no_golden_node() -> None:
    cpu, gpus = snp_and_gpus()
    open_guest = replace(cpu, report=replace(cpu.report, policy=cpu.report.policy | 1 << 19))
    assert "debug" in refused(observed(Shown(open_guest, gpus))).message
    claims = td()
    report = replace(claims.report, td_attributes=bytes([1]) + claims.report.td_attributes[1:])
    refused(observed(as_td(replace(claims, quote=replace(claims.quote, report=report)))))


def test_values_cannot_end_before_they_begin() -> None:
    with pytest.raises(MalformedError):
        capture(observed(shown()), obtained=NOW, until=NOW, choices=Choices())


def test_a_baseline_of_nothing_is_none() -> None:
    with pytest.raises(MalformedError):
        capture(
            observed(shown()),
            obtained=NOW,
            until=None,
            choices=Choices(cpu=False, gpus=False),
        )
