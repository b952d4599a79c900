"""The roster: officers, their roles and keys, and how many must agree (our protocol §2.6)."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NewType

from keyturn.base.encoding import b64, unhex
from keyturn.base.errors import MalformedError
from keyturn.base.signatures import Algorithm, KeyId, VerifyKey, load_verify_key
from keyturn.base.strictjson import Fields
from keyturn.quorum.errors import MalformedStatement
from keyturn.quorum.kinds import Kind, Role
from keyturn.quorum.separation import STRICT, Separation, check_separation, parse_separation

OfficerId = NewType("OfficerId", str)

MAX_OFFICERS = 100
MAX_COMPROMISED = 1000
_ID = re.compile(r"[a-z0-9-]*[a-z0-9][a-z0-9-]*\Z")


@dataclass(frozen=True, slots=True)
class Officer:
    id: OfficerId
    name: str
    roles: frozenset[Role]
    keys: tuple[VerifyKey, ...]
    hpke: bytes | None  # raw X25519 public key, 32 bytes

    def to_document(self) -> dict[str, object]:
        """The officer's entry in a roster's body."""
        return {
            "id": self.id,
            "name": self.name,
            "roles": sorted(role.value for role in self.roles),
            "keys": [{"algorithm": k.algorithm.value, "spki": b64(k.spki)} for k in self.keys],
            "hpke": b64(self.hpke) if self.hpke else None,
        }


@dataclass(frozen=True, slots=True)
class Witnesses:
    """Cosignatures that a release needs: `k`, none older than `t_seconds` (DESIGN §5.8)."""

    keys: tuple[VerifyKey, ...]
    k: int
    t_seconds: int


@dataclass(frozen=True, slots=True)
class Roster:
    """Officers and thresholds. Only `quorum.state` says whether one is in force."""

    simulation: bool
    officers: Mapping[OfficerId, Officer]
    thresholds: Mapping[Kind, int]
    proposer_may_approve: frozenset[Kind]
    witnesses: Witnesses
    separation: Separation
    compromised: frozenset[KeyId]
    """Keys that this roster removes for compromise: what rests on them is suspended (§2.8)."""

    @property
    def keys(self) -> dict[KeyId, VerifyKey]:
        """Every officer's key by its id."""
        return {key.key_id: key for officer in self.officers.values() for key in officer.keys}

    def officer_of(self, key_id: KeyId) -> Officer | None:
        """Whose key this is; no key belongs to two officers."""
        for officer in self.officers.values():
            if any(key.key_id == key_id for key in officer.keys):
                return officer
        return None


def parse_roster(body: Fields) -> Roster:
    """Raises MalformedError; a roster that could lock everyone out is malformed."""
    simulation = body.boolean("simulation")
    officers = [_officer(each) for each in body.objects("officers", limit=MAX_OFFICERS)]
    by_id = {officer.id: officer for officer in officers}
    if len(by_id) != len(officers) or not officers:
        raise MalformedStatement("roster: officers must be there, each id once")
    approvers = sum(Role.APPROVER in officer.roles for officer in officers)
    thresholds = _thresholds(body.fields("thresholds"), approvers)
    may = frozenset(_kinds(body.texts("proposer_may_approve")))
    witnesses = _witnesses(body.fields("witnesses"))
    separation = parse_separation(body.fields("separation")) if body.has("separation") else STRICT
    compromised = _compromised(body) if body.has("compromised") else frozenset[KeyId]()
    body.done()
    keys = [key.key_id for officer in officers for key in officer.keys]
    keys += [key.key_id for key in witnesses.keys]
    if len(set(keys)) != len(keys):
        raise MalformedStatement("roster: one key stands twice")
    _check_removed(officers, compromised)
    check_separation(separation, [(officer.id, officer.roles) for officer in officers])
    _check_reachable(officers, thresholds, may)
    return Roster(simulation, by_id, thresholds, may, witnesses, separation, compromised)


