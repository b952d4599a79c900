"""The host's answers: ceremonies opened, signed, spoken about, read (our protocol §10.7).

Nothing is done but what the script says next, by those whom it names. One action is done at a
time, in a thread of its own, so that questions are answered meanwhile. What an action made is worth
nothing before its record is durable: a host that was stopped shows the ceremony as interrupted.
"""

import logging
import secrets
import socket
from collections.abc import Callable, Mapping
from pathlib import Path

from keyturn import __version__
from keyturn.base.encoding import Digest, b64, digest_of
from keyturn.base.errors import KeyturnError, MalformedError, NotFoundError
from keyturn.base.times import format_time
from keyturn.ceremony.checks import check_plan_signature, check_time
from keyturn.ceremony.course import CourseState, open_course
from keyturn.ceremony.errors import CeremonyReason, CeremonyRefused
from keyturn.ceremony.facts import Opened
from keyturn.ceremony.hostphrase import host_phrase
from keyturn.ceremony.plan import Plan, parse_plan
from keyturn.ceremony.records import Event, make_record
from keyturn.ceremony.script import Action, ScriptKind
from keyturn.ceremony.sharesets import ShareSet
from keyturn.hsm.client import HsmWorker
from keyturn.hsm.pool import HsmPool
from keyturn.keyholder.ceremonies import rehearsing
from keyturn.keyholder.ceremonies.acting import Acting, not_recorded, undo
from keyturn.keyholder.ceremonies.actions.rotation import rewrap, takes_keys
from keyturn.keyholder.ceremonies.actions.table import ACTS, UNDOS
from keyturn.keyholder.ceremonies.actions.tokenfacts import token_facts
from keyturn.keyholder.ceremonies.authorising import (
    check_authorised,
    check_host,
    check_opening,
    opening_roster,
    roster_of,
    script_of,
)
from keyturn.keyholder.ceremonies.doing import Act, At, Undo, nowhere
from keyturn.keyholder.ceremonies.hosting import Hosting
from keyturn.keyholder.ceremonies.hostkey import HostKey, SignHost
from keyturn.keyholder.ceremonies.records import DIRECTORY, CeremonyFiles, ceremonies_in
from keyturn.keyholder.ceremonies.running import Running, plan_of, resume
from keyturn.keyholder.ceremonies.served import FILES, PUTS
from keyturn.keyholder.ceremonies.sharesinforce import sets_in_force
from keyturn.keyholder.ceremonies.sharing import BEFORE, BOXES, boxes_for
from keyturn.keyholder.ceremonies.site import Site, desk_of
from keyturn.keyholder.ceremonies.taking import Taking
from keyturn.keyholder.errors import KeyholderStopped
from keyturn.keyholder.logdisk_io import DiskIo
from keyturn.wire import ceremonies as asked
from keyturn.wire.ceremonies import (
    MAX_RECORDS,
    CeremonyNews,
    CeremonyRequest,
    CeremonyRow,
    CeremonyState,
    Waiting,
    news_document,
    row_document,
)
from keyturn.wire.keyholder import ok_answer

logger = logging.getLogger(__name__)

SOFTWARE = f"keyturn {__version__}"
ANSWER_SECONDS = 5.0
"""How long the answer to a signature waits for what it set off."""
_STATES = {
    CourseState.RUNNING: CeremonyState.RUNNING,
    CourseState.DONE: CeremonyState.DONE,
    CourseState.ABORTED: CeremonyState.ABORTED,
}


