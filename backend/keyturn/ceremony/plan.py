"""Plans: which ceremony, with whom, on which token (our protocol §10.2).

The administrator signs one, before anything is done.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from keyturn.base.dsse import Envelope, parse_envelope
from keyturn.base.encoding import Digest
from keyturn.base.strictjson import Fields, JsonObject, dump, load_object
from keyturn.base.times import format_time
from keyturn.ceremony.errors import MalformedCeremony
from keyturn.ceremony.script import ScriptKind, ShareUse
from keyturn.quorum.ceremony_body import check_ceremony_id
from keyturn.quorum.kinds import payload_type
from keyturn.quorum.roster import OfficerId, Roster, parse_roster
from keyturn.quorum.texts import check_texts

PLAN_TYPE = payload_type("ceremony-plan")
MAX_PLAN = 1 << 20
REHEARSAL_PREFIX = "rehearsal-"
MAX_GROUPS = MAX_MEMBERS = 16  # SLIP-39
_OFFICER = re.compile(r"[a-z0-9-]{1,64}\Z")


class KekProfile(Enum):
    """Whether the KEK can ever leave its token (DESIGN §5.9), chosen openly."""

    NEVER_EXTRACTABLE = "never-extractable"
    RECOVERABLE = "recoverable"


@dataclass(frozen=True, slots=True)
class ShareGroup:
    """`threshold` of `members`, in the order of their shares."""

    threshold: int
    members: tuple[OfficerId, ...]


@dataclass(frozen=True, slots=True)
class ShareScheme:
    """M of N, in groups: `group_threshold` of the groups are needed."""

    group_threshold: int
    groups: tuple[ShareGroup, ...]

    @property
    def officers(self) -> tuple[OfficerId, ...]:
        return tuple(each for group in self.groups for each in group.members)

    def document(self) -> dict[str, object]:
        return {
            "group_threshold": self.group_threshold,
            "groups": [
                {"threshold": each.threshold, "members": list(each.members)} for each in self.groups
            ],
        }


@dataclass(frozen=True, slots=True)
class FoundingPlan:
    """What is founded: the log's name, how long statements live, the first roster."""

    origin: str
    life_days: int
    roster: Roster
    body: JsonObject
    """The roster's body as it will be signed."""


@dataclass(frozen=True, slots=True)
class Plan:
    ceremony: str
    kind: ScriptKind
    script: Digest
    rehearsal: bool
    authority: Digest | None
    statement: Digest | None
    administrator: OfficerId
    witness: OfficerId
    scribe: OfficerId | None
    shares: Mapping[ShareUse, ShareScheme]
    kek_profile: KekProfile | None
    token: str
    concerns: tuple[str, ...]
    founding: FoundingPlan | None
    time: datetime

    def to_payload(self) -> bytes:
        """The payload to sign under PLAN_TYPE."""
        founding = self.founding
        return dump(
            {
                "type": "ceremony-plan",
                "format": 1,
                "ceremony": self.ceremony,
                "kind": self.kind.value,
                "script": self.script,
                "rehearsal": self.rehearsal,
                "authority": self.authority,
                "statement": self.statement,
                "administrator": self.administrator,
                "witness": self.witness,
                "scribe": self.scribe,
                "shares": {use.value: each.document() for use, each in self.shares.items()},
                "kek_profile": self.kek_profile.value if self.kek_profile else None,
                "token": self.token,
                "concerns": list(self.concerns),
                "founding": founding
                and {
                    "origin": founding.origin,
                    "life_days": founding.life_days,
                    "roster": founding.body,
                },
                "time": format_time(self.time),
            }
        )


@dataclass(frozen=True, slots=True)
class SignedPlan:
    """A plan as it was received. Who signed it is for `transcript` to prove."""

    plan: Plan
    envelope: Envelope
    raw: bytes

    @property
    def digest(self) -> Digest:
        return self.envelope.digest


def parse_plan(raw: bytes) -> SignedPlan:
    """Read a plan's envelope. Raises MalformedError; nothing is verified yet."""
    envelope = parse_envelope(raw, limit=2 * MAX_PLAN)
    if envelope.payload_type != PLAN_TYPE:
        raise MalformedCeremony(
            "not a ceremony's plan", found=repr(envelope.payload_type), expected=PLAN_TYPE
        )
    return SignedPlan(read_plan(envelope.payload), envelope, raw)


