"""Telling a machine its authority: by a file, and by what somebody knows by another way."""

import json
from pathlib import Path

import pytest

from keyturn.client.errors import FileUnusable, MalformedAnswer, ServerLied
from keyturn.quorum.bundle import bundle_root
from keyturn_app.fingerprint import words
from keyturn_app.questions import Confirm, Confirmed
from keyturn_app.screens.ceremonies.pinning import OtherAuthority, pinned
from support.paperauthority import paper_bundle
from unit.app.screens.ceremonies.conftest import Room


@pytest.fixture
def bundle(room: Room, tmp_path: Path) -> Path:
    path = tmp_path / "authority.bundle"
    path.write_bytes(paper_bundle(room.host.cast, room.clock()))
    return path


def test_by_its_digits_or_by_its_words(room: Room, bundle: Path) -> None:
    fingerprint = bundle_root(bundle.read_bytes())
    for typed in (fingerprint, fingerprint[7:], " ".join(words(fingerprint)).upper()):
        assert pinned(bundle, typed, room.clock()).fingerprint == fingerprint


def test_another_fingerprint_does_not_show_the_files_own(room: Room, bundle: Path) -> None:
    for typed in ("", "0" * 64, " ".join(words(bundle_root(bundle.read_bytes()))[:-1])):
        with pytest.raises(OtherAuthority) as error:
            pinned(bundle, typed, room.clock())
        assert bundle_root(bundle.read_bytes())[7:] not in repr(error.value)


def test_what_is_no_bundle_or_does_not_hold(room: Room, bundle: Path) -> None:
    raw = bundle.read_bytes()
    fingerprint = bundle_root(raw)
    bundle.write_bytes(b"{}")
    with pytest.raises(MalformedAnswer):
        pinned(bundle, fingerprint, room.clock())
    with pytest.raises(FileUnusable):
        pinned(bundle.with_name("missing"), fingerprint, room.clock())


def test_keys_that_nobody_approved_are_a_lie(room: Room, bundle: Path) -> None:
    document = json.loads(bundle.read_bytes())
    document["keys"]["approvals"] = document["keys"]["approvals"][:1]
    bundle.write_text(json.dumps(document))
    with pytest.raises(ServerLied, match="does not hold"):
        pinned(bundle, bundle_root(bundle.read_bytes()), room.clock())


def test_the_page_asks_for_the_file_and_then_for_the_fingerprint(room: Room, bundle: Path) -> None:
    room.stage.nobody = True
    room.asker.chosen = bundle
    room.asker.confirms = Confirmed("word by word")
    room.page.pinning.ask()
    question = room.asker.asked[-1]
    assert isinstance(question, Confirm)
    assert question.comment_required
    assert room.stage.pinned == [(bundle, "word by word")]
    assert room.asker.told[-1].title == "Not taken in"
    room.asker.confirms = None
    room.page.pinning.ask()
    assert len(room.stage.pinned) == 1


def test_what_was_told_stands_on_the_page(room: Room) -> None:
    assert room.page.view().authority is None
    assert not room.page.view().pins
    room.stage.nobody = True
    known = room.knows()
    line = room.page.view().authority
    assert line is not None
    assert (line.origin, line.fingerprint) == (known.origin, known.fingerprint)
    assert "from its bundle" in line.text
    assert room.page.view().pins
