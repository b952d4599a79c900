import os

import pytest

from keyturn.base.encoding import digest_of
from keyturn.base.errors import MalformedError
from keyturn.seal.errors import WrongManifest
from keyturn.vault.copies import read_info, verify_copies
from keyturn.vault.errors import CopyDamaged, SealCancelled, StorageFailed


def test_a_whole_copy_passes_without_any_key(sample):
    (sample.out / "keyturn.key").unlink()
    seen = []
    report = verify_copies(sample.out, progress=lambda *step: seen.append(step))
    assert report.model_digest == sample.sealed.model_digest
    assert seen[-1] == (report.manifest.sealed_bytes, report.manifest.sealed_bytes)


def test_every_damaged_file_is_named(sample):
    weights = sample.out / "weights.bin.sealed"
    raw = bytearray(weights.read_bytes())
    raw[-1] ^= 1
    weights.write_bytes(raw)
    (sample.out / "empty.sealed").unlink()
    os.truncate(sample.out / "config/config.json.sealed", 10)
    with pytest.raises(CopyDamaged) as caught:
        verify_copies(sample.out)
    faults = caught.value.faults
    assert [each.split(":")[0] for each in faults] == ["config/config.json", "empty", "weights.bin"]
    assert "10 bytes, expected 71" in faults[0]
    assert "missing" in faults[1]
    assert digest_of(raw) in faults[2]


def test_the_approved_digest_decides_when_given(sample):
    digest = sample.sealed.model_digest
    assert verify_copies(sample.out, model_digest=digest).model_digest == digest
    with pytest.raises(WrongManifest):
        verify_copies(sample.out, model_digest=digest_of(b"other"))


def test_files_that_do_not_belong_are_reported(sample):
    (sample.out / "config" / "extra").write_bytes(b"")
    assert verify_copies(sample.out).extra == ("config/extra",)


def test_it_can_be_cancelled(sample):
    with pytest.raises(SealCancelled):
        verify_copies(sample.out, cancel=lambda: True)


def test_info_reads_manifest_and_key(sample):
    found = read_info(sample.out)
    assert (found.manifest, found.key) == (sample.sealed.manifest, sample.sealed.key)
    assert found.model_digest == sample.sealed.model_digest


def test_info_without_a_key_file(sample):
    (sample.out / "keyturn.key").unlink()
    assert read_info(sample.out).key is None


def test_info_refuses_what_is_not_a_sealed_model(tmp_path):
    with pytest.raises(StorageFailed, match=r"keyturn\.json"):
        read_info(tmp_path)
    (tmp_path / "keyturn.json").write_bytes(b"{}")
    with pytest.raises(MalformedError):
        read_info(tmp_path)
