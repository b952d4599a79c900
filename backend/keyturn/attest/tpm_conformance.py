"""TPM quotes and event logs of an attestation manifest.

As `keyturn.attest.conformance`: bytes, time and nonce go in, never a case's id, origin or
expectation.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from keyturn.attest.anchors import HARDWARE_ANCHORS, TrustAnchors
from keyturn.attest.azure import hcl_tee, unwrap_hcl
from keyturn.attest.certificates import parse_certificate, pem_certificates
from keyturn.attest.conformance import Finding, Verdict
from keyturn.attest.errors import REFUSALS, MalformedEvidence
from keyturn.attest.eventlog import parse_event_log
from keyturn.attest.tpm import TpmEvidence, examine_tpm
from keyturn.attest.tpm_algorithms import HashAlgorithm
from keyturn.attest.tpm_documents import log_document, tpm_document
from keyturn.attest.tpm_quote import PCRS, Pcrs
from keyturn.base.encoding import unhex
from keyturn.base.errors import MalformedError
from keyturn.base.strictjson import parse_object

TPM_TEES = frozenset({"tpm", "eventlog", "ccel"})
_MAX_PCRS = 64 << 10
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class TpmCase:
    """All that a verifier is told. `now` None: nothing in the case has dates."""

    tee: str
    files: Mapping[str, bytes]
    now: datetime | None
    expected_nonce: bytes | None


def evaluate_tpm(case: TpmCase) -> Finding:
    """Verify one case. A refusal is a finding, not an error."""
    try:
        return _quote(case) if case.tee == "tpm" else _log(case)
    except REFUSALS as refusal:
        return Finding(Verdict.REJECT, refusal.reason.value, {}, str(refusal))


def read_pcrs(raw: bytes) -> Pcrs:
    """Read `{"<bank>": {"<number>": "<hex>"}}`. Raises MalformedEvidence."""
    try:
        fields = parse_object(raw, limit=_MAX_PCRS, what="PCR values")
        found = {bank: fields.fields(bank.bank) for bank in HashAlgorithm if fields.has(bank.bank)}
        pcrs = {
            bank: {
                number: unhex(values.text(str(number)), what=f"PCR {number}", size=bank.size)
                for number in range(PCRS)
                if values.has(str(number))
            }
            for bank, values in found.items()
        }
        for values in found.values():
            values.done()
        fields.done()
    except MalformedError as error:
        raise MalformedEvidence(error.message, found=error.found) from error
    return pcrs


def quote_of(case: TpmCase) -> tuple[TpmEvidence, TrustAnchors]:
    """A quote as a case's files have it, and whom the case trusts. Raises MalformedEvidence."""
    files = case.files
    evidence = TpmEvidence(
        quote=files["quote"],
        signature=files["signature"],
        ak=files["ak_public"],
        pcrs=read_pcrs(files["pcrs"]) if "pcrs" in files else None,
        ak_chain=_chain(files),
        runtime_data=_runtime_data(files),
        log=files.get("eventlog"),
    )
    return evidence, _anchors(files)


def _quote(case: TpmCase) -> Finding:
    evidence, anchors = quote_of(case)
    found = examine_tpm(
        evidence,
        anchors=anchors,
        now=case.now or _NEVER,
        expected_nonce=case.expected_nonce,
    )
    document, refusal = tpm_document(found), found.refusal
    if refusal is None:
        return Finding(Verdict.ACCEPT, "ok", document, checks=found.checks)
    return Finding(Verdict.REJECT, refusal.reason.value, document, str(refusal), found.checks)


def _log(case: TpmCase) -> Finding:
    """Read alone: without a quote a log proves nothing, and nothing of it is refused."""
    return Finding(Verdict.ACCEPT, "ok", log_document(parse_event_log(case.files["eventlog"])))


def _runtime_data(files: Mapping[str, bytes]) -> bytes | None:
    raw = files.get("hcl_report")
    if raw is None:
        return None
    tee = hcl_tee(raw)
    if tee is None:
        raise MalformedEvidence("HCL report does not say of which TEE it is")
    return unwrap_hcl(raw, tee).runtime_data


def _chain(files: Mapping[str, bytes]) -> tuple[bytes, ...]:
    if "ak_cert" not in files:
        return ()
    return (_der(files["ak_cert"]), _der(files["ak_ca"]))


def _anchors(files: Mapping[str, bytes]) -> TrustAnchors:
    if "ak_ca" not in files:
        return HARDWARE_ANCHORS
    issuer = parse_certificate(_der(files["ak_ca"])).spki
    return HARDWARE_ANCHORS.with_tpm_issuers([issuer], source="the case's AK issuer")


def _der(raw: bytes) -> bytes:
    """One certificate, PEM or DER."""
    if not raw.lstrip().startswith(b"-----BEGIN"):
        return raw
    found = pem_certificates(raw)
    if len(found) != 1:
        raise MalformedEvidence("PEM file holds another number of certificates than one")
    return found[0]
