"""The token is lost; a fresh one gets the KEK from the backup, and opens what was sealed before."""

import json
import shutil
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest

from keyturn.base.encoding import Digest, b64
from keyturn.base.strictjson import dump
from keyturn.base.times import format_time
from keyturn.ceremony.course import CourseState
from keyturn.ceremony.kinds import SCRIPTS
from keyturn.ceremony.plan import Plan
from keyturn.ceremony.records import Event
from keyturn.ceremony.script import ScriptKind, ShareUse
from keyturn.ceremony.transcript import parse_transcript, verify_transcript
from keyturn.hsm.backup import parse_backup
from keyturn.quorum.bundle import Authority
from keyturn.quorum.kinds import Kind
from keyturn.wire.ceremonies import PutCeremonyFile
from keyturn.wire.errors import PeerRefused
from support.ceremonies import EVERY_SCHEME, Cast
from support.ceremonies_host import (
    APPROVERS,
    InProcess,
    Killed,
    Stage,
    Table,
    approval,
    copied,
    genesis_plan,
    host_here,
    keyholder_in,
    now,
    statement,
)
from support.hsmtoken import Model, Node, Orders, admit, make_model

SHARES = {use: EVERY_SCHEME[use] for use in (ShareUse.USER, ShareUse.SO)}


@dataclass(frozen=True)
class Lost:
    """A keyholder's directory without its token, and a model that was admitted before."""

    directory: Path
    stage: Stage
    authority: Authority
    model: Model
    wrapped: bytes

    @property
    def cast(self) -> Cast:
        return self.stage.cast

    def plan(self) -> tuple[Plan, bytes]:
        """A restore, and the file that lets it happen."""
        backup = parse_backup((self.directory / "kek-backup.json").read_bytes())
        kek = backup.wrapped.kek
        body: dict[str, object] = {
            "kek": kek,
            "backup": backup.digest,
            "token": "keyturn-2",
            "host": "the ceremony's machine",
            "custodians": list(SHARES[ShareUse.USER].officers),
            "not_before": format_time(now() - timedelta(minutes=1)),
            "not_after": format_time(now() + timedelta(days=1)),
        }
        raw, digest = statement(self.cast, self.authority.fingerprint, Kind.RESTORE, kek, body)
        plan = genesis_plan(
            self.cast,
            ceremony="restore-1",
            kind=ScriptKind.RESTORE,
            script=SCRIPTS[ScriptKind.RESTORE].digest,
            authority=self.authority.fingerprint,
            founding=None,
            shares=SHARES,
            kek_profile=None,
            statement=digest,
            token="keyturn-2",
            concerns=(kek,),
        )
        return plan, self.file(raw, digest, APPROVERS[:3])

    def file(self, raw: bytes, digest: Digest, approvers: tuple[str, ...]) -> bytes:
        approvals = [b64(approval(self.cast, digest, each)) for each in approvers]
        return dump(
            {
                "type": "proposal-export",
                "format": 1,
                "statement": b64(raw),
                "approvals": approvals,
                "bundle": "",
            }
        )

    def table(self, door: InProcess) -> Table:
        table = self.stage.table(door)
        table.authority = self.authority
        return table


@pytest.fixture(scope="module")
def lost(founded_stage: Stage, tmp_path_factory: pytest.TempPathFactory) -> Lost:
    directory = founded_stage.copied_to(tmp_path_factory.mktemp("lost") / "host")
    with keyholder_in(directory, founded_stage) as keyholder:
        model = make_model()
        wrapped = admit(keyholder.opened.hsm, model)
        authority = keyholder.authority()
    shutil.rmtree(directory / "token")
    return Lost(directory, founded_stage, authority, model, wrapped)


@pytest.fixture
def place(lost: Lost, tmp_path: Path) -> Lost:
    return replace(lost, directory=copied(lost.directory, tmp_path / "host"))


def opens(place: Lost, stage: Stage) -> bool:
    """Whether a keyholder that starts there releases the model of before."""
    node = Node()
    with keyholder_in(place.directory, stage) as keyholder:
        released = keyholder.opened.hsm.release(place.wrapped, Orders()(place.model, node.spki))
    return node.open(released) == place.model.dek


