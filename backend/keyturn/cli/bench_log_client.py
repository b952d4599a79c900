"""An officer's client in front of a big log, for `keyturn bench log`: what a start costs.

The client and its checks are the real ones, over a real keyholder's log; between them stands no
network and no control plane. Its kept history is written here from the log's own tiles, as the
client would have written it after reading every entry.
"""

import gc
import hashlib
import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs

import httpx

from keyturn.base.dsse import pae, parse_envelope
from keyturn.base.encoding import b64, digest_bytes
from keyturn.base.signatures import load_verify_key
from keyturn.base.strictjson import dump
from keyturn.cli.bench_log_authority import NODES, BenchAuthority
from keyturn.client.blocktree import BLOCK
from keyturn.client.client import KeyturnClient
from keyturn.client.history import RUN
from keyturn.client.kept import KeptHistory, directory_of, kept_bytes
from keyturn.client.memory import Memory, Session
from keyturn.client.nodeindex import KeptNode
from keyturn.client.profile import Profile, write_atomically
from keyturn.client.transport import Transport
from keyturn.keyholder.logdisk import LogDisk
from keyturn.officerkeys.location import InFile
from keyturn.officerkeys.signer import Signer
from keyturn.quorum.bundle import make_bundle
from keyturn.quorum.entries import EntryKind
from keyturn.tlog.checkpoints import Checkpoint, SignedCheckpoint, sign_checkpoint
from keyturn.tlog.merkle import frontier_of
from keyturn.tlog.notes import Sign
from keyturn.tlog.tiles import TILE_WIDTH, Tile, nodes_from_tiles, tile_in
from keyturn.wire.keyholder import MAX_ENTRIES
from keyturn.wire.tls import Pin

OFFICER = "ada"
NEW = 1000
"""Entries that are new since the last run, in one of the cases."""
_URL = "https://bench.keyturn.example"
_PIN = Pin("ab" * 32)


@dataclass(frozen=True, slots=True)
class Measured:
    """Seconds of each start, and of the bare work in it: reading, hashing and signatures alone.

    `…_cpu`: seconds of CPU time, which a neighbour's load does not lengthen.
    """

    nothing_new: tuple[float, ...]
    some_new: tuple[float, ...]
    bare: tuple[float, ...]
    older: tuple[float, ...]
    nothing_new_cpu: tuple[float, ...]
    bare_cpu: tuple[float, ...]
    first_per_second: float
    kept_bytes: int
    memory_mib: float


