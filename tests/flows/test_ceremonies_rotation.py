"""A KEK rotation and the end of a model's key, held by their officers at a running keyholder."""

import asyncio
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import load_der_public_key

from keyturn.base.encoding import Digest
from keyturn.ceremony.course import CourseState
from keyturn.ceremony.plan import KekProfile
from keyturn.ceremony.records import Event
from keyturn.ceremony.script import ScriptKind
from keyturn.ceremony.transcript import parse_transcript, verify_transcript
from keyturn.control.rewrapping import Direct, Feeding, feed
from keyturn.hsm.backup import parse_backup
from keyturn.hsm.errors import WrappedKeyError
from keyturn.hsm.kekwork import HsmCeremonies, KekState
from keyturn.hsm.protocol import Hsm
from keyturn.hsm.protocol import OaepHash as HsmOaepHash
from keyturn.hsm.selftest import oaep_padding
from keyturn.quorum.errors import SubmissionReason, SubmissionRefused
from keyturn.quorum.kinds import Kind
from keyturn.seal.sealedkey import OaepHash, SealedKey, WrappedDek
from keyturn.store import migrate, models
from keyturn.store.database import Database, open_database
from keyturn.wire.ceremonies import RewrapKeys, Rewrapped
from keyturn.wire.errors import PeerRefused
from support.ceremonies_host import (
    APPROVERS,
    OpenKeyholder,
    Stage,
    Table,
    approval,
    copied,
    keyholder_in,
    statement,
)
from support.hsmtoken import Model, Node, Orders, make_model
from support.rotating import STATEMENT, digest_text

ROTATION = "rotation-1"


@dataclass
class Vault:
    """A keyholder's directory with admitted models, and the inventory of its control plane."""

    directory: Path
    stage: Stage
    models: list[Model]
    database: Database

    @contextmanager
    def keyholder(self) -> Iterator[OpenKeyholder]:
        with keyholder_in(self.directory, self.stage) as opened:
            yield opened

    def table(self, keyholder: OpenKeyholder) -> Table:
        table = self.stage.table(keyholder.door)
        table.authority = keyholder.authority()
        return table

    def rows(self) -> dict[str, bytes]:
        with self.database.read() as connection:
            found = models.wrapped_rows(connection, "", under=False, after="", limit=100)
        return {row.model: row.wrapped for row in found}

    def releases(self, keyholder: OpenKeyholder) -> None:
        """Every model of the inventory opens, as the row has it now."""
        node, orders = Node(), Orders(secrets.randbelow(1 << 40))
        rows = self.rows()
        for model in self.models:
            released = hsm_of(keyholder).release(rows[digest_text(model)], orders(model, node.spki))
            assert node.open(released) == model.dek


def hsm_of(keyholder: OpenKeyholder) -> Hsm:
    hsm = keyholder.opened.ceremonies.site.hsm
    assert hsm is not None
    return hsm


def keks_of(keyholder: OpenKeyholder) -> HsmCeremonies:
    hsm = hsm_of(keyholder)
    assert isinstance(hsm, HsmCeremonies)
    return hsm


def key_file(keyholder: OpenKeyholder, model: Model) -> bytes:
    bundle = keyholder.authority()
    key, hash_ = load_der_public_key(bundle.ingest_key().spki), bundle.ingest_oaep_hash().value
    assert isinstance(key, rsa.RSAPublicKey)
    wrapped = key.encrypt(model.dek, oaep_padding(HsmOaepHash(hash_)))
    dek = WrappedDek(bundle.ingest_key().key_id, OaepHash(hash_), wrapped)
    return SealedKey(dek, model.tag).to_bytes()


def admitted(keyholder: OpenKeyholder, model: Model, database: Database) -> None:
    name = digest_text(model)
    body = {
        "model": name,
        "name": "m",
        "version": "1",
        "tag": model.tag.hex(),
        "policy": "serving",
    }
    raw, digest = statement(keyholder.cast, keyholder.fingerprint, Kind.MODEL, name, body)
    approvals = [approval(keyholder.cast, digest, each) for each in APPROVERS[:2]]
    entered = keyholder.opened.keyholder.submissions.submit(
        raw, approvals, key_file(keyholder, model)
    )
    assert entered.dek is not None
    with database.write() as connection:
        models.set_wrapped_key(connection, name, entered.dek.value, digest, entered.dek.kek)


