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

from keyturn.attest.anchors import TrustAnchors
from keyturn.attest.chains import ChainCache, Parsed
from keyturn.attest.crl import CrlFacts
from keyturn.attest.errors import MalformedEvidence, Reason, UntrustedEvidence
from keyturn.attest.p256 import read_p256_key, verify_p256
from keyturn.attest.steps import Steps
from keyturn.attest.tdx_chains import (
    Chains,
    RawChains,
    check_chain_dates,
    check_lists,
    find_roots,
    verify_chains,
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
    read_documents,
    remember_documents,
)
from keyturn.attest.tdx_pck import Pck, read_pck
from keyturn.attest.tdx_quote import QeReport, TdReport, TdxQuote, parse_tdx_quote
from keyturn.attest.tdx_steps import Proof, Step, after, all_three, both
from keyturn.attest.tdx_tcb import TdxTcb, check_module, find_tcb
from keyturn.base.encoding import sha256


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
    documents = after(steps, Step.COLLATERAL, partial(_read_documents, parsed), collateral)
    roots = after(steps, Step.ROOT, partial(_roots, collateral, anchors, links), whole)
    chains = after(steps, Step.CHAIN, partial(_chains, links), roots)
    pck = after(steps, Step.PCK, partial(_pck, links), chains)
    after(steps, Step.DATES, partial(_dates, now), chains)
    after(steps, Step.COLLATERAL_DATES, partial(_collateral_dates, now), documents)
    pair = both(chains, documents)
    info = after(steps, Step.TCB_INFO, partial(_tcb_info, collateral), pair)
    identity = after(steps, Step.IDENTITY, partial(_qe_identity, collateral), pair)
    lists = after(steps, Step.REVOCATION, partial(_revocation, now), pair)
    qe = after(steps, Step.QE_REPORT, _qe_report, both(whole, chains))
    bound = after(steps, Step.ATTESTATION_KEY, _attestation_key, both(whole, qe))
    report = after(steps, Step.QUOTE_SIGNATURE, _quote_signature, bound)
    matched = after(steps, Step.MATCH, _match, both(info, pck))
    known = after(steps, Step.KNOWN_QE, _known_qe, both(qe, identity))
    module = after(steps, Step.MODULE, _module, both(report, matched))
    tcb = after(
        steps,
        Step.LEVELS,
        _levels,
        all_three(both(report, module), both(qe, pck), both(matched, known)),
    )
    after(steps, Step.SUPPORTED, _supported, tcb)
    _report_data(steps, report, expected_report_data)
    if parsed is not None and documents is not None and all_three(info, identity, lists):
        remember_documents(collateral, documents, parsed)
    claims = None
    if steps.refusal is None:
        claims = _claims(whole, both(pck, tcb), all_three(info, identity, lists), chains)
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


def _read_documents(
    parsed: Parsed[Documents] | None, collateral: TdxCollateral
) -> Proof[Documents]:
    documents = read_documents(collateral, parsed)
    return Proof(documents, "all readable")


def _roots(
    collateral: TdxCollateral, anchors: TrustAnchors, cache: ChainCache, quote: TdxQuote
) -> Proof[RawChains]:
    raw = find_roots(quote.pck_chain, collateral, anchors, cache)
    return Proof(raw, raw.anchor.spki, f"pinned by {raw.anchor.source}")


def _chains(cache: ChainCache, raw: RawChains) -> Proof[Chains]:
    chains = verify_chains(raw, cache)
    names = " < ".join(each.common_name for each in chains.pck)
    return Proof(chains, names)


def _pck(cache: ChainCache, chains: Chains) -> Proof[Pck]:
    leaf, ca = chains.pck[0], chains.ca
    key = sha256(b"PCK" + ca.value.encode() + leaf.digest)
    pck = cache.read_once(key, Pck, lambda: read_pck(leaf, ca))
    return Proof(pck, f"FMSPC {pck.fmspc.hex()}, {pck.ca.value} CA")


def _dates(now: datetime, chains: Chains) -> Proof[datetime]:
    until = check_chain_dates(chains, now)
    return Proof(until, "valid", f"until {until.isoformat()}")


