"""Comparing a finding with an expectation: what counts as agreement."""

from dataclasses import fields

import pytest

from keyturn.attest.conformance import (
    CaseInput,
    Expectation,
    Finding,
    Verdict,
    compare,
    is_supported,
    read_rule,
)
from keyturn.attest.snp_tcb import SnpProduct
from keyturn.base.errors import MalformedError
from keyturn.base.strictjson import Fields, JsonObject

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
    assert is_supported("snp", None)
    assert is_supported("nvidia-gpu", "evidence+chain+nonce")
    assert not is_supported("nvidia-gpu", "evidence+chain+nonce+driver_rim")
    assert not is_supported("nvidia-switch", "evidence+chain+nonce")
    assert not is_supported("tdx", None)


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
