"""Comparing a finding with an expectation: what counts as agreement."""

from dataclasses import fields, replace
from datetime import datetime

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from keyturn.attest.azure import runtime_report_data
from keyturn.attest.checks import failures
from keyturn.attest.conformance import (
    CaseInput,
    Expectation,
    Finding,
    Verdict,
    compare,
    evaluate,
    is_supported,
    read_rule,
)
from keyturn.attest.snp_appraisal import SnpRule
from keyturn.attest.snp_tcb import SnpProduct
from keyturn.attest.tdx_appraisal import TdxRule
from keyturn.attest.tdx_collateral import TcbStatus
from keyturn.base.errors import MalformedError
from keyturn.base.strictjson import Fields, Json, JsonObject, dump
from keyturn_sim import SimNode, SimVendors
from keyturn_sim.pki import der_of
from keyturn_sim.tdx import SimIntel, SimTd

FOUND = Finding(Verdict.ACCEPT, "ok", {"a": 1, "b": {"c": [True]}, "more": None})


@pytest.mark.parametrize(
    ("claims", "agrees"),
    [
        ({}, True),
        ({"a": 1}, True),
        ({"a": True}, False),
        ({"a": 2}, False),
        ({"b": {"c": [True]}}, True),
        ({"b": {"c": [1]}}, False),
        ({"b": {}}, False),
        ({"missing": 1}, False),
        ({"more": None}, True),
    ],
)
def test_claims_that_are_listed_are_equal(claims: JsonObject, agrees: bool) -> None:
    expected = Expectation(Verdict.ACCEPT, "ok", claims)
    assert (compare(FOUND, expected, strict=True) == ()) is agrees


def test_the_verdict_counts_and_the_reason_where_it_is_strict() -> None:
    expected = Expectation(Verdict.ACCEPT, "other", {})
    assert compare(FOUND, expected, strict=False) == ()
    assert compare(FOUND, expected, strict=True) == ("reason ok, expected other",)
    reject = Expectation(Verdict.REJECT, "ok", {})
    assert compare(FOUND, reject, strict=False) == ("verdict accept, expected reject",)


def test_a_verifier_is_not_told_what_is_expected() -> None:
    told = {field.name for field in fields(CaseInput)}
    assert not told & {"id", "case_id", "origin", "expected", "description", "verdict"}


def test_what_is_supported() -> None:
    assert is_supported("snp")
    assert is_supported("tdx")
    assert not is_supported("nvidia-gpu")  # its manifests are XML: keyturn.rim.conformance
    assert not is_supported("no-such-tee")


def test_a_policy_is_read_whole() -> None:
    policy: JsonObject = {
        "allow_debug": False,
        "allow_migration_agent": True,
        "max_vmpl": 0,
        "min_tcb": {"snp": 10},
    }
    rule = read_rule(Fields(policy, "policy"))
    assert isinstance(rule, SnpRule)
    assert (rule.allow_debug, rule.allow_migration_agent, rule.max_vmpl) == (False, True, 0)
    assert rule.floors is not None
    assert {rule.floors[product].snp for product in SnpProduct} == {10}
    with pytest.raises(MalformedError, match="unknown field"):
        read_rule(Fields({**policy, "surprise": 1}, "policy"))


def snp_case(node: SimNode, vendors: SimVendors, now: datetime, **changed: object) -> CaseInput:
    pem = vendors.ark.public_bytes(Encoding.PEM)
    case = CaseInput(
        tee="snp",
        files={
            "evidence": node.snp_report(bytes(64)),
            "vek": node.vek,
            "intermediate": vendors.ask.public_bytes(Encoding.PEM),
            "ark": pem,
        },
        anchor_override=pem,
        now=now,
        policy=read_rule(Fields({"allow_debug": False, "allow_migration_agent": False}, "policy")),
        expected_report_data=bytes(64),
        expected_nonce=None,
    )
    return replace(case, **changed)  # type: ignore[arg-type]


def test_an_snp_case_is_accepted_rejected_or_breaks_a_rule(node, vendors, now) -> None:  # type: ignore[no-untyped-def]
    accepted = evaluate(snp_case(node, vendors, now))
    assert (accepted.verdict, accepted.reason) == (Verdict.ACCEPT, "ok")
    untrusted = evaluate(snp_case(node, vendors, now, anchor_override=None))
    assert (untrusted.verdict, untrusted.reason) == (Verdict.REJECT, "untrusted-root")
    assert untrusted.claims == {}
    debug = evaluate(snp_case(node.with_debug(), vendors, now))
    assert (debug.verdict, debug.reason) == (Verdict.REJECT, "debug-allowed-by-guest-policy")
    assert debug.claims["policy_bits"]["debug"] is True  # type: ignore[index,call-overload]
    lax = evaluate(snp_case(node.with_debug(), vendors, now, policy=None))
    assert lax.verdict is Verdict.ACCEPT


def tdx_case(intel: SimIntel, now: datetime, **changed: object) -> CaseInput:
    policy: JsonObject = {
        "allowed_tcb_status": ["UpToDate"],
        "allow_debug": False,
        "require_sept_ve_disable": True,
        "allow_service_td": False,
    }
    case = CaseInput(
        tee="tdx",
        files={
            "evidence": intel.certify().quote(SimTd(), bytes(64)),
            "collateral": dump(intel.collateral(now)),
            "root": der_of(intel.root),
        },
        anchor_override=intel.root.public_bytes(Encoding.PEM),
        now=now,
        policy=read_rule(Fields(policy, "policy"), "tdx"),
        expected_report_data=bytes(64),
        expected_nonce=None,
    )
    return replace(case, **changed)  # type: ignore[arg-type]


