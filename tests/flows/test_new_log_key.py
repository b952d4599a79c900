"""A token is lost, another takes its place, and the log goes on: everybody follows (§6.2).

The shipped keyholder on two real tokens, the shipped control plane and witness; and somebody who
kept the old token.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from shutil import copytree

import pytest
from typer.testing import CliRunner

from keyturn.agent.authority import PinnedAuthority
from keyturn.base.errors import KeyturnError
from keyturn.base.strictjson import dump
from keyturn.cli.main import build
from keyturn.client.errors import HistoryRewritten
from keyturn.client.logexport import write_export
from keyturn.control.config import WitnessPlace
from keyturn.hsm.protocol import Hsm
from keyturn.keyholder.continuing import continue_log
from keyturn.keyholder.genesis import log_signer
from keyturn.keyholder.logdisk import LogDisk
from keyturn.keyholder.service import Keyholder
from keyturn.keyrelease.answer import check_answer, open_dek
from keyturn.keyrelease.errors import BadProof
from keyturn.keyrelease.grant import parse_answer
from keyturn.keyrelease.request import parse_request
from keyturn.quorum.kinds import Kind
from keyturn.tlog.checkpoints import cosignatures_of
from keyturn.wire.witness import AddCheckpoint
from support.hsmtoken import make_model
from support.hsmviews import HsmView
from support.ready import Ready
from support.system import NEXT_ORIGIN, ORIGIN, model_digest
from support.watching import revocation_body
from support.whole import Whole, running_whole
from support.witnesses import require_witnesses
from support.witnessing import RunningWitness, pen_of, running_witness, witness_config


@pytest.fixture
def second(second_worker: Hsm) -> HsmView:
    return HsmView(second_worker)


@pytest.fixture
def witness(ready: Ready, tmp_path: Path) -> Iterator[RunningWitness]:
    system = ready.system
    config = witness_config(tmp_path / "witness", system.bundle_bytes, system.fingerprint)
    require_witnesses(system, [pen_of(config).key], 1)
    with running_witness(config, system.clock) as running:
        yield running


@pytest.fixture
def whole(ready: Ready, witness: RunningWitness, tmp_path: Path) -> Iterator[Whole]:
    directory = tmp_path / "whole"
    directory.mkdir()
    place = WitnessPlace(witness.url, witness.pin)
    with running_whole(ready.system, directory, witnesses=(place,), witness_seconds=0.02) as made:
        yield made


def cosigned(whole: Whole) -> list[int]:
    return [each.size for each in whole.system.keyholder.cosignatures.witnessed().cosigned]


def settle(whole: Whole) -> None:
    """The newest checkpoint is cosigned, and the control plane has caught up."""
    whole.world.catch_up()
    whole.world.until(lambda: cosigned(whole) == [whole.system.keyholder.journal.log.size])


def test_a_system_goes_on_with_another_token(
    ready: Ready, whole: Whole, witness: RunningWitness, second: HsmView, tmp_path: Path
) -> None:
    system = ready.system
    node_authority = PinnedAuthority(system.bundle_bytes, system.fingerprint, system.clock)
    whole.enact(Kind.REVOCATION, "node:other", revocation_body("other"))
    settle(whole)
    before = {name: desk.seen().checkpoint.checkpoint for name, desk in whole.desks.items()}

    system.replace_token(second)
    settle(whole)

    # officers, with windows that were open all the time
    for name, desk in whole.desks.items():
        seen = desk.seen()
        assert seen.checkpoint.checkpoint.origin == NEXT_ORIGIN
        assert seen.state.log_names[0].last is not None
        assert seen.state.log_names[0].last >= before[name].size
        assert len(cosignatures_of(seen.checkpoint.note, seen.authority.roster.witnesses.keys)) == 1
        assert desk.receipt(1).checkpoint.checkpoint.origin == NEXT_ORIGIN
        assert {each.status.value for each in desk.proposals()} == {"in-force", "superseded"}
    # the witness
    assert witness.log.origin == NEXT_ORIGIN
    # statements, models and nodes
    whole.enact(Kind.REVOCATION, "node:third", revocation_body("third"))
    model = make_model()
    wrapped = system.admit(model).wrapped
    settle(whole)
    raw = ready.node.request(system.challenge(), model_digest(model))
    answer = parse_answer(dump(ready.release(raw, wrapped).answer))
    with pytest.raises(KeyturnError):  # log key and result key are others
        check_answer(answer, parse_request(raw), node_authority.current, system.clock())
    with whole.node_link() as link:
        assert node_authority.refresh(link.authority())
    checked = check_answer(answer, parse_request(raw), node_authority.current, system.clock())
    secrets = ready.node.secrets
    assert bytes(open_dek(checked, secrets.hpke, secrets.rsa_key)) == model.dek

    # an auditor, offline
    desk, export = whole.desks["emil"], tmp_path / "export"
    at = desk.seen().checkpoint
    write_export(export, at, desk.entries(0, at.checkpoint.size), desk.read_object)
    arguments = ["log", "verify", str(export), "--fingerprint", system.fingerprint]
    told = CliRunner().invoke(build("log"), [*arguments, "--json"])
    assert told.exit_code == 0, told.output
    assert json.loads(told.stdout)["origin"] == NEXT_ORIGIN


def test_a_log_put_back_before_the_new_token_is_told_by_all(
    ready: Ready, whole: Whole, witness: RunningWitness, second: HsmView, tmp_path: Path
) -> None:
    """Who restores has an older copy of the log, or says so: a quorum for keys hides nothing."""
    system = ready.system
    settle(whole)
    older = tmp_path / "older"
    copytree(system.directory / "log", older)
    whole.enact(Kind.REVOCATION, "node:other", revocation_body("other"))
    settle(whole)
    known = whole.desks["ada"].seen().checkpoint.checkpoint.size
    system.keyholder.close()
    what = system.continuation(second)
    bundle = continue_log(older, second, system.fingerprint, what, system.clock)
    sign, key = log_signer(second)
    log = LogDisk.open(older, NEXT_ORIGIN, sign, key)
    system.keyholder = Keyholder(log, second, system.fingerprint, system.clock)
    while log.size <= known:
        system.keyholder.journal.put_object(b"")
        system.keyholder.close()
        log = LogDisk.open(older, NEXT_ORIGIN, sign, key)
        system.keyholder = Keyholder(log, second, system.fingerprint, system.clock)

    witness.log.take_authority(bundle)
    at = witness.log.state.size
    proof = log.consistency(at, log.size)
    with pytest.raises(BadProof):
        witness.log.add_checkpoint(AddCheckpoint(at, proof, log.checkpoint.to_bytes()))
    whole.world.until(lambda: whole.world.health()["status"] == "degraded")
    assert "another entry" in str(whole.world.health()["reason"])
    with pytest.raises((HistoryRewritten, KeyturnError)):
        whole.desks["ada"].seen()


def test_who_kept_the_old_token_has_no_witness(
    ready: Ready, whole: Whole, witness: RunningWitness, second: HsmView, tmp_path: Path
) -> None:
    system, first = ready.system, ready.system.hsm
    settle(whole)
    older = tmp_path / "older"
    copytree(system.directory / "log", older)
    system.replace_token(second)
    settle(whole)

    sign, key = log_signer(first)
    with LogDisk.open(older, ORIGIN, sign, key) as log:
        last = next(log.leaves(log.size - 1, log.size))
        while log.size <= witness.log.state.size:
            log.append(last)
        at = witness.log.state.size
        with pytest.raises(KeyturnError):
            witness.log.add_checkpoint(
                AddCheckpoint(at, log.consistency(at, log.size), log.checkpoint.to_bytes())
            )
