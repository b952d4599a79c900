"""Ceremonies without a host: real people's keys, every signature made, records as a host writes.

For whoever shows, reads or proves a ceremony. Each run gives the same bytes: keys come from names.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from cryptography.hazmat.primitives.asymmetric import ed25519, x25519

from keyturn.base.encoding import Digest, b64, digest_of
from keyturn.base.signatures import KeyId
from keyturn.base.strictjson import Fields, JsonObject
from keyturn.ceremony.course import Course, open_course
from keyturn.ceremony.errors import CeremonyReason
from keyturn.ceremony.facts import (
    Failed,
    Level,
    LogStands,
    Nothing,
    Opened,
    Preflighted,
    SharesProved,
    SignedStatement,
    StatementsSigned,
    TokenMade,
)
from keyturn.ceremony.keyfacts import (
    Assurance,
    Attribute,
    KeyFacts,
    KeyOrigin,
    KeyPurpose,
    KeyState,
    TokenFacts,
)
from keyturn.ceremony.kinds import SCRIPTS
from keyturn.ceremony.plan import (
    PLAN_TYPE,
    FoundingPlan,
    KekProfile,
    Plan,
    ShareGroup,
    ShareScheme,
    SignedPlan,
    parse_plan,
)
from keyturn.ceremony.records import Event, Record, make_record
from keyturn.ceremony.script import (
    Attaches,
    EnteredKind,
    Many,
    Part,
    Script,
    ScriptKind,
    ShareUse,
    Step,
)
from keyturn.ceremony.shares import DealtShare, split
from keyturn.ceremony.sharesets import SIZES, ShareSet
from keyturn.ceremony.steps import (
    STEP_TYPE,
    WORD_TYPE,
    Place,
    StepSignature,
    Word,
    parse_step_signature,
    step_payload,
    word_payload,
)
from keyturn.ceremony.transcript import make_transcript
from keyturn.quorum.bodies import REHEARSED
from keyturn.quorum.kinds import DEFAULT_THRESHOLDS, Kind
from keyturn.quorum.roster import OfficerId, Roster, parse_roster
from support.authority import sign, spki

START = datetime(2026, 11, 30, 9, 0, tzinfo=UTC)
ORIGIN = "keyturn.example/log"
REHEARSED_ORIGIN = f"{REHEARSED}{ORIGIN}"
SIGNS, KEEPS = ("proposer", "approver"), ("custodian",)
CAST: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "hana": ("Hana Novak", ("operator", "proposer")),
    "viktor": ("Viktor Lindqvist", ("witness",)),
    "sofia": ("Sofia Marin", ("auditor",)),
    "ada": ("Ada Byron", SIGNS + KEEPS),
    "bela": ("Béla Kovács", SIGNS + KEEPS),
    "chen": ("Chen Wei", SIGNS + KEEPS),
    "dora": ("Dora Stein", SIGNS + KEEPS),
    "emil": ("Emil Sørensen", SIGNS + KEEPS),
    "farid": ("Farid Haddad", KEEPS),
    "greta": ("Greta Vogel", KEEPS),
    "hugo": ("Hugo Martin", KEEPS),
}
"""By officer id: name and roles."""


def scheme(*groups: tuple[int, str], needed: int = 1) -> ShareScheme:
    """`(2, "ada bela chen")` is two of three."""
    return ShareScheme(
        needed,
        tuple(ShareGroup(least, tuple(map(OfficerId, who.split()))) for least, who in groups),
    )


USER_SCHEME = scheme((3, "ada bela chen dora emil"))
SO_SCHEME = scheme((2, "farid greta hugo"))
BACKUP_SCHEME = scheme((2, "ada chen greta"))
EVERY_SCHEME = {
    ShareUse.USER: USER_SCHEME,
    ShareUse.SO: SO_SCHEME,
    ShareUse.BACKUP: BACKUP_SCHEME,
}


def seed(name: str) -> bytes:
    """32 bytes that only depend on a name."""
    return hashlib.sha256(b"a test's key of " + name.encode()).digest()


def stream(name: str) -> Callable[[int], bytes]:
    """What a random source gives, the same for the same name."""
    state = {"at": 0}

    def take(size: int) -> bytes:
        state["at"] += 1
        return hashlib.shake_256(seed(f"{name} {state['at']}")).digest(size)

    return take


@dataclass
class Cast:
    """People with keys, and the roster that they stand in."""

    people: Mapping[str, tuple[str, tuple[str, ...]]] = field(default_factory=lambda: dict(CAST))
    simulation: bool = True

    def key(self, officer: str) -> ed25519.Ed25519PrivateKey:
        return ed25519.Ed25519PrivateKey.from_private_bytes(seed(officer))

    def hpke(self, officer: str) -> x25519.X25519PrivateKey:
        return x25519.X25519PrivateKey.from_private_bytes(seed(f"{officer} hpke"))

    def body(self) -> JsonObject:
        """The roster's body."""
        return {
            "simulation": self.simulation,
            "officers": [
                {
                    "id": each,
                    "name": name,
                    "roles": list(roles),
                    "keys": [{"algorithm": "ed25519", "spki": b64(spki(self.key(each)))}],
                    "hpke": b64(self.hpke(each).public_key().public_bytes_raw()),
                }
                for each, (name, roles) in self.people.items()
            ],
            "thresholds": {kind.value: least for kind, least in DEFAULT_THRESHOLDS.items()},
            "proposer_may_approve": ["revocation"],
            "witnesses": {"keys": [], "k": 0, "t_seconds": 300},
        }

    @property
    def roster(self) -> Roster:
        return parse_roster(Fields(self.body(), "roster"))


