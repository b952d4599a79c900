"""Seal a directory: encrypt in parallel, hash while writing, appear whole or not at all.

A sealed model is built in a hidden directory beside its destination and renamed into place
as the last step; its manifest is written last of all files. What a kill leaves behind has
no manifest, so it cannot be opened, and sealing starts over with a new key (DESIGN §5.2).
"""

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from keyturn import __version__
from keyturn.base.encoding import Digest, digest_of
from keyturn.seal.contents import ContentEntry, ContentId, Contents
from keyturn.seal.identity import ModelIdentity
from keyturn.seal.keys import KeyBuffer, check_dek, model_tag
from keyturn.seal.manifest import FileEntry, Manifest, Provenance
from keyturn.seal.paths import CONTENTS_PATH, KEY_NAME, MANIFEST_NAME, sealed_name
from keyturn.seal.sealedkey import SealedKey, WrappedDek
from keyturn.seal.stream import (
    HEADER_SIZE,
    PREFIX_SIZE,
    SALT_SIZE,
    FileCipher,
    Header,
    sealed_size,
    segment_at,
    segment_count,
)
from keyturn.vault.errors import StorageFailed, storage_errors
from keyturn.vault.files import sync_directory, write_new
from keyturn.vault.lanes import SealJob, seal_files
from keyturn.vault.parallel import Cancel, Meter, Progress, raise_if_cancelled
from keyturn.vault.source import SourceFile, check_same_listing, list_source

TOOL = "keyturn"


@dataclass(frozen=True, slots=True)
class SealedModel:
    """What sealing made. `content_id` is for the owner's inventory and in no clear file."""

    directory: Path
    manifest: Manifest
    model_digest: Digest
    content_id: ContentId
    key: SealedKey


def seal_directory(
    source: Path,
    out: Path,
    *,
    dek: KeyBuffer,
    identity: ModelIdentity,
    created: datetime,
    randomness: Callable[[int], bytes],
    wrap: Callable[[KeyBuffer], WrappedDek],
    threads: int | None = None,
    progress: Progress | None = None,
    cancel: Cancel | None = None,
) -> SealedModel:
    """Seal every file below `source` into the new directory `out`.

    `dek` is 32 random bytes made for this one call; the caller wipes it. `randomness` gives
    salts and nonce prefixes (public). `wrap` is called first, so that a bad ingest key is
    found before the work. Raises SourceRefused, SourceChanged, StorageFailed, SealCancelled,
    MalformedSealedModel; then nothing is left at `out` or beside it.
    """
    check_dek(dek)
    wrapped = wrap(dek)
    files = list_source(source)
    if os.path.lexists(out):
        raise StorageFailed(f"cannot seal to {out}: it exists already")
    draft = out.parent / f".{out.name}.sealing-{randomness(8).hex()}"
    _check_space(out.parent, files)
    with storage_errors(f"cannot create {draft}"):
        draft.mkdir()
    try:
        job = SealJob(source, draft, identity.model_id, dek, randomness)
        meter = Meter(sum(each.size for each in files), progress)
        sealed = seal_files(job, files, threads=threads, meter=meter, cancel=cancel)
        contents = Contents(
            tuple(ContentEntry(each.entry.path, each.entry.size, each.plain) for each in sealed)
        )
        entries = [each.entry for each in sealed] + [_seal_contents(job, contents)]
        check_same_listing(source, files)
        manifest = _manifest(identity, created, entries)
        key = _write_last(draft, manifest, wrapped, dek)
        raise_if_cancelled(cancel)  # whoever stopped it finds nothing; after the rename, all of it
        _publish(draft, out)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    return SealedModel(out, manifest, digest_of(manifest.to_bytes()), contents.content_id, key)


def _check_space(folder: Path, files: tuple[SourceFile, ...]) -> None:
    needed = sum(sealed_size(each.size) for each in files)
    with storage_errors(f"cannot look at {folder}"):
        free = _free(folder)
    if free < needed:
        raise StorageFailed(
            f"the file system of {folder} is too full",
            found=f"{free} bytes free",
            expected=f"{needed} bytes or more",
        )


def _free(folder: Path) -> int:
    return shutil.disk_usage(folder).free


def _seal_contents(job: SealJob, contents: Contents) -> FileEntry:
    """Seal the list of plaintext hashes: small, so in one go."""
    plain = memoryview(contents.to_bytes())
    header = Header(job.randomness(SALT_SIZE), job.randomness(PREFIX_SIZE))
    cipher = FileCipher(job.dek, job.model_id, CONTENTS_PATH, header)
    raw = bytearray(sealed_size(len(plain)))
    raw[:HEADER_SIZE] = header.to_bytes()
    view = memoryview(raw)
    for index in range(segment_count(len(plain))):
        segment = segment_at(len(plain), index)
        block = view[segment.block_at : segment.block_at + segment.block_size]
        piece = plain[segment.plain_at : segment.plain_at + segment.plain_size]
        cipher.seal_into(segment, piece, block[segment.skip :])
    write_new(job.draft / sealed_name(CONTENTS_PATH), bytes(raw))
    return FileEntry(CONTENTS_PATH, len(plain), len(raw), digest_of(raw))


def _manifest(identity: ModelIdentity, created: datetime, entries: list[FileEntry]) -> Manifest:
    own = [each for each in entries if each.path != CONTENTS_PATH]
    return Manifest(
        identity,
        created,
        tuple(sorted(entries, key=lambda each: each.path.encode())),
        Provenance(TOOL, __version__, len(own), sum(each.size for each in own)),
    )


def _write_last(draft: Path, manifest: Manifest, wrapped: WrappedDek, dek: KeyBuffer) -> SealedKey:
    """Key file, then manifest; then everything is on the disk before the rename."""
    raw = manifest.to_bytes()
    key = SealedKey(wrapped, model_tag(dek, digest_of(raw)))
    write_new(draft / KEY_NAME, key.to_bytes())
    write_new(draft / MANIFEST_NAME, raw)
    for folder, _, _ in os.walk(draft, topdown=False):
        sync_directory(Path(folder))
    return key


def _publish(draft: Path, out: Path) -> None:
    with storage_errors(f"cannot rename {draft} to {out}"):
        if os.path.lexists(out):
            raise StorageFailed(f"cannot seal to {out}: it exists by now")
        draft.rename(out)
    sync_directory(out.parent)
