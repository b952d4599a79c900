"""Files that a host gives: offered when they can be proved, and written only if they hold."""

from pathlib import Path

import pytest

from keyturn.base.signatures import key_id_of
from keyturn.ceremony.script import ScriptKind
from keyturn_app.questions import SaveFile
from keyturn_app.screens.ceremonies.giving import given
from keyturn_app.screens.ceremonies.viewmodel import Phase
from support.kekfiles import made_up_spki, transport_made
from unit.app.screens.ceremonies.conftest import Room

SPKI = made_up_spki(7)


def names(room: Room) -> list[str]:
    return [each.name for each in room.wizard.view().given]


def imports(room: Room, until: str) -> None:
    room.host.facts["make-transport-key"] = transport_made(SPKI)
    room.knows()
    room.host.files["transport-key.der"] = SPKI
    course = room.begin(kind=ScriptKind.KEY_IMPORT, rehearsal=True, until=until)
    assert course.rehearsal


def test_the_transport_key_is_given_while_it_is_needed(room: Room) -> None:
    imports(room, "make-transport-key")
    assert names(room) == []
    room.host.until(room.ceremony, "carry")
    room.wizard.tick()
    (shown,) = room.wizard.view().given
    assert shown.name == "transport-key.der"
    assert key_id_of(SPKI)[:4] in shown.text
    room.host.until(room.ceremony, "prove-import")
    room.wizard.tick()
    assert names(room) == []


def test_it_is_saved_where_the_officer_says(room: Room, tmp_path: Path) -> None:
    imports(room, "carry")
    room.asker.chosen = None
    room.wizard.save_given("transport-key.der")
    question = room.asker.asked[-1]
    assert isinstance(question, SaveFile)
    assert question.suggested == f"{room.ceremony}.transport-key.der"
    room.asker.chosen = tmp_path / "key.der"
    room.wizard.save_given("transport-key.der")
    assert (tmp_path / "key.der").read_bytes() == SPKI
    assert room.asker.toasts == ["Saved: key.der"]


@pytest.mark.parametrize("raw", [made_up_spki(8), b"", None])
def test_another_key_than_the_records_is_not_written(
    room: Room, tmp_path: Path, raw: bytes | None
) -> None:
    imports(room, "carry")
    room.host.files = {} if raw is None else {"transport-key.der": raw}
    room.asker.chosen = tmp_path / "key.der"
    room.wizard.save_given("transport-key.der")
    assert not (tmp_path / "key.der").exists()
    notice = room.asker.told[-1]
    assert notice.title == "Save transport-key.der"
    assert notice.found
    assert notice.expected
    assert notice.hint


def test_a_genesis_gives_its_files_when_it_is_closed(room: Room, tmp_path: Path) -> None:
    wizard = room.begin(until="found")
    assert names(room) == []
    room.host.until(room.ceremony, "close")
    wizard.tick()
    assert names(room) == ["kek-backup.json", "preflight.json", "authority.bundle"]
    room.host.until(room.ceremony, "over")
    wizard.tick()
    assert names(room) == ["kek-backup.json", "preflight.json", "authority.bundle"]
    room.asker.chosen = tmp_path / "kept"
    room.host.files = {
        "kek-backup.json": b"a backup",
        "preflight.json": b"another report",
        "authority.bundle": b"{}",
    }
    wizard.save_given("kek-backup.json")
    assert (tmp_path / "kept").read_bytes() == b"a backup"
    assert room.asker.toasts == ["Saved: kept"]
    (tmp_path / "kept").unlink()
    for each in ("preflight.json", "authority.bundle", "transcript.json"):
        wizard.save_given(each)
    assert not (tmp_path / "kept").exists()
    assert len(room.asker.told) == 2


def test_nothing_is_given_of_what_is_not_proved(room: Room) -> None:
    imports(room, "carry")
    course = room.host.courses[room.ceremony]
    assert given(course, Phase.SIGNING)
    for phase in (Phase.BROKEN, Phase.ABORTED, Phase.LOADING):
        assert given(course, phase) == ()
    assert given(None, Phase.SIGNING) == ()
