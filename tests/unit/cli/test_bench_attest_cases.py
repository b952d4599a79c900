"""Recorded evidence out of a folder of vectors: what is not there is said."""

import json
from pathlib import Path

import pytest

from keyturn.base.errors import MalformedError, UnreachableError
from keyturn.cli.bench_attest_cases import recorded


def manifest(folder: Path, cases: object) -> Path:
    path = folder / "manifest.json"
    path.write_text(json.dumps({"cases": cases}))
    return path


def test_no_manifest_and_none_that_can_be_read(tmp_path: Path) -> None:
    with pytest.raises(UnreachableError):
        recorded(tmp_path / "manifest.json")
    with pytest.raises(MalformedError, match="no list"):
        recorded(manifest(tmp_path, {}))


def test_what_is_not_recorded_or_not_accepted_is_not_measured(tmp_path: Path) -> None:
    case = {
        "tee": "snp",
        "origin": "derived",
        "files": dict.fromkeys(("evidence", "vek", "ark", "intermediate"), "x"),
        "expected": {"verdict": "accept"},
    }
    with pytest.raises(MalformedError, match="no accepted recording of snp"):
        recorded(manifest(tmp_path, [case]))


def test_a_file_outside_the_folder_is_not_read(tmp_path: Path) -> None:
    case = {
        "tee": "snp",
        "origin": "real",
        "files": dict.fromkeys(("evidence", "vek", "ark", "intermediate"), "../x"),
        "expected": {"verdict": "accept"},
    }
    with pytest.raises(MalformedError, match="lies elsewhere"):
        recorded(manifest(tmp_path, [case]))
