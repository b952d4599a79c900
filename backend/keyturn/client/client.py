"""`KeyturnClient`: what an officer asks of the control plane, each answer checked first."""

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import suppress
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote

from keyturn.base.collateral import CollateralDocument
from keyturn.base.encoding import Digest, b64, digest_of, parse_digest
from keyturn.base.errors import MalformedError
from keyturn.base.strictjson import Fields, JsonObject
from keyturn.client import events as event_stream
from keyturn.client import proposing
from keyturn.client.authority import rosters_of
from keyturn.client.collateral import PATH as COLLATERAL
from keyturn.client.collateral import check_taken, read_pages
from keyturn.client.collateralstatus import PATH as COLLATERAL_STATUS
from keyturn.client.collateralstatus import ServerSays, read_status
from keyturn.client.connection import Connection
from keyturn.client.cosigning import OwnCosigning, WitnessState, read_notes
from keyturn.client.enrolments import PATH, PendingEnrolments, read_pending
from keyturn.client.errors import (
    AuthorityRolledBack,
    FileForged,
    MalformedAnswer,
    ServerLied,
    ServerRefused,
)
from keyturn.client.evidence import (
    NO_COLLATERAL,
    Collateral,
    FleetEvidence,
    Step,
    collateral_at,
    read_batch,
)
from keyturn.client.examination import Examination, examine
from keyturn.client.explainbundle import Carried, collateral_of, lease_leaves, write_bundle
from keyturn.client.explaining import Explained, explain_node
from keyturn.client.hsm import PATH as HSM
from keyturn.client.hsm import HsmSaid, read_hsm
from keyturn.client.inventory import Model, Node, check_once, read_model, read_node
from keyturn.client.logsource import log_source
from keyturn.client.naming import matches, only
from keyturn.client.offline import (
    ProposalFile,
    check_may_decide,
    file_of,
    read_proposal_file,
    sign_decision,
    with_decision,
)
from keyturn.client.previews import PreviewShelf
from keyturn.client.proposals import Proposal, read_view, settled
from keyturn.client.seen import Seen
from keyturn.keyrelease.cosigning import Pending
from keyturn.keyrelease.entries import GrantEntry
from keyturn.keyrelease.request import MAX_REQUEST
from keyturn.policy.impact_reading import SaidPreview, read_preview
from keyturn.policy.observed import Observed
from keyturn.quorum.approvals import (
    WITHDRAWAL_TYPE,
    Decision,
    withdrawal_payload,
)
from keyturn.quorum.bundle import make_bundle
from keyturn.quorum.kinds import Kind
from keyturn.quorum.statements import parse_statement
from keyturn.seal.errors import WrongManifest
from keyturn.seal.manifest import MAX_MANIFEST, Manifest, check_manifest
from keyturn.tlog.checkpoints import Witness
from keyturn.wire.collateral import CollateralAnswer, CollateralRefused, batches
from keyturn.wire.requests import Request

A = TypeVar("A")

COLLATERAL_LIFE = timedelta(minutes=10)
LEASE_ENTRIES = 20_000
"""So far back a carried explanation looks for what began a renewed lease."""