def genesis_plan(cast: Cast, *, rehearsal: bool = True, **changed: object) -> Plan:
    """Hana administers, Viktor witnesses, Sofia writes; three of five open the token."""
    settings: dict[str, object] = {
        "ceremony": "rehearsal-genesis-1" if rehearsal else "genesis-1",
        "kind": ScriptKind.GENESIS,
        "script": SCRIPTS[ScriptKind.GENESIS].digest,
        "rehearsal": rehearsal,
        "authority": None,
        "statement": None,
        "administrator": OfficerId("hana"),
        "witness": OfficerId("viktor"),
        "scribe": OfficerId("sofia"),
        "shares": dict(EVERY_SCHEME),
        "kek_profile": KekProfile.RECOVERABLE,
        "token": "keyturn-rehearsal" if rehearsal else "keyturn",
        "concerns": (),
        "founding": FoundingPlan(
            REHEARSED_ORIGIN if rehearsal else ORIGIN, 90, cast.roster, cast.body()
        ),
        "time": START,
    }
    return Plan(**{**settings, **changed})  # type: ignore[arg-type]


def signed(cast: Cast, plan: Plan, by: str | None = None) -> SignedPlan:
    """The plan under its administrator's signature, or somebody else's."""
    return parse_plan(sign(PLAN_TYPE, plan.to_payload(), cast.key(by or plan.administrator)))


def share_sets(plan: Plan) -> tuple[ShareSet, ...]:
    """Real ones, of secrets that nobody keeps; the same for the same plan."""
    return tuple(share_set for share_set, _ in dealt(plan))


def dealt(plan: Plan) -> list[tuple[ShareSet, tuple[DealtShare, ...]]]:
    """Those sets, and everybody's shares of them."""
    made: list[tuple[ShareSet, tuple[DealtShare, ...]]] = []
    for use, each in plan.shares.items():
        name = f"{plan.ceremony} {use.value}"
        secret = bytearray(stream(f"{name} secret")(SIZES[use]))
        others = [share_set for share_set, _ in made]
        made.append(
            split(
                secret,
                each,
                use,
                rehearsal=plan.rehearsal,
                random=stream(name),
                others=others,
            )
        )
    return made


TOKEN = TokenFacts(
    "keyturn-rehearsal", "a31f20c95d7e8b04", "SoftHSM project", "SoftHSM v2", "2.6",
    Assurance.SOFTWARE,
)  # fmt: skip


def key_facts(purpose: KeyPurpose, profile: KekProfile | None = None) -> KeyFacts:
    """A key as it was made and read back."""
    algorithms = {
        KeyPurpose.KEK: "aes-256",
        KeyPurpose.INGEST: "rsa-3072",
        KeyPurpose.LOG: "ed25519",
        KeyPurpose.RESULT: "p256",
        KeyPurpose.BACKUP: "rsa-4096",
        KeyPurpose.TRANSPORT: "rsa-4096",
    }
    free = profile is KekProfile.RECOVERABLE
    attributes = (
        Attribute("SENSITIVE", "true", True),
        Attribute("EXTRACTABLE", str(free).lower(), True),
        Attribute("WRAP_WITH_TRUSTED", str(free).lower(), True),
        Attribute("MODIFIABLE", "false", True),
        Attribute("COPYABLE", "false", True),
        Attribute("LOCAL", "true", True),
    )
    return KeyFacts(
        KeyId(hashlib.sha256(seed(f"key {purpose.value}")).hexdigest()),
        purpose,
        algorithms[purpose],
        profile,
        KeyOrigin.MADE,
        KeyState.ACTIVE,
        attributes,
    )


