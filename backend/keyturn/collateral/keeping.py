"""The cache and the fetcher together: what a program that needs collateral calls.

A document that is fresh is not asked for again; one that is due, stale or expired is, and stays
in use while the vendor cannot be reached: its state then says so.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from keyturn.base.collateral import APPRAISED, CollateralDocument, CollateralKind
from keyturn.base.errors import KeyturnError
from keyturn.collateral.cache import Cache, Contents, Kept
from keyturn.collateral.errors import EntryDamaged, IssuerMissing
from keyturn.collateral.fetching import Fetcher
from keyturn.collateral.scopes import Key, Wanted, needed_for
from keyturn.collateral.staleness import State


class Done(Enum):
    """NEWER: fetched, and it differs. SAME: fetched, and it does not. FRESH: not asked for.

    OLD: it could not be fetched, and the kept one stays. FAILED: neither is there.
    """

    NEWER = "newer"
    SAME = "same"
    FRESH = "fresh"
    OLD = "old"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Outcome:
    """Of one wanted document. `error` is there with OLD and FAILED."""

    kind: CollateralKind
    scope: str
    done: Done
    kept: Kept | None
    error: KeyturnError | None = None


class Collateral:
    """Threads and processes may share the cache; the fetcher is this process's own."""

    def __init__(self, cache: Cache, fetcher: Fetcher) -> None:
        self._cache = cache
        self._fetcher = fetcher

    def get(self, kind: CollateralKind, scope: str) -> Kept | None:
        """What is kept, whatever its state; a damaged entry is none. Raises CacheUnusable."""
        try:
            return self._cache.get(kind, scope)
        except EntryDamaged:
            return None

    def contents(self) -> Contents:
        """All that is kept, and what is damaged. Raises CacheUnusable."""
        return self._cache.contents()

    def documents(self) -> tuple[CollateralDocument, ...]:
        """What a verifier keeps and uses, for handing it in. Raises CacheUnusable."""
        found = (each.document for each in self._cache.contents().kept)
        return tuple(each for each in found if each.kind in APPRAISED)

    def refresh(
        self, wanted: Iterable[Wanted], now: datetime, *, force: bool = False
    ) -> tuple[Outcome, ...]:
        """Fetch what is not fresh, one after the other; `force`: whatever its state.

        Never raises for one document what concerns it alone: its outcome says it. Raises
        CacheUnusable.
        """
        return tuple(self._refresh(each, now, force) for each in wanted)

    def _refresh(self, wanted: Wanted, now: datetime, force: bool) -> Outcome:
        known = self.get(*wanted.key)
        if known is not None and not force and known.state(now) is State.FRESH:
            return Outcome(*wanted.key, Done.FRESH, known)
        try:
            found = self._fetcher.fetch(wanted, self._needed(wanted, now))
            new = Kept(
                found.document, found.age, found.fetched.replace(microsecond=0), found.source
            )
            changed = self._cache.put(new)
        except KeyturnError as error:
            return Outcome(*wanted.key, Done.FAILED if known is None else Done.OLD, known, error)
        return Outcome(*wanted.key, Done.NEWER if changed else Done.SAME, new)

    def _needed(self, wanted: Wanted, now: datetime) -> CollateralDocument | None:
        key = needed_for(*wanted.key)
        if key is None:
            return None
        return self._usable(key, now).document

    def _usable(self, key: Key, now: datetime) -> Kept:
        """A document for its certificates, fetched where there is none. Raises IssuerMissing."""
        known = self.get(*key)
        if known is not None and known.state(now) is not State.EXPIRED:
            return known
        outcome = self._refresh(Wanted(*key), now, force=False)
        if outcome.kept is None:
            raise IssuerMissing(
                f"{key[0].value} {key[1]} is needed first, and cannot be had",
                found=outcome.error.message if outcome.error else "",
            ) from outcome.error
        return outcome.kept


def any_failed(outcomes: Sequence[Outcome]) -> bool:
    """Whether anything could not be fetched."""
    return any(each.done in (Done.OLD, Done.FAILED) for each in outcomes)
