"""`keyturn model`: registered, proposed for admission, admitted when the log says so."""

import json
from pathlib import Path

import pytest

from keyturn.base.encoding import b64, digest_of
from unit.cli.officer_desk import Desks, make_desks

TAG = "a7" * 32
KEY = json.dumps(
    {
        "type": "sealed-key",
        "format": 1,
        "ingest_key": "00" * 32,
        "algorithm": "rsa-oaep",
        "oaep_hash": "sha256",
        "wrapped": b64(bytes(384)),
        "tag": TAG,
    }
).encode()
CONTENTS = {  # an empty file sealed: header 40, one tag 16
    "path": "keyturn.contents.json",
    "size": 0,
    "sealed_size": 56,
    "sealed_sha256": "sha256:" + "00" * 32,
}
MANIFEST = json.dumps(
    {
        "type": "sealed-model",
        "format": 1,
        "model_id": "mini",
        "name": "Mini",
        "version": "1",
        "created": "2026-11-23T08:00:00Z",
        "files": [CONTENTS],
        "provenance": {"tool": "keyturn", "tool_version": "0.1.0", "files": 0, "bytes": 0},
    }
).encode()


@pytest.fixture
def desks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desks:
    return make_desks(tmp_path, monkeypatch)


@pytest.fixture
def sealed(tmp_path: Path) -> Path:
    place = tmp_path / "sealed"
    place.mkdir()
    (place / "keyturn.json").write_bytes(MANIFEST)
    (place / "keyturn.key").write_bytes(KEY)
    return place


def test_from_registered_to_admitted(desks: Desks, sealed: Path) -> None:
    model = desks.json("ada", "model", "register", sealed)
    assert (model["name"], model["admitted"]) == ("Mini", False)
    proposal = desks.json(
        *("ada", "model", "admit", sealed),
        *("--policy", "serving", "--reason", "reviewed"),
    )
    assert (proposal["kind"], proposal["subject"]) == ("model", model["digest"])
    assert proposal["body"]["tag"] == TAG
    assert "NOT IN FORCE" in desks.as_("ada", "model", "list").stdout
    for name in ("bela", "chen"):
        desks.json(name, "proposal", "approve", proposal["digest"], "--yes")
    shown = desks.json("ada", "model", "show", "Mini")
    assert (shown["admitted"], shown["admission"]) == (True, proposal["digest"])
    assert "log index" in desks.as_("ada", "model", "list").stdout


def test_a_directory_that_is_no_sealed_model_is_refused(desks: Desks, tmp_path: Path) -> None:
    result = desks.as_("ada", "model", "register", tmp_path)
    assert result.exit_code == 1
    assert "keyturn.json" in result.stderr


ADMIT = ("--policy", "serving", "--reason", "reviewed")


def test_what_is_signed_is_the_files_whatever_the_server_says(desks: Desks, sealed: Path) -> None:
    desks.json("ada", "model", "register", sealed)
    evil = {"digest": "sha256:" + "ee" * 32, "name": "Mini", "version": "9", "tag": "ee" * 32}
    desks.server.models[0].update(evil)

    made = desks.json("ada", "model", "admit", sealed, *ADMIT)

    assert made["subject"] == digest_of(MANIFEST)
    assert made["body"] == {
        "model": digest_of(MANIFEST),
        "name": "Mini",
        "version": "1",
        "tag": TAG,
        "policy": "serving",
    }


@pytest.mark.parametrize("name", ["Mini", digest_of(MANIFEST), digest_of(MANIFEST)[7:19]])
def test_a_mere_name_or_digest_is_not_signed(desks: Desks, sealed: Path, name: str) -> None:
    desks.json("ada", "model", "register", sealed)
    result = desks.as_("ada", "model", "admit", name, *ADMIT)

    assert result.exit_code == 1
    assert "own files" in result.stderr
    listed = desks.json("ada", "proposal", "list")["proposals"]
    assert [each for each in listed if each["kind"] == "model"] == []


@pytest.mark.parametrize("missing", ["keyturn.json", "keyturn.key"])
def test_both_files_are_needed(desks: Desks, sealed: Path, missing: str) -> None:
    (sealed / missing).unlink()
    result = desks.as_("ada", "model", "admit", sealed, *ADMIT)

    assert result.exit_code == 1
    assert missing in result.stderr


def test_an_approver_reads_what_is_bound_and_what_is_only_said(desks: Desks, sealed: Path) -> None:
    made = desks.json("ada", "model", "admit", sealed, *ADMIT)
    lines = desks.as_("bela", "proposal", "show", made["digest"]).stdout.splitlines()

    assert any("binds model" in line and digest_of(MANIFEST) in line for line in lines)
    assert any("binds tag" in line and TAG in line for line in lines)
    assert any("Mini" in line and "proposer's word" in line for line in lines)
