"""Intel TDX evidence: a quote, proved by Intel's certificates and collateral, becomes claims.

The order of the checks is that of the attestation vectors (vectors/tdx/README): quote, collateral,
roots, chains, dates of certificates and of collateral, signatures of TCB info and QE identity,
lists, QE report, attestation key, quote, then what belongs together (FMSPC, PCE, QE identity, TDX
module), the TCB level and report data. The first that fails is the refusal. Whether the claims are
good enough is another question: `keyturn.attest.tdx_appraisal`.
"""

import hmac
from datetime import datetime
from functools import partial

from cryptography.hazmat.primitives.asymmetric import ec

from keyturn.attest.anchors import TrustAnchors
from keyturn.attest.chains import ChainCache, Parsed
from keyturn.attest.crl import CrlFacts
from keyturn.attest.errors import MalformedEvidence, Reason, UntrustedEvidence
from keyturn.attest.p256 import read_p256_key, verify_p256
from keyturn.attest.steps import Steps
from keyturn.attest.tdx_chains import (
    Chains,
)
from keyturn.attest.tdx_claims import TdxClaims, TdxExamination, TdxReading, VerifiedTdx
from keyturn.attest.tdx_collateral import (
    TD_QE,
    TDX,
    Documents,
    ModuleIdentity,
    QeIdentity,
    TcbInfo,
    TdxCollateral,
)
from keyturn.attest.tdx_endorsement import Asked, endorse
from keyturn.attest.tdx_pck import Pck
from keyturn.attest.tdx_quote import QeReport, TdReport, TdxQuote, parse_tdx_quote
from keyturn.attest.tdx_steps import Proof, Step, after, all_three, both
from keyturn.attest.tdx_tcb import TdxTcb, check_module, find_tcb
from keyturn.base.encoding import sha256

_QeFacts = tuple[str, bytes, int, bytes, int]
_QE_FACTS = ("kind", "signer", "product", "attributes", "MISCSELECT")


def verify_tdx(
    quote: bytes,
    collateral: TdxCollateral,
    *,
    anchors: TrustAnchors,
    now: datetime,
    expected_report_data: bytes | None,
    cache: ChainCache | None = None,
    parsed: Parsed[Documents] | None = None,
) -> VerifiedTdx:
    """Prove one quote. `now` has a time zone; `cache` and `parsed` are the caller's, across calls.

    `expected_report_data` is 64 bytes; None, for looking at evidence only, proves no freshness
    and the result says so. Bytes after the quote are ignored. Raises MalformedEvidence or
    UntrustedEvidence, with their `reason`.
    """
    found = examine_tdx(
        quote,
        collateral,
        anchors=anchors,
        now=now,
        expected_report_data=expected_report_data,
        cache=cache,
        parsed=parsed,
    )
    if found.claims is None or found.refusal is not None:
        raise found.refusal or MalformedEvidence("TDX quote: nothing was proved")
    return VerifiedTdx(found.claims, found.checks)


def examine_tdx(
    quote: bytes,
    collateral: TdxCollateral,
    *,
    anchors: TrustAnchors,
    now: datetime,
    expected_report_data: bytes | None,
    cache: ChainCache | None = None,
    parsed: Parsed[Documents] | None = None,
) -> TdxExamination:
    """As `verify_tdx`, but a refusal is a result: with every check that could be made."""
    links = cache if cache is not None else ChainCache(8)
    steps = Steps()
    whole = after(steps, Step.QUOTE, _read_quote, quote)
    endorsed = endorse(steps, whole, collateral, Asked(anchors, now, links, parsed))
    chains, pck = endorsed.chains, endorsed.pck
    info, identity, key = endorsed.info, endorsed.identity, endorsed.key
    qe = after(steps, Step.QE_REPORT, _qe_report, both(whole, chains))
    bound = after(steps, Step.ATTESTATION_KEY, _attestation_key, both(whole, qe))
    report = after(steps, Step.QUOTE_SIGNATURE, partial(_quote_signature, links), bound)
    matched = after(steps, Step.MATCH, _match, both(info, pck))
    known = after(steps, Step.KNOWN_QE, _known_qe, both(qe, identity))
    module = after(steps, Step.MODULE, partial(_module, links, key), both(report, matched))
    judged = after(
        steps,
        Step.LEVELS,
        partial(_levels, links, key),
        all_three(both(report, module), both(qe, pck), both(matched, known)),
    )
    after(steps, Step.SUPPORTED, _supported, judged)
    tcb = judged[0] if judged is not None else None
    _report_data(steps, report, expected_report_data)
    claims = None
    if steps.refusal is None:
        claims = _claims(whole, both(pck, tcb), all_three(info, identity, endorsed.lists), chains)
    documents = endorsed.documents
    reading = TdxReading(whole, pck, documents.info if documents else None, tcb)
    return TdxExamination(reading, steps.checks, claims, steps.refusal)


