import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyturn.tlog.errors import MalformedTile, OutsideTree
from keyturn.tlog.merkle import Hash, frontier_of, leaf_hash, tree_root
from keyturn.tlog.proofs import inclusion_proof, verify_inclusion
from keyturn.tlog.tiles import (
    EMPTY_PYRAMID,
    Bundle,
    Tile,
    bundles_of,
    nodes_from_tiles,
    parse_path,
    pyramid_of,
    tile_in,
    tiles_of,
)

# The examples of c2sp.org/tlog-tiles.
PATHS = [
    (Tile(0, 1234067), "tile/0/x001/x234/067"),
    (Tile(0, 273, 112), "tile/0/273.p/112"),
    (Tile(2, 0, 1), "tile/2/000.p/1"),
    (Tile(1, 1000), "tile/1/x001/000"),
    (Bundle(1234067), "tile/entries/x001/x234/067"),
    (Bundle(0, 255), "tile/entries/000.p/255"),
]


@pytest.mark.parametrize(("tile", "path"), PATHS)
def test_paths_are_written_and_read_as_specified(tile: Tile | Bundle, path: str) -> None:
    assert tile.path == path
    assert parse_path(path) == tile


@given(st.integers(0, 6), st.integers(0, 2**45 - 1), st.integers(1, 256), st.booleans())
def test_every_path_reads_back(level: int, index: int, width: int, entries: bool) -> None:
    tile = Bundle(index, width) if entries else Tile(level, index, width)
    assert parse_path(tile.path) == tile


@pytest.mark.parametrize(
    "path",
    [
        "",
        "checkpoint",
        "tile/0/0",
        "tile/00/000",
        "tile/7/000",
        "tile/0/x000/001",  # leading zeros
        "tile/0/000.p/0",
        "tile/0/000.p/01",
        "tile/0/000.p/256",
        "tile/0/000.p/999",
        "tile/0/000.p/",
        "tile/0/001/x002",
        "tile/0/x001",
        "tile/0/../000",
        "/tile/0/000",
        "tile/0/000\n",
        "tile/entries/000.p/256",
        "tile/0/٠٠٠",
        "tile/0/" + "x999/" * 9 + "999",
    ],
)
def test_any_other_spelling_is_refused(path: str) -> None:
    with pytest.raises(MalformedTile):
        parse_path(path)


def test_the_specifications_tree_of_70000() -> None:
    tiles = list(tiles_of(70_000))
    assert sum(each.level == 0 and each.width == 256 for each in tiles) == 273
    assert [each for each in tiles if each.level > 0 or each.width < 256] == [
        Tile(0, 273, 112),
        Tile(1, 0),
        Tile(1, 1, 17),
        Tile(2, 0, 1),
    ]


def test_the_specifications_tree_of_256() -> None:
    assert list(tiles_of(256)) == [Tile(0, 0), Tile(1, 0, 1)]
    assert list(bundles_of(256)) == [Bundle(0)]


def test_a_tree_without_leaves_has_no_tiles() -> None:
    assert list(tiles_of(0)) == []
    assert list(bundles_of(0)) == []


def test_a_tile_is_as_wide_as_the_tree_has_it() -> None:
    assert tile_in(70_000, 1, 1).width == 17
    assert tile_in(70_000, 0, 272).width == 256
    with pytest.raises(OutsideTree):
        tile_in(70_000, 0, 274)
    with pytest.raises(OutsideTree):
        tile_in(256, 0, 1)


@pytest.mark.parametrize("tile", [(7, 0, 1), (-1, 0, 1), (0, -1, 1), (0, 0, 0), (0, 0, 257)])
def test_impossible_tiles_are_refused(tile: tuple[int, int, int]) -> None:
    with pytest.raises(MalformedTile):
        Tile(*tile)
    with pytest.raises(MalformedTile):
        Bundle(*([-1, 1] if tile[0] else tile[1:]))


def test_a_tile_of_the_wrong_size_is_refused() -> None:
    with pytest.raises(MalformedTile, match="wrong size"):
        pyramid_of(bytes(31), 1)
    with pytest.raises(MalformedTile, match="wrong size"):
        pyramid_of(bytes(64), 1)


def test_a_partial_tile_has_only_its_complete_nodes() -> None:
    hashes = [leaf_hash(bytes([each])) for each in range(3)]
    pyramid = pyramid_of(b"".join(hashes), 3)
    assert pyramid.node(1, 0) == tree_root(hashes[:2])
    for missing in ((0, 3), (1, 1), (2, 0)):
        with pytest.raises(OutsideTree):
            pyramid.node(*missing)


@pytest.mark.parametrize("size", [1, 255, 256, 257, 300, 512, 65_536, 65_537, 66_000])
def test_roots_and_proofs_come_out_of_tiles(size: int) -> None:
    hashes = [leaf_hash(each.to_bytes(3, "big")) for each in range(size)]
    stored = {each: tile_bytes(hashes, each) for each in tiles_of(size)}
    nodes = nodes_from_tiles(size, stored.__getitem__)
    root = tree_root(hashes)
    assert frontier_of(size, nodes).root() == root
    for index in {0, size // 2, size - 1}:
        verify_inclusion(hashes[index], index, size, inclusion_proof(index, size, nodes), root)
    with pytest.raises(OutsideTree):
        nodes(0, size)


def tile_bytes(hashes: list[Hash], tile: Tile) -> bytes:
    """The definition: MTH(D[(n * 256 + i) * 256**l : (n * 256 + i + 1) * 256**l])."""
    span = 256**tile.level
    places = range(tile.index * 256, tile.index * 256 + tile.width)
    return b"".join(tree_root(hashes[i * span : (i + 1) * span]) for i in places)


@pytest.mark.parametrize("step", [1, 2, 3, 100, 256])
def test_a_tile_that_grows_has_the_nodes_of_one_made_at_once(step: int) -> None:
    hashes = [leaf_hash(each.to_bytes(2, "big")) for each in range(256)]
    grown = EMPTY_PYRAMID
    for width in (*range(step, 256, step), 256):
        raw = b"".join(hashes[:width])
        grown = pyramid_of(raw, width, grown)
        assert grown == pyramid_of(raw, width)


@pytest.mark.parametrize("width", [1, 3, 8])
def test_another_tile_takes_nothing_over(width: int) -> None:
    """A shorter one, or one with other hashes: what was known is not of this tile."""
    before = pyramid_of(b"".join(leaf_hash(bytes([each])) for each in range(8)), 8)
    raw = b"".join(leaf_hash(bytes([9, each])) for each in range(width))
    assert pyramid_of(raw, width, before) == pyramid_of(raw, width)
    shorter = before.levels[0][: 32 * (width - 1)]
    assert pyramid_of(shorter, width - 1, before) == pyramid_of(shorter, width - 1)
