"""Officers who hold a ceremony at a real host, over its socket or in this process.

Everything goes through the client that officers' programs use, so that every answer is verified:
`Table` is a desk with all of them around it. `step()` has everybody sign the step that waits.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event as Signal
from typing import TypeVar

from cryptography.exceptions import InvalidTag

from keyturn.base.dsse import Envelope, parse_envelope
from keyturn.base.encoding import Digest, digest_of
from keyturn.base.errors import KeyturnError, UntrustedError
from keyturn.base.signatures import KeyId, key_id_of
from keyturn.base.strictjson import dump, load_object
from keyturn.base.times import format_time
from keyturn.ceremony.course import CourseState
from keyturn.ceremony.hostdocument import HostDocument, parse_host
from keyturn.ceremony.kinds import SCRIPTS
from keyturn.ceremony.plan import FoundingPlan, KekProfile, Plan
from keyturn.ceremony.records import Event, Record
from keyturn.ceremony.script import Attaches, EnteredKind, Many, Part, ScriptKind, ShareUse
from keyturn.ceremony.seencheckpoint import seen_entries
from keyturn.ceremony.shareboxes import BOX_SUITE, entry_info, seal_entry
from keyturn.ceremony.shareerrors import ShareRefused
from keyturn.ceremony.shares import Gathering
from keyturn.ceremony.sharesets import ShareSet
from keyturn.ceremony.steps import STEP_TYPE, Word, step_payload
from keyturn.client.ceremonies import CeremonyReader, Followed
from keyturn.client.ceremonydoor import LocalDoor
from keyturn.client.ceremonyshares import (
    boxes_of,
    check_typed,
    open_box,
    seal_share,
    uses_to_enter,
    uses_to_open,
)
from keyturn.client.ceremonysigning import (
    open_request,
    say_request,
    shown_statements,
    sign_request,
    sign_statements,
    unlock_request,
)
from keyturn.hsm.pins import new_pin, pin_file
from keyturn.keyholder.ceremonies.engine import CeremonyHost
from keyturn.keyholder.ceremonies.site import DeskSite
from keyturn.keyholder.config import load_config
from keyturn.keyholder.opening import Opened, open_keyholder
from keyturn.quorum.approvals import APPROVAL_TYPE, Decision, approval_payload
from keyturn.quorum.bundle import Authority, load_bundle
from keyturn.quorum.kinds import DEFAULT_THRESHOLDS, Kind, payload_type
from keyturn.quorum.roster import OfficerId
from keyturn.quorum.statements import compose_payload
from keyturn.tlog.checkpoints import Checkpoint
from keyturn.wire.ceremonies import AskCeremonies, AskCeremonyFile, SignStep, StepTaken
from keyturn.wire.errors import PeerRefused
from keyturn.wire.keyholder import error_answer, parse_request, read_answer
from keyturn.wire.requests import Request
from support.authority import sign, spki
from support.ceremonies import EVERY_SCHEME, ORIGIN, REHEARSED_ORIGIN, Cast
from support.hsmtoken import softhsm_module

A = TypeVar("A")
ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 60
STEP_SECONDS = 120


def now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


@dataclass(frozen=True)
class Seat:
    """One officer's keys: signs, and opens what was sealed to them."""

    cast: Cast
    officer: str

    @property
    def key_id(self) -> KeyId:
        return key_id_of(self.spki)

    @property
    def spki(self) -> bytes:
        return spki(self.cast.key(self.officer))

    def derived(self, info: bytes) -> bytes:
        raise NotImplementedError(info)

    def sign(self, payload_type: str, payload: bytes) -> Envelope:
        return parse_envelope(sign(payload_type, payload, self.cast.key(self.officer)))

    def unseal(self, sealed: bytes, info: bytes) -> bytearray:
        try:
            return bytearray(BOX_SUITE.decrypt(sealed, self.cast.hpke(self.officer), info))
        except InvalidTag as error:
            raise UntrustedError("not sealed to this officer's key") from error