def read_plan(payload: bytes) -> Plan:
    """Raises MalformedError."""
    document = load_object(payload, limit=MAX_PLAN, what="plan")
    check_texts(document, "plan")
    fields = Fields(document, "plan")
    fields.literal("type", "ceremony-plan")
    fields.literal("format", 1)
    plan = Plan(
        fields.text("ceremony", limit=64),
        fields.choice("kind", ScriptKind),
        fields.digest("script"),
        fields.boolean("rehearsal"),
        fields.nullable("authority", fields.digest),
        fields.nullable("statement", fields.digest),
        _officer(fields, "administrator"),
        _officer(fields, "witness"),
        fields.nullable("scribe", lambda name: _officer(fields, name)),
        _read_shares(fields.fields("shares")),
        fields.nullable("kek_profile", lambda name: fields.choice(name, KekProfile)),
        fields.text("token", limit=32),
        fields.texts("concerns", limit=64),
        fields.nullable("founding", lambda name: _read_founding(fields.fields(name))),
        fields.time("time"),
    )
    fields.done()
    check_plan(plan)
    return plan


def check_plan(plan: Plan) -> None:
    """Its own rules (§10.2), before any roster is asked. Raises MalformedCeremony."""
    check_ceremony_id(plan.ceremony)
    if plan.ceremony.startswith(REHEARSAL_PREFIX) is not plan.rehearsal:
        raise MalformedCeremony(
            "plan: a rehearsal's id, and no other, begins with 'rehearsal-'", found=plan.ceremony
        )
    if (plan.founding is None) is (plan.authority is None):
        raise MalformedCeremony("plan: either an authority that exists, or one that is founded")
    custodians = {each for scheme in plan.shares.values() for each in scheme.officers}
    if plan.witness in custodians | {plan.administrator, plan.scribe}:
        raise MalformedCeremony(
            "plan: the witness has another part too",
            found=plan.witness,
            expected="a witness who has no other part",
        )
    both = set(_holders(plan, ShareUse.USER)) & set(_holders(plan, ShareUse.SO))
    if both:
        raise MalformedCeremony(
            "plan: somebody holds shares of the user PIN and of the SO PIN",
            found=", ".join(sorted(both)),
            expected="SO shares with other custodians than user shares",
        )


def _holders(plan: Plan, use: ShareUse) -> tuple[OfficerId, ...]:
    scheme = plan.shares.get(use)
    return scheme.officers if scheme else ()


def _officer(fields: Fields, name: str) -> OfficerId:
    text = fields.text(name, limit=64)
    if not _OFFICER.match(text):
        raise MalformedCeremony(f"{fields.what}: {name}", found=repr(text), expected="[a-z0-9-]")
    return OfficerId(text)


def _read_shares(fields: Fields) -> dict[ShareUse, ShareScheme]:
    shares = {
        use: read_scheme(fields.fields(use.value)) for use in ShareUse if fields.has(use.value)
    }
    fields.done()
    return shares


def read_scheme(fields: Fields) -> ShareScheme:
    """Raises MalformedError."""
    group_threshold = fields.integer("group_threshold", low=1, high=MAX_GROUPS)
    groups = []
    for each in fields.objects("groups", limit=MAX_GROUPS):
        threshold = each.integer("threshold", low=1, high=MAX_MEMBERS)
        members = each.texts("members", limit=MAX_MEMBERS)
        each.done()
        if any(not _OFFICER.match(member) for member in members):
            raise MalformedCeremony(f"{each.what}: members", expected="officer ids")
        if threshold > len(members) or (threshold == 1 and len(members) > 1):
            raise MalformedCeremony(
                f"{each.what}: threshold",
                found=f"{threshold} of {len(members)}",
                expected="at most the members; 1 only of 1 (SLIP-39)",
            )
        groups.append(ShareGroup(threshold, tuple(map(OfficerId, members))))
    fields.done()
    scheme = ShareScheme(group_threshold, tuple(groups))
    officers = scheme.officers
    if len(set(officers)) != len(officers):
        raise MalformedCeremony(f"{fields.what}: an officer holds two shares of one secret")
    least = sum(sorted(each.threshold for each in groups)[:group_threshold])
    if not groups or group_threshold > len(groups) or least < 2:
        raise MalformedCeremony(
            f"{fields.what}: the scheme",
            found=f"{group_threshold} of {len(groups)} groups, {least} officers",
            expected="at least two officers",
        )
    return scheme


def _read_founding(fields: Fields) -> FoundingPlan:
    origin = fields.text("origin", limit=200)
    life_days = fields.integer("life_days", low=1, high=400)
    body = fields.raw("roster")
    if not isinstance(body, dict):
        raise MalformedCeremony("plan: founding: roster is not an object")
    fields.done()
    return FoundingPlan(origin, life_days, parse_roster(Fields(body, "roster")), body)
