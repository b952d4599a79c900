"""Challenges and releases: verify, decide, log, and only then ask the HSM (I2, our protocol §5).

The order of one release: challenge spent → evidence verified → decided against the state in
force → EAR signed, grant written → entry queued in the same order that it was decided in →
entry durable → HSM unwraps, checks the tag, wraps to the attested RSA key → HPKE.
"""

import logging
import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hpke, serialization
from cryptography.hazmat.primitives.asymmetric import ec, mlkem, x25519

from keyturn.attest.anchors import TrustAnchors
from keyturn.attest.chains import ChainCache
from keyturn.base.encoding import digest_bytes, digest_of, sha256
from keyturn.base.errors import KeyturnError
from keyturn.base.signatures import VerifyKey, load_verify_key
from keyturn.hsm.errors import KeyBindingError, WrappedKeyError
from keyturn.hsm.protocol import Hsm, ReleaseOrder
from keyturn.hsm.protocol import Purpose as KeyPurpose
from keyturn.hsm.publickeys import parse_node_key
from keyturn.keyholder.activations import Activations
from keyturn.keyholder.allowance import RefusalAllowance
from keyturn.keyholder.collateral import KeptCollateral
from keyturn.keyholder.cosignatures import Cosignatures
from keyturn.keyholder.errors import AuthorityUnsettled
from keyturn.keyholder.journal import Journal, Queued
from keyturn.keyholder.logdisk_errors import LogFull
from keyturn.keyrelease.answer import HPKE_SUITE
from keyturn.keyrelease.binding import NodeKeys, Purpose
from keyturn.keyrelease.challenge import (
    BOOT_KEY_SIZE,
    RANDOM_SIZE,
    VALID,
    SpentChallenges,
    is_genuine,
    is_live,
    make_challenge,
)
from keyturn.keyrelease.collateral import CollateralSet
from keyturn.keyrelease.decision import Approved, ChallengeStanding, Refused, decide
from keyturn.keyrelease.ear import EarClaims, ear_digest, make_ear
from keyturn.keyrelease.entries import GrantEntry, RefusalEntry, grant_entry, refusal_entry
from keyturn.keyrelease.errors import MalformedRequest
from keyturn.keyrelease.evidence import VerifiedEvidence, verify_evidence
from keyturn.keyrelease.grant import (
    GrantBody,
    RefusalDocument,
    RefusalReason,
    answer_document,
    make_grant,
)
from keyturn.keyrelease.request import ReleaseRequest, parse_request
from keyturn.keyrelease.results import submodules
from keyturn.keyrelease.witnessing import asked_for
from keyturn.policy.findings import not_met
from keyturn.policy.trust import AnchorsInForce
from keyturn.quorum.bodies import OaepHash
from keyturn.quorum.policy_body import Caveat
from keyturn.quorum.state import AuthorityState

logger = logging.getLogger(__name__)

_MLKEM_PUBLIC = 1184
_TRIES = 8  # decisions until one's state is still in force when it is queued


@dataclass(frozen=True, slots=True)
class Outcome:
    """What goes back: a release answer or a refusal, and its log index if there is one."""

    granted: bool
    answer: dict[str, object]
    index: int | None


@dataclass(frozen=True, slots=True)
class _Decided:
    """A written grant and the state that it was decided in."""

    approved: Approved
    grant: GrantBody
    ear: str
    entry: GrantEntry
    state: AuthorityState
    now: datetime


@dataclass(frozen=True, slots=True)
class _Logged:
    decided: _Decided
    queued: Queued