def fed(vault: Vault, keyholder: OpenKeyholder) -> Feeding:
    async def ask(request: RewrapKeys) -> Rewrapped:
        return keyholder.door.ask(request)

    return asyncio.run(feed(Direct(vault.database), ask, ROTATION, lambda _: None, batch=2))


@pytest.fixture(scope="module")
def pristine(founded_stage: Stage, tmp_path_factory: pytest.TempPathFactory) -> Vault:
    place = tmp_path_factory.mktemp("vault")
    directory = founded_stage.copied_to(place / "keyholder")
    database = open_database(f"sqlite:///{place}/keyturn.db")
    migrate.make_tables(database)
    vault = Vault(directory, founded_stage, [make_model() for _ in range(5)], database)
    with vault.keyholder() as keyholder:
        for each in vault.models:
            admitted(keyholder, each, database)
    database.close()  # so that its file is whole
    return vault


@pytest.fixture
def vault(pristine: Vault, tmp_path: Path) -> Iterator[Vault]:
    directory = copied(pristine.directory, tmp_path / "keyholder")
    path = pristine.directory.parent / "keyturn.db"
    shutil.copy(path, tmp_path / "keyturn.db")
    database = open_database(f"sqlite:///{tmp_path}/keyturn.db")
    yield Vault(directory, pristine.stage, pristine.models, database)
    database.close()


def rotation(keyholder: OpenKeyholder) -> object:
    return keyholder.plan(ScriptKind.KEK_ROTATION, ROTATION, kek_profile=KekProfile.RECOVERABLE)


def test_a_rotation_to_its_end_and_every_model_opens_under_the_new_kek(vault: Vault) -> None:
    before = vault.rows()
    with vault.keyholder() as keyholder:
        table = vault.table(keyholder)
        (old,) = keks_of(keyholder).keks()
        table.open(rotation(keyholder))  # type: ignore[arg-type]
        table.run(until="rewrap")
        vault.releases(keyholder)
        assert table.step().event is Event.FAILED  # nobody fed it yet
        done = fed(vault, keyholder)
        assert (done.done, done.rewrapped) == (True, 5)
        vault.releases(keyholder)
        table.run()
        assert table.state is CourseState.DONE
        states = [(each.id, each.state) for each in keks_of(keyholder).keks()]
        assert states == [(old.id, KekState.DESTROYED), (done.kek, KekState.ACTIVE)]
        vault.releases(keyholder)
        backup = parse_backup((vault.directory / "kek-backup.json").read_bytes())
        assert backup.wrapped.kek == done.kek
        node, orders, model = Node(), Orders(1 << 41), vault.models[0]
        with pytest.raises(WrappedKeyError):
            hsm_of(keyholder).release(before[digest_text(model)], orders(model, node.spki))
        verified = verify_transcript(parse_transcript(table.file("transcript.json")))
        assert verified.looked_at.log is not None


def test_killed_at_every_step_a_rotation_goes_on_to_its_end(vault: Vault) -> None:
    with vault.keyholder() as keyholder:
        table = vault.table(keyholder)
        table.open(rotation(keyholder))  # type: ignore[arg-type]
    steps = 0
    while True:
        with vault.keyholder() as keyholder:
            table.at(keyholder.door)
            if table.state is CourseState.DONE:
                break
            table.resume()
            if table.waits_for == "rewrap":
                assert fed(vault, keyholder).done
            vault.releases(keyholder)
            assert table.step().event is Event.DONE
            steps += 1
    assert steps >= 7
    with vault.keyholder() as keyholder:
        vault.releases(keyholder)
        assert len([e for e in keks_of(keyholder).keks() if e.state is KekState.ACTIVE]) == 1


