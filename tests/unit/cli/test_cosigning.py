"""`keyturn officer cosigner` and `keyturn officer owed`."""

import json
from pathlib import Path

import pytest

from keyturn.base.encoding import b64
from keyturn.base.strictjson import dump
from keyturn.client.offline import TYPE
from keyturn.client.witnesskeys import read_witness_key
from keyturn.quorum.bundle import make_bundle
from keyturn.quorum.kinds import Kind
from support.authority import Proposal
from support.watching import revocation_body
from unit.cli.officer_desk import Desks, make_desks


@pytest.fixture
def desks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desks:
    return make_desks(tmp_path, monkeypatch)


def test_the_cosigning_key_is_this_profiles_and_stays(desks: Desks) -> None:
    document = desks.json("ada", "officer", "cosigner")
    assert document["name"] == "officer-ada"
    assert read_witness_key(document["vkey"]).key_id == document["key_id"]
    assert desks.json("ada", "officer", "cosigner") == document
    assert desks.json("bela", "officer", "cosigner")["spki"] != document["spki"]
    for text in (document["spki"], document["vkey"]):
        assert text in desks.as_("ada", "officer", "cosigner").stdout


def handed(desks: Desks, tmp_path: Path) -> Proposal:
    """Approved by Bela from a file; the server is told nothing."""
    server = desks.server
    made = server.authority.propose(Kind.REVOCATION, "node:node-1", revocation_body(), by="chen")
    document = {
        "type": TYPE,
        "format": 1,
        "statement": b64(made.raw),
        "approvals": [],
        "bundle": b64(make_bundle(server.state)),
    }
    file = tmp_path / "revocation.json"
    file.write_bytes(dump(document))
    signed = ("proposal", "approve", file, "-o", tmp_path / "signed.json", "--yes")
    result = desks.as_("bela", *signed)
    assert result.exit_code == 0, result.output
    return made


def test_what_the_log_lacks_is_named_and_saved_for_the_keyholder(
    desks: Desks, tmp_path: Path
) -> None:
    assert desks.json("bela", "officer", "owed") == {"owed": []}
    assert "lacks nothing" in desks.as_("bela", "officer", "owed").stdout
    made = handed(desks, tmp_path)

    (found,) = desks.json("bela", "officer", "owed", "--save", tmp_path / "out")["owed"]
    assert (found["statement"], found["subject"], found["version"]) == (
        made.digest,
        "node:node-1",
        1,
    )
    saved = json.loads(Path(found["file"]).read_text())
    assert saved["statement"] == b64(made.raw)
    assert len(saved["approvals"]) == 1
    assert "node:node-1, version 1, since " in desks.as_("bela", "officer", "owed").stdout
    assert desks.json("ada", "officer", "owed") == {"owed": []}

    made.approvals.append(desks.server.authority.approval(made.digest, "chen"))
    desks.server.enter(made)
    assert desks.json("bela", "officer", "owed") == {"owed": []}
