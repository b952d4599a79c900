"""Check a copy of a sealed model without any key: sizes and SHA-256 of the sealed bytes.

Finds what a transfer or a disk damaged. It does not find a whole other model put in its
place, unless the approved digest is given: only that, and the tags at opening, prove origin.
"""

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from keyturn.base.encoding import Digest, digest_of
from keyturn.seal.manifest import MAX_MANIFEST, FileEntry, Manifest, check_manifest, parse_manifest
from keyturn.seal.paths import KEY_NAME, MANIFEST_NAME, sealed_name
from keyturn.seal.sealedkey import MAX_KEY_FILE, SealedKey, parse_sealed_key
from keyturn.vault.errors import CopyDamaged, StorageFailed, storage_errors
from keyturn.vault.files import opened, read_into, read_small
from keyturn.vault.parallel import (
    Cancel,
    Meter,
    Progress,
    Stop,
    in_parallel,
    raise_if_cancelled,
    thread_count,
)

_CHUNK = 4 << 20


@dataclass(frozen=True, slots=True)
class SealedInfo:
    """What the clear files of a sealed model say. Read, not proved.

    `key` is None where the key file was deleted after admission.
    """

    manifest: Manifest
    model_digest: Digest
    key: SealedKey | None


@dataclass(frozen=True, slots=True)
class CopyReport:
    """A copy that is whole. `extra`: files that the manifest does not know; never opened."""

    manifest: Manifest
    model_digest: Digest
    extra: tuple[str, ...]


def read_info(directory: Path) -> SealedInfo:
    """Read manifest and key file. Raises MalformedError, StorageFailed."""
    raw = read_small(directory / MANIFEST_NAME, MAX_MANIFEST)
    manifest = parse_manifest(raw)
    place = directory / KEY_NAME
    key = parse_sealed_key(read_small(place, MAX_KEY_FILE)) if os.path.lexists(place) else None
    return SealedInfo(manifest, digest_of(raw), key)


def verify_copies(
    directory: Path,
    *,
    model_digest: Digest | None = None,
    threads: int | None = None,
    progress: Progress | None = None,
    cancel: Cancel | None = None,
) -> CopyReport:
    """Compare every sealed file with the manifest, in parallel.

    With `model_digest` the manifest must be that one. Raises CopyDamaged naming every file
    that is missing, of another size or changed; WrongManifest, MalformedError, StorageFailed.
    """
    raw = read_small(directory / MANIFEST_NAME, MAX_MANIFEST)
    manifest = check_manifest(raw, digest_of(raw) if model_digest is None else model_digest)
    meter = Meter(manifest.sealed_bytes, progress)
    entries = sorted(manifest.files, key=lambda each: -each.sealed_size)
    numbers = count()
    faults: dict[str, str] = {}

    def work(stop: Stop) -> None:
        buffer = memoryview(bytearray(_CHUNK))
        while not stop and (number := next(numbers)) < len(entries):
            fault = _fault(directory, entries[number], buffer, meter, cancel, stop)
            if fault:
                faults[entries[number].path] = fault

    in_parallel(work, thread_count(threads, len(entries)))
    if faults:
        raise CopyDamaged(tuple(f"{path}: {faults[path]}" for path in sorted(faults)))
    return CopyReport(manifest, digest_of(raw), tuple(_extra(directory, manifest)))


def _fault(
    directory: Path,
    entry: FileEntry,
    buffer: memoryview,
    meter: Meter,
    cancel: Cancel | None,
    stop: Stop,
) -> str:
    """What is wrong with one sealed file; empty if nothing is."""
    place = directory / sealed_name(entry.path)
    if not place.exists():
        return "missing"
    digest = hashlib.sha256()
    try:
        with opened(place) as descriptor, storage_errors(f"cannot read {place}"):
            size = os.fstat(descriptor).st_size
            if size != entry.sealed_size:
                return f"{size} bytes, expected {entry.sealed_size}"
            at = 0
            while not stop and (done := read_into(descriptor, buffer, at, 1)):
                raise_if_cancelled(cancel)
                digest.update(buffer[:done])
                meter.add(done)
                at += done
    except StorageFailed as error:
        return error.message
    found = "sha256:" + digest.hexdigest()
    return "" if found == entry.sealed_sha256 else f"{found}, expected {entry.sealed_sha256}"


def _extra(directory: Path, manifest: Manifest) -> Iterator[str]:
    known = {sealed_name(each.path) for each in manifest.files} | {MANIFEST_NAME, KEY_NAME}
    for folder, _, names in os.walk(directory):
        for name in names:
            relative = Path(folder, name).relative_to(directory).as_posix()
            if relative not in known:
                yield relative
