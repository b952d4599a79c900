"""An import that is cut off half-way, and what lies under the imported KEK is moved on."""

from dataclasses import replace
from pathlib import Path

import pytest

from keyturn.ceremony.course import CourseState
from keyturn.ceremony.plan import KekProfile
from keyturn.ceremony.records import Event
from keyturn.ceremony.script import ScriptKind
from keyturn.hsm.backup import wrapped_document
from keyturn.hsm.ceremonytasks import TrustKey
from keyturn.hsm.kekwork import HsmCeremonies, KekOrigin, KekState, RewrapOutcome
from keyturn.hsm.kekwork import KekProfile as OnToken
from keyturn.wire.ceremonies import PutCeremonyFile
from keyturn.wire.errors import PeerRefused
from support.ceremonies_host import OpenKeyholder, Stage, Table, keyholder_in
from support.hsmceremonies import Desk, item, order
from support.hsmtoken import Model, admit, make_model


def _keks(keyholder: OpenKeyholder) -> HsmCeremonies:
    hsm = keyholder.opened.ceremonies.site.hsm
    assert isinstance(hsm, HsmCeremonies)
    return hsm


def _wrapped_elsewhere(source: Desk, transport: bytes) -> bytes:
    """What the other HSM's people do."""
    source.do(TrustKey(transport))
    with source.worker() as worker:
        return wrapped_document(worker.backup_kek(order(), worker.keks()[0].id, transport))


def _table(keyholder: OpenKeyholder, stage: Stage) -> Table:
    table = stage.table(keyholder.door)
    table.authority = keyholder.authority()
    return table


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> tuple[Desk, Model, bytes]:
    """Another HSM, and a model's key under its KEK."""
    desk = Desk.at(tmp_path_factory.mktemp("source") / "token")
    desk.make(OnToken.RECOVERABLE, backed_up=False)
    model = make_model()
    with desk.worker() as worker:
        return desk, model, admit(worker, model)


def test_a_kek_is_imported_and_opens_what_lies_under_it(
    founded_stage: Stage, tmp_path: Path, source: tuple[Desk, Model, bytes]
) -> None:
    directory = founded_stage.copied_to(tmp_path / "keyholder")
    desk, model, wrapped = source
    with keyholder_in(directory, founded_stage) as keyholder:
        table = _table(keyholder, founded_stage)
        with desk.worker() as worker:
            kek = worker.keks()[0].id
        profile = KekProfile.RECOVERABLE
        plan = keyholder.plan(
            ScriptKind.KEY_IMPORT, "import-1", kek_profile=profile, concerns=(kek,)
        )
        with pytest.raises(PeerRefused, match="names the KEK that comes in"):
            table.open(replace(plan, concerns=()))
        table.open(plan)
        table.run(until="import-kek")
        assert table.step().event is Event.FAILED  # the file is not here
        handed = _wrapped_elsewhere(desk, table.file("transport-key.der"))
        keyholder.door.ask(PutCeremonyFile("import-1", "wrapped-kek.json", handed))
    with keyholder_in(directory, founded_stage) as keyholder:  # killed before it is used
        table.at(keyholder.door)
        table.resume()
        table.run()
        assert table.state is CourseState.DONE
        keks = _keks(keyholder)
        assert [(each.origin, each.state) for each in keks.keks()] == [
            (KekOrigin.MADE, KekState.ACTIVE),
            (KekOrigin.IMPORTED, KekState.DEACTIVATED),
        ]
        active = keks.keks()[0].id
        (done,) = keks.rewrap(order("later-1"), active, [item(model, wrapped)])
        assert done.outcome is RewrapOutcome.REWRAPPED
