"""A control plane that lies: real answers over pinned TLS, edited on their way to the client.

`Liar` stands between a client and its server; at most one `Lie` is told at a time, and without
one every answer passes as it is. The lies below are what a stolen server could say; those that
need a key (the log's, an outsider's) are given it.
"""

import contextlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from unittest import mock

import httpx
from cryptography.hazmat.primitives.asymmetric import ed25519

from keyturn.base.dsse import Envelope, parse_envelope
from keyturn.base.encoding import Digest, b64, digest_of, unb64
from keyturn.base.signatures import VerifyKey
from keyturn.client import transport as client_transport
from keyturn.client.client import KeyturnClient
from keyturn.client.connection import Clock
from keyturn.client.memory import Memory
from keyturn.client.profile import Profile
from keyturn.client.transport import TIMEOUT, Transport
from keyturn.officerkeys.signer import Signer
from keyturn.quorum.approvals import APPROVAL_TYPE, Decision, approval_payload
from keyturn.tlog.checkpoints import Checkpoint, sign_checkpoint
from keyturn.tlog.merkle import Hash
from keyturn.tlog.notes import Sign
from keyturn.wire.tls import Pin, pinned_context
from support.authority import START, sign

Document = dict[str, object]
Edit = Callable[[httpx.Request, Document], Document]
"""Gives what is said instead; the same document where it is not lied about."""


@dataclass(frozen=True)
class Lie:
    """One lie, with the name that tests show for it."""

    name: str
    edit: Edit


@dataclass
class Liar:
    """What sits in between. `told` counts the answers that were changed."""

    lie: Lie | None = None
    told: int = 0
    asked: list[str] = field(default_factory=list)

    @contextlib.contextmanager
    def telling(self, lie: Lie) -> Iterator[None]:
        """Lie for a while; afterwards it is an honest server again."""
        self.lie = lie
        try:
            yield
        finally:
            self.lie = None

    def http(self, url: str, pin: Pin, **options: object) -> httpx.Client:
        """As `keyturn.wire.tls.pinned_client`, through this liar."""
        real = httpx.HTTPTransport(verify=pinned_context(pin), trust_env=False)
        return httpx.Client(
            base_url=url,
            transport=LyingTransport(real, self),
            trust_env=False,
            **options,  # type: ignore[arg-type]
        )

    def client(
        self, profile: Profile, state: Path | None, *, now: Clock, signer: Signer
    ) -> KeyturnClient:
        """As `KeyturnClient.open`, through this liar."""
        http = self.http(profile.server, profile.pin, timeout=TIMEOUT, follow_redirects=False)
        memory = Memory(profile.fingerprint, state)
        return KeyturnClient(profile, memory, Transport(http), now=now, signer=lambda: signer)

    @contextlib.contextmanager
    def in_the_way(self) -> Iterator[None]:
        """Every client that this process opens meanwhile talks through this liar."""
        with mock.patch.object(client_transport, "pinned_client", self.http):
            yield


class LyingTransport(httpx.BaseTransport):
    """Hands on what the real transport answers, JSON edited; streams of events pass untouched."""

    def __init__(self, real: httpx.BaseTransport, liar: Liar) -> None:
        self._real = real
        self._liar = liar

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        response = self._real.handle_request(request)
        self._liar.asked.append(f"{request.method} {request.url.path}")
        lie = self._liar.lie
        kind = response.headers.get("content-type", "")
        if lie is None or not kind.startswith("application/json"):
            return response
        raw = response.read()
        response.close()
        true = json.loads(raw)
        said = lie.edit(request, json.loads(raw))
        if said == true:
            return httpx.Response(response.status_code, headers={"content-type": kind}, content=raw)
        self._liar.told += 1
        return httpx.Response(200, json=said)

    def close(self) -> None:
        self._real.close()


# ---- lies about proposals ----


def forged_approval(digest: Digest, officer: str) -> Lie:
    """An approval in an officer's name, signed by a key that nobody knows."""
    stranger = ed25519.Ed25519PrivateKey.generate()
    payload = approval_payload(digest, Decision.APPROVE, officer=officer, time=START)
    return _of_view(
        "forged approval", digest, _with_approval(sign(APPROVAL_TYPE, payload, stranger))
    )


def approval_by_an_outsider(digest: Digest) -> Lie:
    """Well signed, by somebody whom no roster names."""
    mallory = ed25519.Ed25519PrivateKey.generate()
    payload = approval_payload(digest, Decision.APPROVE, officer="mallory", time=START)
    return _of_view(
        "approval by an outsider", digest, _with_approval(sign(APPROVAL_TYPE, payload, mallory))
    )


def approval_under_another_name(digest: Digest, genuine: bytes, officer: str) -> Lie:
    """A genuine approval whose officer was written over."""
    envelope = parse_envelope(genuine)
    payload = json.loads(envelope.payload)
    payload["officer"] = officer
    changed = Envelope(envelope.payload_type, _dumped(payload), envelope.signatures).to_bytes()
    return _of_view("approval under another name", digest, _with_approval(changed))


def approval_of_another(digest: Digest, approval: bytes) -> Lie:
    """A genuine approval, shown below a statement that it is not over."""
    return _of_view("approval of another statement", digest, _with_approval(approval))


def edited_body(digest: Digest, **changed: object) -> Lie:
    """The statement's body says something else; digest and signature are left as they are."""

    def edit(view: Document) -> None:
        envelope = parse_envelope(_raw(view["statement"]))
        payload = json.loads(envelope.payload)
        payload["body"] = {**payload["body"], **changed}
        edited = Envelope(envelope.payload_type, _dumped(payload), envelope.signatures)
        view["statement"] = b64(edited.to_bytes())

    return _of_view("edited body", digest, edit)