def _claims(
    quote: TdxQuote | None,
    platform: tuple[Pck, TdxTcb] | None,
    collateral: tuple[TcbInfo, QeIdentity, tuple[CrlFacts, ...]] | None,
    chains: Chains | None,
) -> TdxClaims | None:
    if quote is None or platform is None or collateral is None or chains is None:
        return None
    (pck, tcb), (info, identity, lists) = platform, collateral
    return TdxClaims(quote, pck, tcb, info, identity, lists, chains.anchor.simulated)


def _read_quote(raw: bytes) -> Proof[TdxQuote]:
    quote = parse_tdx_quote(raw)
    body = quote.body_type.name if quote.body_type else "TD_REPORT_10"
    return Proof(quote, f"version {quote.version}, {body}")


def _qe_report(given: tuple[TdxQuote, Chains]) -> Proof[QeReport]:
    quote, chains = given
    verify_p256(
        chains.pck[0].public_key,
        quote.qe_signature,
        quote.qe_report.raw,
        "QE report",
        Reason.QE_REPORT_SIGNATURE_INVALID,
    )
    return Proof(quote.qe_report, "verified")


def _attestation_key(given: tuple[TdxQuote, QeReport]) -> Proof[TdxQuote]:
    quote, qe = given
    expected = sha256(quote.attestation_key + quote.qe_auth_data) + bytes(32)
    if qe.report_data != expected:
        raise UntrustedEvidence(
            "attestation key is not the one that the quoting enclave vouches for",
            reason=Reason.ATTESTATION_KEY_BINDING_INVALID,
            found=expected.hex(),
            expected=qe.report_data.hex(),
        )
    return Proof(quote, expected.hex())


def _quote_signature(cache: ChainCache, quote: TdxQuote) -> Proof[TdReport]:
    """The QE vouched for the key before."""
    why, raw = Reason.QUOTE_SIGNATURE_INVALID, quote.attestation_key
    key = cache.read_once(
        b"attestation key\0" + raw,
        ec.EllipticCurvePublicKey,  # type: ignore[type-abstract]
        lambda: read_p256_key(raw, "attestation key", why),
    )
    verify_p256(key, quote.signature, quote.signed, "TDX quote", why)
    return Proof(quote.report, "verified")


def _match(given: tuple[TcbInfo, Pck]) -> Proof[TcbInfo]:
    info, pck = given
    found = f"{info.tcb_id}, FMSPC {info.fmspc.hex()}, PCE {info.pce_id.hex()}"
    expected = f"{TDX}, FMSPC {pck.fmspc.hex()}, PCE {pck.pce_id.hex()}"
    if found != expected:
        raise UntrustedEvidence(
            "TCB info is of another kind of platform",
            reason=Reason.COLLATERAL_MISMATCH,
            found=found,
            expected=expected,
        )
    return Proof(info, found, expected)


def _known_qe(given: tuple[QeReport, QeIdentity]) -> Proof[QeIdentity]:
    qe, known = given
    mask = int.from_bytes(known.attributes_mask, "big")
    attributes = (int.from_bytes(qe.attributes, "big") & mask).to_bytes(16, "big")
    misc_select = qe.misc_select & known.misc_select_mask
    found = (known.qe_id, qe.mr_signer, qe.isv_prod_id, attributes, misc_select)
    expected = (TD_QE, known.mr_signer, known.isv_prod_id, known.attributes, known.misc_select)
    if found != expected:
        raise _another_qe(found, expected)
    return Proof(known, f"{TD_QE}, ISVSVN {qe.isv_svn}")


