"""Processors against one policy: each rule by itself (our protocol §2.6, §5.3; I6)."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from keyturn.attest.snp_vek import VekKind
from keyturn.attest.tdx_claims import TdxClaims
from keyturn.attest.tdx_collateral import TcbStatus
from keyturn.base.encoding import Digest
from keyturn.policy.appraisal import appraise
from keyturn.policy.findings import failing
from keyturn.policy.rules import Rules
from keyturn.policy.shown import HIDDEN_PLATFORM, Shown, platform_of
from keyturn.quorum.bodies import Platforms
from keyturn.quorum.origin import Origin
from keyturn.quorum.reference_bodies import ReferenceValues
from keyturn.quorum.tee_rules import GpuRule, TdRegister, TdxStatus
from unit.policy.rulebook import (
    BASELINE,
    FIRMWARE,
    GPU,
    LIST,
    MRTD,
    NOW,
    OTHER,
    POLICY,
    REFERENCE,
    RULE,
    SNP,
    TD,
    TD_BASELINE,
    TD_REFERENCE,
    TD_TIME,
    ZERO,
    failed,
    listed,
    one,
    origin_until,
    reasons,
    rules,
    td,
    td_failed,
    td_reasons,
    td_rules,
    with_report,
)


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


# Kinds of TEE: show the attacks first


def test_a_td_under_a_policy_for_snp_alone() -> None:
    """Whatever its baselines say: a kind that is not named has no rule at all."""
    both = replace(BASELINE, tdx=TD_BASELINE.tdx)
    against = rules({"firmware": (FIRMWARE, both)}, gpu=GpuRule(0))
    found = one(against, snp=TD, gpus=(), shown=0)
    assert (found.check, found.reason) == ("cpu: kind of TEE", "tee-not-allowed")
    assert (found.found, found.expected, found.statement) == ("tdx", "snp", POLICY)


def test_an_snp_machine_under_a_policy_for_tds_alone() -> None:
    both = replace(BASELINE, tdx=TD_BASELINE.tdx)
    against = td_rules(baselines={"firmware": (FIRMWARE, both)}, gpu=GpuRule(1))
    found = one(against)
    assert (found.reason, found.found, found.expected) == ("tee-not-allowed", "snp", "tdx")


def test_a_policy_for_both_judges_each_by_its_own_rule() -> None:
    both = replace(BASELINE, tdx=TD_BASELINE.tdx)
    against = td_rules(baselines={"firmware": (FIRMWARE, both)}, also=RULE)
    assert td_reasons(against) == []
    assert reasons(against, gpus=(), shown=0) == []
    strict = td_rules(
        baselines={"firmware": (FIRMWARE, both)}, also=replace(RULE, smt=False), tdx={"smt": False}
    )
    opened = replace(SNP, report=replace(SNP.report, policy=SNP.report.policy | 1 << 16))
    assert reasons(strict, snp=opened, gpus=(), shown=0) == ["smt-allowed"]
    assert td_reasons(strict) == ["platform-configuration-not-allowed"]


def test_an_snp_measurement_is_no_measurement_of_a_td() -> None:
    """The same 48 bytes stand in another list: nobody approved them for this kind."""
    values = ReferenceValues({MRTD: Origin("a test")}, ())
    assert td_reasons(td_rules(baselines={"firmware": (FIRMWARE, values)})) == [
        "no-reference-values"
    ]
    snp = SNP.measurement.hex()
    td_of_it = replace(TD_REFERENCE, registers={TdRegister.MRTD: frozenset({snp})})
    against = rules(
        {"firmware": (FIRMWARE, ReferenceValues({}, (REFERENCE,), tdx=(td_of_it,)))},
    )
    assert reasons(against) == ["measurement-mismatch"]


# TDs


def test_a_plain_td_meets_every_rule() -> None:
    findings = appraise(td_rules(), Shown(TD), TD_TIME)
    assert failing(findings) == ()
    names = [each.check for each in findings]
    assert names[0] == "cpu: kind of TEE"
    assert {"cpu: debug", "cpu: tcb-status", "cpu: mrtd", "cpu: workload digest"} <= set(names)
    assert len(set(names)) == len(names)
    assert {each.statement for each in findings} == {POLICY, FIRMWARE}


SEPT = 1 << 28


def attributes(bits: int) -> TdxClaims:
    return with_report(TD, td_attributes=bits.to_bytes(8, "little"))


def status(*statuses: TcbStatus | None) -> TdxClaims:
    return replace(TD, tcb=replace(TD.tcb, status=statuses[0], current=statuses[1]))


def configuration(**flags: bool | None) -> TdxClaims:
    found = replace(TD.pck.configuration, **flags)
    return replace(TD, pck=replace(TD.pck, configuration=found))


def advised(*names: str) -> TdxClaims:
    assert TD.tcb.platform is not None
    level = replace(TD.tcb.platform, advisories=names)
    return replace(TD, tcb=replace(TD.tcb, platform=level))


SERVICE = b"\x5e" * 48
OUT = TcbStatus.OUT_OF_DATE
BROKEN: list[tuple[TdxClaims, str, dict[str, Any]]] = [
    (attributes(SEPT | 1), "debug-td", {"debug": True}),
    (attributes(SEPT | 1 << 5), "debug-td", {"debug": True}),
    (attributes(SEPT | 1 << 29), "migratable-td", {"migratable": True}),
    (attributes(0), "sept-ve-disable-not-set", {"sept_ve_disable": False}),
    (
        with_report(TD, mr_service_td=SERVICE),
        "service-td-not-allowed",
        {"service_tds": frozenset({SERVICE.hex()})},
    ),
    (
        status(OUT, OUT),
        "tcb-status-not-allowed",
        {"statuses": frozenset({TdxStatus.OUT_OF_DATE})},
    ),
    (
        status(TcbStatus.UP_TO_DATE, OUT),
        "tcb-status-not-allowed",
        {"statuses": frozenset({TdxStatus.UP_TO_DATE, TdxStatus.OUT_OF_DATE})},
    ),
    (
        advised("INTEL-SA-00837"),
        "advisory-not-accepted",
        {"advisories": frozenset({"INTEL-SA-00837"})},
    ),
    (
        advised("INTEL-SA-00837"),
        "advisory-not-accepted",
        {"advisories": None},
    ),
    (
        configuration(dynamic_platform=True),
        "platform-configuration-not-allowed",
        {"dynamic_platform": True},
    ),
    (
        configuration(dynamic_platform=None),
        "platform-configuration-not-allowed",
        {"dynamic_platform": True},
    ),
    (configuration(cached_keys=True), "platform-configuration-not-allowed", {"cached_keys": True}),
]


@pytest.mark.parametrize(("claims", "reason", "allows"), BROKEN)
def test_each_rule_of_a_td_by_itself(
    claims: TdxClaims, reason: str, allows: dict[str, Any]
) -> None:
    (found,) = td_failed(td_rules(), claims)
    assert (found.reason, found.statement) == (reason, POLICY)
    assert found.check.startswith("cpu: ")
    assert td_reasons(td_rules(tdx=allows), claims) == []


def test_the_processors_smt_and_its_features() -> None:
    assert td_reasons(td_rules(tdx={"smt": False})) == ["platform-configuration-not-allowed"]
    assert td_reasons(td_rules(tdx={"xfam": 0x602E7})) == []
    assert td_reasons(td_rules(tdx={"xfam": 0x6FFFF})) == []
    assert td_reasons(td_rules(tdx={"xfam": 0x202E7})) == ["xfam-not-allowed"]


def test_a_floor_of_intels_evaluation_number() -> None:
    number = TD.evaluation_number
    assert td_reasons(td_rules(tdx={"min_evaluation_number": number})) == []
    above = td_rules(tdx={"min_evaluation_number": number + 1})
    assert td_reasons(above) == ["collateral-below-minimum-evaluation-number"]


def test_a_revoked_tcb_passes_no_policy() -> None:
    every = td_rules(tdx={"statuses": frozenset(TdxStatus), "advisories": None})
    revoked = status(TcbStatus.REVOKED, None)
    assert td_reasons(every, revoked) == ["tcb-status-not-allowed"]


def test_a_bit_of_the_td_that_nobody_knows_is_refused() -> None:
    lax = td_rules(tdx={"debug": True, "migratable": True, "sept_ve_disable": False})
    assert td_reasons(lax, attributes(SEPT | 1 << 40)) == ["td-attributes-not-allowed"]


def test_a_report_that_does_not_show_who_could_migrate_the_td() -> None:
    """TDX 1.0's report has no SERVTD_HASH: a quote of version 4 would hide a migration TD."""
    old = td(4)
    moved = with_report(old, td_attributes=(SEPT | 1 << 29).to_bytes(8, "little"))
    against = td_rules(replace(TD_REFERENCE), tdx={"migratable": True})
    assert td_reasons(against, old) == []
    assert td_reasons(against, moved) == ["service-td-not-shown"]
    assert td_reasons(against, attributes(SEPT | 1 << 29)) == []


