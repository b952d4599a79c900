"""Proved claims of every TEE for tests of rules: simulated, then varied field by field."""

from dataclasses import replace
from datetime import UTC, datetime
from functools import cache

from keyturn.attest.anchors import HARDWARE_ANCHORS, SpkiDigest, Vendor
from keyturn.attest.tdx import verify_tdx
from keyturn.attest.tdx_claims import TdxClaims
from keyturn.attest.tdx_collateral import read_collateral
from keyturn.base.strictjson import dump
from keyturn_sim.tdx import SimIntel, SimTd

NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)


@cache
def td() -> TdxClaims:
    """Of a TD with a report of TDX 1.5."""
    intel = SimIntel.create()
    roots = {Vendor.INTEL_SGX: [SpkiDigest(intel.root_spki)]}
    launched = SimTd(tee_tcb_svn_2=SimTd().tee_tcb_svn)
    return verify_tdx(
        intel.certify().quote(launched, bytes(64), version=5),
        read_collateral(dump(intel.collateral(NOW))),
        anchors=HARDWARE_ANCHORS.with_simulated(roots, source="test"),
        now=NOW,
        expected_report_data=None,
    ).claims


def another_td(claims: TdxClaims, ppid: bytes, **report: object) -> TdxClaims:
    """`report`: fields of the TD's report."""
    changed = replace(claims.report, **report)  # type: ignore[arg-type]
    quote = replace(claims.quote, report=changed)
    return replace(claims, quote=quote, pck=replace(claims.pck, ppid=ppid))
