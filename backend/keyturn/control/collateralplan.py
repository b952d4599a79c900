"""What is to be fetched, and what of the kept is not fresh any more. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from keyturn.attest.collateral_age import Age, age_of
from keyturn.attest.errors import REFUSALS
from keyturn.base.collateral import CollateralDocument, CollateralKind
from keyturn.base.encoding import Digest
from keyturn.base.errors import MalformedError
from keyturn.base.times import format_time
from keyturn.collateral.needs import needs_of
from keyturn.collateral.scopes import Key, Wanted
from keyturn.collateral.staleness import State, state_of
from keyturn.keyrelease.request import parse_request

MAX_WANTED = 2000
"""Documents that one server asks vendors for: what nodes show is their own word."""


@dataclass(frozen=True, slots=True)
class Standing:
    """One kept document. `fetched`: when this database got it; `source`: from where."""

    kind: CollateralKind
    scope: str
    digest: Digest
    age: Age
    fetched: datetime
    source: str

    def state(self, now: datetime) -> State:
        return state_of(self.kind, self.age, self.fetched, now)

    def to_data(self, now: datetime, *, held: bool) -> dict[str, object]:
        until, number = self.age.until, self.age.number
        return {
            "kind": self.kind.value,
            "scope": self.scope,
            "digest": self.digest,
            "issued": format_time(self.age.issued),
            "until": None if until is None else format_time(until),
            "number": None if number is None else str(number),
            "fetched": format_time(self.fetched.replace(microsecond=0)),
            "source": self.source,
            "state": self.state(now).value,
            "held": held,
        }


def read_standing(document: CollateralDocument, received: datetime, source: str) -> Standing | None:
    """None where its dates cannot be read: a keyholder kept it that is of another version."""
    try:
        age = age_of(document)
    except REFUSALS:
        return None
    kind, scope = document.kind, document.scope
    return Standing(kind, scope, document.digest, age, received, source)


def wanted_of(requests: Iterable[bytes]) -> tuple[Wanted, ...]:
    """What these requests' evidence calls for and vendors can be asked for, each once, in order."""
    found: dict[Key, Wanted] = {}
    for raw in requests:
        try:
            request = parse_request(raw)
        except MalformedError:
            continue
        for each in needs_of(request):
            if not each.simulated and len(found) < MAX_WANTED:
                found.setdefault(each.wanted.key, each.wanted)
    return tuple(found[key] for key in sorted(found, key=lambda key: (key[0].value, key[1])))


def changes(
    standings: Mapping[str, Standing], told: Mapping[str, str], now: datetime
) -> tuple[dict[str, str], list[tuple[Standing, State]]]:
    """By place what is not fresh now, and what of that was not told yet."""
    states = {place: each.state(now) for place, each in standings.items()}
    bad = {place: state.value for place, state in states.items() if state is not State.FRESH}
    news = [
        (standings[place], states[place])
        for place, state in sorted(bad.items())
        if told.get(place) != state
    ]
    return bad, news


def counts(standings: Sequence[Standing], now: datetime) -> dict[str, int]:
    """How many documents are in each state."""
    states = [each.state(now) for each in standings]
    return {each.value: states.count(each) for each in State}