class Releases:
    """The release path of one keyholder process. Safe for many threads."""

    def __init__(
        self,
        journal: Journal,
        hsm: Hsm,
        software: str,
        cosignatures: Cosignatures,
        randomness: Callable[[int], bytes] = secrets.token_bytes,
        caveats: frozenset[Caveat] = frozenset(),
        *,
        collateral: KeptCollateral,
    ) -> None:
        """`caveats`: what this keyholder's own process cannot promise (I11)."""
        self._collateral = collateral
        self._caveats = caveats
        self._cosignatures = cosignatures
        self._journal = journal
        self._hsm = hsm
        self._software = software
        self._randomness = randomness
        self._boot_key = randomness(BOOT_KEY_SIZE)
        self.activations = Activations(journal, randomness)
        self._spent = SpentChallenges()
        self._spending = threading.Lock()
        self._cache = ChainCache()
        self._anchors = AnchorsInForce()
        keys = hsm.public_keys()
        self._result_key: VerifyKey = load_verify_key(keys[KeyPurpose.RESULT].spki)
        oaep = keys[KeyPurpose.INGEST].oaep_hash
        if oaep is None:
            raise MalformedRequest("the HSM proved no OAEP hash")
        self._oaep = OaepHash(oaep.value)
        self._counting = threading.Lock()
        self._minute: datetime | None = None
        self._unlogged_this_minute = 0
        self.unlogged_refusals = 0
        self._allowance = RefusalAllowance()

    def challenge(self) -> tuple[bytes, int]:
        """A fresh challenge and for how many seconds it is good."""
        self._journal.check_alive()
        now = self._journal.now()
        fresh = make_challenge(self._randomness(RANDOM_SIZE), now, self._boot_key)
        return fresh, int(VALID.total_seconds())

    def release(self, raw: bytes, wrapped: bytes | None) -> Outcome:
        """Answer one release request. `wrapped`: the inventory's wrapped DEK, believed by nobody.

        Raises MalformedError on a request that cannot be read, and what log and HSM raise.
        """
        self._journal.check_alive()
        request = parse_request(raw)
        hpke_key = _check_keys(request.keys, request.purpose)
        now = self._journal.now()
        standing = self._spend(request.challenge, now)
        if standing is not ChallengeStanding.GOOD:
            return self._refuse_unlogged(request, standing)
        evidence, decided = self._decide(request, standing, wrapped)
        if isinstance(decided, Refused):
            return self._refuse(request, evidence, decided)
        return self._grant(request, decided, wrapped, hpke_key)

    def _spend(self, challenge: bytes, now: datetime) -> ChallengeStanding:
        if not is_genuine(challenge, self._boot_key):
            return ChallengeStanding.FORGED
        if not is_live(challenge, now):
            return ChallengeStanding.STALE
        with self._spending:
            fresh = self._spent.spend(challenge, now)
        return ChallengeStanding.GOOD if fresh else ChallengeStanding.SPENT

    def _decide(
        self, request: ReleaseRequest, standing: ChallengeStanding, wrapped: bytes | None
    ) -> tuple[VerifiedEvidence, _Logged | Refused]:
        """Verify, decide, write the grant, and queue its entry behind the very state and anchors
        that it was decided under. Raises AuthorityUnsettled."""
        journal = self._journal
        anchors: TrustAnchors | None = None
        collateral = self._collateral.current
        for _ in range(_TRIES):
            state, now = journal.state, journal.now()
            in_force = self._anchors.at(state, now)
            kept = self._collateral.current
            if in_force != anchors or kept is not collateral:  # costs milliseconds, the rest none
                anchors, collateral = in_force, kept
                evidence = self._verified(request, anchors, collateral, now)
            lease = journal.live_lease(request.claims.lease, now)
            witnessed = self._cosignatures.witnessed()
            decision = decide(
                request, evidence, state, standing, lease, now, self._caveats, witnessed
            )
            if isinstance(decision, Refused):
                return evidence, decision
            if wrapped is None and request.purpose is Purpose.RELEASE:
                return evidence, _no_wrapped_dek(decision)
            decided = self._write(request, evidence, decision, state, now)
            leaf = grant_entry(now, decided.entry)
            with journal.ordered():
                current = journal.state
                in_order = current.last_time is None or current.last_time <= now
                settled = current.by_digest is state.by_digest
                if in_order and settled and self._collateral.current is collateral:
                    if state.roster is not None:
                        more = decision.policy.witnesses
                        self._cosignatures.rely(asked_for(state.roster.witnesses, more), now)
                    queued = journal.queue_grant(leaf, decided.entry)
                    return evidence, _Logged(decided, queued)
        raise AuthorityUnsettled("the authority changes faster than a decision can be made")

    def _verified(
        self,
        request: ReleaseRequest,
        anchors: TrustAnchors,
        collateral: CollateralSet,
        now: datetime,
    ) -> VerifiedEvidence:
        """Evidence that a reader has an unforeseen fault with is not genuine: nothing has been
        decided or logged yet, so the fault harms nobody but who sent it."""
        try:
            return verify_evidence(
                request, anchors, now, self._cache, self.activations.holds, collateral
            )
        except KeyturnError:
            raise
        except Exception as error:  # attackers write evidence: no input may stop the process
            logger.exception("a fault while evidence was read: the request is refused")
            finding = not_met(
                "evidence",
                "evidence-unreadable",
                type(error).__name__,
                "evidence that can be read",
                hint="the keyholder's own log tells more",
            )
            return VerifiedEvidence(None, (), (finding,))

    def _write(
        self,
        request: ReleaseRequest,
        evidence: VerifiedEvidence,
        approved: Approved,
        state: AuthorityState,
        now: datetime,
    ) -> _Decided:
        lease = approved.lease.id if approved.lease else self._randomness(16).hex()
        until = now + timedelta(seconds=approved.policy.lease_seconds)
        claims = EarClaims(
            issued=now,
            expires=until,
            challenge=request.challenge,
            lease=lease,
            model=request.model,
            tls=digest_of(request.keys.tls),
            prompt=digest_of(request.keys.prompt) if request.keys.prompt else None,
            caveats=approved.caveats,
            simulated=Caveat.SIMULATED.value in approved.caveats,
            submodules=submodules(evidence, approved.policy_digest, tpm=approved.policy.tpm),
        )
        ear = make_ear(claims, self._software, self._result_key, self._hsm.sign_result)
        grant = make_grant(
            purpose=request.purpose,
            lease=lease,
            lease_seconds=approved.policy.lease_seconds,
            challenge=request.challenge,
            core=request.core,
            binding=request.binding,
            model=request.model,
            tag=approved.admission.tag,
            statements=approved.statements,
            ear=ear_digest(ear),
            oaep_hash=self._oaep,
        )
        entry = GrantEntry(
            request.purpose,
            grant.digest,
            lease,
            until,
            request.challenge,
            request.model,
            request.claims.node,
            approved.platform,
            digest_of(request.keys.tls),
            grant.core,
            request.digest,
            approved.statements,
            approved.caveats,
        )
        return _Decided(approved, grant, ear, entry, state, now)

    def _grant(
        self,
        request: ReleaseRequest,
        logged: _Logged,
        wrapped: bytes | None,
        hpke_key: hpke.MLKEM768X25519PublicKey | None,
    ) -> Outcome:
        decided = logged.decided
        try:
            committed = self._journal.wait(logged.queued)
        except LogFull:
            self._journal.retract_lease(decided.entry)
            raise
        sealed: bytes | None = None
        if hpke_key is not None and wrapped is not None:
            order = ReleaseOrder(
                digest_bytes(request.model),
                decided.grant.tag,
                request.keys.rsa,
                committed.index,
                sha256(logged.queued.leaf),
            )
            try:
                released = self._hsm.release(wrapped, order)
            except (KeyBindingError, WrappedKeyError) as error:
                return self._refuse_wrapped(request, decided, error)
            sealed = HPKE_SUITE.encrypt(released.ciphertext, hpke_key, decided.grant.hpke_info)
        self._journal.enter_lease(committed.index, decided.entry)
        receipt = self._journal.receipt(committed.index)
        answer = answer_document(decided.grant, sealed, decided.ear, receipt.to_bytes())
        return Outcome(True, answer, committed.index)

    def _refuse_wrapped(
        self, request: ReleaseRequest, decided: _Decided, error: KeyBindingError | WrappedKeyError
    ) -> Outcome:
        """The grant is logged, but the inventory's blob is not this model's key: log that too."""
        binding = isinstance(error, KeyBindingError)
        reason = RefusalReason(
            "wrapped DEK",
            "wrapped-dek-of-another-model" if binding else "wrapped-dek-does-not-open",
            error.message,
            "the DEK that the admission statement's tag verifies under",
            decided.approved.admission_digest,
            "the inventory's row was changed: admit the model again from its keyturn.key",
        )
        refused = Refused((reason,), (), decided.approved.platform)
        return self._log_refusal(request, refused)

    def _refuse(
        self, request: ReleaseRequest, evidence: VerifiedEvidence, refused: Refused
    ) -> Outcome:
        """Vendor-signed evidence over a live challenge is logged; junk is only counted, and so
        is what would fill the log.

        The CPU's report is bound to the challenge and to every device's evidence, good or not.
        """
        if evidence.cpu is not None and self._may_log(refused.platform):
            try:
                return self._log_refusal(request, refused, sparing=True)
            except LogFull as error:
                logger.info("a refusal is not logged: %s", error)
        self._count_unlogged()
        return Outcome(False, _refusal(request, refused.reasons, logged=False), None)

    def _may_log(self, platform: str) -> bool:
        with self._counting:
            return self._allowance.spend(platform, self._journal.now())

    def _count_unlogged(self) -> None:
        """Junk is counted, and told of once a minute, so that it can fill no log."""
        with self._counting:
            self.unlogged_refusals += 1
            minute = self._journal.now().replace(second=0)
            self._unlogged_this_minute += 1
            if minute != self._minute:
                logger.warning(
                    "%d requests refused unlogged since the last such line",
                    self._unlogged_this_minute,
                )
                self._minute, self._unlogged_this_minute = minute, 0

    def _log_refusal(
        self, request: ReleaseRequest, refused: Refused, *, sparing: bool = False
    ) -> Outcome:
        """`sparing`: only where the disk has more room than grants need. Raises LogFull."""
        entry = RefusalEntry(
            request.purpose,
            request.challenge,
            request.model,
            request.claims.node,
            refused.platform,
            request.digest,
            tuple(sorted({each.reason for each in refused.reasons})),
        )
        with self._journal.ordered():
            leaf = refusal_entry(self._journal.now(), entry)
            if sparing and not self._journal.refusals_fit(leaf):
                raise LogFull("the log's disk has no room for refusals")
            queued = self._journal.queue(leaf)
        committed = self._journal.wait(queued)
        return Outcome(False, _refusal(request, refused.reasons, logged=True), committed.index)

    def _refuse_unlogged(self, request: ReleaseRequest, standing: ChallengeStanding) -> Outcome:
        self._count_unlogged()
        reason = RefusalReason(
            "challenge",
            f"challenge-{standing.name.lower()}",
            standing.value,
            ChallengeStanding.GOOD.value,
            None,
            "ask for a fresh challenge",
        )
        return Outcome(False, _refusal(request, (reason,), logged=False), None)


