"""Sealing: what it makes, what it refuses, and that a kill or a full disk leaves nothing."""

import json
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

import keyturn
from keyturn.base.encoding import digest_of
from keyturn.seal.errors import MalformedSealedModel
from keyturn.seal.keys import verify_model_tag
from keyturn.seal.manifest import parse_manifest
from keyturn.seal.sealedkey import parse_sealed_key
from keyturn.vault import sealer
from keyturn.vault.copies import verify_copies
from keyturn.vault.errors import SealCancelled, SourceChanged, SourceRefused, StorageFailed
from keyturn.vault.opener import open_model
from keyturn.vault.sealer import seal_directory

MIB = 1 << 20


def test_it_makes_a_whole_sealed_model(sample):
    raw = (sample.out / "keyturn.json").read_bytes()
    assert sample.sealed.model_digest == digest_of(raw)
    assert parse_manifest(raw) == sample.sealed.manifest
    key = parse_sealed_key((sample.out / "keyturn.key").read_bytes())
    assert key == sample.sealed.key
    verify_model_tag(sample.dek, digest_of(raw), key.tag)
    assert {
        str(each.relative_to(sample.out)) for each in sample.out.rglob("*") if each.is_file()
    } == {
        "keyturn.json",
        "keyturn.key",
        "keyturn.contents.json.sealed",
        "weights.bin.sealed",
        "config/config.json.sealed",
        "empty.sealed",
    }
    assert verify_copies(sample.out).extra == ()


def test_no_plaintext_is_in_the_output(sample):
    for place in sample.out.rglob("*"):
        if place.is_file():
            assert b"hidden" not in place.read_bytes()
            assert sample.files["weights.bin"][:32] not in place.read_bytes()


def test_nothing_else_is_left_beside_the_output(sample):
    assert sorted(each.name for each in sample.out.parent.iterdir()) == ["model", "model-source"]


def test_each_file_has_its_own_salt(sample):
    heads = {each.read_bytes()[:40] for each in sample.out.rglob("*.sealed")}
    assert len(heads) == 4


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_the_number_of_threads_does_not_show(make_sample, threads):
    """Salts are drawn as files are begun, so only one thread gives equal bytes; all open."""
    files = {f"{n}.bin": bytes([n]) * (n * 300_000) for n in range(8)}
    sample = make_sample(files, threads=threads)
    verify_copies(sample.out)
    with open_model(sample.out, sample.dek, sample.sealed.model_digest, sample.sealed.key.tag) as m:
        assert {path: bytes(view) for path, view in m.items()} == files


def test_progress_ends_at_the_whole(make_sample):
    seen = []
    sample = make_sample({"a": bytes(3 * MIB)}, progress=lambda *step: seen.append(step))
    assert (seen[0], seen[-1]) == ((0, 3 * MIB), (3 * MIB, 3 * MIB))
    assert sample.sealed.manifest.provenance.size == 3 * MIB


def names(folder):
    return sorted(each.name for each in folder.iterdir())


@pytest.fixture
def source(tmp_path):
    place = tmp_path / "source"
    place.mkdir()
    (place / "a.bin").write_bytes(bytes(3 * MIB))
    return place


def test_cancel_leaves_nothing(source, tmp_path, seal_kwargs):
    with pytest.raises(SealCancelled):
        seal_directory(source, tmp_path / "out", **seal_kwargs, cancel=lambda: True)
    assert names(tmp_path) == ["source"]


def test_cancel_is_heard_until_the_last_byte_is_written(source, tmp_path, seal_kwargs):
    done = []
    with pytest.raises(SealCancelled):
        seal_directory(
            source,
            tmp_path / "out",
            **seal_kwargs,
            progress=lambda now, total: done.append(now == total),
            cancel=lambda: True in done,
        )
    assert names(tmp_path) == ["source"]


def test_an_interrupt_leaves_nothing(source, tmp_path, seal_kwargs):
    def interrupt(done, total):
        if done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        seal_directory(source, tmp_path / "out", **seal_kwargs, progress=interrupt)
    assert names(tmp_path) == ["source"]


def test_an_existing_output_is_never_touched(source, tmp_path, seal_kwargs):
    (tmp_path / "out").mkdir()
    with pytest.raises(StorageFailed, match="exists already"):
        seal_directory(source, tmp_path / "out", **seal_kwargs)
    assert names(tmp_path / "out") == []


def test_a_missing_parent_is_a_clear_error(source, tmp_path, seal_kwargs):
    with pytest.raises(StorageFailed, match="No such file"):
        seal_directory(source, tmp_path / "no" / "out", **seal_kwargs)


def test_a_bad_ingest_key_is_found_before_the_work(source, tmp_path, seal_kwargs):
    def refuse(dek):
        raise MalformedSealedModel("ingest key cannot be read")

    steps = []
    with pytest.raises(MalformedSealedModel, match="ingest key"):
        seal_directory(
            source,
            tmp_path / "out",
            **(seal_kwargs | {"wrap": refuse}),
            progress=lambda *step: steps.append(step),
        )
    assert steps == []