def edited_body_with_its_digest(digest: Digest, **changed: object) -> Lie:
    """As `edited_body`, the digest made to fit."""

    def edit(view: Document) -> None:
        envelope = parse_envelope(_raw(view["statement"]))
        payload = json.loads(envelope.payload)
        payload["body"] = {**payload["body"], **changed}
        raw = _dumped(payload)
        view["digest"] = digest_of(raw)
        view["statement"] = b64(
            Envelope(envelope.payload_type, raw, envelope.signatures).to_bytes()
        )

    return _of_view("edited body with its digest", digest, edit)


def called_in_force(digest: Digest, receipt: Document | None) -> Lie:
    """An open proposal is shown as in force, with the receipt of some other entry or none."""

    def edit(view: Document) -> None:
        view["status"] = "in-force"
        view["receipt"] = receipt
        view["index"] = receipt and receipt["index"]

    return _of_view("called in force", digest, edit)


# ---- lies about the log ----


def wrong_inclusion_proof(index: int) -> Lie:
    """One bit of the proof's first hash is another."""

    def edit(document: Document) -> Document:
        proof = _inner(document, "receipt")["proof"]
        assert isinstance(proof, list)
        proof[0] = _flipped(proof[0])
        return document

    return _at(f"/v1/log/receipts/{index}", "wrong inclusion proof", edit)


def receipt_of_another_entry(index: int, other: Document) -> Lie:
    """A genuine receipt, of another index than the one asked for."""
    return _at(f"/v1/log/receipts/{index}", "receipt of another entry", lambda _: other)


def older_checkpoint(note: bytes) -> Lie:
    """A genuine checkpoint from before: the log seems to have shrunk."""
    return _at("/v1/log/checkpoint", "older checkpoint", lambda _: {"note": note.decode()})


def forked_checkpoint(log_key: VerifyKey, sign_log: Sign, origin: str, *, more: int = 0) -> Lie:
    """Another history under the log's own key; `more` entries longer than the true one."""

    def edit(request: httpx.Request, document: Document) -> Document:
        if request.url.path == "/v1/log/consistency":
            return {"proof": ["00" * 32]} if more else document
        if request.url.path != "/v1/log/checkpoint":
            return document
        size = int(str(document["note"]).split("\n")[1]) + more
        fork = Checkpoint(origin, size, Hash(b"\xfe" * 32))
        return {"note": sign_checkpoint(fork, log_key, sign_log).to_bytes().decode()}

    return Lie("longer fork" if more else "fork of the same size", edit)


def unsigned_checkpoint() -> Lie:
    """A larger size under the signature of the true one."""

    def edit(document: Document) -> Document:
        lines = str(document["note"]).split("\n")
        lines[1] = str(int(lines[1]) + 1)
        return {"note": "\n".join(lines)}

    return _at("/v1/log/checkpoint", "checkpoint with another size", edit)


def dropped_entry(index: int) -> Lie:
    """An entry is left out, and those behind it move up."""

    def edit(document: Document) -> Document:
        start, leaves = document["start"], document["leaves"]
        assert isinstance(start, int)
        assert isinstance(leaves, list)
        if start <= index < start + len(leaves):
            del leaves[index - start]
        return document

    return _at("/v1/log/entries", "dropped entry", edit)


def edited_entry(index: int, old: bytes, new: bytes) -> Lie:
    """An entry reads otherwise."""

    def edit(document: Document) -> Document:
        start, leaves = document["start"], document["leaves"]
        assert isinstance(start, int)
        assert isinstance(leaves, list)
        if start <= index < start + len(leaves):
            leaves[index - start] = b64(_raw(leaves[index - start]).replace(old, new))
        return document

    return _at("/v1/log/entries", "edited entry", edit)


def swapped_object(digest: Digest, data: bytes) -> Lie:
    """Other bytes under an object's digest."""
    return _at(f"/v1/log/objects/{digest}", "swapped object", lambda _: {"data": b64(data)})


# ---- lies about models ----


def edited_model(digest: Digest, /, **changed: object) -> Lie:
    """A model's row in the inventory says something else than its admission."""

    def edit(request: httpx.Request, document: Document) -> Document:
        if request.url.path == "/v1/models":
            for each in _list(document, "models"):
                if each["digest"] == digest:
                    each.update(changed)
        return document

    return Lie("edited model", edit)


# ---- inside ----


def _at(path: str, name: str, edit: Callable[[Document], Document]) -> Lie:
    return Lie(
        name, lambda request, document: edit(document) if request.url.path == path else document
    )


def _of_view(name: str, digest: Digest, edit: Callable[[Document], None]) -> Lie:
    """Edits a proposal's view, in the list and by itself."""

    def whole(request: httpx.Request, document: Document) -> Document:
        views = _list(document, "proposals") if "proposals" in document else [document]
        for view in views:
            if view.get("digest") == digest and "statement" in view:
                edit(view)
        return document

    return Lie(name, whole)


def _with_approval(envelope: bytes) -> Callable[[Document], None]:
    def edit(view: Document) -> None:
        approvals = view["approvals"]
        assert isinstance(approvals, list)
        approvals.append(b64(envelope))

    return edit


def _list(document: Document, name: str) -> list[Document]:
    found = document[name]
    assert isinstance(found, list)
    return found


def _inner(document: Document, name: str) -> Document:
    found = document[name]
    assert isinstance(found, dict)
    return found


def _raw(text: object) -> bytes:
    return unb64(str(text), what="a test")


def _flipped(digits: str) -> str:
    return f"{int(digits[0], 16) ^ 1:x}{digits[1:]}"


def _dumped(payload: object) -> bytes:
    return json.dumps(payload, separators=(",", ":")).encode()
