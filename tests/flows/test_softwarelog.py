"""An authority on a token without Ed25519: founded, unsealed, releasing, started anew, audited.

Its log key is a *software log key*; nothing else differs for anybody, and everybody is told.
"""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from flows.test_process import Desk, audit
from keyturn.base.encoding import Digest
from keyturn.ceremony.facts import Preflighted, TokenMade
from keyturn.ceremony.keyfacts import KeyPurpose
from keyturn.ceremony.minutes import make_minutes
from keyturn.ceremony.transcript import StepDone, parse_transcript, verify_transcript
from keyturn.cli.main import build
from keyturn.client.logexport import write_export
from keyturn.hsm import genesis
from keyturn.hsm.genesis import write_configuration
from keyturn.keyholder.ceremonies.actions import founding, newsecrets
from keyturn.quorum.bodies import Purpose
from keyturn.quorum.bundle import load_bundle
from keyturn.tlog.checkpoints import verify_checkpoint
from keyturn.wire.errors import PeerRefused
from keyturn.wire.keyholder import AskCheckpoint, AskHello, AskObject
from keyturn.wire.unsealing import AskUnseal
from keyturn_sim.vendors import SimVendors
from support.ceremonies import Cast
from support.ceremonies_host import Table, genesis_plan, host_here, now
from support.custodians import Custodians, share_out
from support.founded import ORIGIN, KeyholderProcess, keyholder, make_founded
from support.nodes import NodeSecrets
from support.softwarelog import without_ed25519

pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every SoftHSM slot that is made cannot sign with Ed25519."""

    def writing(directory: Path) -> Path:
        return without_ed25519(write_configuration(directory))

    for module in (genesis, founding, newsecrets):
        monkeypatch.setattr(module, "write_configuration", writing)


@pytest.mark.usefixtures("narrow")
def test_a_genesis_goes_on_and_its_record_says_what_was_made(tmp_path: Path) -> None:
    cast = Cast()
    with host_here(tmp_path / "host") as door:
        table = Table(door, cast)
        table.open(genesis_plan(cast))
        table.run()
        verified = verify_transcript(parse_transcript(table.file("transcript.json")))
        raw = table.file("authority.bundle")
    assert verified.looked_at.log is not None
    assert verified.authority is not None
    told = [each.facts for each in verified.happened if isinstance(each, StepDone)]
    (tried,) = (each for each in told if isinstance(each, Preflighted))
    assert any("a software log key" in each for each in tried.remarks)
    (made,) = (each for each in told if isinstance(each, TokenMade))
    assert [each.purpose for each in made.keys if each.in_software] == [KeyPurpose.LOG]
    bundle = load_bundle(raw, verified.authority, now())
    assert bundle.keys.keys[Purpose.LOG].in_software
    assert "Software log key" in str(make_minutes(verified))


@pytest.mark.usefixtures("narrow")
def test_it_is_unsealed_releases_is_killed_and_goes_on(
    tmp_path: Path, vendors: SimVendors, node_secrets: NodeSecrets
) -> None:
    founded = make_founded(tmp_path / "authority")
    assert founded.bundle.keys.keys[Purpose.LOG].in_software
    custodians = share_out(founded)
    desk = Desk(founded, vendors, node_secrets)
    with keyholder(founded, sealed=True) as process:
        unseal(custodians, process)
        desk.prepare(process)
        raw = desk.request(process)
        assert desk.open(raw, desk.release(process, raw)) == desk.model.dek
        before = process.ask(AskHello()).size
        process.kill()
    with keyholder(founded, sealed=True) as process:
        unseal(custodians, process)
        raw = desk.request(process)
        assert desk.open(raw, desk.release(process, raw)) == desk.model.dek
        found, leaves = audit(process)
        assert len(leaves) > before
        assert found.counts["grant"] == 2
        exported(process, leaves, tmp_path / "export")
    arguments = ["log", "verify", str(tmp_path / "export"), "--fingerprint", founded.fingerprint]
    said = CliRunner().invoke(build("log"), [*arguments, "--json"])
    assert said.exit_code == 0, said.output
    assert json.loads(said.stdout)["size"] == len(leaves)


def unseal(custodians: Custodians, process: KeyholderProcess) -> None:
    """Two custodians are not enough: nothing is signed; three are."""
    news = process.ask(AskUnseal())
    for name in ("ada", "bela"):
        assert process.ask(custodians.share(news, name)).sealed
    assert process.ask(AskHello()).sealed
    assert not process.ask(custodians.share(news, "chen"), seconds=60).sealed


def exported(process: KeyholderProcess, leaves: list[bytes], directory: Path) -> None:
    key = process.founded.bundle.log_key()
    at = verify_checkpoint(process.ask(AskCheckpoint()).encode(), key, ORIGIN)
    size = at.checkpoint.size

    def read(digest: Digest) -> bytes | None:
        try:
            return process.ask(AskObject(digest))
        except PeerRefused:
            return None  # only its digest is in the log

    write_export(directory, at, leaves[:size], read)
