"""A custodian at a sealed keyholder: looks first, enters one share, and waits for the others."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from keyturn.base.errors import KeyturnError
from keyturn.ceremony.shareerrors import ShareFault, ShareRefused
from keyturn.client.signing import Unlocked
from keyturn.client.unsealdoor import NothingPinned
from keyturn.officerkeys.signer import OfficerSigner
from keyturn_app.screens.ceremonies.hosts import HostPlace, HostSeen, SealedSeen
from keyturn_app.screens.ceremonies.unsealing import UnsealPage, UnsealPresenter
from support.desks import InlineDoor
from unit.app.screens.ceremonies.conftest import Room, passphrase

SEALED = SealedSeen(
    True, "3f9a 01c7", 41, ("keyholder-host-trusted",), ("mara",), 2, "3 of 5", "2 of 5"
)


def sealed(room: Room, seen: SealedSeen = SEALED) -> UnsealPresenter:
    """Jun, a custodian, in their own app."""
    room.door.place = HostPlace.KEYHOLDER
    room.host.seal = seen
    room.host.look = lambda: HostSeen((), "3f9a 01c7", sealed=True)  # type: ignore[method-assign]
    room.desk.identity = replace(room.desk.identity, officer="jun")
    room.stage.own = OfficerSigner(room.host.cast["jun"].secret)
    room.page.seen()
    (host,) = room.page.view().hosts
    room.page.unseal(host.id)
    assert isinstance(room.page.over, UnsealPresenter)
    return room.page.over


def test_the_keyholder_is_looked_at_before_a_share_is_asked_for(room: Room) -> None:
    view = sealed(room).view()
    assert view.page is UnsealPage.LOOKED
    assert view.headline == "2 more shares are needed"
    assert ("Key of this session", "3f9a 01c7", True) in view.rows
    assert view.caveats == ("keyholder-host-trusted",)
    assert view.why_not == ""


def test_a_keyholder_that_is_not_proved_gets_no_share(room: Room) -> None:
    presenter = sealed(room)
    room.host.silent = True
    presenter.look()
    assert presenter.view().page is UnsealPage.UNPROVED
    presenter.forward()
    assert room.page.over is None  # the button says Close


def test_one_share_after_being_alone(room: Room) -> None:
    room.begin(until="prove-shares")
    room.page.over = None
    boxes = [box for box in room.host.shares if (box.officer, box.use) == ("jun", "user")]
    words = room.host.shares[boxes[0]].decode().split()
    presenter = sealed(room)
    presenter.forward()
    assert presenter.view().page is UnsealPage.ALONE
    presenter.forward()
    presenter.hand_in(words[:-1])
    assert "no share yet" in presenter.view().error
    assert room.host.entered == []
    presenter.hand_in(words)
    assert len(room.host.entered) == 1
    view = presenter.view()
    assert view.page is UnsealPage.LOOKED
    assert view.why_not == "Your share is there. Others are waited for."


def test_who_keeps_no_share_is_told_so(room: Room) -> None:
    presenter = sealed(room, replace(SEALED, mine=""))
    assert presenter.view().why_not == "You keep no share of the user PIN."


def test_open_again_it_says_so(room: Room) -> None:
    presenter = sealed(room)
    room.host.seal = SealedSeen(sealed=False)
    presenter.look()
    assert presenter.view().page is UnsealPage.OPEN
    presenter.forward()
    assert room.page.over is None


KEEP = (("mara", "1 of 3"), ("jun", "2 of 3"), ("sofia", "3 of 3"))


def shared(room: Room) -> UnsealPresenter:
    """At the keyholder's own machine: nobody sits there."""
    seen = replace(SEALED, entered=(), keepers=KEEP)
    room.knows()
    room.door.place = HostPlace.LOCAL
    room.host.seal = seen
    room.host.look = lambda: HostSeen((), seen.fingerprint, sealed=True)  # type: ignore[method-assign]
    room.page.seen()
    (host,) = room.page.view().hosts
    room.page.unseal(host.id)
    assert isinstance(room.page.over, UnsealPresenter)
    return room.page.over


def words_of(room: Room, officer: str) -> list[str]:
    over, room.page.over = room.page.over, None
    room.begin(until="prove-shares")
    room.page.over = over
    boxes = [box for box in room.host.shares if (box.officer, box.use) == (officer, "user")]
    return room.host.shares[boxes[0]].decode().split()


def come(room: Room, presenter: UnsealPresenter, officer: str) -> None:
    """This custodian opens their key, alone."""
    presenter.take_turn(officer)
    assert presenter.view().page is UnsealPage.KEY
    presenter.write_place(str(room.keys[officer]))
    presenter.unlock(passphrase(officer))
    assert presenter.view().page is UnsealPage.ALONE, presenter.view().error
    presenter.forward()
    assert presenter.view().page is UnsealPage.ENTER