@pytest.mark.parametrize("place", ["made the KEK", "activated the KEK"])
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_killed_while_it_makes_a_kek_there_is_one_new_kek_in_the_end(
    vault: Vault, place: str
) -> None:
    def at(where: str) -> None:
        if where == place:
            raise SystemExit

    with vault.keyholder() as keyholder:
        table = vault.table(keyholder)
        table.open(rotation(keyholder))  # type: ignore[arg-type]
        table.run(until="make-kek")
        keyholder.opened.ceremonies._hosting.at = at
        for officer, part in table.signers():
            table.sign(officer, part)
        keyholder.opened.ceremonies._acting.join()
        assert table.waits_for == "make-kek"
    with vault.keyholder() as keyholder:
        table.at(keyholder.door)
        table.resume()
        assert table.step().event is Event.DONE
        live = [e for e in keks_of(keyholder).keks() if e.state is not KekState.DESTROYED]
        assert [e.state for e in live] == [KekState.DEACTIVATED, KekState.ACTIVE]
        vault.releases(keyholder)


def test_keys_are_wrapped_anew_at_that_step_only(vault: Vault) -> None:
    with vault.keyholder() as keyholder:
        table = vault.table(keyholder)
        with pytest.raises(PeerRefused):
            fed(vault, keyholder)
        table.open(rotation(keyholder))  # type: ignore[arg-type]
        with pytest.raises(PeerRefused, match="no keys are wrapped anew"):
            fed(vault, keyholder)


def test_one_missing_key_keeps_the_old_kek(vault: Vault) -> None:
    """Its row was lost: the step says whose, and nothing is destroyed."""
    lost = digest_text(vault.models[0])
    with vault.database.write() as connection:
        models.forget_keys(connection, lost)
    with vault.keyholder() as keyholder:
        table = vault.table(keyholder)
        table.open(rotation(keyholder))  # type: ignore[arg-type]
        table.run(until="rewrap")
        assert fed(vault, keyholder).left == 1
        failed = table.step()
        assert failed.event is Event.FAILED
        assert lost[:23] in str(failed.facts)
        admitted_again(keyholder, vault.models[0], vault.database)
        assert fed(vault, keyholder).done
        table.run()
        assert table.state is CourseState.DONE
        vault.releases(keyholder)


def admitted_again(keyholder: OpenKeyholder, model: Model, database: Database) -> None:
    """From keyturn.key, under the statement that is in force."""
    state = keyholder.opened.keyholder.journal.state
    known = state.newest[(Kind.MODEL, digest_text(model))].statement
    entered = keyholder.opened.keyholder.submissions.submit(
        known.raw, [], key_file(keyholder, model)
    )
    assert entered.dek is not None
    with database.write() as connection:
        models.set_wrapped_key(
            connection, digest_text(model), entered.dek.value, STATEMENT, entered.dek.kek
        )


def test_a_destroyed_models_key_is_never_released_admitted_or_wrapped_again(
    vault: Vault,
) -> None:
    gone = vault.models[0]
    name = Digest(digest_text(gone))
    with vault.keyholder() as keyholder:
        table = vault.table(keyholder)
        plan = keyholder.plan(ScriptKind.MODEL_KEY_DESTRUCTION, "end-1", concerns=(name,))
        table.open(plan)
        table.run()
        assert table.state is CourseState.DONE
        assert keyholder.opened.keyholder.journal.state.destroyed == {name}
    with vault.keyholder() as keyholder:  # and after a restart, from the log
        table = vault.table(keyholder)
        state = keyholder.opened.keyholder.journal.state
        assert state.in_force(Kind.MODEL, name, keyholder.opened.keyholder.journal.now()) is None
        old = state.newest[(Kind.MODEL, name)].statement
        with pytest.raises(SubmissionRefused) as again:  # the statement that was in force before
            admitted_again(keyholder, gone, vault.database)
        assert again.value.reason is SubmissionReason.KEY_DESTROYED
        raw, digest = statement(
            keyholder.cast,
            keyholder.fingerprint,
            Kind.MODEL,
            name,
            {"model": name, "name": "m", "version": "1", "tag": gone.tag.hex(), "policy": "x"},
            version=2,
            replaces=old.digest,
        )
        approvals = [approval(keyholder.cast, digest, each) for each in APPROVERS[:2]]
        with pytest.raises(SubmissionRefused) as refused:
            keyholder.opened.keyholder.submissions.submit(raw, approvals, key_file(keyholder, gone))
        assert refused.value.reason is SubmissionReason.KEY_DESTROYED
        table.open(rotation(keyholder))  # type: ignore[arg-type]
        table.run(until="rewrap")
        done = fed(vault, keyholder)
        assert (done.done, done.rewrapped) == (True, 4)
        assert name not in vault.rows()
