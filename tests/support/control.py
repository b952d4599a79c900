"""A control plane on loopback, and a keyholder of a test's own behind it.

The keyholder judges statements with the shipped rules and keeps a real Merkle log in memory, but
has no HSM: what it answers to a release, the test says. It can be slow, cut answers or be gone.
"""

import asyncio
import contextlib
import secrets
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import cache
from pathlib import Path

import httpx
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from keyturn.base.collateral import CollateralDocument
from keyturn.base.encoding import Digest, b64, digest_of
from keyturn.base.errors import KeyturnError, MalformedError, NotFoundError
from keyturn.base.signatures import load_verify_key
from keyturn.base.strictjson import JsonObject, load_object
from keyturn.control.config import ControlConfig, told
from keyturn.control.errors import TaskFailed
from keyturn.control.program import ControlServer, make_server, serve
from keyturn.control.reporting import SOFTWARE, TOLD_FILE
from keyturn.keyrelease.binding import CHALLENGE_SIZE, HPKE_PUBLIC_SIZE, NodeKeys, Purpose
from keyturn.keyrelease.continuation import previous_check, root_of
from keyturn.keyrelease.entries import GrantEntry, RefusalEntry, grant_entry, refusal_entry
from keyturn.keyrelease.grant import RefusalDocument, RefusalReason
from keyturn.keyrelease.request import (
    Evidence,
    NodeClaims,
    SnpEvidence,
    build_request,
    parse_request,
)
from keyturn.quorum.approvals import (
    WITHDRAWAL_TYPE,
    parse_approval,
    parse_withdrawal,
    withdrawal_payload,
)
from keyturn.quorum.entries import (
    DecisionEntry,
    StatementEntry,
    WithdrawalEntry,
    decision_entry,
    origin_entry,
    statement_entry,
    withdrawal_entry,
)
from keyturn.quorum.kinds import Kind
from keyturn.quorum.reports import (
    ConfigurationEntry,
    Program,
    ReportEntry,
    configuration_entry,
    report_entry,
    settings_document,
)
from keyturn.quorum.state import AuthorityState
from keyturn.quorum.statements import parse_statement
from keyturn.store.database import Database, open_database
from keyturn.store.migrate import upgrade
from keyturn.tlog.checkpoints import Checkpoint, sign_checkpoint
from keyturn.tlog.merkle import Frontier, Hash, leaf_hash, node_hash, tree_root
from keyturn.tlog.notes import parse_note
from keyturn.tlog.proofs import consistency_proof
from keyturn.tlog.receipts import MAX_RECEIPT, Receipt
from keyturn.wire import keyholder as asked
from keyturn.wire.frames import receive_frame, send_frame
from keyturn.wire.heartbeat import HEARTBEAT_TYPE, NodeReport, heartbeat_payload
from keyturn.wire.keyholder import (
    AnyRequest,
    error_answer,
    ok_answer,
)
from keyturn.wire.keyholder import (
    parse_request as read_question,
)
from keyturn.wire.serveridentity import server_identity
from keyturn.wire.signin import SIGN_IN_TYPE, sign_in_payload
from keyturn.wire.tls import Pin, pinned_client, pinned_context
from support.authority import Authority, Clock, Person, Proposal, sign, spki

ORIGIN = "test.example/log"
WRAPPED = b"\x5a" * 40
NODE = "node-1"
PLATFORM = "amd-genoa-" + "0c" * 64


@cache
def _ingest_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 3072)


