"""What a statement would change: two bodies compared, place by place, for people to read."""

from dataclasses import dataclass

from keyturn.base.encoding import Digest
from keyturn.base.strictjson import Json, JsonObject, dump, load_object
from keyturn.quorum.state import AuthorityState
from keyturn.quorum.statements import MAX_STATEMENT, Statement


@dataclass(frozen=True, slots=True)
class Change:
    """One place in a body. `before` is None where it is new, `after` where it goes."""

    place: str
    before: str | None
    after: str | None


def body_of(statement: Statement) -> JsonObject:
    """The body as it was signed."""
    payload = load_object(statement.envelope.payload, limit=MAX_STATEMENT, what="statement")
    body = payload["body"]
    if not isinstance(body, dict):
        raise ValueError("a statement is parsed before it is shown")
    return body


def changes_of(
    statement: Statement, state: AuthorityState
) -> tuple[Digest | None, tuple[Change, ...]]:
    """The statement that it would replace, and every difference from that one's body."""
    newest = state.newest.get((statement.kind, statement.subject))
    if newest is None or newest.statement.digest == statement.digest:
        return None, changes({}, body_of(statement))
    return newest.statement.digest, changes(body_of(newest.statement), body_of(statement))


def changes(before: JsonObject, after: JsonObject) -> tuple[Change, ...]:
    """Differences in the order of `after`, removals last. Lists are compared as sets of items."""
    found: list[Change] = []
    _compare("", before, after, found)
    return tuple(found)


def _compare(place: str, before: Json, after: Json, found: list[Change]) -> None:
    if isinstance(before, dict) and isinstance(after, dict):
        for key in [*after, *(key for key in before if key not in after)]:
            inner = f"{place}.{key}" if place else key
            if key not in before:
                found.append(Change(inner, None, _text(after[key])))
            elif key not in after:
                found.append(Change(inner, _text(before[key]), None))
            else:
                _compare(inner, before[key], after[key], found)
    elif isinstance(before, list) and isinstance(after, list):
        old, new = [_text(each) for each in before], [_text(each) for each in after]
        found.extend(Change(place, None, each) for each in new if each not in old)
        found.extend(Change(place, each, None) for each in old if each not in new)
    elif before != after or type(before) is not type(after):
        found.append(Change(place, _text(before), _text(after)))


def _text(value: Json) -> str:
    if isinstance(value, str):
        return value
    wrapped = dump({"": value}).decode()
    return wrapped[4:-1]
