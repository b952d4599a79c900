"""Cutting a log's tail back to its checkpoint, where the key that could sign more is gone (§6.2).

What lies beyond was promised to nobody: a checkpoint is durable before anybody is told. A tail
that went into full bundles already is read back from them.
"""

from pathlib import Path

from keyturn.keyholder.logdisk_errors import LogDamaged
from keyturn.keyholder.logdisk_tail import EMPTY_TAIL, Tail
from keyturn.keyholder.logdisk_tiles import TileFiles
from keyturn.tlog.bundles import bundle_bytes
from keyturn.tlog.tiles import TILE_WIDTH

CONTINUING = "continuing"
"""A file that stands while the log changes its key: the size of the older key's last checkpoint."""


def marker_bytes(size: int) -> bytes:
    return b"%d\n" % size


def marked_size(path: Path) -> int | None:
    """Of the checkpoint from which the log was to go on. Raises LogDamaged."""
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise LogDamaged("the log's marker cannot be read", found=error.strerror or "") from error
    size = raw[:-1]
    if raw[-1:] != b"\n" or not size.isdigit() or marker_bytes(int(size)) != raw:
        raise LogDamaged("the log's marker is no size", found=repr(raw[:20]))
    return int(size)


def cut_back(tail: Tail, raw: bytes, size: int, tiles: TileFiles) -> tuple[Tail, bytes]:
    """The tail of a tree of `size` leaves, and the bytes that are in it no more.

    `raw`: the tail's file. Raises LogDamaged.
    """
    if size >= tail.start:
        cut = tail.until(size)
        return cut, raw[cut.length :]
    first, place = divmod(size, TILE_WIDTH)
    entries = tiles.bundle(first)
    gone = entries[place:]
    for index in range(first + 1, tail.start // TILE_WIDTH):
        gone += tiles.bundle(index)
    kept = Tail(first * TILE_WIDTH, (), (), EMPTY_TAIL.length).extended(entries[:place])
    return kept, bundle_bytes(gone) + raw
