"""A ceremony's host without a token: real rules, real signatures, real shares, real records.

What the real host makes on a token is here a table of facts (`support.ceremonies`). It answers the
questions of our protocol §10.7, in the process or on a unix socket.
"""

import contextlib
import secrets
import socket
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

from keyturn.base.encoding import b64, digest_of
from keyturn.base.errors import KeyturnError, NotFoundError
from keyturn.base.signatures import Algorithm
from keyturn.base.strictjson import Fields, JsonObject
from keyturn.ceremony.checks import check_said, check_step_signature
from keyturn.ceremony.errors import CeremonyReason, CeremonyRefused
from keyturn.ceremony.hostdocument import HostDocument
from keyturn.ceremony.plan import parse_plan
from keyturn.ceremony.records import Event
from keyturn.ceremony.script import Attaches, Part, ShareUse
from keyturn.ceremony.shareboxes import box_info, entry_info, make_host_key, open_entry, seal_box
from keyturn.ceremony.shares import DealtShare, Gathering
from keyturn.ceremony.steps import StepSignature, Word, parse_said, parse_step_signature
from keyturn.officerkeys.keypair import OfficerPublic, OfficerSecret
from keyturn.quorum.kinds import Kind, payload_type
from keyturn.quorum.statements import compose_payload
from keyturn.wire import ceremonies as asked
from keyturn.wire.ceremonies import (
    CeremonyNews,
    CeremonyRequest,
    CeremonyRow,
    CeremonyState,
    ShareBox,
    StatementToSign,
    Waiting,
    news_document,
    parse_ceremony_request,
    row_document,
)
from keyturn.wire.frames import receive_frame, send_frame
from keyturn.wire.keyholder import error_answer, ok_answer
from keyturn.wire.requests import Request
from support.authority import spki
from support.ceremonies import Cast, Play, authority_of, dealt, genesis_facts
from support.ceremonylog import keys_body

A = TypeVar("A")
BOOT = "0b" * 16
EMPTY_ROOT = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
_EVENTS = {
    Word.NOTE: Event.NOTE,
    Word.EXCEPTION: Event.EXCEPTION,
    Word.ABORT: Event.ABORTED,
    Word.RESUME: Event.RESUMED,
}


def secret_of(cast: Cast, officer: str) -> OfficerSecret:
    """This officer's keys as a key file would hold them."""
    key, sealing = cast.key(officer), cast.hpke(officer)
    name = cast.people[officer][0]
    public = OfficerPublic(
        officer, name, Algorithm.ED25519, spki(key), sealing.public_key().public_bytes_raw()
    )
    return OfficerSecret(public, bytearray(key.private_bytes_raw() + sealing.private_bytes_raw()))


def real_now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


