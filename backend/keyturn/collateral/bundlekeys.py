"""Who signs bundles: an Ed25519 key in a file (PKCS#8, mode 0600), and its TUF roots.

The roots are kept in a folder, `1.root.json`, `2.root.json` …, each signed by the one before
and by itself, as TUF 1.0 §5.3 and §6.1 say. Losing the folder is no harm: a machine that has
imported once has its own copy of the newest root it saw.
"""

import os
import re
import stat
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519
from securesystemslib.signer import CryptoSigner, Key, SSlibKey
from tuf.api.exceptions import RepositoryError
from tuf.api.metadata import Metadata, Role, Root

from keyturn.base.encoding import Digest, digest_of
from keyturn.collateral.cache import sync_directory, write_synced
from keyturn.collateral.errors import BundleKeyRefused, BundleMalformed

ROLES = ("root", "targets", "snapshot", "timestamp")
ROOT_LIFE = timedelta(days=365)
_RENEW = timedelta(days=90)
_MAX_KEY = 16 << 10
_ROOT = re.compile(r"([1-9][0-9]{0,5})\.root\.json\Z")


def new_bundle_key(path: Path) -> ed25519.Ed25519PrivateKey:
    """Make a key and write it, never over another. Raises BundleKeyRefused."""
    key = ed25519.Ed25519PrivateKey.generate()
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    try:
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(fd, "wb") as file:
            file.write(pem)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise BundleKeyRefused(
            f"the key file cannot be made: {error.strerror or error}", found=str(path)
        ) from error
    return key


def open_bundle_key(path: Path) -> ed25519.Ed25519PrivateKey:
    """Raises BundleKeyRefused: not there, open to others, or another kind of key."""
    try:
        with path.open("rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            raw = file.read(_MAX_KEY)
    except OSError as error:
        raise BundleKeyRefused(
            f"the key file cannot be read: {error.strerror or error}",
            found=str(path),
            hint="make one with `keyturn collateral key FILE`",
        ) from error
    if mode & 0o077:
        raise BundleKeyRefused(
            "others on this machine may read the bundles' key", found=oct(mode), expected="0o600"
        )
    try:
        key = serialization.load_pem_private_key(raw, None)
    except (ValueError, TypeError) as error:
        raise BundleKeyRefused("the key file cannot be opened", expected="PKCS#8, PEM") from error
    if not isinstance(key, ed25519.Ed25519PrivateKey):
        raise BundleKeyRefused("the key file holds another kind of key", expected="Ed25519")
    return key


def signer_of(key: ed25519.Ed25519PrivateKey) -> CryptoSigner:
    return CryptoSigner(key)


def key_digest(key: ed25519.Ed25519PrivateKey) -> Digest:
    """What the importing side pins: the digest of the public key's SPKI (DER)."""
    return _digest(key.public_key())


def digest_of_key(key: Key) -> Digest | None:
    """The same of a key in TUF metadata; None unless it is an Ed25519 key."""
    public = key.keyval.get("public") if isinstance(key, SSlibKey) else None
    if (key.keytype, key.scheme) != ("ed25519", "ed25519") or not isinstance(public, str):
        return None
    try:
        return _digest(ed25519.Ed25519PublicKey.from_public_bytes(bytes.fromhex(public)))
    except ValueError:
        return None


def _digest(key: ed25519.Ed25519PublicKey) -> Digest:
    return digest_of(
        key.public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    )


def roots_for(
    folder: Path,
    key: ed25519.Ed25519PrivateKey,
    now: datetime,
    old: ed25519.Ed25519PrivateKey | None = None,
) -> tuple[bytes, ...]:
    """All roots of the folder, oldest first, so that the newest names `key` and lasts.

    A new one is made where there is none, where the newest ends within 90 days, or where it names
    another key, which is then `old`. Raises BundleKeyRefused, BundleMalformed.
    """
    known = _read(folder)
    if not known:
        return (_write(folder, _root(1, key, now), (key,)),)
    newest = _parse(known[-1]).signed
    named = newest.roles["root"].keyids
    signers = [key]
    if signer_of(key).public_key.keyid not in named:
        if old is None or signer_of(old).public_key.keyid not in named:
            raise BundleKeyRefused(
                "the newest root of bundles names another key",
                found=str(key_digest(key)),
                hint="give the key that signed until now with --old-key",
            )
        signers = [old, key]
    elif newest.expires - now > _RENEW:
        return known
    return (*known, _write(folder, _root(newest.version + 1, key, now), signers))


def _root(version: int, key: ed25519.Ed25519PrivateKey, now: datetime) -> Root:
    public = signer_of(key).public_key
    return Root(
        version=version,
        expires=now.replace(microsecond=0) + ROOT_LIFE,
        keys={public.keyid: public},
        roles={name: Role([public.keyid], 1) for name in ROLES},
        consistent_snapshot=False,
    )


def _write(folder: Path, root: Root, keys: Sequence[ed25519.Ed25519PrivateKey]) -> bytes:
    metadata = Metadata(root)
    for each in keys:
        metadata.sign(signer_of(each), append=True)
    raw = metadata.to_bytes()
    path = folder / f"{root.version}.root.json"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_synced(path.with_suffix(".tmp"), raw)
        path.with_suffix(".tmp").rename(path)
        sync_directory(folder)
    except OSError as error:
        raise BundleKeyRefused(
            f"the root of bundles cannot be written: {error.strerror or error}", found=str(path)
        ) from error
    return raw


def _read(folder: Path) -> tuple[bytes, ...]:
    try:
        names = [each.name for each in folder.iterdir()] if folder.is_dir() else []
        versions = sorted(int(match[1]) for name in names if (match := _ROOT.match(name)))
        if versions != list(range(1, len(versions) + 1)):
            raise BundleMalformed("roots of bundles are missing", found=str(versions)[:80])
        return tuple((folder / f"{each}.root.json").read_bytes() for each in versions)
    except OSError as error:
        raise BundleKeyRefused(
            f"the roots of bundles cannot be read: {error.strerror or error}", found=str(folder)
        ) from error


def _parse(raw: bytes) -> Metadata[Root]:
    try:
        found = Metadata[Root].from_bytes(raw)
    except RepositoryError as error:
        raise BundleMalformed(f"a root of bundles cannot be read: {error}") from error
    if found.signed.type != "root":
        raise BundleMalformed("a root of bundles is of another type", found=found.signed.type)
    return found
