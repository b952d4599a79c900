"""Collateral carried to a machine without a network: what is exported, and what an import keeps.

A bundle's signature decides whether its contents are looked at, and no more: each document is
proved against the vendors' roots here again, and none older than the kept one is taken.
"""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from keyturn.base.collateral import CollateralKind
from keyturn.base.encoding import Digest
from keyturn.base.errors import KeyturnError, MalformedError
from keyturn.collateral.bundlefile import read_bundle
from keyturn.collateral.bundletrust import (
    MAX_TRUST,
    BelievedBundle,
    BundleTrust,
    believe,
    read_trust,
    root_keys,
)
from keyturn.collateral.cache import (
    Cache,
    Kept,
    entry_name,
    read_kept,
    sync_directory,
    write_synced,
)
from keyturn.collateral.errors import BundleUntrusted, CacheUnusable
from keyturn.collateral.fetching import Trust
from keyturn.collateral.proof import prove
from keyturn.collateral.staleness import State

TRUST_FILE = "bundle-trust.json"
ROOTS_FOLDER = "bundle-roots"


@dataclass(frozen=True, slots=True)
class Carried:
    """One document of a bundle: kept (`newer`), the same as before, or refused with `error`."""

    kind: CollateralKind
    scope: str
    newer: bool
    error: KeyturnError | None = None


@dataclass(frozen=True, slots=True)
class Import:
    """What became of a bundle that was believed."""

    version: int
    expires: datetime
    documents: tuple[Carried, ...]

    @property
    def all_kept(self) -> bool:
        return all(each.error is None for each in self.documents)


def exportable(cache: Cache, now: datetime) -> tuple[Kept, ...]:
    """What is worth carrying: all but what has expired. Raises CacheUnusable."""
    found = cache.contents().kept
    return tuple(each for each in found if each.state(now) is not State.EXPIRED)


def import_bundle(
    cache: Cache, raw: bytes, trust: Trust, now: datetime, root_key: Digest | None = None
) -> Import:
    """`root_key`: the digest of the key that bundles are signed with, needed the first time.

    What is believed of the bundle is remembered before any document is kept. Raises
    BundleMalformed, BundleUntrusted, RolledBack, CacheUnusable; of one document nothing: its
    `Carried` says it.
    """
    files = read_bundle(raw)
    with cache.locked("bundle-lock"):
        believed = believe(files, _known(cache, root_key), now)
        remember(cache, believed.trust)
    return Import(believed.version, believed.expires, _keep(cache, believed, trust, now))


def _known(cache: Cache, root_key: Digest | None) -> BundleTrust | Digest:
    known = known_trust(cache)
    if known is not None:
        if root_key is not None and root_key not in root_keys(known):
            raise BundleUntrusted(
                "this machine believes bundles of another key",
                found=", ".join(sorted(root_keys(known))),
                expected=root_key,
            )
        return known
    if root_key is None:
        raise BundleUntrusted(
            "this machine has not been told whose bundles to believe",
            hint="name the key once with --root-key sha256:…, brought by another way than the file",
        )
    return root_key


def known_trust(cache: Cache) -> BundleTrust | None:
    """None before the first import. Raises CacheUnusable where it cannot be read: it is what
    keeps older bundles out, so nothing goes on without it."""
    path = cache.directory / TRUST_FILE
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_TRUST + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _unusable(path, error.strerror or str(error)) from error
    try:
        return read_trust(raw)
    except MalformedError as error:
        raise _unusable(path, str(error)) from error


def remember(cache: Cache, trust: BundleTrust) -> None:
    """Durably. Raises CacheUnusable."""
    path = cache.directory / TRUST_FILE
    try:
        write_synced(path.with_suffix(".tmp"), trust.to_bytes())
        path.with_suffix(".tmp").rename(path)
        sync_directory(cache.directory)
    except OSError as error:
        raise _unusable(path, error.strerror or str(error)) from error


def _unusable(path: Path, why: str) -> CacheUnusable:
    return CacheUnusable(
        "what is remembered of bundles cannot be used",
        found=f"{path.name}: {why}"[:300],
        hint="move the file away to pin the key anew; older bundles could then come back",
    )


def _keep(
    cache: Cache, believed: BelievedBundle, trust: Trust, now: datetime
) -> tuple[Carried, ...]:
    found = [_read(name, raw) for name, raw in sorted(believed.entries.items())]
    prover = trust.prover(now)
    carried = []
    for kept in found:
        document = kept.document
        try:
            age = prove(document, prover)
            newer = cache.put(Kept(document, age, kept.fetched, kept.source))
        except CacheUnusable:
            raise
        except KeyturnError as error:
            carried.append(Carried(document.kind, document.scope, False, error))
        else:
            carried.append(Carried(document.kind, document.scope, newer))
    return tuple(carried)


def _read(name: str, raw: bytes) -> Kept:
    try:
        found = read_kept(raw)
    except MalformedError as error:
        raise BundleUntrusted(
            f"a signed entry of the bundle cannot be read: {error.message}", found=name
        ) from error
    if entry_name(found.document.kind, found.document.scope) != name:
        raise BundleUntrusted("a signed entry is about something else than its name", found=name)
    return found