class LocalKeyholder:
    """Answers §7.1 from memory. `decide` grants or refuses the next releases."""

    def __init__(self, path: Path, authority: Authority, clock: Clock) -> None:
        self.path = path
        self.authority = authority
        self.clock = clock
        self.boot = secrets.token_hex(16)
        self.origin = ORIGIN
        self.log_key = ed25519.Ed25519PrivateKey.generate()
        self.leaves: list[bytes] = []
        self.objects: dict[str, bytes] = {}
        self.asked: list[AnyRequest] = []
        self.cosigned: dict[str, str] = {}
        self.hsm: dict[str, object] | None = None  # there is no token here: what a test says
        self.granting = True
        self.logging = True
        self.reporting = False  # what a server reports is entered only where a test wants it
        self.misbehave: Callable[[socket.socket], bool] | None = None
        self.proves: Callable[[CollateralDocument], bool] = lambda _document: True
        self._lock = threading.RLock()
        self._found()

    # ---- the log ----

    def _found(self) -> None:
        authority = self.authority
        roster = authority.approved(Kind.ROSTER, "roster", authority.roster_body())
        self.fingerprint = roster.digest
        self.state = AuthorityState(self.fingerprint)
        self.append(origin_entry(self.clock(), self.fingerprint))
        self.enter(Kind.ROSTER, "roster", roster)
        self.enter(Kind.KEYS, "keys", authority.approved(Kind.KEYS, "keys", self._keys_body()))

    def _keys_body(self) -> dict[str, object]:
        def entry(purpose: str, algorithm: str, key: object, oaep: str | None) -> dict[str, object]:
            return {
                "purpose": purpose,
                "algorithm": algorithm,
                "spki": b64(spki(key)),  # type: ignore[arg-type]
                "oaep_hash": oaep,
            }

        return {
            "origin": self.origin,
            "assurance": "software",
            "keys": [
                entry("ingest", "rsa-3072", _ingest_key(), "sha256"),
                entry("log", "ed25519", self.log_key, None),
                entry("result", "p256", ec.generate_private_key(ec.SECP256R1()), None),
            ],
        }

    def append(self, leaf: bytes) -> int:
        with self._lock:
            check = previous_check(root_of(Frontier(), self.leaves))
            self.state = self.state.apply(leaf, self.objects.__getitem__, check)
            self.leaves.append(leaf)
            return len(self.leaves) - 1

    def replace_log_key(self) -> None:
        """The token is lost: under another key and origin the log goes on, after a restart."""
        with self._lock:
            self.append(origin_entry(self.clock(), self.fingerprint, self.checkpoint().decode()))
            self.log_key = ed25519.Ed25519PrivateKey.generate()
            self.origin = f"{self.origin}2"
            self.boot = secrets.token_hex(16)
            keys = self.authority.approved(Kind.KEYS, "keys", self._keys_body())
            self.enter(Kind.KEYS, "keys", keys)

    def keep(self, data: bytes) -> Digest:
        self.objects[digest_of(data)] = data
        return digest_of(data)

    def enter(self, kind: Kind, subject: str, proposal: Proposal) -> int:
        """Bring a proposal into force, as `keyturn keyholder submit` does past the server."""
        index = self._submit(asked.Submit(proposal.raw, tuple(proposal.approvals)))[0]
        self.authority.entered(kind, subject, proposal)
        return index

    def _submit(self, request: asked.Submit) -> tuple[int, bytes | None]:
        with self._lock:
            statement = parse_statement(request.statement)
            wrapped = WRAPPED if statement.kind is Kind.MODEL and request.key else None
            known = self.state.by_digest.get(statement.digest)
            if known is not None:
                return known.index, wrapped
            approvals = [parse_approval(each) for each in request.approvals]
            self.state.submit(statement, approvals, self.clock())
            envelopes = tuple(self.keep(e) for e in (request.statement, *request.approvals))
            entry = StatementEntry(
                statement.digest, statement.kind, statement.subject, statement.version, envelopes
            )
            return self.append(statement_entry(self.clock(), entry)), wrapped

    def _withdraw(self, request: asked.Withdraw) -> int:
        with self._lock:
            statement = parse_statement(request.statement)
            self.state.check_withdrawal(parse_withdrawal(request.envelope), statement)
            envelopes = (self.keep(request.statement), self.keep(request.envelope))
            return self.append(
                withdrawal_entry(self.clock(), WithdrawalEntry(statement.digest, envelopes))
            )

    def _record(self, request: asked.Record) -> int:
        with self._lock:
            statement, said = parse_statement(request.statement), parse_approval(request.approval)
            known = self.state.recorded(said)
            if known is not None:
                return known.index
            self.state.check_decision(said, statement, self.clock())
            envelopes = (self.keep(request.statement), self.keep(request.approval))
            entry = DecisionEntry(statement.digest, said.officer, said.decision, envelopes)
            return self.append(decision_entry(self.clock(), entry))

    def _report(self, said: ReportEntry | ConfigurationEntry) -> int | None:
        if not self.reporting:
            return None
        if isinstance(said, ReportEntry):
            return self.append(report_entry(self.clock(), said))
        return self.append(configuration_entry(self.clock(), said))

    def checkpoint(self) -> bytes:
        hashes = [leaf_hash(each) for each in self.leaves]
        checkpoint = Checkpoint(self.origin, len(hashes), tree_root(hashes))
        key = load_verify_key(spki(self.log_key))
        return sign_checkpoint(checkpoint, key, self.log_key.sign).to_bytes()

    def receipt(self, index: int) -> JsonObject:
        with self._lock:
            hashes = [leaf_hash(each) for each in self.leaves]
            proof = tuple(_path(hashes, index))
            made = Receipt(index, self.leaves[index], proof, self.checkpoint())
        return load_object(made.to_bytes(), limit=MAX_RECEIPT, what="receipt")

    def consistency(self, old: int, new: int) -> list[str]:
        with self._lock:
            hashes = [leaf_hash(each) for each in self.leaves[:new]]

        def node(level: int, index: int) -> Hash:
            return tree_root(hashes[index << level : (index + 1) << level])

        return [each.hex() for each in consistency_proof(old, new, node)]

    # ---- releases ----

    def _release(self, request: asked.AskRelease) -> dict[str, object]:
        read = parse_request(request.request)
        if not self.granting:
            return self._refuse(request)
        lease = read.claims.lease or secrets.token_hex(16)
        entry = GrantEntry(
            purpose=read.purpose,
            grant=digest_of(lease.encode()),
            lease=lease,
            until=self.clock() + timedelta(seconds=60),
            challenge=read.challenge,
            model=read.model,
            node=read.claims.node,
            platform=PLATFORM,
            tls=digest_of(read.keys.tls),
            core=read.core,
            evidence=read.digest,
            statements=(),
            caveats=("simulated",),
        )
        index = self.append(grant_entry(self.clock(), entry))
        answer = {"type": "release-answer", "format": 1, "lease": lease}
        return {"granted": True, "answer": answer, "index": index}

    def _refuse(self, request: asked.AskRelease) -> dict[str, object]:
        asked_for = parse_request(request.request)
        index = None
        if self.logging:
            entry = RefusalEntry(
                asked_for.purpose,
                asked_for.challenge,
                asked_for.model,
                asked_for.claims.node,
                PLATFORM,
                asked_for.digest,
                ("measurement",),
            )
            index = self.append(refusal_entry(self.clock(), entry))
        reason = RefusalReason("firmware", "measurement", "aa", "bb", None, "use known firmware")
        document = RefusalDocument(
            asked_for.purpose, asked_for.challenge, asked_for.model, (reason,), self.logging
        )
        return {"granted": False, "answer": document.to_document(), "index": index}

    # ---- the socket ----

    def answer(self, request: AnyRequest) -> dict[str, object]:  # noqa: C901 - one flat table
        match request:
            case asked.AskHello():
                return {
                    "fingerprint": self.fingerprint,
                    "origin": self.origin,
                    "boot": self.boot,
                    "size": len(self.leaves),
                    "simulation": True,
                    "software": "a test",
                    "sealed": False,
                }
            case asked.AskChallenge():
                return {"challenge": secrets.token_hex(CHALLENGE_SIZE), "valid_seconds": 120}
            case asked.AskTpmCredential(ak=ak, ek=ek):
                return {"blob": b64(ak[::-1]), "secret": b64(ek[::-1])}
            case asked.AskRelease():
                return self._release(request)
            case asked.Submit():
                index, wrapped = self._submit(request)
                return {
                    "in_force": True,
                    "index": index,
                    "receipt": self.receipt(index),
                    "wrapped": None if wrapped is None else b64(wrapped),
                    "kek": None if wrapped is None else "ab" * 32,
                }
            case asked.Withdraw():
                index = self._withdraw(request)
                return {"index": index, "receipt": self.receipt(index)}
            case asked.Record():
                index = self._record(request)
                return {"index": index, "receipt": self.receipt(index)}
            case asked.Report(said=said):
                return {"index": self._report(said)}
            case asked.AskEntries(start=start, end=end):
                leaves = [b64(each) for each in self.leaves[start:end]]
                return {"leaves": leaves, "size": len(self.leaves)}
            case asked.AskObject(digest=digest):
                if digest not in self.objects:
                    raise NotFoundError("no such object", found=digest)
                return {"data": b64(self.objects[digest])}
            case asked.AskCheckpoint():
                return {"note": self.checkpoint().decode()}
            case asked.AskReceipt(index=index):
                if index >= len(self.leaves):
                    raise NotFoundError("no such entry", found=str(index))
                return {"receipt": self.receipt(index)}
            case asked.AskConsistency(old=old, new=new):
                return {"proof": self.consistency(old, new)}
            case asked.HandCosigned(note=note):  # judged by the shipped one, not here
                self.cosigned[parse_note(note.encode()).signatures[-1].name] = note
                return {"witnesses": len(self.cosigned)}
            case asked.AskCosignatures():
                return {"notes": list(self.cosigned.values())}
            case asked.AskHsm():
                if self.hsm is None:
                    raise NotFoundError("this keyholder tells nothing of its token")
                return self.hsm
            case asked.HandCollateral(documents=documents):  # judged by the shipped one, not here
                return {"kept": [e.digest for e in documents if self.proves(e)], "refused": []}
            case _:
                raise MalformedError("no ceremonies are held here", found=request.op)

    @contextlib.contextmanager
    def serving(self) -> Iterator[None]:
        """Accept connections while the block runs; end them with it, as a restart does."""
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.path.unlink(missing_ok=True)
        listener.bind(str(self.path))
        listener.listen(64)
        connections: list[socket.socket] = []
        threads: list[threading.Thread] = []

        def accept() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                connections.append(connection)
                thread = threading.Thread(target=self._talk, args=(connection,))
                thread.start()
                threads.append(thread)

        acceptor = threading.Thread(target=accept)
        acceptor.start()
        try:
            yield
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            listener.close()
            acceptor.join(10)
            for connection in connections:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
            for thread in threads:
                thread.join(10)
            for connection in connections:
                connection.close()

    def _talk(self, connection: socket.socket) -> None:
        with contextlib.suppress(KeyturnError, OSError):
            while (document := receive_frame(connection)) is not None:
                if self.misbehave is not None and self.misbehave(connection):
                    connection.shutdown(socket.SHUT_RDWR)
                    return
                try:
                    question = read_question(document)
                    self.asked.append(question)
                    answer = ok_answer(self.answer(question))
                except KeyturnError as error:
                    answer = dict(error_answer(error))
                send_frame(connection, answer)


