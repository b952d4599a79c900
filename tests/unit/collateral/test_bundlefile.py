"""A bundle's file: what is read of it, and what no bundle may hold."""

import contextlib
import io
import stat
import struct
import zipfile
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyturn.collateral import bundlefile as module
from keyturn.collateral.bundlefile import read_bundle, write_bundle
from keyturn.collateral.bundlekeys import new_bundle_key, roots_for
from keyturn.collateral.cache import MAX_ENTRY, entry_name
from keyturn.collateral.errors import BundleMalformed
from support.vendoranswers import NOW, QE, TCB, Recorded
from unit.collateral.test_cache import kept

TARGET = "targets/" + entry_name(*TCB.key)


def made(
    entries: list[tuple[zipfile.ZipInfo | str, bytes]], how: int = zipfile.ZIP_STORED
) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", how) as archive:
        for name, raw in entries:
            archive.writestr(name, raw)
    return out.getvalue()


def test_what_is_written_is_read(recorded: Recorded, tmp_path: Path) -> None:
    key = new_bundle_key(tmp_path / "key")
    roots = roots_for(tmp_path / "roots", key, NOW)
    entries = [kept(recorded.document(each)) for each in (TCB, QE)]
    raw = write_bundle(entries, roots, key, NOW, timedelta(days=14))
    files = read_bundle(raw)
    assert files["1.root.json"] == roots[0]
    assert files[TARGET] == entries[0].to_bytes()
    assert len(files) == 6
    assert raw == write_bundle(entries, roots, key, NOW, timedelta(days=14))


@pytest.mark.parametrize(
    "name",
    [
        "../timestamp.json",
        "/timestamp.json",
        "targets/../timestamp.json",
        "targets/",
        "targets/lock",
        "targets/bundle-trust.json",
        "0.root.json",
        "1.root.json/x",
        "C:\\timestamp.json",
        "TIMESTAMP.JSON",
        "timestamp.json\n",
    ],
)
def test_names_that_no_bundle_has(name: str) -> None:
    with pytest.raises(BundleMalformed):
        read_bundle(made([(name, b"x")]))


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_file_that_stands_twice() -> None:
    with pytest.raises(BundleMalformed, match="twice"):
        read_bundle(made([("timestamp.json", b"a"), ("timestamp.json", b"b")]))


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFDIR, stat.S_IFIFO, stat.S_IFCHR])
def test_links_and_the_like(kind: int) -> None:
    info = zipfile.ZipInfo("timestamp.json")
    info.external_attr = (kind | 0o777) << 16
    with pytest.raises(BundleMalformed, match="no file"):
        read_bundle(made([(info, b"/etc/passwd")]))


def test_compressed_files_are_refused_before_they_are_unpacked() -> None:
    raw = made([(TARGET, b"\0" * MAX_ENTRY)], zipfile.ZIP_DEFLATED)
    assert len(raw) < 10_000
    with pytest.raises(BundleMalformed, match="compressed"):
        read_bundle(raw)


def test_sizes_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    for size in (0, MAX_ENTRY + 1):
        with pytest.raises(BundleMalformed, match="size"):
            read_bundle(made([(TARGET, b"\0" * size)]))
    monkeypatch.setattr(module, "MAX_BUNDLE", 100)
    with pytest.raises(BundleMalformed, match="too large"):
        read_bundle(made([("timestamp.json", b"x" * 101)]))


def test_a_lot_of_files_is_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_FILES", 1)
    with pytest.raises(BundleMalformed, match="too many"):
        read_bundle(made([("timestamp.json", b"x"), ("snapshot.json", b"x")]))


def test_entries_that_overlap_are_no_larger_than_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = made([(f"{at}.root.json", b"x" * 1000) for at in range(1, 5)])
    monkeypatch.setattr(module, "MAX_BUNDLE", len(raw))
    first = raw.index(b"PK\x01\x02")
    bent = bytearray(raw)
    for _at in range(4):  # each entry of the directory says 1 GiB
        place = raw.index(b"PK\x01\x02", first)
        bent[place + 20 : place + 28] = (1 << 30).to_bytes(4, "little") * 2
        first = place + 4
    with pytest.raises(BundleMalformed):
        read_bundle(bytes(bent))


GOOD = made([("timestamp.json", b"{}" * 50), (TARGET, b"x" * 200)])


@given(st.integers(0, len(GOOD) - 1), st.integers(1, 255))
def test_no_bent_byte_raises_anything_else(at: int, flip: int) -> None:
    bent = bytearray(GOOD)
    bent[at] ^= flip
    with contextlib.suppress(BundleMalformed):
        read_bundle(bytes(bent))


@given(st.binary(max_size=300))
def test_no_junk_raises_anything_else(junk: bytes) -> None:
    for raw in (junk, GOOD[:-22] + junk + GOOD[-22:], GOOD[: len(junk)]):
        with contextlib.suppress(BundleMalformed):
            read_bundle(raw)


def test_a_directory_of_a_million_files_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each entry would become an object before it could be counted."""
    one = b"PK\1\2" + bytes(42)
    monkeypatch.setattr(module, "MAX_FILES", 10)
    size = len(one) * 1000
    raw = one * 1000 + struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 10, 10, size, 0, 0)
    monkeypatch.setattr(zipfile, "ZipFile", None)
    with pytest.raises(BundleMalformed, match="too many files"):
        read_bundle(raw)
