"""Reading the server's JSON answers: display data, never signed, so less strict than documents.

Duplicate keys, NaN and wrong types are refused; fields that a newer server adds are not.
"""

import json
from typing import NoReturn

from keyturn.base.errors import MalformedError
from keyturn.base.strictjson import Fields, JsonObject, dump
from keyturn.client.errors import MalformedAnswer, RoleLacking, ServerRefused

MAX_ANSWER = 64 << 20


def parse_answer(raw: bytes, what: str) -> Fields:
    """One JSON object. Raises MalformedAnswer."""
    return Fields(load_answer(raw, what), what)


def load_answer(raw: bytes, what: str) -> JsonObject:
    """As `parse_answer`, without the reader around it."""
    try:
        value = json.loads(raw.decode(), object_pairs_hook=_unique, parse_constant=_no_constant)
    except MalformedError as error:
        raise MalformedAnswer(f"{what}: {error.message}") from error
    except (ValueError, RecursionError) as error:
        raise MalformedAnswer(f"{what} is not JSON: {type(error).__name__}") from error
    if not isinstance(value, dict):
        raise MalformedAnswer(f"{what} is not a JSON object", found=type(value).__name__)
    if b"\\u" in raw:
        _check_text(value, what)
    return value


def refusal_of(status: int, raw: bytes) -> ServerRefused:
    """The error that a status other than success carries; says so when it carries none."""
    try:
        error = parse_answer(raw, "the server's error").fields("error")
        texts = {
            name: error.text(name, empty=True) if error.has(name) and error.raw(name) else ""
            for name in ("found", "expected", "hint")
        }
        kind = error.text("kind", limit=100)
        made = RoleLacking if (status, kind) == (403, "role") else ServerRefused
        return made(status, kind, error.text("message", empty=True), **texts)
    except MalformedError:
        return ServerRefused(status, "unknown", f"the server answered with HTTP status {status}")


def optional_text(fields: Fields, name: str) -> str | None:
    """A text that may be null or absent."""
    if not fields.has(name) or fields.raw(name) is None:
        return None
    return fields.text(name, limit=100_000, empty=True)


def optional_integer(fields: Fields, name: str) -> int | None:
    """A number that may be null or absent, as whole units (rounded down)."""
    if not fields.has(name):
        return None
    value = fields.raw(name)
    if value is None:
        return None
    # The reader of numbers with a point is the only one that `Json` does not know of.
    number: object = value
    if isinstance(number, bool) or not isinstance(number, int | float):
        raise MalformedAnswer(f"{fields.what}: {name} is not a number", found=repr(number)[:40])
    try:
        return int(number)
    except OverflowError as error:  # 1e999 reads as infinity
        raise MalformedAnswer(f"{fields.what}: {name} is beyond all numbers") from error


def optional_texts(fields: Fields, name: str) -> tuple[str, ...]:
    """A list of texts that may be absent. Unlike a *set*, it may repeat."""
    if not fields.has(name):
        return ()
    return tuple(each for each in fields.items(name) if isinstance(each, str))


def _check_text(value: JsonObject, what: str) -> None:
    """Half a surrogate pair: no file, no clipboard and no window takes it."""
    try:
        dump(value)
    except UnicodeEncodeError as error:
        raise MalformedAnswer(f"{what} holds half a surrogate pair") from error
    except ValueError:  # infinity is no text
        pass


def _unique(pairs: list[tuple[str, object]]) -> JsonObject:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise MalformedError("a key stands twice")
    return found  # type: ignore[return-value]  # values are what json.loads made


def _no_constant(text: str) -> NoReturn:
    raise MalformedError(f"{text} is not JSON")