class InProcess:
    """A host in this process, asked in the form of the wire."""

    def __init__(self, host: CeremonyHost) -> None:
        self.host = host

    def ask(self, request: Request[A]) -> A:
        document = load_object(dump(request.document()), limit=64 << 20, what="request")
        try:
            answer = self.host.answer(parse_request(document))  # type: ignore[arg-type]
        except KeyturnError as error:
            answer = dict(error_answer(error))
        return read_answer(request, load_object(dump(answer), limit=64 << 20, what="answer"))


@dataclass
class Table:
    """Everybody at one host, for one ceremony. `words` are the sheets that custodians keep."""

    door: InProcess | LocalDoor
    cast: Cast
    ceremony: str = ""
    words: dict[tuple[str, ShareUse], bytes] = field(default_factory=dict)
    old_words: dict[tuple[str, ShareUse], bytes] = field(default_factory=dict)
    """Sheets that were replaced."""
    clock: Callable[[], datetime] = now
    reader: CeremonyReader | None = None
    authority: Authority | None = None
    """The pinned one, where there is one already."""
    seen: Checkpoint | None = None
    """The newest checkpoint of its log that everybody here has seen."""

    def at(self, door: InProcess | LocalDoor) -> "Table":
        """The same people and sheets at another host, or at the same one started anew."""
        self.door, self.reader = door, None
        return self

    def open(self, plan: Plan) -> str:
        self.ceremony = self.door.ask(open_request(plan, Seat(self.cast, plan.administrator)))
        self.reader = None
        return self.ceremony

    # ---- reading ----

    def read(self) -> Followed:
        """Verified from the first record on, as officers' programs do."""
        if self.reader is None:
            self.reader = CeremonyReader(self.door, self.authority)
        return self.reader.read(self.ceremony)

    @property
    def waits_for(self) -> str | None:
        step = self.read().course.step
        return step.id if step else None

    @property
    def state(self) -> CourseState:
        return self.read().course.state

    @property
    def last(self) -> Record:
        return self.read().course.last

    def host(self) -> HostDocument:
        return parse_host(self.door.ask(AskCeremonies()).host).document

    def file(self, name: str) -> bytes:
        return self.door.ask(AskCeremonyFile(self.ceremony, name))

    # ---- signing ----

    def signers(self) -> list[tuple[OfficerId, Part]]:
        """Those who sign the step that waits: of a quorum the first that are enough; the witness
        last. One who has two parts signs for each."""
        found: list[tuple[OfficerId, Part]] = []
        for need in self.read().course.needs():
            many = len(need.officers) if need.signers.many is Many.EACH else need.least
            if need.part is Part.OFFICER:
                proposer = self._proposer()
                others = [each for each in need.officers if each != proposer]
                approvers = [each for each in others if "approver" in self.cast.people[each][1]]
                found += [
                    (OfficerId(each), need.part) for each in (proposer, *approvers[: many - 1])
                ]
                continue
            found += [(each, need.part) for each in need.officers[:many]]
        once = dict.fromkeys(found)
        return sorted(once, key=lambda each: each[1] is Part.WITNESS)

    def _proposer(self) -> OfficerId:
        waiting = self.read().waiting
        assert waiting is not None
        return shown_statements(self.read().course, waiting)[0].statement.proposer

    def sign(self, officer: str, part: Part, **entered: str) -> StepTaken:
        """With all that they enter and attach."""
        followed = self.read()
        attached = self.attached(officer, part)
        shares = attached and part is Part.CUSTODIAN
        seen = seen_entries(followed.plan, self.seen) if shares else {}
        request = sign_request(
            followed.course,
            part,
            Seat(self.cast, officer),
            self.clock(),
            entered={**self.entered(part, officer), **seen, **entered},
            attached=attached,
        )
        return self.door.ask(request)

    def entered(self, part: Part, officer: str = "") -> dict[str, str]:
        course = self.read().course
        texts = {
            EnteredKind.CONFIRM: "yes",
            EnteredKind.PHRASE: course.phrase,
            EnteredKind.TEXT: "as the plan says",
            EnteredKind.BAG: f"KT-{officer}",
        }
        assert course.step is not None
        return {each.name: texts[each.kind] for each in course.step.entered if each.part is part}

    def attached(self, officer: str, part: Part) -> tuple[bytes, ...]:
        followed = self.read()
        step = followed.course.step
        assert step is not None
        if step.attaches is Attaches.SHARE and part is Part.CUSTODIAN:
            uses = uses_to_enter(followed.course, step, officer)
            return tuple(self.sealed(officer, use, self.sheet(officer, use)) for use in uses)
        if step.attaches is Attaches.STATEMENTS and part is Part.OFFICER:
            assert followed.waiting is not None
            shown = shown_statements(followed.course, followed.waiting)
            seat = Seat(self.cast, officer)
            return tuple(sign_statements(shown, seat, self.clock()))
        return ()

    def sealed(self, officer: str, use: ShareUse, words: bytes | None = None) -> bytes:
        """An entered share, from the custodian's sheet."""
        course = self.read().course
        typed = bytearray(self.words[officer, use] if words is None else words)
        return seal_share(course, self.host(), use, officer, typed)

    def sheet(self, officer: str, use: ShareUse) -> bytes:
        """The one that their program takes now: of a secret that was replaced they may have two."""
        followed = self.read()
        for words in (self.words, self.old_words):
            found = words.get((officer, use))
            if found is not None:
                with suppress(ShareRefused):
                    rehearsal = followed.plan.rehearsal
                    check_typed(
                        followed.asked_sets, use, officer, bytearray(found), rehearsal=rehearsal
                    )
                    return found
        raise AssertionError(f"{officer} has no such sheet: {use}")

    def asked(self, officer: str) -> tuple[ShareUse, ...]:
        """What their program offers them to enter for a host that forgot it."""
        followed, waiting = self.read(), self.read().waiting
        if waiting is None:
            return ()
        return uses_to_open(followed.course, waiting.unmet, waiting.entered, officer)

    @property
    def unmet(self) -> tuple[ShareUse, ...]:
        waiting = self.read().waiting
        return () if waiting is None else waiting.unmet

    def unchecked(self, officer: str, use: ShareUse, words: bytes) -> bytes:
        """An entered share as a program seals it that looks at nothing."""
        host, place = self.host(), self.read().course.place
        info = entry_info(host.boot, place.ceremony, place.previous, use, officer)
        return seal_entry(words, host.key, info)

    def unlock_all(self) -> None:
        """Whatever a host that was started anew has locked, by as many as it takes."""
        for officer in self.cast.people:
            if not self.unmet:
                return
            for use in self.asked(officer):
                self._unlock_with(officer, use)

    def _unlock_with(self, officer: str, use: ShareUse) -> None:
        """The sheet that is asked for; where a KEK moves, those of both tokens."""
        if self.waits_for != "import-kek":
            self.unlock(use, (officer,))
            return
        for words in (self.words, self.old_words):
            if self.unmet and (officer, use) in words:
                with suppress(PeerRefused):  # enough of that token's are there
                    self.unlock(use, (officer,), words)

    def step(self) -> Record:
        """Everybody signs the step that waits; the record that this made."""
        self.unlock_all()
        before = self.last.seq
        for officer, part in self.signers():
            self.collect(officer)
            taken = self.sign(officer, part)
        return self._recorded(before, taken)

    def _recorded(self, before: int, taken: StepTaken) -> Record:
        """Wait for what the last signature set off."""
        pause, waited = Signal(), 0.0
        while self.last.seq == before:
            assert waited < STEP_SECONDS, f"nothing was recorded after {taken}"
            pause.wait(0.05)
            waited += 0.05
        return self.read().course.records[before + 1]

    def run(self, until: str | None = None) -> None:
        """Step by step, until that one waits, or the ceremony is over. None may fail."""
        while self.waits_for not in (None, until):
            record = self.step()
            assert record.event is Event.DONE, (record.step, record.facts)

    def collect(self, officer: str) -> None:
        """Open whatever boxes there are for somebody, and keep the sheets."""
        followed = self.read()
        if followed.waiting is None:
            return
        for box in boxes_of(followed.waiting.boxes, officer):
            own = open_box(followed.course, followed.boxed_sets, box, Seat(self.cast, officer))
            words = bytes(own.words)
            if self.words.get((officer, own.use), words) != words:
                self.old_words[officer, own.use] = self.words[officer, own.use]
            self.words[officer, own.use] = words

    def collect_all(self) -> None:
        for officer in self.cast.people:
            self.collect(officer)

    def unlock(
        self,
        use: ShareUse,
        officers: Sequence[str],
        words: Mapping[tuple[str, ShareUse], bytes] | None = None,
    ) -> None:
        """Shares for what a started host has locked."""
        for each in officers:
            course = self.read().course
            typed = self.sheet(each, use) if words is None else words[each, use]
            sealed = (self.sealed(each, use, typed),)
            seen = seen_entries(course.plan, self.seen)
            seat = Seat(self.cast, each)
            self.door.ask(unlock_request(course, seat, self.clock(), sealed, seen))

    def say(self, officer: str, part: Part, word: Word, text: str = "as agreed") -> int:
        request = say_request(
            self.read().course, part, Seat(self.cast, officer), self.clock(), word, text
        )
        return self.door.ask(request)

    def abort(self) -> Record:
        self.say(self.read().plan.witness, Part.WITNESS, Word.ABORT, "as agreed")
        return self.last

    def resume(self) -> None:
        self.say(self.read().plan.witness, Part.WITNESS, Word.RESUME, "the host is there again")

    def raw_step(self, officer: str, part: Part, **changed: object) -> SignStep:
        """A signature that no program of ours would make."""
        course = self.read().course
        assert course.step is not None
        attached = changed.pop("attached", ())
        values: dict[str, object] = {
            "place": course.place,
            "step": course.step.id,
            "officer": officer,
            "part": part,
            "time": self.clock(),
            "entered": self.entered(part, officer),
            "attached": tuple(map(digest_of, attached)),  # type: ignore[call-overload]
        }
        key = self.cast.key(str(changed.pop("key", officer)))
        payload = step_payload(**{**values, **changed})  # type: ignore[arg-type]
        raw = sign(STEP_TYPE, payload, key)
        return SignStep(self.ceremony, raw, tuple(attached))  # type: ignore[arg-type]


