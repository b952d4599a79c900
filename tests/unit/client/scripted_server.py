"""The other end of the officers' API, in memory, which serves truly and can be told to lie.

It judges submissions with the quorum code that a keyholder uses, keeps a real signed log and
answers over `httpx.MockTransport`: no socket. A lie is a function that changes one answer.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import httpx
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from keyturn.base.encoding import Digest, b64, digest_of, sha256, unb64
from keyturn.base.errors import KeyturnError
from keyturn.base.signatures import Algorithm, load_verify_key
from keyturn.base.times import format_time
from keyturn.client.client import KeyturnClient
from keyturn.client.memory import Memory
from keyturn.client.profile import Profile
from keyturn.client.transport import Transport
from keyturn.keyrelease.continuation import previous_check, root_of
from keyturn.officerkeys.keypair import OfficerSecret, generate
from keyturn.officerkeys.location import InFile
from keyturn.officerkeys.signer import OfficerSigner
from keyturn.quorum.approvals import parse_approval, parse_withdrawal
from keyturn.quorum.bundle import make_bundle
from keyturn.quorum.enrolment import LONGEST_WAIT, check_enrolment, parse_enrolment
from keyturn.quorum.entries import (
    DecisionEntry,
    StatementEntry,
    WithdrawalEntry,
    decision_entry,
    origin_entry,
    statement_entry,
    withdrawal_entry,
)
from keyturn.quorum.judge import signer_of
from keyturn.quorum.kinds import Kind
from keyturn.quorum.state import AuthorityState
from keyturn.quorum.statements import parse_statement
from keyturn.tlog.checkpoints import Checkpoint, SignedCheckpoint, sign_checkpoint
from keyturn.tlog.merkle import Frontier, Hash, leaf_hash, tree_root
from keyturn.tlog.notes import parse_note
from keyturn.tlog.proofs import consistency_proof, inclusion_proof
from keyturn.tlog.receipts import Receipt
from keyturn.wire.signin import parse_sign_in
from keyturn.wire.tls import Pin
from support.authority import Authority, Clock, Person, spki
from support.authority import Proposal as Made
from support.carried import Shelf

PIN = Pin("ab" * 32)
ORIGIN = "test.example/log"
URL = "https://control.test"
Document = dict[str, object]
Lie = Callable[[Document], Document]


@dataclass
class Held:
    """One proposal in the server's inbox."""

    statement: bytes
    approvals: list[bytes] = field(default_factory=list)
    status: str = "open"
    index: int | None = None
    receipt: Document | None = None
    refusal: Document | None = None


