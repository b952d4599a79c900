"""A genesis that is no rehearsal: its statements, the authority's bundle, the log and receipts."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cache

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from keyturn.base.encoding import Digest, b64, digest_of
from keyturn.base.signatures import load_verify_key
from keyturn.base.strictjson import JsonObject
from keyturn.ceremony.facts import SignedStatement
from keyturn.ceremony.records import Record
from keyturn.quorum.approvals import APPROVAL_TYPE, Decision, approval_payload
from keyturn.quorum.bundle import bundle_of
from keyturn.quorum.entries import (
    CeremonyEntry,
    StatementEntry,
    ceremony_entry,
    origin_entry,
    statement_entry,
)
from keyturn.quorum.kinds import Kind, payload_type
from keyturn.quorum.roster import OfficerId
from keyturn.quorum.statements import compose_payload
from keyturn.tlog.checkpoints import Checkpoint, sign_checkpoint
from keyturn.tlog.merkle import Hash, leaf_hash, tree_root
from keyturn.tlog.proofs import inclusion_proof
from keyturn.tlog.receipts import Receipt
from support.authority import sign, spki
from support.ceremonies import ORIGIN, START, Cast, Play, played_genesis, seed

PROPOSER, APPROVERS = "ada", ("bela", "chen", "dora")
LOG_KEY = ed25519.Ed25519PrivateKey.from_private_bytes(seed("log"))


@dataclass(frozen=True, slots=True)
class Signed:
    """A statement with enough approvals."""

    kind: Kind
    digest: Digest
    statement: bytes
    approvals: tuple[bytes, ...]

    @property
    def facts(self) -> SignedStatement:
        return SignedStatement(self.kind, 1, self.digest, tuple(map(OfficerId, APPROVERS)))


@dataclass(frozen=True, slots=True)
class Logged:
    """A genesis with everything that proves it."""

    play: Play
    fingerprint: Digest
    bundle: bytes
    leaves: tuple[bytes, ...]
    first: int
    """Index of the first record's entry."""

    def receipt(self, seq: int) -> bytes:
        return receipt(self.leaves, self.first + seq)

    @property
    def receipts(self) -> tuple[bytes, ...]:
        return tuple(self.receipt(each.seq) for each in self.play.course.records)

    @property
    def transcript(self) -> bytes:
        return self.play.transcript(self.bundle, self.receipts)


def signed_statement(
    cast: Cast, kind: Kind, body: JsonObject, authority: Digest | None = None
) -> Signed:
    """Version 1, proposed by Ada and approved by three others; a roster founds an authority."""
    moment = START + timedelta(minutes=2)
    payload = compose_payload(
        kind,
        kind.value,
        authority=authority,
        version=1,
        replaces=None,
        proposer=PROPOSER,
        time=moment,
        reason="founding",
        body=dict(body),
        life=timedelta(days=90),
    )
    digest = digest_of(payload)
    approvals = tuple(
        sign(
            APPROVAL_TYPE,
            approval_payload(digest, Decision.APPROVE, officer=each, time=moment),
            cast.key(each),
        )
        for each in APPROVERS
    )
    raw = sign(payload_type(kind.value), payload, cast.key(PROPOSER))
    return Signed(kind, digest, raw, approvals)


def keys_body(origin: str = ORIGIN) -> JsonObject:
    """A token's public keys; no private half is kept but the log's."""
    result = ec.derive_private_key(int.from_bytes(seed("result")[:30], "big"), ec.SECP256R1())
    keys: list[tuple[str, str, bytes, str | None]] = [
        ("ingest", "rsa-3072", _rsa(), "sha256"),
        ("log", "ed25519", spki(LOG_KEY), None),
        ("result", "p256", spki(result), None),
    ]
    return {
        "origin": origin,
        "assurance": "software",
        "keys": [
            {"purpose": purpose, "algorithm": algorithm, "spki": b64(public), "oaep_hash": oaep}
            for purpose, algorithm, public, oaep in keys
        ],
    }


@cache
def _rsa() -> bytes:
    key = rsa.generate_private_key(public_exponent=65537, key_size=3072)
    return key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def receipt(leaves: Sequence[bytes], index: int, origin: str = ORIGIN) -> bytes:
    """Of one leaf, under the checkpoint over all of them."""

    def node(level: int, at: int) -> Hash:
        part = leaves[at << level : (at + 1) << level]
        return tree_root(leaf_hash(leaf) for leaf in part)

    root = tree_root(leaf_hash(leaf) for leaf in leaves)
    checkpoint = Checkpoint(origin, len(leaves), root)
    note = sign_checkpoint(checkpoint, load_verify_key(spki(LOG_KEY)), LOG_KEY.sign)
    proof = inclusion_proof(index, len(leaves), node)
    return Receipt(index, leaves[index], proof, note.to_bytes()).to_bytes()


def ceremony_leaf(play: Play, record: Record, destroys: Digest | None = None) -> bytes:
    kind = play.plan.kind.value
    entry = CeremonyEntry(
        record.ceremony, kind, record.seq, record.event.value, record.digest, destroys
    )
    return ceremony_entry(record.time, entry)


def logged_genesis(cast: Cast | None = None, **changed: object) -> Logged:
    """Founded for real: statements signed, log begun, every record entered."""
    cast = cast or Cast()
    roster = signed_statement(cast, Kind.ROSTER, cast.body())
    keys = signed_statement(cast, Kind.KEYS, keys_body(), roster.digest)
    play = played_genesis(
        cast,
        rehearsal=False,
        statements=(roster.facts, keys.facts),
        **changed,  # type: ignore[arg-type]
    )
    leaves = [origin_entry(START, roster.digest)]
    for each in (roster, keys):
        envelopes = tuple(map(digest_of, (each.statement, *each.approvals)))
        entry = StatementEntry(each.digest, each.kind, each.kind.value, 1, envelopes)
        leaves.append(statement_entry(START, entry))
    first = len(leaves)
    leaves += [ceremony_leaf(play, record) for record in play.course.records]
    bundle = bundle_of(
        [(roster.statement, list(roster.approvals))], (keys.statement, list(keys.approvals))
    )
    return Logged(play, roster.digest, bundle, tuple(leaves), first)
