"""An authority and its log in memory: what a keyholder keeps, without its disk and its HSM."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import cache

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from keyturn.base.encoding import Digest, b64, digest_of
from keyturn.base.errors import UnreachableError
from keyturn.base.signatures import key_id_of, load_verify_key
from keyturn.base.times import format_time
from keyturn.keyrelease.continuation import previous_check
from keyturn.quorum.approvals import parse_approval
from keyturn.quorum.entries import (
    DecisionEntry,
    StatementEntry,
    decision_entry,
    origin_entry,
    statement_entry,
)
from keyturn.quorum.errors import SubmissionReason, SubmissionRefused
from keyturn.quorum.kinds import Kind
from keyturn.quorum.state import AuthorityState, InForce
from keyturn.quorum.statements import parse_statement
from keyturn.tlog.checkpoints import Checkpoint, SignedCheckpoint, sign_checkpoint
from keyturn.tlog.merkle import Hash, leaf_hash, tree_root
from support.authority import START, Authority, Clock, Proposal, spki

ORIGIN = "unit.example/log"
PUBLIC = serialization.PublicFormat.SubjectPublicKeyInfo
_FIXED = {Kind.ROSTER: "roster", Kind.KEYS: "keys"}


def der(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey) -> bytes:
    """The SPKI of a private key's public half."""
    return key.public_key().public_bytes(serialization.Encoding.DER, PUBLIC)


@cache
def rsa_key(bits: int = 3072, place: int = 0) -> rsa.RSAPrivateKey:
    """Slow to make, so made once a process; another `place` is another key."""
    return rsa.generate_private_key(65537, bits)


class KeyholderKeys:
    """The keys that an HSM would hold."""

    def __init__(self) -> None:
        self.ingest = rsa_key()
        self.log = ed25519.Ed25519PrivateKey.generate()
        self.result = ec.generate_private_key(ec.SECP256R1())

    def body(self, **changed: object) -> dict[str, object]:
        keys = [
            key_entry("ingest", "rsa-3072", der(self.ingest), "sha256"),
            key_entry("log", "ed25519", der(self.log)),
            key_entry("result", "p256", der(self.result)),
        ]
        return {"origin": ORIGIN, "assurance": "hardware", "keys": keys, **changed}


def key_entry(
    purpose: str, algorithm: str, spki: bytes, oaep_hash: str | None = None
) -> dict[str, object]:
    return {
        "purpose": purpose,
        "algorithm": algorithm,
        "spki": b64(spki),
        "oaep_hash": oaep_hash,
    }


