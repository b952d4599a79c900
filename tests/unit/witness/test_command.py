"""`keyturn witness init` and `hand-in`."""

import json
from pathlib import Path

import typer
from typer.testing import CliRunner

from keyturn.tlog.notes import SignatureType, parse_note_key
from keyturn.witness.command import register
from support.control import ORIGIN
from support.founded import export_of
from support.watching import Shown
from support.witnessing import running_witness, witness_config


def app() -> typer.Typer:
    made = typer.Typer()
    made.command("other")(lambda: None)
    register(made)
    return made


def test_init_makes_a_key_and_shows_what_others_need(tmp_path: Path) -> None:
    arguments = ["witness", "init", str(tmp_path / "w.key"), "--name", "w.example", "--json"]
    done = CliRunner().invoke(app(), arguments)
    assert done.exit_code == 0, done.output
    shown = json.loads(done.stdout)
    key = parse_note_key(shown["vkey"])
    assert (key.name, key.type) == ("w.example", SignatureType.COSIGNATURE)
    assert shown["roster_entry"]["algorithm"] == "ed25519"
    assert CliRunner().invoke(app(), arguments).exit_code == 1


def test_a_revocation_is_handed_in_by_its_file(tmp_path: Path) -> None:
    shown = Shown()
    config = witness_config(tmp_path / "witness", shown.bundle, shown.fingerprint)
    file = tmp_path / "revocation.json"
    file.write_bytes(export_of(shown.revocation(), shown.bundle))
    with running_witness(config, shown.clock) as witness:
        where = ["--url", witness.url, "--pin", witness.pin, "--origin", ORIGIN]
        done = CliRunner().invoke(app(), ["witness", "hand-in", str(file), *where])
        assert done.exit_code == 0, done.output
        assert [each.subject for each in witness.log.state.pending] == ["node:node-1"]
        where[-1] = "else.example"
        done = CliRunner().invoke(app(), ["witness", "hand-in", str(file), *where])
        assert done.exit_code == 1
