"""Copies of a log: writing the C2SP files of one checkpoint, and checking such a directory.

`verify_export_tree` needs no keyholder and no network: a directory, the log's key and origin.
"""

from pathlib import Path

from keyturn.base.signatures import VerifyKey
from keyturn.keyholder.logdisk_errors import LogMissing, LogUnwritable, disk_errors
from keyturn.keyholder.logdisk_view import LogView
from keyturn.tlog.bundles import MAX_ENTRY
from keyturn.tlog.errors import MalformedTile
from keyturn.tlog.export import ResourceReader, VerifiedLog, verify_export
from keyturn.tlog.tiles import CHECKPOINT_PATH, TILE_WIDTH, bundles_of, tiles_of

_LARGEST = TILE_WIDTH * (2 + MAX_ENTRY)


def export_tree(view: LogView, directory: Path) -> None:
    """Write checkpoint, tiles and bundles of `view` below a new or empty directory.

    The checkpoint comes last: a directory without one is an export that was not finished.
    Raises LogUnwritable for a directory with something in it, LogFull, LogDamaged.
    """
    with disk_errors("exporting the log"):
        directory.mkdir(parents=True, exist_ok=True)
        if any(directory.iterdir()):
            raise LogUnwritable("the directory for the export is not empty", found=str(directory))
        paths = [each.path for each in tiles_of(view.size)]
        paths += [each.path for each in bundles_of(view.size)]
        for path in [*paths, CHECKPOINT_PATH]:
            data = view.resource(path)
            if data is None:
                raise LogMissing(f"the log has no {path}")
            target = directory / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)


def verify_export_tree(directory: Path, log_key: VerifyKey, origin: str) -> VerifiedLog:
    """Check every entry and tile in a directory. Raises as `tlog.export.verify_export`,
    and LogMissing when there is no such directory."""
    if not directory.is_dir():
        raise LogMissing("there is no exported log here", found=str(directory))
    return verify_export(directory_reader(directory), log_key, origin)


def directory_reader(directory: Path) -> ResourceReader:
    """Reads below a directory that may be hostile: links are read as nothing, and no more is
    read than the largest bundle has (MalformedTile)."""

    def read(path: str) -> bytes | None:
        target = directory / path
        if not target.is_file() or target.is_symlink():
            return None
        with target.open("rb") as file:
            data = file.read(_LARGEST + 1)
        if len(data) > _LARGEST:
            raise MalformedTile(f"{path} is too large", expected=f"at most {_LARGEST} bytes")
        return data

    return read