def restored(table: Table, stage: Stage) -> Stage:
    return replace(stage, words=dict(table.words), sets=table.read().share_sets)


def test_a_restored_token_opens_a_model_sealed_before_the_loss(place: Lost) -> None:
    plan, file = place.plan()
    with host_here(place.directory) as door:
        table = place.table(door)
        table.open(plan)
        table.step()
        assert table.step().event is Event.FAILED  # nothing lets it happen yet
        door.ask(PutCeremonyFile("restore-1", "restore.json", file))
        table.run()
        assert table.state is CourseState.DONE
        verified = verify_transcript(parse_transcript(table.file("transcript.json")))
        stage = restored(table, place.stage)
    assert verified.looked_at.log is not None
    assert opens(place, stage)


def test_another_backup_of_the_same_kek_is_not_restored(place: Lost) -> None:
    """Anybody at the socket hands in an older backup: its shares are those of former custodians,
    and its key would be the fresh token's trusted one. A statement is used once."""
    plan, file = place.plan()
    good = (place.directory / "kek-backup.json").read_bytes()
    other = good.replace(b'"token":"keyturn', b'"token":"keyturN')
    assert other != good
    with host_here(place.directory) as door:
        table = place.table(door)
        table.open(plan)
        door.ask(PutCeremonyFile("restore-1", "restore.json", file))
        door.ask(PutCeremonyFile("restore-1", "kek-backup.json", other))
        table.run(until="restore-kek")
        assert table.step().event is Event.FAILED
        assert b"another one than the statement names" in table.last.raw
        door.ask(PutCeremonyFile("restore-1", "kek-backup.json", good))
        table.run()
        assert table.state is CourseState.DONE
        with pytest.raises(PeerRefused, match="lets one ceremony happen"):
            place.table(door).open(replace(plan, ceremony="restore-2", time=now()))


def test_killed_before_every_step_a_restore_goes_on(place: Lost) -> None:
    plan, file = place.plan()
    with host_here(place.directory) as door:
        table = place.table(door)
        table.open(plan)
        door.ask(PutCeremonyFile("restore-1", "restore.json", file))
    while table.state is CourseState.RUNNING:
        with host_here(place.directory) as door:
            table.at(door).resume()
            assert table.step().event is Event.DONE
            stage = restored(table, place.stage)
            if table.state is not CourseState.RUNNING:
                break
    assert opens(place, stage)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
@pytest.mark.parametrize("where", ["KEK restored", "log continued", "settings written"])
def test_killed_inside_a_step_a_restore_goes_on(place: Lost, where: str) -> None:
    plan, file = place.plan()

    def at(reached: str) -> None:
        if reached == where:
            raise Killed

    with host_here(place.directory, at=at) as door:
        table = place.table(door)
        table.open(plan)
        door.ask(PutCeremonyFile("restore-1", "restore.json", file))
        table.run(until="restore-kek" if where == "KEK restored" else "continue-log")
        for officer, part in table.signers():
            table.sign(officer, part)
    with host_here(place.directory) as door:
        table.at(door).resume()
        table.run()
        stage = restored(table, place.stage)
    assert opens(place, stage)


def test_an_aborted_restore_leaves_no_token(place: Lost) -> None:
    plan, file = place.plan()
    with host_here(place.directory) as door:
        table = place.table(door)
        table.open(plan)
        door.ask(PutCeremonyFile("restore-1", "restore.json", file))
        table.run(until="sign-keys")
        assert list(place.directory.glob("token-*"))
        table.abort()
    assert not list(place.directory.glob("token*"))
    assert (place.directory / "log").is_dir()


def test_too_few_approvals_let_nothing_happen(place: Lost) -> None:
    plan, file = place.plan()
    few = json.loads(file)
    few["approvals"].pop()
    with host_here(place.directory) as door:
        table = place.table(door)
        table.open(plan)
        table.step()
        door.ask(PutCeremonyFile("restore-1", "restore.json", json.dumps(few).encode()))
        record = table.step()
    assert record.event is Event.FAILED
    assert record.facts["reason"] == "not-authorised"