def _path(hashes: list[bytes], index: int) -> list[bytes]:
    """The audit path, by RFC 6962 §2.1.1's own recursion."""
    if len(hashes) == 1:
        return []
    half = 1 << (len(hashes) - 1).bit_length() - 1
    if index < half:
        return [*_path(hashes[:half], index), _root(hashes[half:])]
    return [*_path(hashes[half:], index - half), _root(hashes[:half])]


def _root(hashes: list[bytes]) -> bytes:
    if len(hashes) == 1:
        return hashes[0]
    half = 1 << (len(hashes) - 1).bit_length() - 1
    return node_hash(_root(hashes[:half]), _root(hashes[half:]))  # type: ignore[arg-type]


@dataclass
class TestNode:
    """Asks for releases and beats; its evidence is nonsense that only a test's keyholder takes."""

    __test__ = False

    model: Digest
    name: str = NODE
    tls: ec.EllipticCurvePrivateKey = field(
        default_factory=lambda: ec.generate_private_key(ec.SECP256R1())
    )
    counter: int = 0

    def request(self, challenge: str, lease: str | None = None) -> bytes:
        renewal = lease is not None
        keys = NodeKeys(
            b"" if renewal else b"\x01" * HPKE_PUBLIC_SIZE,
            b"" if renewal else b"an RSA key",
            spki(self.tls),
        )
        return build_request(
            Purpose.RENEWAL if renewal else Purpose.RELEASE,
            bytes.fromhex(challenge),
            self.model,
            keys,
            NodeClaims.make(self.name, "a test", lease, ()),
            Evidence(SnpEvidence(b"report", b"vek", b"intermediate", b"root"), ()),
        )

    def beat(self, lease: str, clock: Clock, **changed: object) -> bytes:
        self.counter += 1
        values: dict[str, object] = {
            "node": self.name,
            "lease": lease,
            "model": self.model,
            "state": NodeReport.SERVING,
            "counter": self.counter,
            "time": clock(),
            "wiped_after_ms": None,
        }
        key = changed.pop("key", self.tls)
        payload = heartbeat_payload(**{**values, **changed})  # type: ignore[arg-type]
        return sign(HEARTBEAT_TYPE, payload, key)  # type: ignore[arg-type]


