"""Cases of a manifest: a case that lacks what its kind needs is malformed, not skipped."""

from pathlib import Path

import pytest

from keyturn.attest.conformance import Verdict
from keyturn.base.errors import MalformedError
from keyturn.base.strictjson import Fields, JsonObject
from keyturn.cli.evidence.cases import READERS


def case(**values: object) -> Fields:
    document: JsonObject = {"verify_time": "2026-11-29T00:00:00Z", **values}  # type: ignore[dict-item]
    return Fields(document, "case")


@pytest.mark.parametrize("tee", sorted(READERS))
def test_files_are_named_one_by_one(tmp_path: Path, tee: str) -> None:
    with pytest.raises(MalformedError):
        READERS[tee](tmp_path, case(files=[], policy={"allowed_algorithms": ["ES384"]}), tee)


def test_no_file_lies_outside(tmp_path: Path) -> None:
    for path in ("/etc/hostname", "../x", 7):
        with pytest.raises(MalformedError, match="outside"):
            READERS["eventlog"](tmp_path, case(files={"eventlog": path}), "eventlog")


def test_times_may_be_null_where_nothing_has_dates(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(b"\0")
    fields = Fields({"verify_time": None, "files": {"eventlog": "log"}}, "case")
    assert READERS["eventlog"](tmp_path, fields, "eventlog").verdict is Verdict.REJECT
    with pytest.raises(MalformedError):
        READERS["snp"](tmp_path, Fields({"verify_time": None, "files": {}}, "case"), "snp")


def test_a_nonce_of_any_length_is_hex(tmp_path: Path) -> None:
    with pytest.raises(MalformedError, match="hex"):
        READERS["tpm"](tmp_path, case(files={}, expected_nonce="0"), "tpm")
