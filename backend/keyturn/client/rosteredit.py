"""What of a roster is to differ, as one value: applied to the body in force, it makes the new one.

The rules are not repeated here: `parse_roster` refuses what they forbid, and `check` runs it
before anybody signs.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from keyturn.base.encoding import unb64
from keyturn.base.signatures import KeyId, key_id_of
from keyturn.base.strictjson import Fields, Json, JsonObject
from keyturn.client.errors import NotFound
from keyturn.client.rosterchange import without_officers
from keyturn.quorum.kinds import Kind, Role
from keyturn.quorum.roster import Roster, parse_roster
from keyturn.quorum.separation import STRICT, Pair, Separation, parse_separation
from keyturn.quorum.state import AuthorityState


@dataclass(frozen=True, slots=True)
class RosterEdit:
    """Only what differs; an empty one changes nothing.

    `roles`: (officer, role) to whether they hold it. `apart`: pairs to whether they are kept
    apart. `required`: 0 takes the demand away. `keys_gone` leave their officer, as do those in
    `compromised`, which are named so for ever (our protocol §2.8).
    """

    roles: Mapping[tuple[str, Role], bool] = field(default_factory=dict)
    thresholds: Mapping[Kind, int] = field(default_factory=dict)
    proposer_may_approve: Mapping[Kind, bool] = field(default_factory=dict)
    apart: Mapping[Pair, bool] = field(default_factory=dict)
    required: Mapping[Role, int] = field(default_factory=dict)
    removed: frozenset[str] = frozenset()
    keys_gone: frozenset[KeyId] = frozenset()
    compromised: frozenset[KeyId] = frozenset()

    def __bool__(self) -> bool:
        return self != RosterEdit()

    def body(self, state: AuthorityState) -> JsonObject:
        """The roster's body in force with this applied. Raises NotFound."""
        return self.applied(without_officers(state, self.removed, self.compromised))

    def applied(self, body: JsonObject) -> JsonObject:
        """Everything but the removals, which `body` has already. Raises NotFound."""
        changed = {**body, "officers": self._officers(body)}
        if self.thresholds:
            changed["thresholds"] = {
                **_object(body, "thresholds"),
                **{kind.value: n for kind, n in self.thresholds.items()},
            }
        if self.proposer_may_approve:
            changed["proposer_may_approve"] = self._may(body)
        if self.apart or self.required:
            changed["separation"] = self._separation(body)
        return changed

    def _officers(self, body: JsonObject) -> list[Json]:
        listed = _objects(body, "officers")
        known = {each["id"] for each in listed}
        for officer, _role in self.roles:
            if officer not in known:
                raise NotFound("no such officer in the roster", found=officer)
        gone = self.keys_gone | self.compromised
        kept = self.keys_gone - {_key_id(key) for each in listed for key in _objects(each, "keys")}
        if kept:
            raise NotFound("no such key in the roster", found=min(kept))
        return [self._officer(each, gone) for each in listed]

    def _officer(self, entry: JsonObject, gone: frozenset[KeyId]) -> JsonObject:
        held = {str(each) for each in _list(entry, "roles")}
        wanted = set(held)
        for (officer, role), holds in self.roles.items():
            if officer == entry["id"]:
                wanted = wanted | {role.value} if holds else wanted - {role.value}
        keys: list[Json] = [key for key in _objects(entry, "keys") if _key_id(key) not in gone]
        changed: JsonObject = {**entry, "keys": keys}
        if wanted != held:
            changed["roles"] = list(sorted(wanted))
        return changed

    def _may(self, body: JsonObject) -> list[Json]:
        kinds = {str(each) for each in _list(body, "proposer_may_approve")}
        for kind, may in self.proposer_may_approve.items():
            kinds = kinds | {kind.value} if may else kinds - {kind.value}
        return [kind.value for kind in Kind if kind.value in kinds]

    def _separation(self, body: JsonObject) -> JsonObject:
        before = separation_of(body)
        apart = {pair for pair in before.apart if self.apart.get(pair, True)}
        apart |= {pair for pair, holds in self.apart.items() if holds}
        required = {**before.required, **self.required}
        return _document(Separation(frozenset(apart), {r: n for r, n in required.items() if n}))


def check(body: JsonObject) -> Roster:
    """The roster that a body says. Raises MalformedError where the rules of rosters forbid it."""
    return parse_roster(Fields(body, "roster"))


def separation_of(body: JsonObject) -> Separation:
    """Raises MalformedError."""
    if "separation" not in body:
        return STRICT
    return parse_separation(Fields(_object(body, "separation"), "roster: separation"))


def _document(separation: Separation) -> JsonObject:
    """As a body holds it; the same separation always the same bytes."""
    named = sorted(sorted(role.value for role in pair) for pair in separation.apart)
    pairs: list[Json] = [list(pair) for pair in named]
    required: JsonObject = {
        role.value: separation.required[role] for role in Role if role in separation.required
    }
    return {"apart": pairs, "required": required}


def _key_id(entry: JsonObject) -> KeyId:
    return key_id_of(unb64(str(entry["spki"]), what="spki"))


def _list(body: JsonObject, name: str) -> Iterable[Json]:
    found = body[name]
    return found if isinstance(found, list) else []


def _objects(body: JsonObject, name: str) -> list[JsonObject]:
    return [each for each in _list(body, name) if isinstance(each, dict)]


def _object(body: JsonObject, name: str) -> JsonObject:
    found = body[name]
    return found if isinstance(found, dict) else {}