class ScriptedServer:
    """An authority with five officers, its log, and the API over both."""

    def __init__(self, clock: Clock, *, simulation: bool = True) -> None:
        self.clock = clock
        self.authority = Authority(clock, simulation=simulation)
        self.secrets = {
            name: generate(name, name.title(), algorithm(place))
            for place, name in enumerate(self.authority.people)
        }
        for name, secret in self.secrets.items():
            self.authority.people[name] = Person(name, [private_key(secret)])
        self.log_key = ed25519.Ed25519PrivateKey.generate()
        self.origin = ORIGIN
        self.enrolments: dict[str, tuple[bytes, datetime]] = {}
        self.leaves: list[bytes] = []
        self.objects: dict[str, bytes] = {}
        self.held: dict[str, Held] = {}
        self.models: list[Document] = []
        self.manifests: dict[str, bytes] = {}
        self.nodes: list[Document] = []
        self.evidence: dict[str, bytes] = {}
        self.evidence_room = 100
        self.shelf: Shelf | None = None  # its collateral; None: it is of an older version
        self.hsm: Document | None = None  # what its keyholder tells of its token, if anything
        self.events: list[Document] = []
        self.denied: dict[str, str] = {}
        self.lies: dict[str, Lie] = {}
        self.asked: list[tuple[str, str]] = []
        self.tokens: set[str] = set()
        self.cosigned: dict[str, str] = {}
        self._found()

    def _found(self) -> None:
        roster = self.authority.approved(Kind.ROSTER, "roster", self.authority.roster_body())
        self.fingerprint = roster.digest
        self.state = AuthorityState(self.fingerprint)
        self.append(origin_entry(self.clock(), self.fingerprint))
        self.enter(roster)
        self.authority.entered(Kind.ROSTER, "roster", roster)
        self.enact(Kind.KEYS, "keys", self.keys_body())

    # ---- the truth ----

    def keys_body(self) -> Document:
        ingest = (
            rsa_key()
            .public_key()
            .public_bytes(
                serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
            )
        )
        result = spki(ec.generate_private_key(ec.SECP256R1()))
        entries = [
            ("ingest", "rsa-3072", ingest, "sha256"),
            ("log", "ed25519", spki(self.log_key), None),
            ("result", "p256", result, None),
        ]
        return {
            "origin": self.origin,
            "assurance": "software",
            "keys": [
                {"purpose": p, "algorithm": a, "spki": b64(key), "oaep_hash": h}
                for p, a, key, h in entries
            ],
        }

    def enact(self, kind: Kind, subject: str, body: Document) -> Digest:
        """In force, as if officers had approved it long ago."""
        made = self.authority.approved(kind, subject, body)
        self.enter(made)
        self.authority.entered(kind, subject, made)
        return made.digest

    def post(self, made: Made) -> Digest:
        """An open proposal, with whatever approvals it has."""
        self.held[made.digest] = Held(made.raw, list(made.approvals))
        return made.digest

    def enter(self, made: Made) -> None:
        self.post(made)
        self._try(self.held[made.digest])
        assert self.held[made.digest].status == "in-force", self.held[made.digest].refusal

    def record(self, statement: bytes, approval: bytes) -> int:
        """A decision into the log, before any quorum."""
        said = parse_approval(approval)
        envelopes = (self.put(statement), self.put(approval))
        entry = DecisionEntry(said.statement, said.officer, said.decision, envelopes)
        return self.append(decision_entry(self.clock(), entry))

    def append(self, leaf: bytes) -> int:
        check = previous_check(root_of(Frontier(), self.leaves))
        self.state = self.state.apply(leaf, lambda digest: self.objects[digest], check)
        self.leaves.append(leaf)
        return len(self.leaves) - 1

    def replace_log_key(self) -> None:
        """The token is lost: the log goes on under another key and origin."""
        previous = self.checkpoint().to_bytes().decode()
        self.append(origin_entry(self.clock(), self.fingerprint, previous))
        self.log_key, self.origin = ed25519.Ed25519PrivateKey.generate(), f"{self.origin}2"
        self.enact(Kind.KEYS, "keys", self.keys_body())

    def put(self, data: bytes) -> Digest:
        self.objects[digest_of(data)] = data
        return digest_of(data)

    def checkpoint(self, size: int | None = None) -> SignedCheckpoint:
        size = len(self.leaves) if size is None else size
        root = tree_root(leaf_hash(leaf) for leaf in self.leaves[:size])
        key = load_verify_key(spki(self.log_key))
        return sign_checkpoint(Checkpoint(self.origin, size, root), key, self.log_key.sign)

    def node(self, level: int, index: int) -> Hash:
        part = self.leaves[index << level : (index + 1) << level]
        return tree_root(leaf_hash(leaf) for leaf in part)

    def receipt(self, index: int) -> Document:
        size = len(self.leaves)
        proof = inclusion_proof(index, size, self.node)
        note = self.checkpoint().to_bytes()
        document = json.loads(Receipt(index, self.leaves[index], proof, note).to_bytes())
        assert isinstance(document, dict)
        return document

    def _try(self, held: Held) -> None:
        statement = parse_statement(held.statement)
        approvals = [parse_approval(each) for each in held.approvals]
        try:
            self.state.submit(statement, approvals, self.clock())
        except KeyturnError as error:
            held.refusal = error_body(error)
            return
        envelopes = tuple(self.put(each) for each in (held.statement, *held.approvals))
        entry = StatementEntry(
            statement.digest, statement.kind, statement.subject, statement.version, envelopes
        )
        held.index = self.append(statement_entry(self.clock(), entry))
        held.receipt, held.status, held.refusal = self.receipt(held.index), "in-force", None

    # ---- the API ----

    def lie(self, path: str, change: Lie) -> None:
        """Change every answer to a path from now on."""
        self.lies[path] = change

    def handle(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        self.asked.append((request.method, path))
        try:
            answer = self._answer(request, path)
        except KeyturnError as error:
            return httpx.Response(400, json={"error": error_body(error)})
        except KeyError:
            body = {"kind": "not-found", "message": "no such thing", "found": path}
            return httpx.Response(404, json={"error": body})
        if path in self.denied:
            body = {"kind": "role", "message": "the roles of ada do not include this"}
            body |= {"found": self.denied[path], "expected": "operator"}
            return httpx.Response(403, json={"error": body})
        if answer is None:
            body = {"kind": "no-session", "message": "sign in", "found": "", "expected": ""}
            return httpx.Response(401, json={"error": body})
        return httpx.Response(200, json=self.lies.get(path, lambda true: true)(answer))

    def _answer(self, request: httpx.Request, path: str) -> Document | None:
        openly: dict[str, Callable[[], Document]] = {
            "/v1/hello": self._hello,
            "/v1/authority": lambda: {"bundle": b64(make_bundle(self.state))},
            "/v1/session/challenges": lambda: {
                "nonce": "17" * 32,
                "expires": format_time(self.clock()),
            },
        }
        if path in openly:
            return openly[path]()
        body = json.loads(request.content) if request.content else {}
        if (request.method, path) == ("POST", "/v1/enrolments"):
            return self._take_enrolment(unb64(body["envelope"]))
        if path == "/v1/sessions":
            return self._session(unb64(body["envelope"]))
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if token not in self.tokens:
            return None
        if path.startswith("/v1/log/"):
            return self._log(path.removeprefix("/v1/log/"), request.url.params, body)
        if path.startswith("/v1/enrolments"):
            return self._enrolments(request.method, path.removeprefix("/v1/enrolments").strip("/"))
        if path.startswith("/v1/proposals"):
            return self._proposals(path.removeprefix("/v1/proposals").strip("/"), body)
        if path.startswith("/v1/collateral") and self.shelf is not None:
            return self.shelf.answer(request.method, path, body)
        return self._inventory(path, body)

    def _inventory(self, path: str, body: Document) -> Document | None:
        if path == "/v1/hsm":
            if self.hsm is None:
                raise KeyError(path)
            return self.hsm
        if path == "/v1/evidence/batch":
            kept = [each for each in body["digests"] if each in self.evidence]
            chosen, left = kept[: self.evidence_room], kept[self.evidence_room :]
            found = [{"digest": each, "data": b64(self.evidence[each])} for each in chosen]
            return {"found": found, "left": left}
        if path.startswith("/v1/evidence/"):
            return {"data": b64(self.evidence[path.removeprefix("/v1/evidence/")])}
        if path == "/v1/models":
            return self._models(body)
        if path.endswith("/manifest"):
            manifest = self.manifests.get(path.split("/")[-2])
            return None if manifest is None else {"manifest": b64(manifest)}
        return self._nodes(path.removeprefix("/v1/nodes").strip("/"))

    def _take_enrolment(self, raw: bytes) -> Document:
        request = parse_enrolment(raw)
        check_enrolment(request, self.state, self.clock())
        self.enrolments.setdefault(request.digest, (raw, self.clock()))
        until = format_time(self.clock() + LONGEST_WAIT)
        return {"digest": request.digest, "until": until}

    def _enrolments(self, method: str, digest: str) -> Document:
        if method == "DELETE":
            del self.enrolments[digest]
            return {"digest": digest}
        return {
            "enrolments": [
                {"envelope": b64(raw), "received": format_time(received)}
                for raw, received in self.enrolments.values()
            ]
        }

    def _hello(self) -> Document:
        return {
            "software": "scripted",
            "fingerprint": self.fingerprint,
            "origin": self.origin,
            "simulation": self.authority.simulation,
            "time": format_time(self.clock()),
            "roster_index": self.state.newest[(Kind.ROSTER, "roster")].index,
        }

    def _session(self, raw: bytes) -> Document:
        signed = parse_sign_in(raw)
        assert self.state.roster is not None
        officer = signer_of(signed.envelope, self.state.roster)
        assert (officer.id, signed.server, signed.nonce) == (signed.officer, PIN, "17" * 32)
        token = sha256(raw + bytes([len(self.tokens)])).hex()
        self.tokens.add(token)
        return {
            "token": token,
            "officer": officer.id,
            "roles": sorted(role.value for role in officer.roles),
            "expires": format_time(self.clock().replace(year=self.clock().year + 1)),
        }

    def _cosignatures(self, body: Document) -> Document:
        """What is handed in is kept by the name of its last line, and not judged."""
        if body:
            note = str(body["note"])
            self.cosigned[parse_note(note.encode()).signatures[-1].name] = note
            return {"witnesses": len(self.cosigned)}
        return {"notes": list(self.cosigned.values())}

    def _log(self, what: str, params: httpx.QueryParams, body: Document) -> Document:
        if what == "checkpoint":
            return {"note": self.checkpoint().to_bytes().decode()}
        if what == "cosignatures":
            return self._cosignatures(body)
        if what == "entries":
            start, end = int(params["start"]), int(params["end"])
            leaves = [b64(leaf) for leaf in self.leaves[start : min(end, start + 3)]]
            return {"start": start, "leaves": leaves, "size": len(self.leaves)}
        if what == "consistency":
            proof = consistency_proof(int(params["old"]), int(params["new"]), self.node)
            return {"proof": [each.hex() for each in proof]}
        kind, _, name = what.partition("/")
        if kind == "receipts":
            return {"receipt": self.receipt(int(name))}
        return {"data": b64(self.objects[name])}

    def _proposals(self, rest: str, body: Document) -> Document:
        if not rest and body:
            statement = parse_statement(unb64(str(body["statement"])))
            self.held[statement.digest] = Held(statement.raw)
            return self.view(statement.digest)
        if not rest:
            return {"proposals": [self.view(digest) for digest in self.held]}
        digest, _, what = rest.partition("/")
        held = self.held[digest]
        if what == "export":
            return {
                "type": "proposal-export",
                "format": 1,
                "statement": b64(held.statement),
                "approvals": [b64(each) for each in held.approvals],
                "bundle": b64(make_bundle(self.state)),
            }
        if what == "approvals":
            held.approvals.append(unb64(str(body["envelope"])))
            self._try(held)
        elif what == "withdrawal":
            raw = unb64(str(body["envelope"]))
            named = parse_withdrawal(raw).statement
            envelopes = (self.put(held.statement), self.put(raw))
            self.append(withdrawal_entry(self.clock(), WithdrawalEntry(named, envelopes)))
            held.status = "withdrawn"
        return self.view(digest)

    def view(self, digest: str) -> Document:
        held = self.held[digest]
        statement = parse_statement(held.statement)
        return {
            "digest": digest,
            "kind": statement.kind.value,
            "subject": statement.subject,
            "status": held.status,
            "index": held.index,
            "receipt": held.receipt,
            "refusal": held.refusal,
            "statement": b64(held.statement),
            "approvals": [b64(each) for each in held.approvals],
        }

    def _nodes(self, name: str) -> Document:
        if not name:
            return {"nodes": self.nodes}
        return {str(each["name"]): each for each in self.nodes}[name]

    def _models(self, body: Document) -> Document:
        if not body:
            return {"models": self.models}
        manifest = json.loads(unb64(str(body["manifest"])))
        key = json.loads(unb64(str(body["key"])))
        model: Document = {
            "digest": digest_of(unb64(str(body["manifest"]))),
            "model_id": manifest["model_id"],
            "name": manifest["name"],
            "version": manifest["version"],
            "files": 1,
            "bytes": 10,
            "ingest_key": "00" * 32,
            "tag": key["tag"],
            "admitted": True,  # nobody believes this
            "admission": None,
            "policy": None,
            "has_kek_wrapped": False,
            "registered": format_time(self.clock()),
        }
        self.models.append(model)
        self.manifests[str(model["digest"])] = unb64(str(body["manifest"]))
        return model

    # ---- a client of it ----

    def transport(self) -> Transport:
        return Transport(httpx.Client(transport=httpx.MockTransport(self.handle), base_url=URL))

    def profile(self, officer: str = "ada") -> Profile:
        return Profile(URL, PIN, self.fingerprint, officer, InFile(Path("unused")))

    def client(self, officer: str = "ada", memory: Memory | None = None) -> KeyturnClient:
        signer = OfficerSigner(self.secrets[officer])
        return KeyturnClient(
            self.profile(officer),
            memory or Memory(self.fingerprint),
            self.transport(),
            now=self.clock,
            signer=lambda: signer,
        )


def algorithm(place: int) -> Algorithm:
    return Algorithm.P256 if place % 2 else Algorithm.ED25519


def private_key(secret: OfficerSecret) -> ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey:
    raw = bytes(secret.private_copy()[:32])
    if secret.public.algorithm.value == "ed25519":
        return ed25519.Ed25519PrivateKey.from_private_bytes(raw)
    return ec.derive_private_key(int.from_bytes(raw, "big"), ec.SECP256R1())


def error_body(error: KeyturnError) -> Document:
    return {
        "kind": getattr(getattr(error, "reason", None), "value", "malformed"),
        "message": error.message,
        "found": error.found,
        "expected": error.expected,
        "hint": error.hint,
    }


_RSA: list[rsa.RSAPrivateKey] = []


def rsa_key() -> rsa.RSAPrivateKey:
    """One for the whole run: making it is slow, and nobody here uses it."""
    if not _RSA:
        _RSA.append(rsa.generate_private_key(65537, 3072))
    return _RSA[0]
