"""Signatures and words: each fault that a host must refuse, and that it keeps nothing of it."""

from datetime import timedelta
from pathlib import Path

import pytest

from keyturn.base.encoding import Digest
from keyturn.ceremony.records import Event
from keyturn.ceremony.script import Part, ShareUse
from keyturn.ceremony.steps import Place, Word, parse_step_signature
from keyturn.hsm.errors import PinRefused
from keyturn.keyholder.ceremonies import taking
from keyturn.keyholder.ceremonies.needs import Need, Opens
from keyturn.keyholder.ceremonies.sharing import Entered
from keyturn.wire.ceremonies import SayInCeremony, SignStep
from keyturn.wire.errors import PeerRefused
from support.ceremonies import Cast
from support.ceremonies_host import InProcess, Table, genesis_plan, host_here, now

OTHER = Digest("sha256:" + "ab" * 32)


def refused(
    table: Table, by: str = "hana", part: Part = Part.ADMINISTRATOR, **changed: object
) -> str:
    before = table.read()
    with pytest.raises(PeerRefused) as error:
        table.door.ask(table.raw_step(by, part, **changed))
    assert table.read().waiting == before.waiting
    return error.value.message


def test_a_signature_stands_in_its_own_place_alone(table: Table) -> None:
    place = table.read().course.place
    assert "another place" in refused(table, place=Place("genesis-1", False, 2, place.previous))
    assert "another place" in refused(table, place=Place("genesis-1", False, 1, OTHER))
    assert "another ceremony" in refused(table, place=Place("g-2", False, 1, place.previous))
    assert "another ceremony" in refused(table, place=Place("genesis-1", True, 1, place.previous))


def test_a_signature_is_its_officers_own(table: Table) -> None:
    assert "not hana's signature" in refused(table, key="viktor")
    assert "not in the roster" in refused(table, "mallory")
    assert "does not sign this step" in refused(table, "sofia")
    assert "does not sign this step" in refused(table, "hana", Part.WITNESS)


def test_a_signature_says_what_the_step_asks(table: Table) -> None:
    assert "another step" in refused(table, step="found")
    assert "another time" in refused(table, time=now() - timedelta(minutes=3))
    assert "does not ask for" in refused(table, entered={"more": "x"})
    assert "attached more" in refused(table, attached=(b"something",))


def test_one_officer_signs_once(table: Table) -> None:
    table.sign("hana", Part.ADMINISTRATOR)
    assert "has signed this step" in refused(table)


def test_what_is_no_envelope_is_malformed(table: Table) -> None:
    for request in (
        SignStep("genesis-1", b"{}"),
        SayInCeremony("genesis-1", b"{}"),
        SignStep("genesis-1", table.read().course.signed_plan.raw),
    ):
        with pytest.raises(PeerRefused) as error:
            table.door.ask(request)
        assert error.value.kind == "malformed"


def test_a_note_is_recorded_and_leaves_what_was_signed(table: Table) -> None:
    table.sign("hana", Part.ADMINISTRATOR)
    table.say("ada", Part.CUSTODIAN, Word.NOTE, "the lamp flickers")
    assert table.last.event is Event.NOTE
    waiting = table.read().waiting
    assert waiting is not None
    assert waiting.signed == (("hana", "administrator"),)


def test_an_exception_voids_what_was_signed(table: Table) -> None:
    table.sign("hana", Part.ADMINISTRATOR)
    table.say("viktor", Part.WITNESS, Word.EXCEPTION, "somebody came in")
    waiting = table.read().waiting
    assert waiting is not None
    assert waiting.signed == ()


def test_nobody_talks_a_ceremony_to_death(table: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each note is an entry of the log, and makes a transcript longer, until
    no reader takes it any more: one custodian could stop every ceremony, and fill the disk."""
    monkeypatch.setattr(taking, "MAX_WORDS", 3)
    for _ in range(3):
        table.say("ada", Part.CUSTODIAN, Word.NOTE, "and another thing")
    with pytest.raises(PeerRefused, match="enough was said"):
        table.say("ada", Part.CUSTODIAN, Word.NOTE, "and another thing")
    table.say("bela", Part.CUSTODIAN, Word.NOTE, "I too")
    monkeypatch.setattr(taking, "MAX_SO_FAR", 3)
    with pytest.raises(PeerRefused, match="enough was said"):
        table.say("bela", Part.CUSTODIAN, Word.NOTE, "I too")
    table.abort()


@pytest.mark.parametrize("word", [Word.EXCEPTION, Word.ABORT])
def test_a_custodian_neither_aborts_nor_excepts(table: Table, word: Word) -> None:
    with pytest.raises(PeerRefused, match="cannot say"):
        table.say("ada", Part.CUSTODIAN, word)


def test_nothing_is_resumed_that_goes_on(table: Table) -> None:
    with pytest.raises(PeerRefused, match="nothing interrupted"):
        table.resume()


def test_after_an_abort_nothing_is_signed(table: Table) -> None:
    request = table.raw_step("hana", Part.ADMINISTRATOR)
    table.abort()
    with pytest.raises(PeerRefused, match="over"):
        table.door.ask(request)


def test_a_host_that_was_stopped_waits_for_a_resumption(tmp_path: Path) -> None:
    with host_here(tmp_path / "host") as door:
        table = Table(door, Cast())
        table.open(genesis_plan(table.cast))
    with host_here(tmp_path / "host") as door:
        with pytest.raises(PeerRefused, match="stopped since the last record"):
            table.at(door).sign("hana", Part.ADMINISTRATOR)
        table.resume()
        assert table.last.event is Event.RESUMED
        table.sign("hana", Part.ADMINISTRATOR)


def test_signatures_wait_while_a_step_is_done(table: Table, door: InProcess) -> None:
    door.host._hosting.acting = "genesis-1"
    with pytest.raises(PeerRefused, match="the host is doing a step"):
        table.sign("hana", Part.ADMINISTRATOR)
    with pytest.raises(PeerRefused, match="the host is doing a step"):
        table.say("viktor", Part.WITNESS, Word.ABORT)
    door.host._hosting.acting = None
    table.sign("hana", Part.ADMINISTRATOR)


def test_a_refused_pin_is_not_tried_again_with_the_next_share(
    table: Table, door: InProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three of five shares give a PIN that the token refuses; the fourth and the fifth custodian
    would each have it tried again, until the token locks."""
    running = door.host._hosting.find(table.ceremony)
    running.reopening = shares = Entered(())
    wiped: list[Entered] = []

    def refuse(*_: object) -> None:
        raise PinRefused("the token refused the PIN")

    monkeypatch.setattr(Entered, "has_enough", lambda *_: True)
    monkeypatch.setattr(Entered, "wipe", lambda self: wiped.append(self))
    monkeypatch.setattr(taking.Taking, "_enter_shares", lambda *_: None)
    monkeypatch.setattr(taking.Taking, "_opened", refuse)
    request = table.raw_step("ada", Part.CUSTODIAN, attached=(b"sealed",))
    signature = parse_step_signature(request.envelope)
    need = Need(ShareUse.USER, Opens.IN_USE, ())
    with pytest.raises(PinRefused):
        door.host._taking._reopen(running, signature, (b"sealed",), (need,))
    assert wiped == [shares]
    assert running.reopening is None
