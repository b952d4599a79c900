"""A request that the log names, verified again by whoever was not asked (our protocol §7.5.1).

The same code as the keyholder's, at the time of the entry. What only the keyholder can know is
*not measured here*: that the challenge was its own, and that a TPM's AK was activated (§4.6).
Neither is a fault; the entry vouches for it.
"""

from dataclasses import dataclass, replace
from datetime import datetime

from keyturn.attest.anchors import TrustAnchors
from keyturn.attest.chains import ChainCache
from keyturn.attest.checks import Outcome
from keyturn.base.encoding import Digest, digest_of
from keyturn.base.errors import MalformedError
from keyturn.keyrelease.binding import Purpose
from keyturn.keyrelease.challenge import issued_at
from keyturn.keyrelease.collateral import NOTHING_KEPT, CollateralSet
from keyturn.keyrelease.decision import ChallengeStanding, caveats_of, caveats_owed, shown_by
from keyturn.keyrelease.entries import GrantEntry, RefusalEntry
from keyturn.keyrelease.errors import OtherEvidence
from keyturn.keyrelease.evidence import VerifiedEvidence, verify_evidence
from keyturn.keyrelease.request import ReleaseRequest, parse_request
from keyturn.keyrelease.tpmevidence import ACTIVATED
from keyturn.policy.findings import Finding, met, not_met
from keyturn.policy.observed import Observed
from keyturn.policy.shown import platform_of
from keyturn.quorum.policy_body import Caveat
from keyturn.quorum.state import AuthorityState

EVIDENCE = "evidence"
"""The check that a request is the one that the entry names."""
CHALLENGE = "challenge"
VOUCHED = "vouched for by the log entry: only the keyholder process that issued it can tell"
NOT_HERE = "not measured here: only the keyholder can tell"
NOT_AT_HAND = "not measured here: the collateral of that moment is not at hand"
OF_COLLATERAL = frozenset(
    {
        "collateral-missing",
        "collateral-too-old",
        "collateral-expired",
        "collateral-not-yet-valid",
        "collateral-mismatch",
        "collateral-below-minimum-evaluation-number",
        "crl-not-current",
        "ocsp-not-current",
        "ocsp-incomplete",
    }
)
"""Reasons that other collateral than the keyholder had can have alone: no lie of anybody's."""
MISSING = "evidence-missing"
MISMATCH = "evidence-mismatch"


@dataclass(frozen=True, slots=True)
class Logged:
    """One grant or refusal with its place in the log and the log's time."""

    index: int
    time: datetime
    entry: GrantEntry | RefusalEntry


def observe(
    raw: bytes,
    logged: Logged,
    *,
    anchors: TrustAnchors,
    state: AuthorityState,
    cache: ChainCache | None = None,
    collateral: CollateralSet = NOTHING_KEPT,
    as_of: datetime | None = None,
) -> Observed:
    """What a node showed for an entry. Never raises: what is wrong is a finding.

    `as_of`: when the collateral was at hand; see `verify_at`.
    `state` names the authority's own caveats; no statement's rule is applied. Reasons that an
    `evidence` finding can have: MISMATCH, and MISSING by `unseen`.
    """
    try:
        request = request_of(raw, logged.entry)
        evidence = verify_at(
            request, anchors, logged.time, cache or ChainCache(), collateral, as_of
        )
        check_platform(evidence, logged.entry)
    except OtherEvidence as error:
        return _nothing(
            logged,
            state,
            not_met(EVIDENCE, MISMATCH, error.found or error.message, error.expected),
        )
    named = met(EVIDENCE, request.digest, f"the request that log entry {logged.index} names")
    cpu = evidence.cpu
    return Observed(
        node=logged.entry.node,
        model=logged.entry.model,
        platform=logged.entry.platform,
        evidence=request.digest,
        time=logged.time,
        shown=None
        if cpu is None
        else shown_by(request, evidence, cpu, issued_at(request.challenge)),
        findings=(named, unmeasured_challenge(), *evidence.findings),
        caveats=caveats_of(request, evidence, state, logged.time) | _said(logged.entry),
    )


def unseen(logged: Logged, state: AuthorityState) -> Observed:
    """Of a node whose request nobody has any more, or nobody gives."""
    return _nothing(
        logged,
        state,
        Finding(
            EVIDENCE,
            Outcome.NOT_MEASURED,
            "not kept by the server",
            f"the request {logged.entry.evidence}",
            None,
            MISSING,
            "it comes with the node's next release or renewal",
        ),
    )


