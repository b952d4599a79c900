"""Proved collateral on disk: one file for each (kind, scope), never replaced by an older one.

A file is written beside, synced and renamed (mode 0600), under one lock for all processes that
share the directory; what a kill leaves behind is a `.tmp` file, which the next write removes. A
file that cannot be read counts as absent and is named. Format: our protocol §8.7.
"""

import fcntl
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from keyturn.attest.collateral_age import Age, age_of, older
from keyturn.base.collateral import CollateralDocument, CollateralKind, read_collateral
from keyturn.base.encoding import sha256
from keyturn.base.errors import KeyturnError, MalformedError
from keyturn.base.strictjson import Fields, dump, parse_object
from keyturn.base.times import LAST_YEAR, format_time
from keyturn.collateral.errors import CacheUnusable, EntryDamaged, RolledBack
from keyturn.collateral.staleness import State, state_of

TYPE = "collateral-entry"
MAX_ENTRY = 2 << 20
ENTRY_NAME = re.compile(r"[a-z]+(?:-[a-z]+)*-[0-9a-f]{32}\.json\Z")
_DIGITS = re.compile(r"(?:0|[1-9][0-9]{0,49})\Z")
_SUFFIX = ".json"
_UNFINISHED = ".tmp"


@dataclass(frozen=True, slots=True)
class Kept:
    """One document of the cache. `fetched`: when it came from the vendor, wherever it lay since."""

    document: CollateralDocument
    age: Age
    fetched: datetime
    source: str

    def state(self, now: datetime) -> State:
        return state_of(self.document.kind, self.age, self.fetched, now)

    def to_bytes(self) -> bytes:
        age = _as_written(self.age)
        return dump(
            {
                "type": TYPE,
                "format": 1,
                "fetched": format_time(self.fetched),
                "source": self.source,
                "issued": format_time(age.issued),
                "until": None if age.until is None else format_time(age.until),
                "number": None if age.number is None else str(age.number),
                "digest": self.document.digest,
                "document": self.document.to_document(),
            }
        )


@dataclass(frozen=True, slots=True)
class Contents:
    """Everything that can be read, in order, and what cannot."""

    kept: tuple[Kept, ...]
    damaged: tuple[EntryDamaged, ...]


def entry_name(kind: CollateralKind, scope: str) -> str:
    """The file's name, in the cache and in bundles."""
    return f"{kind.value}-{sha256(scope.encode()).hex()[:32]}{_SUFFIX}"


def read_kept(raw: bytes) -> Kept:
    """Read an entry; unproved, but in itself consistent. Raises MalformedError."""
    fields = parse_object(raw, limit=MAX_ENTRY, what="collateral entry")
    fields.literal("type", TYPE)
    fields.literal("format", 1)
    fetched = fields.time("fetched")
    source = fields.text("source", limit=400)
    age = Age(
        fields.time("issued"),
        fields.nullable("until", fields.time),
        fields.nullable("number", lambda name: _number(fields, name)),
    )
    digest = fields.digest("digest")
    document = read_collateral(fields.fields("document"))
    fields.done()
    if document.digest != digest:
        raise MalformedError("collateral entry: another digest", found=document.digest)
    if document.kind is not CollateralKind.NVIDIA_RIM:
        _check_age(document, age)
    return Kept(document, age, fetched, source)


def _number(fields: Fields, name: str) -> int:
    """Decimal digits: a CRL number may have 20 bytes (RFC 5280 §5.2.3), more than JSON has."""
    text = fields.text(name, limit=50)
    if not _DIGITS.match(text):
        raise MalformedError("collateral entry: number", found=repr(text), expected="digits")
    return int(text)


def _as_written(age: Age) -> Age:
    """An end after the years that our times have is none."""
    if age.until is None or age.until.year <= LAST_YEAR:
        return age
    return Age(age.issued, None, age.number)


def _check_age(document: CollateralDocument, age: Age) -> None:
    try:
        found = _as_written(age_of(document))
    except KeyturnError as error:
        raise MalformedError(f"collateral entry: {error.message}") from error
    if found != age:
        raise MalformedError("collateral entry: another age", found=str(age), expected=str(found))