class KeyturnClient(Connection):
    """Proposals, models, nodes and events; `Connection` says what every method raises."""

    _fleet: FleetEvidence | None = None
    _at_hand: Collateral | None = None

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

    def decide(
        self, digest: Digest, decision: Decision, comment: str, *, preview: Digest | None = None
    ) -> Proposal:
        """Sign and post an approval or rejection. Raises NotEntitled before anything is signed."""
        known = self.proposal(digest)
        signer = self._the_signer()
        seen = self.seen()
        check_may_decide(known.statement, seen.state.roster or seen.authority.roster, signer)
        raw = sign_decision(digest, signer, decision, comment, self._now(), preview=preview)
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

    def sign_offline(
        self,
        file: ProposalFile,
        decision: Decision,
        comment: str,
        *,
        preview: Digest | None = None,
    ) -> ProposalFile:
        """The file with this officer's decision in it; asks no server. Raises NotEntitled."""
        signer, now = self._the_signer(), self._now()
        return self._kept(with_decision(file, signer, decision, comment, now, preview=preview))

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
        return examine(name, seen, self.evidence, self.entries, self.collateral_at_hand)

    def explain(
        self, name: str, *, seen: Seen | None = None, fleet: Sequence[Observed] | None = None
    ) -> Explained:
        """Why a node's newest entry is what it is, who shares its faults, and what would mend it.

        `fleet` None: the last evidence of every node is looked at. Raises as `examine`.
        """
        if seen is None or len(seen.leaves) < len(seen.index):
            seen = self.seen()
        examination = self.examine(name, seen=seen)
        others = self.observe_fleet(seen=seen) if fleet is None else fleet
        known = self.collateral_at_hand()
        return explain_node(examination, seen, self.fleet_evidence, self._now(), known, others)

    def carry(self, explained: Explained, seen: Seen) -> bytes:
        """A bundle that proves an explanation without a server (our protocol §8.10)."""
        index, entry = explained.logged.index, explained.logged.entry
        _, receipt = self.receipt_document(index)
        lease = entry.lease if isinstance(entry, GrantEntry) else None
        start = max(0, index - LEASE_ENTRIES)
        read = enumerate(self.entries(start, index), start) if lease is not None else ()
        carried = Carried(
            authority=make_bundle(seen.state),
            receipt=receipt,
            request=explained.request,
            collateral=collateral_of(self.collateral_at_hand()),
            statements=tuple(sorted(seen.state.by_digest.values(), key=lambda each: each.index)),
            leaves=lease_leaves(read, lease),
            made=self._now(),
        )
        return write_bundle(carried, explained)

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

    def evidences(self, digests: Sequence[Digest]) -> dict[Digest, bytes]:
        """Those of at most BATCH requests that the server gives; what it has not is left out.

        Nothing is proved of them: see `client.evidence`. Raises ServerLied when it gives others.
        """
        found: dict[Digest, bytes] = {}
        asked = list(digests)
        while asked:
            document: JsonObject = {"digests": list(asked)}
            answer = self._asked(
                partial(self._http.post, "/v1/evidence/batch", "evidence", document)
            )
            given, left = read_batch(answer, asked)
            found.update(given)
            asked = left
        return found

    @property
    def fleet_evidence(self) -> FleetEvidence:
        """What nodes showed, kept and verified on this machine."""
        if self._fleet is None:
            directory = self._memory.directory
            self._fleet = FleetEvidence(
                self.evidences, None if directory is None else directory / "evidence"
            )
        return self._fleet

    def keep_preview(self, document: bytes) -> Digest:
        """Keep an impact preview that this officer was shown. Raises FileUnusable."""
        shelf = self._previews
        return digest_of(document) if shelf is None else shelf.put(document)

    def kept_preview(self, digest: Digest) -> SaidPreview | None:
        """None: not kept on this machine, or no longer what it was."""
        raw = self.preview_document(digest)
        return None if raw is None else read_preview(raw)

    def preview_document(self, digest: Digest) -> bytes | None:
        """The exact bytes that `digest` names; None as for `kept_preview`."""
        return None if self._previews is None else self._previews.get(digest)

    @property
    def _previews(self) -> PreviewShelf | None:
        """Beside the memories of all authorities, as `keyturn policy impact` keeps them."""
        directory = self._memory.directory
        return None if directory is None else PreviewShelf(directory.parent / "previews")

    def observe_fleet(
        self,
        *,
        seen: Seen | None = None,
        nodes: Collection[str] | None = None,
        step: Step = lambda _done, _total: None,
    ) -> tuple[Observed, ...]:
        """The last evidence of every node, verified: see `client.evidence`."""
        return self.fleet_evidence.observe_fleet(
            seen or self.seen(),
            self._now(),
            nodes=nodes,
            collateral=self.collateral_at_hand(),
            step=step,
        )

    def collateral_at_hand(self) -> Collateral:
        """The server's, asked for again after COLLATERAL_LIFE; each document is verified where it
        is used, so that withheld or old ones only leave more of the evidence unmeasured."""
        now, known = self._now(), self._at_hand
        if known is None or known.as_of is None or now - known.as_of > COLLATERAL_LIFE:
            try:
                known = self._at_hand = collateral_at(self.collateral(), now)
            except ServerRefused as error:
                if error.status != 404:  # a server of an older version has none
                    raise
                return NO_COLLATERAL
        return known

    def collateral(self) -> list[CollateralDocument]:
        """What was handed in and kept (our protocol §4.7); proof of nothing until verified."""

        def get(path: str) -> Fields:
            return self._asked(lambda: self._http.get(path, "collateral"))

        return list(read_pages(get))

    def collateral_status(self) -> ServerSays:
        """What the server says of it: to look at."""
        return read_status(self._asked(lambda: self._http.get(COLLATERAL_STATUS, "collateral")))

    def hsm(self) -> HsmSaid:
        """The keyholder's token as it is told: to look at, proof of nothing."""
        return read_hsm(self._asked(lambda: self._http.get(HSM, "HSM")))

    @property
    def collateral_directory(self) -> Path | None:
        """Where this machine keeps what was carried to it; None: nothing is kept."""
        directory = self._memory.directory
        return None if directory is None else directory / "collateral"

    def hand_in_collateral(self, documents: Sequence[CollateralDocument]) -> CollateralAnswer:
        """Hand in, as many at once as may be; the keyholder's word on each."""
        kept: dict[Digest, None] = {}
        refused: list[CollateralRefused] = []
        for batch in batches(documents):
            body: dict[str, object] = {"documents": [each.to_document() for each in batch]}
            answer = self._asked(partial(self._http.post, COLLATERAL, "collateral", body))
            taken = check_taken(answer, batch)
            kept |= dict.fromkeys(taken.kept)
            refused += taken.refused
        return CollateralAnswer(tuple(kept), tuple(refused))

    def happened(self, after: int, limit: int) -> list[event_stream.Event]:
        """Events that there are already, oldest first: display data, like `events`."""
        return self._asked(lambda: event_stream.page(self._http, after, limit))

    def events(
        self, after: int | None, pause: Callable[[int], bool]
    ) -> Iterator[event_stream.Event]:
        """See `client.events.follow`."""
        self._ensure_session()
        return event_stream.follow(self._http, after, pause)

    def ask_host(self, request: Request[A]) -> A:
        """One question to the keyholder as a ceremony's host, handed on by the server: the host's
        word, or the server's own; `client.ceremonies` verifies it. Raises MalformedAnswer."""
        document = {"request": request.document()}
        reply = self._asked(lambda: self._http.post("/v1/ceremonies/ask", "answer", document))
        try:
            answer = reply.fields("answer")
            found = request.read(answer)
            answer.done()
        except MalformedError as error:
            raise MalformedAnswer(
                f"the host's answer: {error.message}", found=error.found, expected=error.expected
            ) from error
        return found

    # ---- inside ----

    def _read_nodes(self, views: Sequence[Fields], seen: Seen | None) -> list[Node]:
        seen, now = seen or self.seen(), self._now()
        nodes = [read_node(each, seen.index, seen.state, now) for each in views]
        check_once((each.name for each in nodes), "node")
        return nodes

    def _kept(self, file: ProposalFile) -> ProposalFile:
        """A revocation in it is owed from here on."""
        self._witness.hand_file(file, self._memory.largest())
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
