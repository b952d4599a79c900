"""Receipts: an entry, its inclusion proof and the checkpoint under which it is proved.

Source: our protocol, "receipt". `{"type":"receipt","format":1,"index":…,"leaf":<base64>,
"proof":[<64 hex digits>…],"checkpoint":<signed note>}`. The checkpoint may carry cosignatures,
which the receiver verifies against its own witnesses (`verify_cosignatures`).
"""

from dataclasses import dataclass

from keyturn.base.encoding import b64, unhex
from keyturn.base.errors import MalformedError
from keyturn.base.signatures import VerifyKey
from keyturn.base.strictjson import dump, parse_object
from keyturn.tlog.bundles import MAX_ENTRY, check_entry
from keyturn.tlog.checkpoints import SignedCheckpoint, verify_checkpoint
from keyturn.tlog.errors import MalformedNote
from keyturn.tlog.merkle import HASH_SIZE, MAX_TREE_SIZE, Hash, leaf_hash
from keyturn.tlog.notes import MAX_NOTE
from keyturn.tlog.proofs import MAX_PROOF, Proof, verify_inclusion

MAX_RECEIPT = 256 << 10


@dataclass(frozen=True, slots=True)
class Receipt:
    """A parsed receipt. Parsed is not trusted: `verify_receipt` proves it."""

    index: int
    leaf: bytes
    proof: Proof
    checkpoint: bytes  # the signed note as received

    def to_bytes(self) -> bytes:
        return dump(
            {
                "type": "receipt",
                "format": 1,
                "index": self.index,
                "leaf": b64(self.leaf),
                "proof": [each.hex() for each in self.proof],
                "checkpoint": self.checkpoint.decode(),
            }
        )


@dataclass(frozen=True, slots=True)
class VerifiedEntry:
    """An entry that the log's signed checkpoint commits to at this index."""

    index: int
    leaf: bytes
    checkpoint: SignedCheckpoint


def parse_receipt(raw: bytes) -> Receipt:
    """Read a receipt. Raises MalformedNote. Nothing is verified yet."""
    try:
        return _read(raw)
    except MalformedError as error:
        raise MalformedNote(error.message, found=error.found, expected=error.expected) from error


def verify_receipt(receipt: Receipt, log_key: VerifyKey, origin: str) -> VerifiedEntry:
    """Prove that the log `origin` holds this leaf at this index, under its own signature.

    Raises MalformedNote, MalformedProof, UntrustedCheckpoint or UntrustedProof. Says nothing
    about witnesses, nor that the checkpoint is the newest.
    """
    signed = verify_checkpoint(receipt.checkpoint, log_key, origin)
    at = signed.checkpoint
    verify_inclusion(leaf_hash(receipt.leaf), receipt.index, at.size, receipt.proof, at.root)
    return VerifiedEntry(receipt.index, receipt.leaf, signed)


def _read(raw: bytes) -> Receipt:
    fields = parse_object(raw, limit=MAX_RECEIPT, what="receipt")
    fields.literal("type", "receipt")
    fields.literal("format", 1)
    index = fields.integer("index", high=MAX_TREE_SIZE - 1)
    leaf = fields.b64("leaf", limit=MAX_ENTRY)
    check_entry(leaf)
    proof = []
    for place, each in enumerate(fields.items("proof", limit=MAX_PROOF)):
        if not isinstance(each, str):
            raise MalformedNote(f"receipt: proof[{place}] is not text")
        proof.append(Hash(unhex(each, what=f"receipt: proof[{place}]", size=HASH_SIZE)))
    checkpoint = fields.text("checkpoint", limit=MAX_NOTE)
    fields.done()
    return Receipt(index, leaf, tuple(proof), checkpoint.encode())