class AuthorityLog:
    """Genesis with one roster; statements come into force as a keyholder would enter them.

    `like` another: founded by the same officers with the same keys, another day.
    """

    def __init__(
        self,
        *,
        simulation: bool = True,
        cast: Mapping[str, Sequence[str]] | None = None,
        like: "AuthorityLog | None" = None,
        **roster: object,
    ) -> None:
        self.clock = Clock()
        self.authority = Authority(self.clock, simulation=simulation)
        for name, roles in (cast or {}).items():
            self.authority.people[name].roles = tuple(roles)
        if like is not None:
            self.authority.people = like.authority.people
            self.clock.advance(seconds=1)
        self.keys = KeyholderKeys()
        self.origin = ORIGIN
        self.leaves: list[bytes] = []
        self.objects: dict[Digest, bytes] = {}
        first = self.authority.approved(Kind.ROSTER, "roster", self.authority.roster_body(**roster))
        self.fingerprint = first.digest
        self.state = AuthorityState(self.fingerprint)
        self.append(origin_entry(self.clock(), self.fingerprint))
        self.submit(first)

    def read(self, digest: Digest) -> bytes:
        if digest not in self.objects:
            raise UnreachableError("no such object", found=digest)
        return self.objects[digest]

    def put(self, raw: bytes) -> Digest:
        self.objects[digest_of(raw)] = raw
        return digest_of(raw)

    def append(self, leaf: bytes) -> None:
        """Raises LogInconsistent, and then nothing was appended."""
        self.state = self.state.apply(leaf, self.read, previous_check(self.root))
        self.leaves.append(leaf)

    def root(self, size: int) -> Hash:
        return tree_root(map(leaf_hash, self.leaves[:size]))

    def checkpoint(self, size: int | None = None, **changed: object) -> SignedCheckpoint:
        """By the log key, over the first entries, all of them by default; or a forged one."""
        size = len(self.leaves) if size is None else size
        signer = changed.pop("signer", self.keys.log)
        assert isinstance(signer, ed25519.Ed25519PrivateKey)
        claim = Checkpoint(self.origin, size, self.root(size))
        claim = replace(claim, **changed)  # type: ignore[arg-type]
        return sign_checkpoint(claim, load_verify_key(der(signer)), signer.sign)

    def origin_leaf(self, previous: SignedCheckpoint | None = None) -> bytes:
        """The entry by which the log goes on under another key, or a forged one."""
        note = previous or self.checkpoint()
        return origin_entry(self.clock(), self.fingerprint, note.to_bytes().decode())

    def new_keys(self, **changed: object) -> Proposal:
        """Of a new token, with their quorum; `keys` and `origin` are the new ones from here on."""
        self.keys, self.origin = KeyholderKeys(), f"second.{self.origin}"
        return self.authority.approved(
            Kind.KEYS, "keys", self.keys.body(**{"origin": self.origin, **changed})
        )

    def go_on(self) -> InForce:
        """As a keyholder with a new token would."""
        self.append(self.origin_leaf())
        return self.submit(self.new_keys())

    def leaf(self, proposal: Proposal, **changed: object) -> bytes:
        """The entry that a keyholder would write for a statement, or a forged one."""
        statement = parse_statement(proposal.raw)
        envelopes = tuple(self.put(each) for each in (proposal.raw, *proposal.approvals))
        entry = StatementEntry(
            statement.digest, statement.kind, statement.subject, statement.version, envelopes
        )
        return statement_entry(self.clock(), replace(entry, **changed))  # type: ignore[arg-type]

    def decision_leaf(self, raw: bytes, approval: bytes, **changed: object) -> bytes:
        """The entry that a keyholder would write for a decision, or a forged one."""
        said = parse_approval(approval)
        envelopes = (self.put(raw), self.put(approval))
        entry = DecisionEntry(said.statement, said.officer, said.decision, envelopes)
        return decision_entry(self.clock(), replace(entry, **changed))  # type: ignore[arg-type]

    def record(self, proposal: Proposal, approval: bytes) -> None:
        """Raises LogInconsistent, and then nothing was recorded."""
        self.append(self.decision_leaf(proposal.raw, approval))

    def submit(self, proposal: Proposal) -> InForce:
        statement = parse_statement(proposal.raw)
        self.append(self.leaf(proposal))
        self.authority.entered(statement.kind, statement.subject, proposal)
        return self.state.by_digest[statement.digest]

    def enact(
        self, kind: Kind, subject: str, body: dict[str, object], **options: object
    ) -> InForce:
        return self.submit(self.authority.approved(kind, subject, body, **options))

    def enact_keys(self) -> InForce:
        return self.enact(Kind.KEYS, "keys", self.keys.body())

    def removal(
        self, *names: str, compromised: Sequence[str] = (), by: str = "ada", **changed: object
    ) -> dict[str, object]:
        """A roster's body without these officers, some for compromise; `by` stays to propose."""
        people = self.authority.people
        entries = [person.entry() for name, person in people.items() if name not in names]
        lost = [key_id_of(spki(key)) for name in compromised for key in people[name].keys]
        return self.authority.roster_body(officers=entries, compromised=lost, **changed)

    def remove(self, *names: str, approvers: Sequence[str], **options: object) -> InForce:
        """A roster without these officers, in force by these approvers."""
        body = self.removal(*names, **options)  # type: ignore[arg-type]
        return self.submit(self.proposed(Kind.ROSTER, "roster", body, *approvers))

    def revoke(self, target_kind: str, target: str) -> InForce:
        body: dict[str, object] = {"target_kind": target_kind, "target": target}
        return self.enact(Kind.REVOCATION, f"{target_kind}:{target}", body)

    def judged(self, proposal: Proposal) -> frozenset[str]:
        """Who approved. Raises SubmissionRefused; the state stays as it is."""
        statement = parse_statement(proposal.raw)
        approvals = [parse_approval(each) for each in proposal.approvals]
        return frozenset(self.state.submit(statement, approvals, self.clock()))

    def refusal(self, proposal: Proposal) -> SubmissionReason | None:
        """Why a submission is refused; None when it would come into force."""
        try:
            self.judged(proposal)
        except SubmissionRefused as refused:
            return refused.reason
        return None

    def proposed(
        self, kind: Kind, subject: str, body: dict[str, object], *approvers: str, **options: object
    ) -> Proposal:
        """Proposed by Ada (or `by`), approved by exactly these officers."""
        made = self.authority.propose(kind, subject, body, **options)  # type: ignore[arg-type]
        made.approvals += [self.authority.approval(made.digest, name) for name in approvers]
        return made


def platforms(*ids: str) -> dict[str, object]:
    return {"platforms": [{"id": each, "site": "Berlin", "note": ""} for each in ids]}


def ceremony(**changed: object) -> dict[str, object]:
    """Ada runs a backup with Bela and Chen, Emil looks on; for the day after START."""
    body: dict[str, object] = {
        "ceremony": "backup",
        "script": f"sha256:{'5c' * 32}",
        "token": "a1b2c3d4",
        "participants": {
            "administrator": "ada",
            "custodians": ["bela", "chen"],
            "witness": "emil",
            "scribe": None,
        },
        "concerns": ["7e" * 32],
        "not_before": format_time(START + timedelta(days=1)),
        "not_after": format_time(START + timedelta(days=2)),
    }
    return {**body, **changed}


def restore(**changed: object) -> dict[str, object]:
    body: dict[str, object] = {
        "kek": "7e" * 32,
        "backup": f"sha256:{'b0' * 32}",
        "token": "a1b2c3d4",
        "host": "vault-2.example",
        "custodians": ["bela", "chen"],
        "not_before": format_time(START + timedelta(days=1)),
        "not_after": format_time(START + timedelta(days=2)),
    }
    return {**body, **changed}


CAST = {
    "ada": ("proposer", "approver", "operator"),
    "bela": ("approver", "custodian"),
    "chen": ("approver", "custodian"),
    "dora": ("proposer", "approver"),
    "emil": ("witness",),
}
"""Roles with which `ceremony` and `restore` come into force."""


def measurements(*values: bytes, gpu: Sequence[object] = ()) -> dict[str, object]:
    snp = [{"value": value.hex(), "source": "a test"} for value in values]
    return {"snp": {"measurements": snp}, "gpu": list(gpu)}


def admission(model: Digest, policy: str = "serving", **changed: object) -> dict[str, object]:
    body: dict[str, object] = {
        "model": model,
        "name": "mini",
        "version": "1",
        "tag": "ab" * 32,
        "policy": policy,
    }
    return {**body, **changed}