def test_too_little_space_is_found_before_the_work(source, tmp_path, seal_kwargs, monkeypatch):
    monkeypatch.setattr(sealer, "_free", lambda _: 3 * MIB)
    with pytest.raises(StorageFailed, match=f"too full; found {3 * MIB} bytes free"):
        seal_directory(source, tmp_path / "out", **seal_kwargs)
    assert names(tmp_path) == ["source"]


@pytest.mark.parametrize(
    "change",
    [
        lambda source: (source / "a.bin").write_bytes(bytes(4 * MIB)),
        lambda source: (source / "a.bin").write_bytes(b""),
        lambda source: (source / "b.bin").write_bytes(b"new"),
        lambda source: (source / "a.bin").unlink(),
        lambda source: (source / "a.bin").rename(source / "c.bin"),
        lambda source: (source / "l").symlink_to("a.bin"),
    ],
    ids=["grown", "cut", "added", "removed", "renamed", "link"],
)
def test_a_source_that_changes_is_noticed(source, tmp_path, seal_kwargs, change):
    changes = [change]

    def once(done, total):
        if done and changes:
            changes.pop()(source)

    with pytest.raises(SourceChanged, match="changed while it was being sealed"):
        seal_directory(source, tmp_path / "out", **seal_kwargs, threads=1, progress=once)
    assert names(tmp_path) == ["source"]


def test_a_link_in_the_source_is_refused_with_a_hint(source, tmp_path, seal_kwargs):
    (source / "link").symlink_to("/etc/passwd")
    with pytest.raises(SourceRefused, match="a symbolic link") as caught:
        seal_directory(source, tmp_path / "out", **seal_kwargs)
    assert "cp -rL" in caught.value.hint


CHILD = """
import os, resource, signal, sys
from datetime import UTC, datetime
from pathlib import Path
from keyturn.base.errors import KeyturnError
from keyturn.base.signatures import KeyId
from keyturn.seal.identity import ModelId, ModelIdentity
from keyturn.seal.sealedkey import OaepHash, WrappedDek
from keyturn.vault.sealer import seal_directory

source, out, mode, at = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], int(sys.argv[4])
calls = [0]

def randomness(size):
    calls[0] += 1
    if mode == "random" and calls[0] == at:
        os.kill(os.getpid(), signal.SIGKILL)
    return os.urandom(size)

def progress(done, total):
    if mode == "progress" and done >= at:
        os.kill(os.getpid(), signal.SIGKILL)

if mode == "limit":
    resource.setrlimit(resource.RLIMIT_FSIZE, (at, at))
try:
    seal_directory(source, out, dek=bytearray(32), identity=ModelIdentity(ModelId("m"), "M", "1"),
        created=datetime(2026, 11, 23, tzinfo=UTC), randomness=randomness, threads=2,
        wrap=lambda dek: WrappedDek(KeyId("0a" * 32), OaepHash.SHA256, bytes(384)),
        progress=progress)
except KeyturnError as error:
    print(f"{type(error).__name__}: {error}")
    sys.exit(1)
"""


def run_child(source, out, mode, at):
    backend = Path(keyturn.__file__).parents[1]
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(CHILD), str(source), str(out), mode, str(at)],
        env={**os.environ, "PYTHONPATH": str(backend)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_control_the_child_seals(source, tmp_path):
    assert run_child(source, tmp_path / "out", "none", 0).returncode == 0
    assert json.loads((tmp_path / "out" / "keyturn.json").read_text())["model_id"] == "m"


@pytest.mark.parametrize(
    ("mode", "at"),
    [("random", 2), ("random", 4), ("progress", 1), ("progress", 3 * MIB), ("random", 5)],
)
def test_a_killed_sealing_leaves_nothing_that_opens(source, tmp_path, mode, at):
    """Draws of randomness: draft name, salt and prefix of the file, salt and prefix of the list."""
    out = tmp_path / "out"
    assert run_child(source, out, mode, at).returncode == -signal.SIGKILL
    assert not out.exists()
    assert not list(tmp_path.rglob("keyturn.json"))
    assert run_child(source, out, "none", 0).returncode == 0  # it starts over
    verify_copies(out)


def test_a_full_disk_is_a_clear_error_and_leaves_nothing(source, tmp_path):
    """RLIMIT_FSIZE makes writes fail as a full disk does, with another number."""
    result = run_child(source, tmp_path / "out", "limit", MIB + 1000)
    assert result.returncode == 1
    assert "StorageFailed: cannot write" in result.stdout
    assert names(tmp_path) == ["source"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_no_space_is_said_in_words(source, tmp_path, seal_kwargs, monkeypatch):
    from keyturn.vault import lanes

    real = lanes.os.open
    monkeypatch.setattr(
        lanes.os,
        "open",
        lambda path, flags, *mode: real(
            "/dev/full" if str(path).endswith(".sealed") else path,
            os.O_WRONLY if str(path).endswith(".sealed") else flags,
            *mode,
        ),
    )
    with pytest.raises(StorageFailed, match="No space left on device"):
        seal_directory(source, tmp_path / "out", **seal_kwargs)
