"""What is destroyed is overwritten first, and nothing else is touched."""

import os
from pathlib import Path

from keyturn.keyholder.ceremonies.actions.destroying import destroy_file, destroy_tree


def test_a_file_is_overwritten_and_gone(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_bytes(b"secret" * 1000)
    with path.open("rb") as still:
        destroy_file(path)
        assert still.read() == bytes(6000)
    assert not path.exists()
    destroy_file(path)


def test_a_tree_is_gone_with_all_that_is_in_it(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_text("stays")
    tree = tmp_path / "token" / "inner"
    tree.mkdir(parents=True)
    (tree / "key").write_bytes(b"secret")
    (tree / "link").symlink_to(outside)
    os.mkfifo(tree / "pipe")
    destroy_tree(tmp_path / "token")
    assert not (tmp_path / "token").exists()
    assert outside.read_text() == "stays"
    destroy_tree(tmp_path / "token")


def test_a_link_to_a_directory_is_not_followed(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "file").write_text("stays")
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "link").symlink_to(outside)
    destroy_tree(tmp_path / "tree")
    assert (outside / "file").read_text() == "stays"
