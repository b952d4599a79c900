"""Blocks on the shelf: proved when read, the newest kept, and a cache in every case."""

from pathlib import Path

import pytest

from keyturn.client.blocktree import BLOCK, BlockTree, block_root
from keyturn.client.shelf import CACHED, Shelf


def block(number: int) -> tuple[bytes, ...]:
    return tuple(b"%d of %d" % (place, number) for place in range(BLOCK))


def tree_of(blocks: int) -> BlockTree:
    tree = BlockTree()
    tree.extend(block_root(block(each)) for each in range(blocks))
    return tree


@pytest.mark.parametrize("kept", [True, False])
def test_what_is_put_is_there(tmp_path: Path, kept: bool) -> None:
    shelf = Shelf(tree_of(3), tmp_path / "x" if kept else None)
    for each in (0, 2):
        shelf.put(each, block(each))
    assert (shelf.get(0), shelf.get(1), shelf.get(2)) == (block(0), None, block(2))
    assert shelf.first_of_run(3) == 2
    shelf.put(1, block(1))
    assert shelf.first_of_run(3) == 0
    shelf.trim(1)
    assert shelf.first_of_run(3) == 2
    assert shelf.get(2) == block(2)


def test_what_was_asked_for_counts_besides(tmp_path: Path) -> None:
    shelf = Shelf(tree_of(5), tmp_path)
    for each in (3, 4):
        shelf.put(each, block(each))
    for each in (2, 2):
        shelf.put(each, block(each), asked=True)
    shelf.trim(2)
    assert shelf.first_of_run(5) == 2
    shelf.put(1, block(1))
    shelf.trim(2)
    assert shelf.first_of_run(5) == 2
    again = Shelf(tree_of(5), tmp_path)
    again.trim(2)
    assert again.first_of_run(5) == 3


def test_the_next_run_finds_it(tmp_path: Path) -> None:
    tree = tree_of(CACHED + 3)
    shelf = Shelf(tree, tmp_path)
    for each in range(CACHED + 3):
        shelf.put(each, block(each))
    assert shelf.get(0) == block(0)  # from the disk: memory holds only so many
    again = Shelf(tree, tmp_path)
    assert again.first_of_run(CACHED + 3) == 0
    assert again.get(1) == block(1)


@pytest.mark.parametrize("change", ["changed", "cut", "longer", "gone"])
def test_a_file_that_is_not_what_it_was_is_not_there(tmp_path: Path, change: str) -> None:
    tree = tree_of(2)
    Shelf(tree, tmp_path).put(1, block(1))
    (file,) = tmp_path.iterdir()
    raw = file.read_bytes()
    if change == "gone":
        file.unlink()
    else:
        new = {"changed": raw[:-1] + b"x", "cut": raw[:-1], "longer": raw + b"x"}
        file.write_bytes(new[change])
    shelf = Shelf(tree, tmp_path)
    assert shelf.get(1) is None
    shelf.put(1, block(1))
    assert shelf.get(1) == block(1)


def test_a_name_that_is_none_and_a_disk_that_says_no_cost_nothing(tmp_path: Path) -> None:
    (tmp_path / "0x").write_bytes(b"")
    blocked = tmp_path / "file"
    blocked.write_bytes(b"")
    shelf = Shelf(tree_of(1), blocked)
    shelf.put(0, block(0))
    assert shelf.get(0) == block(0)
    assert Shelf(tree_of(1), tmp_path).get(0) is None