class Cache:
    """The directory. It is made if it is not there. Raises CacheUnusable."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        with _disk(directory):
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)

    @property
    def directory(self) -> Path:
        return self._directory

    def get(self, kind: CollateralKind, scope: str) -> Kept | None:
        """None where there is none. Raises EntryDamaged, CacheUnusable."""
        return self._read(self._path(kind, scope))

    def contents(self) -> Contents:
        """Raises CacheUnusable."""
        kept: list[Kept] = []
        damaged: list[EntryDamaged] = []
        with _disk(self._directory):
            paths = sorted(p for p in self._directory.iterdir() if ENTRY_NAME.match(p.name))
        for path in paths:
            try:
                found = self._read(path)
            except EntryDamaged as error:
                damaged.append(error)
            else:
                kept.extend([found] if found is not None else [])
        kept.sort(key=lambda each: (each.document.kind.value, each.document.scope))
        return Contents(tuple(kept), tuple(damaged))

    def put(self, new: Kept) -> bool:
        """Keep a proved document; False where these very bytes were kept already.

        Raises RolledBack where it is older than the kept one, CacheUnusable. A damaged entry is
        replaced: what it said is lost.
        """
        path = self._path(new.document.kind, new.document.scope)
        with self.locked("lock"):
            try:
                known = self._read(path)
            except EntryDamaged:
                known = None
            if known is not None:
                _check_not_older(known, new)
            self._write(path, new.to_bytes())
        return known is None or known.document != new.document

    def _path(self, kind: CollateralKind, scope: str) -> Path:
        return self._directory / entry_name(kind, scope)

    def _read(self, path: Path) -> Kept | None:
        try:
            fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
            with os.fdopen(fd, "rb") as file:
                raw = file.read(MAX_ENTRY + 1)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise _damaged(path, error.strerror or str(error)) from error
        try:
            found = read_kept(raw)
        except MalformedError as error:
            raise _damaged(path, str(error)) from error
        if self._path(found.document.kind, found.document.scope) != path:
            raise _damaged(path, "it is about something else than its name says")
        return found

    def _write(self, path: Path, raw: bytes) -> None:
        unfinished = path.with_suffix(_UNFINISHED)
        with _disk(path):
            try:
                write_synced(unfinished, raw)
                unfinished.rename(path)
            except OSError:
                unfinished.unlink(missing_ok=True)
                raise
            sync_directory(self._directory)

    @contextmanager
    def locked(self, name: str) -> Iterator[None]:
        """Hold a lock file of the directory, among all processes. Raises CacheUnusable."""
        with _disk(self._directory):
            fd = os.open(self._directory / name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            with _disk(self._directory):
                fcntl.flock(fd, fcntl.LOCK_EX)
            yield
        finally:
            os.close(fd)


def write_synced(path: Path, raw: bytes) -> None:
    """Write a file over any of its name, mode 0600, and sync it. Raises OSError."""
    path.unlink(missing_ok=True)
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(fd, "wb") as file:
        file.write(raw)
        file.flush()
        os.fsync(file.fileno())


def sync_directory(path: Path) -> None:
    """Make names durable. Raises OSError."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _check_not_older(known: Kept, new: Kept) -> None:
    if older(known.age, new.age):
        raise RolledBack(
            f"{new.document.kind.value} {new.document.scope[:80]} is older than the kept one",
            found=str(new.age),
            expected=f"at least {known.age}",
            hint="a mirror or a bundle is behind, or somebody holds back what the vendor signed",
        )


def _damaged(path: Path, why: str) -> EntryDamaged:
    return EntryDamaged(
        f"an entry of the cache cannot be used: {path.name}",
        found=why[:300],
        hint="fetch it anew; nothing else is affected",
    )


@contextmanager
def _disk(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise CacheUnusable(
            f"the collateral cache cannot be used: {error.strerror or error}",
            found=str(path),
            hint="check space and rights; what was kept before is untouched",
        ) from error
