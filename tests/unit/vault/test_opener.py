"""Opening, and every way in which a sealed model can be not what was sealed."""

import os
import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from keyturn.base.encoding import digest_of
from keyturn.base.errors import KeyturnError
from keyturn.seal.errors import SealBroken, WrongManifest, WrongModelKey
from keyturn.seal.keys import model_tag
from keyturn.vault import opener
from keyturn.vault.arena import Arena
from keyturn.vault.errors import NotEnoughMemory, StorageFailed
from keyturn.vault.opener import open_model

MIB = 1 << 20


def opened(sample, **changes):
    arguments = {
        "dek": sample.dek,
        "model_digest": sample.sealed.model_digest,
        "tag": sample.sealed.key.tag,
    } | changes
    return open_model(sample.out, **arguments)


@pytest.fixture
def arenas(monkeypatch):
    """Every piece of memory that the opener takes, kept for inspection."""
    taken = []

    class Seen(Arena):
        def __init__(self, size, **options):
            super().__init__(size, **options)
            taken.append(self)

        def release(self):
            self.wipe()  # zeroes must come from the wipe, not from the kernel

    monkeypatch.setattr(opener, "Arena", Seen)  # scratch
    monkeypatch.setitem(open_model.__kwdefaults__, "memory", Seen)
    return taken


def plaintext_left(sample, arenas):
    """Whether any arena still holds bytes; the opener's scratch holds ciphertext only."""
    windows = [data[at : at + 64] for data in sample.files.values() for at in (0, MIB, 2 * MIB)]
    return [w for w in windows if len(w) > 8 for a in arenas if w in bytes(a.view)]


@pytest.mark.parametrize("direct", [False, True])
@pytest.mark.parametrize("threads", [1, 2, 7, None])
def test_it_opens_every_file(sample, threads, direct):
    with opened(sample, threads=threads, direct=direct) as model:
        assert {path: bytes(view) for path, view in model.items()} == sample.files
        assert model.contents.content_id == sample.sealed.content_id
        assert model.manifest == sample.sealed.manifest


def test_progress_ends_at_the_whole(sample):
    seen = []
    opened(sample, progress=lambda done, total: seen.append((done, total))).wipe()
    total = sum(each.size for each in sample.sealed.manifest.files)
    assert seen[0] == (0, total)
    assert seen[-1] == (total, total)
    assert seen == sorted(seen)


def test_symbolic_links_to_sealed_files_are_followed(sample, tmp_path):
    place = sample.out / "empty.sealed"
    place.rename(tmp_path / "elsewhere")
    place.symlink_to(tmp_path / "elsewhere")
    with opened(sample) as model:
        assert bytes(model["empty"]) == b""


def test_positive_control_the_search_finds_plaintext(sample, arenas):
    with opened(sample):
        assert plaintext_left(sample, arenas)
    assert not plaintext_left(sample, arenas)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(where=st.binary(min_size=8, max_size=8))
