"""A ceremony's plan, put together from what its administrator says (our protocol §10.2)."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from keyturn.base.encoding import Digest
from keyturn.base.errors import MalformedError
from keyturn.base.strictjson import Fields, JsonObject, dump, load_object, parse_object
from keyturn.ceremony.errors import MalformedCeremony
from keyturn.ceremony.kinds import SCRIPTS
from keyturn.ceremony.people import check_people
from keyturn.ceremony.plan import (
    REHEARSAL_PREFIX,
    FoundingPlan,
    KekProfile,
    Plan,
    ShareScheme,
    check_plan,
    read_scheme,
)
from keyturn.ceremony.script import ScriptKind, ShareUse
from keyturn.quorum.bodies import REHEARSED
from keyturn.quorum.kinds import DEFAULT_THRESHOLDS, Kind
from keyturn.quorum.roster import OfficerId, parse_roster

_SCHEME = re.compile(r"([0-9]{1,2}):([a-z0-9,-]+)\Z")
NO_WITNESSES: dict[str, object] = {"keys": [], "k": 0, "t_seconds": 300}


@dataclass(frozen=True, slots=True)
class Cast:
    """Who does what."""

    administrator: str
    witness: str
    scribe: str | None
    shares: Mapping[ShareUse, ShareScheme]


@dataclass(frozen=True, slots=True)
class Founds:
    """What a genesis founds: the log's name, days that statements live, the first roster."""

    origin: str
    roster: JsonObject
    life_days: int = 90


@dataclass(frozen=True, slots=True)
class About:
    """What else a plan says."""

    token: str
    rehearsal: bool = False
    ceremony: str | None = None
    """Its id; None: made of kind and time."""
    authority: Digest | None = None
    statement: Digest | None = None
    kek_profile: KekProfile | None = None
    concerns: tuple[str, ...] = ()


def compose_plan(
    kind: ScriptKind, cast: Cast, about: About, now: datetime, founds: Founds | None = None
) -> Plan:
    """A plan with this release's script. Its own rules hold; where it founds, its people fit too.

    Raises MalformedError, CeremonyRefused.
    """
    prefix = REHEARSAL_PREFIX if about.rehearsal else ""
    founding = None if founds is None else _founding(founds, rehearsal=about.rehearsal)
    plan = Plan(
        ceremony=about.ceremony or f"{prefix}{kind.value}-{now:%Y%m%d-%H%M%S}",
        kind=kind,
        script=SCRIPTS[kind].digest,
        rehearsal=about.rehearsal,
        authority=about.authority,
        statement=about.statement,
        administrator=OfficerId(cast.administrator),
        witness=OfficerId(cast.witness),
        scribe=None if cast.scribe is None else OfficerId(cast.scribe),
        shares=dict(cast.shares),
        kek_profile=about.kek_profile,
        token=about.token,
        concerns=about.concerns,
        founding=founding,
        time=now,
    )
    check_plan(plan)
    if founding is not None:
        check_people(plan, founding.roster)
    return plan


def founding_roster(entries: Sequence[JsonObject], *, simulation: bool) -> JsonObject:
    """A first roster's body of officers' entries, as `keyturn officer new` prints them, with the
    thresholds of DESIGN §6. Raises MalformedError."""
    body: dict[str, object] = {
        "simulation": simulation,
        "officers": list(entries),
        "thresholds": {kind.value: count for kind, count in DEFAULT_THRESHOLDS.items()},
        "proposer_may_approve": [Kind.REVOCATION.value],
        "witnesses": NO_WITNESSES,
    }
    found = load_object(dump(body), limit=1 << 20, what="roster")
    parse_roster(Fields(dict(found), "roster"))
    return found


def read_scheme_text(texts: Sequence[str], groups_needed: int | None = None) -> ShareScheme:
    """`3:ada,bob,cem,dee,eva` is three of these five; more than one is as many groups, of which
    `groups_needed` (all, where it is None) are needed. Raises MalformedCeremony."""
    groups = []
    for text in texts:
        found = _SCHEME.match(text)
        if found is None:
            raise MalformedCeremony(
                "not a scheme of shares", found=repr(text[:80]), expected="M:officer,officer,…"
            )
        members = [each for each in found[2].split(",") if each]
        groups.append({"threshold": int(found[1]), "members": members})
    needed = len(groups) if groups_needed is None else groups_needed
    document = dump({"group_threshold": needed, "groups": groups})
    return read_scheme(parse_object(document, limit=1 << 16, what="scheme of shares"))


def rehearsed_origin(origin: str, *, rehearsal: bool) -> str:
    """The log's name; a rehearsal's says that it is one, so that nobody takes its keys for real."""
    if rehearsal and not origin.startswith(REHEARSED):
        return f"{REHEARSED}{origin}"
    return origin


def _founding(founds: Founds, *, rehearsal: bool) -> FoundingPlan:
    body = founds.roster
    try:
        roster = parse_roster(Fields(dict(body), "roster"))
    except MalformedError as error:
        raise MalformedCeremony(
            f"the first roster: {error.message}", found=error.found, expected=error.expected
        ) from error
    origin = rehearsed_origin(founds.origin, rehearsal=rehearsal)
    return FoundingPlan(origin, founds.life_days, roster, body)
