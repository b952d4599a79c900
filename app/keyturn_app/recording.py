"""A recording of a real system: the server's answers, byte for byte, at a few moments.

Screens are drawn from it through the same client and the same verifiers as live: the signed
bytes are in it, so nothing in a picture was believed without proof. It holds answers to GET, and to
what a ceremony's host is asked without changing anything, under `POST PATH op [ceremony]`; whoever
asks a recording to sign or post anything is refused. `POST /v1/evidence/batch`, which only reads,
is answered from the requests that were given one by one.

File: gzip over one JSON document `{type: "app-recording", format: 1, server, pin, fingerprint,
officer, bodies: {sha256 hex: base64}, moments: [{name, time, answers: {path: [status, sha256]}}]}`.
"""

import gzip
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

import httpx

from keyturn.base.encoding import Digest, b64, parse_digest, sha256
from keyturn.base.errors import KeyturnError, MalformedError, UnreachableError
from keyturn.base.strictjson import Fields, Json, dump, load_object, parse_object
from keyturn.base.times import format_time
from keyturn.client.ceremonies import CeremonyReader
from keyturn.client.ceremonydoor import Question, ServerDoor, question_of, transcript_of
from keyturn.client.client import KeyturnClient
from keyturn.client.errors import FileUnusable
from keyturn.client.evidence import BATCH
from keyturn.client.logexport import objects_named
from keyturn.client.memory import Memory, Session
from keyturn.client.profile import Profile
from keyturn.client.proposals import Status
from keyturn.client.transport import Transport
from keyturn.client.unsealdoor import ServerUnsealDoor
from keyturn.keyrelease.entries import GrantEntry, RefusalEntry, read_grant, read_refusal
from keyturn.officerkeys.location import InKeyring
from keyturn.officerkeys.signer import Signer
from keyturn.quorum.entries import Entry, EntryKind, parse_entry
from keyturn.wire.tls import parse_pin, pinned_context

TYPE = "app-recording"
MAX_FILE = 64 << 20
HAPPENED = 300
"""Events, as many as the app keeps."""
ASKED = "/v1/ceremonies/ask"
_TRIES = 8
_RECEIPTS = 60  # of the newest entries
_MAX_QUESTION = 16 << 10  # bytes of a batch's question
_MAX_BATCH = 8 << 20  # bytes of requests in an answer to it
_OF_NODES: Mapping[EntryKind, Callable[[Entry], GrantEntry | RefusalEntry]] = {
    EntryKind.GRANT: read_grant,
    EntryKind.REFUSAL: read_refusal,
}


class RecordingUnusable(UnreachableError):
    """The file is not there, or the system did not hold still long enough to be recorded."""


@dataclass(frozen=True, slots=True)
class Moment:
    """Every answer at one time: path with query → (status, body)."""

    name: str
    time: datetime
    answers: Mapping[str, tuple[int, bytes]]


@dataclass(frozen=True, slots=True)
class Recording:
    """`profile` names the server and the officer who asked."""

    profile: Profile
    moments: tuple[Moment, ...]

    def moment(self, name: str) -> Moment:
        """Raises RecordingUnusable."""
        for each in self.moments:
            if each.name == name:
                return each
        raise RecordingUnusable("the recording has no such moment", found=name)

    def client(
        self,
        moment: Moment,
        memory: Memory | None = None,
        now: Callable[[], datetime] | None = None,
    ) -> KeyturnClient:
        """A client that the recording answers, at its time unless by `now`.

        `memory`: what it saw before.
        """
        http = httpx.Client(base_url=self.profile.server, transport=Replay(moment.answers))
        memory = memory or Memory(self.profile.fingerprint)
        good = Session(
            "recorded", self.profile.pin, self.profile.officer, moment.time + timedelta(days=1)
        )
        memory.keep_session(good)
        return KeyturnClient(
            self.profile,
            memory,
            Transport(http),
            now=now or (lambda: moment.time),
            signer=_no_signer,
        )


