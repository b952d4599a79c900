"""What claims say of themselves."""

from dataclasses import replace
from datetime import UTC, datetime

from keyturn.attest.anchors import TrustAnchors
from keyturn.attest.tdx import verify_tdx
from keyturn.attest.tdx_collateral import TdxCollateral
from keyturn_sim.tdx import SimMachine, SimTd

NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)


def test_claims_name_the_platform_and_the_older_document(
    machine: SimMachine, intel_collateral: TdxCollateral, intel_anchors: TrustAnchors
) -> None:
    claims = verify_tdx(
        machine.quote(SimTd(), b"\5" * 64),
        intel_collateral,
        anchors=intel_anchors,
        now=NOW,
        expected_report_data=None,
    ).claims
    assert claims.platform_id == f"intel-{claims.pck.ppid.hex()}"
    assert (claims.measurement, claims.report_data) == (b"\x42" * 48, b"\5" * 64)
    for info, identity, lower in ((18, 17, 17), (16, 18, 16), (18, 18, 18)):
        mixed = replace(
            claims,
            info=replace(claims.info, evaluation_number=info),
            identity=replace(claims.identity, evaluation_number=identity),
        )
        assert mixed.evaluation_number == lower
    assert claims.reading.quote is claims.quote
    assert claims.reading.tcb is claims.tcb
    # What a verifier must remember, to refuse an older list.
    assert [each.number for each in claims.lists] == [1, 1]
