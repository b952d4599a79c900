"""`keyturn log receipt`, and `keyturn log verify` of what it wrote, without a server."""

import json
from pathlib import Path

import httpx
import pytest

from keyturn.base.encoding import b64
from keyturn.quorum.bundle import make_bundle
from keyturn.quorum.kinds import Kind
from support.witnesses import Pen
from unit.cli.officer_desk import Desks, make_desks
from unit.client.scripted_server import Document

INDEX = 2


@pytest.fixture
def pen() -> Pen:
    return Pen("one.example")


@pytest.fixture
def desks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pen: Pen) -> Desks:
    made = make_desks(tmp_path, monkeypatch)
    server, plain = made.server, made.server.receipt
    keys = [{"algorithm": "ed25519", "spki": b64(pen.verify_key.spki)}]
    body = server.authority.roster_body(witnesses={"keys": keys, "k": 1, "t_seconds": 300})
    server.enact(Kind.ROSTER, "roster", body)

    def cosigned(index: int) -> Document:
        found = plain(index)
        seconds = int(server.clock().timestamp())
        note = pen.cosigned(str(found["checkpoint"]).encode(), seconds)
        return {**found, "checkpoint": note.decode()}

    monkeypatch.setattr(server, "receipt", cosigned)
    return made


@pytest.fixture
def files(desks: Desks, tmp_path: Path) -> tuple[Path, Path]:
    receipt, bundle = tmp_path / "a.receipt", tmp_path / "authority.bundle"
    bundle.write_bytes(make_bundle(desks.server.state))
    document = desks.json("ada", "log", "receipt", INDEX, "-o", receipt)
    assert (document["index"], document["size"]) == (INDEX, len(desks.server.leaves))
    assert (document["witnesses"], document["witnesses_needed"]) == (1, 1)
    return receipt, bundle


def test_it_verifies_without_network(
    desks: Desks, files: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(httpx, "Client", None)
    receipt, bundle = files
    words = ("log", "verify", receipt, "--authority", bundle)
    words += ("--fingerprint", desks.server.fingerprint)  # type: ignore[assignment]
    result = desks.run(*words, "--json")
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    assert (document["index"], document["enough_witnesses"]) == (INDEX, True)
    assert [each["name"] for each in document["witnesses"]] == ["one.example"]
    assert document["entry"]["kind"] == "statement"
    people = desks.run(*words)
    for text in ("1 of 1, 1 needed", "one.example at ", "The entry is in the log."):
        assert text in people.stdout


def test_a_changed_byte_is_refused(desks: Desks, files: tuple[Path, Path]) -> None:
    receipt, bundle = files
    whole = receipt.read_bytes()
    for part in (b'"leaf":"', b'"proof":["', b"one.example", b'"index":', b"test.example"):
        place = whole.index(part) + len(part)
        changed = bytearray(whole)
        changed[place] ^= 1
        receipt.write_bytes(changed)
        result = desks.run(
            *("log", "verify", receipt, "--authority", bundle),
            *("--fingerprint", desks.server.fingerprint),
        )
        assert result.exit_code == 1, part
        assert len(result.stderr) > 20


def test_too_few_witnesses_are_refused_unless_any_number_will_do(
    desks: Desks, files: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    receipt, bundle = files
    fields = json.loads(receipt.read_text())
    text, _, lines = fields["checkpoint"].partition("\n\n")
    fields["checkpoint"] = f"{text}\n\n{lines.splitlines(keepends=True)[0]}"
    receipt.write_text(json.dumps(fields, separators=(",", ":"), ensure_ascii=False))
    words = ("log", "verify", receipt, "--authority", bundle, "--fingerprint")
    result = desks.run(*words, desks.server.fingerprint)
    assert result.exit_code == 1
    assert "too few witnesses" in result.stderr
    taken = desks.run(*words, desks.server.fingerprint, "--any-witnesses")
    assert taken.exit_code == 0
    assert "Too few witnesses" in taken.stdout


def test_a_receipt_needs_its_authority(desks: Desks, files: tuple[Path, Path]) -> None:
    result = desks.run("log", "verify", files[0], "--fingerprint", desks.server.fingerprint)
    assert result.exit_code == 2


def test_an_existing_file_is_not_written_over(desks: Desks, files: tuple[Path, Path]) -> None:
    assert desks.as_("ada", "log", "receipt", INDEX, "-o", files[0]).exit_code == 1