def _refusal(
    request: ReleaseRequest, reasons: tuple[RefusalReason, ...], *, logged: bool
) -> dict[str, object]:
    document = RefusalDocument(request.purpose, request.challenge, request.model, reasons, logged)
    return document.to_document()


def _no_wrapped_dek(approved: Approved) -> Refused:
    reason = RefusalReason(
        "wrapped DEK",
        "no-wrapped-dek",
        "the inventory holds none",
        "the DEK wrapped at admission",
        approved.admission_digest,
        "admit the model again from its keyturn.key",
    )
    return Refused((reason,), approved.findings, approved.platform)


def _check_keys(keys: NodeKeys, purpose: Purpose) -> hpke.MLKEM768X25519PublicKey | None:
    """Read the keys before anything is decided. Raises MalformedRequest, HsmRequestError."""
    try:
        tls = serialization.load_der_public_key(keys.tls)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise MalformedRequest("the TLS key is not a public key") from error
    if not isinstance(tls, ec.EllipticCurvePublicKey) or not isinstance(tls.curve, ec.SECP256R1):
        raise MalformedRequest("the TLS key is of another kind", expected="ECDSA P-256")
    if purpose is Purpose.RENEWAL:
        return None
    parse_node_key(keys.rsa)
    try:
        public = x25519.X25519PublicKey.from_public_bytes(keys.hpke[_MLKEM_PUBLIC:])
        x25519.X25519PrivateKey.generate().exchange(public)  # refuses points of small order
        return hpke.MLKEM768X25519PublicKey(
            mlkem.MLKEM768PublicKey.from_public_bytes(keys.hpke[:_MLKEM_PUBLIC]), public
        )
    except ValueError as error:
        raise MalformedRequest("the HPKE key is not a public key") from error
