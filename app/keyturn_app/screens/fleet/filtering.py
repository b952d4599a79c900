"""The filter of the fleet table: what one types becomes a mask over the store's columns.

    query   := term (blank term)*         every term must hold
    term    := ["-"] (word | field ":" value ("," value)*)     "-": must not hold
    field   := state site rack name model policy platform caveat simulated age heard lease
    value   := word | '"' anything '"'    `*` stands for any characters
    age, heard, lease := ("<" | "<=" | ">" | ">=") number unit   unit: s m h d

A bare word is looked for anywhere in name, model and platform. Case does not matter. No Qt.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from enum import Enum

import numpy as np

from keyturn.base.errors import MalformedError
from keyturn.client.inventory import NodeState
from keyturn_app.i18n import _
from keyturn_app.screens.fleet.store import CODE, FleetStore, Floats, Mask

MAX_QUERY = 1000


class Field(Enum):
    STATE = "state"
    SITE = "site"
    RACK = "rack"
    NAME = "name"
    MODEL = "model"
    POLICY = "policy"
    PLATFORM = "platform"
    CAVEAT = "caveat"
    SIMULATED = "simulated"
    AGE = "age"
    HEARD = "heard"
    LEASE = "lease"


class FilterError(MalformedError):
    """What was typed is no filter. `start` and `end` mark the place."""

    def __init__(
        self, message: str, start: int, end: int, *, found: str, expected: str, hint: str = ""
    ) -> None:
        super().__init__(message, found=found, expected=expected, hint=hint)
        self.start, self.end = start, end


@dataclass(frozen=True, slots=True)
class Text:
    """A value to be matched: the whole of a field, `*` for anything; a bare word: any part."""

    pattern: str
    part: bool = False

    def fits(self, text: str) -> bool:
        return _regex(self.pattern, self.part)(text) is not None


@dataclass(frozen=True, slots=True)
class Bound:
    """`age:>10m`: a comparison with seconds."""

    operator: str
    seconds: float

    def holds(self, values: Floats) -> Mask:
        """What is not a number never holds."""
        compare: dict[str, Callable[[Floats, float], Mask]] = {
            "<": np.less,
            "<=": np.less_equal,
            ">": np.greater,
            ">=": np.greater_equal,
        }
        return compare[self.operator](values, self.seconds)


Value = Text | Bound | NodeState | bool


@dataclass(frozen=True, slots=True)
class Term:
    """One condition: any of `values`. `field` None: a bare word."""

    field: Field | None
    values: tuple[Value, ...]
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Filter:
    """A query that was understood. `text` is as it was typed."""

    text: str
    terms: tuple[Term, ...]

    def mask(self, store: FleetStore) -> Mask | None:
        """Which rows it lets through; None for all of them."""
        if not self.terms:
            return None
        mask = np.ones(len(store), np.bool_)
        for term in self.terms:
            holds = np.zeros(len(store), np.bool_)
            for value in term.values:
                holds |= _holds(term.field, value, store)
            mask &= ~holds if term.negated else holds
        return mask


EVERYTHING = Filter("", ())


def parse(text: str) -> Filter:
    """Raises FilterError, and nothing else, at the first place that is not understood."""
    if len(text) > MAX_QUERY:
        raise FilterError(
            _("the filter is too long"),
            MAX_QUERY,
            len(text),
            found=_("{count} characters").format(count=len(text)),
            expected=_("at most {count}").format(count=MAX_QUERY),
        )
    return Filter(text, tuple(_terms(text)))


def quoted(value: str) -> str:
    """`value` as one may write it in a filter, so that it stands for itself."""
    return value if re.fullmatch(r"[\w.@/+—-]+", value) and value[0] != "-" else f'"{value}"'


# ---- reading ----


@dataclass(frozen=True, slots=True)
class _Piece:
    """A stretch of the query: its text without quotes, where it stands, and if it was quoted."""

    text: str
    start: int
    end: int
    quoted: bool = False


def _terms(text: str) -> Iterator[Term]:
    at = 0
    while True:
        while at < len(text) and text[at].isspace():
            at += 1
        if at >= len(text):
            return
        term, at = _term(text, at)
        yield term


def _term(text: str, at: int) -> tuple[Term, int]:
    negated = text[at] == "-"
    start = at + 1 if negated else at
    name = re.compile(r"[^\s:\",]*").match(text, start)
    end = start if name is None else name.end()
    if end < len(text) and text[end] == ":":
        field = _field(_Piece(text[start:end], start, end))
        values, end = _values(field, text, end + 1)
        return Term(field, values, negated), end
    piece, end = _piece(text, start, r"[^\s\"]+")
    if not piece.text:
        raise FilterError(
            _("a minus sign says what must not be, and nothing follows it")
            if negated
            else _("an empty word"),
            at,
            max(end, at + 1),
            found=text[at : max(end, at + 1)],
            expected=_("a word or a field, like -state:attested"),
        )
    return Term(None, (Text(piece.text, part=True),), negated), end


def _field(name: _Piece) -> Field:
    try:
        return Field(name.text.lower())
    except ValueError:
        known = [each.value for each in Field]
        close = get_close_matches(name.text.lower(), known, 1)
        raise FilterError(
            _("there is no such field"),
            name.start,
            max(name.end, name.start + 1),
            found=name.text or ":",
            expected=", ".join(known),
            hint=_("Did you mean {field}: ?").format(field=close[0]) if close else "",
        ) from None


def _values(field: Field, text: str, at: int) -> tuple[tuple[Value, ...], int]:
    values: list[Value] = []
    while True:
        piece, end = _piece(text, at, r"[^\s\",]+")
        values.append(_value(field, piece))
        if end >= len(text) or text[end] != ",":
            return tuple(values), end
        at = end + 1


def _piece(text: str, at: int, bare: str) -> tuple[_Piece, int]:
    if at < len(text) and text[at] == '"':
        closing = text.find('"', at + 1)
        if closing < 0:
            raise FilterError(
                _("a quotation mark is not closed"),
                at,
                len(text),
                found=text[at:],
                expected=_('another " after it'),
            )
        return _Piece(text[at + 1 : closing], at, closing + 1, quoted=True), closing + 1
    match = re.compile(bare).match(text, at)
    end = at if match is None else match.end()
    return _Piece(text[at:end], at, end), end


def _value(field: Field, piece: _Piece) -> Value:
    if not piece.text:
        raise FilterError(
            _("{field}: needs a value").format(field=field.value),
            piece.start - 1,
            max(piece.end, piece.start),
            found=_("nothing"),
            expected=_EXAMPLES[field],
        )
    if field is Field.STATE:
        return _state(piece)
    if field is Field.SIMULATED:
        return _yes_or_no(piece)
    if field in _TIMES:
        return _bound(field, piece)
    return Text(piece.text)


def _state(piece: _Piece) -> NodeState:
    known = [each.value for each in NodeState]
    if piece.text.lower() in known:
        return NodeState(piece.text.lower())
    close = get_close_matches(piece.text.lower(), known, 1)
    raise FilterError(
        _("there is no such state"),
        piece.start,
        piece.end,
        found=piece.text,
        expected=", ".join(known),
        hint=_("Did you mean state:{state}?").format(state=close[0]) if close else "",
    )


def _yes_or_no(piece: _Piece) -> bool:
    if piece.text.lower() in ("yes", "no"):
        return piece.text.lower() == "yes"
    raise FilterError(
        _("simulated: is yes or no"),
        piece.start,
        piece.end,
        found=piece.text,
        expected="yes, no",
    )


_BOUND = re.compile(r"(<=|>=|<|>)([0-9]{1,9}(?:\.[0-9]{1,3})?)(s|m|min|h|d)?", re.ASCII)
_SECONDS = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86400}
_TIMES = {Field.AGE, Field.HEARD, Field.LEASE}


def _bound(field: Field, piece: _Piece) -> Bound:
    match = _BOUND.fullmatch(piece.text)
    if match is None or match[3] is None:
        raise FilterError(
            _("{field}: is compared with a time").format(field=field.value),
            piece.start,
            piece.end,
            found=piece.text,
            expected=_EXAMPLES[field],
            hint=_("Write < or >, a number, and s, m, h or d."),
        )
    return Bound(match[1], float(match[2]) * _SECONDS[match[3]])


_EXAMPLES = {
    Field.STATE: "state:refused,stale",
    Field.SITE: "site:fra-*",
    Field.RACK: "rack:r03",
    Field.NAME: "name:fra-1-*",
    Field.MODEL: "model:orion*",
    Field.POLICY: 'policy:"serving v2"',
    Field.PLATFORM: "platform:amd-*",
    Field.CAVEAT: "caveat:simulated",
    Field.SIMULATED: "simulated:yes",
    Field.AGE: "age:>10m",
    Field.HEARD: "heard:>5s",
    Field.LEASE: "lease:<1m",
}
"""Of each field, how it is written; shown as help too."""


def examples() -> tuple[str, ...]:
    return tuple(_EXAMPLES.values())


# ---- asking the columns ----


def _holds(field: Field | None, value: Value, store: FleetStore) -> Mask:
    if isinstance(value, NodeState):
        return np.equal(store.state, CODE[value])
    if isinstance(value, bool):
        return np.equal(store.simulated, value)
    if isinstance(value, Bound):
        return value.holds(_numbers(field, store))
    if field is None:
        found = store.model.matching(value.fits) | store.platform.matching(value.fits)
        return found | _in_names(value, store)
    if field is Field.NAME:
        return _in_names(value, store)
    if field is Field.CAVEAT:
        return store.caveats.matching(lambda joined: _any_caveat(value, joined))
    columns = {
        Field.SITE: store.site,
        Field.RACK: store.rack,
        Field.MODEL: store.model,
        Field.POLICY: store.policy,
        Field.PLATFORM: store.platform,
    }
    return columns[field].matching(value.fits)


def _numbers(field: Field | None, store: FleetStore) -> Floats:
    if field is Field.HEARD:
        return store.age
    return store.lease_left() if field is Field.LEASE else store.evidence_age()


def _in_names(value: Text, store: FleetStore) -> Mask:
    fits = _regex(value.pattern, value.part)
    return np.fromiter((fits(name) is not None for name in store.names), np.bool_, len(store))


def _any_caveat(value: Text, joined: str) -> bool:
    return any(value.fits(each) for each in joined.split(", ") if each)


def _regex(pattern: str, part: bool) -> Callable[[str], re.Match[str] | None]:
    body = ".*".join(re.escape(each) for each in pattern.split("*"))
    compiled = re.compile(body, re.IGNORECASE | re.DOTALL)
    return compiled.search if part else compiled.fullmatch
