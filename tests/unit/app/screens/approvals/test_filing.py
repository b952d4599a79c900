"""An officer without network: exported, verified, signed offline, brought back."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from keyturn.base.encoding import Digest, b64
from keyturn.base.strictjson import dump, load_object
from keyturn.client.memory import Memory
from keyturn.client.png import Grey, read_grey
from keyturn.client.profile import station_profile
from keyturn.client.qrpictures import write_pictures
from keyturn.client.station import StationClient, severed
from keyturn.officerkeys.location import InKeyring
from keyturn_app.desk import Identity, Topic
from keyturn_app.facts import Bundle, Connection, Facts, Link
from keyturn_app.questions import OpenFiles, SaveFile
from keyturn_app.screens.approvals.outcome import Outcome
from keyturn_app.screens.approvals.presenter import ApprovalsPresenter
from support.desks import InlineDesk, InlineDoor, ScriptedOfficer
from support.signers import PersonSigner
from support.whole import Whole
from unit.app.screens.approvals.conftest import Seat, seat


def exported(whole: Whole, digest: Digest, path: Path) -> Path:
    """Written by Ada from the page."""
    ada = seat(whole, "ada")
    ada.officer.chosen = path
    ada.open(digest)
    ada.page.export()
    assert isinstance(ada.officer.asked[-1], SaveFile)
    assert ada.officer.toasts == [f"Written to {path.name}"]
    return path


def offline(whole: Whole, name: str) -> Seat:
    found = seat(whole, name, connected=False)
    found.desk.show(Facts(connection=Connection(Link.OFFLINE)), Topic.CONNECTION)
    return found


def read(seated: Seat, path: Path) -> None:
    seated.officer.chosen = path
    seated.page.open_file()


def test_exported_approved_offline_and_imported(
    whole: Whole, proposed: Digest, tmp_path: Path
) -> None:
    path = exported(whole, proposed, tmp_path / "proposal.json")
    bela = offline(whole, "bela")
    read(bela, path)
    view = bela.page.view()
    assert view.file is not None
    assert "Not known from a file" in view.file.notice
    assert view.file.post.why_not == "Posting needs a connection to the server."
    assert bela.detail.digest == proposed
    assert "NOT IN FORCE" in bela.detail.standing
    assert Outcome.UNKNOWN in [each.outcome for each in bela.detail.checks]
    assert bela.decide.approve_text == "Approve into a file"
    signed = tmp_path / "signed.json"
    bela.officer.chosen = signed
    bela.page.comment("read on paper")
    bela.page.approve()
    assert isinstance(bela.officer.asked[-1], SaveFile)
    assert bela.officer.asked[-1].suggested == "proposal.bela.json"
    assert bela.detail.quorum.text == "1 of 2"
    view = bela.page.view()
    assert view.file is not None
    assert not view.file.signed
    assert whole.desks["chen"].proposal(proposed).approvals == ()

    chen = seat(whole, "chen")
    read(chen, signed)
    view = chen.page.view()
    assert view.file is not None
    assert view.file.fresh == ("bela · approve",)
    assert view.file.post.possible
    chen.page.post_file()
    assert chen.page.view().file is None
    assert chen.detail.quorum.text == "1 of 2"
    assert "read on paper" in [each.comment for each in chen.detail.people]
    read(chen, signed)
    view = chen.page.view()
    assert view.file is not None
    assert view.file.fresh == ()
    assert "every approval" in view.file.post.why_not
    chen.page.back()
    assert chen.page.view().file is None


def test_what_is_signed_and_not_written_is_kept_until_it_is(
    whole: Whole, proposed: Digest, tmp_path: Path
) -> None:
    path = exported(whole, proposed, tmp_path / "proposal.json")
    bela = offline(whole, "bela")
    read(bela, path)
    bela.page.approve()  # the chosen path is there already: never overwritten
    assert "cannot write" in bela.officer.told[-1].text
    view = bela.page.view()
    assert view.file is not None
    assert view.file.signed
    bela.officer.chosen = tmp_path / "other.json"
    bela.page.filing.save()
    view = bela.page.view()
    assert view.file is not None
    assert not view.file.signed


def test_a_forged_file_is_named_and_not_shown(
    whole: Whole, proposed: Digest, tmp_path: Path
) -> None:
    path = exported(whole, proposed, tmp_path / "proposal.json")
    document = load_object(path.read_bytes(), limit=1 << 26, what="file")
    forged = whole.system.authority.approval(
        proposed, "bela", keys=whole.system.authority.people["ada"].keys
    )
    path.write_bytes(dump({**document, "approvals": [b64(forged)]}))
    chen = offline(whole, "chen")
    read(chen, path)
    assert chen.page.view().detail is None
    assert "somebody else" in chen.officer.told[-1].text
    assert chen.page.view().trouble == ""  # the file lies, not the server


def test_a_path_not_chosen_changes_nothing(whole: Whole, proposed: Digest) -> None:
    ada = seat(whole, "ada")
    ada.page.open_file()
    ada.open(proposed)
    ada.page.export()
    assert ada.officer.toasts == []
    assert ada.decide.export.possible


def test_a_distrusted_server_gets_nothing_posted(
    whole: Whole, proposed: Digest, tmp_path: Path
) -> None:
    path = exported(whole, proposed, tmp_path / "proposal.json")
    chen = seat(whole, "chen")
    lost = replace(chen.desk.facts, connection=Connection(Link.DISTRUSTED))
    chen.desk.show(lost, Topic.CONNECTION)
    read(chen, path)
    view = chen.page.view()
    assert view.file is not None
    assert not view.file.post.possible


def test_as_pictures_to_an_officer_offline_and_back(
    whole: Whole, proposed: Digest, tmp_path: Path
) -> None:
    there, back = tmp_path / "there", tmp_path / "back"
    ada = seat(whole, "ada")
    ada.open(proposed)
    ada.page.show_pictures()
    ada.officer.chosen = there
    ada.page.pictures.write()
    assert isinstance(ada.officer.asked[-1], SaveFile)
    assert ada.officer.toasts == ["Written to there"]
    pictures = sorted(there.iterdir())
    bela = offline(whole, "bela")
    read(bela, pictures[-1])
    assert bela.detail.digest == proposed
    bela.officer.chosen = tmp_path / "signed.json"
    bela.page.approve()
    bela.page.show_pictures()
    bela.officer.chosen = back
    bela.page.pictures.write()

    chen = seat(whole, "chen")
    read(chen, min(back.iterdir()))
    view = chen.page.view()
    assert view.file is not None
    assert view.file.fresh == ("bela · approve",)
    chen.page.post_file()
    assert chen.detail.quorum.text == "1 of 2"


def test_missing_pictures_are_asked_for(whole: Whole, proposed: Digest, tmp_path: Path) -> None:
    there = tmp_path / "there"
    ada = seat(whole, "ada")
    ada.open(proposed)
    ada.page.show_pictures()
    ada.officer.chosen = there
    ada.page.pictures.write()
    pictures = sorted(there.iterdir())
    pictures[1].rename(tmp_path / "elsewhere.png")
    chen = offline(whole, "chen")
    read(chen, pictures[0])
    told = chen.officer.told[-1]
    assert told.title == "Pictures are missing"
    assert "Still missing: 2." in told.text
    assert chen.page.view().detail is None
    (tmp_path / "elsewhere.png").rename(pictures[1])
    read(chen, pictures[0])
    assert chen.detail.digest == proposed


def test_a_picture_of_something_else_is_not_shown(whole: Whole, tmp_path: Path) -> None:
    path = tmp_path / "cat.png"
    path.write_bytes(b"no picture")
    chen = offline(whole, "chen")
    read(chen, path)
    assert "not a PNG picture" in chen.officer.told[-1].text
    assert chen.page.view().detail is None


def test_pictures_are_stepped_through_and_nothing_is_signed_behind_them(
    whole: Whole, proposed: Digest
) -> None:
    bela = seat(whole, "bela")
    bela.page.show_pictures()
    assert bela.page.view().pictures is None
    bela.open(proposed)
    bela.page.show_pictures()
    first = bela.page.view().pictures
    assert first is not None
    assert (first.first, first.last) == (True, False)
    assert first.place.startswith("Picture 1 of ")
    assert first.title == "Policy serving, version 1"
    bela.page.step(1)
    second = bela.page.view().pictures
    assert second is not None
    assert second.place.startswith("Picture 2 of ")
    assert second.text != first.text
    bela.page.step(-5)
    assert bela.page.view().pictures == first
    bela.page.step(500)
    last = bela.page.view().pictures
    assert last is not None
    assert last.last
    bela.page.approve()
    assert bela.officer.asked == []
    bela.page.back()
    assert bela.page.view().pictures is None
    assert bela.detail.digest == proposed


# ---- pictures, several at once and from the clipboard ----


class Clipboard:
    """What a picture on the clipboard shows, one grab after the other."""

    def __init__(self) -> None:
        self.grabs: list[Grey | None] = []

    def __call__(self) -> Grey | None:
        return self.grabs.pop(0)


def at_a_station(whole: Whole, name: str, clipboard: Clipboard) -> Seat:
    """A seat whose client has no server, and whose page says so."""
    world = whole.world
    profile = station_profile(whole.system.fingerprint, name, InKeyring(name))
    signer = PersonSigner(whole.system.authority.people[name])
    client = StationClient(
        profile,
        Memory(whole.system.fingerprint),
        severed(),
        now=whole.system.clock,
        signer=lambda: signer,
    )
    assert world.url not in repr(profile)
    desk = InlineDesk(
        Identity(profile, "Station", name, name, locked=False), client, whole.system.clock
    )
    known = Bundle(whole.system.bundle, whole.system.clock())
    desk.show(Facts(connection=Connection(Link.STATION), bundle=known))
    officer = ScriptedOfficer()
    page = ApprovalsPresenter(desk, officer, InlineDoor(), grab=clipboard)
    return Seat(desk, officer, page)


@pytest.fixture
def pictures(whole: Whole, proposed: Digest, tmp_path: Path) -> tuple[Path, ...]:
    path = exported(whole, proposed, tmp_path / "proposal.json")
    return write_pictures(path.read_bytes(), tmp_path / "pictures")


def grey(path: Path) -> Grey:
    return read_grey(path.read_bytes(), path.name)


def test_several_pictures_at_once_are_one_file(
    whole: Whole, proposed: Digest, pictures: tuple[Path, ...]
) -> None:
    dora = at_a_station(whole, "dora", Clipboard())
    dora.officer.several = tuple(reversed(pictures))
    dora.page.open_file()
    assert isinstance(dora.officer.asked[-1], OpenFiles)
    assert dora.detail.digest == proposed
    view = dora.page.view()
    assert view.file is not None
    assert not view.file.post.shown
    assert "roster version 1" in view.file.notice
    assert "cannot know" in view.file.notice
    assert not view.proposes
    assert "proposes nothing" in view.propose.why_not

    dora.page.back()
    dora.officer.several = pictures[:1] * 2
    dora.page.open_file()
    missing = ", ".join(str(at) for at in range(2, len(pictures) + 1))
    assert f"Still missing: {missing}." in dora.officer.told[-1].text
    assert dora.page.case() is None


def test_pasted_one_by_one_until_it_is_whole(
    whole: Whole, proposed: Digest, pictures: tuple[Path, ...]
) -> None:
    clipboard = Clipboard()
    dora = at_a_station(whole, "dora", clipboard)
    clipboard.grabs = [None, *map(grey, pictures)]
    dora.page.paste()
    assert dora.officer.told[-1].title == "There is no picture on the clipboard"
    for place in range(1, len(pictures)):
        dora.page.paste()
        assert f"{place} of {len(pictures)} pictures were pasted" in dora.officer.told[-1].text
        assert dora.page.case() is None
    dora.page.paste()
    assert dora.detail.digest == proposed


def test_one_grab_of_the_screen_may_show_them_all(
    whole: Whole, proposed: Digest, pictures: tuple[Path, ...]
) -> None:
    clipboard = Clipboard()
    dora = at_a_station(whole, "dora", clipboard)
    clipboard.grabs = [beside(*map(grey, pictures))]
    dora.page.paste()
    assert dora.detail.digest == proposed


def test_a_pasted_picture_of_another_transfer_is_refused(
    whole: Whole, proposed: Digest, pictures: tuple[Path, ...], tmp_path: Path
) -> None:
    other = write_pictures(os.urandom(2000), tmp_path / "other")
    clipboard = Clipboard()
    dora = at_a_station(whole, "dora", clipboard)
    clipboard.grabs = [grey(pictures[0]), grey(other[1]), grey(pictures[1])]
    dora.page.paste()
    dora.page.paste()
    assert dora.officer.told[-1].text == "part 2 belongs to another transfer"
    assert dora.page.case() is None
    dora.page.paste()  # what was gathered before is gone
    assert "1 of" in dora.officer.told[-1].text


def test_a_picture_without_codes_and_a_wrong_reader_are_said(
    whole: Whole, proposed: Digest, tmp_path: Path
) -> None:
    clipboard = Clipboard()
    dora = at_a_station(whole, "dora", clipboard)
    clipboard.grabs = [Grey(40, 40, bytes(1600))]
    dora.page.paste()
    assert "shows no part of a proposal" in dora.officer.told[-1].text
    photo = tmp_path / "photo.jpg"
    photo.write_bytes(b"\xff\xd8\xff\xe0 not a photo")
    dora.officer.chosen = photo
    dora.page.open_file()
    assert "not a PNG picture" in dora.officer.told[-1].text


def beside(*all: Grey) -> Grey:
    """Pictures in one row, on white."""
    height, gap = max(each.height for each in all), bytes([255]) * 20
    rows = []
    for y in range(height):
        parts = [
            each.pixels[y * each.width : (y + 1) * each.width]
            if y < each.height
            else bytes([255]) * each.width
            for each in all
        ]
        rows.append(gap.join(parts))
    width = sum(each.width for each in all) + 20 * (len(all) - 1)
    return Grey(width, height, b"".join(rows))
