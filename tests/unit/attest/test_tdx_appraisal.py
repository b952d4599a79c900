"""Rules for TDX: each by itself refuses what it should, with its reason, and nothing else."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from keyturn.attest.anchors import TrustAnchors
from keyturn.attest.checks import Outcome, failures
from keyturn.attest.errors import Reason
from keyturn.attest.tdx import verify_tdx
from keyturn.attest.tdx_appraisal import Register, TdxRule, appraise_registers, appraise_tdx
from keyturn.attest.tdx_claims import TdxClaims
from keyturn.attest.tdx_collateral import TcbStatus, TdxCollateral
from keyturn.attest.tdx_pck import PlatformConfiguration
from keyturn.attest.tdx_quote import TdAttribute
from keyturn_sim.tdx import SimMachine, SimTd

NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)
STRICT = TdxRule(
    allow_debug=False,
    allow_migratable=False,
    allow_service_td=False,
    service_tds=frozenset(),
    require_sept_ve_disable=True,
    forbidden_attributes=TdAttribute.PERFMON | TdAttribute.KL,
    allowed_xfam=0x602E7,
    allowed_tcb_status=frozenset({TcbStatus.UP_TO_DATE}),
    accepted_advisories=frozenset(),
    min_evaluation_number=18,
    allow_dynamic_platform=False,
    allow_cached_keys=False,
    allow_smt=True,
    source="test",
)
LAX = replace(
    STRICT,
    allow_debug=True,
    allow_migratable=True,
    allow_service_td=True,
    require_sept_ve_disable=False,
    forbidden_attributes=TdAttribute(0),
    allowed_xfam=None,
    allowed_tcb_status=frozenset(TcbStatus),
    accepted_advisories=None,
    min_evaluation_number=None,
    allow_dynamic_platform=True,
    allow_cached_keys=True,
)
SEPT = TdAttribute.SEPT_VE_DISABLE


@pytest.fixture
def claims(
    machine: SimMachine, intel_collateral: TdxCollateral, intel_anchors: TrustAnchors
) -> TdxClaims:
    td = SimTd(tee_tcb_svn_2=SimTd().tee_tcb_svn)
    return verify_tdx(
        machine.quote(td, bytes(64), version=5),
        intel_collateral,
        anchors=intel_anchors,
        now=NOW,
        expected_report_data=None,
    ).claims


def with_report(claims: TdxClaims, **changed: object) -> TdxClaims:
    report = replace(claims.report, **changed)  # type: ignore[arg-type]
    return replace(claims, quote=replace(claims.quote, report=report))


def with_attributes(claims: TdxClaims, bits: int) -> TdxClaims:
    return with_report(claims, td_attributes=bits.to_bytes(8, "little"))


def reasons(claims: TdxClaims, rule: TdxRule = STRICT) -> list[Reason | None]:
    return [check.reason for check in failures(appraise_tdx(claims, rule))]


def test_a_plain_td_meets_the_strict_rule(claims: TdxClaims) -> None:
    checks = appraise_tdx(claims, STRICT)
    assert {check.outcome for check in checks} == {Outcome.MET}
    assert len({check.name for check in checks}) == len(checks) == 12
    assert all(check.found and check.expected and check.source == "test" for check in checks)


@pytest.mark.parametrize(
    ("bits", "reason"),
    [
        (SEPT | TdAttribute.DEBUG, Reason.DEBUG_TD),
        (SEPT | 1 << 1, Reason.DEBUG_TD),  # reserved, but of the debug group
        (SEPT | TdAttribute.PERF_PROF, Reason.DEBUG_TD),
        (SEPT | TdAttribute.PMT_PROF, Reason.DEBUG_TD),
        (SEPT | TdAttribute.HGS_PLUS_PROF, Reason.DEBUG_TD),
        (SEPT | 1 << 7, Reason.DEBUG_TD),
        (TdAttribute(0), Reason.SEPT_VE_DISABLE_NOT_SET),
        (SEPT | TdAttribute.MIGRATABLE, Reason.MIGRATABLE_TD),
        (SEPT | TdAttribute.PERFMON, Reason.TD_ATTRIBUTES_NOT_ALLOWED),
        (SEPT | TdAttribute.KL, Reason.TD_ATTRIBUTES_NOT_ALLOWED),
        (SEPT | 1 << 8, Reason.TD_ATTRIBUTES_NOT_ALLOWED),
        (SEPT | 1 << 26, Reason.TD_ATTRIBUTES_NOT_ALLOWED),
        (SEPT | 1 << 61, Reason.TD_ATTRIBUTES_NOT_ALLOWED),
    ],
)
def test_each_attribute_by_itself(claims: TdxClaims, bits: int, reason: Reason) -> None:
    assert reasons(with_attributes(claims, bits)) == [reason]


def test_attributes_that_nobody_forbids(claims: TdxClaims) -> None:
    fine = SEPT | TdAttribute.PKS | TdAttribute.LASS | TdAttribute.ICSSD | TdAttribute.TPA
    assert reasons(with_attributes(claims, fine)) == []


def test_what_a_lax_rule_lets_pass(claims: TdxClaims) -> None:
    odd = with_attributes(claims, 0xFF | TdAttribute.MIGRATABLE | TdAttribute.PERFMON)
    odd = with_report(odd, mr_service_td=b"\1" * 48, xfam=b"\xff" * 8)
    odd = replace(odd, tcb=replace(odd.tcb, status=TcbStatus.REVOKED))
    assert reasons(odd, LAX) == []
    # An attribute that has no name is refused all the same.
    assert reasons(with_attributes(odd, 1 << 9), LAX) == [Reason.TD_ATTRIBUTES_NOT_ALLOWED]


def test_service_tds_are_none_or_known(claims: TdxClaims) -> None:
    bound = with_report(claims, mr_service_td=b"\1" * 48)
    assert reasons(bound) == [Reason.SERVICE_TD_NOT_ALLOWED]
    known = replace(STRICT, service_tds=frozenset({b"\1" * 48}))
    assert reasons(bound, known) == []
    assert reasons(with_report(claims, mr_service_td=b"\2" * 48), known) == [
        Reason.SERVICE_TD_NOT_ALLOWED
    ]
    assert reasons(claims, known) == []
    for report, found in ((bound, "01" * 48), (claims, "none is bound")):
        (check,) = (c for c in appraise_tdx(report, known) if c.name == "service-td")
        assert check.found == found


def test_a_report_of_tdx_10_does_not_show_a_service_td(claims: TdxClaims) -> None:
    old = with_report(claims, mr_service_td=None, tee_tcb_svn_2=None)
    (check,) = (c for c in appraise_tdx(old, STRICT) if c.name == "service-td")
    assert (check.outcome, check.failed) == (Outcome.NOT_MEASURED, False)


@pytest.mark.parametrize(
    ("xfam", "met"),
    [
        (0x602E7, True),
        (0x3, True),
        (0x602E5, False),
        (0x602E6, False),
        (0x1602E7, False),
        (0, False),
    ],
)
def test_features(claims: TdxClaims, xfam: int, met: bool) -> None:
    td = with_report(claims, xfam=xfam.to_bytes(8, "little"))
    assert reasons(td) == ([] if met else [Reason.XFAM_NOT_ALLOWED])


@pytest.mark.parametrize("status", list(TcbStatus))
@pytest.mark.parametrize("when", ["status", "current"])
def test_each_status_is_allowed_by_name(claims: TdxClaims, status: TcbStatus, when: str) -> None:
    """At launch; and, where a report shows it, with the TDX module that runs now."""
    both = {"status": status, "current": None} if when == "status" else {"current": status}
    judged = replace(claims, tcb=replace(claims.tcb, **both))  # type: ignore[arg-type]
    expected = [] if status is TcbStatus.UP_TO_DATE else [Reason.TCB_STATUS_NOT_ALLOWED]
    assert reasons(judged) == expected
    allowed = frozenset({status, TcbStatus.UP_TO_DATE} if when == "current" else {status})
    assert reasons(judged, replace(STRICT, allowed_tcb_status=allowed)) == []
    nothing = replace(STRICT, allowed_tcb_status=frozenset())
    assert reasons(judged, nothing) == [Reason.TCB_STATUS_NOT_ALLOWED]


def test_advisories_are_accepted_by_name(claims: TdxClaims) -> None:
    assert claims.tcb.platform is not None
    level = replace(claims.tcb.platform, advisories=("INTEL-SA-1", "INTEL-SA-2"))
    judged = replace(claims, tcb=replace(claims.tcb, platform=level))
    assert reasons(judged) == [Reason.ADVISORY_NOT_ACCEPTED]
    for accepted, met in (({"INTEL-SA-1"}, False), ({"INTEL-SA-1", "INTEL-SA-2", "x"}, True)):
        rule = replace(STRICT, accepted_advisories=frozenset(accepted))
        assert (reasons(judged, rule) == []) is met


def test_the_evaluation_number_has_a_floor(claims: TdxClaims) -> None:
    higher = replace(STRICT, min_evaluation_number=19)
    assert reasons(claims, higher) == [Reason.COLLATERAL_BELOW_MINIMUM]
    # Of both documents, the older one counts.
    mixed = replace(claims, identity=replace(claims.identity, evaluation_number=17))
    assert reasons(mixed) == [Reason.COLLATERAL_BELOW_MINIMUM]


@pytest.mark.parametrize("name", ["dynamic_platform", "cached_keys", "smt"])
def test_the_platforms_configuration(claims: TdxClaims, name: str) -> None:
    rule = replace(STRICT, allow_smt=False)
    clean = PlatformConfiguration(dynamic_platform=False, cached_keys=False, smt=False)
    for value, expected in (
        (False, []),
        (True, [Reason.PLATFORM_CONFIGURATION_NOT_ALLOWED]),
        (None, [Reason.PLATFORM_CONFIGURATION_NOT_ALLOWED]),  # unknown is not allowed
    ):
        configuration = replace(clean, **{name: value})
        judged = replace(claims, pck=replace(claims.pck, configuration=configuration))
        assert reasons(judged, rule) == expected
        assert reasons(judged, replace(rule, **{f"allow_{name}": True})) == []


def texts(claims: TdxClaims, rule: TdxRule, name: str) -> tuple[str, str]:
    (check,) = (c for c in appraise_tdx(claims, rule) if c.name == name)
    return check.found, check.expected


def test_what_people_read(claims: TdxClaims) -> None:
    odd = with_attributes(claims, SEPT | TdAttribute.PERFMON | 1 << 9)
    assert texts(odd, STRICT, "td-attributes") == (
        "PERFMON, unknown 0x200",
        "no unknown bit, no KL, no PERFMON",
    )
    assert texts(claims, STRICT, "td-attributes")[0] == "0x0000000010000000"
    both = frozenset({TcbStatus.UP_TO_DATE, TcbStatus.OUT_OF_DATE})
    rule = replace(STRICT, allowed_tcb_status=both)
    assert texts(claims, rule, "tcb-status") == (
        "UpToDate, now UpToDate",
        "OutOfDate or UpToDate",
    )
    nothing = replace(STRICT, allowed_tcb_status=frozenset())
    assert texts(claims, nothing, "tcb-status")[1] == "none"
    assert texts(claims, STRICT, "advisories") == ("none", "none")
    accepting = replace(STRICT, accepted_advisories=frozenset({"B", "A"}))
    assert claims.tcb.platform is not None
    level = replace(claims.tcb.platform, advisories=("C", "A"))
    advised = replace(claims, tcb=replace(claims.tcb, platform=level))
    assert texts(advised, accepting, "advisories") == ("C, A", "A, B")


# Reference values


def test_one_of_the_reference_values_is_met(claims: TdxClaims) -> None:
    td = with_report(claims, rtmr1=b"\x11" * 48)
    references = {
        Register.MRTD: frozenset({b"\x42" * 48, b"\x43" * 48}),
        Register.RTMR1: frozenset({b"\x11" * 48}),
    }
    checks = appraise_registers(td, references, "a baseline")
    assert [(check.name, check.outcome) for check in checks] == [
        ("mrtd", Outcome.MET),
        ("rtmr1", Outcome.MET),
    ]
    (wrong,) = failures(appraise_registers(claims, references, "a baseline"))
    assert (wrong.name, wrong.reason) == ("rtmr1", Reason.MEASUREMENT_MISMATCH)
    assert (wrong.found, wrong.expected) == ("00" * 48, "11" * 48)


def test_nothing_to_compare_with_is_no_agreement(claims: TdxClaims) -> None:
    for references in ({}, {Register.MRTD: frozenset()}):
        (check,) = failures(appraise_registers(claims, references, "a baseline"))  # type: ignore[arg-type]
        assert check.reason is Reason.NO_REFERENCE_VALUES
        assert check.found == ("42" * 48 if references else "nothing to compare with")


@pytest.mark.parametrize("register", list(Register))
def test_every_register_is_compared(claims: TdxClaims, register: Register) -> None:
    value = bytes(range(48))
    td = with_report(claims, **{register.value: value})
    for reference, met in ((value, True), (value[::-1], False), (b"", False)):
        checks = appraise_registers(td, {register: frozenset({reference})}, "a baseline")
        assert (failures(checks) == ()) is met
