"""The commands as a person or a script runs them; the authority bundle is another test's."""

import json

import pytest
import typer
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from typer.testing import CliRunner

from keyturn.base.encoding import digest_of
from keyturn.cli import sealing
from keyturn.seal.sealedkey import OaepHash
from keyturn.vault.copies import read_info
from keyturn.vault.hygiene import Hygiene
from keyturn.vault.opener import open_model

PINNED = digest_of(b"roster")


@pytest.fixture(scope="module")
def ingest():
    return rsa.generate_private_key(65537, 3072)


@pytest.fixture
def run(ingest, monkeypatch):
    """Run `keyturn` with a stand-in for the verified bundle and for the process's settings."""
    spki = ingest.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    monkeypatch.setattr(sealing, "ingest_key", lambda *_: (spki, OaepHash.SHA256))
    monkeypatch.setattr(sealing, "harden_process", lambda: Hygiene(frozenset(), ()))
    return invoke


def invoke(*arguments, **environment):
    app = typer.Typer()
    sealing.register(app)
    return CliRunner().invoke(app, [str(each) for each in arguments], env=environment)


@pytest.fixture
def model(tmp_path):
    place = tmp_path / "Mini LM"
    place.mkdir()
    (place / "config.json").write_bytes(b"{}")
    (place / "weights.bin").write_bytes(b"w" * 3_000_000)
    return place


def seal(run, model, *more):
    out = model.parent / "out"
    return run("seal", model, "--to", "bundle", "--fingerprint", PINNED, "-o", out, *more), out


def test_what_seal_makes_opens_with_the_ingest_key(run, model, ingest):
    result, out = seal(run, model, "--json")
    assert result.exit_code == 0
    document = json.loads(result.stdout)
    found = read_info(out)
    assert document["model_digest"] == found.model_digest
    assert (document["model_id"], document["name"], document["files"]) == ("mini-lm", "Mini LM", 2)
    scheme = padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None)
    dek = bytearray(ingest.decrypt(found.key.wrapped.value, scheme))
    with open_model(out, dek, found.model_digest, found.key.tag) as opened:
        assert bytes(opened["weights.bin"]) == b"w" * 3_000_000
        assert opened.contents.content_id == document["content_id"]


def test_each_sealing_has_its_own_key(run, model):
    first, out = seal(run, model, "--json")
    out.rename(model.parent / "first")
    second, _ = seal(run, model, "--json")
    assert json.loads(first.stdout)["tag"] != json.loads(second.stdout)["tag"]


def test_for_people(run, model):
    result, out = seal(run, model, "--name", "MiniLM", "--version", "6", "--id", "minilm")
    assert result.exit_code == 0
    assert "MiniLM, version 6 (minilm)" in result.stdout
    assert read_info(out).model_digest in result.stdout


def test_what_a_killed_sealing_left_is_pointed_out(run, model):
    left = model.parent / ".out.sealing-00"
    left.mkdir()
    result, out = seal(run, model)
    assert str(left) in result.stderr
    assert out.exists()


def test_a_refusal_says_what_to_do_and_exits_1(run, model):
    (model / "link").symlink_to("/etc/passwd")
    result, out = seal(run, model)
    assert result.exit_code == 1
    assert "symbolic link" in result.stderr
    assert "cp -rL" in result.stderr
    assert not out.exists()


def test_a_refusal_for_machines(run, model):
    result, _ = seal(run, model, "--json", "--id", "Not An Id")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["error"]["kind"] == "MalformedSealedModel"


def test_an_interrupt_is_not_a_traceback(run, model, monkeypatch):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(sealing, "seal_to_key", interrupt)
    result, _ = seal(run, model)
    assert result.exit_code == 1
    assert "nothing is left of it" in result.stderr


def test_the_fingerprint_is_required(run, model):
    result = run("seal", model, "--to", "bundle", "-o", "out", KEYTURN_FINGERPRINT=None)
    assert result.exit_code == 2
    assert "fingerprint" in result.stderr


def test_a_bundle_that_is_none_is_refused(model, tmp_path, monkeypatch):
    monkeypatch.setattr(sealing, "harden_process", lambda: Hygiene(frozenset(), ()))
    (tmp_path / "bundle").write_bytes(b"{}")
    result = invoke(
        "seal", model, "--to", tmp_path / "bundle", "--fingerprint", PINNED, "-o", tmp_path / "out"
    )
    assert result.exit_code == 1
    assert "authority bundle: field 'type' is missing" in result.stderr
    assert not (tmp_path / "out").exists()


def test_info_for_people_and_machines(run, model):
    _, out = seal(run, model)
    document = json.loads(run("sealed", "info", out, "--json").stdout)
    assert {each["path"] for each in document["entries"]} == {
        "config.json",
        "weights.bin",
        "keyturn.contents.json",
    }
    assert document["oaep_hash"] == "sha256"
    assert document["model_digest"] in run("sealed", "info", out).stdout


def test_info_says_when_the_key_file_is_gone(run, model):
    _, out = seal(run, model)
    (out / "keyturn.key").unlink()
    assert "deleted after admission" in run("sealed", "info", out).stdout
    assert json.loads(run("sealed", "info", out, "--json").stdout)["tag"] is None


def test_verify_passes_a_whole_copy(run, model):
    _, out = seal(run, model)
    digest = read_info(out).model_digest
    document = json.loads(run("sealed", "verify", out, "--digest", digest, "--json").stdout)
    assert (document["whole"], document["digest_was_given"]) == (True, True)
    (out / "extra").write_bytes(b"")
    assert "not part of the model: extra" in run("sealed", "verify", out).stderr


def test_verify_names_what_is_damaged(run, model):
    _, out = seal(run, model)
    place = out / "weights.bin.sealed"
    place.write_bytes(place.read_bytes()[:-1] + b"\0")
    result = run("sealed", "verify", out)
    assert result.exit_code == 1
    assert "weights.bin" in result.stderr


def test_verify_refuses_another_digest(run, model):
    _, out = seal(run, model)
    result = run("sealed", "verify", out, "--digest", digest_of(b"other"))
    assert result.exit_code == 1
    assert "not the approved one" in result.stderr


def test_progress_is_shown_only_on_a_terminal(monkeypatch):
    with sealing._progress("Sealing", quiet=False) as report:
        assert report is None
    monkeypatch.setattr(sealing.sys.stderr, "isatty", lambda: True, raising=False)
    with sealing._progress("Sealing", quiet=False) as report:
        report(1, 2)
