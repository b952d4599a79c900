"""`KeyturnClient`: what an officer asks of the control plane, each answer checked first.

On the first question that needs it the client fetches the authority, checks it against the
pinned fingerprint, and takes the log's checkpoint, which must extend the one it kept. What is
in force it replays from the log. It signs in by itself when the server wants a session.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar
from urllib.parse import quote

from keyturn.base.encoding import Digest, b64, digest_of, parse_digest
from keyturn.base.errors import MalformedError
from keyturn.base.signatures import VerifyKey
from keyturn.base.strictjson import Fields, JsonObject
from keyturn.client import events as event_stream
from keyturn.client import proposing
from keyturn.client.authority import check_lacking, fetch_authority, rosters_of
from keyturn.client.checkpointlog import CheckpointLog, SeenCheckpoint
from keyturn.client.cosigner import Cosigner
from keyturn.client.cosigning import OfficerWitness, OwnCosigning, WitnessState, read_notes
from keyturn.client.enrolments import PATH, PendingEnrolments, read_pending
from keyturn.client.errors import (
    AuthorityRolledBack,
    FileForged,
    FileUnusable,
    NoServer,
    RoleLacking,
    ServerLied,
    ServerRefused,
)
from keyturn.client.examination import Examination, examine
from keyturn.client.hello import Hello, read_hello
from keyturn.client.history import History, Step
from keyturn.client.inventory import Model, Node, check_once, read_model, read_node
from keyturn.client.kept import Keeping, directory_of
from keyturn.client.logsource import log_source
from keyturn.client.logwatch import LogWatch
from keyturn.client.memory import Memory
from keyturn.client.naming import matches, only
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
from keyturn.keyrelease.cosigning import Pending
from keyturn.keyrelease.request import MAX_REQUEST
from keyturn.officerkeys.signer import Signer
from keyturn.quorum.approvals import (
    WITHDRAWAL_TYPE,
    Decision,
    withdrawal_payload,
)
from keyturn.quorum.bundle import Authority
from keyturn.quorum.judge import signer_of
from keyturn.quorum.kinds import Kind
from keyturn.quorum.state import AuthorityState
from keyturn.quorum.statements import parse_statement
from keyturn.seal.errors import WrongManifest
from keyturn.seal.manifest import MAX_MANIFEST, Manifest, check_manifest
from keyturn.tlog.checkpoints import SignedCheckpoint, Witness
from keyturn.tlog.errors import UntrustedCheckpoint
from keyturn.tlog.receipts import VerifiedEntry, verify_receipt

Clock = Callable[[], datetime]
SignerSource = Callable[[], Signer]
"""Opens the officer's key when it is needed for the first time; may ask for a passphrase."""

