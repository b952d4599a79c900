"""Collateral that an officer carries: a bundle or a single file, proved before it is handed in.

What proves itself is kept on this machine, never an older one after a newer one; a bundle is
believed by its root key, which the officer confirms once (our protocol §8.8).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum
from pathlib import Path

from keyturn.attest.collateral_age import Age, older
from keyturn.base.collateral import APPRAISED, CollateralDocument, CollateralKind
from keyturn.base.encoding import Digest
from keyturn.base.errors import KeyturnError
from keyturn.client.client import KeyturnClient
from keyturn.client.collateralstock import Stock, judge
from keyturn.client.errors import FileUnusable
from keyturn.collateral.bundlefile import MAX_BUNDLE, read_bundle, write_bundle
from keyturn.collateral.bundlekeys import open_bundle_key, roots_for
from keyturn.collateral.bundletrust import offered_keys
from keyturn.collateral.cache import Cache, Kept
from keyturn.collateral.carrying import ROOTS_FOLDER, Carried, import_bundle, known_trust
from keyturn.collateral.errors import NoSuchCollateral, RolledBack
from keyturn.collateral.fetching import Trust
from keyturn.collateral.singlefiles import read_single
from keyturn.wire.collateral import CollateralAnswer, CollateralRefused

MAX_FILE = MAX_BUNDLE
_ZIP = b"PK"


class Verdict(Enum):
    """What a carried document is to what was known. The last two are not handed in."""

    NEWER = "newer"
    SAME = "same"
    OLDER = "older"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Brought:
    """`answer`: the keyholder's word, once it was handed in; None: not asked, or it keeps it."""

    kind: CollateralKind
    scope: str
    verdict: Verdict
    document: CollateralDocument | None
    age: Age | None
    error: KeyturnError | None = None
    kept: bool | None = None
    answer: CollateralRefused | None = None

    @property
    def to_hand_in(self) -> bool:
        good = self.verdict in (Verdict.NEWER, Verdict.SAME)
        return good and self.document is not None and self.kind in APPRAISED


@dataclass(frozen=True, slots=True)
class Parcel:
    """One file that was read. `version`, `expires`: of a bundle."""

    name: str
    rows: tuple[Brought, ...]
    version: int | None = None
    expires: datetime | None = None

    @property
    def documents(self) -> tuple[CollateralDocument, ...]:
        return tuple(each.document for each in self.rows if each.to_hand_in and each.document)


def keys_to_confirm(raw: bytes, directory: Path) -> frozenset[Digest]:
    """The keys of a bundle that are to be confirmed before it is believed; empty where none is.

    Raises BundleMalformed, CacheUnusable.
    """
    if not raw.startswith(_ZIP) or known_trust(Cache(directory)) is not None:
        return frozenset()
    return offered_keys(read_bundle(raw))


@dataclass(frozen=True, slots=True)
class OpeningAt:
    """Where a file is opened: this machine's directory, what is believed, and what is known."""

    directory: Path
    trust: Trust
    stock: Stock
    now: datetime


def open_parcel(name: str, raw: bytes, at: OpeningAt, root_key: Digest | None = None) -> Parcel:
    """Prove what is in a file and keep it here; of each document its row says what became of it.

    Raises BundleMalformed, BundleUntrusted, RolledBack (of the bundle), CacheUnusable, and of a
    single file what `read_single` raises.
    """
    cache = Cache(at.directory)
    if not raw.startswith(_ZIP):
        known = [each.document for each in at.stock.items]
        return Parcel(name, (_single(read_single(raw, known), cache, at),))
    found = import_bundle(cache, raw, at.trust, at.now, root_key)
    rows = tuple(_row(each, cache, at.stock) for each in found.documents)
    return Parcel(name, rows, found.version, found.expires)


def _single(document: CollateralDocument, cache: Cache, at: OpeningAt) -> Brought:
    kind, scope = document.kind, document.scope
    age, fault = judge(document, at.trust, at.now)
    if fault is not None or age is None:
        return Brought(kind, scope, Verdict.REFUSED, None, age, fault)
    try:
        newer = cache.put(Kept(document, age, at.now.replace(microsecond=0), "a file"))
    except RolledBack as error:
        return Brought(kind, scope, Verdict.OLDER, None, age, error)
    return _row(Carried(kind, scope, newer), cache, at.stock)


def _row(carried: Carried, cache: Cache, stock: Stock) -> Brought:
    kind, scope = carried.kind, carried.scope
    if carried.error is not None:
        behind = isinstance(carried.error, RolledBack)
        verdict = Verdict.OLDER if behind else Verdict.REFUSED
        return Brought(kind, scope, verdict, None, None, carried.error)
    kept = cache.get(kind, scope)
    if kept is None:
        return Brought(kind, scope, Verdict.REFUSED, None, None)
    there = next((e for e in stock.items if e.there and e.key == (kind, scope)), None)
    verdict = Verdict.NEWER
    if there is not None and there.document.digest == kept.document.digest:
        verdict = Verdict.SAME
    elif there is not None and there.age is not None and older(there.age, kept.age):
        verdict = Verdict.OLDER
    return Brought(kind, scope, verdict, kept.document, kept.age)


def hand_in(client: KeyturnClient, parcel: Parcel) -> Parcel:
    """Ask the keyholder, through the server. Raises what the client raises."""
    return answered(parcel, client.hand_in_collateral(parcel.documents))


def answered(parcel: Parcel, answer: CollateralAnswer) -> Parcel:
    """With the keyholder's word on each document that was handed in."""
    refused = {(each.kind, each.scope): each for each in answer.refused}
    rows = []
    for each in parcel.rows:
        if each.to_hand_in and each.document is not None:
            kept = each.document.digest in answer.kept
            why = None if kept else refused.get((each.kind.value, each.scope))
            each = replace(each, kept=kept, answer=why)
        rows.append(each)
    return replace(parcel, rows=tuple(rows))


def make_bundle_file(stock: Stock, directory: Path, key: Path, life: timedelta) -> bytes:
    """All that is proved and current, signed by a bundles' key. Nobody can know here when the
    server's documents were fetched: they count from their issue, so that none looks younger.

    Raises BundleKeyRefused, NoSuchCollateral, CacheUnusable.
    """
    kept: Sequence[Kept] = [
        Kept(each.document, each.age, each.fetched or each.age.issued, "carried")
        for each in stock.items
        if each.age is not None and each.fault is None
    ]
    if not kept:
        raise NoSuchCollateral("there is nothing to export", hint="import or fetch something first")
    signing = open_bundle_key(key)
    cache = Cache(directory)
    roots = roots_for(cache.directory / ROOTS_FOLDER, signing, stock.as_of, None)
    return write_bundle(_newest(kept), roots, signing, stock.as_of, life)


def _newest(kept: Sequence[Kept]) -> list[Kept]:
    """One of each kind and scope: a file's name in a bundle says no more."""
    found: dict[tuple[CollateralKind, str], Kept] = {}
    for each in kept:
        key = (each.document.kind, each.document.scope)
        known = found.get(key)
        if known is None or not older(known.age, each.age):
            found[key] = each
    return list(found.values())


def directory_of(directory: Path | None) -> Path:
    """Raises FileUnusable where this app keeps nothing."""
    if directory is None:
        raise FileUnusable("this app keeps nothing on this machine", hint="open a profile of yours")
    return directory
