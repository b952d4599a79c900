"""Unsealings and sealings without a keyholder: two records, with real signatures (§10.12)."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from keyturn.base.encoding import digest_of
from keyturn.base.strictjson import JsonObject
from keyturn.ceremony.facts import Nothing, Opened, Unlocked
from keyturn.ceremony.kinds import SCRIPTS
from keyturn.ceremony.records import Event, Record, make_record
from keyturn.ceremony.script import Part, ScriptKind, ShareUse
from keyturn.ceremony.steps import STEP_TYPE, Place, step_payload
from keyturn.ceremony.transcript import make_transcript
from keyturn.quorum.entries import CeremonyEntry, ceremony_entry
from keyturn.quorum.roster import OfficerId
from support.authority import sign
from support.ceremonies import Cast, share_sets
from support.ceremonylog import Logged, receipt

SESSION = "ab" * 16
QUORUM = ("ada", "chen", "emil")


class Session:
    """What a keyholder records; anything in it can be given otherwise."""

    def __init__(self, logged: Logged, kind: ScriptKind = ScriptKind.UNSEAL, **changed: object):
        self.logged, self.kind, self.cast = logged, kind, Cast(simulation=False)
        self.now = logged.play.now + timedelta(hours=1)
        self.sets = share_sets(logged.play.plan) if kind is ScriptKind.UNSEAL else ()
        self.first = self.opening(self.now, **changed)

    def opening(self, now: datetime, **changed: object) -> Record:
        """Record 0."""
        script = SCRIPTS[self.kind].to_bytes()
        settings: dict[str, object] = {
            "rehearsal": False,
            "seq": 0,
            "previous": None,
            "event": Event.OPENED,
            "step": None,
            "time": now,
            "signed": (),
            "facts": Opened(script, "keyturn 0.1.0", "a host", None, self.sets).document(),
        }
        name = str(changed.pop("ceremony", f"{self.kind.value}-{SESSION}"))
        return make_record(name, **{**settings, **changed})  # type: ignore[arg-type]

    @property
    def step(self) -> str:
        return SCRIPTS[self.kind].steps[0].id

    def signature(self, officer: str, part: Part = Part.CUSTODIAN, **changed: object) -> bytes:
        """`changed`: `key`, or any argument of `step_payload`."""
        by = str(changed.pop("key", officer))
        unseals = self.kind is ScriptKind.UNSEAL
        values: dict[str, object] = {
            "place": Place(self.first.ceremony, False, 1, self.first.digest),
            "step": self.step,
            "officer": officer,
            "part": part,
            "time": self.now + timedelta(minutes=1),
            "entered": {"size": "3", "root": "00" * 32} if unseals else {"why": "a drill"},
            "attached": (digest_of(officer.encode()),) if unseals else (),
        }
        payload = step_payload(**{**values, **changed})  # type: ignore[arg-type]
        return sign(STEP_TYPE, payload, self.cast.key(by))

    def facts(self, officers: Sequence[str]) -> JsonObject:
        if self.kind is ScriptKind.SEAL:
            return Nothing().document()
        (user,) = (each for each in self.sets if each.use is ShareUse.USER)
        who = tuple(map(OfficerId, officers))
        return Unlocked(ShareUse.USER, user.identifier, who).document()

    def done(self, signed: Sequence[bytes], **changed: object) -> Record:
        settings: dict[str, object] = {
            "rehearsal": False,
            "seq": 1,
            "previous": self.first.digest,
            "event": Event.DONE,
            "step": self.step,
            "time": self.now + timedelta(minutes=2),
            "signed": tuple(signed),
            "facts": self.facts(QUORUM),
        }
        return make_record(self.first.ceremony, **{**settings, **changed})  # type: ignore[arg-type]

    def whole(self) -> Record:
        """Record 1, as it has to be."""
        if self.kind is ScriptKind.SEAL:
            return self.done([self.signature("hana", Part.ADMINISTRATOR)])
        return self.done([self.signature(each) for each in QUORUM])

    def transcript(self, done: Record | None = None, *, logged: bool = True) -> bytes:
        """With the authority's bundle, and receipts where it is `logged`."""
        done = done or self.whole()
        leaves = [*self.logged.leaves, *(self.leaf(each) for each in (self.first, done))]
        first = len(leaves) - 2
        receipts = [receipt(leaves, first + place) for place in (0, 1)] if logged else []
        return make_transcript([self.first.raw, done.raw], self.logged.bundle, receipts)

    def leaf(self, record: Record) -> bytes:
        entry = CeremonyEntry(
            record.ceremony, self.kind.value, record.seq, record.event.value, record.digest, None
        )
        return ceremony_entry(record.time, entry)
