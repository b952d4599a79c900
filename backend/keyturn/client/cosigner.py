"""A profile's cosigning key and its memory: what it signed, and which revocations it owes.

All of it stands in one file, with the half of the key that is stored nowhere else: who loses the
memory has lost the key (our protocol §9.7, docs/decisions/0020). Every change is made under a
lock, is durable before anything is signed, and is read from the disk again each time: two windows
on one profile are one witness.
"""

import secrets
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from keyturn.base.encoding import Digest, b64, digest_bytes, lp, unb64
from keyturn.base.errors import KeyturnError, MalformedError
from keyturn.base.signatures import load_verify_key
from keyturn.base.strictjson import dump, parse_object
from keyturn.client.errors import FileUnusable, MalformedProfile
from keyturn.client.profile import alone, write_atomically
from keyturn.keyrelease.cosigning import (
    MAX_STATE,
    LogState,
    Pending,
    check_clock,
    check_extends,
    check_nothing_owed,
    check_starts_from,
    read_state,
)
from keyturn.keyrelease.errors import OtherSize
from keyturn.officerkeys.signer import Signer
from keyturn.quorum.state import AuthorityState
from keyturn.tlog.checkpoints import SignedCheckpoint, Witness, cosign
from keyturn.tlog.notes import NoteSignature
from keyturn.tlog.proofs import Proof

MAX_OWED = 100
MAX_LOGS = 20
MAX_ENVELOPES = 16 << 20
"""Bytes of one revocation's file."""
SECRET_SIZE = 32
LABEL = b"keyturn-cosigner-v1"


class TooManyOwed(KeyturnError):
    """More revocations are missing from the log than are kept; nothing is cosigned anyway."""


@dataclass(frozen=True, slots=True)
class _Kept:
    """`secret`: half of the key. `logs`: by origin; one authority has one log."""

    secret: bytes = field(repr=False)
    logs: Mapping[str, LogState] = field(default_factory=dict)

    def of(self, origin: str) -> LogState:
        """What is known of the log, whatever it was called (our protocol §9.3, §9.7)."""
        known = max(self.logs.values(), key=lambda each: each.size, default=LogState(origin))
        return known.renamed(origin)

    def with_log(self, state: LogState) -> "_Kept":
        return replace(self, logs={state.origin: state})