def test_one_flipped_bit_anywhere_is_noticed_and_nothing_stays(sample, arenas, where):
    chosen = int.from_bytes(where, "big")
    files = sample.sealed.manifest.files
    name = files[chosen % len(files)].path
    place = sample.out / f"{name}.sealed"
    at = chosen // 8 % place.stat().st_size
    flipped = 1 << chosen % 8
    arenas.clear()
    _flip(place, at, flipped)
    try:
        with pytest.raises(SealBroken) as caught:
            opened(sample, threads=2)
    finally:
        _flip(place, at, flipped)
    assert (caught.value.path, caught.value.segment) == (name, at // MIB)
    assert not plaintext_left(sample, arenas)
    opened(sample).wipe()  # the one bit was the reason


def _flip(place, at, bits):
    with place.open("r+b") as file:
        file.seek(at)
        old = file.read(1)[0]
        file.seek(at)
        file.write(bytes([old ^ bits]))


def test_unauthenticated_bytes_are_wiped_from_the_arena(sample, arenas):
    _flip(sample.out / "weights.bin.sealed", MIB + 7, 1)
    with pytest.raises(SealBroken, match=r"'weights.bin', segment 1: not authentic"):
        opened(sample, threads=1)
    weights = next(each for each in arenas if len(each.view) == len(sample.files["weights.bin"]))
    assert bytes(weights.view) == bytes(len(weights.view))


def damage_swap(place):
    raw = place.read_bytes()
    place.write_bytes(raw[MIB : 2 * MIB] + raw[:MIB] + raw[2 * MIB :])


def damage_swap_later(place):
    raw = bytearray(place.read_bytes())
    raw[MIB : MIB + 500], raw[2 * MIB : 2 * MIB + 500] = (
        raw[2 * MIB : 2 * MIB + 500],
        raw[MIB : MIB + 500],
    )
    place.write_bytes(raw)


def cut_to(size):
    return lambda place: os.truncate(place, size)


def append(more):
    return lambda place: place.write_bytes(place.read_bytes() + more)


@pytest.mark.parametrize(
    ("damage", "problem"),
    [
        (damage_swap, "header"),
        (damage_swap_later, "not authentic"),
        (cut_to(MIB), "wrong size"),
        (cut_to(2 * MIB), "wrong size"),
        (cut_to(2 * MIB + 100), "wrong size"),
        (cut_to(0), "wrong size"),
        (append(b"\0"), "wrong size"),
        (append(bytes(MIB)), "wrong size"),
    ],
    ids=["swapped first", "swapped", "cut 1", "cut 2", "cut", "empty", "byte more", "block more"],
)
def test_a_damaged_file_is_refused(sample, arenas, damage, problem):
    damage(sample.out / "weights.bin.sealed")
    with pytest.raises(SealBroken, match=problem):
        opened(sample)
    assert not plaintext_left(sample, arenas)


def test_a_cut_at_a_border_is_refused_even_under_a_matching_manifest(sample):
    """The last flag tells, not the size: here manifest, digest and tag fit the cut file."""
    whole, plain = 2 * MIB + 1000, 2 * MIB - 40 - 32
    os.truncate(sample.out / "weights.bin.sealed", 2 * MIB)
    raw = (sample.out / "keyturn.json").read_text()
    raw = raw.replace(f'"size":{whole}', f'"size":{plain}')
    raw = raw.replace(f'"sealed_size":{whole + 40 + 48}', f'"sealed_size":{2 * MIB}')
    total = sum(map(len, sample.files.values()))
    raw = raw.replace(f'"bytes":{total}', f'"bytes":{total - whole + plain}').encode()
    (sample.out / "keyturn.json").write_bytes(raw)
    digest = digest_of(raw)
    with pytest.raises(SealBroken, match="segment 1: not authentic"):
        opened(sample, model_digest=digest, tag=model_tag(sample.dek, digest), threads=1)


def test_two_files_of_one_model_cannot_change_places(make_sample):
    sample = make_sample({"a": b"one", "b": b"two"})
    a, b = sample.out / "a.sealed", sample.out / "b.sealed"
    first, second = a.read_bytes(), b.read_bytes()
    a.write_bytes(second)
    b.write_bytes(first)
    with pytest.raises(SealBroken, match="not authentic"):
        opened(sample)


def test_a_file_of_an_older_sealing_does_not_fit(make_sample):
    sample = make_sample({"a": b"one"})
    older = make_sample({"a": b"one"}, "older", dek=bytearray(b"o" * 32))
    shutil.copy(older.out / "a.sealed", sample.out / "a.sealed")
    with pytest.raises(SealBroken, match="not authentic"):
        opened(sample)


def test_an_edited_manifest_is_refused_before_any_file_is_read(sample, arenas):
    place = sample.out / "keyturn.json"
    place.write_bytes(place.read_bytes().replace(b'"version":"1"', b'"version":"2"'))
    with pytest.raises(WrongManifest) as caught:
        opened(sample)
    assert caught.value.expected == sample.sealed.model_digest
    assert not arenas


def test_another_key_is_refused_before_any_file_is_read(sample, arenas):
    with pytest.raises(WrongModelKey):
        opened(sample, dek=bytearray(32))
    assert not arenas


def test_the_tag_of_another_model_is_refused(sample, make_sample):
    other = make_sample({"a": b"other"}, "other")
    with pytest.raises(WrongModelKey):
        opened(sample, tag=other.sealed.key.tag)


def test_a_missing_file_is_named(sample):
    (sample.out / "config" / "config.json.sealed").unlink()
    with pytest.raises(StorageFailed, match=r"config\.json\.sealed: No such file"):
        opened(sample)


def test_a_pipe_in_place_of_a_file_does_not_hang(sample):
    place = sample.out / "empty.sealed"
    place.unlink()
    os.mkfifo(place)
    with pytest.raises(StorageFailed, match="not a regular file"):
        opened(sample)


def test_a_missing_manifest_is_a_clear_error(sample):
    (sample.out / "keyturn.json").unlink()
    with pytest.raises(StorageFailed, match=r"keyturn\.json: No such file"):
        opened(sample)


def test_a_model_larger_than_memory_is_refused_first(sample, arenas, monkeypatch):
    monkeypatch.setattr(opener, "available_memory", lambda: 1000)
    with pytest.raises(NotEnoughMemory, match="found 1000 bytes available"):
        opened(sample)
    assert not arenas


def test_an_error_in_the_progress_callback_wipes_everything(sample, arenas):
    def fail(done, total):
        if done:
            raise RuntimeError("display is gone")

    with pytest.raises(RuntimeError, match="display"):
        opened(sample, progress=fail)
    assert not plaintext_left(sample, arenas)


def test_no_descriptor_stays_open(sample):
    before = _descriptors()
    opened(sample).wipe()
    _flip(sample.out / "weights.bin.sealed", MIB, 1)
    with pytest.raises(KeyturnError):
        opened(sample)
    assert _descriptors() == before


def test_only_as_much_memory_as_the_model_needs(make_sample):
    """Growth of resident memory while opening 64 MiB: the model and a few buffers."""
    sample = make_sample({"weights.bin": os.urandom(64 * MIB)})
    before = _resident()
    with opened(sample, threads=2):
        grown = _resident() - before
    assert 60 * MIB < grown < (64 + 24) * MIB


def _descriptors():
    return sorted(each.name for each in Path("/proc/self/fd").iterdir())


def _resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