class Replay(httpx.BaseTransport):
    """Answers from a moment. What is not in it is not found."""

    def __init__(self, answers: Mapping[str, tuple[int, bytes]]) -> None:
        self._answers = answers

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        found = None
        if request.method == "GET":
            found = self._answers.get(_name(request.url))
        elif (request.method, request.url.path) == ("POST", "/v1/evidence/batch"):
            found = self._batch(request.read())
        elif (request.method, request.url.path) == ("POST", ASKED):
            found = self._of_ceremonies(request.read())
        if found is None:
            error = {"kind": "not-recorded", "message": "this is a recording"}
            return httpx.Response(404, content=dump({"error": error}))
        return httpx.Response(found[0], content=found[1])

    def _of_ceremonies(self, question: bytes) -> tuple[int, bytes] | None:
        """What the host said then. All records of a ceremony were kept together: whoever has some
        is given the others.
        """
        asked = _asked(question)
        found = None if asked is None else self._answers.get(asked.name)
        if asked is None or found is None or not asked.since:
            return found
        try:
            document = load_object(found[1], limit=MAX_FILE, what="answer")
            answer = Fields(document, "answer").fields("answer")
            kept = {name: answer.raw(name) for name in answer.names()}
            records: list[Json] = [*answer.texts("records", limit=MAX_FILE)]
            kept["records"] = records[asked.since :]
        except MalformedError:
            return None
        return found[0], dump({"answer": kept})

    def _batch(self, question: bytes) -> tuple[int, bytes] | None:
        """As the control plane answers it, from what it gave one by one.

        None: a question that is none, or a recording without evidence.
        """
        if not any(each.startswith("/v1/evidence/") for each in self._answers):
            return None
        try:
            fields = parse_object(question, limit=_MAX_QUESTION, what="evidence")
            asked = [
                parse_digest(each, what="evidence") for each in fields.texts("digests", limit=BATCH)
            ]
            fields.done()
        except MalformedError:
            return None
        found: list[Json] = []
        left: list[Json] = []
        room = _MAX_BATCH
        for digest in asked:
            status, body = self._answers.get(f"/v1/evidence/{digest}", (404, b""))
            if status != 200:
                continue
            if found and len(body) > room:
                left.append(digest)
                continue
            room -= len(body)
            data = load_object(body, limit=MAX_FILE, what="evidence")["data"]
            found.append({"digest": digest, "data": data})
        return 200, dump({"found": found, "left": left})


def _asked(question: bytes) -> Question | None:
    found = question_of(question, limit=_MAX_QUESTION)
    return None if found is None else replace(found, name=f"POST {ASKED} {found.name}")


@dataclass
class Recorder(httpx.BaseTransport):
    """Passes everything on, and keeps the answers to GET, and those of a ceremony's host."""

    inner: httpx.BaseTransport
    answers: dict[str, tuple[int, bytes]] = field(default_factory=dict)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        response = self.inner.handle_request(request)
        body = response.read()
        if request.method == "GET":
            self.answers[_name(request.url)] = (response.status_code, body)
        elif (request.method, request.url.path) == ("POST", ASKED):
            asked = _asked(request.read())
            if asked is not None and not asked.since:
                self.answers[asked.name] = (response.status_code, body)
        return httpx.Response(response.status_code, content=body)

    def close(self) -> None:
        self.inner.close()


def capture(
    name: str, profile: Profile, signer: Callable[[], Signer], now: Callable[[], datetime]
) -> Moment:
    """Ask a running server everything that the app's pages ask.

    Asks again when the log grew meanwhile; raises RecordingUnusable when it never held still.
    """
    for _ in range(_TRIES):
        recorder = Recorder(httpx.HTTPTransport(verify=pinned_context(profile.pin)))
        http = httpx.Client(base_url=profile.server, transport=recorder)
        memory = Memory(profile.fingerprint)
        with KeyturnClient(profile, memory, Transport(http), now=now, signer=signer) as client:
            began = now()
            size = sweep(client)
            if client.checkpoint().checkpoint.size == size:
                return Moment(name, began, dict(recorder.answers))
    raise RecordingUnusable("the log kept growing while it was recorded")


def sweep(client: KeyturnClient) -> int:
    """Everything that pages ask. Gives the log's size at the start."""
    client.hello()
    client.nodes()  # first: who beats rarely turns stale meanwhile
    checkpoint, _leaves = client.leaves()
    size = checkpoint.checkpoint.size
    leaves = list(client.entries(0, size))
    for proposal in client.proposals():
        client.proposal(proposal.digest)
        if proposal.status is Status.OPEN:
            client.export(proposal.digest)
    for model in client.models():
        with suppress(KeyturnError):  # a server that does not give manifests
            client.manifest(model.digest)
    client.happened(0, HAPPENED)
    client.witnesses()
    client.collateral()
    client.collateral_status()
    with suppress(KeyturnError):  # a keyholder that tells nothing of its token
        client.hsm()
    with suppress(KeyturnError):  # roles that do not include it
        client.enrolments()
    with suppress(KeyturnError):  # a keyholder that holds none
        ServerUnsealDoor(client).news()
        _follow_ceremonies(client)
    named = _named(leaves)
    for digest in dict.fromkeys(named.values()):
        client.evidence(digest)
    kept = {index for index, leaf in enumerate(leaves) if b'"envelopes"' in leaf} | set(named)
    kept |= set(range(max(0, size - _RECEIPTS), size))
    for index in sorted(kept):
        client.receipt(index)
    for index in sorted(kept | _of_ceremonies(leaves)):  # these say by whom they were held
        for digest, needed in objects_named(leaves[index]):
            if needed:
                client.read_object(digest)
    return size


