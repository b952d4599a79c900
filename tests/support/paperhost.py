"""A ceremony's host without a token, for the page: takes signatures by the real rules, and makes
real records. What its actions would do is a table of facts.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric import ed25519, x25519

from keyturn.base.dsse import Envelope, Signature, pae
from keyturn.base.encoding import Digest, digest_of
from keyturn.base.errors import UnreachableError
from keyturn.base.signatures import Algorithm
from keyturn.base.strictjson import Fields, JsonObject
from keyturn.ceremony.checks import check_said, check_step_signature
from keyturn.ceremony.course import Course, open_course
from keyturn.ceremony.errors import CeremonyReason, CeremonyRefused, MalformedCeremony
from keyturn.ceremony.facts import Opened, SignedStatement
from keyturn.ceremony.kinds import SCRIPTS
from keyturn.ceremony.plan import (
    PLAN_TYPE,
    FoundingPlan,
    KekProfile,
    Plan,
    ShareGroup,
    ShareScheme,
    parse_plan,
)
from keyturn.ceremony.records import Event, Record, make_record
from keyturn.ceremony.script import Action, Attaches, Part, ScriptKind, ShareUse, Step
from keyturn.ceremony.shares import split
from keyturn.ceremony.sharesets import ShareSet
from keyturn.ceremony.steps import (
    STEP_TYPE,
    WORD_TYPE,
    StepSignature,
    Word,
    parse_said,
    parse_step_signature,
    step_payload,
    word_payload,
)
from keyturn.ceremony.transcript import make_transcript
from keyturn.client import ceremonyshares
from keyturn.client.ceremonybrought import Brought
from keyturn.client.sharesheet import sheet_of
from keyturn.officerkeys.keypair import OfficerPublic, OfficerSecret
from keyturn.officerkeys.signer import Signer
from keyturn.quorum.kinds import DEFAULT_THRESHOLDS, Kind, Role
from keyturn.quorum.roster import OfficerId, Roster, parse_roster
from keyturn_app.screens.ceremonies.hosts import (
    Awaiting,
    Box,
    Count,
    Held,
    HostSeen,
    HostWords,
    OwnShare,
    RunState,
    SealedSeen,
    StepWords,
    Told,
    ToSign,
)
from support.authority import Clock, spki
from support.ceremonies import TOKEN, genesis_facts

KEEPERS = ("mara", "jun", "sofia", "tomas", "aiko")
SO_KEEPERS = ("nils", "ola", "petra")
NAMES = {
    "novak": "Anna Novak",
    "osei": "Ruth Osei",
    "lind": "Sam Lind",
    "mara": "Mara Okafor",
    "jun": "Jun Lindqvist",
    "sofia": "Sofia Reyes",
    "tomas": "Tomas Bauer",
    "aiko": "Aiko Ito",
    "nils": "Nils Berg",
    "ola": "Ola Dahl",
    "petra": "Petra Kral",
}
ROLES = {
    "novak": {Role.OPERATOR, Role.PROPOSER},
    "osei": {Role.WITNESS},
    "lind": {Role.AUDITOR},
}


@dataclass
class Participant:
    """One of the cast, with their keys."""

    id: str
    secret: OfficerSecret
    roles: set[Role]

    @property
    def entry(self) -> JsonObject:
        return self.secret.public.roster_entry(each.value for each in self.roles)  # type: ignore[return-value]


def make_cast() -> dict[str, Participant]:
    cast = {}
    for name in NAMES:
        key = ed25519.Ed25519PrivateKey.generate()
        sealing = x25519.X25519PrivateKey.generate()
        public = OfficerPublic(
            name,
            NAMES[name],
            Algorithm.ED25519,
            spki(key),
            sealing.public_key().public_bytes_raw(),
        )
        private = bytearray(key.private_bytes_raw() + sealing.private_bytes_raw())
        roles = ROLES.get(name, {Role.CUSTODIAN, Role.APPROVER})
        cast[name] = Participant(name, OfficerSecret(public, private), roles)
    return cast


def signed(cast: Mapping[str, Participant], officer: str, kind: str, payload: bytes) -> bytes:
    secret = cast[officer].secret
    value = secret.sign(pae(kind, payload))
    return Envelope(kind, payload, (Signature(secret.public.key_id, value),)).to_bytes()


def _approvers(taken: list[StepSignature]) -> tuple[OfficerId, ...]:
    return tuple(each.officer for each in taken if each.part is Part.OFFICER)


def scheme(threshold: int, *officers: str) -> ShareScheme:
    return ShareScheme(1, (ShareGroup(threshold, tuple(map(OfficerId, officers))),))


def make_plan(
    cast: Mapping[str, Participant],
    clock: Clock,
    *,
    kind: ScriptKind = ScriptKind.GENESIS,
    rehearsal: bool = False,
) -> Plan:
    """A genesis 3 of 5, SO 2 of 3, backup 2 of 3, and its rehearsals; others by the same people."""
    body: JsonObject = {
        "simulation": False,
        "officers": [each.entry for each in cast.values()],
        "thresholds": {each.value: n for each, n in DEFAULT_THRESHOLDS.items()},
        "proposer_may_approve": [],
        "witnesses": {"keys": [], "k": 0, "t_seconds": 300},
    }
    shares = {
        ShareUse.USER: scheme(3, *KEEPERS),
        ShareUse.SO: scheme(2, *SO_KEEPERS),
        ShareUse.BACKUP: scheme(2, "mara", "jun", "sofia"),
    }
    name = f"{kind.value}-2026-11"
    return Plan(
        ceremony=f"rehearsal-{name}" if rehearsal else name,
        kind=kind,
        script=SCRIPTS[kind].digest,
        rehearsal=rehearsal,
        authority=None,
        statement=None,
        administrator=OfficerId("novak"),
        witness=OfficerId("osei"),
        scribe=OfficerId("lind"),
        shares=shares,
        kek_profile=KekProfile.RECOVERABLE,
        token="orion-2026",
        concerns=(),
        founding=FoundingPlan(
            f"{'rehearsal.' if rehearsal else ''}keyturn.example/prod-eu",
            90,
            parse_roster(Fields(body, "roster")),
            body,
        ),
        time=clock(),
    )


@dataclass
class PaperHost:
    """`stop` and `fail` are what a test does to it."""

    cast: Mapping[str, Participant]
    clock: Clock
    courses: dict[str, Course] = field(default_factory=dict)
    taken: dict[str, list[StepSignature]] = field(default_factory=dict)
    interrupted: set[str] = field(default_factory=set)
    failing: dict[str, JsonObject] = field(default_factory=dict)
    """Facts of the failure of a step, by its id: once."""
    count: Count | None = None
    shares: dict[Box, bytes] = field(default_factory=dict)
    share_sets: dict[ShareUse, ShareSet] = field(default_factory=dict)
    entered: list[Digest] = field(default_factory=list)
    unmet: dict[str, tuple[ShareUse, ...]] = field(default_factory=dict)
    broken: bool = False
    silent: bool = False
    seal: SealedSeen = field(default_factory=lambda: SealedSeen(sealed=False))
    closed: list[str] = field(default_factory=list)
    roster: Roster | None = None
    """Of the authority that is there, where a ceremony founds none."""
    brought: list[Brought] = field(default_factory=list)
    handed_in: list[tuple[str, Brought]] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)
    """What it serves, and what was handed in, by name."""
    facts: dict[str, JsonObject] = field(default_factory=dict)
    """What it says that came of a step, by its id, where a ceremony is no genesis."""
    host_words: HostWords | None = None
    refuses_shares: CeremonyRefused | None = None
    """Why no share may go there."""
    compared: list[str | None] = field(default_factory=list)
    swapped: bytes | None = None
    """What it gives as its transcript file."""
    mute: bool = False
    """No transcript file comes."""

    # ---- CeremonyHost ----

    def look(self) -> HostSeen:
        rows = tuple(
            Held(
                each.plan.ceremony,
                each.plan.kind.value,
                each.plan.rehearsal,
                self._state(each),
                each.step.id if each.step else None,
                each.last.seq,
                each.records[0].time.strftime("%Y-%m-%dT%H:%M:%SZ"),
            )
            for each in self.courses.values()
        )
        return HostSeen(rows, "sha256:" + "c0" * 32)

    def follow(self, ceremony: str) -> Told:
        if self.broken:
            raise MalformedCeremony(
                "record 3: a record does not follow from the one before",
                found="record 3 after sha256:41aa",
                expected="record 3 after sha256:c0d3",
            )
        if self.silent:
            raise UnreachableError("no answer from the host")
        course = self.courses[ceremony]
        return Told(course, self._awaiting(course))

    def open(self, plan: Plan, signer: Signer) -> str:
        return self.begin(signer.sign(PLAN_TYPE, plan.to_payload()).to_bytes())

    def begin(self, plan: bytes) -> str:
        found = parse_plan(plan)
        script = SCRIPTS[found.plan.kind]
        roster = found.plan.founding.roster if found.plan.founding else self.roster
        assert roster is not None
        token = replace(TOKEN, label=found.plan.token)
        facts = Opened(script.to_bytes(), "keyturn", "table-1", token, ()).document()
        record = self._record(found.plan.ceremony, found.plan.rehearsal, None, facts, (plan,))
        self.courses[found.plan.ceremony] = open_course(found, script, roster, record)
        self.taken[found.plan.ceremony] = []
        return found.plan.ceremony

    def bring(self, brought: Brought) -> None:
        self.brought.append(brought)

    def put_restore(self, ceremony: str, brought: Brought) -> None:
        if self.silent:
            raise UnreachableError("nobody answers")
        self.handed_in.append((ceremony, brought))

    def put_file(self, ceremony: str, name: str, raw: bytes) -> None:
        if self.silent:
            raise UnreachableError("nobody answers")
        self.files[name] = raw

    def file(self, ceremony: str, name: str) -> bytes | None:
        if self.silent:
            raise UnreachableError("nobody answers")
        return self.files.get(name)

    def sign(self, told: Told, signer: Signer, words: StepWords, now: datetime) -> None:
        course = told.course
        step = course.step
        assert step is not None
        if words.unlocks:
            self.unmet.pop(course.plan.ceremony)
            return
        attached = words.shares
        if step.attaches is Attaches.STATEMENTS and words.part is Part.OFFICER:
            attached = (f"{signer.officer} approves".encode(),)
        payload = step_payload(
            course.place,
            step.id,
            signer.officer,
            words.part,
            now,
            entered=words.entered,
            attached=tuple(map(digest_of, attached)),
        )
        envelope = signer.sign(STEP_TYPE, payload).to_bytes()
        self.take(course.plan.ceremony, envelope, attached)

    def say(
        self, told: Told, part: Part, signer: Signer, now: datetime, word: Word, text: str
    ) -> None:
        payload = word_payload(told.course.next, signer.officer, part, now, word, text)
        self.hear(told.course.plan.ceremony, signer.sign(WORD_TYPE, payload).to_bytes())

    def open_box(self, told: Told, box: Box, signer: Signer) -> OwnShare:
        if signer.officer != box.officer:
            raise CeremonyRefused(CeremonyReason.WRONG_SHARE, "not this custodian's share")
        share_set = self.share_sets[ShareUse(box.use)]
        member = share_set.member_of(box.officer)
        assert member is not None  # boxes are made of the sets
        share = ceremonyshares.OwnShare(share_set, member, bytearray(self.shares[box]))
        return OwnShare(share.words, "3f9a01c7", sheet_of(told.course, share, None))

    def to_compare(self, told: Told) -> HostWords | None:
        if self.refuses_shares is not None:
            raise self.refuses_shares
        return self.host_words

    def seal_share(
        self, told: Told, use: ShareUse, officer: str, words: bytearray, compared: str | None
    ) -> bytes:
        self.compared.append(compared)
        known = {text for box, text in self.shares.items() if box.use == use.value}
        mine = {text for box, text in self.shares.items() if box.officer == officer}
        found = bytes(words)
        words[:] = bytes(len(words))
        if known and found not in known & mine:
            raise CeremonyRefused(
                CeremonyReason.WRONG_SHARE,
                "this is not the share that this custodian was given",
                found="another share",
                expected=f"the share of the {use.value} secret",
            )
        self.entered.append(digest_of(found))
        return b"sealed:" + digest_of(found).encode()

    def sealed(self, officer: str, now: datetime) -> SealedSeen:
        if self.silent:
            raise UnreachableError("nobody answers")
        return self.seal

    def unseal(self, signer: Signer, words: bytearray, now: datetime) -> SealedSeen:
        self.entered.append(digest_of(bytes(words)))
        words[:] = bytes(len(words))
        left = self.seal.missing - 1
        self.seal = replace(
            self.seal,
            entered=(*self.seal.entered, signer.officer),
            missing=left,
            sealed=left > 0,
        )
        return self.seal

    def close_token(self, signer: Signer, part: Part, why: str, now: datetime) -> None:
        self.closed.append(f"{signer.officer} as {part.value}: {why}")

    def transcript(self, told: Told) -> bytes:
        if self.mute:
            raise UnreachableError("nobody answers")
        if self.swapped is not None:
            return self.swapped
        return make_transcript([each.raw for each in told.course.records])

    def take(self, ceremony: str, envelope: bytes, attached: tuple[bytes, ...]) -> None:
        course, taken = self.courses[ceremony], self.taken[ceremony]
        signature = parse_step_signature(envelope)
        check_step_signature(course, signature, self.clock(), signed=taken, attached=attached)
        taken.append(signature)
        if course.complete(taken):
            self._act(ceremony, course, taken)

    def hear(self, ceremony: str, envelope: bytes) -> None:
        course = self.courses[ceremony]
        said = parse_said(envelope)
        check_said(course, said, self.clock())
        event = {
            Word.NOTE: Event.NOTE,
            Word.EXCEPTION: Event.EXCEPTION,
            Word.ABORT: Event.ABORTED,
            Word.RESUME: Event.RESUMED,
        }[said.word]
        if said.word is Word.RESUME:
            self.interrupted.discard(ceremony)
        self._follow(ceremony, event, None, {}, (envelope,))

    # ---- for tests ----

    def do_step(self, ceremony: str) -> None:
        """Everybody signs the step that waits."""
        course = self.courses[ceremony]
        step = course.step
        assert step is not None
        while course.step is step:
            for need in course.needs(self.taken[ceremony]):
                if need.fulfilled:
                    continue
                officer = next(each for each in need.officers if each not in need.signed)
                self.sign_as(ceremony, officer, need.part)
                break
            course = self.courses[ceremony]

    def sign_as(self, ceremony: str, officer: str, part: Part) -> None:
        course = self.courses[ceremony]
        step = course.step
        assert step is not None
        values = {"phrase": course.phrase, "confirm": "yes", "text": "as read", "bag": "A-0417"}
        entered = {each.name: values[each.kind.value] for each in step.entered if each.part is part}
        attached: tuple[bytes, ...] = ()
        if step.attaches is Attaches.SHARE and part is Part.CUSTODIAN:
            uses = [
                use
                for signers in step.signers
                for use in course.held(officer, signers, step.action)
                if signers.part is Part.CUSTODIAN
            ]
            attached = tuple(f"{officer} {each.value}".encode() for each in uses)
        elif step.attaches is Attaches.STATEMENTS and part is Part.OFFICER:
            attached = (f"{officer} approves".encode(),)
        payload = step_payload(
            course.place,
            step.id,
            officer,
            part,
            self.clock(),
            entered=entered,
            attached=tuple(map(digest_of, attached)),
        )
        self.take(ceremony, signed(self.cast, officer, STEP_TYPE, payload), attached)
        self.clock.advance(seconds=37)

    def until(self, ceremony: str, step: str) -> None:
        """Do steps until this one waits."""
        while (now := self.courses[ceremony].step) is not None and now.id != step:
            self.do_step(ceremony)

    def _act(self, ceremony: str, course: Course, taken: list[StepSignature]) -> None:
        step = course.step
        assert step is not None
        raws = tuple(each.raw for each in taken)
        self.taken[ceremony] = []
        if step.id in self.failing:
            self._follow(ceremony, Event.FAILED, step.id, self.failing.pop(step.id), raws)
            return
        if step.action is Action.MAKE_TOKEN:
            self._deal(course.plan)
        self._follow(ceremony, Event.DONE, step.id, self._facts(course.plan, step, taken), raws)

    def _facts(self, plan: Plan, step: Step, taken: list[StepSignature]) -> JsonObject:
        """What the host says that came of it, such that a stranger finds the transcript right."""
        if plan.kind is not ScriptKind.GENESIS:
            return self.facts.get(step.id, {})
        facts = genesis_facts(
            plan,
            [
                SignedStatement(kind, 1, digest_of(kind.value.encode()), _approvers(taken))
                for kind in (Kind.ROSTER, Kind.KEYS)
            ],
        )
        return facts.get(step.id, {})

    def _deal(self, plan: Plan) -> None:
        self.shares = {}
        for use, found in plan.shares.items():
            size = 32 if use is ShareUse.BACKUP else 16
            self.share_sets[use], dealt = split(
                bytearray(secrets.token_bytes(size)),
                found,
                use,
                rehearsal=plan.rehearsal,
                random=secrets.token_bytes,
            )
            for each in dealt:
                member = each.member
                box = Box(member.officer, use.value, member.group, member.member)
                self.shares[box] = bytes(each.words)

    def _follow(
        self,
        ceremony: str,
        event: Event,
        step: str | None,
        facts: JsonObject,
        raws: tuple[bytes, ...],
    ) -> None:
        course = self.courses[ceremony]
        record = make_record(
            ceremony,
            rehearsal=course.plan.rehearsal,
            seq=course.last.seq + 1,
            previous=course.last_digest,
            event=event,
            step=step,
            time=self.clock(),
            signed=raws,
            facts=facts,
        )
        self.courses[ceremony] = course.follow(record)

    def _record(
        self,
        ceremony: str,
        rehearsal: bool,
        step: str | None,
        facts: JsonObject,
        raws: tuple[bytes, ...],
    ) -> Record:
        return make_record(
            ceremony,
            rehearsal=rehearsal,
            seq=0,
            previous=None,
            event=Event.OPENED,
            step=step,
            time=self.clock(),
            signed=raws,
            facts=facts,
        )

    def _state(self, course: Course) -> RunState:
        if course.plan.ceremony in self.interrupted:
            return RunState.INTERRUPTED
        return RunState(course.state.value)

    def _awaiting(self, course: Course) -> Awaiting | None:
        step, name = course.step, course.plan.ceremony
        if step is None:
            return None
        founding = course.plan.founding
        statements: tuple[ToSign, ...] = ()
        if step.attaches is Attaches.STATEMENTS and founding is not None:
            statements = tuple(
                ToSign(kind.value, role, "novak", f'{{"kind":"{kind.value}"}}'.encode())
                for kind in (Kind.ROSTER, Kind.KEYS)
                for role in ("propose", "approve")
            )
        return Awaiting(
            step.id,
            tuple((each.officer, each.part.value) for each in self.taken[name]),
            tuple(self.shares) if step.action is Action.HAND_OUT else (),
            statements,
            self.count,
            name in self.interrupted,
            self.unmet.get(name, ()),
        )


def opened(
    cast: Mapping[str, Participant],
    clock: Clock,
    *,
    kind: ScriptKind = ScriptKind.GENESIS,
    rehearsal: bool = False,
) -> tuple[PaperHost, str]:
    """A host with a genesis that was just opened."""
    host = PaperHost(cast, clock)
    plan = make_plan(cast, clock, kind=kind, rehearsal=rehearsal)
    raw = signed(cast, "novak", PLAN_TYPE, plan.to_payload())
    ceremony = host.begin(raw)
    clock.advance(seconds=62)
    return host, ceremony