def genesis_plan(cast: Cast, **changed: object) -> Plan:
    """3 of 5 open the token, 2 of 3 others are its security officer. No rehearsal."""
    profile = changed.get("kek_profile", KekProfile.NEVER_EXTRACTABLE)
    shares = dict(EVERY_SCHEME)
    if profile is KekProfile.NEVER_EXTRACTABLE:
        del shares[ShareUse.BACKUP]
    settings: dict[str, object] = {
        "ceremony": "genesis-1",
        "kind": ScriptKind.GENESIS,
        "script": SCRIPTS[ScriptKind.GENESIS].digest,
        "rehearsal": False,
        "authority": None,
        "statement": None,
        "administrator": OfficerId("hana"),
        "witness": OfficerId("viktor"),
        "scribe": OfficerId("sofia"),
        "shares": shares,
        "kek_profile": profile,
        "token": "keyturn",
        "concerns": (),
        "founding": FoundingPlan(ORIGIN, 90, cast.roster, cast.body()),
        "time": now(),
    }
    if changed.get("rehearsal") and "founding" not in changed:
        settings["founding"] = FoundingPlan(REHEARSED_ORIGIN, 90, cast.roster, cast.body())
    return Plan(**{**settings, **changed})  # type: ignore[arg-type]


@dataclass
class HostProcess:
    """`python -m keyturn.keyholder.ceremonies.host` over its socket."""

    directory: Path
    socket: Path
    process: "subprocess.Popen[bytes]"
    output: Path

    @property
    def door(self) -> LocalDoor:
        return LocalDoor(self.socket)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(10)

    def end(self) -> int:
        """By closing its standard input, as the program does that started it."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        return self.process.wait(START_SECONDS)


@contextmanager
def host_process(directory: Path, *, rehearsal: bool = False) -> Iterator[HostProcess]:
    """Started, listening; killed at the end if it is still there."""
    directory.mkdir(exist_ok=True)
    output, socket = directory.with_suffix(".out"), directory.with_suffix(".sock")
    command = [sys.executable, "-m", "keyturn.keyholder.ceremonies.host"]
    command += ["--directory", str(directory), "--socket", str(socket)]
    command += ["--module", str(softhsm_module()), *(["--rehearsal"] if rehearsal else [])]
    with output.open("ab") as errors:
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            env={**os.environ, "PYTHONPATH": str(ROOT / "backend")},
        )
    running = HostProcess(directory, socket, process, output)
    try:
        assert process.stdout is not None
        said = json.loads(process.stdout.readline() or b"{}")
        assert said.get("listens") == str(socket), (said, output.read_text())
        yield running
    finally:
        running.kill()
        for each in (process.stdin, process.stdout):
            assert each is not None
            each.close()


@contextmanager
def host_here(directory: Path, **options: object) -> Iterator[InProcess]:
    """A host in this process; `options` as for `CeremonyHost`, and `clock`, `rehearsal`."""
    clock = options.pop("clock", lambda: datetime.now(UTC))
    rehearsal = bool(options.pop("rehearsal", False))
    directory.mkdir(exist_ok=True)
    site = DeskSite(directory, clock, softhsm_module(), rehearsal=rehearsal)  # type: ignore[arg-type]
    try:
        host = CeremonyHost(site, **options)  # type: ignore[arg-type]
        try:
            yield InProcess(host)
        finally:
            host.close()
    finally:
        site.close()


class Killed(SystemExit):
    """The host's process ended here. (A thread that raises it is over, and says nothing.)"""