def _of_ceremonies(leaves: Sequence[bytes]) -> set[int]:
    """Where the log has a ceremony's records, however old."""
    kinds = [parse_entry(leaf).kind for leaf in leaves]
    return {index for index, kind in enumerate(kinds) if kind is EntryKind.CEREMONY}


def _follow_ceremonies(client: KeyturnClient) -> None:
    """Every ceremony of the keyholder, to its newest record."""
    reader = CeremonyReader(ServerDoor(client), client.authority())
    for each in reader.all().ceremonies:
        reader.read(each.ceremony)
        if each.step is None:
            transcript_of(reader.door, each.ceremony)


def _named(leaves: Sequence[bytes]) -> dict[int, Digest]:
    """The request that each node's newest grant and newest refusal name, by the entry's index."""
    newest: dict[tuple[str, EntryKind], tuple[int, Digest]] = {}
    for index, leaf in enumerate(leaves):
        entry = parse_entry(leaf)
        if entry.kind in _OF_NODES:
            said = _OF_NODES[entry.kind](entry)
            newest[said.node, entry.kind] = index, said.evidence
    return dict(sorted(newest.values()))


def write_recording(path: Path, profile: Profile, moments: Iterable[Moment]) -> None:
    """Reproducible bytes for the same answers. Raises FileUnusable."""
    bodies: dict[str, str] = {}
    listed = []
    for moment in moments:
        answers = {}
        for name, (status, body) in sorted(moment.answers.items()):
            digest = sha256(body).hex()
            bodies[digest] = b64(body)
            answers[name] = [status, digest]
        listed.append({"name": moment.name, "time": format_time(moment.time), "answers": answers})
    document = {
        "type": TYPE,
        "format": 1,
        "server": profile.server,
        "pin": profile.pin,
        "fingerprint": profile.fingerprint,
        "officer": profile.officer,
        "bodies": bodies,
        "moments": listed,
    }
    try:
        path.write_bytes(gzip.compress(dump(document), mtime=0))
    except OSError as error:
        raise FileUnusable(f"cannot write {path}: {error.strerror}") from error


def read_recording(path: Path) -> Recording:
    """Raises RecordingUnusable, MalformedError. The client verifies what is in it."""
    try:
        packed = path.read_bytes()
    except OSError as error:
        raise RecordingUnusable(f"cannot read {path}: {error.strerror}") from error
    fields = parse_object(_unpacked(packed), limit=MAX_FILE, what="recording")
    fields.literal("type", TYPE)
    fields.literal("format", 1)
    inner = fields.fields("bodies")
    bodies = {name: inner.b64(name, limit=MAX_FILE) for name in inner.names()}
    for name, body in bodies.items():
        if sha256(body).hex() != name:
            raise MalformedError(
                "recording: a body is not what its name says",
                found=sha256(body).hex(),
                expected=name,
            )
    officer = fields.text("officer", limit=64)
    profile = Profile(
        fields.text("server", limit=200),
        parse_pin(fields.text("pin", limit=64)),
        fields.digest("fingerprint"),
        officer,
        InKeyring(officer),
    )
    moments = []
    for each in fields.objects("moments", limit=100):
        name, time = each.text("name", limit=100), each.time("time")
        named = each.fields("answers")
        answers = {path: _answer(named.items(path), bodies) for path in named.names()}
        each.done()
        moments.append(Moment(name, time, answers))
    fields.done()
    return Recording(profile, tuple(moments))


def _answer(pair: object, bodies: Mapping[str, bytes]) -> tuple[int, bytes]:
    match pair:
        case [int(status), str(digest)] if digest in bodies:
            return status, bodies[digest]
    raise MalformedError("recording: an answer", expected="[status, sha256 of a body]")


def _unpacked(packed: bytes) -> bytes:
    try:
        reader = zlib.decompressobj(wbits=31)
        raw = reader.decompress(packed, MAX_FILE)
    except zlib.error as error:
        raise MalformedError(f"recording: not gzip: {error}") from error
    if reader.unconsumed_tail or reader.unused_data or not reader.eof:
        raise MalformedError("recording: too large, cut short, or with more behind it")
    return raw


def _name(url: httpx.URL) -> str:
    query = "&".join(f"{key}={value}" for key, value in sorted(url.params.multi_items()))
    return f"{url.path}?{query}" if query else url.path


def _no_signer() -> Signer:
    raise RecordingUnusable("a recording signs nothing")
