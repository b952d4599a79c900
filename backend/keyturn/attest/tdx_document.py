"""What was read of a TDX quote as a JSON document; names are those of the attestation vectors.

Byte strings are lower-case hex, times RFC 3339. Writing only: nothing is ever read back into trust.
"""

from keyturn.attest.tdx_claims import TdxClaims, TdxReading
from keyturn.attest.tdx_collateral import SvnLevel, TcbLevel
from keyturn.attest.tdx_pck import Pck
from keyturn.attest.tdx_quote import TdAttribute, TdReport, TdxQuote
from keyturn.attest.tdx_tcb import TdxTcb
from keyturn.base.strictjson import JsonObject
from keyturn.base.times import format_time

_FIELDS = (
    "tee_tcb_svn",
    "mr_seam",
    "mr_signer_seam",
    "seam_attributes",
    "td_attributes",
    "xfam",
    "mr_td",
    "mr_config_id",
    "mr_owner",
    "mr_owner_config",
    "rtmr0",
    "rtmr1",
    "rtmr2",
    "rtmr3",
    "report_data",
)
_BITS = (
    TdAttribute.DEBUG,
    TdAttribute.SEPT_VE_DISABLE,
    TdAttribute.MIGRATABLE,
    TdAttribute.PKS,
    TdAttribute.KL,
    TdAttribute.PERFMON,
)


def tdx_document(claims: TdxClaims) -> JsonObject:
    """Every claim of a verified quote."""
    return {
        **reading_document(claims.reading),
        "platform_id": claims.platform_id,
        "qe_identity_evaluation_data_number": claims.identity.evaluation_number,
        "simulated": claims.simulated,
    }


def reading_document(reading: TdxReading) -> JsonObject:
    """What was read, proved or not: the explanation of a refusal, never of an acceptance."""
    document: JsonObject = {}
    if reading.quote is not None:
        document.update(_quote(reading.quote))
    if reading.pck is not None:
        document.update(_pck(reading.pck))
    if reading.info is not None:
        document["tcb_evaluation_data_number"] = reading.info.evaluation_number
    if reading.tcb is not None:
        document.update(_tcb(reading.tcb))
    return document


def _quote(quote: TdxQuote) -> JsonObject:
    report = quote.report
    document: JsonObject = {
        "version": quote.version,
        "att_key_type": quote.key_type,
        "tee_type": "0x81",
        "qe_vendor": quote.qe_vendor.hex(),
        "user_data": quote.user_data.hex(),
        "header_reserved": quote.reserved.hex(),
        **{name: getattr(report, name).hex() for name in _FIELDS},
        **_attributes(report),
        "outer_ct": quote.certification_type,
        "cert_type": quote.pck_type,
        "qe_isv_svn": quote.qe_report.isv_svn,
        "qe_mr_enclave": quote.qe_report.mr_enclave.hex(),
        "trailing_bytes": quote.trailing,
    }
    if quote.body_type is not None:
        document["body_type"] = quote.body_type.value
        document["body_size"] = quote.body_type.size
    if report.tee_tcb_svn_2 is not None and report.mr_service_td is not None:
        document["tee_tcb_svn2"] = report.tee_tcb_svn_2.hex()
        document["mr_service_td"] = report.mr_service_td.hex()
    return document


def _attributes(report: TdReport) -> JsonObject:
    return {
        "td_attribute_bits": {(bit.name or "").lower(): report.has(bit) for bit in _BITS},
        "later_td_attribute_bits": {
            (bit.name or "").lower(): report.has(bit) for bit in TdAttribute if bit not in _BITS
        },
        "unknown_td_attributes": report.unknown_attributes,
    }


def _pck(pck: Pck) -> JsonObject:
    instance, configuration = pck.platform_instance_id, pck.configuration
    return {
        "fmspc": pck.fmspc.hex(),
        "pceid": pck.pce_id.hex(),
        "pck_tcb": {"components": list(pck.components), "pcesvn": pck.pce_svn},
        "pck_ca": pck.ca.value.lower(),
        "ppid": pck.ppid.hex(),
        "platform_instance_id": None if instance is None else instance.hex(),
        "sgx_type": pck.sgx_type.name.lower(),
        "dynamic_platform": configuration.dynamic_platform,
        "cached_keys": configuration.cached_keys,
        "smt": configuration.smt,
        "pck_not_before": format_time(pck.not_before),
        "pck_not_after": format_time(pck.not_after),
    }


def _tcb(tcb: TdxTcb) -> JsonObject:
    return {
        "tcb_status": tcb.status.value if tcb.status else None,
        "current_tcb_status": tcb.current.value if tcb.current else None,
        "platform_tcb_status": _status(tcb.platform),
        "qe_tcb_status": _status(tcb.qe),
        "tdx_module_status": _status(tcb.module),
        "advisory_ids": list(tcb.advisories),
        "tcb_level_date": format_time(tcb.platform.date) if tcb.platform else None,
        "tcb_date": format_time(tcb.date) if tcb.date else None,
    }


def _status(level: TcbLevel | SvnLevel | None) -> str | None:
    return level.status.value if level else None
