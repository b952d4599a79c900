"""The first page's steps, walked without a window; whatever is cancelled leaves nothing."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from keyturn.base.encoding import digest_of
from keyturn.base.signatures import Algorithm
from keyturn.client.transport import Transport
from keyturn.officerkeys.keyfile import KdfCost, open_key_file, read_key_file, write_key_file
from keyturn.officerkeys.keypair import generate
from keyturn.officerkeys.location import InFile, InKeyring
from keyturn.wire.tls import Pin
from keyturn_app.fingerprint import words
from keyturn_app.live.profiles import Environment
from keyturn_app.questions import OpenFile
from keyturn_app.screens.welcome.joining import KeyKind
from keyturn_app.screens.welcome.viewmodel import Field, Standing, Step, needs
from keyturn_app.tasks import Job
from support.control import running_world
from support.desks import InlineDoor
from unit.app.screens.welcome.desks import PASSPHRASE, FirstPage
from unit.client.scripted_server import PIN, URL


@pytest.fixture
def page(tmp_path: Path) -> FirstPage:
    return FirstPage(tmp_path)


def pair(first: bytes = PASSPHRASE, second: bytes | None = None) -> tuple[bytearray, bytearray]:
    return bytearray(first), bytearray(first if second is None else second)


def named(page: FirstPage, officer: str = "fay") -> None:
    page.presenter.set_officer(officer)
    page.presenter.set_name("Fay Moss")


def test_a_new_key_in_a_file(page: FirstPage) -> None:
    presenter = page.presenter
    assert presenter.view().why_not
    page.at_authority()
    view = presenter.view()
    assert view.step is Step.AUTHORITY
    assert view.words == words(page.server.fingerprint)
    assert view.simulated
    assert view.officers == tuple(sorted(f"Officer {n.title()}" for n in page.server.secrets))
    presenter.next()
    assert presenter.view().step is Step.AUTHORITY  # not before the words were compared
    presenter.compare(True)
    presenter.next()
    assert presenter.view().step is Step.KEY
    assert presenter.view().draft.label == "control.test"
    assert presenter.view().draft.environment is Environment.DEMO
    named(page)
    assert not presenter.view().why_not
    first, second = pair()
    presenter.next(first, second)
    assert not any(first)
    assert not any(second)
    done = presenter.view()
    assert done.step is Step.DONE
    entry = json.loads(done.entry)
    assert (entry["id"], entry["name"], entry["roles"]) == (
        "fay",
        "Fay Moss",
        ["approver", "proposer"],
    )
    assert "does not know" in done.standing
    (known,) = page.store.all()
    assert isinstance(known.profile.key, InFile)
    with open_key_file(read_key_file(known.profile.key.path), bytearray(PASSPHRASE)) as secret:
        assert secret.public.roster_entry(["approver", "proposer"]) == entry
    presenter.next()
    assert page.finished == [known]


def test_a_new_key_in_the_keyring(page: FirstPage) -> None:
    page.at_key()
    page.presenter.choose_key(KeyKind.NEW_KEYRING)
    named(page)
    page.presenter.next(*pair(b""))
    assert page.presenter.view().step is Step.DONE
    assert list(page.keyring.kept) == ["fay"]
    assert page.store.all()[0].profile.key == InKeyring("fay")
    assert page.files() == ["app.sqlite"]


def test_an_imported_key_that_the_roster_knows(page: FirstPage, tmp_path: Path) -> None:
    path = tmp_path / "ada.key"
    cost = KdfCost(iterations=1, lanes=1, memory_kib=8)
    write_key_file(path, page.server.secrets["ada"], bytearray(PASSPHRASE), cost=cost)
    page.at_key()
    presenter = page.presenter
    presenter.choose_key(KeyKind.IMPORTED)
    assert presenter.view().why_not
    page.officer.chosen = path
    presenter.import_key()
    assert isinstance(page.officer.asked[-1], OpenFile)
    assert "ada" in presenter.view().imported
    presenter.set_officer("mallory")  # a file says itself whose it is
    presenter.next()
    assert "You can sign in" in presenter.view().standing
    (known,) = page.store.all()
    assert known.profile.officer == "ada"
    assert known.profile.key == InFile(path)


def test_a_file_that_is_no_key_is_said(page: FirstPage, tmp_path: Path) -> None:
    page.at_key()
    page.presenter.choose_key(KeyKind.IMPORTED)
    page.officer.chosen = tmp_path / "nothing.key"
    page.presenter.import_key()
    assert "no key file" in page.presenter.view().error
    assert page.presenter.view().error_field is Field.KEY
    assert page.presenter.view().why_not


def test_another_kind_forgets_the_file(page: FirstPage, tmp_path: Path) -> None:
    path = tmp_path / "bela.key"
    with generate("bela", "Béla", Algorithm.P256) as secret:
        cost = KdfCost(iterations=1, lanes=1, memory_kib=8)
        write_key_file(path, secret, bytearray(PASSPHRASE), cost=cost)
    page.at_key()
    page.presenter.choose_key(KeyKind.IMPORTED)
    page.officer.chosen = path
    page.presenter.import_key()
    page.presenter.choose_key(KeyKind.NEW_FILE)
    assert page.presenter.view().draft.key.officer == ""


def test_a_card_can_be_chosen_and_wants_to_be_looked_for(page: FirstPage) -> None:
    page.at_key()
    page.presenter.choose_key(KeyKind.CARD)
    view = page.presenter.view()
    assert view.draft.key.kind is KeyKind.CARD
    assert "Look for cards" in view.why_not
    assert not view.asks_officer
    assert not view.asks_passphrase


def test_no_keyring_is_said(tmp_path: Path) -> None:
    page = FirstPage(tmp_path, has_keyring=False)
    page.at_key()
    page.presenter.choose_key(KeyKind.NEW_KEYRING)
    assert page.presenter.view().draft.key.kind is KeyKind.NEW_FILE


@pytest.mark.parametrize(
    ("first", "second"), [(b"short", b"short"), (PASSPHRASE, b"another one of these")]
)
def test_unfit_passphrases_make_no_key(page: FirstPage, first: bytes, second: bytes) -> None:
    page.at_key()
    named(page)
    view = page.presenter.view()
    assert needs(view, first.decode(), second.decode())
    assert not needs(view, PASSPHRASE.decode(), PASSPHRASE.decode())
    one, other = pair(first, second)
    page.presenter.next(one, other)
    assert page.presenter.view().step is Step.KEY
    assert page.presenter.view().error
    assert not any(one)
    assert not any(other)
    assert page.files() == []


@pytest.mark.parametrize("at", [Step.SERVER, Step.AUTHORITY, Step.KEY])
def test_cancelled_at_each_step_leaves_nothing(page: FirstPage, at: Step) -> None:
    if at is Step.AUTHORITY:
        page.at_authority()
    if at is Step.KEY:
        page.at_key()
        named(page)
    page.presenter.cancel()
    assert page.cancelled == [True]
    assert page.files() == []
    assert page.keyring.kept == {}


def test_cancelled_while_the_key_is_made(page: FirstPage) -> None:
    page.at_key()
    named(page)
    door = page.door
    assert isinstance(door, InlineDoor)

    def stop_at_the_end(job: Job) -> None:
        checks: list[int] = []
        plain = job._stop.is_set

        def later() -> bool:
            checks.append(1)
            return len(checks) > 1 or plain()

        job._stop.is_set = later  # type: ignore[method-assign]

    door.before = stop_at_the_end
    first, second = pair()
    page.presenter.next(first, second)
    assert page.cancelled == [True]
    assert page.files() == []
    assert not any(first)


def test_back_keeps_what_was_entered(page: FirstPage) -> None:
    page.at_key()
    named(page)
    page.presenter.back()
    page.presenter.back()
    assert not page.presenter.view().can_back
    assert page.presenter.view().step is Step.SERVER
    page.presenter.next()
    assert page.presenter.view().draft.compared  # the same authority as before
    assert page.presenter.view().draft.key.officer == "fay"


def test_another_authority_is_compared_anew(page: FirstPage, tmp_path: Path) -> None:
    page.at_key()
    page.presenter.back()
    page.presenter.back()
    other = FirstPage(tmp_path / "other").server
    page.server = other
    page.presenter.next()
    assert page.presenter.view().words == words(other.fingerprint)
    assert not page.presenter.view().draft.compared


def test_a_server_that_serves_no_true_authority_is_named(page: FirstPage) -> None:
    other = digest_of(b"another authority")
    page.server.lie("/v1/hello", lambda answer: {**answer, "fingerprint": other})
    page.at_authority()
    assert page.presenter.view().step is Step.SERVER
    assert "not the pinned one" in page.presenter.view().error
    assert page.files() == []


def test_the_server_is_asked_again_before_the_key_is_made(page: FirstPage) -> None:
    page.at_key()
    named(page)
    page.server.lie("/v1/authority", lambda answer: {"bundle": "AAAA"})
    page.presenter.next(*pair())
    assert page.presenter.view().step is Step.KEY
    assert page.presenter.view().error
    assert page.files() == []


def test_twice_the_same_officer_is_refused(page: FirstPage) -> None:
    page.at_key()
    named(page)
    page.presenter.next(*pair())
    again = FirstPage(page.directory, server=page.server)
    again.at_key()
    named(again)
    again.presenter.next(*pair())
    assert "already" in again.presenter.view().error
    assert len(page.store.all()) == 1


def test_a_key_that_cannot_be_written_leaves_no_seat(page: FirstPage) -> None:
    page.at_key()
    named(page)
    (page.directory / "app").mkdir(exist_ok=True)
    (page.directory / "app" / "keys").write_text("in the way")
    page.presenter.next(*pair())
    assert "cannot write" in page.presenter.view().error
    assert page.files() == ["keys"]


def test_pins_as_people_copy_them(page: FirstPage) -> None:
    page.presenter.set_url(URL + "/")
    page.presenter.set_pin("sha256:" + ":".join([PIN[:32].upper(), PIN[32:]]) + "\n")
    assert not page.presenter.view().why_not
    page.presenter.set_pin(PIN[:-1])
    assert page.presenter.view().why_not
    page.presenter.set_pin(PIN)
    page.presenter.set_url("http://control.test")
    assert page.presenter.view().why_not


def test_the_entry_can_be_saved(page: FirstPage, tmp_path: Path) -> None:
    page.presenter.save_entry()
    assert page.officer.asked == []
    page.at_key()
    named(page)
    page.presenter.next(*pair())
    page.officer.chosen = tmp_path / "entry.json"
    page.presenter.save_entry()
    assert json.loads((tmp_path / "entry.json").read_text())["id"] == "fay"
    assert page.officer.toasts
    page.officer.chosen = tmp_path / "missing" / "entry.json"
    page.presenter.save_entry()
    assert "Cannot write" in page.presenter.view().error


def test_the_steps_say_where_one_is(page: FirstPage) -> None:
    def standings() -> list[Standing]:
        return [each.standing for each in page.presenter.view().steps]

    assert standings() == [Standing.NOW, *[Standing.AHEAD] * 3]
    page.at_key()
    assert standings() == [Standing.DONE, Standing.DONE, Standing.NOW, Standing.AHEAD]
    named(page)
    page.presenter.next(*pair())
    assert standings() == [Standing.DONE] * 4


def test_a_real_server_its_pin_and_nobody_there(tmp_path: Path) -> None:
    real: Callable[[str, Pin], Transport] = Transport.pinned
    with running_world(tmp_path) as world:
        page = FirstPage(tmp_path, reach=real)
        page.server.clock.now = world.clock()
        page.presenter.set_url(world.url)
        page.presenter.set_pin("00" * 32)
        page.presenter.next()
        wrong = page.presenter.view()
        assert wrong.error_field is Field.PIN
        assert world.pin in wrong.error  # found, against what was expected
        page.presenter.set_pin(world.pin)
        assert page.presenter.view().error == ""
        page.presenter.next()
        assert page.presenter.view().words == words(world.keyholder.fingerprint)
    page.presenter.back()
    page.presenter.next()
    gone = page.presenter.view()
    assert gone.error_field is Field.URL
    assert "cannot be reached" in gone.error
    assert replace(gone.draft, compared=False).url == world.url
