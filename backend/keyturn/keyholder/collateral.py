"""The collateral that the keyholder keeps, beside its log (our protocol §4.7).

`collateral/documents/<place>`, one file for each place, and `collateral/memory`. A document is
proved when it is handed in and again at each start; it is written first, then remembered, and only
then used, so that whatever a kill leaves behind is proved anew and never older than what was used.
"""

import logging
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from keyturn.attest.anchors import TrustAnchors
from keyturn.attest.chains import ChainCache
from keyturn.attest.collateral_age import Age, age_of
from keyturn.attest.errors import MalformedEvidence, UntrustedEvidence
from keyturn.base.collateral import APPRAISED, CollateralDocument, read_collateral
from keyturn.base.encoding import Digest, sha256
from keyturn.base.errors import MalformedError, UntrustedError
from keyturn.base.strictjson import dump, parse_object
from keyturn.collateral.proof import Prover, prove
from keyturn.keyholder.collateralmemory import MAX_PLACES, CollateralMemory
from keyturn.keyholder.logdisk_errors import disk_errors
from keyturn.keyholder.logdisk_io import AtomicFiles, DiskIo
from keyturn.keyrelease.collateral import NOTHING_KEPT, CollateralSet, Place, place_of

logger = logging.getLogger(__name__)

DIRECTORY = "collateral"
MAX_DOCUMENTS = 10_000
MAX_BYTES = 128 << 20
MAX_FILE = 2 << 20
_DOCUMENTS, _MEMORY, _SCRATCH = "documents", "memory", "tmp"


@dataclass(frozen=True, slots=True)
class RefusedDocument:
    kind: str
    scope: str
    reason: str
    found: str
    expected: str

    def to_document(self) -> dict[str, object]:
        return {
            "kind": self.kind,
            "scope": self.scope,
            "reason": self.reason,
            "found": self.found,
            "expected": self.expected,
        }


@dataclass(frozen=True, slots=True)
class HandedIn:
    """`kept`: digests of `data`, also of those that were kept before."""

    kept: tuple[Digest, ...]
    refused: tuple[RefusedDocument, ...]


@dataclass(frozen=True, slots=True)
class _Proved:
    document: CollateralDocument
    place: Place
    age: Age