def _another_qe(found: _QeFacts, expected: _QeFacts) -> UntrustedEvidence:
    shown = zip(_QE_FACTS, _in_words(found), _in_words(expected), strict=True)
    name, is_, must = next(each for each in shown if each[1] != each[2])
    return UntrustedEvidence(
        f"quoting enclave's {name} is not what Intel says",
        reason=Reason.QE_IDENTITY_MISMATCH,
        found=is_,
        expected=must,
    )


def _in_words(facts: _QeFacts) -> tuple[str, ...]:
    kind, signer, product, attributes, misc_select = facts
    return (kind, signer.hex(), str(product), attributes.hex(), f"{misc_select:08x}")


def _svns(report: TdReport) -> bytes:
    return report.tee_tcb_svn + (report.tee_tcb_svn_2 or b"")


def _module(
    cache: ChainCache, endorsed: bytes, given: tuple[TdReport, TcbInfo]
) -> Proof[ModuleIdentity]:
    report, info = given
    seam = report.mr_seam + report.mr_signer_seam + report.seam_attributes
    key = b"TDX module\0" + endorsed + seam + _svns(report)
    return cache.read_once(key, Proof, lambda: _new_module(report, info))


def _new_module(report: TdReport, info: TcbInfo) -> Proof[ModuleIdentity]:
    module = check_module(report, info)
    found = f"{module.module_id}, MRSEAM {report.mr_seam.hex()}"
    return Proof(module, found, f"signer {module.mr_signer.hex()}, no SEAM attributes")


_Levelled = tuple[tuple[TdReport, ModuleIdentity], tuple[QeReport, Pck], tuple[TcbInfo, QeIdentity]]


def _levels(cache: ChainCache, endorsed: bytes, given: _Levelled) -> Proof[tuple[TdxTcb, str]]:
    """The levels, and in words what Intel says of all of them together."""
    (report, _), (qe, _), _ = given
    key = b"TDX levels\0" + endorsed + qe.isv_svn.to_bytes(2, "big") + _svns(report)
    return cache.read_once(key, Proof, lambda: _new_levels(given))


def _new_levels(given: _Levelled) -> Proof[tuple[TdxTcb, str]]:
    (report, _), (qe, pck), (info, known) = given
    tcb = find_tcb(report, qe, pck, info, known)
    module = (
        tcb.module.status.value
        if tcb.module
        else "as the platform"
        if not tcb.module_version
        else "none"
    )
    found = (
        f"platform {tcb.platform.status.value if tcb.platform else 'none'}, "
        f"TDX module {module}, QE {tcb.qe.status.value if tcb.qe else 'none'}"
    )
    status = tcb.status.value if tcb.status else "not supported"
    together = f"{status}, {', '.join(tcb.advisories) or 'no advisory'}"
    levels = f"levels of evaluation number {info.evaluation_number}"
    return Proof((tcb, together), found, levels)


def _supported(judged: tuple[TdxTcb, str]) -> Proof[TdxTcb]:
    tcb, found = judged
    if tcb.status is None:
        missing = "platform" if tcb.platform is None else "TDX module or quoting enclave"
        raise UntrustedEvidence(
            f"TCB of the {missing} is below every level that Intel supports",
            reason=Reason.TCB_NOT_SUPPORTED,
            found="no level",
            expected="a TCB level",
        )
    return Proof(tcb, found)


def _report_data(steps: Steps, report: TdReport | None, expected: bytes | None) -> None:
    if expected is None and report is not None:
        steps.unasked(Step.REPORT_DATA.title, "no value was asked for", report.report_data.hex())
        return
    after(steps, Step.REPORT_DATA, partial(_fresh, expected or b""), report)


def _fresh(expected: bytes, report: TdReport) -> Proof[bytes]:
    if not hmac.compare_digest(report.report_data, expected):
        raise UntrustedEvidence(
            "TDX quote is not bound to what was asked",
            reason=Reason.REPORT_DATA_MISMATCH,
            found=report.report_data.hex(),
            expected=expected.hex(),
        )
    return Proof(expected, report.report_data.hex(), expected.hex())