class CeremonyHost:
    """Safe for many threads. What it answers is checked by whoever asked."""

    def __init__(
        self,
        site: Site,
        *,
        sign: SignHost | None = None,
        random: Callable[[int], bytes] = secrets.token_bytes,
        io: Callable[[], DiskIo] = DiskIo,
        at: At = nowhere,
        acts: Mapping[Action, Act] = ACTS,
        undos: Mapping[ScriptKind, Undo] = UNDOS,
        answer_seconds: float = ANSWER_SECONDS,
    ) -> None:
        """Take up every ceremony that lies below the site's directory, and mend what a kill left.

        `sign`: by the keyholder's identity key, where there is one. Raises MalformedError and
        CeremonyRefused for a ceremony's directory that is damaged.
        """
        self._sign = sign
        self._io = io
        self._answer_seconds = answer_seconds
        key = HostKey(rehearsal=site.rehearsal)
        self._hosting = Hosting(site, key, acts, undos, random, at)
        self._acting = Acting(self._hosting)
        self._taking = Taking(self._hosting, self._acting)
        for directory in ceremonies_in(site.directory):
            self._take_up(directory)

    @property
    def site(self) -> Site:
        return self._hosting.site

    @property
    def phrase(self) -> str:
        """Of this process's key, for whoever sits at this machine."""
        return host_phrase(self._hosting.key.public)

    def answer(self, request: CeremonyRequest) -> dict[str, object]:
        """Raises KeyturnError for the caller to turn into a no, and KeyholderStopped when this
        host cannot go on."""
        if self._hosting.fault is not None:
            raise KeyholderStopped(self._hosting.fault, hint="start it again")
        match request:
            case asked.AskCeremonies():
                return ok_answer(self._list())
            case asked.AskCeremony(ceremony=ceremony, since=since):
                return ok_answer(news_document(self._news(ceremony, since)))
            case asked.OpenCeremony(plan=plan):
                return ok_answer({"ceremony": self._open(plan)})
            case asked.SignStep(ceremony=ceremony, envelope=envelope, attached=attached):
                return ok_answer(self._signed(ceremony, envelope, attached))
            case asked.SayInCeremony(ceremony=ceremony, envelope=envelope):
                with self._hosting.lock:
                    running = self._hosting.find(ceremony)
                    self._taking.say(running, envelope)
                    return ok_answer({"seq": running.course.last.seq})
            case asked.AskCeremonyFile(ceremony=ceremony, name=name):
                return ok_answer({"data": b64(self._file(ceremony, name))})
            case asked.PutCeremonyFile(ceremony=ceremony, name=name, data=data):
                return ok_answer({"digest": self._put(ceremony, name, data)})
            case asked.RewrapKeys(ceremony=ceremony, items=items):
                return ok_answer(self._rewrapped(ceremony, items))

    def close(self) -> None:
        """Forget every share. What is being done comes to its end first."""
        self._acting.join()
        with self._hosting.lock:
            for each in self._hosting.ceremonies.values():
                each.lock()

    # ---- reading ----

    def _list(self) -> dict[str, object]:
        site = self.site
        head = site.head()
        document = self._hosting.key.document(
            site.fingerprint, head.size, head.root, site.now(), self._sign
        )
        with self._hosting.lock:
            rows = [row_document(_row(each)) for each in self._hosting.ceremonies.values()]
        return {"host": b64(document), "ceremonies": rows}

    def _news(self, ceremony: str, since: int) -> CeremonyNews:
        with self._hosting.lock:
            running = self._hosting.find(ceremony)
            records: list[bytes] = []
            size = 0
            for each in running.course.records[since:]:
                size += len(each.raw)
                if records and size > MAX_RECORDS:
                    break
                records.append(each.raw)
            return CeremonyNews(tuple(records), running.course.last.seq, self._waiting(running))

    def _waiting(self, running: Running) -> Waiting | None:
        step, place = running.course.step, running.course.place
        if step is None:
            return None
        statements = self._hosting.act(step).statements
        unmet = self._hosting.unmet(running)
        shares = running.shares.entered if running.shares is not None else ()
        return Waiting(
            step.id,
            place.seq,
            place.previous,
            tuple((each.officer, each.part.value) for each in running.signatures),
            boxes_for(running.files, step.action),
            statements(self._hosting.doing(running)) if statements else (),
            running.progress,
            running.interrupted,
            unmet,
            self._hosting.reentered(running) if unmet else shares,
        )

    def _file(self, ceremony: str, name: str) -> bytes:
        with self._hosting.lock:
            running = self._hosting.find(ceremony)
            maker = FILES.get(name)
            found = maker(self.site, running) if maker is not None else None
        if found is None:
            raise NotFoundError("there is no such file of this ceremony", found=name)
        return found

    # ---- opening ----

    def _open(self, raw: bytes) -> str:
        signed = parse_plan(raw)
        plan, site = signed.plan, self.site
        with self._hosting.lock:
            known = self._hosting.ceremonies.get(plan.ceremony)
            if known is not None and known.course.signed_plan.raw == raw:
                return plan.ceremony
            self._check_room(plan)
            now = site.now()
            check_host(plan, site)
            check_opening(plan, site)
            script = script_of(plan)
            roster = roster_of(plan, site, now)
            check_plan_signature(signed, roster)
            check_time(plan.time, now)
            check_authorised(plan, roster, site, None, now)
            files = self._files(site.directory / DIRECTORY / plan.ceremony)
            files.clean()
            if files.begun:
                raise CeremonyRefused(
                    CeremonyReason.WRONG_CEREMONY,
                    "there are records of a ceremony of this name, which cannot be read",
                    found=plan.ceremony,
                    hint="choose another id, and look at what the host said when it started",
                )
            custody = self._custody(plan, signed.digest, files)
            token = (
                token_facts(site.hsm.hello) if isinstance(site.hsm, HsmWorker | HsmPool) else None
            )
            opened = make_record(
                plan.ceremony,
                rehearsal=plan.rehearsal,
                seq=0,
                previous=None,
                event=Event.OPENED,
                step=None,
                time=now,
                signed=(raw,),
                facts=Opened(
                    script.to_bytes(), SOFTWARE, socket.gethostname()[:200], token, custody
                ).document(),
            )
            course = open_course(signed, script, roster, opened, custody)
            files.append(opened)
            running = Running(files, course, custody)
            self._hosting.ceremonies[plan.ceremony] = running
            self._hosting.at("recorded opened")
            self._hosting.enter(running)
        return plan.ceremony

    def _custody(self, plan: Plan, digest: Digest, files: CeremonyFiles) -> tuple[ShareSet, ...]:
        """The share sets that stand when it is opened; a rehearsal's are made for it."""
        site = self.site
        if not plan.rehearsal or plan.kind is ScriptKind.GENESIS:
            return sets_in_force(self._hosting.ceremonies.values())
        desk = desk_of(site)
        if desk.is_founded:
            raise CeremonyRefused(
                CeremonyReason.WRONG_CEREMONY,
                "there was another rehearsal in this host",
                hint="start a host for each rehearsal: it leaves nothing behind",
            )
        prelude = rehearsing.begin(desk, files, plan, digest, self._hosting.random)
        desk.founders = prelude.founders
        return prelude.sets

    def _check_room(self, plan: Plan) -> None:
        """One of a kind at a time, and an id once. Raises CeremonyRefused."""
        self._hosting.check_idle()
        state = self.site.state
        taken = plan.ceremony in self._hosting.ceremonies or (
            state is not None and plan.ceremony in state.ceremonies
        )
        if taken:
            raise CeremonyRefused(
                CeremonyReason.WRONG_CEREMONY,
                "there is or was a ceremony of this name",
                found=plan.ceremony,
                hint="choose another id",
            )
        for each in self._hosting.ceremonies.values():
            done = each.course.state is CourseState.DONE
            if done and plan.statement is not None and each.course.plan.statement == plan.statement:
                raise CeremonyRefused(
                    CeremonyReason.NOT_AUTHORISED,
                    "a statement lets one ceremony happen, and that one is done",
                    found=each.id,
                    hint="propose a new statement",
                )
            if not each.course.over and each.course.plan.kind is plan.kind:
                raise CeremonyRefused(
                    CeremonyReason.WRONG_CEREMONY,
                    f"a {plan.kind.value} is being held already",
                    found=each.id,
                    hint="finish or abort it first",
                )

    # ---- doing ----

    def _signed(
        self, ceremony: str, envelope: bytes, attached: tuple[bytes, ...]
    ) -> dict[str, object]:
        with self._hosting.lock:
            running = self._hosting.find(ceremony)
            before = running.course.last.seq
            began = self._taking.sign(running, envelope, attached)
        if began:
            self._acting.join(self._answer_seconds)
        with self._hosting.lock:
            if began and self._acting.unrecorded is not None:
                raise not_recorded(self._acting.unrecorded)
            last = running.course.last
            event = last.event.value if began and last.seq > before else None
            return {"seq": last.seq, "event": event}

    def _put(self, ceremony: str, name: str, data: bytes) -> Digest:
        with self._hosting.lock:
            running = self._hosting.find(ceremony)
            self._hosting.check_idle()
            fits = running.course.plan.kind in PUTS.get(name, ())
            if not fits or running.course.over:
                raise MalformedError("nothing of that name is handed in", found=name)
            running.files.keep(name, data)
        return digest_of(data)

    def _rewrapped(self, ceremony: str, items: bytes) -> dict[str, object]:
        with self._hosting.lock:
            running = self._hosting.find(ceremony)
            self._hosting.check_idle()
            if running.interrupted:
                raise CeremonyRefused(CeremonyReason.INTERRUPTED, "nobody resumed the ceremony yet")
            step = running.course.step
            if step is None or not takes_keys(running.course.plan, step.action):
                raise CeremonyRefused(
                    CeremonyReason.WRONG_STEP,
                    "no keys are wrapped anew in this step",
                    found=step.id if step else "over",
                )
            doing = self._hosting.doing(running)
        done = rewrap(doing, items)
        return {"items": b64(done.items), "kek": done.kek, "left": done.left}

    # ---- the start ----

    def _files(self, directory: Path) -> CeremonyFiles:
        return CeremonyFiles(directory, self._io())

    def _take_up(self, directory: Path) -> None:
        """One that cannot be read is told, and keeps no other out, nor the keyholder."""
        files = self._files(directory)
        try:
            files.clean()
            records = files.records()
            if not records:  # it was cut off before anybody was told of it
                files.remove()
                return
            self.site.not_before(records[-1].time)
            roster = opening_roster(plan_of(records[0]), self.site, records[0].time)
            running = resume(files, records, roster)
        except KeyholderStopped:
            raise
        except KeyturnError as error:
            logger.error("ceremony %s cannot be taken up: %s", directory.name, error)
            return
        self._hosting.ceremonies[running.id] = running
        if running.course.over:
            self._mend(running)
        self._hosting.enter(running)

    def _mend(self, running: Running) -> None:
        """What was to be gone when it was over."""
        try:
            if running.course.state is CourseState.ABORTED and running.files.names():
                undo(self._hosting, running)
            running.files.forget(BOXES, BEFORE)
        except KeyturnError as error:
            logger.error("what is left of ceremony %s stays: %s", running.id, error)


def _row(running: Running) -> CeremonyRow:
    course = running.course
    state = _STATES[course.state]
    if running.interrupted:
        state = CeremonyState.INTERRUPTED
    step = course.step
    return CeremonyRow(
        running.id,
        course.plan.kind.value,
        course.plan.rehearsal,
        state,
        step.id if step else None,
        course.last.seq,
        format_time(course.records[0].time),
    )