class KeptCollateral:
    """Safe for many threads: who reads takes `current` once and stays with it."""

    def __init__(self, directory: Path, io: DiskIo | None = None) -> None:
        self._root = directory
        self._io = io or DiskIo()
        self._files = AtomicFiles(directory, self._io)
        self._memory = CollateralMemory(directory / _MEMORY, self._files)
        self._lock = threading.Lock()
        self._cache = ChainCache()
        self._set = NOTHING_KEPT.with_documents(())

    @property
    def current(self) -> CollateralSet:
        """What releases use."""
        return self._set

    def load(self, anchors: TrustAnchors, now: datetime) -> None:
        """At a start. What does not verify, or stands behind the memory, is left aside.

        Raises CollateralMemoryDamaged, LogFull, LogUnwritable.
        """
        with disk_errors("reading collateral"):
            paths = self._paths()
        self._memory.load(expected=bool(paths))
        found = {each.place: each for each in self._believed(paths, anchors, now)}
        self._memory.raise_to({place: each.age for place, each in found.items()})
        self._set = self._set.with_documents(each.document for each in found.values())

    def hand_in(
        self, documents: Sequence[CollateralDocument], anchors: TrustAnchors, now: datetime
    ) -> HandedIn:
        """Keep what proves itself and is not older than what was used.

        Raises LogFull, LogUnwritable: then nothing that was handed in is used.
        """
        kept: list[Digest] = []
        refused: list[RefusedDocument] = []
        proved: list[_Proved] = []
        for each in documents:
            if self._has(each):
                kept.append(each.digest)
                continue
            judged = self._judged(each, anchors, now)
            if isinstance(judged, RefusedDocument):
                refused.append(judged)
            else:
                proved.append(judged)
        with self._lock:
            entered, late = self._enter(proved)
        return HandedIn((*kept, *entered), (*refused, *late))

    def _has(self, document: CollateralDocument) -> bool:
        if document.kind not in APPRAISED:
            return False
        known = self._set.documents
        try:
            return known.get(place_of(document)) == document
        except (MalformedEvidence, UntrustedEvidence):
            return False

    def _judged(
        self, document: CollateralDocument, anchors: TrustAnchors, now: datetime
    ) -> _Proved | RefusedDocument:
        if document.kind not in APPRAISED:
            kinds = ", ".join(sorted(each.value for each in APPRAISED))
            return _refused(document, "collateral-kind", document.kind.value, kinds)
        try:
            age = prove(document, Prover(anchors=anchors, now=now, cache=self._cache))
            return _Proved(document, place_of(document), age)
        except (MalformedError, UntrustedError) as error:
            reason = getattr(error, "reason", None)
            named = reason.value if reason is not None else "collateral-unproved"
            found = error.found or error.message
            return _refused(document, named, found, error.expected or error.message)

    def _enter(self, proved: Sequence[_Proved]) -> tuple[list[Digest], list[RefusedDocument]]:
        fit: dict[Place, _Proved] = {}
        refused = []
        for each in proved:
            why = self._in_the_way(each, fit)
            if why is not None:
                refused.append(why)
            else:
                fit[each.place] = each
        if fit:
            with disk_errors("keeping collateral"):
                self._make_directories()
                paths = [self._write(each) for each in fit.values()]
                self._files.sync_names(paths)
            self._memory.raise_to({place: each.age for place, each in fit.items()})
            self._set = self._set.with_documents(each.document for each in fit.values())
        return [each.document.digest for each in fit.values()], refused

    def _in_the_way(self, new: _Proved, fit: dict[Place, _Proved]) -> RefusedDocument | None:
        known = self._memory.refuses(new.place, new.age)
        if known is not None:
            expected = f"at least as new as the last one used: {known}"
            return _refused(new.document, "collateral-older", str(new.age), expected)
        beside = fit.get(new.place)
        if beside is not None:
            return _refused(new.document, "collateral-twice", str(new.age), "one of each place")
        kept = {place: len(each.data) for place, each in self._set.documents.items()}
        kept |= {place: len(each.document.data) for place, each in fit.items()}
        kept[new.place] = len(new.document.data)
        places = len(self._memory) + sum(each not in self._memory for each in (*fit, new.place))
        if len(kept) > MAX_DOCUMENTS or sum(kept.values()) > MAX_BYTES or places > MAX_PLACES:
            found = f"{len(kept)} documents, {sum(kept.values())} bytes"
            expected = f"at most {MAX_DOCUMENTS} documents of {MAX_BYTES} bytes"
            return _refused(new.document, "collateral-too-many", found, expected)
        return None

    def _make_directories(self) -> None:
        for each in (self._root, self._root / _SCRATCH, self._root / _DOCUMENTS):
            self._io.make_directory(each)
        self._io.sync_directory(self._root)
        self._io.sync_directory(self._root.parent)

    def _write(self, each: _Proved) -> Path:
        path = self._root / _DOCUMENTS / _name(each.place)
        self._files.write(path, dump(each.document.to_document()))
        return path

    def _paths(self) -> list[Path]:
        directory = self._root / _DOCUMENTS
        if not directory.is_dir():
            return []
        found = sorted(each for each in directory.iterdir() if each.is_file())
        if len(found) > MAX_DOCUMENTS:
            logger.warning("%d files of collateral are not read", len(found) - MAX_DOCUMENTS)
        return found[:MAX_DOCUMENTS]

    def _believed(
        self, paths: Sequence[Path], anchors: TrustAnchors, now: datetime
    ) -> Iterator[_Proved]:
        for path in paths:
            with disk_errors("reading collateral"), path.open("rb") as file:
                raw = file.read(MAX_FILE + 1)
            try:
                found = self._proved_again(raw, anchors, now)
            except (MalformedError, UntrustedError) as error:
                logger.warning("kept collateral is not believed: %s: %s", path.name, error)
                continue
            known = self._memory.refuses(found.place, found.age)
            if known is not None or _name(found.place) != path.name:
                logger.warning("kept collateral was replaced: %s: %s", path.name, found.age)
                continue
            yield found

    def _proved_again(self, raw: bytes, anchors: TrustAnchors, now: datetime) -> _Proved:
        """At now, or, of one whose time is over, when it was issued: what it revokes counts on."""
        document = read_collateral(parse_object(raw, limit=MAX_FILE, what="kept collateral"))
        place, age = place_of(document), age_of(document)
        try:
            prove(document, Prover(anchors=anchors, now=now, cache=self._cache))
        except UntrustedError:
            prove(document, Prover(anchors=anchors, now=age.issued, cache=self._cache))
        return _Proved(document, place, age)


def _refused(
    document: CollateralDocument, reason: str, found: str, expected: str
) -> RefusedDocument:
    return RefusedDocument(document.kind.value, document.scope, reason, found[:400], expected[:400])


def _name(place: Place) -> str:
    return sha256(f"{place.kind.value} {place.scope} {place.issuer}".encode()).hex()