def test_a_tdx_case_is_accepted_rejected_or_breaks_a_rule(intel, now) -> None:  # type: ignore[no-untyped-def]
    case = tdx_case(intel, now)
    accepted = evaluate(case)
    assert (accepted.verdict, accepted.reason) == (Verdict.ACCEPT, "ok")
    untrusted = evaluate(replace(case, anchor_override=None))
    assert (untrusted.verdict, untrusted.reason) == (Verdict.REJECT, "untrusted-root")
    assert untrusted.claims["mr_td"] == "42" * 48  # as far as it was read
    assert [check.name for check in failures(untrusted.checks)] == ["root"]
    assert len(accepted.checks) > len(untrusted.checks)  # the policy's too
    debug = intel.certify().quote(SimTd(td_attributes=b"\1\0\0\x10" + bytes(4)), bytes(64))
    found = evaluate(replace(case, files={**case.files, "evidence": debug}))
    assert (found.verdict, found.reason) == (Verdict.REJECT, "debug-td")
    assert found.claims["tcb_status"] == "UpToDate"
    lax = evaluate(replace(case, files={**case.files, "evidence": debug}, policy=None))
    assert lax.verdict is Verdict.ACCEPT


def test_a_tdx_cases_root_narrows_the_anchors(intel, now) -> None:  # type: ignore[no-untyped-def]
    case = tdx_case(intel, now)
    other = {**case.files, "root": der_of(SimIntel.create().root)}
    assert evaluate(replace(case, files=other)).reason == "untrusted-root"


def test_a_tdx_cases_runtime_data_is_bound(intel, now) -> None:  # type: ignore[no-untyped-def]
    data = runtime_report_data(b"{}")
    case = tdx_case(intel, now, expected_report_data=None)
    bound = {
        **case.files,
        "evidence": intel.certify().quote(SimTd(), data),
        "runtime_data": b"{}",
    }
    assert evaluate(replace(case, files=bound)).verdict is Verdict.ACCEPT
    found = evaluate(replace(case, files={**bound, "runtime_data": b"{ }"}))
    assert (found.verdict, found.reason) == (Verdict.REJECT, "runtime-data-mismatch")
    assert found.claims["report_data"] == data.hex()


def test_a_tdx_case_without_its_files_is_malformed(intel, now) -> None:  # type: ignore[no-untyped-def]
    case = tdx_case(intel, now)
    for role in case.files:
        files = {name: raw for name, raw in case.files.items() if name != role}
        assert evaluate(replace(case, files=files)).reason == "malformed"


def test_a_policy_of_another_tee_judges_nothing_and_is_refused(intel, node, vendors, now) -> None:  # type: ignore[no-untyped-def]
    tdx, snp = tdx_case(intel, now), snp_case(node, vendors, now)
    for case, other in ((tdx, snp), (snp, tdx)):
        found = evaluate(replace(case, policy=other.policy))
        assert (found.verdict, found.reason) == (Verdict.REJECT, "malformed")


def test_a_tdx_policy_is_read_whole() -> None:
    policy: JsonObject = {
        "allowed_tcb_status": ["UpToDate", "OutOfDate"],
        "allow_debug": True,
        "require_sept_ve_disable": False,
        "allow_service_td": True,
        "min_tcb_evaluation_data_number": 18,
    }
    rule = read_rule(Fields(policy, "policy"), "tdx")
    assert isinstance(rule, TdxRule)
    assert rule.allowed_tcb_status == {TcbStatus.UP_TO_DATE, TcbStatus.OUT_OF_DATE}
    assert (rule.min_evaluation_number, rule.allow_debug) == (18, True)
    for changed in ({"surprise": 1}, {"allowed_tcb_status": ["Fine"]}, {"allow_debug": 1}):
        with pytest.raises(MalformedError):
            read_rule(Fields({**policy, **changed}, "policy"), "tdx")


@pytest.mark.parametrize(
    ("found", "expected", "same"),
    [
        ([1], [1], True),
        ([1, 2], [1], False),
        ([1], [1, 2], False),
        ([], [1], False),
        ({"a": 1}, {"a": 1, "b": 2}, False),
        (True, 1, False),
        (["a"], "a", False),
        ("a", ["a"], False),
        ({"a": 1}, "a", False),
        ("a", {"a": 1}, False),
        ({"a": 1}, ["a"], False),
    ],
)
def test_claims_are_the_same_as_a_whole(found: Json, expected: Json, same: bool) -> None:
    reject = Finding(Verdict.REJECT, "malformed", {"claim": found})
    wanted = Expectation(Verdict.REJECT, "malformed", {"claim": expected})
    assert (compare(reject, wanted, strict=True) == ()) is same


def test_a_floor_of_an_unknown_part_is_refused() -> None:
    policy = {"allow_debug": False, "allow_migration_agent": False, "min_tcb": {"snp": 1, "x": 1}}
    with pytest.raises(MalformedError, match="x"):
        read_rule(Fields(policy, "policy"))
