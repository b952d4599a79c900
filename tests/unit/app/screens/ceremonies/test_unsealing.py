"""A custodian at a sealed keyholder: looks first, enters one share, and waits for the others."""

from dataclasses import replace

from keyturn.officerkeys.signer import OfficerSigner
from keyturn_app.screens.ceremonies.hosts import HostPlace, HostSeen, SealedSeen
from keyturn_app.screens.ceremonies.unsealing import UnsealPage, UnsealPresenter
from unit.app.screens.ceremonies.conftest import Room

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
