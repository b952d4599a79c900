"""`keyturn node explain`, `node evidence` and `evidence explain`: the same words at every desk."""

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from keyturn.cli import evidence
from keyturn.cli.nodeexplain import section_document
from keyturn.keyrelease.entries import read_refusal, refusal_entry
from keyturn.keyrelease.showing import sections_of
from keyturn.quorum.entries import parse_entry
from unit.cli.officer_desk import Desks, make_desks
from unit.client.test_inventory import refusal
from unit.keyrelease.release_desk import FIRMWARE, Desk


@pytest.fixture
def desks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desks:
    made = make_desks(tmp_path, monkeypatch)
    entry = read_refusal(parse_entry(refusal("n1")))
    made.server.append(refusal_entry(made.server.clock(), entry))
    return made


def test_a_refusal_whose_evidence_nobody_keeps_is_said(desks: Desks) -> None:
    document = desks.json("ada", "node", "explain", "n1")
    assert document["measurable"] is False
    assert document["said_only"] == ["stale"]
    assert document["verdict"] == "refused"
    people = desks.as_("ada", "node", "explain", "n1")
    assert "not measurable" in people.stdout
    assert "said by the keyholder alone" in people.stdout


def test_evidence_that_is_not_kept_has_checks_and_no_fields(desks: Desks) -> None:
    document = desks.json("ada", "node", "evidence", "n1")
    assert (document["kept"], document["sections"]) == (False, [])
    assert document["checks"]
    one = desks.as_("ada", "node", "evidence", "n1", "--hex", "MEASUREMENT")
    assert one.exit_code == 1
    assert "0 fields are called" in one.stderr


def test_it_is_carried_and_checked_again_and_never_written_over(
    desks: Desks, tmp_path: Path
) -> None:
    bundle = tmp_path / "n1.zip"
    assert desks.as_("ada", "node", "explain", "n1", "-o", bundle).exit_code == 0
    assert bundle.stat().st_mode & 0o77 == 0
    again = desks.as_("ada", "node", "explain", "n1", "-o", bundle)
    assert again.exit_code == 1

    app = typer.Typer()
    evidence.register(app)
    words = ["evidence", "explain", str(bundle), "--fingerprint", desks.server.fingerprint]
    offline = CliRunner().invoke(app, [*words, "--json"])
    assert offline.exit_code == 0, offline.output
    document = json.loads(offline.stdout)
    assert (document["node"], document["differing"]) == ("n1", [])
    by_profile = CliRunner().invoke(
        app, ["evidence", "explain", str(bundle), "--profile", str(desks.sit("ada"))]
    )
    assert by_profile.exit_code == 0, by_profile.output
    words[-1] = "sha256:" + "ab" * 32
    assert CliRunner().invoke(app, words).exit_code == 1
    bundle.write_bytes(b"x")
    assert CliRunner().invoke(app, words).exit_code == 1
    assert CliRunner().invoke(app, ["evidence", "explain", "none"]).exit_code == 1


def test_an_unknown_node_is_refused(desks: Desks) -> None:
    for command in ("explain", "evidence"):
        assert desks.as_("ada", "node", command, "n9").exit_code == 1


def test_a_section_as_a_document() -> None:
    request = Desk().request()
    found = section_document(sections_of(request)[1])
    assert found["specification"] == "AMD 56860, ATTESTATION_REPORT"
    fields = found["fields"]
    assert isinstance(fields, list)
    assert {
        "name": "MEASUREMENT",
        "offset": 0x90,
        "size": 48,
        "value": FIRMWARE.hex(),
        "note": "",
    } in fields