T = TypeVar("T")


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
        self.reading: Step = lambda _done, _total: None
        """Told how far the log is read; stops it by raising."""
        self._authority: Authority | None = None
        self._log_key: VerifyKey | None = None
        self._watch: LogWatch | None = None
        self._history: History | None = None
        self._opened: Signer | None = None
        self._checkpoints: CheckpointLog | None = None
        cosigner = Cosigner(profile.fingerprint, profile.officer, memory.directory)
        self._witness = OfficerWitness(cosigner, now)

    @classmethod
    def open(cls, profile: Profile, places: Places, *, now: Clock, signer: SignerSource) -> Self:
        """A client for a profile, with its memory on disk. Raises NoServer for a station's."""
        if profile.offline:
            raise NoServer(
                "this is an officer station: there is no server to ask",
                hint="Name a proposal's file, or pictures of one.",
            )
        memory = Memory(profile.fingerprint, places.state)
        transport = Transport.pinned(profile.server, profile.pin)
        return cls(profile, memory, transport, now=now, signer=signer)

    # ---- the server and its authority ----

    def hello(self) -> Hello:
        """Raises ServerLied when the server serves another authority than the pinned one."""
        return read_hello(self._http.get("/v1/hello", "hello"), self._profile.fingerprint)

    def authority(self) -> Authority:
        """The roster and keys in force, verified once per client."""
        if self._authority is None:
            found = fetch_authority(
                self._http, self._profile.fingerprint, self._memory, self._now()
            )
            if found.log_key() != self._log_key:  # a new log key is a new log (DESIGN §5.8)
                self._log_key, self._watch, self._history = found.log_key(), None, None
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
        """The whole log, proved; not all of it is at hand: see `load` and `entries`."""
        seen = self.seen()
        return seen.checkpoint, seen.leaves

    def load(self, start: int, end: int) -> None:
        """Have entries of the log as it was seen last at hand, fetched and proved if need be."""
        self._the_history().load(start, end, self.reading)

    def entries(self, start: int, end: int) -> Iterator[bytes]:
        """Entries of the log as it was seen last, fetched and proved as they are needed."""
        return self._the_history().entries(start, end, self.reading)

    @property
    def told(self) -> str:
        """Why what was kept of the log could not be used, if so; and that it was thrown away."""
        return "" if self._history is None else self._history.told

    def extends(self, kept: SignedCheckpoint) -> None:
        """Raises HistoryRewritten unless the log is of one history with a verified checkpoint."""
        self._log().agree(kept)

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
        return self.receipt_document(index)[0]

    def receipt_document(self, index: int) -> tuple[VerifiedEntry, bytes]:
        """As `receipt`, and the receipt's document, to be kept and proved without a server."""
        answer = self._asked(lambda: self._http.get(f"/v1/log/receipts/{index}", "receipt"))
        inner = answer.fields("receipt") if answer.has("receipt") else answer
        authority = self.authority()
        receipt = receipt_of(inner)
        entry = verify_receipt(receipt, authority.log_key(), authority.origin)
        if entry.index != index:
            raise ServerLied(
                "the server gave the receipt of another entry",
                found=f"entry {entry.index}",
                expected=f"entry {index}",
            )
        self._log().agree(entry.checkpoint)
        return entry, receipt.to_bytes()

    # ---- witnesses ----

    def witnesses(self, *, seen: Seen | None = None) -> WitnessState | None:
        """What each witness of the roster cosigned last, verified; None: it is not told."""
        try:
            answer = self._asked(lambda: self._http.get("/v1/log/cosignatures", "cosignatures"))
        except ServerRefused as error:
            if error.status == 404:
                return None
            raise
        notes = [each.encode() for each in answer.texts("notes", limit=1000)]
        authority, roster = self.authority(), (seen or self.seen()).state.roster
        witnesses = authority.roster.witnesses if roster is None else roster.witnesses
        return read_notes(
            notes, witnesses, authority.log_key(), authority.origin, self._log().agree
        )

    def cosign(self) -> OwnCosigning:
        """Have this app cosign the newest checkpoint, if it is a witness and nothing is owed."""
        self._log().recall()
        seen = self.seen()
        ask = log_source(self._http, self._asked).consistency
        return self._witness.cosign(
            seen, self._the_signer(), seen.authority.log_key(), ask, self._hand_in
        )

    def cosigning(self, *, seen: Seen | None = None) -> OwnCosigning:
        """Whether this app would cosign; nothing is signed."""
        return self._witness.standing(seen or self.seen(), self._the_signer())

    def cosigner(self) -> Witness:
        """This app's cosigning key, made if there is none; asks no server."""
        return self._witness.witness(self._the_signer())

    def owed(self) -> list[tuple[Pending, bytes | None]]:
        """Revocations that this profile was shown and the log lacks, each as a proposal file."""
        return self._witness.owed(self.seen())

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
            self._the_signer(),
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
        signer = self._the_signer()
        seen = self.seen()
        check_may_decide(known.statement, seen.state.roster or seen.authority.roster, signer)
        raw = sign_decision(digest, signer, decision, comment, self._now())
        self._witness.hand_decision(known, raw, seen)  # before the server can forget it
        return self.post_approval(digest, raw)

    def post_approval(self, digest: Digest, envelope: bytes) -> Proposal:
        """Post an approval that was signed, here or elsewhere."""
        return self._post_envelope(digest, "approvals", envelope)

    def withdraw(self, digest: Digest, reason: str) -> Proposal:
        """End one's own proposal for ever."""
        signer = self._the_signer()
        payload = withdrawal_payload(
            digest, officer=signer.officer, time=self._now(), reason=reason
        )
        envelope = signer.sign(WITHDRAWAL_TYPE, payload).to_bytes()
        return self._post_envelope(digest, "withdrawal", envelope)

    def enrolments(self, *, seen: Seen | None = None) -> PendingEnrolments:
        """Newcomers' requests that wait at the server, each verified here."""
        answer = self._asked(lambda: self._http.get(PATH, "enrolments"))
        state = self.state() if seen is None else seen.state
        return read_pending(answer, state, self._now())

    def dismiss_enrolment(self, digest: Digest) -> None:
        """Have the server forget one; its maker can send it again."""
        self._asked(lambda: self._http.delete(f"{PATH}/{digest}", "enrolment"))

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
        """Verify a proposal file against the pinned fingerprint; asks no server.

        Raises MalformedAnswer, FileForged. Nothing is remembered of it: a carrier who shows a
        roster that was approved and never logged must not make the server look rolled back.
        """
        fingerprint, now = self._profile.fingerprint, self._now()
        try:
            file = read_proposal_file(raw, fingerprint, self._memory, now, remember=False)
        except (ServerLied, AuthorityRolledBack) as error:
            raise FileForged(
                error.message, found=error.found, expected=error.expected, hint=error.hint
            ) from error
        return self._kept(file)

    def sign_offline(self, file: ProposalFile, decision: Decision, comment: str) -> ProposalFile:
        """The file with this officer's decision in it; asks no server. Raises NotEntitled."""
        return self._kept(with_decision(file, self._the_signer(), decision, comment, self._now()))

    # ---- models, nodes, events ----

    def models(self, *, seen: Seen | None = None) -> list[Model]:
        answer = self._asked(lambda: self._http.get("/v1/models", "models"))
        state, now = (seen or self.seen()).state, self._now()
        models = [read_model(each, state, now) for each in answer.objects("models")]
        check_once((each.digest for each in models), "model")
        return models

    def model(self, name: str) -> Model:
        """One model by its digest, a unique beginning of it, or its name. Raises NotFound."""
        return only([m for m in self.models() if matches(name, m.digest, m.name)], name, "model")

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
            return only([], name, "node")
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
        return examine(name, seen, self.evidence, self.entries)

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
            kept = sign_in_or_left(self._http, profile, self._memory, self._the_signer(), now)
            self._memory.keep_session(kept)
        self._http.use_token(kept.token)
        self._signed_in = True

    def _log(self) -> LogWatch:
        if self._watch is None:
            authority = self.authority()
            self._watch = LogWatch(
                authority.log_key(),
                authority.origin,
                self._memory,
                log_source(self._http, self._asked).consistency,
                self._the_history().recall(),
            )
        return self._watch

    def _seen_before(self) -> CheckpointLog:
        origin = self.authority().origin
        if self._checkpoints is None or self._checkpoints.origin != origin:
            self._checkpoints = CheckpointLog(origin, self._memory.directory)
        return self._checkpoints

    def _the_history(self) -> History:
        if self._history is None:
            authority = self.authority()
            source = log_source(self._http, self._asked)
            self._history = History(self._profile.fingerprint, source, self._keeping_of(authority))
        return self._history

    def _keeping_of(self, authority: Authority) -> Keeping | None:
        base: Path | None = self._memory.directory
        if base is None:
            return None
        return Keeping(
            directory_of(base, authority.origin),
            authority.origin,
            authority.log_key(),
            self._profile.officer,
            lambda envelope: signer_of(envelope, authority.roster).id,
            lambda: None if self._opened is None else self._opened.sign,
            self._now,
        )

    def _look(self) -> Seen:
        history = self._the_history()
        kept = history.recall()
        checkpoint = self.checkpoint()
        try:
            state = history.sync(checkpoint, self.reading)
        except ServerLied:
            if kept is not None:  # two checkpoints by one key say more than a wrong entry
                self._log().agree(kept)
            raise
        return Seen(
            self.authority(), checkpoint, state, history.leaves, history.index, history.told
        )

    def _the_signer(self) -> Signer:
        self._opened = self._signer()
        return self._opened

    def _log_was_replaced(self) -> bool:
        """Fetch the authority again: whoever has a client open for days must notice a new log."""
        known, self._authority = self._log_key, None
        return self.authority().log_key() != known

    def _read_nodes(self, views: Sequence[Fields], seen: Seen | None) -> list[Node]:
        seen, now = seen or self.seen(), self._now()
        nodes = [read_node(each, seen.index, seen.state, now) for each in views]
        check_once((each.name for each in nodes), "node")
        return nodes

    def _kept(self, file: ProposalFile) -> ProposalFile:
        """A revocation in it is owed from here on."""
        self._witness.hand_file(file, self._memory.size_of(file.authority.origin))
        return file

    def _hand_in(self, note: bytes) -> None:
        document = {"note": note.decode()}
        self._asked(lambda: self._http.post("/v1/log/cosignatures", "cosignatures", document))

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
        found = [settled(each, seen.state, now) for each in claimed]
        for proposal in found:
            self._witness.hand_proposal(proposal, seen)
        return found

    def _full_digest(self, name: str) -> Digest:
        try:
            return parse_digest(name)
        except MalformedError:
            pass
        answer = self._asked(lambda: self._http.get("/v1/proposals", "proposals"))
        digests = [each.digest("digest") for each in answer.objects("proposals", limit=100_000)]
        return only([each for each in digests if matches(name, each)], name, "proposal")