@dataclass
class PlayedHost:
    """One ceremony at most. `play` is None until it is opened."""

    cast: Cast
    play: Play | None = None
    rehearsal: bool = True
    signed: list[StepSignature] = field(default_factory=list)
    proved: set[tuple[ShareUse, str]] = field(default_factory=set)
    files: dict[str, bytes] = field(default_factory=dict)
    interrupted: bool = False
    unmet: tuple[ShareUse, ...] = ()
    fail_next: bool = False

    def __post_init__(self) -> None:
        self._private, self._public = make_host_key(secrets.token_bytes(96))
        self._lock = threading.RLock()

    # ---- a door, in the process ----

    def ask(self, request: Request[A]) -> A:
        fields = Fields(self.answer(request), "answer")
        found = request.read(fields)
        fields.done()
        return found

    # ---- a host ----

    def answer(self, request: object) -> JsonObject:
        with self._lock:
            match request:
                case asked.AskCeremonies():
                    rows = [row_document(each) for each in self._rows()]
                    return {"host": b64(self.host_document()), "ceremonies": [*rows]}
                case asked.AskCeremony(since=since):
                    return news_document(self._news(since))
                case asked.OpenCeremony(plan=raw):
                    return {"ceremony": self._open(raw)}
                case asked.SignStep(envelope=envelope, attached=attached):
                    return self._sign(envelope, attached)
                case asked.SayInCeremony(envelope=envelope):
                    return self._say(envelope)
                case asked.AskCeremonyFile(name=name):
                    if name not in self.files:
                        raise NotFoundError("no such file", found=name)
                    return {"data": b64(self.files[name])}
                case asked.PutCeremonyFile(name=name, data=data):
                    self.files[name] = data
                    return {"digest": digest_of(data)}
        raise NotFoundError("no such question")

    def host_document(self) -> bytes:
        founded = authority_of(self.play) if self.play is not None else None
        return HostDocument(
            founded, BOOT, self._public, 0, EMPTY_ROOT, real_now(), self.rehearsal
        ).to_payload()

    def boxes(self) -> tuple[ShareBox, ...]:
        """Of every custodian, as the plan deals them."""
        play = self._playing()
        return tuple(
            ShareBox(
                each.member.officer,
                share_set.use.value,
                each.member.group,
                each.member.member,
                self._box(share_set.use, each),
            )
            for share_set, shares in dealt(play.plan)
            for each in shares
        )

    def _box(self, use: ShareUse, share: DealtShare) -> bytes:
        play, place = self._playing(), share.member
        info = box_info(
            play.plan.ceremony,
            play.signed_plan.digest,
            use,
            place.officer,
            place.group,
            place.member,
        )
        public = self.cast.hpke(place.officer).public_key().public_bytes_raw()
        return seal_box(share.words, public, info)

    def _playing(self) -> Play:
        if self.play is None:
            raise NotFoundError("no such ceremony is held here")
        return self.play

    def _rows(self) -> list[CeremonyRow]:
        if self.play is None:
            return []
        course = self.play.course
        state = CeremonyState(course.state.value)
        return [
            CeremonyRow(
                course.plan.ceremony,
                course.plan.kind.value,
                course.plan.rehearsal,
                CeremonyState.INTERRUPTED if self.interrupted else state,
                course.step.id if course.step else None,
                course.last.seq,
                course.records[0].time.strftime("%Y-%m-%dT%H:%M:%SZ"),
            )
        ]

    def _news(self, since: int) -> CeremonyNews:
        course = self._playing().course
        raw = tuple(each.raw for each in course.records[since:])
        return CeremonyNews(raw, course.last.seq, self._waiting())

    def _waiting(self) -> Waiting | None:
        play = self._playing()
        step = play.course.step
        if step is None:
            return None
        dealt_yet = any(each.step == "make-token" for each in play.course.done)
        return Waiting(
            step.id,
            play.course.place.seq,
            play.course.place.previous,
            tuple((each.officer, each.part.value) for each in self.signed),
            self.boxes() if dealt_yet else (),
            self.statements() if step.attaches is Attaches.STATEMENTS else (),
            None,
            self.interrupted,
            self.unmet,
            tuple((use.value, officer) for use, officer in sorted(self.proved, key=str)),
        )

    def statements(self) -> tuple[StatementToSign, ...]:
        """Roster and keys, proposed by the administrator."""
        play = self._playing()
        founding = play.plan.founding
        assert founding is not None
        bodies = {Kind.ROSTER: founding.body, Kind.KEYS: keys_body(founding.origin)}
        payloads: dict[Kind, bytes] = {}
        for kind, body in bodies.items():
            first = payloads.get(Kind.ROSTER)
            payloads[kind] = compose_payload(
                kind,
                kind.value,
                authority=digest_of(first) if first else None,
                version=1,
                replaces=None,
                proposer=play.plan.administrator,
                time=play.plan.time,
                reason="founding",
                body=dict(body),
            )
        return tuple(
            StatementToSign(kind.value, role, payload_type(kind.value), payload)
            for role in ("propose", "approve")
            for kind, payload in payloads.items()
        )

    def _open(self, raw: bytes) -> str:
        signed = parse_plan(raw)
        self.play = Play(self.cast, signed.plan)
        if self.play.signed_plan.raw != raw:
            raise CeremonyRefused(CeremonyReason.BAD_SIGNATURE, "not the administrator's plan")
        return signed.plan.ceremony

    def _sign(self, envelope: bytes, attached: tuple[bytes, ...]) -> JsonObject:
        play, signature = self._playing(), parse_step_signature(envelope)
        if self.unmet:  # one share of each is enough here
            self._enter(signature, attached)
            entered = {use for use, _ in self.proved}
            self.unmet = tuple(use for use in self.unmet if use not in entered)
            return {"seq": play.course.last.seq, "event": None}
        check_step_signature(
            play.course, signature, real_now(), signed=self.signed, attached=attached
        )
        if play.step.attaches is Attaches.SHARE and signature.part is Part.CUSTODIAN:
            self._enter(signature, attached)
        self.signed.append(signature)
        if not play.course.complete(self.signed):
            return {"seq": play.course.last.seq, "event": None}
        return self._act(play)

    def _act(self, play: Play) -> JsonObject:
        facts, signed = genesis_facts(play.plan), tuple(self.signed)
        self.signed.clear()
        play.now = max(real_now(), play.course.last.time) - timedelta(seconds=40)
        if self.fail_next:
            self.fail_next = False
            step = play.step.id
            failed: JsonObject = {"reason": "failed", "found": "x", "expected": "y", "left": "z"}
            record = play.add(Event.FAILED, step, signed, failed)
        else:
            record = play.add(Event.DONE, play.step.id, signed, facts.get(play.step.id, {}))
        return {"seq": record.seq, "event": record.event.value}

    def _enter(self, signature: StepSignature, attached: tuple[bytes, ...]) -> None:
        play = self._playing()
        place, sets = play.course.place, [share_set for share_set, _ in dealt(play.plan)]
        for sealed in attached:
            use, words = self._opened(sealed, signature.officer)
            assert place.seq == signature.place.seq
            found = next(each for each in sets if each.use is use)
            Gathering(found, sets).prove(signature.officer, words)
            self.proved.add((use, signature.officer))

    def _opened(self, sealed: bytes, officer: str) -> tuple[ShareUse, bytearray]:
        place = self._playing().course.place
        for use in ShareUse:
            info = entry_info(BOOT, place.ceremony, place.previous, use, officer)
            with contextlib.suppress(CeremonyRefused):
                return use, open_entry(sealed, self._private, info)
        raise CeremonyRefused(CeremonyReason.WRONG_SHARE, "not sealed for this step")

    def _say(self, envelope: bytes) -> JsonObject:
        play, said = self._playing(), parse_said(envelope)
        check_said(play.course, said, real_now())
        play.now = max(real_now(), play.course.last.time) - timedelta(seconds=40)
        record = play._record(_EVENTS[said.word], None, (envelope,), {})
        play.course = play.course.follow(record)
        self.signed.clear()
        self.interrupted = self.interrupted and said.word is not Word.RESUME
        return {"seq": record.seq}

    # ---- on a socket ----

    @contextlib.contextmanager
    def serving(self, path: Path) -> Iterator[Path]:
        """Answer on a unix socket while the block runs."""
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listener.bind(str(path))
        listener.listen(16)
        acceptor = threading.Thread(target=self._accept, args=(listener,))
        acceptor.start()
        try:
            yield path
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            listener.close()
            acceptor.join(10)
            path.unlink(missing_ok=True)

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection, contextlib.suppress(KeyturnError):
                connection.settimeout(10)
                while (document := receive_frame(connection)) is not None:
                    send_frame(connection, self._framed(document))

    def _framed(self, document: JsonObject) -> Mapping[str, object]:
        try:
            fields = Fields(document, "request")
            request: CeremonyRequest | None = parse_ceremony_request(fields.text("op"), fields)
            fields.done()
            return ok_answer(self.answer(request))
        except KeyturnError as error:
            return error_answer(error)
