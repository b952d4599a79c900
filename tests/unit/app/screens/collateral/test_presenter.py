"""The page's presenter at a real client: proves, foresees, carries; nothing is shown that lies."""

from dataclasses import replace
from pathlib import Path

import pytest

from keyturn.collateral.bundlekeys import new_bundle_key
from keyturn_app.desk import Topic
from keyturn_app.facts import Connection, Happening, Link
from keyturn_app.questions import Confirm
from keyturn_app.screens.collateral.presenter import CollateralPresenter
from keyturn_app.screens.collateral.viewmodel import Section
from support.collateral import IntelDesk
from support.collateralpage import Site
from support.desks import InlineDesk, InlineDoor, ScriptedOfficer


class Sitting:
    def __init__(self, site: Site) -> None:
        self.site, self.officer = site, ScriptedOfficer()
        self.desk: InlineDesk = site.desk()
        self.page = CollateralPresenter(self.desk, InlineDoor(), self.officer)
        self.page.shown()

    @property
    def view(self):  # type: ignore[no-untyped-def]
        return self.page.view()

    def bring(self, path: Path) -> None:
        self.officer.chosen = path
        self.page.bring()


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def test_documents_are_proved_and_their_nodes_named(site: Site) -> None:
    view = Sitting(site.stocked()).view
    assert (len(view.rows), view.empty, view.problem) == (5, None, "")
    assert {each.look.word for each in view.rows} == {"Fresh"}
    assert {each.nodes for each in view.rows if each.vendor == "Intel"} == {"2"}
    assert view.forecast.rows[0].stops.startswith("td-1, td-2")
    assert "fetches nothing" in view.note


def test_an_empty_cache_says_what_to_run(site: Site) -> None:
    view = Sitting(site).view
    assert view.empty is not None
    fetch, _key, export = view.empty.commands
    assert "intel-qe-identity:td" in fetch
    assert "--key" in export
    assert {each.look.word for each in view.forecast.rows} == {"Stops nodes now"}, "it is missing"


def test_a_server_of_an_older_version_is_an_empty_one(site: Site) -> None:
    site.book.server.shelf = None
    view = Sitting(site).view
    assert (view.problem, view.rows) == ("", ())


def test_nodes_whose_evidence_is_withheld_are_counted(site: Site) -> None:
    site.book.server.evidence.clear()
    shown = Sitting(site.stocked()).view.forecast
    assert shown.guessing
    assert "needs of 2 nodes not known" in shown.summary
    assert shown.known


def test_without_a_document_nothing_is_foretold(site: Site) -> None:
    shown = Sitting(site).view.forecast
    assert not shown.known


def test_forged_documents_are_not_shown_as_good(site: Site) -> None:
    site.shelf.documents.append(IntelDesk().root_crl(site.issued))
    (row,) = Sitting(site).view.rows
    assert row.look.word == "Not proved"


def test_a_bundle_is_confirmed_once_proved_and_handed_in(site: Site) -> None:
    sitting = Sitting(site.stocked())
    path, key = site.bundle(*site.newer())
    sitting.bring(path)
    (question,) = [each for each in sitting.officer.asked if isinstance(each, Confirm)]
    assert key[7:11] in question.details[0]
    view = sitting.view
    assert (view.section, view.parcel.count) == (Section.CARRY, 4)
    assert {each.look.word for each in view.parcel.rows} == {"Newer"}
    assert site.shelf.handed == [], "nothing goes before the officer says so"
    site.shelf.refuses = {"td"}
    sitting.page.hand_over()
    assert len(site.shelf.handed) == 4
    answers = {each.answer for each in sitting.view.parcel.rows}
    assert "The keyholder keeps it" in answers
    assert any(each.startswith("The keyholder refuses it") for each in answers)
    sitting.bring(path)
    confirms = [each for each in sitting.officer.asked if isinstance(each, Confirm)]
    assert len(confirms) == 1, "it is asked once"
    sitting.page.discard()
    assert sitting.view.parcel is None


def test_a_key_that_is_not_confirmed_lets_nothing_in(site: Site) -> None:
    sitting = Sitting(site.stocked())
    sitting.officer.confirms = None
    path, _key = site.bundle(*site.newer())
    sitting.bring(path)
    assert sitting.view.parcel is None
    assert len(sitting.view.rows) == 5


def test_a_file_of_another_form_is_told_and_keeps_nothing(site: Site, tmp_path: Path) -> None:
    sitting = Sitting(site.stocked())
    path = tmp_path / "x.crl"
    path.write_bytes(b"nonsense")
    sitting.bring(path)
    assert sitting.officer.told[0].expected
    assert sitting.view.work == ""
    path.write_bytes(site.intel.pck_crl(site.now, 19).data)
    sitting.bring(path)
    assert sitting.view.parcel.rows[0].look.word == "Newer"


def test_an_export_is_signed_by_the_bundles_key(site: Site, tmp_path: Path) -> None:
    sitting = Sitting(site.stocked())
    new_bundle_key(tmp_path / "k.pem")

    class Chooser(ScriptedOfficer):
        def path(self, question, answered):  # type: ignore[no-untyped-def]
            name = "out.zip" if type(question).__name__ == "SaveFile" else "k.pem"
            answered(tmp_path / name)

    officer = Chooser()
    page = CollateralPresenter(sitting.desk, InlineDoor(), officer)
    page.shown()
    page.export()
    assert (tmp_path / "out.zip").read_bytes().startswith(b"PK")
    assert officer.toasts == ["Written to out.zip"]
    page.export()
    assert officer.told, "never over a file"


def test_events_are_stepped_through_and_show_their_document(site: Site) -> None:
    sitting = Sitting(site.stocked())
    for by, place in ((1, 0), (1, 1), (-1, 0), (100, 4)):
        sitting.page.step_event(by)
        assert sitting.view.forecast.selected == place
    assert sitting.view.detail is not None
    sitting.page.choose_days(30)
    assert sitting.view.forecast.selected is None


def test_what_changes_at_the_server_is_read_again(site: Site) -> None:
    sitting = Sitting(site)
    site.stocked()
    happened = Happening(7, "collateral", {"what": "kept"}, site.now)
    sitting.desk.show(replace(sitting.desk.facts, happenings=(happened,)), Topic.HAPPENINGS)
    assert len(sitting.view.rows) == 5


def test_offline_and_distrusted(site: Site) -> None:
    sitting = Sitting(site.stocked())
    facts = sitting.desk.facts
    sitting.desk.show(replace(facts, connection=Connection(Link.RECONNECTING)))
    assert sitting.view.why_not.refresh
    assert len(sitting.view.rows) == 5, "what was proved stays, and its ages go on"
    site.book.clock.advance(days=40)
    assert {each.look.word for each in sitting.view.rows} == {"Expired"}
    sitting.desk.show(replace(facts, connection=Connection(Link.DISTRUSTED)))
    assert sitting.view.rows == ()
    assert sitting.view.empty.title == "Server not believed"


def test_filters_and_sections(site: Site) -> None:
    sitting = Sitting(site.stocked())
    sitting.page.toggle("AMD")
    assert len(sitting.view.rows) == 1
    sitting.page.filter_line("nothing like it")
    assert sitting.view.empty.title == "No document passes the filter"
    sitting.page.clear_filter()
    sitting.page.open("forecast")
    assert sitting.view.section is Section.FORECAST
    sitting.page.open(sitting.view.rows[0].id)
    assert sitting.view.detail.digest.startswith("sha256:")
    sitting.page.close()
