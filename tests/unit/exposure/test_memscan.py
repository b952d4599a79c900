import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from keyturn.exposure.memscan import (
    Hit,
    NotSearchedError,
    Region,
    find_in_process,
    find_in_tree,
    parse_maps,
)

_HOLDER = """
import mmap, sys
place = int(sys.argv[1])
area = mmap.mmap(-1, 20 << 20)
area[place : place + 32] = sys.stdin.buffer.read(32)
print("ready", flush=True)
sys.stdin.buffer.read()
"""
NEEDLE = bytes(range(1, 33))


@contextmanager
def _holder(place: int) -> Iterator[int]:
    with subprocess.Popen(
        [sys.executable, "-c", _HOLDER, str(place)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        child.stdin.write(NEEDLE)
        child.stdin.flush()
        child.stdout.readline()
        yield child.pid
        child.kill()


@pytest.mark.parametrize("place", [0, (8 << 20) - 16, (8 << 20) - 32, 8 << 20, (20 << 20) - 32])
def test_bytes_in_memory_are_found_also_across_reads(place: int) -> None:
    with _holder(place) as pid:
        searched = find_in_process(pid, {"held": NEEDLE, "other": os.urandom(32)})
    assert searched.found == {"held"}
    assert searched.searched_bytes > 20 << 20


def test_a_process_that_is_gone_was_not_searched() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as child:
        child.wait()
    with pytest.raises(NotSearchedError):
        find_in_process(child.pid, {"needle": NEEDLE})


def test_a_process_never_searches_itself() -> None:
    with pytest.raises(ValueError, match="itself"):
        find_in_process(os.getpid(), {"needle": NEEDLE})


@pytest.mark.parametrize("needles", [{}, {"empty": b""}, {"good": b"x", "empty": b""}])
def test_searching_for_nothing_is_a_mistake(needles: dict[str, bytes], tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="needle"):
        find_in_tree(tmp_path, needles)


@pytest.mark.parametrize("before", [0, 1, (8 << 20) - 16, 8 << 20])
def test_bytes_in_files_are_found_once_with_their_place(tmp_path: Path, before: int) -> None:
    (tmp_path / "deep").mkdir()
    path = tmp_path / "deep" / "file"
    path.write_bytes(bytes(before) + NEEDLE + b"rest")
    (tmp_path / "clean").write_bytes(b"nothing")
    searched = find_in_tree(tmp_path, {"needle": NEEDLE})
    assert searched.hits["needle"] == (Hit(str(path), before),)
    assert searched.searched_bytes == before + len(NEEDLE) + 4 + 7


def test_links_and_pipes_are_not_followed(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_bytes(NEEDLE)
    root = tmp_path / "root"
    root.mkdir()
    (root / "link").symlink_to(outside)
    os.mkfifo(root / "pipe")
    assert find_in_tree(root, {"needle": NEEDLE}).found == frozenset()


def test_a_missing_directory_was_not_searched(tmp_path: Path) -> None:
    with pytest.raises(NotSearchedError):
        find_in_tree(tmp_path / "none", {"needle": NEEDLE})


def test_readable_regions_are_read_from_maps() -> None:
    text = (
        "00400000-00401000 r-xp 00000000 08:01 12 /bin/a b\n"
        "7f0000000000-7f0000001000 ---p 00000000 00:00 0\n"
        "7f0000002000-7f0000003000 rw-p 00000000 00:00 0\n"
    )
    assert parse_maps(text) == (
        Region(0x400000, 0x401000, "/bin/a b"),
        Region(0x7F0000002000, 0x7F0000003000, "anonymous"),
    )