class Cosigner:
    """One officer's, of one authority. Without a directory it lasts for this run only."""

    def __init__(self, fingerprint: Digest, officer: str, directory: Path | None) -> None:
        """`directory`: the profile's memory of this authority."""
        self._fingerprint = fingerprint
        self._officer = officer
        self._directory = directory
        self._now: _Kept | None = None

    @property
    def name(self) -> str:
        """As it stands in signature lines."""
        return f"officer-{self._officer}"

    def witness(self, signer: Signer) -> Witness:
        """The public half; the key is made when there is none yet. Raises as `state`."""
        with self._alone():
            kept = self._load()
            if kept is None:
                kept = self._made()
                self._keep(kept)
        return self._witness(self._key(signer, kept))

    def state(self, origin: str) -> LogState:
        """Raises MalformedProfile when the file is not what was written, FileUnusable."""
        with self._alone():
            kept = self._load()
        return LogState(origin) if kept is None else kept.of(origin)

    def owe(
        self, origin: str, new: Pending, statement: bytes, approvals: Sequence[bytes]
    ) -> LogState:
        """Nothing is cosigned from here on until the log has it; its envelopes are kept first.

        Raises TooManyOwed, FileUnusable: then it is not owed.
        """
        with self._alone():
            kept = self._load() or self._made()
            state = kept.of(origin)
            if state.owing(new) is state:
                return state
            if len(state.pending) >= MAX_OWED:
                raise TooManyOwed(
                    "too many revocations are missing from the log", expected=f"{MAX_OWED} at most"
                )
            self._keep_envelopes(new.statement, statement, approvals)
            self._keep(kept.with_log(state.owing(new)))
            return state.owing(new)

    def envelopes(self, digest: Digest) -> tuple[bytes, tuple[bytes, ...]] | None:
        """Statement and approvals of a revocation that is owed, to be handed to others."""
        path = self._envelopes_path(digest)
        if path is None:
            return None
        try:
            raw = path.read_bytes()
            fields = parse_object(raw, limit=MAX_ENVELOPES, what="revocation kept")
            fields.literal("type", "revocation-owed")
            fields.literal("format", 1)
            statement = fields.b64("statement", limit=2 << 20)
            approvals = tuple(unb64(each) for each in fields.texts("approvals", limit=1000))
            fields.done()
        except (OSError, MalformedError):
            return None
        return statement, approvals

    def settle(self, origin: str, state: AuthorityState) -> LogState:
        """What is owed still, by what the log has shown: its replayed state."""
        with self._alone():
            kept = self._load()
            known = LogState(origin) if kept is None else kept.of(origin)
            left = known.settled_by(state)
            if kept is not None and left is not known:
                self._keep(kept.with_log(left))
                self._forget_envelopes(known, left)
            return left

    def cosign(
        self, signer: Signer, signed: SignedCheckpoint, old: int, proof: Proof, now: int
    ) -> NoteSignature:
        """This key's line over a verified checkpoint. `old` and `proof`: from the size
        that `state` named. Whether the key is a witness, and what settles what is owed, is
        decided before this.

        Raises OtherSize (another window was quicker: ask `state` again), Forked, BadProof,
        RevocationMissing, ClockWentBack, FileUnusable; then nothing was signed.
        """
        at = signed.checkpoint
        with self._alone():
            kept = self._load() or self._made()
            state = kept.of(at.origin)
            check_starts_from(state, old)
            if at.size < state.size:
                raise OtherSize(state.size, at.size)
            check_extends(state, signed, proof)
            check_nothing_owed(state)
            check_clock(state, now)
            key = self._key(signer, kept)  # an officer's key may be locked away: before writing
            self._keep(kept.with_log(state.advanced(signed, time=now)))
            return cosign(at, self._witness(key), now, key.sign)

    # ---- inside ----

    def _alone(self) -> AbstractContextManager[None]:
        if self._directory is None:
            return nullcontext()
        return alone(self._directory / f"cosigner-{self._officer}.lock")

    def _key(self, signer: Signer, kept: _Kept) -> ed25519.Ed25519PrivateKey:
        info = LABEL + lp(self._fingerprint.encode()) + lp(self._officer.encode())
        material = signer.derived(info) + kept.secret
        seed = HKDF(hashes.SHA256(), 32, None, info).derive(material)
        return ed25519.Ed25519PrivateKey.from_private_bytes(seed)

    def _witness(self, key: ed25519.Ed25519PrivateKey) -> Witness:
        spki = key.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        return Witness(self.name, load_verify_key(spki))

    def _made(self) -> _Kept:
        return _Kept(secrets.token_bytes(SECRET_SIZE))

    @property
    def _path(self) -> Path | None:
        return self._directory and self._directory / f"cosigner-{self._officer}.json"

    def _load(self) -> _Kept | None:
        path = self._path
        if path is None:
            return self._now
        try:
            return self._parse(path.read_bytes())
        except FileNotFoundError:
            return None
        except OSError as error:
            raise MalformedProfile(f"cannot read {path}: {error.strerror}") from error
        except MalformedError as error:
            raise MalformedProfile(
                f"{path}: {error.message}",
                found=error.found,
                expected=error.expected,
                hint="Remove it: this app is another witness then, which the roster has to name.",
            ) from error

    def _keep(self, kept: _Kept) -> None:
        self._now = kept
        if self._path is not None:
            write_atomically(self._path, self._document(kept))

    def _document(self, kept: _Kept) -> bytes:
        return dump(
            {
                "type": "cosigner",
                "format": 1,
                "fingerprint": self._fingerprint,
                "officer": self._officer,
                "secret": kept.secret.hex(),
                "logs": [each.to_document() for each in kept.logs.values()],
            }
        )

    def _parse(self, raw: bytes) -> _Kept:
        fields = parse_object(raw, limit=MAX_STATE, what="cosigner")
        fields.literal("type", "cosigner")
        fields.literal("format", 1)
        fields.literal("fingerprint", self._fingerprint)
        fields.literal("officer", self._officer)
        secret = fields.hex("secret", size=SECRET_SIZE)
        logs = [read_state(each) for each in fields.objects("logs", limit=MAX_LOGS)]
        fields.done()
        return _Kept(secret, {each.origin: each for each in logs})

    def _envelopes_path(self, digest: Digest) -> Path | None:
        if self._directory is None:
            return None
        return self._directory / "owed" / f"{digest_bytes(digest).hex()}.json"

    def _keep_envelopes(self, digest: Digest, statement: bytes, approvals: Sequence[bytes]) -> None:
        document = {
            "type": "revocation-owed",
            "format": 1,
            "statement": b64(statement),
            "approvals": [b64(each) for each in approvals],
        }
        raw, path = dump(document), self._envelopes_path(digest)
        if len(raw) > MAX_ENVELOPES:
            raise FileUnusable("the revocation and its approvals are too large to be kept")
        if path is not None:
            write_atomically(path, raw)

    def _forget_envelopes(self, before: LogState, now: LogState) -> None:
        """After what names them was written; what a kill leaves here is in nobody's way."""
        left = {each.statement for each in now.pending}
        for each in before.pending:
            path = self._envelopes_path(each.statement)
            if path is not None and each.statement not in left:
                path.unlink(missing_ok=True)
