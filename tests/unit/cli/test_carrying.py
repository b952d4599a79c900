"""Proposals carried to an officer without network, as QR pictures, and back."""

import json
from pathlib import Path

import pytest

from keyturn.client.transport import Transport
from support.authority import policy_body
from unit.cli.officer_desk import Desks, make_desks


@pytest.fixture
def desks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desks:
    return make_desks(tmp_path, monkeypatch)


def proposed(desks: Desks, tmp_path: Path) -> str:
    body = tmp_path / "policy.json"
    body.write_text(json.dumps(policy_body()))
    document = desks.json(
        *("ada", "proposal", "new", "--kind", "policy", "--subject", "serving"),
        *("--body", body, "--reason", "first policy"),
    )
    return str(document["digest"])


def test_pictures_go_to_an_officer_without_network_and_come_back(
    desks: Desks, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    digest, there, back = proposed(desks, tmp_path), tmp_path / "there", tmp_path / "back"
    written = desks.json("ada", "proposal", "export", digest, "--qr", there)
    assert [Path(each).parent for each in written["pictures"]] == [there] * len(
        list(there.iterdir())
    )
    desks.sit("bela")
    with monkeypatch.context() as patched:
        patched.setattr(Transport, "pinned", lambda *_: pytest.fail("the network was used"))
        signed = desks.json("bela", "proposal", "approve", "--qr", there, "--qr-out", back, "--yes")
    assert (signed["approved_by"], signed["digest"]) == (["bela"], digest)
    names = [option for each in sorted(back.iterdir()) for option in ("--qr", each)]
    done = desks.json("ada", "proposal", "import", *names)
    assert (done["in_force"], done["approved_by"]) == (False, ["bela"])


def test_missing_pictures_are_named_and_nothing_is_signed(desks: Desks, tmp_path: Path) -> None:
    there, back = tmp_path / "there", tmp_path / "back"
    desks.json("ada", "proposal", "export", proposed(desks, tmp_path), "--qr", there)
    sorted(there.iterdir())[1].unlink()
    result = desks.as_(
        *("bela", "proposal", "approve", "--qr", there, "--qr-out", back, "--yes", "--json")
    )
    assert result.exit_code == 1
    error = json.loads(result.stdout)["error"]
    assert (error["kind"], error["expected"]) == ("PartsMissing", "also 2")
    assert not back.exists()
