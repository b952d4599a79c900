"""JSON read strictly, field by field (our protocol §1.2).

No duplicate keys, no NaN or Infinity, no floats, integers below 2^53, at most 32 levels,
at most the document's own size; and every field must be asked for: one that nobody read
is refused by `Fields.done`. What is written is compact with the given key order; digests
are always of exact bytes, so nothing here is a canonical form.
"""

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from enum import Enum
from typing import NoReturn, TypeVar, cast

from keyturn.base.encoding import Digest, parse_digest, unb64, unhex
from keyturn.base.errors import MalformedError
from keyturn.base.times import parse_time

Json = dict[str, "Json"] | list["Json"] | str | int | bool | None
JsonObject = dict[str, Json]

MAX_DEPTH = 32
MAX_INTEGER = 2**53 - 1

E_ = TypeVar("E_", bound=Enum)
T = TypeVar("T")


def parse_object(raw: bytes, *, limit: int, what: str) -> "Fields":
    """Read one JSON object of at most `limit` bytes. Raises MalformedError."""
    return Fields(load_object(raw, limit=limit, what=what), what)


def load_object(raw: bytes, *, limit: int, what: str) -> JsonObject:
    """As `parse_object`, without the reader around it."""
    if len(raw) > limit:
        raise MalformedError(
            f"{what} is too large", found=f"{len(raw)} bytes", expected=f"at most {limit} bytes"
        )
    try:
        value = _DECODER.decode(raw.decode("utf-8"))
    except _Refused as refused:
        raise MalformedError(f"{what}{refused.message}", found=refused.found) from None
    except (ValueError, RecursionError) as error:
        raise MalformedError(f"{what} is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise MalformedError(f"{what} is not a JSON object", found=type(value).__name__)
    if raw.count(b"{") + raw.count(b"[") > MAX_DEPTH:  # else it cannot be deeper
        _check_depth(value, what)
    if b"\\u" in raw:
        _check_text(value, what)
    return value


def dump(value: Mapping[str, object]) -> bytes:
    """Compact UTF-8 JSON, keys in the given order. Raises ValueError on NaN."""
    return _ENCODER.encode(value).encode()


class Fields:
    """Typed reading of one JSON object; each reader raises MalformedError naming the field.

    Call `done` last: it refuses fields that were not read.
    """

    def __init__(self, values: JsonObject, what: str) -> None:
        self._values = values
        self._what = what
        self._read: set[str] = set()

    @property
    def what(self) -> str:
        return self._what

    def has(self, name: str) -> bool:
        """Whether an optional field is there. It still has to be read."""
        return name in self._values

    def raw(self, name: str) -> Json:
        self._read.add(name)
        if name not in self._values:
            raise MalformedError(f"{self._what}: field '{name}' is missing")
        return self._values[name]

    def text(self, name: str, *, limit: int = 4096, empty: bool = False) -> str:
        value = self.raw(name)
        if not isinstance(value, str):
            self._wrong(name, value, "text")
        if len(value) > limit or (not value and not empty):
            self._wrong(name, f"{len(value)} characters", f"1 to {limit} characters")
        return value

    def integer(self, name: str, *, low: int = 0, high: int = MAX_INTEGER) -> int:
        value = self.raw(name)
        if not isinstance(value, int) or isinstance(value, bool):
            self._wrong(name, value, "an integer")
        if not low <= value <= high:
            self._wrong(name, value, f"{low} to {high}")
        return value

    def boolean(self, name: str) -> bool:
        value = self.raw(name)
        if not isinstance(value, bool):
            self._wrong(name, value, "true or false")
        return value

    def literal(self, name: str, expected: str | int) -> None:
        value = self.raw(name)
        if type(value) is not type(expected) or value != expected:
            self._wrong(name, value, repr(expected))

    def choice(self, name: str, kind: type[E_]) -> E_:
        text = self.text(name, empty=True)
        try:
            return kind(text)
        except ValueError:
            self._wrong(name, text, " or ".join(str(each.value) for each in kind))

    def time(self, name: str) -> datetime:
        return parse_time(self.text(name, limit=40), what=f"{self._what}: {name}")

    def digest(self, name: str) -> Digest:
        return parse_digest(self.text(name, limit=80), what=f"{self._what}: {name}")

    def b64(self, name: str, *, size: int | None = None, limit: int = 1 << 20) -> bytes:
        text = self.text(name, limit=(limit + 2) // 3 * 4, empty=True)
        value = unb64(text, what=f"{self._what}: {name}", size=size)
        if len(value) > limit:  # by at most two bytes
            self._wrong(name, f"{len(value)} bytes", f"at most {limit} bytes")
        return value

    def hex(self, name: str, *, size: int | None = None, limit: int = 1 << 16) -> bytes:
        text = self.text(name, limit=2 * limit, empty=True)
        return unhex(text, what=f"{self._what}: {name}", size=size)

    def fields(self, name: str) -> "Fields":
        value = self.raw(name)
        if not isinstance(value, dict):
            self._wrong(name, value, "an object")
        return Fields(value, f"{self._what}: {name}")

    def nullable(self, name: str, read: Callable[[str], T]) -> T | None:
        """`null`, or what `read` makes of the field."""
        return None if self.raw(name) is None else read(name)

    def items(self, name: str, *, limit: int = 10_000) -> list[Json]:
        value = self.raw(name)
        if not isinstance(value, list):
            self._wrong(name, value, "a list")
        if len(value) > limit:
            self._wrong(name, f"{len(value)} items", f"at most {limit} items")
        return value

    def objects(self, name: str, *, limit: int = 10_000) -> list["Fields"]:
        found = []
        for place, value in enumerate(self.items(name, limit=limit)):
            if not isinstance(value, dict):
                self._wrong(f"{name}[{place}]", value, "an object")
            found.append(Fields(value, f"{self._what}: {name}[{place}]"))
        return found

    def texts(self, name: str, *, limit: int = 10_000) -> tuple[str, ...]:
        """A list of texts without repeats."""
        values = self.items(name, limit=limit)
        for place, value in enumerate(values):
            if not isinstance(value, str) or not value:
                self._wrong(f"{name}[{place}]", value, "text")
        texts = tuple(cast("list[str]", values))
        if len(set(texts)) != len(texts):
            self._wrong(name, "a repeated item", "each item once")
        return texts

    def names(self) -> tuple[str, ...]:
        """The names of all fields, for objects that are maps; each must still be read."""
        return tuple(self._values)

    def done(self) -> None:
        """Refuse any field that was not read."""
        if not self._values.keys() <= self._read:
            unread = sorted(self._values.keys() - self._read)
            names = ", ".join(repr(name) for name in unread[:5])
            raise MalformedError(f"{self._what}: unknown field {names}")

    def _wrong(self, name: str, found: object, expected: str) -> NoReturn:
        raise MalformedError(
            f"{self._what}: field '{name}' is wrong", found=repr(found)[:80], expected=expected
        )


class _Refused(MalformedError):
    """What the decoder's hooks raise: they do not know the document's name."""


def _unique(pairs: list[tuple[str, Json]]) -> JsonObject:
    values = dict(pairs)
    if len(values) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise _Refused(f": field '{key}' stands twice")
            seen.add(key)
    return values


def _integer(text: str) -> int:
    if text == "-0" or len(text) > 17 or abs(int(text)) > MAX_INTEGER:
        raise _Refused(" holds an integer out of range", found=text[:40])
    return int(text)


def _no_float(text: str) -> NoReturn:
    raise _Refused(" holds a floating point number", found=text[:40])


def _no_constant(text: str) -> NoReturn:
    raise _Refused(" holds a number that JSON does not have", found=text[:40])


_DECODER = json.JSONDecoder(
    object_pairs_hook=_unique,
    parse_float=_no_float,
    parse_constant=_no_constant,
    parse_int=_integer,
)
_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def _check_text(value: JsonObject, what: str) -> None:
    """Refuse half a surrogate pair: an escape can write it, but no UTF-8 can hold it."""
    try:
        dump(value)
    except UnicodeEncodeError as error:
        raise MalformedError(f"{what} holds half a surrogate pair") from error


def _check_depth(value: Json, what: str) -> None:
    level: list[Json] = [value]
    for _ in range(MAX_DEPTH):
        inner: list[Json] = []
        for each in level:
            if isinstance(each, dict):
                inner.extend(each.values())
            elif isinstance(each, list):
                inner.extend(each)
        level = [each for each in inner if isinstance(each, (dict, list))]
        if not level:
            return
    raise MalformedError(f"{what} is nested too deep", expected=f"at most {MAX_DEPTH} levels")
