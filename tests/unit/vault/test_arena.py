import ctypes
import mmap
import os
import subprocess
import sys
from pathlib import Path

import pytest

import keyturn
from keyturn.vault import arena as module
from keyturn.vault.arena import HUGE_PAGE, Arena, available_memory, wipe_all, wipe_range


def address(view):
    return ctypes.addressof(ctypes.c_char.from_buffer(view))


@pytest.mark.parametrize("size", [0, 1, 4096, HUGE_PAGE // 4, HUGE_PAGE, 5 * HUGE_PAGE + 3])
def test_it_has_the_size_asked_for_and_is_zero(size):
    arena = Arena(size)
    assert len(arena.view) == size
    assert not any(arena.view)


@pytest.mark.parametrize("size", [HUGE_PAGE // 4 + 1, HUGE_PAGE, 3 * HUGE_PAGE + 1])
def test_large_ones_begin_on_a_huge_page(size):
    assert address(Arena(size).view) % HUGE_PAGE == 0


def flags_of(view):
    """VmFlags of the mapping that holds `view` (proc_pid_smaps(5))."""
    wanted, inside = address(view), False
    for line in Path("/proc/self/smaps").read_text().splitlines():
        first = line.split()[0]
        if "-" in first and not first.endswith(":"):
            start, end = (int(each, 16) for each in first.split("-"))
            inside = start <= wanted < end
        elif inside and first == "VmFlags:":
            return set(line.split()[1:])
    return set()


def test_the_kernel_keeps_it_out_of_dumps_and_children_and_locks_it():
    arena = Arena(4 * HUGE_PAGE)
    flags = flags_of(arena.view)
    assert {"dd", "dc", "hg"} <= flags  # do not dump, do not copy on fork, huge pages
    assert ("lo" in flags) == arena.locked


def test_wipe_zeroes_and_keeps_views_readable():
    arena = Arena(100)
    arena.view[:] = b"x" * 100
    arena.wipe()
    assert bytes(arena.view) == bytes(100)


def test_buffers_of_ciphertext_are_left_alone():
    arena = Arena(100, secret=False)
    arena.view[:] = b"x" * 100
    arena.wipe()
    assert bytes(arena.view) == b"x" * 100
    assert not arena.locked


def test_release_gives_the_pages_back():
    arena = Arena(4 * HUGE_PAGE)
    arena.view[:] = b"x" * len(arena.view)
    arena.release()
    assert not any(arena.view[:4096])
    assert "lo" not in flags_of(arena.view)


def test_wipe_all_reaches_every_byte():
    arenas = [Arena(size) for size in (0, 5, 64 << 20, (64 << 20) + 9)]
    for each in arenas:
        each.view[:] = b"\xff" * len(each.view)
    wipe_all(arenas, threads=3)
    assert all(bytes(each.view) == bytes(len(each.view)) for each in arenas)


def test_wipe_range_touches_nothing_else():
    data = bytearray(b"abcdef")
    wipe_range(memoryview(data)[2:4])
    wipe_range(memoryview(data)[2:2])
    assert data == b"ab\0\0ef"


def test_the_last_view_gone_means_wiped(monkeypatch):
    """Zeroised before the mapping is given up: seen at the call, as the memory is gone after."""
    seen = []
    real = ctypes.memset
    monkeypatch.setattr(module.ctypes, "memset", lambda *call: (seen.append(call[1:]), real(*call)))
    arena = Arena(100)
    view = arena.view
    del arena
    assert seen == []
    del view
    assert seen == [(0, 100)]


def test_memory_is_wiped_at_exit():
    """A child leaves an arena alive; its exit handler, run last, must have zeroised it."""
    code = (
        "import atexit, sys\n"
        "from keyturn.vault import arena as module\n"
        "atexit.unregister(module._zeroise_all)\n"
        "arena = module.Arena(64)\n"
        "arena.view[:] = b'x' * 64\n"
        "atexit.register(lambda: sys.stdout.write(str(any(arena.view))))\n"
        "atexit.register(module._zeroise_all)\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(Path(keyturn.__file__).parents[1])},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert result.stdout == "False"


def test_a_kernel_that_cannot_exclude_from_dumps_is_refused(monkeypatch):
    def refuse(self, advice):
        raise OSError(22, "Invalid argument")

    monkeypatch.setattr(module._Mapping, "madvise", refuse)
    with pytest.raises(MemoryError, match="MADV_DONTDUMP"):
        Arena(10)


def test_a_kernel_without_huge_pages_is_only_slower(monkeypatch):
    def refuse(self, advice):
        if advice == mmap.MADV_HUGEPAGE:
            raise OSError(22, "Invalid argument")

    monkeypatch.setattr(module._Mapping, "madvise", refuse)
    assert len(Arena(10).view) == 10


def test_available_memory(tmp_path, monkeypatch):
    meminfo = tmp_path / "meminfo"
    meminfo.write_text("MemTotal:  10 kB\nMemAvailable:    7 kB\n")
    monkeypatch.setattr(module, "_MEMINFO", meminfo)
    assert available_memory() == 7 * 1024
    meminfo.write_text("MemTotal: 10 kB\n")
    assert available_memory() is None
    meminfo.unlink()
    assert available_memory() is None
