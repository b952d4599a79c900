"""An authority for `keyturn bench log`: five officers, statements by three of them, and grants.

Real entries with real quorums, so that the client reads a log as a keyholder writes one.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from keyturn.base.encoding import Digest, b64, digest_of
from keyturn.base.signatures import Algorithm
from keyturn.keyrelease.binding import CHALLENGE_SIZE, Purpose
from keyturn.keyrelease.entries import GrantEntry, grant_entry
from keyturn.officerkeys.keypair import OfficerSecret, generate
from keyturn.officerkeys.signer import OfficerSigner
from keyturn.quorum.approvals import APPROVAL_TYPE, Decision, approval_payload, parse_approval
from keyturn.quorum.entries import StatementEntry, origin_entry, statement_entry
from keyturn.quorum.kinds import DEFAULT_THRESHOLDS, Kind
from keyturn.quorum.state import AuthorityState
from keyturn.quorum.statements import compose_payload, parse_statement, statement_type

OFFICERS = ("ada", "bela", "chen", "dora", "emil")
SIGNING = OFFICERS[1:4]
NODES = 1000
MODEL = digest_of(b"a model")
_NUMBER = b"7" * (2 * CHALLENGE_SIZE)
_NODE = "node-7777"
PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey


@dataclass(frozen=True, slots=True)
class Signed:
    """A statement and the approvals of three officers, as envelopes."""

    statement: bytes
    approvals: tuple[bytes, ...]


@dataclass
class BenchAuthority:
    """Statements in force, as they stand at the beginning of a log."""

    origin: str
    log_spki: bytes
    time: datetime = field(
        default_factory=lambda: datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)
    )
    officers: dict[str, OfficerSecret] = field(default_factory=dict)
    leaves: list[bytes] = field(default_factory=list)
    objects: dict[Digest, bytes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for place, name in enumerate(OFFICERS):  # every second one has a key as on a card
            algorithm = Algorithm.P256 if place % 2 else Algorithm.ED25519
            self.officers[name] = generate(name, name.title(), algorithm)
        roster = self.signed(Kind.ROSTER, "roster", self._roster(), founding=True)
        self.state = AuthorityState(parse_statement(roster.statement).digest)
        self._append(origin_entry(self.time, self.state.fingerprint))
        self._enter(roster)
        self.enact(Kind.KEYS, "keys", self._keys())
        self._template = self._grant()

    def signer(self, name: str) -> OfficerSigner:
        return OfficerSigner(self.officers[name])

    def signed(
        self, kind: Kind, subject: str, body: dict[str, object], *, founding: bool = False
    ) -> Signed:
        """Proposed by the first officer, approved by the next three, as version 1."""
        payload = compose_payload(
            kind,
            subject,
            authority=None if founding else self.state.fingerprint,
            version=1,
            replaces=None,
            proposer=OFFICERS[0],
            time=self.time,
            reason="to be measured",
            body=body,
        )
        envelope = self.signer(OFFICERS[0]).sign(statement_type(kind), payload)
        approvals = tuple(
            self.signer(each)
            .sign(
                APPROVAL_TYPE,
                approval_payload(envelope.digest, Decision.APPROVE, officer=each, time=self.time),
            )
            .to_bytes()
            for each in SIGNING
        )
        return Signed(envelope.to_bytes(), approvals)

    def enact(self, kind: Kind, subject: str, body: dict[str, object]) -> None:
        """Bring a statement into force as the next entry."""
        self._enter(self.signed(kind, subject, body))

    def platforms(self, name: str) -> Signed:
        """A list of one machine, by three of five."""
        body: dict[str, object] = {
            "platforms": [
                {"id": f"amd-genoa-{digest_of(name.encode())[-64:]}", "site": "fra-1", "note": ""}
            ]
        }
        return self.signed(Kind.PLATFORMS, name, body)

    def fill(self, statements: int) -> None:
        """Further statements, until there are so many."""
        while len(self.leaves) <= statements:
            self._enter(self.platforms(f"list-{len(self.leaves)}"))

    def leaf(self, index: int) -> bytes:
        """Entry `index` of the log: its statements, then renewals of a thousand nodes."""
        if index < len(self.leaves):
            return self.leaves[index]
        node = self.node(index).encode()
        made = self._template.replace(_NODE.encode(), node)
        return made.replace(_NUMBER, b"%0*x" % (2 * CHALLENGE_SIZE, index))

    @staticmethod
    def node(index: int) -> str:
        return f"node-{index % NODES:04d}"

    def _enter(self, made: Signed) -> None:
        statement = parse_statement(made.statement)
        envelopes = tuple(self._put(each) for each in (made.statement, *made.approvals))
        entry = StatementEntry(
            statement.digest, statement.kind, statement.subject, statement.version, envelopes
        )
        self._append(statement_entry(self.time, entry))

    def _append(self, leaf: bytes) -> None:
        self.state = self.state.apply(leaf, lambda digest: self.objects[digest])
        self.leaves.append(leaf)

    def _put(self, data: bytes) -> Digest:
        digest = digest_of(data)
        self.objects[digest] = data
        return digest

    def _roster(self) -> dict[str, object]:
        return {
            "simulation": True,
            "officers": [
                each.public.roster_entry(("proposer", "approver"))
                for each in self.officers.values()
            ],
            "thresholds": {kind.value: min(3, n) for kind, n in DEFAULT_THRESHOLDS.items()},
            "proposer_may_approve": ["revocation"],
            "witnesses": {"keys": [], "k": 0, "t_seconds": 300},
        }

    def _keys(self) -> dict[str, object]:
        ingest = _spki(rsa.generate_private_key(65537, 3072).public_key())
        result = _spki(ec.generate_private_key(ec.SECP256R1()).public_key())
        entries = (
            ("ingest", "rsa-3072", ingest, "sha256"),
            ("log", "ed25519", self.log_spki, None),
            ("result", "p256", result, None),
        )
        return {
            "origin": self.origin,
            "assurance": "software",
            "keys": [
                {"purpose": purpose, "algorithm": algorithm, "spki": b64(key), "oaep_hash": oaep}
                for purpose, algorithm, key, oaep in entries
            ],
        }

    def _grant(self) -> bytes:
        entry = GrantEntry(
            Purpose.RENEWAL,
            digest_of(b"grant"),
            "ab" * 16,
            self.time + timedelta(minutes=10),
            bytes.fromhex(_NUMBER.decode()),
            MODEL,
            _NODE,
            "amd-genoa-" + "cd" * 32,
            digest_of(b"tls"),
            bytes(32),
            digest_of(b"evidence"),
            (digest_of(b"policy"), digest_of(b"admission")),
            ("no-witness", "simulated", "software-assurance"),
        )
        return grant_entry(self.time, entry)


def judged(authority: BenchAuthority, made: Signed) -> Sequence[str]:
    """All that is done to bring a statement into force: read it, and verify its quorum."""
    statement = parse_statement(made.statement)
    approvals = tuple(parse_approval(each) for each in made.approvals)
    return sorted(authority.state.submit(statement, approvals, authority.time))


def _spki(key: PublicKey) -> bytes:
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def ed25519_spki(key: Ed25519PrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
