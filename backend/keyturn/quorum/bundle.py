"""The authority bundle: all that a sealer, node or client needs (our protocol §2.7)."""

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime

from keyturn.base.encoding import Digest, b64, unb64
from keyturn.base.signatures import VerifyKey, load_verify_key
from keyturn.base.strictjson import Fields, dump, parse_object
from keyturn.quorum.approvals import Approval, parse_approval
from keyturn.quorum.bodies import Keys, OaepHash, PublicKeyEntry, Purpose
from keyturn.quorum.errors import MalformedStatement, SubmissionReason, SubmissionRefused
from keyturn.quorum.judge import Standing, judge
from keyturn.quorum.kinds import Kind
from keyturn.quorum.roster import OfficerId, Roster
from keyturn.quorum.state import AuthorityState, InForce
from keyturn.quorum.statements import Statement, parse_statement

MAX_BUNDLE = 16 << 20
Known = Callable[[Keys], bool]


@dataclass(frozen=True, slots=True)
class Authority:
    """A verified bundle: it chains to the fingerprint that the reader pinned."""

    fingerprint: Digest
    roster: Roster
    keys: Keys
    state: AuthorityState

    @property
    def origin(self) -> str:
        """The log's name."""
        return self.keys.origin

    def ingest_key(self) -> PublicKeyEntry:
        """The key that anyone may seal to."""
        return self.keys.keys[Purpose.INGEST]

    def ingest_oaep_hash(self) -> OaepHash:
        found = self.ingest_key().oaep_hash
        if found is None:  # the parser refuses such a key
            raise MalformedStatement("keys: ingest key without a hash")
        return found

    def log_key(self) -> VerifyKey:
        return load_verify_key(self.keys.keys[Purpose.LOG].spki)

    def expired(self, now: datetime) -> tuple[InForce, ...]:
        """Of roster and `keys` those whose time is over; only a lenient reader ever has any."""
        both = (self.state.newest[(Kind.ROSTER, "roster")], self.state.newest[(Kind.KEYS, "keys")])
        return tuple(each for each in both if each.statement.expired(now))

    def result_key(self) -> VerifyKey:
        return load_verify_key(self.keys.keys[Purpose.RESULT].spki)


def make_bundle(state: AuthorityState) -> bytes:
    """The bundle of a state: its roster chain and newest `keys` statement.

    Raises SubmissionRefused when either is missing.
    """
    rosters = sorted(
        (each for each in state.by_digest.values() if each.statement.kind is Kind.ROSTER),
        key=lambda each: each.statement.version,
    )
    keys = state.newest.get((Kind.KEYS, "keys"))
    if not rosters or keys is None:
        raise SubmissionRefused(SubmissionReason.NOT_IN_FORCE, "no roster or no keys are in force")
    return bundle_of(
        [(each.statement.raw, [a.raw for a in each.approvals]) for each in rosters],
        (keys.statement.raw, [a.raw for a in keys.approvals]),
    )


def bundle_of(
    rosters: Iterable[tuple[bytes, list[bytes]]], keys: tuple[bytes, list[bytes]]
) -> bytes:
    """A bundle from exact envelopes: (statement, approvals) each."""
    return dump(
        {
            "type": "authority-bundle",
            "format": 1,
            "roster": [_document(*each) for each in rosters],
            "keys": _document(*keys),
        }
    )


def bundle_root(raw: bytes) -> Digest:
    """The fingerprint that a bundle claims: of its first roster. Nothing is verified.

    Raises MalformedError.
    """
    fields = parse_object(raw, limit=MAX_BUNDLE, what="authority bundle")
    rosters = fields.objects("roster", limit=1000)
    if not rosters:
        raise MalformedStatement("authority bundle: no roster")
    return parse_statement(rosters[0].b64("statement", limit=2 << 20)).digest


def _unknown(_: Keys) -> bool:
    return False