class Play:
    """One ceremony on its way; a minute passes with every record."""

    def __init__(
        self,
        cast: Cast,
        plan: Plan,
        *,
        custody: Sequence[ShareSet] = (),
        token: TokenFacts | None = None,
    ) -> None:
        self.cast = cast
        self.now = plan.time
        self.signed_plan = signed(cast, plan)
        script = SCRIPTS[plan.kind]
        opened = Opened(script.to_bytes(), "keyturn 0.1.0", "ceremony-host", token, tuple(custody))
        first = self._record(Event.OPENED, None, (self.signed_plan.raw,), opened.document())
        roster = plan.founding.roster if plan.founding else cast.roster
        self.course = self._opened(script, roster, first, custody)

    def _opened(
        self, script: Script, roster: Roster, first: Record, custody: Sequence[ShareSet]
    ) -> Course:
        return open_course(self.signed_plan, script, roster, first, custody)

    @property
    def plan(self) -> Plan:
        return self.signed_plan.plan

    @property
    def step(self) -> Step:
        step = self.course.step
        assert step is not None
        return step

    @property
    def raw(self) -> tuple[bytes, ...]:
        return tuple(each.raw for each in self.course.records)

    # ---- signing ----

    def signature(self, officer: str, part: Part, **changed: object) -> StepSignature:
        """Officer's signature for the next step, with all that they enter and attach.

        `changed`: `key` (another signer's name), or any argument of `step_payload`.
        """
        by = str(changed.pop("key", officer))
        values: dict[str, object] = {
            "place": self.course.place,
            "step": self.step.id,
            "officer": officer,
            "part": part,
            "time": self.now,
            "entered": self.entered(officer, part),
            "attached": tuple(map(digest_of, self.attached(officer, part))),
        }
        payload = step_payload(**{**values, **changed})  # type: ignore[arg-type]
        return parse_step_signature(sign(STEP_TYPE, payload, self.cast.key(by)))

    def entered(self, officer: str, part: Part) -> dict[str, str]:
        """What somebody of this part enters in the next step."""
        texts = {
            EnteredKind.CONFIRM: "yes",
            EnteredKind.PHRASE: self.course.phrase,
            EnteredKind.TEXT: "As agreed with the security team, see the plan",
            EnteredKind.BAG: f"KT-{int.from_bytes(seed(officer)[:2], 'big'):05}",
        }
        return {each.name: texts[each.kind] for each in self.step.entered if each.part is part}

    def attached(self, officer: str, part: Part) -> tuple[bytes, ...]:
        """What they attach: here only bytes that stand for an entered share or a statement."""
        step, name = self.step, f"{self.course.place.seq} {officer}"
        if step.attaches is Attaches.SHARE and part is Part.CUSTODIAN:
            signers = [each for each in step.signers if each.part is part]
            uses = [use for each in signers for use in self.course.held(officer, each, step.action)]
            return tuple(f"{name} {use.value}".encode() for use in uses)
        if step.attaches is Attaches.STATEMENTS and part is Part.OFFICER:
            return (name.encode(),)
        return ()

    def signatures(self) -> tuple[StepSignature, ...]:
        """Everybody's whom the next step needs; the witness last."""
        found: list[StepSignature] = []
        for officer, part in self.signers():
            found.append(self.signature(officer, part))
        return tuple(found)

    def signers(self) -> list[tuple[OfficerId, Part]]:
        """Those who sign the next step here: of a quorum the first ones that are enough."""
        found: list[tuple[OfficerId, Part]] = []
        for need in self.course.needs():
            many = len(need.officers) if need.signers.many is Many.EACH else need.least
            found += [(each, need.part) for each in need.officers[:many]]
        return sorted(found, key=lambda each: each[1] is Part.WITNESS)

    # ---- records ----

    def do(self, facts: JsonObject | None = None) -> Record:
        """The next step is signed by everybody, and done."""
        step, signatures = self.step, self.signatures()
        return self.add(Event.DONE, step.id, signatures, facts or Nothing().document())

    def fail(self, found: str = "CKR_DEVICE_ERROR", expected: str = "CKR_OK") -> Record:
        """The next step is signed by everybody, tried, and fails."""
        step, signatures = self.step, self.signatures()
        failed = Failed(CeremonyReason.FAILED, found, expected, "nothing of it is left")
        return self.add(Event.FAILED, step.id, signatures, failed.document())

    def add(
        self, event: Event, step: str, signatures: Sequence[StepSignature], facts: JsonObject
    ) -> Record:
        record = self._record(event, step, tuple(each.raw for each in signatures), facts)
        self.course = self.course.follow(record)
        return record

    def word(self, word: Word, text: str, officer: str, part: Part, **changed: object) -> bytes:
        """A word's envelope; `changed` as of `signature`."""
        by = str(changed.pop("key", officer))
        values: dict[str, object] = {
            "place": self.course.next,
            "officer": officer,
            "part": part,
            "time": self.now,
            "word": word,
            "text": text,
        }
        payload = word_payload(**{**values, **changed})  # type: ignore[arg-type]
        return sign(WORD_TYPE, payload, self.cast.key(by))

    def say(self, word: Word, text: str, part: Part = Part.ADMINISTRATOR) -> Record:
        """The administrator or another says something, and it is recorded."""
        plan = self.plan
        officers = {Part.WITNESS: plan.witness, Part.SCRIBE: plan.scribe or plan.administrator}
        raw = self.word(word, text, officers.get(part, plan.administrator), part)
        events = {
            Word.NOTE: Event.NOTE,
            Word.EXCEPTION: Event.EXCEPTION,
            Word.RESUME: Event.RESUMED,
            Word.ABORT: Event.ABORTED,
        }
        record = self._record(events[word], None, (raw,), {})
        self.course = self.course.follow(record)
        return record

    def transcript(self, bundle: bytes | None = None, receipts: Sequence[bytes] = ()) -> bytes:
        return make_transcript(self.raw, bundle, receipts)

    def place(self, **changed: object) -> Place:
        return replace(self.course.place, **changed)  # type: ignore[arg-type]

    def _record(
        self, event: Event, step: str | None, envelopes: tuple[bytes, ...], facts: JsonObject
    ) -> Record:
        self.now += timedelta(seconds=40)
        last = self.course.last if event is not Event.OPENED else None
        record = make_record(
            self.plan.ceremony,
            rehearsal=self.plan.rehearsal,
            seq=last.seq + 1 if last else 0,
            previous=last.digest if last else None,
            event=event,
            step=step,
            time=self.now,
            signed=envelopes,
            facts=facts,
        )
        self.now += timedelta(seconds=20)
        return record