def _collateral_dates(now: datetime, documents: Documents) -> Proof[datetime]:
    info, identity = documents.info, documents.identity
    spans = (
        ("TCB info", info.issued, info.next_update),
        ("QE identity", identity.issued, identity.next_update),
        ("PCK list", documents.pck_list.this_update, documents.pck_list.next_update),
        ("root CA's list", documents.root_list.this_update, documents.root_list.next_update),
    )
    for name, since, until in spans:
        if now < since:
            raise UntrustedEvidence(
                f"{name} is from the future",
                reason=Reason.COLLATERAL_NOT_YET_VALID,
                found=now.isoformat(),
                expected=f"at or after {since.isoformat()}",
            )
        if now > until:
            raise UntrustedEvidence(
                f"{name} should have been replaced",
                reason=Reason.COLLATERAL_EXPIRED,
                found=now.isoformat(),
                expected=f"at or before {until.isoformat()}",
            )
    first = min(until for _, _, until in spans)
    return Proof(first, "current", f"until {first.isoformat()}")


def _tcb_info(collateral: TdxCollateral, given: tuple[Chains, Documents]) -> Proof[TcbInfo]:
    chains, documents = given
    verify_p256(
        chains.tcb_info[0].public_key,
        collateral.tcb_info_signature,
        collateral.tcb_info,
        "TCB info",
        Reason.TCB_INFO_SIGNATURE_INVALID,
    )
    return Proof(documents.info, "verified")


def _qe_identity(collateral: TdxCollateral, given: tuple[Chains, Documents]) -> Proof[QeIdentity]:
    chains, documents = given
    verify_p256(
        chains.qe_identity[0].public_key,
        collateral.qe_identity_signature,
        collateral.qe_identity,
        "QE identity",
        Reason.QE_IDENTITY_SIGNATURE_INVALID,
    )
    return Proof(documents.identity, "verified")


def _revocation(now: datetime, given: tuple[Chains, Documents]) -> Proof[tuple[CrlFacts, ...]]:
    chains, documents = given
    facts = check_lists(chains, documents.root_list, documents.pck_list, now)
    found = "; ".join(f"not in the list of {each.issuer}" for each in facts)
    return Proof(facts, found)


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


def _quote_signature(quote: TdxQuote) -> Proof[TdReport]:
    why = Reason.QUOTE_SIGNATURE_INVALID
    key = read_p256_key(quote.attestation_key, "attestation key", why)
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
    masked = bytes(a & b for a, b in zip(qe.attributes, known.attributes_mask, strict=True))
    compared = (
        ("kind", known.qe_id, TD_QE),
        ("signer", qe.mr_signer.hex(), known.mr_signer.hex()),
        ("product", str(qe.isv_prod_id), str(known.isv_prod_id)),
        ("attributes", masked.hex(), known.attributes.hex()),
        (
            "MISCSELECT",
            f"{qe.misc_select & known.misc_select_mask:08x}",
            f"{known.misc_select:08x}",
        ),
    )
    for name, found, expected in compared:
        if found != expected:
            raise UntrustedEvidence(
                f"quoting enclave's {name} is not what Intel says",
                reason=Reason.QE_IDENTITY_MISMATCH,
                found=found,
                expected=expected,
            )
    return Proof(known, f"{TD_QE}, ISVSVN {qe.isv_svn}")


def _module(given: tuple[TdReport, TcbInfo]) -> Proof[ModuleIdentity]:
    report, info = given
    module = check_module(report, info)
    found = f"{module.module_id}, MRSEAM {report.mr_seam.hex()}"
    return Proof(module, found, f"signer {module.mr_signer.hex()}, no SEAM attributes")


def _levels(
    given: tuple[tuple[TdReport, ModuleIdentity], tuple[QeReport, Pck], tuple[TcbInfo, QeIdentity]],
) -> Proof[TdxTcb]:
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
    return Proof(tcb, found, f"levels of evaluation number {info.evaluation_number}")


def _supported(tcb: TdxTcb) -> Proof[TdxTcb]:
    if tcb.status is None:
        missing = "platform" if tcb.platform is None else "TDX module or quoting enclave"
        raise UntrustedEvidence(
            f"TCB of the {missing} is below every level that Intel supports",
            reason=Reason.TCB_NOT_SUPPORTED,
            found="no level",
            expected="a TCB level",
        )
    advisories = ", ".join(tcb.advisories) or "no advisory"
    return Proof(tcb, f"{tcb.status.value}, {advisories}")


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
