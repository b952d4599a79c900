"""One person signs at a shared desk: their key, their share, and nothing left of either."""

from keyturn.ceremony.errors import CeremonyReason, CeremonyRefused
from keyturn.ceremony.hostphrase import host_phrase
from keyturn.ceremony.script import Part
from keyturn_app.screens.ceremonies.hosts import HostWords
from keyturn_app.screens.ceremonies.signing import SignPresenter
from keyturn_app.screens.ceremonies.signingview import SHOWN_SECONDS, KeyPlace, Page
from unit.app.screens.ceremonies.conftest import Room, passphrase


def share_of(room: Room, officer: str, use: str) -> list[str]:
    boxes = [box for box in room.host.shares if (box.officer, box.use) == (officer, use)]
    return room.host.shares[boxes[0]].decode().split()


def test_the_key_of_somebody_else_opens_nothing(room: Room) -> None:
    room.begin(until="preflight")
    room.wizard.sign("novak", Part.ADMINISTRATOR)
    sheet = room.sheet
    sheet.write_place(str(room.keys["osei"]))
    given = passphrase("osei")
    sheet.unlock(given)
    assert sheet.view().page is Page.KEY
    assert "another officer" in sheet.view().error
    assert not any(given)


def test_a_wrong_passphrase_is_said_and_wiped(room: Room) -> None:
    room.begin(until="preflight")
    room.wizard.sign("novak", Part.ADMINISTRATOR)
    sheet = room.sheet
    sheet.write_place(str(room.keys["novak"]))
    given = bytearray(b"something else")
    sheet.unlock(given)
    assert sheet.view().error
    assert not any(given)


def test_without_a_place_of_the_key_nothing_is_tried(room: Room) -> None:
    room.begin(until="preflight")
    room.wizard.sign("novak", Part.ADMINISTRATOR)
    sheet = room.sheet
    given = passphrase("novak")
    sheet.unlock(given)
    assert sheet.view().page is Page.KEY
    assert not any(given)
    sheet.choose_place(KeyPlace.CARD)
    sheet.write_place("not a card")
    sheet.unlock(passphrase("novak"))
    assert "card" in sheet.view().error


def test_the_key_is_closed_with_the_signature(room: Room) -> None:
    room.begin(until="preflight")
    sheet = room.open_key("novak", Part.ADMINISTRATOR)
    sheet.forward()
    assert sheet._secrets.key is None
    assert room.host.taken[room.ceremony][0].officer == "novak"


def test_turned_down_nothing_is_signed_and_the_key_is_closed(room: Room) -> None:
    room.begin(until="preflight")
    sheet = room.open_key("novak", Part.ADMINISTRATOR)
    sheet.cancel()
    assert sheet._secrets.key is None
    assert room.wizard.sheet is None
    assert room.host.taken[room.ceremony] == []


def test_the_witness_types_the_phrase_that_was_read(room: Room) -> None:
    room.begin(until="open")
    for officer in ("novak", "mara", "jun", "sofia", "tomas", "aiko", "nils", "ola", "petra"):
        room.sign(officer, Part.ADMINISTRATOR if officer == "novak" else Part.CUSTODIAN)
    sheet = room.open_key("osei", Part.WITNESS)
    said = room.wizard.view().phrase
    assert sheet.view().why_not == "Type the phrase that was read aloud."
    sheet.enter("phrase", " ".join([*said.split()[:7], "aardvark"]))
    assert "not the phrase" in sheet.view().why_not
    sheet.enter("phrase", said.upper().replace(" ", "  "))
    assert sheet.view().why_not == ""
    sheet.forward()
    assert room.wizard.sheet is None
    assert room.wizard.view().phase.value == "step-done"


def test_a_share_is_masked_until_asked_for_and_again_after_a_minute(room: Room) -> None:
    room.begin(until="hand-out")
    ticks = [0.0]
    sheet = alone(room, "sofia", lambda: ticks[0])
    share = sheet.view().share
    assert share is not None
    assert (share.shown, share.words, share.count) == (False, (), 20)
    assert sheet.view().why_not == "Show the words first."
    sheet.forward()
    assert sheet.view().page is Page.SHOW
    sheet.reveal()
    share = sheet.view().share
    assert share is not None
    assert list(share.words) == share_of(room, "sofia", "user")
    ticks[0] = SHOWN_SECONDS - 1
    sheet.tick()
    assert sheet.view().share.words  # type: ignore[union-attr]
    ticks[0] = SHOWN_SECONDS + 1
    sheet.tick()
    assert sheet.view().share.words == ()  # type: ignore[union-attr]