def genesis_facts(
    plan: Plan, statements: Sequence[SignedStatement] = (), root: bytes = bytes(32)
) -> dict[str, JsonObject]:
    """By step, what the host says of a genesis that went well."""
    token = replace(TOKEN, label=plan.token)
    kek = key_facts(KeyPurpose.KEK, plan.kek_profile)
    pairs = [KeyPurpose.INGEST, KeyPurpose.LOG, KeyPurpose.RESULT]
    recoverable = plan.kek_profile is KekProfile.RECOVERABLE
    pairs += [KeyPurpose.BACKUP] if recoverable else []
    sets = share_sets(plan)
    proved = tuple((each.use, member.officer) for each in sets for member in each.members)
    approvers = tuple(map(OfficerId, ("bela", "chen", "dora")))
    roster, keys = (
        statements
        if len(statements) == 2
        else [
            SignedStatement(kind, 1, digest_of(kind.value.encode()), approvers)
            for kind in (Kind.ROSTER, Kind.KEYS)
        ]
    )
    origin = plan.founding.origin if plan.founding else ORIGIN
    return {
        "open": {"roster": None, "file": None},
        "preflight": Preflighted(
            digest_of(b"a report"),
            Level.AMBER,
            token,
            ("a software token: what it says of its keys is a program's word",),
        ).document(),
        "make-token": TokenMade(
            token,
            (kek, *map(key_facts, pairs)),
            sets,
            digest_of(b"a backup") if recoverable else None,
        ).document(),
        "prove-shares": SharesProved(proved).document(),
        "sign-founding": StatementsSigned((roster, keys)).document(),
        "found": LogStands(roster.digest, origin, 11, root.hex()).document(),
    }


def playing_genesis(
    cast: Cast | None = None,
    *,
    rehearsal: bool = True,
    statements: Sequence[SignedStatement] = (),
    **changed: object,
) -> Iterator[Play]:
    """The play before each step, and at last when it is over."""
    cast = cast or Cast()
    plan = genesis_plan(cast, rehearsal=rehearsal, **changed)
    play = Play(cast, plan)
    facts = genesis_facts(plan, statements)
    while not play.course.over:
        yield play
        play.do(facts.get(play.step.id))
    yield play


def played_genesis(
    cast: Cast | None = None, *, rehearsal: bool = True, eventful: bool = False, **changed: object
) -> Play:
    """A genesis from opening to closing. Eventful: with a note, an exception, a step that failed
    once and a resumption."""
    play: Play | None = None
    for play in playing_genesis(cast, rehearsal=rehearsal, **changed):  # type: ignore[arg-type]
        if eventful and not play.course.over:
            _event(play)
    assert play is not None
    return play


def _event(play: Play) -> None:
    if play.step.id == "make-token":
        play.fail()
        play.say(Word.EXCEPTION, "The token's reader was unplugged and plugged in again.")
    if play.step.id == "hand-out":
        play.say(Word.NOTE, "Lunch from 12:00 to 12:45; the room stayed locked.", Part.SCRIBE)
    if play.step.id == "found":
        play.say(Word.RESUME, "The host's machine was restarted after a power cut.", Part.WITNESS)


def authority_of(play: Play) -> Digest | None:
    """The fingerprint that a played genesis founded."""
    for each in play.course.done:
        if each.step == "found":
            return Digest(str(each.facts["authority"]))
    return None
