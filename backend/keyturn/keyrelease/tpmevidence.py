"""The TPM of one request: its quote over this core, who vouches for its AK (§4.3a, §4.5, §4.6)."""

import hmac
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from keyturn.attest.anchors import TrustAnchors
from keyturn.attest.chains import ChainCache
from keyturn.attest.errors import REFUSALS, MalformedEvidence, UntrustedEvidence
from keyturn.attest.tpm import TpmClaims, TpmExamination, examine_tpm
from keyturn.attest.tpm_certificate import verify_ek_certificate
from keyturn.attest.tpm_credential import parse_endorsement_key
from keyturn.base.encoding import lp
from keyturn.keyrelease.binding import paravisor_nonce, tpm_nonce
from keyturn.keyrelease.request import ReleaseRequest
from keyturn.keyrelease.tpmpart import EkPart
from keyturn.policy.findings import Finding, from_check, judged, met, not_met

ACTIVATED = "tpm: AK activated"
"""The check that fails after a restart of the keyholder: the node has to activate again."""
Activated = Callable[[bytes, bytes, bytes], bool]
"""Whether a proof (the last argument) is of this AK's and this EK's names."""
_NONCE_HINT = "this device's report was made for another request"


def activation_proof(key: bytes, ak_name: bytes, ek_name: bytes) -> bytes:
    """32 bytes that the keyholder seals to an EK for an AK, and knows again without keeping them.

    Only a TPM that has both keys gives them back (TPM 2.0 Library, Part 1, §24).
    """
    message = b"keyturn-tpm-activation-v1" + lp(ak_name) + lp(ek_name)
    return hmac.digest(key, message, "sha256")


def verify_tpm_part(
    request: ReleaseRequest,
    anchors: TrustAnchors,
    now: datetime,
    activated: Activated | None = None,
    cache: ChainCache | None = None,
) -> tuple[TpmClaims | None, list[Finding]]:
    """Whatever fails is a finding; claims are only of a quote of which nothing has failed.

    `activated` None: this verifier cannot judge an activation, so that none counts.
    """
    part, runtime = request.evidence.tpm, request.evidence.runtime
    if part is None:
        if runtime is not None:
            return None, [_paravisor_without_quote()]
        return None, [_ak_without_quote(request)] if request.keys.ak_name else []
    found = examine_tpm(
        replace(part.to_evidence(), runtime_data=runtime),
        anchors=anchors,
        now=now,
        expected_nonce=_nonce(request),
        cache=cache,
    )
    findings = [from_check(each, None, prefix="tpm: ") for each in found.checks]
    findings = [
        replace(each, hint=_NONCE_HINT) if each.reason == "nonce-mismatch" else each
        for each in findings
    ]
    findings.append(_named(found, request))
    simulated = False
    if part.ek is not None:
        by = (anchors, now, cache)
        simulated, of_ek = _vouched_by_ek(found, part.ek, by, activated)
        findings += of_ek
    findings.append(
        judged(
            "tpm: AK vouched for",
            bool(part.ak_chain) or part.ek is not None or runtime is not None,
            "ak-not-vouched-for",
            "neither",
            "a certificate of the AK, its activation by a certified EK, or a paravisor's report",
        )
    )
    if found.claims is None or any(each.failed for each in findings):
        return None, findings
    return replace(found.claims, simulated=found.claims.simulated or simulated), findings


def _nonce(request: ReleaseRequest) -> bytes:
    if request.evidence.runtime is None:
        return tpm_nonce(request.core)
    return paravisor_nonce(request.binding)


def _named(found: TpmExamination, request: ReleaseRequest) -> Finding:
    name = found.ak.name.hex() if found.ak is not None else "none that could be read"
    return judged(
        "tpm: AK of this request",
        name == request.keys.ak_name.hex(),
        "ak-mismatch",
        name,
        request.keys.ak_name.hex(),
        hint="the CPU's report names another TPM's key than the quote was made with",
    )


def _vouched_by_ek(
    found: TpmExamination,
    part: EkPart,
    by: tuple[TrustAnchors, datetime, ChainCache | None],
    activated: Activated | None,
) -> tuple[bool, list[Finding]]:
    """Whether the EK's issuer is simulated, and the checks of the EK."""
    try:
        ek = parse_endorsement_key(part.public)
        path = verify_ek_certificate(part.chain, ek.key.public_key, *by)
    except REFUSALS as refusal:
        return False, [_refused(refusal)]
    name = found.ak.name if found.ak is not None else b""
    proved = activated is not None and activated(name, ek.key.name, part.proof)
    return path.anchor.simulated, [
        met("tpm: EK certificate", f"until {path.ends.isoformat()}", "a TPM maker's"),
        judged(
            ACTIVATED,
            proved,
            "ak-not-activated",
            "another proof" if activated is not None else "not to be judged here",
            "the secret that this keyholder process sealed to the EK for the AK",
            hint="activate the AK again: the keyholder was started anew",
        ),
    ]


def _refused(refusal: MalformedEvidence | UntrustedEvidence) -> Finding:
    return not_met(
        "tpm: EK certificate",
        refusal.reason.value,
        refusal.found or refusal.message,
        refusal.expected or refusal.message,
        hint=refusal.hint or refusal.message,
    )


def _ak_without_quote(request: ReleaseRequest) -> Finding:
    return not_met(
        "tpm: AK of this request",
        "tpm-missing",
        request.keys.ak_name.hex(),
        "a quote by the AK that the core names, or no AK in it",
    )


def _paravisor_without_quote() -> Finding:
    return not_met(
        "tpm: quote of the paravisor's TPM",
        "tpm-missing",
        "none",
        "a quote by the AK that the paravisor's runtime data names, over this request",
        hint="where a paravisor owns the report, only its TPM's quote binds the request",
    )
