"""TDX verification against another one: what `dcap-qvl` 0.7.0 answered, recorded in the manifest.

It refuses some TDs whatever the caller's policy is (its fixed rules); those are rules here. It
looks at neither report data, evaluation number, nor the kind of TEE.
"""

import json
from pathlib import Path

import pytest

from keyturn.attest.anchors import HARDWARE_ANCHORS
from keyturn.attest.tdx import examine_tdx
from keyturn.attest.tdx_claims import TdxExamination
from keyturn.attest.tdx_collateral import read_collateral
from keyturn.base.times import parse_time

FIXED_RULES = ("Debug mode is enabled", "SEPT_VE_DISABLE is not enabled")
SGX = "tdx-sgx-quote-as-tdx"


@pytest.fixture(scope="module")
def cases(vectors_dir: Path) -> list[dict]:  # type: ignore[type-arg]
    manifest = json.loads((vectors_dir / "manifest.json").read_bytes())
    return [case for case in manifest["cases"] if case["tee"] == "tdx" and case["id"] != SGX]


def examined(case: dict, folder: Path) -> TdxExamination:  # type: ignore[type-arg]
    return examine_tdx(
        (folder / case["files"]["evidence"]).read_bytes(),
        read_collateral((folder / case["files"]["collateral"]).read_bytes()),
        anchors=HARDWARE_ANCHORS,
        now=parse_time(case["verify_time"]),
        expected_report_data=None,
    )


def test_each_status_is_the_others(cases, vectors_dir: Path) -> None:  # type: ignore[no-untyped-def]
    compared = 0
    for case in cases:
        kind, _, answer = case["dcap_qvl_0_7_0"].partition(":")
        if kind != "status":
            continue
        found = examined(case, vectors_dir)
        assert found.claims is not None, case["id"]
        assert found.claims.tcb.status is not None
        assert found.claims.tcb.status.value == answer, case["id"]
        compared += 1
    assert compared == 9


def test_what_the_other_refuses_is_refused_or_a_rule_here(cases, vectors_dir: Path) -> None:  # type: ignore[no-untyped-def]
    refused = by_rule = 0
    for case in cases:
        kind, _, answer = case["dcap_qvl_0_7_0"].partition(":")
        if kind != "error":
            continue
        if answer.endswith(FIXED_RULES):
            by_rule += 1
            continue
        assert examined(case, vectors_dir).refusal is not None, case["id"]
        refused += 1
    assert (refused, by_rule) == (38, 5)


def test_an_sgx_quote_which_the_other_verifies_is_refused(vectors_dir: Path) -> None:
    manifest = json.loads((vectors_dir / "manifest.json").read_bytes())
    (case,) = (each for each in manifest["cases"] if each["id"] == SGX)
    assert case["dcap_qvl_0_7_0"].startswith("status:")
    assert examined(case, vectors_dir).refusal is not None