def load_bundle(
    raw: bytes,
    fingerprint: Digest,
    now: datetime,
    known: Known = _unknown,
    *,
    lenient: bool = False,
    rehearsal: bool = False,
) -> Authority:
    """Verify a bundle against a pinned fingerprint.

    Each statement is judged at its newest approval's time: when it came into force is known
    only from the log. What must hold now is that neither the newest roster nor `keys` has expired,
    unless the reader is `lenient`: an officer, who must get in to renew them, and says so.
    `known` is asked about `keys` that the newest roster does not approve and an earlier one does:
    whether the reader knows them by other means. `rehearsal`: of a throw-away authority, whose
    keys officers sign with their own, so that nobody else may take them.
    Raises MalformedError, SubmissionRefused.
    """
    fields = parse_object(raw, limit=MAX_BUNDLE, what="authority bundle")
    fields.literal("type", "authority-bundle")
    fields.literal("format", 1)
    state = AuthorityState(fingerprint)
    for each in fields.objects("roster", limit=1000):
        state = _enter(state, Kind.ROSTER, each)
    state = _enter(state, Kind.KEYS, fields.fields("keys"), known)
    fields.done()
    if not lenient:
        state.require(Kind.ROSTER, "roster", now)
        state.require(Kind.KEYS, "keys", now)
    roster, keys = state.roster, state.newest_keys
    assert roster is not None  # else `keys` could not have been judged
    assert keys is not None
    if keys.rehearsed and not rehearsal:
        raise SubmissionRefused(
            SubmissionReason.OTHER_STATEMENT,
            "the keys are those of a rehearsal's throw-away token",
            found=keys.origin,
            expected="the authority's own keys",
            hint="Trust nothing that comes from where this bundle came from.",
        )
    return Authority(fingerprint, roster, keys, state)


def _enter(
    state: AuthorityState, kind: Kind, fields: Fields, known: Known = _unknown
) -> AuthorityState:
    statement, approvals = _read(fields)
    if statement.kind is not kind:
        raise MalformedStatement(
            "authority bundle", found=statement.kind.value, expected=kind.value
        )
    moment = max([statement.time, *(each.time for each in approvals)])
    standing = state.standing(statement, moment)
    if kind is Kind.KEYS:  # a bundle carries only the newest: its chain is the log's business
        standing = replace(
            standing, newest_version=statement.version - 1, newest_digest=statement.replaces
        )
    approved = _approved(statement, approvals, standing, moment, state, known)
    return state.enter(InForce(statement, approvals, approved, len(state.by_digest), moment))


def _approved(
    statement: Statement,
    approvals: Sequence[Approval],
    standing: Standing,
    moment: datetime,
    state: AuthorityState,
    known: Known,
) -> frozenset[OfficerId]:
    """By the newest roster, or where `known` says so by the one that approved `keys` once."""
    try:
        return judge(statement, approvals, standing, moment)
    except SubmissionRefused:
        if not isinstance(statement.body, Keys) or not known(statement.body):
            raise
        bodies = [each.statement.body for each in state.by_digest.values()]
        for roster in (each for each in bodies if isinstance(each, Roster)):
            with suppress(SubmissionRefused):
                return judge(statement, approvals, replace(standing, roster=roster), moment)
        raise


def _read(fields: Fields) -> tuple[Statement, tuple[Approval, ...]]:
    statement = parse_statement(fields.b64("statement", limit=2 << 20))
    approvals = []
    for place, each in enumerate(fields.items("approvals", limit=200)):
        if not isinstance(each, str):
            raise MalformedStatement("authority bundle: approval", found=repr(each)[:40])
        approvals.append(parse_approval(unb64(each, what=f"authority bundle: approval {place}")))
    fields.done()
    return statement, tuple(approvals)


def _document(statement: bytes, approvals: list[bytes]) -> dict[str, object]:
    return {"statement": b64(statement), "approvals": [b64(each) for each in approvals]}