def parse_officer(fields: Fields) -> Officer:
    """Read one officer's entry by itself, as `keyturn officer new` prints it."""
    return _officer(fields)


def _officer(fields: Fields) -> Officer:
    officer_id = fields.text("id", limit=64)
    if not _ID.match(officer_id):
        raise MalformedStatement("roster: officer id", found=repr(officer_id), expected="[a-z0-9-]")
    name = fields.text("name", limit=200)
    roles = frozenset(_roles(fields.texts("roles")))
    keys = []
    for each in fields.objects("keys", limit=8):
        key = load_verify_key(each.b64("spki", limit=256))
        if each.choice("algorithm", Algorithm) is not key.algorithm:
            raise MalformedStatement(f"roster: {officer_id}: algorithm does not fit the key")
        each.done()
        keys.append(key)
    if not keys:
        raise MalformedStatement(f"roster: {officer_id} has no key")
    hpke = fields.nullable("hpke", lambda name: fields.b64(name, size=32))
    fields.done()
    return Officer(OfficerId(officer_id), name, roles, tuple(keys), hpke)


def _roles(names: tuple[str, ...]) -> list[Role]:
    try:
        return [Role(name) for name in names]
    except ValueError as error:
        raise MalformedStatement(f"roster: {error}") from error


def _kinds(names: tuple[str, ...]) -> list[Kind]:
    try:
        return [Kind(name) for name in names]
    except ValueError as error:
        raise MalformedStatement(f"roster: {error}") from error


def _thresholds(fields: Fields, approvers: int) -> dict[Kind, int]:
    thresholds = {}
    for kind in Kind:
        low = 1 if kind is Kind.REVOCATION else 2  # I3: no one person
        try:
            thresholds[kind] = fields.integer(kind.value, low=low, high=approvers)
        except MalformedError as error:
            raise MalformedStatement(
                f"roster: threshold of {kind.value}", found=error.found, expected=error.expected
            ) from error
    fields.done()
    return thresholds


def _compromised(body: Fields) -> frozenset[KeyId]:
    names = body.texts("compromised", limit=MAX_COMPROMISED)
    for name in names:
        unhex(name, what="roster: compromised", size=32)
    return frozenset(KeyId(name) for name in names)


def _check_removed(officers: Sequence[Officer], compromised: frozenset[KeyId]) -> None:
    for officer in officers:
        for key in officer.keys:
            if key.key_id in compromised:
                raise MalformedStatement(
                    "roster: a compromised key is still an officer's",
                    found=f"key {key.key_id[:16]} of {officer.id}",
                    expected="no officer with that key",
                )


def _check_reachable(
    officers: Sequence[Officer], thresholds: Mapping[Kind, int], may: frozenset[Kind]
) -> None:
    """Somebody proposes, and enough others can approve: else no later statement helps either."""
    proposers = [officer for officer in officers if Role.PROPOSER in officer.roles]
    if not proposers:
        raise MalformedStatement("roster: nobody may propose", expected="one proposer at least")
    approvers = sum(Role.APPROVER in officer.roles for officer in officers)
    busy = all(Role.APPROVER in officer.roles for officer in proposers)
    for kind, needed in thresholds.items():
        most = approvers - (busy and kind not in may)
        if most < needed:
            raise MalformedStatement(
                f"roster: threshold of {kind.value} can never be reached",
                found=f"{needed}",
                expected=f"at most {most}, as a proposer does not count",
            )


def _witnesses(fields: Fields) -> Witnesses:
    keys = []
    for each in fields.objects("keys", limit=MAX_OFFICERS):
        each.literal("algorithm", Algorithm.ED25519.value)
        keys.append(load_verify_key(each.b64("spki", limit=256)))
        each.done()
    k = fields.integer("k", high=len(keys))
    t_seconds = fields.integer("t_seconds", low=1, high=86_400)
    fields.done()
    return Witnesses(tuple(keys), k, t_seconds)