# Registers


def registers(**values: str) -> dict[TdRegister, frozenset[str]]:
    return {TdRegister(name): frozenset({value}) for name, value in values.items()}


ZEROS = "00" * 48


@pytest.mark.parametrize("register", list(TdRegister))
def test_each_register_that_is_asked_must_be_as_the_baseline_has_it(register: TdRegister) -> None:
    field = {"mrtd": "mr_td", "mrseam": "mr_seam", "mrowner": "mr_owner"}
    name = field.get(register.value, register.value.replace("mrownerconfig", "mr_owner_config"))
    value: bytes = getattr(TD.report, name)
    asked = {"registers": frozenset({TdRegister.MRTD, register})}
    right = replace(
        TD_REFERENCE, registers=registers(**{"mrtd": MRTD, register.value: value.hex()})
    )
    assert td_reasons(td_rules(right, tdx=asked)) == []
    other = registers(**{"mrtd": MRTD, register.value: "ee" * 48})
    wrong = replace(TD_REFERENCE, registers=other)
    (found,) = td_failed(td_rules(wrong, tdx=asked))
    assert (found.check, found.reason) == (f"cpu: {register.value}", "measurement-mismatch")
    assert (found.statement, found.expected) == (FIRMWARE, "ee" * 48)
    assert "baseline" in found.hint


