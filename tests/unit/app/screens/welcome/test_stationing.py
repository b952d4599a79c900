"""Setting up a station: only with the right fingerprint, typed; nothing left of what failed."""

import json
from pathlib import Path

import pytest

from keyturn.client.errors import NoProfile
from keyturn.client.profile import read_profile
from keyturn.client.qrparts import join, parse_part
from keyturn.officerkeys.location import InFile
from keyturn.quorum.bundle import make_bundle
from keyturn.quorum.enrolment import parse_enrolment
from keyturn.quorum.kinds import Kind
from keyturn.wire.tls import Pin
from keyturn_app.fingerprint import words
from keyturn_app.questions import Passphrase
from keyturn_app.screens.welcome.viewmodel import Field, Step, needs
from support.authority import Clock, policy_body
from unit.app.screens.welcome.desks import PASSPHRASE, FirstPage
from unit.client.scripted_server import ScriptedServer
from unit.client.test_station import export_of


def unreachable(_url: str, _pin: Pin) -> None:
    raise AssertionError("a station reached for a server")


@pytest.fixture
def page(tmp_path: Path) -> FirstPage:
    made = FirstPage(tmp_path, reach=unreachable)  # type: ignore[arg-type]
    made.presenter.set_station(True)
    return made


def bundle_at(page: FirstPage, raw: bytes | None = None) -> Path:
    path = page.directory / "bundle.json"
    path.write_bytes(make_bundle(page.server.state) if raw is None else raw)
    page.officer.chosen = path
    page.presenter.choose_bundle()
    return path


def to_the_key(page: FirstPage, typed: str = "") -> None:
    bundle_at(page)
    page.presenter.set_typed(typed or page.server.fingerprint)
    page.presenter.next()
    page.presenter.compare(True)
    page.presenter.next()


def test_a_newcomer_sets_it_up_and_asks_to_be_taken_in(page: FirstPage) -> None:
    presenter = page.presenter
    to_the_key(page)
    assert presenter.view().step is Step.KEY
    presenter.set_officer("fay")
    presenter.set_name("Fay Moss")
    presenter.next(bytearray(PASSPHRASE), bytearray(PASSPHRASE))
    view = presenter.view()
    assert (view.step, view.request) == (Step.DONE, True)
    assert "does not know this key" in view.standing
    page.officer.chosen = page.directory / "request.json"
    presenter.save_request()
    raw = page.officer.chosen.read_bytes()
    request = parse_enrolment(raw)
    assert (request.officer.id, request.authority) == ("fay", page.server.fingerprint)
    presenter.show_codes()
    assert join(map(parse_part, presenter.view().codes)) == raw
    presenter.show_codes()
    assert presenter.view().codes == ()
    assert page.officer.asked == [] or not isinstance(page.officer.asked[-1], Passphrase)
    presenter.next()
    (known,) = page.finished
    assert known.profile.offline
    assert read_profile(known.places) == known.profile
    assert isinstance(known.profile.key, InFile)
    assert page.store.all() == (known,)


def test_of_the_words_each_counts_and_case_does_not(page: FirstPage) -> None:
    said = list(words(page.server.fingerprint))
    to_the_key(page, ", ".join(said).upper())
    assert page.presenter.view().step is Step.KEY


@pytest.mark.parametrize("change", ["swapped", "one less", "other digits"])
def test_another_fingerprint_is_refused_and_the_right_one_not_shown(
    page: FirstPage, change: str
) -> None:
    said = list(words(page.server.fingerprint))
    typed = {
        "swapped": " ".join([said[1], said[0], *said[2:]]),
        "one less": " ".join(said[:-1]),
        "other digits": "00" * 32,
    }[change]
    bundle_at(page)
    page.presenter.set_typed(typed)
    if change == "one less":
        assert "sixteen words" in page.presenter.view().why_not
        return
    page.presenter.next()
    view = page.presenter.view()
    assert (view.step, view.error_field) == (Step.SERVER, Field.WORDS)
    assert "not of the authority" in view.error
    shown = repr(view)
    assert page.server.fingerprint.removeprefix("sha256:") not in shown
    if change == "other digits":
        assert not any(f" {each} " in shown for each in said)


def test_a_file_that_only_claims_the_fingerprint_is_refused(page: FirstPage) -> None:
    """Its first roster is the right one, and the keys are somebody else's."""
    mine, other = make_bundle(page.server.state), make_bundle(ScriptedServer(Clock()).state)
    mixed = {**json.loads(mine), "keys": json.loads(other)["keys"]}
    bundle_at(page, json.dumps(mixed).encode())
    page.presenter.set_typed(page.server.fingerprint)
    page.presenter.next()
    assert page.presenter.view().step is Step.SERVER
    assert "does not verify" in page.presenter.view().error


def test_a_proposals_file_brings_its_bundle(page: FirstPage) -> None:
    made = page.server.authority.propose(Kind.POLICY, "serving", policy_body())
    bundle_at(page, export_of(page.server, made))
    page.presenter.set_typed(page.server.fingerprint)
    page.presenter.next()
    assert page.presenter.view().step is Step.AUTHORITY
    assert page.presenter.view().simulated


def test_what_is_missing_is_said_step_by_step(page: FirstPage) -> None:
    presenter = page.presenter
    assert "Choose the file" in presenter.view().why_not
    bundle_at(page)
    assert "whole fingerprint" in presenter.view().why_not
    presenter.set_typed(page.server.fingerprint)
    presenter.next()
    assert "say that this is your authority" in presenter.view().why_not
    presenter.next()
    assert presenter.view().step is Step.AUTHORITY
    presenter.compare(True)
    presenter.next()
    assert needs(presenter.view(), "", "")


def test_cancelled_before_the_end_it_leaves_nothing(page: FirstPage) -> None:
    to_the_key(page)
    page.presenter.cancel()
    assert page.cancelled == [True]
    assert page.files() == []


def test_the_second_station_of_a_directory_takes_another_place(page: FirstPage) -> None:
    with pytest.raises(NoProfile):
        read_profile(page.store.places_for("none"))
    for name in ("fay", "gil"):
        again = FirstPage(page.directory, reach=unreachable, server=page.server)  # type: ignore[arg-type]
        again.presenter.set_station(True)
        to_the_key(again)
        again.presenter.set_officer(name)
        again.presenter.set_name(name.title())
        again.presenter.next(bytearray(PASSPHRASE), bytearray(PASSPHRASE))
        again.store.close()
    known = page.store.all()
    assert len({each.places.config for each in known}) == 2
