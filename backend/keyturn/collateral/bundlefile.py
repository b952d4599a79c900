"""A bundle as one file: an uncompressed zip of TUF metadata and targets (our protocol §8.8).

Reading is bounded before anything is believed: known names only, each once, no links, no
compression, no encryption, sizes within limits.
"""

import io
import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TypeVar

from cryptography.hazmat.primitives.asymmetric import ed25519
from tuf.api.metadata import (
    Metadata,
    MetaFile,
    Snapshot,
    TargetFile,
    Targets,
    Timestamp,
)

from keyturn.base.errors import MalformedError
from keyturn.base.storedzip import check_directory
from keyturn.collateral.bundlekeys import signer_of
from keyturn.collateral.cache import ENTRY_NAME, MAX_ENTRY, Kept, entry_name
from keyturn.collateral.errors import BundleMalformed

MAX_BUNDLE = 128 << 20
MAX_FILES = 20_000
MAX_METADATA = 8 << 20
TARGETS = "targets/"
_METADATA_NAME = re.compile(r"(?:[1-9][0-9]{0,5}\.root|timestamp|snapshot|targets)\.json\Z")
S = TypeVar("S", Targets, Snapshot, Timestamp)
_FIXED = (1980, 1, 1, 0, 0, 0)  # no clock in the file: equal contents make equal bytes
_ENCRYPTED = 0x1
UNREADABLE = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    OSError,
    NotImplementedError,
    RuntimeError,  # an entry that says it is encrypted
    ValueError,
    KeyError,
    IndexError,
    OverflowError,
)
"""What `zipfile` raises of bytes that are no zip of stored files."""


def write_bundle(
    kept: Sequence[Kept],
    roots: Sequence[bytes],
    key: ed25519.Ed25519PrivateKey,
    now: datetime,
    life: timedelta,
) -> bytes:
    """The bundle's bytes. Its version is the time in seconds, so that a later one is newer.

    `roots`: oldest first; the newest names `key`.
    """
    version = int(now.timestamp())
    expires = now.replace(microsecond=0) + life
    files = {entry_name(each.document.kind, each.document.scope): each.to_bytes() for each in kept}
    listed = {name: TargetFile.from_data(name, raw, ["sha256"]) for name, raw in files.items()}
    targets = _signed(Targets(version, None, expires, listed), key)
    meta = {"targets.json": _meta(version, targets)}
    snapshot = _signed(Snapshot(version, None, expires, meta), key)
    timestamp = _signed(Timestamp(version, None, expires, _meta(version, snapshot)), key)
    contents = {f"{at}.root.json": raw for at, raw in enumerate(roots, 1)}
    contents |= {
        "timestamp.json": timestamp,
        "snapshot.json": snapshot,
        "targets.json": targets,
    }
    contents |= {TARGETS + name: raw for name, raw in sorted(files.items())}
    return _zipped(contents)


def _signed(signed: S, key: ed25519.Ed25519PrivateKey) -> bytes:
    metadata = Metadata(signed)
    metadata.sign(signer_of(key))
    return metadata.to_bytes()


def _meta(version: int, raw: bytes) -> MetaFile:
    return MetaFile.from_data(version, raw, ["sha256"])


def _zipped(contents: Mapping[str, bytes]) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_STORED) as archive:
        for name, raw in contents.items():
            info = zipfile.ZipInfo(name, _FIXED)
            info.external_attr = (stat.S_IFREG | 0o600) << 16
            archive.writestr(info, raw)
    return made.getvalue()


def read_bundle(raw: bytes) -> Mapping[str, bytes]:
    """Its files by name; nothing is believed yet. Raises BundleMalformed."""
    if len(raw) > MAX_BUNDLE:
        raise BundleMalformed(
            "the bundle is too large", found=f"{len(raw)} bytes", expected=f"at most {MAX_BUNDLE}"
        )
    try:
        check_directory(raw, files=MAX_FILES)
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            return _files(archive)
    except MalformedError as error:
        if isinstance(error, BundleMalformed):
            raise
        raise BundleMalformed(error.message, found=error.found, expected=error.expected) from error
    except UNREADABLE as error:
        raise BundleMalformed(
            "the bundle cannot be read", found=f"{type(error).__name__}: {error}"[:200]
        ) from error


def _files(archive: zipfile.ZipFile) -> Mapping[str, bytes]:
    listed = archive.infolist()
    if len(listed) > MAX_FILES:
        raise BundleMalformed("the bundle has too many files", found=str(len(listed)))
    if sum(each.file_size for each in listed) > MAX_BUNDLE:
        raise BundleMalformed("the bundle's files are larger than a bundle may be")
    found: dict[str, bytes] = {}
    for each in listed:
        limit = _check_entry(each)
        if each.filename in found:
            raise BundleMalformed("a file stands twice in the bundle", found=each.filename)
        with archive.open(each) as file:
            found[each.filename] = file.read(limit + 1)
        if len(found[each.filename]) != each.file_size:
            raise BundleMalformed("a file has another size than said", found=each.filename)
    return found


def _check_entry(entry: zipfile.ZipInfo) -> int:
    """How large it may be."""
    name = entry.filename
    target = name.startswith(TARGETS) and ENTRY_NAME.match(name.removeprefix(TARGETS))
    if not target and not _METADATA_NAME.match(name):
        raise BundleMalformed("the bundle holds a file of another name", found=repr(name[:80]))
    mode = entry.external_attr >> 16
    if stat.S_IFMT(mode) not in (0, stat.S_IFREG):
        raise BundleMalformed("the bundle holds something that is no file", found=name)
    if entry.compress_type != zipfile.ZIP_STORED or entry.flag_bits & _ENCRYPTED:
        raise BundleMalformed("a file of the bundle is compressed or encrypted", found=name)
    limit = MAX_ENTRY if target else MAX_METADATA
    if not 0 < entry.file_size <= limit or entry.file_size != entry.compress_size:
        raise BundleMalformed(
            "a file of the bundle has another size",
            found=f"{name}: {entry.file_size} bytes",
            expected=f"1 to {limit} bytes",
        )
    return limit