@dataclass
class World:
    """A control plane that listens, its keyholder, its officers and its clock."""

    directory: Path
    clock: Clock
    authority: Authority
    keyholder: LocalKeyholder
    server: ControlServer
    url: str
    pin: Pin

    def client(self, token: str | None = None, **options: object) -> httpx.Client:
        headers = {"authorization": f"Bearer {token}"} if token else {}
        return pinned_client(self.url, self.pin, headers=headers, timeout=20, **options)

    def sign_in_envelope(self, client: httpx.Client, by: Person, **changed: object) -> bytes:
        if "nonce" not in changed:
            changed["nonce"] = client.post("/v1/session/challenges", json={}).json()["nonce"]
        values = {
            "officer": by.id,
            "server": self.pin,
            "time": self.clock(),
            **{k: v for k, v in changed.items() if k != "key"},
        }
        key = changed.get("key", by.keys[0])
        return sign(SIGN_IN_TYPE, sign_in_payload(**values), key)  # type: ignore[arg-type]

    @contextlib.contextmanager
    def sign_in(self, name: str = "ada") -> Iterator[httpx.Client]:
        """A client with a session."""
        with self.client() as client:
            envelope = self.sign_in_envelope(client, self.authority.people[name])
            answer = client.post("/v1/sessions", json={"envelope": b64(envelope)})
            assert answer.status_code == 200, answer.text
            client.headers["authorization"] = f"Bearer {answer.json()['token']}"
            yield client

    def raw(self, data: bytes, *, end: bool = False) -> bytes:
        """Send bytes over TLS; all that comes back until the server hangs up or 5 s pass."""
        host, port = self.url.removeprefix("https://").split(":")
        with (
            socket.create_connection((host, int(port)), timeout=5) as plain,
            pinned_context(self.pin).wrap_socket(plain, server_hostname=host) as connection,
        ):
            connection.sendall(data)
            if end:
                return b""
            received = b""
            with contextlib.suppress(OSError):
                while piece := connection.recv(65536):
                    received += piece
            return received

    def catch_up(self) -> None:
        """Wait until the server has taken over all that the keyholder's log holds now.

        And until that step has ended: health tells the size while receipts are still fetched.
        """
        size = len(self.keyholder.leaves)
        with self.client() as client:

            def caught_up() -> bool:
                found = client.get("/healthz").json()
                return bool(found["log_size"] == size and found["status"] == "ok")

            self.until(caught_up)
        self.until(self.server.parts.follower._turned.is_set)

    def health(self) -> dict[str, object]:
        with self.client() as client:
            found: dict[str, object] = client.get("/healthz").json()
            return found

    def until(self, condition: Callable[[], bool], seconds: float = 10.0) -> None:
        """Ask again and again, a few milliseconds apart; fail after `seconds`."""
        end = time.monotonic() + seconds
        pause = threading.Event()
        while not condition():
            assert time.monotonic() < end, "it did not come to pass"
            pause.wait(0.01)

    def withdrawal(self, digest: str, by: str = "ada") -> bytes:
        payload = withdrawal_payload(
            Digest(digest), officer=by, time=self.clock(), reason="not any more"
        )
        return sign(WITHDRAWAL_TYPE, payload, self.authority.people[by].keys[0])


