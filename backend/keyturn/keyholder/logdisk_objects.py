"""Objects beside the log, stored under their SHA-256: evidence, envelopes, collateral.

`objects/ab/<64 hex digits>`. An object is durable, name and contents, before `put` returns.
"""

from pathlib import Path

from keyturn.base.encoding import Digest, digest_of, parse_digest
from keyturn.keyholder.logdisk_errors import LogDamaged, LogMissing, disk_errors
from keyturn.keyholder.logdisk_io import AtomicFiles

MAX_OBJECT = 16 << 20


class ObjectFiles:
    """Content-addressed files; safe for many threads."""

    def __init__(self, root: Path, files: AtomicFiles) -> None:
        self._root = root / "objects"
        self._files = files

    def put(self, data: bytes) -> Digest:
        """Store durably. One that is there already is made durable again: whoever stored it
        may have died before its name was. A damaged one is replaced."""
        digest = digest_of(data)
        path = self._path(digest)
        with disk_errors("storing an object"):
            if path.is_file() and path.read_bytes() == data:
                self._files.sync_existing(path)
            else:
                self._files.write_durably(path, data)
        return digest

    def get(self, digest: Digest) -> bytes:
        """Raises LogMissing without such an object, LogDamaged when its bytes have changed."""
        path = self._path(parse_digest(digest))
        try:
            data = path.read_bytes()
        except FileNotFoundError as error:
            raise LogMissing("no such object beside the log", found=digest) from error
        except OSError as error:
            raise LogDamaged(f"object {digest} cannot be read: {error.strerror}") from error
        if digest_of(data) != digest:
            raise LogDamaged("an object has changed", found=digest_of(data), expected=digest)
        return data

    def _path(self, digest: Digest) -> Path:
        name = digest.removeprefix("sha256:")
        return self._root / name[:2] / name