def test_a_register_that_the_baseline_does_not_have_is_no_agreement() -> None:
    asked = {"registers": frozenset({TdRegister.MRTD, TdRegister.RTMR3})}
    (found,) = td_failed(td_rules(tdx=asked))
    assert (found.check, found.reason) == ("cpu: rtmr3", "no-reference-values")


def test_registers_that_are_not_asked_are_not_compared() -> None:
    odd = replace(TD_REFERENCE, registers=registers(mrtd=MRTD, rtmr0="ee" * 48))
    assert td_reasons(td_rules(odd)) == []


def test_parts_of_two_tds_make_no_td() -> None:
    asked = {"registers": frozenset({TdRegister.MRTD, TdRegister.RTMR0})}
    one_td = replace(TD_REFERENCE, registers=registers(mrtd=MRTD, rtmr0="ee" * 48))
    other = replace(TD_REFERENCE, registers=registers(mrtd="ee" * 48, rtmr0=ZEROS))
    assert td_reasons(td_rules(one_td, other, tdx=asked)) == ["measurement-mismatch"]
    whole = replace(TD_REFERENCE, registers=registers(mrtd=MRTD, rtmr0=ZEROS))
    assert td_reasons(td_rules(one_td, other, whole, tdx=asked)) == []


def test_without_a_baseline_of_tds_nothing_is_known() -> None:
    empty = {"firmware": (FIRMWARE, ReferenceValues({}, (REFERENCE,)))}
    (found,) = td_failed(td_rules(baselines=empty))
    assert (found.reason, found.statement) == ("no-reference-values", POLICY)
    assert td_reasons(td_rules(baselines={})) == ["no-reference-values"]


# When a value counts

PAST, NEXT = NOW - timedelta(seconds=1), NOW + timedelta(seconds=1)


@pytest.mark.parametrize(("until", "counts"), [(None, True), (NEXT, True), (NOW, False)])
def test_an_snp_measurement_counts_until_its_end(until: datetime | None, counts: bool) -> None:
    values = replace(BASELINE, snp={SNP.measurement.hex(): origin_until(until)})
    against = rules({"firmware": (FIRMWARE, values)})
    if counts:
        assert reasons(against) == []
        return
    found = one(against)
    assert (found.reason, found.statement) == ("reference-value-expired", FIRMWARE)
    assert found.check == "cpu: firmware measurement"
    assert "firmware" in found.expected


