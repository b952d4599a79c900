"""What a log has beyond its last checkpoint is cut off, wherever it lies (our protocol §6.2)."""

from pathlib import Path

import pytest

from keyturn.keyholder.logdisk_cut import cut_back, marked_size, marker_bytes
from keyturn.keyholder.logdisk_errors import LogDamaged
from keyturn.keyholder.logdisk_io import AtomicFiles, DiskIo
from keyturn.keyholder.logdisk_tail import EMPTY_TAIL, parse_tail
from keyturn.keyholder.logdisk_tiles import TileFiles

LEAVES = [b"entry %d" % place for place in range(600)]


def tiles(directory: Path) -> TileFiles:
    files = AtomicFiles(directory, DiskIo())
    files.clean()
    return TileFiles(directory, files)


@pytest.mark.parametrize("size", [0, 1, 255, 256, 300, 512, 599, 600])
@pytest.mark.parametrize("stored", [True, False])
def test_the_tail_ends_at_the_size(tmp_path: Path, size: int, stored: bool) -> None:
    files = tiles(tmp_path)
    tail = EMPTY_TAIL.extended(LEAVES)
    if stored:
        edge = files.store_full(files.load_edge(EMPTY_TAIL), tail)
        tail = tail.after(edge.start)

    cut, gone = cut_back(tail, tail.to_bytes(), size, files)

    assert cut.end == size
    assert list(cut.entries) == LEAVES[cut.start : size]
    assert parse_tail(cut.to_bytes()) == cut
    assert all(leaf in gone for leaf in LEAVES[size:])


def test_the_marker_is_a_size(tmp_path: Path) -> None:
    path = tmp_path / "continuing"
    assert marked_size(path) is None
    path.write_bytes(marker_bytes(4711))
    assert marked_size(path) == 4711

    for junk in (b"", b"\n", b"4711", b"047\n", b"-1\n", b"1\n\n"):
        path.write_bytes(junk)
        with pytest.raises(LogDamaged):
            marked_size(path)
    path.unlink()
    path.mkdir()
    with pytest.raises(LogDamaged):
        marked_size(path)
