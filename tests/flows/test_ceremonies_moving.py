"""A KEK moves: an HSM is replaced while it works."""

from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from keyturn.ceremony.course import CourseState
from keyturn.ceremony.plan import Plan
from keyturn.ceremony.records import Event
from keyturn.ceremony.script import ScriptKind, ShareUse
from keyturn.ceremony.transcript import parse_transcript, verify_transcript
from keyturn.hsm.kekwork import KekProfile as HsmProfile
from keyturn.quorum.bundle import Authority
from keyturn.wire.errors import PeerRefused
from support.ceremonies import EVERY_SCHEME
from support.ceremonies_host import (
    InProcess,
    Killed,
    Stage,
    Table,
    copied,
    host_here,
    keyholder_in,
    now,
)
from support.hsmceremonies import Desk
from support.hsmtoken import Model, Node, Orders, admit, make_model

SHARES = {use: EVERY_SCHEME[use] for use in (ShareUse.USER, ShareUse.SO)}


def authorised(directory: Path, stage: Stage) -> tuple[Plan, Authority, Model, bytes]:
    """A replacement's plan, in force; and a model that was admitted under the old token."""
    with keyholder_in(directory, stage) as keyholder:
        plan = keyholder.plan(
            ScriptKind.HSM_REPLACEMENT, "replacement-1", shares=SHARES, token="keyturn-2"
        )
        model = make_model()
        return plan, keyholder.authority(), model, admit(keyholder.opened.hsm, model)


def test_a_replaced_hsm_opens_what_the_old_one_opened(founded_stage: Stage, tmp_path: Path) -> None:
    directory = founded_stage.copied_to(tmp_path / "host")
    plan, authority, model, wrapped = authorised(directory, founded_stage)
    with host_here(directory) as door:
        table = founded_stage.table(door)
        table.authority = authority
        table.open(plan)
        table.run(until="continue-log")
        assert (directory / "token").exists()
        table.run()
        assert table.state is CourseState.DONE
        verified = verify_transcript(parse_transcript(table.file("transcript.json")))
        stage = replace(founded_stage, words=dict(table.words), sets=table.read().share_sets)
    assert verified.looked_at.log is not None
    assert not (directory / "token").exists()
    node = Node()
    with keyholder_in(directory, stage) as keyholder:
        released = keyholder.opened.hsm.release(wrapped, Orders()(model, node.spki))
    assert node.open(released) == model.dek


def test_a_swapped_backup_key_gets_no_kek(founded_stage: Stage, tmp_path: Path) -> None:
    """Who writes the keyholder's files, and can do no more, has the new token trust a key of his
    own; the next backup would be wrapped to it, and lies where he reads it."""
    directory = founded_stage.copied_to(tmp_path / "host")
    plan, authority, _, _ = authorised(directory, founded_stage)
    made = Desk.at(tmp_path / "his").make(HsmProfile.RECOVERABLE)
    assert made.backup_key is not None
    (directory / "kek-backup-key.json").write_bytes(made.backup_key.to_bytes())
    with host_here(directory) as door:
        table = founded_stage.table(door)
        table.authority = authority
        table.open(plan)
        table.run(until="import-kek")
        failed = table.step()
        assert failed.event is Event.FAILED
        assert "not one that the old token trusts" in str(failed.facts)
        table.abort()
    assert not list(directory.glob("token-*"))


@dataclass(frozen=True)
class Replacing:
    """A replacement about to begin, and a model that was admitted under the old token."""

    directory: Path
    stage: Stage
    plan: Plan
    authority: Authority
    model: Model
    wrapped: bytes

    def opened(self, door: InProcess) -> Table:
        """Everybody at that host, the replacement open."""
        table = self.stage.table(door)
        table.authority = self.authority
        table.open(replace(self.plan, time=now()))
        return table

    def opens(self, stage: Stage) -> bool:
        """Whether a keyholder that starts there with those sheets releases the model."""
        node = Node()
        with keyholder_in(self.directory, stage) as keyholder:
            released = keyholder.opened.hsm.release(self.wrapped, Orders()(self.model, node.spki))
        return node.open(released) == self.model.dek


@pytest.fixture(scope="module")
def prepared(founded_stage: Stage, tmp_path_factory: pytest.TempPathFactory) -> Replacing:
    directory = founded_stage.copied_to(tmp_path_factory.mktemp("replacing") / "host")
    return Replacing(directory, founded_stage, *authorised(directory, founded_stage))


@pytest.fixture
def replacing(prepared: Replacing, tmp_path: Path) -> Replacing:
    return replace(prepared, directory=copied(prepared.directory, tmp_path / "host"))


def test_killed_before_every_step_a_replacement_goes_on(replacing: Replacing) -> None:
    """The new token's PIN is in no file: who proved shares of it enters them again."""
    with host_here(replacing.directory) as door:
        table = replacing.opened(door)
    while table.state is CourseState.RUNNING:
        with host_here(replacing.directory) as door:
            table.at(door).resume()
            record = table.step()
            assert record.event is Event.DONE, record.facts
            stage = replace(replacing.stage, words=dict(table.words), sets=table.read().share_sets)
            if table.state is not CourseState.RUNNING:
                break
    assert replacing.opens(stage)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
@pytest.mark.parametrize(
    ("where", "step"),
    [
        ("new token made", "make-transport-key"),
        ("KEK imported", "import-kek"),
        ("log continued", "continue-log"),
    ],
)
def test_killed_inside_a_step_a_replacement_goes_on(
    replacing: Replacing, where: str, step: str
) -> None:
    def at(reached: str) -> None:
        if reached == where:
            raise Killed

    with host_here(replacing.directory, at=at) as door:
        table = replacing.opened(door)
        table.run(until=step)
        for officer, part in table.signers():
            table.sign(officer, part)
    with host_here(replacing.directory) as door:
        table.at(door).resume()
        table.run()
        stage = replace(replacing.stage, words=dict(table.words), sets=table.read().share_sets)
    assert replacing.opens(stage)


def test_old_shares_are_no_try_at_the_new_token(replacing: Replacing) -> None:
    """A token counts wrong PINs: each sheet goes to the token that it is of, whoever enters it."""
    with host_here(replacing.directory) as door:
        table = replacing.opened(door)
        table.run(until="import-kek")
    with host_here(replacing.directory) as door:
        table.at(door).resume()
        officers = SHARES[ShareUse.USER].officers[:3]
        table.unlock(ShareUse.USER, officers, table.old_words)
        assert table.unmet
        for each in officers[:2]:
            table.unlock(ShareUse.USER, (each,))
        with pytest.raises(PeerRefused):
            table.unlock(ShareUse.USER, officers[:1])  # twice
        table.unlock(ShareUse.USER, officers[2:])
        table.unlock(ShareUse.SO, SHARES[ShareUse.SO].officers[:2], table.old_words)
        assert not table.unmet
        table.run()
        assert table.state is CourseState.DONE


@pytest.mark.parametrize("step", ["import-kek", "sign-keys"])
def test_an_aborted_replacement_leaves_the_token_in_use(replacing: Replacing, step: str) -> None:
    with host_here(replacing.directory) as door:
        table = replacing.opened(door)
        table.run(until=step)
    with host_here(replacing.directory) as door:
        table.at(door).abort()
    assert not list(replacing.directory.glob("token-*"))
    assert replacing.opens(replacing.stage)
