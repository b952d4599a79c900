"""`KeyturnClient`: what an officer asks of the control plane, each answer checked first.

On the first question that needs it the client fetches the authority, checks it against the
pinned fingerprint, and takes the log's checkpoint, which must extend the one it kept. What is
in force it replays from the log. It signs in by itself when the server wants a session.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar
from urllib.parse import quote

from keyturn.base.encoding import Digest, b64, digest_of, parse_digest, sha256, unb64, unhex
from keyturn.base.errors import MalformedError
from keyturn.base.signatures import VerifyKey
from keyturn.base.strictjson import Fields, JsonObject
from keyturn.client import events as event_stream
from keyturn.client import proposing
from keyturn.client.authority import check_lacking, fetch_authority, rosters_of
from keyturn.client.checkpointlog import CheckpointLog, SeenCheckpoint
from keyturn.client.errors import (
    FileUnusable,
    NotFound,
    RoleLacking,
    ServerLied,
    ServerRefused,
)
from keyturn.client.examination import Examination, examine
from keyturn.client.history import History
from keyturn.client.inventory import Model, Node, check_once, read_model, read_node
from keyturn.client.logwatch import LogWatch
from keyturn.client.memory import Memory
from keyturn.client.nodeindex import NodeIndex
from keyturn.client.offline import (
    ProposalFile,
    check_may_decide,
    file_of,
    read_proposal_file,
    sign_decision,
    with_decision,
)
from keyturn.client.profile import Places, Profile
from keyturn.client.proposals import Proposal, read_view, receipt_of, settled
from keyturn.client.seen import Seen
from keyturn.client.session import sign_in_or_left
from keyturn.client.transport import Transport
from keyturn.keyrelease.request import MAX_REQUEST
from keyturn.officerkeys.signer import Signer
from keyturn.quorum.approvals import (
    WITHDRAWAL_TYPE,
    Decision,
    withdrawal_payload,
)
from keyturn.quorum.bundle import Authority
from keyturn.quorum.kinds import Kind
from keyturn.quorum.roster import Roster
from keyturn.quorum.state import AuthorityState
from keyturn.quorum.statements import parse_statement
from keyturn.seal.errors import WrongManifest
from keyturn.seal.manifest import MAX_MANIFEST, Manifest, check_manifest
from keyturn.tlog.checkpoints import SignedCheckpoint
from keyturn.tlog.errors import UntrustedCheckpoint
from keyturn.tlog.merkle import Hash
from keyturn.tlog.proofs import Proof
from keyturn.tlog.receipts import VerifiedEntry, verify_receipt

Clock = Callable[[], datetime]
SignerSource = Callable[[], Signer]
"""Opens the officer's key when it is needed for the first time; may ask for a passphrase."""

T = TypeVar("T")
MAX_OBJECT = 8 << 20


@dataclass(frozen=True, slots=True)
class Hello:
    """What the server says of itself before anything is proved."""

    software: str
    fingerprint: str
    origin: str
    simulation: bool