@cache
def _newest_tables() -> bytes:
    """A SQLite file as `upgrade` leaves an empty one: made once, for each server's first start."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "newest.db"
        database = open_database(f"sqlite:///{path}")
        upgrade(database)
        database.close()
        return path.read_bytes()


@contextlib.contextmanager
def running_world(directory: Path, **config: object) -> Iterator[World]:
    """Genesis, the keyholder's socket and the server, all stopped at the end."""
    clock = Clock()
    authority = Authority(clock)
    keyholder = LocalKeyholder(directory / "keyholder.sock", authority, clock)
    with keyholder.serving(), running_server(directory, keyholder, clock, **config) as world:
        yield world


@contextlib.contextmanager
def running_server(
    directory: Path,
    keyholder: LocalKeyholder,
    clock: Clock,
    *,
    caught_up: bool = True,
    opened: Callable[[str], Database] = open_database,
    prepare: Callable[[ControlServer], None] = lambda _: None,
    settled: bool = True,
    **config: object,
) -> Iterator[World]:
    """A server on a free port, in a thread of its own; caught up with the log.

    `opened` opens the database, `prepare` is given the server before it runs: tests that kill it.
    `settled`: a first one does not report its settings, so that no entry comes by itself.
    """
    settings = replace(
        ControlConfig(
            data=directory / "control",
            keyholder=keyholder.path,
            fingerprint=keyholder.fingerprint,
            port=0,
            poll_seconds=0.02,
        ),
        **config,  # type: ignore[arg-type]
    )
    settings.data.mkdir(exist_ok=True)
    last = settings.data / TOLD_FILE
    if settled and not last.exists():
        last.write_bytes(settings_document(Program.CONTROL, SOFTWARE, told(settings)))
    identity = server_identity(settings.data / "tls", (), clock())
    if settings.database_url.startswith("sqlite:///"):
        path = Path(settings.database_url.removeprefix("sqlite:///"))
        if not path.exists():
            path.write_bytes(_newest_tables())
    database = opened(settings.database_url)
    upgrade(database)
    listening = threading.Event()
    url: list[str] = []

    def on_ready(at: str) -> None:
        url.append(at)
        listening.set()

    server = make_server(settings, identity, database, on_ready, clock)
    prepare(server)

    def run() -> None:
        with contextlib.suppress(TaskFailed):  # a test that killed it
            asyncio.run(serve(server))

    thread = threading.Thread(target=run)
    thread.start()
    try:
        assert listening.wait(20)
        world = World(
            directory, clock, keyholder.authority, keyholder, server, url[0], identity.pin
        )
        if caught_up:
            world.catch_up()
        yield world
    finally:
        server.should_exit = True
        thread.join(30)
        database.close()
        assert not thread.is_alive()
