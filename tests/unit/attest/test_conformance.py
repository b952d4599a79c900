"""Comparing a finding with an expectation: what counts as agreement."""

from dataclasses import fields, replace
from datetime import datetime

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

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
from keyturn.attest.snp_tcb import SnpProduct
from keyturn.base.errors import MalformedError
from keyturn.base.strictjson import Fields, JsonObject
from keyturn_sim import SimNode, SimVendors

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