def test_another_baseline_may_still_hold_what_has_ended_in_one() -> None:
    ended = replace(BASELINE, snp={SNP.measurement.hex(): origin_until(PAST)})
    against = rules({"a": (OTHER, ended), "b": (FIRMWARE, BASELINE)})
    findings = appraise(against, Shown(SNP, (GPU,)), NOW)
    (found,) = (each for each in findings if each.check == "cpu: firmware measurement")
    assert (found.failed, found.statement) == (False, FIRMWARE)


@pytest.mark.parametrize(("until", "counts"), [(None, True), (NEXT, True), (NOW, False)])
def test_a_td_counts_until_its_end(until: datetime | None, counts: bool) -> None:
    reference = replace(TD_REFERENCE, origin=origin_until(until))
    assert td_reasons(td_rules(reference)) == ([] if counts else ["reference-value-expired"])


# The workload of a TD: MRCONFIGID, 48 bytes


def configured(value: bytes) -> TdxClaims:
    return with_report(TD, mr_config_id=value)


WORKLOAD = bytes(range(32))


def test_a_workload_is_the_first_32_bytes_and_zeros() -> None:
    against = td_rules(workloads=frozenset({WORKLOAD.hex()}))
    assert td_reasons(against, configured(WORKLOAD + bytes(16))) == []
    assert td_reasons(against, configured(bytes(48))) == ["workload-not-allowed"]


@pytest.mark.parametrize("place", [32, 40, 47])
def test_the_right_first_bytes_with_something_behind_them(place: int) -> None:
    """The attack: another configuration that begins like the approved one."""
    tail = bytearray(48)
    tail[:32], tail[place] = WORKLOAD, 1
    against = td_rules(workloads=frozenset({WORKLOAD.hex()}))
    (found,) = td_failed(against, configured(bytes(tail)))
    assert (found.reason, found.found) == ("workload-not-allowed", bytes(tail).hex())


# Sites


def sited(*sites: str, lists: dict[str, tuple[Digest, Platforms]]) -> Rules:
    return rules(platforms=lists, sites=frozenset(sites))


PLATFORM = platform_of(SNP)


def test_a_platform_at_a_site_that_is_named() -> None:
    assert reasons(sited("Berlin", "Paris", lists=listed(PLATFORM))) == []
    found = one(sited("Paris", lists=listed(PLATFORM)))
    assert (found.check, found.reason, found.found) == ("site", "site-not-allowed", "Berlin")
    assert (found.expected, found.statement) == ("Paris", POLICY)


def test_two_lists_that_say_otherwise_are_a_dispute() -> None:
    """Whoever can write one list cannot move a machine out of the other."""
    lists = {
        "eu": (LIST, listed(PLATFORM)["eu"][1]),
        "fr": (OTHER, listed(PLATFORM, site="Paris")["eu"][1]),
    }
    found = one(sited("Berlin", lists=lists))
    assert (found.reason, found.found) == ("site-not-allowed", "Berlin, Paris")
    assert reasons(sited("Berlin", "Paris", lists=lists)) == []


def test_a_platform_in_no_list_is_at_no_site() -> None:
    lists = listed("amd-genoa-00")
    assert reasons(sited("Berlin", lists=lists)) == ["platform-not-allowed", "site-not-allowed"]
    gone = replace(sited("Berlin", lists=listed(PLATFORM)), platforms={})
    assert reasons(gone) == ["platform-not-allowed", "site-not-allowed"]


def test_a_hidden_chip_is_at_no_site_whatever_a_list_says() -> None:
    """`amd-hidden` stands for every machine under a VLEK: the list cannot know where it is."""
    hidden = replace(SNP, vek=replace(SNP.vek, kind=VekKind.VLEK, hwid=None))
    lists = listed(HIDDEN_PLATFORM)
    assert reasons(rules(platforms=lists, snp={"vlek": True}), snp=hidden) == []
    against = rules(platforms=lists, snp={"vlek": True}, sites=frozenset({"Berlin"}))
    assert reasons(against, snp=hidden) == ["site-not-allowed"]


def test_a_td_is_in_lists_by_its_ppid() -> None:
    ppid = platform_of(TD)
    assert ppid == f"intel-{TD.pck.ppid.hex()}"
    lists = listed(ppid)
    against = td_rules(platforms=lists)
    against = replace(against, policy=replace(against.policy, sites=frozenset({"Berlin"})))
    assert td_reasons(against) == []
    assert td_reasons(td_rules(platforms=listed("intel-" + "00" * 16))) == ["platform-not-allowed"]
