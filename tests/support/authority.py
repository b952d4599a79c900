"""An authority for tests: five officers with keys of their own, who propose, approve and sign.

Signs with `cryptography` directly, so that what is tested is not also what makes the input.
"""

import copy
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from keyturn.base.dsse import Envelope, Signature, pae
from keyturn.base.encoding import Digest, b64, digest_of
from keyturn.base.signatures import key_id_of
from keyturn.quorum.approvals import APPROVAL_TYPE, Decision, approval_payload
from keyturn.quorum.kinds import DEFAULT_THRESHOLDS, Kind, payload_type
from keyturn.quorum.policy_body import Caveat
from keyturn.quorum.statements import compose_payload

START = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
UNFOUNDED = digest_of(b"no authority yet")
"""What statements name that are made before there is a first roster."""
OFFICERS = ("ada", "bela", "chen", "dora", "emil")

Key = ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self, now: datetime = START) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **by: float) -> None:
        self.now += timedelta(**by)


def spki(key: Key) -> bytes:
    return key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def signature(key: Key, message: bytes) -> bytes:
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return key.sign(message)
    return key.sign(message, ec.ECDSA(hashes.SHA256()))


def sign(payload_kind: str, payload: bytes, *keys: Key) -> bytes:
    """A DSSE envelope's exact bytes."""
    message = pae(payload_kind, payload)
    signatures = tuple(Signature(key_id_of(spki(key)), signature(key, message)) for key in keys)
    return Envelope(payload_kind, payload, signatures).to_bytes()


@dataclass
class Person:
    """One officer: roles and keys; every second one signs with P-256, as cards do."""

    id: str
    keys: list[Key]
    roles: tuple[str, ...] = ("proposer", "approver")

    def entry(self) -> dict[str, object]:
        return {
            "id": self.id,
            "name": f"Officer {self.id.title()}",
            "roles": list(self.roles),
            "keys": [
                {
                    "algorithm": "ed25519" if isinstance(k, ed25519.Ed25519PrivateKey) else "p256",
                    "spki": b64(spki(k)),
                }
                for k in self.keys
            ],
            "hpke": None,
        }


def make_people(names: Iterable[str] = OFFICERS) -> dict[str, Person]:
    people = {}
    for place, name in enumerate(names):
        key: Key = (
            ec.generate_private_key(ec.SECP256R1())
            if place % 2
            else ed25519.Ed25519PrivateKey.generate()
        )
        people[name] = Person(name, [key])
    return people


@dataclass
class Proposal:
    """A signed statement and the approvals collected so far; nothing is in force by it."""

    raw: bytes
    digest: Digest
    approvals: list[bytes] = field(default_factory=list)


class Authority:
    """Makes statements and approvals of its people, keeping the version chain of each subject."""

    def __init__(self, clock: Clock, *, simulation: bool = True) -> None:
        self.clock = clock
        self.people = make_people()
        self.simulation = simulation
        self.chain: dict[tuple[Kind, str], tuple[int, Digest]] = {}
        self.fingerprint: Digest | None = None
        """Of the first roster that was proposed, or came into force; None until then."""

    def roster_body(self, **changed: object) -> dict[str, object]:
        body: dict[str, object] = {
            "simulation": self.simulation,
            "officers": [person.entry() for person in self.people.values()],
            "thresholds": {kind.value: n for kind, n in DEFAULT_THRESHOLDS.items()},
            "proposer_may_approve": ["revocation"],
            "witnesses": {"keys": [], "k": 0, "t_seconds": 300},
        }
        return {**body, **changed}

    def propose(
        self,
        kind: Kind,
        subject: str,
        body: dict[str, object],
        *,
        by: str = "ada",
        life: timedelta | None = timedelta(days=90),
        version: int | None = None,
        replaces: Digest | None = None,
        keys: Sequence[Key] | None = None,
    ) -> Proposal:
        newest = self.chain.get((kind, subject), (0, None))
        version, replaces = (newest[0] + 1, newest[1]) if version is None else (version, replaces)
        first = kind is Kind.ROSTER and version == 1
        payload = compose_payload(
            kind,
            subject,
            authority=None if first else self.fingerprint or UNFOUNDED,
            version=version,
            replaces=replaces,
            proposer=by,
            time=self.clock(),
            reason="for a test",
            body=body,
            life=None if kind is Kind.REVOCATION else life,
        )
        raw = sign(payload_type(kind.value), payload, *(keys or self.people[by].keys[:1]))
        if first and self.fingerprint is None:
            self.fingerprint = digest_of(payload)
        return Proposal(raw, digest_of(payload))

    def approval(
        self,
        digest: Digest,
        by: str,
        *,
        decision: Decision = Decision.APPROVE,
        keys: Sequence[Key] | None = None,
    ) -> bytes:
        payload = approval_payload(digest, decision, officer=by, time=self.clock())
        return sign(APPROVAL_TYPE, payload, *(keys or self.people[by].keys[:1]))

    def approved(
        self, kind: Kind, subject: str, body: dict[str, object], **options: object
    ) -> Proposal:
        """Proposed by Ada and approved by as many of the others as the default threshold asks."""
        proposal = self.propose(kind, subject, body, **options)  # type: ignore[arg-type]
        needed = DEFAULT_THRESHOLDS[kind]
        names = [name for name in self.people if name != "ada"][:needed]
        if kind is Kind.REVOCATION:
            names = ["ada"]
        proposal.approvals += [self.approval(proposal.digest, name) for name in names]
        return proposal

    def forked(self, clock: Clock) -> "Authority":
        """The same people by another clock, with a memory of its own of what comes into force."""
        fork = copy.copy(self)
        fork.clock, fork.chain = clock, dict(self.chain)
        return fork

    def entered(self, kind: Kind, subject: str, proposal: Proposal) -> None:
        """Remember that a proposal came into force: the next version replaces it."""
        version = self.chain.get((kind, subject), (0, None))[0]
        if kind is Kind.ROSTER and version == 0:
            self.fingerprint = proposal.digest
        self.chain[(kind, subject)] = (version + 1, proposal.digest)


def tdx_rule(**changed: object) -> dict[str, object]:
    """The rule of a policy that a simulated TD with MRTD in its baseline satisfies."""
    rule: dict[str, object] = {
        "tcb_statuses": ["UpToDate"],
        "min_evaluation_number": 0,
        "advisories": [],
        "debug": False,
        "migratable": False,
        "service_tds": [],
        "sept_ve_disable": True,
        "dynamic_platform": False,
        "cached_keys": False,
        "smt": True,
        "xfam": "any",
        "registers": ["mrtd"],
    }
    return {**rule, **changed}


def policy_body(**changed: object) -> dict[str, object]:
    """A policy that a simulated Genoa node with one GPU satisfies."""
    body: dict[str, object] = {
        "tees": ["snp"],
        "snp": {
            "products": ["Genoa"],
            "min_tcb": {"Genoa": {"fmc": 0, "bootloader": 0, "tee": 0, "snp": 0, "microcode": 0}},
            "debug": False,
            "migrate_ma": False,
            "smt": True,
            "alias_check": False,
            "vlek": False,
            "max_vmpl": 0,
        },
        "gpu": {"count": 1},
        "baselines": ["firmware"],
        "workloads": "any",
        "platforms": "any",
        "lease_seconds": 60,
        "accepted_caveats": [caveat.value for caveat in Caveat],
    }
    return {**body, **changed}
