"""What admitting signs comes from a sealed model's own files."""

from pathlib import Path

import pytest

from keyturn.base.encoding import digest_of
from keyturn.base.errors import MalformedError
from keyturn.client.admitting import read_sealed_files, sealed_files
from keyturn.client.errors import FileUnusable
from unit.control.test_modeling import INGEST, key, manifest


def test_the_body_binds_digest_and_tag_of_the_files() -> None:
    found = sealed_files(manifest("mini"), key())
    assert (found.digest, found.ingest_key) == (digest_of(manifest("mini")), INGEST)
    assert found.admission_body("serving") == {
        "model": digest_of(manifest("mini")),
        "name": "mini",
        "version": "1",
        "tag": "cd" * 32,
        "policy": "serving",
    }


def test_the_files_are_read_from_a_directory(tmp_path: Path) -> None:
    (tmp_path / "keyturn.json").write_bytes(manifest())
    (tmp_path / "keyturn.key").write_bytes(key())
    assert read_sealed_files(tmp_path) == sealed_files(manifest(), key())


def test_a_name_is_not_enough(tmp_path: Path) -> None:
    with pytest.raises(FileUnusable, match="own files"):
        read_sealed_files(tmp_path / "mini")
    with pytest.raises(FileUnusable, match=r"keyturn\.json"):
        read_sealed_files(tmp_path)


def test_what_is_no_manifest_admits_nothing() -> None:
    with pytest.raises(MalformedError):
        sealed_files(key(), manifest())
