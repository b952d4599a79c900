"""Documents are JSON and show what a person must see."""

import json
from datetime import UTC, datetime

import pytest

from keyturn.attest.anchors import HARDWARE_ANCHORS, TrustAnchors
from keyturn.attest.certificates import pem_certificates
from keyturn.attest.checks import judge
from keyturn.attest.documents import check_document, snp_document
from keyturn.attest.errors import Reason
from keyturn.attest.snp import SnpCollateral, verify_snp
from keyturn_sim import SimNode


def test_snp(
    node: SimNode, collateral: SnpCollateral, anchors: TrustAnchors, now: datetime
) -> None:
    asked = b"\x01" * 64
    claims = verify_snp(
        node.with_debug().snp_report(asked),
        collateral,
        anchors=anchors,
        now=now,
        expected_report_data=asked,
    ).claims
    document = json.loads(json.dumps(snp_document(claims)))
    assert document["simulated"] is True
    assert document["report_data"] == "01" * 64
    assert document["policy_bits"]["debug"] is True
    assert document["reported_tcb"] == {
        "bootloader": 10, "tee": 0, "snp": 27, "microcode": 88, "raw": "0a00000000001b58",
    }  # fmt: skip
    assert "launch_mit_vector" not in document


def test_a_check_names_its_reason_only_when_it_failed() -> None:
    reason = Reason.SMT_ALLOWED
    broken = judge("smt", False, found="a", expected="b", source="s", reason=reason)
    assert check_document(broken)["reason"] == "smt-allowed"
    met = judge("smt", True, found="a", expected="a", source="s", reason=reason)
    assert check_document(met)["reason"] is None


@pytest.mark.parametrize(
    ("folder", "vek", "product", "at", "shown"),
    [
        ("genoa-v5-routex", "vcek", "genoa-ask", 2026, {"launch_mit_vector": 11}),
        (
            "milan-v3-vlek-aws",
            "vlek",
            "milan-asvk",
            2025,
            {"csp_id": "CN=cc-us-east-2.amazonaws.com"},
        ),
    ],
)
def test_what_only_some_reports_have(vectors_dir, folder, vek, product, at, shown) -> None:  # type: ignore[no-untyped-def]
    snp, roots = vectors_dir / "snp" / folder, vectors_dir / "snp/roots"
    (intermediate,) = pem_certificates((roots / f"{product}.pem").read_bytes())
    (root,) = pem_certificates((roots / f"{product.split('-')[0]}-ark.pem").read_bytes())
    claims = verify_snp(
        (snp / "report.bin").read_bytes(),
        SnpCollateral((snp / f"{vek}.der").read_bytes(), intermediate, root),
        anchors=HARDWARE_ANCHORS,
        now=datetime(at, 2, 1, tzinfo=UTC),
        expected_report_data=None,
    ).claims
    document = snp_document(claims)
    assert {name: document[name] for name in shown} == shown
