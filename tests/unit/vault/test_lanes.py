"""The parallel part: results in order, hashes in order, whatever the threads do."""

import hashlib

import pytest

from keyturn.base.encoding import digest_of
from keyturn.seal.identity import ModelId
from keyturn.vault import lanes
from keyturn.vault.arena import Arena
from keyturn.vault.errors import SourceChanged
from keyturn.vault.lanes import SealJob, seal_files
from keyturn.vault.parallel import Meter
from keyturn.vault.source import list_source

MIB = 1 << 20


@pytest.fixture
def job(tmp_path):
    source, draft = tmp_path / "source", tmp_path / "draft"
    source.mkdir()
    draft.mkdir()
    sizes = (0, 1, MIB, 5 * MIB + 17, 2 * MIB)
    for number, size in enumerate(sizes):
        data = hashlib.shake_128(bytes([number])).digest(size)
        (source / f"{number}.bin").write_bytes(data)
    return SealJob(source, draft, ModelId("m"), bytearray(32), bytes)


@pytest.mark.parametrize("threads", [1, 3, 9])
def test_hashes_are_those_of_the_files(job, threads):
    files = list_source(job.source)
    sealed = seal_files(job, files, threads=threads, meter=Meter(1, None), cancel=None)
    assert [each.entry.path for each in sealed] == [each.path for each in files]
    for each in sealed:
        assert each.plain == digest_of((job.source / each.entry.path).read_bytes())
        assert each.entry.sealed_sha256 == digest_of(
            (job.draft / f"{each.entry.path}.sealed").read_bytes()
        )


def test_buffers_with_plaintext_are_wiped(job, monkeypatch):
    taken = []

    class Seen(Arena):
        def __init__(self, size, **options):
            super().__init__(size, **options)
            taken.append(self)

    monkeypatch.setattr(lanes, "Arena", Seen)
    seal_files(job, list_source(job.source), threads=2, meter=Meter(1, None), cancel=None)
    assert len(taken) == 4
    assert all(not any(each.view) for each in taken)


def test_a_file_that_changes_while_it_is_sealed_is_noticed_at_its_end(job):
    """Before the other files are sealed: the listing is compared only after all of them."""
    changes = [lambda: (job.source / "3.bin").touch()]

    def once(done, total):
        if done and changes:
            changes.pop()()

    with pytest.raises(SourceChanged, match=r"'3\.bin' changed"):
        seal_files(job, list_source(job.source), threads=1, meter=Meter(1, once), cancel=None)
