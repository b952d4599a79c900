"""`keyturn officer enrol` and `enrolment`: a request that its own key signs."""

import json
from pathlib import Path

import pytest

from keyturn.officerkeys.keyfile import read_key_file
from keyturn.quorum.enrolment import parse_enrolment
from unit.cli.officer_desk import PASSPHRASE, Desks, make_desks

PIN = "sha256:" + "ab" * 32


@pytest.fixture
def desks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desks:
    return make_desks(tmp_path, monkeypatch)


@pytest.fixture
def key(desks: Desks, tmp_path: Path) -> Path:
    path = tmp_path / "zoe.key"
    desks.run("officer", "new", "zoe", "--key-file", path, passphrase=PASSPHRASE)
    return path


def asked(desks: Desks, key: Path, out: Path, *more: str, passphrase: bytes = PASSPHRASE):  # type: ignore[no-untyped-def]
    return desks.run(
        *("officer", "enrol", "zoe", "--fingerprint", PIN, "--key-file", key, "-o", out, *more),
        passphrase=passphrase,
    )


def test_the_file_proves_the_key(desks: Desks, key: Path, tmp_path: Path) -> None:
    out = tmp_path / "zoe.enrol"
    done = asked(desks, key, out, "--role", "auditor", "--name", "Zoë", "--json")
    assert done.exit_code == 0, done.output
    said = json.loads(done.stdout)
    found = parse_enrolment(out.read_bytes())
    public = read_key_file(key).public

    assert [each.spki for each in found.officer.keys] == [public.spki]
    assert found.officer.hpke == public.hpke
    assert (said["digest"], said["authority"], said["roles"]) == (found.digest, PIN, ["auditor"])
    read = json.loads(desks.run("officer", "enrolment", out, "--json").stdout)
    assert read == {name: value for name, value in said.items() if name != "file"}
    assert "Zoë" in desks.run("officer", "enrolment", out).stdout


def test_nothing_is_written_without_the_key(desks: Desks, key: Path, tmp_path: Path) -> None:
    out = tmp_path / "zoe.enrol"
    assert asked(desks, key, out, passphrase=b"a wrong passphrase").exit_code == 1
    assert not out.exists()
    out.write_bytes(b"precious")
    assert asked(desks, key, out).exit_code == 1
    assert out.read_bytes() == b"precious"


def test_a_changed_request_is_refused(desks: Desks, key: Path, tmp_path: Path) -> None:
    out = tmp_path / "zoe.enrol"
    asked(desks, key, out)
    document = json.loads(out.read_bytes())
    document["signatures"] = []
    out.write_text(json.dumps(document))
    done = desks.run("officer", "enrolment", out)
    assert done.exit_code == 1
    assert "not signed by each key" in done.stderr


def test_another_officers_key_file_is_refused(desks: Desks, key: Path, tmp_path: Path) -> None:
    done = desks.run(
        *("officer", "enrol", "eve", "--fingerprint", PIN, "--key-file", key),
        *("-o", tmp_path / "eve.enrol"),
        passphrase=PASSPHRASE,
    )
    assert done.exit_code == 1
    assert "another officer's" in done.stderr