class ClientBench:
    """`log` holds the authority's entries. `place` is the officer's state directory."""

    def __init__(self, authority: BenchAuthority, log: LogDisk, sign: Sign, place: Path) -> None:
        self._authority = authority
        self._log = log
        self._sign = sign
        self._place = place
        self._fingerprint = authority.state.fingerprint
        memory = Memory(self._fingerprint, place)
        assert memory.directory is not None
        self._memory_file = memory.directory / "memory.json"
        self._directory = directory_of(memory.directory, authority.origin)

    def measure(self, repeats: int) -> Measured:
        size = self._log.size
        first = self._first_sync(min(size, RUN))
        self._keep(size)
        held = _resident()
        with self._client() as client:
            client.seen()
            gc.collect()
            memory = (_resident() - held) / (1 << 20)
            older = self._older(client, size)
        nothing = [self._start(size) for _ in range(repeats)]
        bare = [self._bare(size) for _ in range(repeats)]
        before = max(len(self._authority.leaves), size - NEW)
        self._keep(before)
        some = [self._start(size) for _ in range(repeats)]
        kept = (self._directory / "kept").stat().st_size
        return Measured(
            nothing_new=tuple(wall for wall, _ in nothing),
            some_new=tuple(wall for wall, _ in some),
            bare=tuple(wall for wall, _ in bare),
            older=older,
            nothing_new_cpu=tuple(cpu for _, cpu in nothing),
            bare_cpu=tuple(cpu for _, cpu in bare),
            first_per_second=first,
            kept_bytes=kept,
            memory_mib=memory,
        )

    def _start(self, size: int) -> tuple[float, float]:
        """From nothing in memory to the verified authority in force: wall clock and CPU."""
        client = self._client()
        began, cpu = time.perf_counter(), time.process_time()
        with client:
            state = client.seen().state
            taken = time.perf_counter() - began, time.process_time() - cpu
        assert (state.size, len(state.by_digest)) == (size, len(self._authority.leaves) - 1)
        assert client.told == ""
        return taken

    def _bare(self, size: int) -> tuple[float, float]:
        """What no reader can do without: the file read and hashed, a hash for each block, and
        every signature verified."""
        checks = self._signatures()
        began, cpu = time.perf_counter(), time.process_time()
        hashlib.sha256((self._directory / "kept").read_bytes()).digest()
        pair = bytes(64)
        for _ in range(size // BLOCK):
            hashlib.sha256(b"\x01" + pair).digest()
        for check in checks:
            check()
        return time.perf_counter() - began, time.process_time() - cpu

    def _signatures(self) -> list[Callable[[], None]]:
        roster = self._authority.state.roster
        assert roster is not None
        found: list[Callable[[], None]] = []
        for raw in self._authority.objects.values():
            envelope = parse_envelope(raw)
            message = pae(envelope.payload_type, envelope.payload)
            for each in envelope.signatures:
                key, value = roster.keys[each.key_id], each.value
                found.append(lambda key=key, value=value, m=message: key.verify(value, m))  # type: ignore[misc]
        return found

    def _older(self, client: KeyturnClient, size: int) -> tuple[float, ...]:
        # The same places in every run; which they are is no secret.
        places = random.Random(size).choices(range(max(1, size // BLOCK)), k=50)  # noqa: S311
        taken = []
        for block in places:
            began = time.perf_counter()
            client.load(block * BLOCK, min(size, (block + 1) * BLOCK))
            taken.append(time.perf_counter() - began)
        return tuple(taken)

    def _first_sync(self, size: int) -> float:
        """Entries a second while a log is read for the first time."""
        client = self._client(size, kept=False)
        began = time.perf_counter()
        with client:
            client.seen()
            return size / (time.perf_counter() - began)

    # ---- the officer's side ----

    def _client(self, size: int | None = None, *, kept: bool = True) -> KeyturnClient:
        self._memory_file.unlink(missing_ok=True)
        memory = Memory(self._fingerprint, self._place if kept else None)
        later = datetime.now(UTC) + timedelta(hours=1)
        memory.keep_session(Session("bench", _PIN, OFFICER, later))
        http = httpx.Client(
            transport=httpx.MockTransport(lambda request: self._answer(request, size)),
            base_url=_URL,
        )
        return KeyturnClient(
            Profile(_URL, _PIN, self._fingerprint, OFFICER, InFile(Path("unused"))),
            memory,
            Transport(http),
            now=lambda: datetime.now(UTC).replace(microsecond=0),
            signer=_nobody,
        )

    def _keep(self, size: int) -> None:
        """As the client leaves it after `size` entries."""
        authority, view = self._authority, self._log.view()
        whole = size // BLOCK
        roots = b"".join(
            self._tile(Tile(1, index, TILE_WIDTH)) for index in range(-(-whole // 256))
        )
        newest = range(max(len(authority.leaves), size - NODES), size)
        statements = len(authority.leaves) - 1
        counts = Counter({"origin": 1, "statement": statements, "grant": size - statements - 1})
        kept = KeptHistory(
            self._fingerprint,
            authority.origin,
            size,
            authority.time,
            counts,
            self._checkpoint(size).to_bytes(),
            (),
            roots[: whole * 32],
            tuple(view.leaves(whole * BLOCK, size)),
            tuple(enumerate(authority.leaves)),
            [
                KeptNode(authority.node(index), EntryKind.GRANT, index, authority.leaf(index))
                for index in newest
            ],
        )
        write_atomically(
            self._directory / "kept", kept_bytes(kept, OFFICER, authority.signer(OFFICER).sign)
        )
        for digest, data in authority.objects.items():
            write_atomically(self._directory / "objects" / digest_bytes(digest).hex(), data)

    def _tile(self, tile: Tile) -> bytes:
        """As wide as it is in the log."""
        there = tile_in(self._log.size, tile.level, tile.index)
        found = self._log.resource(there.path)
        assert found is not None
        return found

    # ---- the server's side ----

    def _checkpoint(self, size: int) -> SignedCheckpoint:
        if size == self._log.size:
            return self._log.checkpoint
        root = frontier_of(size, nodes_from_tiles(self._log.size, self._tile)).root()
        checkpoint = Checkpoint(self._authority.origin, size, root)
        return sign_checkpoint(checkpoint, load_verify_key(self._authority.log_spki), self._sign)

    def _answer(self, request: httpx.Request, size: int | None) -> httpx.Response:
        path = request.url.path
        asked = {name: each[0] for name, each in parse_qs(request.url.query.decode()).items()}
        shown = self._log.size if size is None else size
        answer: dict[str, object]
        if path == "/v1/authority":
            answer = {"bundle": b64(make_bundle(self._authority.state))}
        elif path == "/v1/log/checkpoint":
            answer = {"note": self._checkpoint(shown).to_bytes().decode()}
        elif path == "/v1/log/consistency":
            proof = self._log.consistency(int(asked["old"]), int(asked["new"]))
            answer = {"proof": [each.hex() for each in proof]}
        elif path == "/v1/log/entries":
            start, end = int(asked["start"]), int(asked["end"])
            leaves = self._log.leaves(start, min(end, start + MAX_ENTRIES))
            answer = {"start": start, "leaves": [b64(each) for each in leaves], "size": shown}
        else:
            digest = path.rpartition("/")[2]
            answer = {
                "data": b64(next(v for k, v in self._authority.objects.items() if k == digest))
            }
        return httpx.Response(200, content=dump(answer))


def _nobody() -> Signer:
    raise RuntimeError("nothing here asks for a signature")


def _resident() -> int:
    """Bytes of this process in memory (proc(5), statm)."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * 4096