def request_of(raw: bytes, entry: GrantEntry | RefusalEntry) -> ReleaseRequest:
    """The request that the entry is about. Raises OtherEvidence when it is of another one."""
    if digest_of(raw) != entry.evidence:
        raise OtherEvidence(
            "the evidence is another one", found=digest_of(raw), expected=entry.evidence
        )
    try:
        request = parse_request(raw)
    except MalformedError as error:
        raise OtherEvidence(
            f"the evidence is no request: {error.message}",
            found=error.found,
            expected=error.expected,
        ) from error
    for what, found, expected in _said_twice(request, entry):
        if found != expected:
            raise OtherEvidence(
                f"the evidence is of another {what}", found=found, expected=expected
            )
    return request


def verify_again(
    request: ReleaseRequest,
    anchors: TrustAnchors,
    now: datetime,
    cache: ChainCache,
    collateral: CollateralSet = NOTHING_KEPT,
) -> VerifiedEvidence:
    """As the keyholder verified it; a TPM's activation, which is its secret's matter, is taken
    as said and told as *not measured*.

    A refusal for a failed activation is therefore found by its entry alone.
    """
    found = verify_evidence(request, anchors, now, cache, lambda *_: True, collateral)
    return replace(found, findings=tuple(_measured_here(each) for each in found.findings))


def verify_at(
    request: ReleaseRequest,
    anchors: TrustAnchors,
    time: datetime,
    cache: ChainCache,
    collateral: CollateralSet,
    as_of: datetime | None,
) -> VerifiedEvidence:
    """As of an entry's time; where only collateral is in the way, as of when that was at hand.

    Vendors' documents do not count before they were issued, and those of back then are gone.
    """
    found = verify_again(request, anchors, time, cache, collateral)
    failed = {each.reason for each in found.findings if each.failed}
    if as_of is None or as_of <= time or not failed or not failed <= OF_COLLATERAL:
        return found
    later = verify_again(request, anchors, as_of, cache, collateral)
    return later if later.genuine else found


def check_platform(evidence: VerifiedEvidence, entry: GrantEntry | RefusalEntry) -> None:
    """Raises OtherEvidence where the evidence is genuine and of another platform."""
    if evidence.cpu is None:
        return
    found = platform_of(evidence.cpu)
    if found != entry.platform:
        raise OtherEvidence(
            "the evidence is of another platform", found=found, expected=entry.platform
        )


def unmeasured_collateral(finding: Finding) -> Finding:
    """A check that fails for want of the collateral that the keyholder had; any other as it is."""
    if finding.reason not in OF_COLLATERAL:
        return finding
    return Finding(finding.check, Outcome.NOT_MEASURED, NOT_AT_HAND, finding.expected, None)


def unmeasured_challenge() -> Finding:
    return Finding(CHALLENGE, Outcome.NOT_MEASURED, VOUCHED, ChallengeStanding.GOOD.value, None)


def _measured_here(finding: Finding) -> Finding:
    if finding.check != ACTIVATED:
        return finding
    return Finding(ACTIVATED, Outcome.NOT_MEASURED, NOT_HERE, finding.expected, None)


def _said_twice(
    request: ReleaseRequest, entry: GrantEntry | RefusalEntry
) -> list[tuple[str, str, str]]:
    """What both say: name, in the request, in the entry."""
    said: list[tuple[str, str, str]] = [
        ("purpose", request.purpose.value, entry.purpose.value),
        ("challenge", request.challenge.hex(), entry.challenge.hex()),
        ("model", request.model, entry.model),
        ("node", request.claims.node, entry.node),
    ]
    if isinstance(entry, GrantEntry):
        said += [
            ("core", request.core.hex(), entry.core.hex()),
            ("TLS key", digest_of(request.keys.tls), entry.tls),
        ]
        if entry.purpose is Purpose.RENEWAL:
            said.append(("lease", request.claims.lease or "none", entry.lease))
    return said


def _said(entry: GrantEntry | RefusalEntry) -> frozenset[Caveat]:
    """A grant names those of the keyholder's own process, which nobody else knows."""
    known = {each.value: each for each in Caveat}
    named = entry.caveats if isinstance(entry, GrantEntry) else ()
    return frozenset(known[each] for each in named if each in known)


def _nothing(logged: Logged, state: AuthorityState, why: Finding) -> Observed:
    entry = logged.entry
    kept: Digest | None = entry.evidence if why.reason != MISSING else None
    return Observed(
        node=entry.node,
        model=entry.model,
        platform=entry.platform,
        evidence=kept,
        time=logged.time,
        shown=None,
        findings=(why,),
        caveats=caveats_owed(state, logged.time) | _said(entry),
    )
