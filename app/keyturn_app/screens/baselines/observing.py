"""The nodes' last evidence, asked for in small parts so that other questions get their turn.

Verified on this machine by the client; nothing of it is the server's word. No Qt in here.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from keyturn.base.errors import KeyturnError
from keyturn.client.baselines import NOT_ACTIVATED
from keyturn.client.client import KeyturnClient
from keyturn.keyrelease.entries import RefusalEntry
from keyturn.policy.observed import Observed
from keyturn_app import wording
from keyturn_app.desk import Desk
from keyturn_app.entitled import not_asking

PART = 50
AGAIN = timedelta(seconds=60)
SEEN_AGAIN = timedelta(minutes=5)
"""While the page stays open."""


@dataclass(frozen=True, slots=True)
class Fleet:
    """`as_of` None: never asked whole. `not_activated`: nodes whose TPM's key the keyholder
    refused as not activated; no value of such a TPM is taken."""

    observed: Mapping[str, Observed] = field(default_factory=dict)
    not_activated: frozenset[str] = frozenset()
    as_of: datetime | None = None
    done: int = 0
    total: int = 0
    asking: bool = False
    error: str = ""

    @property
    def all(self) -> tuple[Observed, ...]:
        return tuple(self.observed[name] for name in sorted(self.observed))


@dataclass(frozen=True, slots=True)
class _Part:
    observed: tuple[Observed, ...]
    not_activated: frozenset[str]


class Evidence:
    """`changed` is called after each part."""

    def __init__(self, desk: Desk, changed: Callable[[], None]) -> None:
        self._desk, self._changed = desk, changed
        self._drop: Callable[[], None] = lambda: None
        self._left: tuple[str, ...] = ()
        self._tried: datetime | None = None
        self.fleet = Fleet()

    def want(self, age: timedelta = AGAIN) -> None:
        """Ask where nothing is known, or what is known is so old; not while it is being asked, or
        shortly after that failed or was stopped."""
        now = self._desk.now()
        tried = self._tried is not None and now - self._tried < age
        known = self.fleet.as_of is not None and now - self.fleet.as_of < age
        if not (tried or known or self.fleet.asking):
            self.ask()

    def ask(self) -> None:
        """From the beginning; what was verified before costs nothing."""
        self._drop()
        if not_asking(self._desk):
            return
        self._tried = self._desk.now()
        known = self.fleet
        self.fleet = Fleet(known.observed, known.not_activated, known.as_of, asking=True)
        self._drop = self._desk.ask(_names, done=self._named, failed=self._failed)
        self._changed()

    def stop(self) -> None:
        """Ask no further; what was learned so far is kept."""
        self._drop()
        self._left = ()
        known = self.fleet
        self.fleet = Fleet(known.observed, known.not_activated, known.as_of)
        self._changed()

    def close(self) -> None:
        self._drop()

    # ---- inside ----

    def _named(self, names: Sequence[str]) -> None:
        known = self.fleet
        kept = {name: each for name, each in known.observed.items() if name in names}
        self._left = tuple(names)
        self.fleet = Fleet(kept, known.not_activated, known.as_of, 0, len(names), asking=True)
        self._next()

    def _next(self) -> None:
        part, self._left = self._left[:PART], self._left[PART:]
        if not part:
            known = self.fleet
            now = self._desk.now()
            self.fleet = Fleet(known.observed, known.not_activated, now, known.done, known.total)
            self._changed()
            return
        self._drop = self._desk.ask(
            lambda client: _observe(client, part), done=self._took, failed=self._failed
        )
        self._changed()

    def _took(self, part: _Part) -> None:
        known = self.fleet
        named = frozenset(each.node for each in part.observed)
        self.fleet = Fleet(
            {**known.observed, **{each.node: each for each in part.observed}},
            (known.not_activated - named) | part.not_activated,
            known.as_of,
            min(known.done + PART, known.total),
            known.total,
            asking=True,
        )
        self._next()

    def _failed(self, error: KeyturnError) -> None:
        known = self.fleet
        self._left = ()
        text = wording.error_text(error)
        self.fleet = Fleet(known.observed, known.not_activated, known.as_of, error=text)
        self._changed()


def _names(client: KeyturnClient) -> tuple[str, ...]:
    return tuple(sorted(client.seen().index.names()))


def _observe(client: KeyturnClient, names: Sequence[str]) -> _Part:
    seen = client.seen()
    refused = set()
    for name in names:
        logged = seen.index.logged(name)
        entry = logged.entry if logged is not None else None
        if isinstance(entry, RefusalEntry) and NOT_ACTIVATED in entry.reasons:
            refused.add(name)
    return _Part(client.observe_fleet(seen=seen, nodes=names), frozenset(refused))
