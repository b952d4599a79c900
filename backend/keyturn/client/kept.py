"""What an officer's machine keeps of a proved log between two runs (our protocol §8.6).

Signed by the officer's own key: a file that somebody else made or changed is told, and never
believed. Reading here checks its form and its signature; what it says is proved by `History`.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from keyturn.base.dsse import Envelope, parse_envelope
from keyturn.base.encoding import Digest, digest_of, sha256
from keyturn.base.errors import KeyturnError, MalformedError, UntrustedError
from keyturn.base.signatures import VerifyKey
from keyturn.base.strictjson import dump, parse_object
from keyturn.base.times import format_time
from keyturn.client.blocktree import BLOCK, BlockTree
from keyturn.client.nodeindex import KeptNode
from keyturn.quorum.entries import EntryKind
from keyturn.tlog.bundles import bundle_bytes, parse_bundle
from keyturn.tlog.checkpoints import SignedCheckpoint, verify_checkpoint
from keyturn.tlog.merkle import HASH_SIZE, Frontier, Hash, leaf_hash
from keyturn.tlog.notes import MAX_NOTE
from keyturn.tlog.proofs import MAX_PROOF, Proof, verify_consistency

# When entries come to mean more than an older version kept of them, this name changes.
KEPT_TYPE = "application/vnd.keyturn.kept-history.v1+json"
MAX_KEPT = 256 << 20
_MAX_ENVELOPE = 64 << 10
_KINDS = (EntryKind.GRANT, EntryKind.REFUSAL)

Sign = Callable[[str, bytes], Envelope]
"""Payload type and payload, by the officer's key."""
CheckSigner = Callable[[Envelope], str]
"""The officer whose key signed it. Raises UntrustedError."""


@dataclass(frozen=True, slots=True)
class KeptHistory:
    """A log's first `size` entries, as far as anybody needs them again.

    `note`: a signed checkpoint of at least `size`; `proof` leads to it. `roots`: of the whole
    blocks. `last`: the time of the last entry.
    """

    authority: Digest
    origin: str
    size: int
    last: datetime
    counts: Mapping[str, int]
    note: bytes
    proof: Proof
    roots: bytes
    tail: Sequence[bytes]
    changes: Sequence[tuple[int, bytes]]
    newest: Iterable[KeptNode]


@dataclass(frozen=True, slots=True)
class Keeping:
    """Where a log's history is kept, and whose it is. `sign` gives None while the key is closed."""

    directory: Path
    origin: str
    log_key: VerifyKey
    officer: str
    check: CheckSigner
    sign: Callable[[], Sign | None]
    now: Callable[[], datetime]

    @property
    def path(self) -> Path:
        return self.directory / "kept"


class KeptUnusable(KeyturnError):
    """What was kept is not what this officer kept of this log."""


@dataclass(frozen=True, slots=True)
class Recalled:
    """What was kept, its tree proved to be that of a checkpoint by the log's key."""

    kept: KeptHistory
    signed: SignedCheckpoint
    tree: BlockTree
    frontier: Frontier


def directory_of(state: Path, origin: str) -> Path:
    """Where a profile that remembers in `state` keeps the log of that name."""
    return state / f"log-{sha256(origin.encode()).hex()[:16]}"


def recalled(keeping: Keeping, authority: Digest) -> Recalled | None:
    """None where nothing is kept. Raises KeptUnusable for what cannot be believed."""
    raw = _read_file(keeping.path)
    if raw is None:
        _forget_older_form(keeping.directory)
        return None
    try:
        kept = read_kept(raw, authority, keeping.origin, keeping.officer, keeping.check)
        signed = verify_checkpoint(kept.note, keeping.log_key, keeping.origin)
        tree = BlockTree(kept.roots)
        frontier = _frontier(tree, kept.tail)
        at = signed.checkpoint
        verify_consistency(kept.size, at.size, kept.proof, frontier.root(), at.root)
    except (MalformedError, UntrustedError) as error:
        raise KeptUnusable(error.message, found=error.found, expected=error.expected) from error
    return Recalled(kept, signed, tree, frontier)


def kept_bytes(kept: KeptHistory, officer: str, sign: Sign) -> bytes:
    """The file. Raises what the signer raises."""
    body = b"".join(
        (
            _lp(kept.note),
            _lp(b"".join(kept.proof)),
            _lp(kept.roots),
            _lp(bundle_bytes(kept.tail)),
            _lp(b"".join(_number(index) + _lp(leaf) for index, leaf in kept.changes)),
            _lp(b"".join(_node_bytes(each) for each in kept.newest)),
        )
    )
    payload = dump(
        {
            "type": "kept-history",
            "format": 1,
            "authority": kept.authority,
            "origin": kept.origin,
            "officer": officer,
            "size": kept.size,
            "last": format_time(kept.last),
            "counts": dict(kept.counts),
            "body": digest_of(body),
        }
    )
    return _lp(sign(KEPT_TYPE, payload).to_bytes()) + body