@dataclass
class Stage:
    """A host's directory as it was while a step waited, and the sheets of that moment."""

    directory: Path
    cast: Cast
    ceremony: str
    words: dict[tuple[str, ShareUse], bytes]
    sets: tuple[ShareSet, ...] = ()

    def copied_to(self, directory: Path) -> Path:
        """The same elsewhere, as a host that was killed leaves it."""
        return copied(self.directory, directory)

    def table(self, door: InProcess | LocalDoor) -> Table:
        return Table(door, self.cast, self.ceremony, dict(self.words))


def copied(source: Path, target: Path) -> Path:
    """A host's directory in another place; SoftHSM's settings name it."""
    shutil.copytree(source, target)
    for each in target.rglob("softhsm2.conf"):
        each.write_text(each.read_text().replace(str(source), str(target)))
    return target


def stages_of(table: Table, directory: Path, snapshots: Path) -> dict[str, Stage]:
    """Run a ceremony to its end; a copy of the host's directory before each step."""
    found: dict[str, Stage] = {}
    while (step := table.waits_for) is not None:
        table.collect_all()
        found[step] = _stage(table, copied(directory, snapshots / step))
        record = table.step()
        assert record.event is Event.DONE, (record.step, record.facts)
    found["over"] = _stage(table, copied(directory, snapshots / "over"))
    return found