def test_never_two_shares_at_once(room: Room) -> None:
    room.begin(until="hand-out")
    sheet = alone(room, "sofia", lambda: 0.0)
    sheet.reveal()
    first = sheet._secrets.words
    sheet.forward()
    assert not any(first)  # wiped before the next one is opened
    share = sheet.view().share
    assert share is not None
    assert (share.shown, share.count) == (False, 33)
    sheet.reveal()
    second = sheet._secrets.words
    sheet.forward()
    assert sheet.view().page is Page.FORM
    assert not any(second)


def test_masking_keeps_no_word_in_the_view(room: Room) -> None:
    room.begin(until="hand-out")
    sheet = alone(room, "mara", lambda: 0.0)
    sheet.reveal()
    sheet.mask()
    assert "', '".join(share_of(room, "mara", "user")[:3]) not in repr(sheet.view())
    assert sheet.view().share.words == ()  # type: ignore[union-attr]


def test_a_share_is_proved_by_typing_it(room: Room) -> None:
    room.begin(until="prove-shares")
    sheet = alone(room, "jun", lambda: 0.0)
    assert sheet.view().page is Page.ENTER
    words = share_of(room, "jun", "user")
    assert sheet.feedback(words[:5]).have == 5
    sheet.hand_in(words[:19])
    assert "no share yet" in sheet.view().error
    sheet.hand_in(share_of(room, "jun", "user"))
    assert sheet.view().entry is not None
    assert sheet.view().entry.count == 33  # type: ignore[union-attr]
    sheet.hand_in(share_of(room, "jun", "backup"))
    assert sheet.view().page is Page.FORM
    sheet.forward()
    assert room.wizard.sheet is None
    (taken,) = room.host.taken[room.ceremony]
    assert len(taken.attached) == 2


def test_another_ones_share_is_refused_and_not_handed_in(room: Room) -> None:
    room.begin(until="prove-shares")
    sheet = alone(room, "jun", lambda: 0.0)
    sheet.hand_in(share_of(room, "mara", "user"))
    assert "not the share" in sheet.view().error
    assert sheet.view().page is Page.ENTER


def alone(room: Room, officer: str, clock) -> SignPresenter:  # type: ignore[no-untyped-def]
    """This custodian's sheet, after they said that they are alone."""
    sheet = room.open_key(officer, Part.CUSTODIAN)
    sheet._clock = clock
    assert sheet.view().page is Page.ALONE
    sheet.forward()
    return sheet


PHRASE = host_phrase(bytes(1216))


def test_a_host_that_nothing_signs_is_compared_before_its_share(room: Room) -> None:
    room.begin(until="prove-shares")
    room.host.host_words = HostWords(PHRASE)
    sheet = room.open_key("jun", Part.CUSTODIAN)
    view = sheet.view()
    assert view.page is Page.COMPARE
    assert view.host_words == tuple(PHRASE.split())
    assert "keyholder-host-trusted" in view.says
    assert "terminal where it was started" in view.says
    sheet.forward()
    assert sheet.view().page is Page.ALONE
    sheet.forward()
    sheet.hand_in(share_of(room, "jun", "user"))
    assert room.host.compared[0] == PHRASE


def test_unsaid_nothing_is_entered(room: Room) -> None:
    room.begin(until="prove-shares")
    room.host.host_words = HostWords(PHRASE, told=True)
    room.open_key("jun", Part.CUSTODIAN)
    assert "This app started the host" in room.sheet.view().says
    room.sheet.cancel()
    assert room.host.compared == []


def test_no_word_is_typed_for_a_host_that_is_refused(room: Room) -> None:
    room.begin(until="prove-shares")
    room.host.refuses_shares = CeremonyRefused(CeremonyReason.BAD_SIGNATURE, "not the keyholder")
    room.wizard.sign("jun", Part.CUSTODIAN)
    room.sheet.write_place(str(room.keys["jun"]))
    room.sheet.unlock(passphrase("jun"))
    view = room.sheet.view()
    assert view.page is Page.KEY
    assert "not the keyholder" in view.error