def test_custodians_take_turns_at_its_machine(room: Room) -> None:
    presenter = shared(room)
    assert presenter.shared
    view = presenter.view()
    assert next((each.name, each.share) for each in view.people) == ("Mara Okafor", "share 1 of 3")
    assert view.next_text == "Close"
    words = words_of(room, "mara")
    come(room, presenter, "mara")
    assert presenter.view().headline == "Share of Mara Okafor"
    presenter.hand_in(words)
    view = presenter.view()
    assert (view.page, view.headline) == (UnsealPage.LOOKED, "One more share is needed")
    assert (view.people[0].look.word, view.people[0].action) == ("Entered", "")
    presenter.take_turn("mara")  # hers is there
    assert presenter.view().page is UnsealPage.LOOKED
    come(room, presenter, "jun")
    presenter.hand_in(words)
    assert presenter.view().page is UnsealPage.OPEN


def test_another_ones_key_is_refused_and_the_passphrase_wiped(room: Room) -> None:
    presenter = shared(room)
    presenter.take_turn("mara")
    presenter.write_place(str(room.keys["jun"]))
    secret = passphrase("jun")
    presenter.unlock(secret)
    assert presenter.view().page is UnsealPage.KEY
    assert presenter.view().error
    assert not any(secret)
    presenter.back()
    assert presenter.view().page is UnsealPage.LOOKED
    assert presenter.view().error == ""


def test_another_ones_share_is_typed_anew_and_anything_else_looked_at_anew(room: Room) -> None:
    presenter = shared(room)
    words = words_of(room, "jun")
    come(room, presenter, "jun")
    refusals: list[KeyturnError] = [
        ShareRefused(ShareFault.OTHER_CUSTODIAN, "this share is Mara's"),
        PeerRefusal("the token refused the PIN", hint="Start the keyholder anew."),
    ]

    def refuse(_signer: object, words: bytearray, _now: object) -> SealedSeen:
        raise refusals.pop(0)

    room.host.unseal = refuse  # type: ignore[method-assign,assignment]
    presenter.hand_in(words)
    assert presenter.view().page is UnsealPage.ENTER
    assert "Mara" in presenter.view().error
    presenter.hand_in(words)
    view = presenter.view()
    assert view.page is UnsealPage.LOOKED
    assert view.error == "the token refused the PIN. Start the keyholder anew."
    presenter.tick()
    assert presenter.view().error  # it stays until somebody comes to the screen
    presenter.take_turn("mara")
    assert presenter.view().error == ""


def test_a_new_session_is_said(room: Room) -> None:
    presenter = shared(room)
    room.host.seal = replace(room.host.seal, fingerprint="77aa 0102")
    presenter.tick()
    assert "a new one began" in presenter.view().notice


def test_nothing_is_looked_at_while_somebody_is_at_their_share(room: Room) -> None:
    presenter = shared(room)
    presenter.take_turn("mara")
    room.host.seal = SealedSeen(sealed=False)
    presenter.tick()
    assert presenter.view().page is UnsealPage.KEY
    presenter.back()
    assert presenter.view().page is UnsealPage.OPEN


def test_a_look_that_fails_late_leaves_nothing_half_way(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The socket went away while a key is being opened: it is closed, and the sheet can be."""
    presenter = shared(room)
    room.door.held = []
    presenter.tick()
    presenter.take_turn("mara")
    presenter.write_place(str(room.keys["mara"]))
    opening: list[Callable[[Unlocked], None]] = []

    class Job:
        def drop(self) -> None: ...

    def run(_label: str, _work: object, *, done: Callable[[Unlocked], None], failed: object) -> Job:
        opening.append(done)
        return Job()

    monkeypatch.setattr(InlineDoor, "run", lambda _door, *given, **named: run(*given, **named))
    presenter.unlock(passphrase("mara"))
    assert presenter.view().why_not == "The key is being opened…"
    room.host.silent = True
    room.door.answer()
    assert presenter.view().page is UnsealPage.UNPROVED
    assert presenter.view().why_not == ""
    closed: list[bool] = []
    signer = OfficerSigner(room.host.cast["mara"].secret)
    opening.pop()(Unlocked(signer, lambda: closed.append(True)))
    assert closed == [True]
    presenter.forward()
    assert room.page.over is None


def test_without_an_authority_no_share_goes_there(room: Room) -> None:
    room.door.place = HostPlace.LOCAL

    def unproved(_officer: str, _now: object) -> SealedSeen:
        raise NothingPinned

    room.host.sealed = unproved  # type: ignore[method-assign,assignment]
    room.host.look = lambda: HostSeen((), "3f9a", sealed=True)  # type: ignore[method-assign]
    room.page.seen()
    (host,) = room.page.view().hosts
    room.page.unseal(host.id)
    assert isinstance(room.page.over, UnsealPresenter)
    view = room.page.over.view()
    assert view.page is UnsealPage.UNPROVED
    assert "Name both first" in view.error
    assert view.people == ()


class PeerRefusal(KeyturnError):
    pass