def _stage(table: Table, directory: Path) -> Stage:
    sets = table.read().share_sets
    return Stage(directory, table.cast, table.ceremony, dict(table.words), sets)


def user_pin(words: Mapping[tuple[str, ShareUse], bytes], sets: Sequence[ShareSet]) -> bytearray:
    """The PIN of the token, from three custodians' sheets."""
    gathering = Gathering(next(each for each in reversed(sets) if each.use is ShareUse.USER))
    for (officer, use), each in words.items():
        if use is ShareUse.USER and not gathering.enough:
            gathering.add(officer, each)
    return new_pin(bytes(gathering.combine()))


@dataclass
class OpenKeyholder:
    """A keyholder in this process, its token open, in a directory that a genesis left."""

    opened: Opened
    cast: Cast

    @property
    def door(self) -> InProcess:
        return InProcess(self.opened)  # type: ignore[arg-type]

    @property
    def fingerprint(self) -> Digest:
        return self.opened.keyholder.journal.state.fingerprint

    def authority(self) -> Authority:
        raw = self.door.ask(AskCeremonyFile("genesis-1", "authority.bundle"))
        return load_bundle(raw, self.fingerprint, now())

    def enact(self, kind: Kind, subject: str, body: dict[str, object]) -> Digest:
        """Proposed by Ada, approved by three others, entered."""
        submissions, roster = self.opened.keyholder.submissions, DEFAULT_THRESHOLDS[kind]
        raw, digest = statement(self.cast, self.fingerprint, kind, subject, body)
        approvals = [approval(self.cast, digest, each) for each in APPROVERS[:roster]]
        submissions.submit(raw, approvals, None)
        return digest

    def plan(self, kind: ScriptKind, ceremony: str, **changed: object) -> Plan:
        """Authorised by a `ceremony` statement, which comes into force here."""
        plan = genesis_plan(
            self.cast,
            **{
                "ceremony": ceremony,
                "kind": kind,
                "script": SCRIPTS[kind].digest,
                "authority": self.fingerprint,
                "founding": None,
                "shares": {},
                "kek_profile": None,
                **changed,
            },
        )
        body = ceremony_body(plan)
        return replace(plan, statement=self.enact(Kind.CEREMONY, ceremony, body))