def read_kept(
    raw: bytes, authority: Digest, origin: str, officer: str, check: CheckSigner
) -> KeptHistory:
    """Raises MalformedError, or UntrustedError for a file of another officer or log."""
    reader = _Reader(raw)
    envelope = parse_envelope(reader.lp(), limit=_MAX_ENVELOPE)
    signer = check(envelope)
    if envelope.payload_type != KEPT_TYPE:
        raise MalformedError("not a kept history", found=repr(envelope.payload_type))
    fields = parse_object(envelope.payload, limit=_MAX_ENVELOPE, what="kept history")
    fields.literal("type", "kept-history")
    fields.literal("format", 1)
    said = (fields.digest("authority"), fields.text("origin", limit=200))
    named = fields.text("officer", limit=64)
    if (*said, named, signer) != (authority, origin, officer, officer):
        raise UntrustedError(
            "what was kept is of another log or officer",
            found=f"{said[1]} by {signer}",
            expected=f"{origin} by {officer}",
        )
    size, last = fields.integer("size"), fields.time("last")
    counts = fields.fields("counts")
    counted = {each: counts.integer(each) for each in counts.names()}
    counts.done()
    digest = fields.digest("body")
    fields.done()
    if digest_of(reader.rest()) != digest:
        raise UntrustedError("what was kept of the log was changed", expected=digest)
    note = reader.lp(MAX_NOTE)
    proof = _hashes(reader.lp(MAX_PROOF * HASH_SIZE))
    roots = reader.lp()
    tail = parse_bundle(reader.lp(), size % BLOCK)
    changes = tuple(_changes(_Reader(reader.lp())))
    newest = tuple(_nodes(_Reader(reader.lp())))
    reader.done()
    if len(roots) != size // BLOCK * HASH_SIZE:
        raise MalformedError("kept history: other blocks than its size has")
    return KeptHistory(
        authority, origin, size, last, counted, note, proof, roots, tail, changes, newest
    )


class _Reader:
    """Length-prefixed fields, one after the other."""

    def __init__(self, raw: bytes) -> None:
        self._raw, self._at = raw, 0

    def take(self, size: int) -> bytes:
        found = self._raw[self._at : self._at + size]
        if len(found) != size:
            raise MalformedError("kept history: cut short")
        self._at += size
        return found

    def number(self, size: int = 8) -> int:
        return int.from_bytes(self.take(size), "big")

    def lp(self, limit: int = MAX_KEPT) -> bytes:
        size = self.number(4)
        if size > limit:
            raise MalformedError("kept history: a field is too long", found=f"{size} bytes")
        return self.take(size)

    def rest(self) -> bytes:
        """Without taking it."""
        return self._raw[self._at :]

    @property
    def more(self) -> bool:
        return self._at < len(self._raw)

    def done(self) -> None:
        if self.more:
            raise MalformedError("kept history: bytes after its end")


def _changes(reader: _Reader) -> Iterable[tuple[int, bytes]]:
    last = -1
    while reader.more:
        index = reader.number()
        if index <= last:
            raise MalformedError("kept history: changes out of order", found=f"entry {index}")
        last = index
        yield index, reader.lp()


def _nodes(reader: _Reader) -> Iterable[KeptNode]:
    while reader.more:
        try:
            node = reader.lp(1024).decode()
        except UnicodeDecodeError as error:
            raise MalformedError("kept history: a node's name is no text") from error
        kind = reader.number(1)
        if kind >= len(_KINDS):
            raise MalformedError("kept history: neither grant nor refusal", found=str(kind))
        yield KeptNode(node, _KINDS[kind], reader.number(), reader.lp())


def _node_bytes(each: KeptNode) -> bytes:
    kind = _KINDS.index(each.kind).to_bytes(1, "big")
    return _lp(each.node.encode()) + kind + _number(each.index) + _lp(each.leaf)


def _hashes(joined: bytes) -> Proof:
    if len(joined) % HASH_SIZE:
        raise MalformedError("kept history: a proof is cut")
    starts = range(0, len(joined), HASH_SIZE)
    return tuple(Hash(joined[start : start + HASH_SIZE]) for start in starts)


def _number(value: int) -> bytes:
    return value.to_bytes(8, "big")


def _lp(data: bytes) -> bytes:
    return len(data).to_bytes(4, "big") + data


def _read_file(path: Path) -> bytes | None:
    """Raises KeptUnusable."""
    try:
        with path.open("rb") as stream:
            raw = stream.read(MAX_KEPT + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise KeptUnusable(f"cannot read {path.name}: {error.strerror}") from error
    if len(raw) > MAX_KEPT:
        raise KeptUnusable("kept history: too large")
    return raw


def _forget_older_form(directory: Path) -> None:
    """Whole copies of logs, as they were kept once."""
    for path in directory.glob("[0-9]*-*"):
        path.unlink(missing_ok=True)


def _frontier(tree: BlockTree, tail: Sequence[bytes]) -> Frontier:
    whole = tree.frontier(tree.blocks * BLOCK, lambda _start, _end: ())
    return whole.extended(leaf_hash(each) for each in tail)
