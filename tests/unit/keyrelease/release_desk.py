"""Releases in memory: a simulated node, an authority's log, and keys in place of an HSM.

What a keyholder does with `keyrelease`, step by step, so that tests can spoil each step.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache

from cryptography.hazmat.primitives import hashes, hpke
from cryptography.hazmat.primitives.asymmetric import ec, mlkem, padding, rsa, x25519
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import load_der_public_key

from keyturn.attest.chains import ChainCache
from keyturn.base.encoding import Digest, digest_of
from keyturn.base.signatures import load_verify_key
from keyturn.keyrelease.answer import HPKE_SUITE
from keyturn.keyrelease.challenge import make_challenge
from keyturn.keyrelease.decision import Approved, ChallengeStanding, Refused, decide
from keyturn.keyrelease.ear import EarClaims, ear_digest, make_ear
from keyturn.keyrelease.entries import GrantEntry, grant_entry
from keyturn.keyrelease.evidence import VerifiedEvidence, verify_evidence
from keyturn.keyrelease.grant import GrantBody, answer_document, make_grant
from keyturn.keyrelease.leases import Lease
from keyturn.keyrelease.request import ReleaseRequest, parse_request
from keyturn.keyrelease.results import submodules
from keyturn.policy.trust import anchors_in_force
from keyturn.quorum.bodies import OaepHash
from keyturn.quorum.bundle import Authority, load_bundle, make_bundle
from keyturn.quorum.kinds import Kind
from keyturn.tlog.checkpoints import Checkpoint, sign_checkpoint
from keyturn.tlog.merkle import Hash, leaf_hash, tree_root
from keyturn.tlog.receipts import Receipt
from keyturn_sim.node import SimNode
from keyturn_sim.vendors import SimVendors
from support.authority import policy_body
from support.hsmtoken import Model, make_model
from support.nodes import Node, NodeSecrets
from support.system import anchors_body, baseline_body
from unit.quorum.authority_log import AuthorityLog, admission, der, rsa_key
from unit.tlog.reference_tree import path

GOOD = ChallengeStanding.GOOD
FIRMWARE = bytes(range(48))
WORKLOAD = bytes(range(32))
MEASURED = {index: bytes([index]) * 48 for index in range(4)}
MLKEM_PUBLIC = 1184


@cache
def vendors() -> SimVendors:
    """Slow to make, so made once a process."""
    return SimVendors.create()


@cache
def simulated(gpus: int = 1, measurement: bytes = FIRMWARE) -> SimNode:
    made = tuple(vendors().issue_gpu(MEASURED) for _ in range(gpus))
    return SimNode.create(vendors(), measurement=measurement, host_data=WORKLOAD, gpus=made)


def digest_of_model(model: Model) -> Digest:
    return Digest("sha256:" + model.digest.hex())


@dataclass
class Granted:
    """A grant and everything that a keyholder made of it; the entry is not appended yet."""

    request: ReleaseRequest
    grant: GrantBody
    ear: str
    entry: GrantEntry
    time: datetime

    @property
    def leaf(self) -> bytes:
        return grant_entry(self.time, self.entry)


class Desk:
    """One model in force and one good node."""

    def __init__(self) -> None:
        self.log = AuthorityLog()
        self.clock = self.log.clock
        self.log.enact_keys()
        self.model = make_model()
        self.digest = digest_of_model(self.model)
        self.node = Node(simulated(), NodeSecrets(rsa_key=rsa_key(3072, 1)))
        self.cache = ChainCache()
        self.counter = 0
        self.log.enact(Kind.TRUST_ANCHORS, "trust-anchors", anchors_body(vendors()))
        self.log.enact(Kind.REFERENCE_VALUES, "firmware", baseline_body(self.node.sim))
        self.set_policy()
        self.admit(self.model)

    def set_policy(self, **changed: object) -> None:
        self.log.enact(Kind.POLICY, "serving", policy_body(**changed))

    def admit(self, model: Model) -> None:
        body = admission(digest_of_model(model), tag=model.tag.hex())
        self.log.enact(Kind.MODEL, digest_of_model(model), body)

    # ---- asking ----

    def challenge(self) -> bytes:
        """As a keyholder issues them, by the log's clock."""
        self.counter += 1
        return make_challenge(self.counter.to_bytes(16, "big"), self.clock(), bytes(32))

    def request(self, **options: object) -> ReleaseRequest:
        return parse_request(
            self.node.request(self.challenge(), self.digest, **options)  # type: ignore[arg-type]
        )

    def verified(self, request: ReleaseRequest) -> VerifiedEvidence:
        anchors, _ = anchors_in_force(self.log.state, self.clock())
        return verify_evidence(request, anchors, self.clock(), self.cache)

    def decided(
        self,
        request: ReleaseRequest,
        standing: ChallengeStanding = GOOD,
        lease: Lease | None = None,
    ) -> Approved | Refused:
        evidence = self.verified(request)
        return decide(request, evidence, self.log.state, standing, lease, self.clock())

    def reasons(self, request: ReleaseRequest | None = None, **options: object) -> list[str]:
        """Why a release is refused, in order; empty where it is approved."""
        asked = request or self.request(**options)
        decision = self.decided(asked)
        return [] if isinstance(decision, Approved) else [r.reason for r in decision.reasons]

    # ---- granting ----

    def granted(self, request: ReleaseRequest | None = None, lease: Lease | None = None) -> Granted:
        request = request or self.request()
        decision = self.decided(request, lease=lease)
        assert isinstance(decision, Approved), decision.reasons
        name = lease.id if lease else f"{self.counter:032x}"
        until = self.clock() + timedelta(seconds=decision.policy.lease_seconds)
        ear = self.signed_ear(self.claims(request, decision, name, until))
        grant = make_grant(
            purpose=request.purpose,
            lease=name,
            lease_seconds=decision.policy.lease_seconds,
            challenge=request.challenge,
            core=request.core,
            binding=request.binding,
            model=request.model,
            tag=decision.admission.tag,
            statements=decision.statements,
            ear=ear_digest(ear),
            oaep_hash=OaepHash.SHA256,
        )
        entry = GrantEntry(
            request.purpose,
            grant.digest,
            name,
            until,
            request.challenge,
            request.model,
            request.claims.node,
            decision.platform,
            digest_of(request.keys.tls),
            grant.core,
            request.digest,
            decision.statements,
            decision.caveats,
        )
        return Granted(request, grant, ear, entry, self.clock())

    def claims(
        self, request: ReleaseRequest, decision: Approved, lease: str, until: datetime
    ) -> EarClaims:
        evidence = self.verified(request)
        return EarClaims(
            issued=self.clock(),
            expires=until,
            challenge=request.challenge,
            lease=lease,
            model=request.model,
            tls=digest_of(request.keys.tls),
            prompt=digest_of(request.keys.prompt) if request.keys.prompt else None,
            caveats=decision.caveats,
            simulated=evidence.simulated,
            submodules=submodules(evidence, decision.policy_digest),
        )

    def signed_ear(self, claims: EarClaims) -> str:
        return sign_ear(claims, self.log.keys.result)

    def append(self, leaf: bytes) -> int:
        self.log.append(leaf)
        return len(self.log.leaves) - 1

    def receipt(self, index: int, leaf: bytes | None = None) -> Receipt:
        """Of the log's leaf at `index`, or of a forged one that the log's key signed for."""
        leaves = list(self.log.leaves)
        if leaf is not None:
            leaves[index] = leaf
        hashed = [leaf_hash(each) for each in leaves]
        key = self.log.keys.log
        checkpoint = Checkpoint(self.log.origin, len(leaves), tree_root(hashed))
        signed = sign_checkpoint(checkpoint, load_verify_key(der(key)), key.sign)
        return Receipt(
            index,
            leaves[index],
            tuple(Hash(each) for each in path(index, leaves)),
            signed.to_bytes(),
        )

    @property
    def authority(self) -> Authority:
        return load_bundle(make_bundle(self.log.state), self.log.fingerprint, self.clock())

    def sealed(self, granted: Granted, dek: bytes | None = None) -> bytes:
        """DEK → OAEP to the node's RSA key → HPKE to its hybrid key (our protocol §5.5)."""
        keys = granted.request.keys
        node = load_der_public_key(keys.rsa)
        assert isinstance(node, rsa.RSAPublicKey)
        oaep = padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None)
        wrapped = node.encrypt(self.model.dek if dek is None else dek, oaep)
        public = hpke.MLKEM768X25519PublicKey(
            mlkem.MLKEM768PublicKey.from_public_bytes(keys.hpke[:MLKEM_PUBLIC]),
            x25519.X25519PublicKey.from_public_bytes(keys.hpke[MLKEM_PUBLIC:]),
        )
        return HPKE_SUITE.encrypt(wrapped, public, granted.grant.hpke_info)

    def document(self, granted: Granted, sealed: bytes | None = None) -> dict[str, object]:
        """The answer of an honest keyholder, entry appended."""
        index = self.append(granted.leaf)
        receipt = self.receipt(index).to_bytes()
        return answer_document(granted.grant, sealed, granted.ear, receipt)

    def lease(self, granted: Granted, index: int = 0) -> Lease:
        entry = granted.entry
        return Lease(
            entry.lease, entry.model, entry.node, entry.platform, entry.tls, index, entry.until
        )


def sign_ear(claims: EarClaims, key: ec.EllipticCurvePrivateKey) -> str:
    def sign(message: bytes) -> bytes:
        r, s = decode_dss_signature(key.sign(message, ec.ECDSA(hashes.SHA256())))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")

    return make_ear(claims, "keyturn test", load_verify_key(der(key)), sign)
