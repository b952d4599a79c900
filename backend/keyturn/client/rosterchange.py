"""Bodies of roster changes, made from the body in force: one officer more, or some fewer."""

from collections.abc import Collection, Iterable

from keyturn.base.signatures import KeyId
from keyturn.base.strictjson import Json, JsonObject, dump, load_object
from keyturn.client.changes import body_of
from keyturn.client.errors import NotFound
from keyturn.quorum.kinds import Kind
from keyturn.quorum.roster import Officer, OfficerId, Roster
from keyturn.quorum.state import AuthorityState
from keyturn.quorum.statements import MAX_STATEMENT


def with_officer(state: AuthorityState, officer: Officer) -> JsonObject:
    """The roster's body with exactly this officer added."""
    body = roster_body(state)
    raw = dump(officer.to_document())
    added: Json = load_object(raw, limit=MAX_STATEMENT, what="officer")
    return {**body, "officers": [*_officers(body), added]}


def without_officers(
    state: AuthorityState, names: Collection[str], compromised: Iterable[KeyId]
) -> JsonObject:
    """The roster's body without these officers, naming the keys that are compromised.

    Raises NotFound for a name that is not in the roster.
    """
    body = roster_body(state)
    roster = _roster(state)
    for name in names:
        if name not in roster.officers:
            raise NotFound("no such officer in the roster", found=name)
    kept: list[Json] = [each for each in _officers(body) if each["id"] not in names]
    changed: JsonObject = {**body, "officers": kept}
    named: list[Json] = list(sorted(set(compromised)))
    return {**changed, "compromised": named} if named else changed


def keys_meant(state: AuthorityState, names: Iterable[str]) -> frozenset[KeyId]:
    """The key ids that were named: themselves, or as all keys of an officer in the roster.

    Raises NotFound.
    """
    roster = _roster(state)
    found: set[KeyId] = set()
    for name in names:
        officer = roster.officers.get(OfficerId(name))
        if officer is not None:
            found |= {key.key_id for key in officer.keys}
        elif len(name) == 64 and set(name) <= set("0123456789abcdef"):
            found.add(KeyId(name))
        else:
            raise NotFound(
                "neither an officer of the roster nor a key id",
                found=name,
                expected="an officer's id, or 64 hex digits",
            )
    return frozenset(found)


def approvers_of_keys_leaving(state: AuthorityState, new: Roster) -> tuple[OfficerId, ...]:
    """Whose signature the authority bundle's `keys` has, and who would be gone (§2.7).

    A bundle with one of them is refused: `keys` must be approved anew by those who stay.
    """
    keys = state.newest.get((Kind.KEYS, "keys"))
    if keys is None:
        return ()
    signed = [(keys.statement.proposer, keys.statement.envelope)]
    signed += [(each.officer, each.envelope) for each in keys.approvals]
    gone = {
        officer
        for officer, envelope in signed
        if any(each.key_id not in new.keys for each in envelope.signatures)
    }
    return tuple(sorted(gone))


def _roster(state: AuthorityState) -> Roster:
    if state.roster is None:
        raise NotFound("no roster is in force")
    return state.roster


def roster_body(state: AuthorityState) -> JsonObject:
    """Without what the last change named compromised: that holds for ever, said once."""
    newest = state.newest.get((Kind.ROSTER, "roster"))
    if newest is None:
        raise NotFound("no roster is in force")
    body = body_of(newest.statement)
    return {name: value for name, value in body.items() if name != "compromised"}


def _officers(body: JsonObject) -> list[JsonObject]:
    listed = body["officers"]
    return [each for each in listed if isinstance(each, dict)] if isinstance(listed, list) else []
