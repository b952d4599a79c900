"""A log with its authority, as a witness is shown it; and what it answers when it is asked."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from keyturn.base.encoding import Digest
from keyturn.base.signatures import load_verify_key
from keyturn.quorum.bodies import Purpose
from keyturn.quorum.bundle import make_bundle
from keyturn.quorum.entries import start_entry
from keyturn.quorum.kinds import Kind
from keyturn.tlog.checkpoints import Checkpoint, sign_checkpoint
from keyturn.tlog.merkle import Hash, Nodes, leaf_hash, tree_root
from keyturn.tlog.proofs import Proof, consistency_proof, inclusion_proof
from keyturn.tlog.receipts import Receipt
from keyturn.wire.witness import AddCheckpoint
from keyturn.witness.disk import Disk, Files
from keyturn.witness.keyfile import witness_of
from keyturn.witness.watched import WatchedLog
from support.authority import Authority, Clock, Proposal
from support.control import LocalKeyholder
from support.witnesses import Pen


def revocation_body(node: str = "node-1") -> dict[str, object]:
    return {"target_kind": "node", "target": node}


@dataclass
class Shown:
    """The log of a keyholder in memory; `fork` lies about it from some entry on."""

    clock: Clock = field(default_factory=Clock)

    def __post_init__(self) -> None:
        self.authority = Authority(self.clock)
        self.keyholder = LocalKeyholder(Path("nowhere"), self.authority, self.clock)
        self.signed: list[bytes] = []
        self.pen = Pen()

    @property
    def fingerprint(self) -> Digest:
        return self.keyholder.fingerprint

    @property
    def bundle(self) -> bytes:
        return make_bundle(self.keyholder.state)

    @property
    def leaves(self) -> list[bytes]:
        return self.keyholder.leaves

    def grow(self, entries: int = 1) -> None:
        for _ in range(entries):
            self.keyholder.append(self.keyholder_start())

    def keyholder_start(self) -> bytes:
        return start_entry(self.clock(), f"{len(self.leaves):032x}", "a test")

    def forked(self, at: int, entries: int) -> list[bytes]:
        """Other leaves from `at` on."""
        return [*self.leaves[:at], *(b"forked %d" % each for each in range(entries))]

    def note(self, leaves: Sequence[bytes] | None = None, size: int | None = None) -> bytes:
        """A checkpoint by the log's key over these leaves."""
        hashes = [leaf_hash(each) for each in (self.leaves if leaves is None else leaves)][:size]
        at = Checkpoint(self.keyholder.origin, len(hashes), tree_root(hashes))
        key = self.keyholder.state.newest_keys
        assert key is not None
        log_key = load_verify_key(key.keys[Purpose.LOG].spki)
        return sign_checkpoint(at, log_key, self.keyholder.log_key.sign).to_bytes()

    def consistency(self, old: int, leaves: Sequence[bytes] | None = None) -> Proof:
        whole = self.leaves if leaves is None else leaves
        return consistency_proof(old, len(whole), _nodes(whole))

    def asking(self, old: int, leaves: Sequence[bytes] | None = None) -> AddCheckpoint:
        return AddCheckpoint(old, self.consistency(old, leaves), self.note(leaves))

    def receipt(self, index: int) -> Receipt:
        proof = inclusion_proof(index, len(self.leaves), _nodes(self.leaves))
        return Receipt(index, self.leaves[index], proof, self.note())

    def revocation(self, node: str = "node-1", by: str = "ada") -> Proposal:
        """With its quorum: one officer, who may approve his own."""
        made = self.authority.propose(Kind.REVOCATION, f"node:{node}", revocation_body(node), by=by)
        made.approvals.append(self.authority.approval(made.digest, by))
        return made

    def watched(self, directory: Path, disk: Disk | None = None) -> WatchedLog:
        """A witness that begins, or goes on, on this directory. What it signs is in `signed`."""
        return self.watched_by(self.bundle, directory, disk)

    def watched_by(self, bundle: bytes, directory: Path, disk: Disk | None = None) -> WatchedLog:
        """As `watched`, with this bundle in its settings."""
        witness, sign = witness_of(self.pen.name, self.pen.key)

        def signing(message: bytes) -> bytes:
            self.signed.append(message)
            return sign(message)

        files = Files(directory, disk)
        directory.mkdir(exist_ok=True)
        return WatchedLog(bundle, self.fingerprint, witness, signing, files, self.clock)


def _nodes(leaves: Sequence[bytes]) -> Nodes:
    hashes = [leaf_hash(each) for each in leaves]

    def node(level: int, index: int) -> Hash:
        return tree_root(hashes[index << level : (index + 1) << level])

    return node


def asked_text(old: int, proof: Proof, note: bytes) -> bytes:
    """By the words of C2SP tlog-witness."""
    lines = [f"old {old}\n", *(base64.b64encode(each).decode() + "\n" for each in proof), "\n"]
    return "".join(lines).encode() + note
