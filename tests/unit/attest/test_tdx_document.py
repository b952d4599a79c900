"""Claims as JSON: what the vectors name is there, and a refusal has what was read."""

from datetime import UTC, datetime

from keyturn.attest.anchors import TrustAnchors
from keyturn.attest.tdx import examine_tdx, verify_tdx
from keyturn.attest.tdx_claims import TdxReading
from keyturn.attest.tdx_collateral import TdxCollateral
from keyturn.attest.tdx_document import reading_document, tdx_document
from keyturn.base.strictjson import dump, load_object
from keyturn_sim.tdx import SimIntel, SimMachine, SimPlatform, SimTd

NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)


def test_a_verified_quote_of_tdx_15(
    machine: SimMachine, intel_collateral: TdxCollateral, intel_anchors: TrustAnchors
) -> None:
    td = SimTd(tee_tcb_svn_2=SimTd().tee_tcb_svn, td_attributes=(1 << 28 | 2).to_bytes(8, "little"))
    claims = verify_tdx(
        machine.quote(td, b"\5" * 64, version=5) + b"\0\0",
        intel_collateral,
        anchors=intel_anchors,
        now=NOW,
        expected_report_data=None,
    ).claims
    document = tdx_document(claims)
    assert load_object(dump(document), limit=1 << 20, what="document") == document
    expected = {
        "version": 5,
        "header_reserved": "00000000",
        "body_type": 3,
        "body_size": 648,
        "tee_type": "0x81",
        "report_data": "05" * 64,
        "mr_td": "42" * 48,
        "mr_service_td": "00" * 48,
        "outer_ct": 6,
        "cert_type": 5,
        "trailing_bytes": 2,
        "fmspc": "51a000000000",
        "pceid": "0000",
        "pck_tcb": {"components": [5] * 16, "pcesvn": 11},
        "tcb_status": "UpToDate",
        "tdx_module_status": "UpToDate",
        "advisory_ids": [],
        "tcb_level_date": "2026-01-01T00:00:00Z",
        "tcb_evaluation_data_number": 18,
        "unknown_td_attributes": 2,
        "smt": True,
        "simulated": True,
        "platform_id": "intel-" + "5a" * 16,
    }
    assert {name: document[name] for name in expected} == expected
    bits = document["td_attribute_bits"]
    assert isinstance(bits, dict)
    assert [name for name, on in bits.items() if on] == ["sept_ve_disable"]
    later = document["later_td_attribute_bits"]
    assert isinstance(later, dict)
    assert later
    assert not bits.keys() & later.keys()


def test_a_refusal_has_what_was_read(
    intel: SimIntel, intel_collateral: TdxCollateral, intel_anchors: TrustAnchors
) -> None:
    old = intel.certify(SimPlatform(pce_svn=1))
    found = examine_tdx(
        old.quote(SimTd(), bytes(64)),
        intel_collateral,
        anchors=intel_anchors,
        now=NOW,
        expected_report_data=None,
    )
    document = reading_document(found.reading)
    assert (document["tcb_status"], document["platform_tcb_status"]) == (None, None)
    assert document["qe_tcb_status"] == "UpToDate"
    assert document["tcb_level_date"] is None
    assert "platform_id" not in document  # only what was proved names a platform
    assert reading_document(TdxReading()) == {}