PROPOSER, APPROVERS = "ada", ("bela", "chen", "dora", "emil")


def statement(
    cast: Cast,
    authority: Digest | None,
    kind: Kind,
    subject: str,
    body: dict[str, object],
    **changed: object,
) -> tuple[bytes, Digest]:
    """Signed by its proposer; its envelope and its digest."""
    values: dict[str, object] = {
        "authority": authority,
        "version": 1,
        "replaces": None,
        "proposer": PROPOSER,
        "time": now(),
        "reason": "for a test",
        "life": timedelta(days=30),
    }
    payload = compose_payload(kind, subject, body=body, **{**values, **changed})  # type: ignore[arg-type]
    return sign(payload_type(kind.value), payload, cast.key(PROPOSER)), digest_of(payload)


def approval(cast: Cast, digest: Digest, by: str, at: datetime | None = None) -> bytes:
    payload = approval_payload(digest, Decision.APPROVE, officer=by, time=at or now())
    return sign(APPROVAL_TYPE, payload, cast.key(by))


def ceremony_body(plan: Plan) -> dict[str, object]:
    """A statement's body that lets this plan happen, today."""
    custodians = {each for scheme in plan.shares.values() for each in scheme.officers}
    return {
        "ceremony": plan.kind.value,
        "script": plan.script,
        "token": None,
        "participants": {
            "administrator": plan.administrator,
            "custodians": sorted(custodians) or ["ada"],
            "witness": plan.witness,
            "scribe": plan.scribe,
        },
        "concerns": list(plan.concerns),
        "not_before": format_time(now() - timedelta(minutes=1)),
        "not_after": format_time(now() + timedelta(days=1)),
    }


@contextmanager
def keyholder_in(
    directory: Path, stage: Stage, pin: bytearray | None = None
) -> Iterator[OpenKeyholder]:
    """Opened by the sheets of a stage, or by a PIN."""
    descriptor = pin_file(pin if pin is not None else user_pin(stage.words, stage.sets))
    config = load_config(directory / "keyholder.toml", {})
    try:
        opened = open_keyholder(config, directory, descriptor)
        try:
            yield OpenKeyholder(opened, stage.cast)
        finally:
            opened.close()
    finally:
        os.close(descriptor)