class KeyturnClient:
    """One officer's connection. Not thread-safe. Close it, or use it as a context manager.

    Every method raises ServerUnreachable, ServerRefused (RoleLacking among them),
    NoLongerOfficer, MalformedAnswer; and, when a proof fails, ServerLied, AuthorityRolledBack or
    HistoryRewritten.
    """

    def __init__(
        self,
        profile: Profile,
        memory: Memory,
        transport: Transport,
        *,
        now: Clock,
        signer: SignerSource,
    ) -> None:
        self._profile = profile
        self._memory = memory
        self._http = transport
        self._now = now
        self._signer = signer
        self._signed_in = False
        self._authority: Authority | None = None
        self._log_key: VerifyKey | None = None
        self._watch: LogWatch | None = None
        self._history: History | None = None
        self._index = NodeIndex()
        self._checkpoints: CheckpointLog | None = None

    @classmethod
    def open(cls, profile: Profile, places: Places, *, now: Clock, signer: SignerSource) -> Self:
        """A client for a profile, with its memory on disk."""
        memory = Memory(profile.fingerprint, places.state)
        transport = Transport.pinned(profile.server, profile.pin)
        return cls(profile, memory, transport, now=now, signer=signer)

    # ---- the server and its authority ----

    def hello(self) -> Hello:
        """Raises ServerLied when the server serves another authority than the pinned one."""
        fields = self._http.get("/v1/hello", "hello")
        hello = Hello(
            fields.text("software", limit=200),
            fields.text("fingerprint", limit=100),
            fields.text("origin", limit=200),
            fields.boolean("simulation"),
        )
        if hello.fingerprint != self._profile.fingerprint:
            raise ServerLied(
                "this server serves another authority than the pinned one",
                found=hello.fingerprint,
                expected=self._profile.fingerprint,
                hint="Check the server's address, or the fingerprint, with another officer.",
            )
        return hello

    def authority(self) -> Authority:
        """The roster and keys in force, verified once per client."""
        if self._authority is None:
            found = fetch_authority(
                self._http, self._profile.fingerprint, self._memory, self._now()
            )
            if found.log_key() != self._log_key:  # a new log key is a new log (DESIGN §5.8)
                self._log_key, self._watch, self._history = found.log_key(), None, None
                self._index = NodeIndex()
            self._authority = found
        return self._authority

    @property
    def authority_seen(self) -> Authority | None:
        """As `authority` last found it; None before it was asked for."""
        return self._authority

    def checkpoint(self) -> SignedCheckpoint:
        """The log's newest checkpoint, proved to extend every one that was seen."""
        note = self._asked(lambda: self._http.get("/v1/log/checkpoint", "checkpoint"))
        signed = self._log().advance(note.text("note", limit=64 << 10).encode())
        with suppress(FileUnusable):  # for people to look at: no reason to stop
            self._seen_before().add(signed, self._now())
        return signed

    def checkpoints_seen(self) -> tuple[SeenCheckpoint, ...]:
        """Those of the log that this profile was shown, oldest first, as they were kept."""
        return self._seen_before().all

    def seen(self) -> Seen:
        """What the log proves now: one question for its checkpoint, and one replay."""
        try:
            seen = self._look()
        except UntrustedCheckpoint:
            if not self._log_was_replaced():
                raise
            return self._look()
        if not seen.overtaken:
            return seen
        return (
            self._look() if self._log_was_replaced() else replace(seen, authority=self.authority())
        )

    def state(self) -> AuthorityState:
        """What is in force now, replayed from the log's own entries."""
        return self.seen().state

    def leaves(self) -> tuple[SignedCheckpoint, Sequence[bytes]]:
        """The whole log, proved."""
        seen = self.seen()
        return seen.checkpoint, seen.leaves

    def read_object(self, digest: Digest) -> bytes | None:
        """An object of the log, or None when the server has none."""
        try:
            return self._the_history().read_object(digest)
        except ServerRefused as error:
            if error.status == 404:
                return None
            raise

    def receipt(self, index: int) -> VerifiedEntry:
        """One entry with its proof, verified, and of the history that was seen."""
        answer = self._asked(lambda: self._http.get(f"/v1/log/receipts/{index}", "receipt"))
        inner = answer.fields("receipt") if answer.has("receipt") else answer
        authority = self.authority()
        entry = verify_receipt(receipt_of(inner), authority.log_key(), authority.origin)
        if entry.index != index:
            raise ServerLied(
                "the server gave the receipt of another entry",
                found=f"entry {entry.index}",
                expected=f"entry {index}",
            )
        self._log().agree(entry.checkpoint)
        return entry

    # ---- proposals ----

    def proposals(self, status: str | None = None, *, seen: Seen | None = None) -> list[Proposal]:
        """Every proposal, verified; one that does not verify makes the whole list an error.

        `seen`, here and below, saves asking for the log again. One from before the answer may
        know less than the answer; what it cannot prove is not believed.
        """
        params = {"status": status} if status else None
        answer = self._asked(lambda: self._http.get("/v1/proposals", "proposals", params))
        views = answer.objects("proposals", limit=100_000)
        if seen is not None:
            with suppress(ServerLied):  # the server may only be ahead: no lie before a newer look
                return self._settled_by(seen, views)
        return self._settled(views)

    def proposal(self, name: str) -> Proposal:
        """One proposal by its digest or a unique beginning of it. Raises NotFound."""
        path = f"/v1/proposals/{self._full_digest(name)}"
        return self._one(self._asked(lambda: self._http.get(path, "proposal")))

    def propose(
        self, statement: bytes, *, key: bytes | None = None, manifest: bytes | None = None
    ) -> Proposal:
        """Post a signed statement (envelope bytes)."""
        document = {
            "statement": b64(statement),
            "key": None if key is None else b64(key),
            "manifest": None if manifest is None else b64(manifest),
        }
        answer = self._asked(lambda: self._http.post("/v1/proposals", "proposal", document))
        return self._expected(answer, parse_statement(statement).digest)

    def propose_change(
        self,
        kind: Kind,
        subject: str,
        body: JsonObject,
        *,
        reason: str,
        life: timedelta | None = proposing.LIFE,
        lapses: timedelta = proposing.LAPSES,
        ticket: str | None = None,
        key: bytes | None = None,
        manifest: bytes | None = None,
    ) -> Proposal:
        """Compose on top of what is in force, sign, post. See `client.proposing`."""
        return proposing.propose(
            self,
            self._signer(),
            kind,
            subject,
            body,
            reason=reason,
            life=life,
            lapses=lapses,
            ticket=ticket,
            now=self._now(),
            key=key,
            manifest=manifest,
        )

    def decide(self, digest: Digest, decision: Decision, comment: str) -> Proposal:
        """Sign and post an approval or rejection. Raises NotEntitled before anything is signed."""
        known = self.proposal(digest)
        signer = self._signer()
        check_may_decide(known.statement, self._roster(), signer)
        return self.post_approval(
            digest, sign_decision(digest, signer, decision, comment, self._now())
        )

    def post_approval(self, digest: Digest, envelope: bytes) -> Proposal:
        """Post an approval that was signed, here or elsewhere."""
        return self._post_envelope(digest, "approvals", envelope)

    def withdraw(self, digest: Digest, reason: str) -> Proposal:
        """End one's own proposal for ever."""
        signer = self._signer()
        payload = withdrawal_payload(
            digest, officer=signer.officer, time=self._now(), reason=reason
        )
        envelope = signer.sign(WITHDRAWAL_TYPE, payload).to_bytes()
        return self._post_envelope(digest, "withdrawal", envelope)

    def export(self, digest: Digest) -> ProposalFile:
        """A proposal as a file for an officer without network, verified as that officer will."""
        path = f"/v1/proposals/{digest}/export"
        answer = self._asked(lambda: self._http.get(path, "proposal export"))
        file = file_of(answer, self._profile.fingerprint, self._memory, self._now())
        if file.statement.digest != digest:
            raise ServerLied("the export is of another proposal", found=file.statement.digest)
        return file

    # ---- without network ----

    def read_export(self, raw: bytes) -> ProposalFile:
        """Verify a proposal file against the pinned fingerprint; asks no server."""
        return read_proposal_file(raw, self._profile.fingerprint, self._memory, self._now())

    def sign_offline(self, file: ProposalFile, decision: Decision, comment: str) -> ProposalFile:
        """The file with this officer's decision in it; asks no server. Raises NotEntitled."""
        return with_decision(file, self._signer(), decision, comment, self._now())

    # ---- models, nodes, events ----

    def models(self, *, seen: Seen | None = None) -> list[Model]:
        answer = self._asked(lambda: self._http.get("/v1/models", "models"))
        state, now = (seen or self.seen()).state, self._now()
        models = [read_model(each, state, now) for each in answer.objects("models")]
        check_once((each.digest for each in models), "model")
        return models

    def model(self, name: str) -> Model:
        """One model by its digest, a unique beginning of it, or its name. Raises NotFound."""
        return _only([m for m in self.models() if _matches(name, m.digest, m.name)], name, "model")

    def manifest(self, digest: Digest) -> Manifest:
        """What a registered model consists of. Raises ServerLied on the manifest of another."""
        path = f"/v1/models/{digest}/manifest"
        answer = self._asked(lambda: self._http.get(path, "manifest"))
        try:
            return check_manifest(answer.b64("manifest", limit=MAX_MANIFEST), digest)
        except WrongManifest as error:
            raise ServerLied(
                "the server shows the manifest of another model",
                found=error.found,
                expected=error.expected,
            ) from error

    def register_model(self, manifest: bytes, key: bytes) -> Model:
        """Put a sealed model into the inventory: its `keyturn.json` and `keyturn.key`."""
        document = {"manifest": b64(manifest), "key": b64(key)}
        answer = self._asked(lambda: self._http.post("/v1/models", "model", document))
        model = read_model(answer, self.state(), self._now())
        if model.digest != digest_of(manifest):
            raise ServerLied("the server registered another model", found=model.digest)
        return model

    def nodes(self, *, seen: Seen | None = None) -> list[Node]:
        """Every node as it stands now; `inventory.judged_at` tells how it stands later."""
        answer = self._asked(lambda: self._http.get("/v1/nodes", "nodes"))
        return self._read_nodes(answer.objects("nodes", limit=100_000), seen)

    def node(self, name: str, *, seen: Seen | None = None) -> Node:
        """Raises NotFound."""
        path = f"/v1/nodes/{quote(name, safe='')}"
        try:
            answer = self._asked(lambda: self._http.get(path, "node"))
        except ServerRefused as error:
            if error.status != 404:
                raise
            return _only([], name, "node")
        (node,) = self._read_nodes([answer], seen)
        if node.name != name:
            raise ServerLied(
                "the server answered about another node", found=node.name, expected=name
            )
        return node

    def examine(self, name: str, *, seen: Seen | None = None) -> Examination:
        """Why the log's newest word on a node is what it is. See `examination.examine`."""
        if seen is None or len(seen.leaves) < len(seen.index):
            seen = self.seen()
        seen.index.extend(seen.leaves)
        return examine(name, seen, self.evidence)

    def evidence(self, digest: Digest) -> bytes | None:
        """A request that a log entry names, or None when the server does not keep it (any more)."""
        path = f"/v1/evidence/{digest}"
        try:
            answer = self._asked(lambda: self._http.get(path, "evidence"))
        except ServerRefused as error:
            if error.status == 404:
                return None
            raise
        return answer.b64("data", limit=MAX_REQUEST)

    def happened(self, after: int, limit: int) -> list[event_stream.Event]:
        """Events that there are already, oldest first: display data, like `events`."""
        return self._asked(lambda: event_stream.page(self._http, after, limit))

    def events(
        self, after: int | None, pause: Callable[[int], bool]
    ) -> Iterator[event_stream.Event]:
        """See `client.events.follow`."""
        self._ensure_session()
        return event_stream.follow(self._http, after, pause)

    # ---- being a context manager ----

    def hang_up(self) -> None:
        """From any thread: see `Transport.hang_up`. What remains is to close it."""
        self._http.hang_up()

    def close(self) -> None:
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    # ---- inside ----

    def _asked(self, ask: Callable[[], T]) -> T:
        """Ask within a session; once more with a fresh one when the server forgot it."""
        self._ensure_session()
        try:
            return ask()
        except RoleLacking as error:
            self._authority = None  # the roles may be others since it was fetched
            check_lacking(self.authority().roster, self._profile.officer, error)
            raise
        except ServerRefused as error:
            if error.status != 401:
                raise
        self._memory.keep_session(None)
        self._signed_in = False
        self._ensure_session()
        return ask()

    def _ensure_session(self) -> None:
        """Raises NoLongerOfficer beside what every question raises."""
        if self._signed_in:
            return
        profile, kept, now = self._profile, self._memory.recall().session, self._now()
        mine = kept is not None and (kept.pin, kept.officer) == (profile.pin, profile.officer)
        if kept is None or not mine or kept.expires <= now:
            kept = sign_in_or_left(self._http, profile, self._memory, self._signer(), now)
            self._memory.keep_session(kept)
        self._http.use_token(kept.token)
        self._signed_in = True

    def _log(self) -> LogWatch:
        if self._watch is None:
            authority = self.authority()
            self._watch = LogWatch(
                authority.log_key(), authority.origin, self._memory, self._consistency
            )
        return self._watch

    def _seen_before(self) -> CheckpointLog:
        origin = self.authority().origin
        if self._checkpoints is None or self._checkpoints.origin != origin:
            self._checkpoints = CheckpointLog(origin, self._memory.directory)
        return self._checkpoints

    def _consistency(self, old: int, new: int) -> Proof:
        params = {"old": old, "new": new}
        answer = self._asked(lambda: self._http.get("/v1/log/consistency", "proof", params))
        texts = [each for each in answer.items("proof", limit=200) if isinstance(each, str)]
        return tuple(Hash(_hex(each)) for each in texts)

    def _the_history(self) -> History:
        if self._history is None:
            origin = sha256(self.authority().origin.encode()).hex()[:16]
            base: Path | None = self._memory.directory
            self._history = History(
                self._profile.fingerprint,
                self._entries,
                self._object,
                base / f"log-{origin}" if base else None,
            )
        return self._history

    def _look(self) -> Seen:
        checkpoint, history = self.checkpoint(), self._the_history()
        state = history.sync(checkpoint.checkpoint)
        return Seen(self.authority(), checkpoint, state, history.leaves, self._index)

    def _log_was_replaced(self) -> bool:
        """Fetch the authority again: whoever has a client open for days must notice a new log."""
        known, self._authority = self._log_key, None
        return self.authority().log_key() != known

    def _read_nodes(self, views: Sequence[Fields], seen: Seen | None) -> list[Node]:
        seen, now = seen or self.seen(), self._now()
        seen.index.extend(seen.leaves)
        nodes = [read_node(each, seen.index, seen.state, now) for each in views]
        check_once((each.name for each in nodes), "node")
        return nodes

    def _roster(self) -> Roster:
        roster = self.state().roster
        if roster is None:
            raise ServerLied("the log has no roster")
        return roster

    def _entries(self, start: int, end: int) -> list[bytes]:
        params = {"start": start, "end": end}
        answer = self._asked(lambda: self._http.get("/v1/log/entries", "log entries", params))
        if answer.integer("start") != start:
            raise ServerLied("other log entries than those asked for", expected=f"from {start}")
        return [_unb64(each) for each in answer.items("leaves", limit=end - start)]

    def _object(self, digest: Digest) -> bytes:
        path = f"/v1/log/objects/{digest}"
        return self._asked(lambda: self._http.get(path, "object")).b64("data", limit=MAX_OBJECT)

    def _post_envelope(self, digest: Digest, what: str, envelope: bytes) -> Proposal:
        path = f"/v1/proposals/{digest}/{what}"
        document = {"envelope": b64(envelope)}
        answer = self._asked(lambda: self._http.post(path, "proposal", document))
        return self._expected(answer, digest)

    def _expected(self, view: Fields, digest: Digest) -> Proposal:
        proposal = self._one(view)
        if proposal.digest != digest:
            raise ServerLied(
                "the server answered about another proposal",
                found=proposal.digest,
                expected=digest,
            )
        return proposal

    def _one(self, view: Fields) -> Proposal:
        return self._settled([view])[0]

    def _settled(self, views: Sequence[Fields]) -> list[Proposal]:
        """The log is replayed after the views were made: it knows every roster that they can."""
        self._authority = None  # whoever has a client open for days must notice a new log key
        return self._settled_by(self.seen(), views)

    def _settled_by(self, seen: Seen, views: Sequence[Fields]) -> list[Proposal]:
        """Signatures first, then receipts' checkpoints, then the replayed state decides."""
        rosters = rosters_of(seen.state)
        claimed = [read_view(view, seen.authority, rosters) for view in views]
        check_once((each.statement.digest for each in claimed), "proposal")
        for each in claimed:
            if each.entry is not None:
                self._log().agree(each.entry.checkpoint)
        now = self._now()
        return [settled(each, seen.state, now) for each in claimed]

    def _full_digest(self, name: str) -> Digest:
        try:
            return parse_digest(name)
        except MalformedError:
            pass
        answer = self._asked(lambda: self._http.get("/v1/proposals", "proposals"))
        digests = [each.digest("digest") for each in answer.objects("proposals", limit=100_000)]
        return _only([each for each in digests if _matches(name, each)], name, "proposal")


def _matches(name: str, digest: Digest, label: str | None = None) -> bool:
    start = name.removeprefix("sha256:")
    return name == label or (len(start) >= 4 and digest.removeprefix("sha256:").startswith(start))


def _only(found: list[T], name: str, what: str) -> T:
    if len(found) != 1:
        raise NotFound(
            f"{'no' if not found else 'more than one'} {what} is called {name!r}",
            found=f"{len(found)}",
            expected="one; digests may be cut to their first 4 digits or more",
        )
    return found[0]


def _hex(text: str) -> bytes:
    return unhex(text, what="proof", size=32)


def _unb64(value: object) -> bytes:
    if not isinstance(value, str):
        raise MalformedError("log entries: not a list of texts")
    return unb64(value, what="log entry")
