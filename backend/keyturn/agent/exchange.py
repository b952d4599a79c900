"""One release or renewal from a node's side: bind, ask, check, and only then open the DEK.

Source: our protocol §4, §5.2, §5.6. No I/O but the evidence source; every check is
`keyrelease.answer`'s.
"""

from dataclasses import dataclass
from datetime import datetime

from keyturn.agent.attester import EvidenceSource, TpmSource, collect
from keyturn.agent.keys import NodeKeys, ReleaseKey
from keyturn.agent.leaseparts import LeaseId
from keyturn.agent.service import Proof
from keyturn.base.encoding import Digest, digest_bytes
from keyturn.keyrelease.answer import CheckedAnswer, check_answer, open_dek
from keyturn.keyrelease.binding import NodeKeys as PublicKeys
from keyturn.keyrelease.binding import Purpose, compute_core
from keyturn.keyrelease.grant import RefusalDocument, ReleaseAnswer
from keyturn.keyrelease.request import (
    NodeClaims,
    ReleaseRequest,
    build_request,
    parse_request,
)
from keyturn.keyrelease.tpmevidence import ACTIVATED
from keyturn.quorum.bundle import Authority
from keyturn.quorum.policy_body import Caveat


@dataclass(frozen=True, slots=True)
class Identity:
    """What the node says of itself in its claims; `agent` is this software's version."""

    node: str
    agent: str
    model: Digest
    caveats: frozenset[Caveat]


@dataclass(frozen=True, slots=True, repr=False)
class Pending:
    """A request that was made, and the key to which its answer must be sealed."""

    request: ReleaseRequest
    release_key: ReleaseKey | None


@dataclass(frozen=True, slots=True, repr=False)
class Accepted:
    """An answer that passed every check. `dek` is there for a release; who takes it wipes it."""

    proof: Proof
    checked: CheckedAnswer
    dek: bytearray | None


def prepare(
    purpose: Purpose,
    challenge: bytes,
    lease: LeaseId | None,
    identity: Identity,
    keys: NodeKeys,
    source: EvidenceSource,
    tpm: TpmSource | None = None,
) -> Pending:
    """Bind keys and claims to the challenge and let the devices quote, a TPM where there is one.
    Blocks.

    Raises DeviceUnreachable, DeviceAnswerMalformed.
    """
    release_key = ReleaseKey() if purpose is Purpose.RELEASE else None
    public = PublicKeys(
        hpke=release_key.public if release_key else b"",
        rsa=keys.rsa_spki if release_key else b"",
        tls=keys.tls_spki,
        ak_name=tpm.ak_name() if tpm is not None else b"",
    )
    caveats = sorted(identity.caveats, key=lambda each: each.value)
    claims = NodeClaims.make(identity.node, identity.agent, lease, caveats)
    core = compute_core(purpose, challenge, digest_bytes(identity.model), public, claims.raw)
    evidence = collect(source, core, tpm)
    raw = build_request(purpose, challenge, identity.model, public, claims, evidence)
    return Pending(parse_request(raw), release_key)


def conclude(
    pending: Pending, answer: ReleaseAnswer, keys: NodeKeys, authority: Authority, now: datetime
) -> Accepted:
    """Believe an answer or not. Raises AnswerRejected, or the error of the part that is wrong."""
    checked = check_answer(answer, pending.request, authority, now)
    dek = None
    if pending.release_key is not None:
        dek = open_dek(checked, pending.release_key.private, keys.rsa)
    return Accepted(Proof(pending.request, answer, checked.grant), checked, dek)


def only_the_challenge(refusal: RefusalDocument) -> bool:
    """Whether nothing but the challenge, or a TPM's activation, was wrong: the keyholder restarted,
    or we were slow.

    Nothing was said about this node then, so a lease lives on to its end and may ask again.
    """
    void = ("challenge", ACTIVATED)
    return bool(refusal.reasons) and all(each.check in void for each in refusal.reasons)
