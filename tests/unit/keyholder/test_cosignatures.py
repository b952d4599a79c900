"""Whose cosignatures the keyholder keeps, and what it grants on them."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519

from keyturn.base.errors import KeyturnError, UntrustedError
from keyturn.base.strictjson import dump
from keyturn.keyholder.cosignatures import GATHERED, Cosignatures
from keyturn.keyholder.logdisk_errors import LogRolledBack
from keyturn.quorum.roster import Witnesses
from keyturn.tlog.checkpoints import Checkpoint, cosignatures_of
from keyturn.tlog.merkle import Hash
from keyturn.tlog.notes import parse_note
from keyturn.tlog.receipts import parse_receipt, verify_receipt
from keyturn.wire.keyholder import (
    AskCheckpoint,
    AskCosignatures,
    AskReceipt,
    HandCosigned,
    Under,
)
from support.ready import Ready
from support.system import System, reasons
from support.witnesses import Pen, T, require_witnesses
from unit.keyholder.failing_disk import Crash, DyingDisk


def newest(system: System) -> bytes:
    return system.keyholder.journal.log.checkpoint.to_bytes()


def seconds(system: System) -> int:
    return int(system.clock().timestamp())


def hand_in(system: System, note: bytes) -> int:
    answer = system.keyholder.answer(HandCosigned(note.decode()))
    return int(str(answer["witnesses"]))


@pytest.fixture
def pen() -> Pen:
    return Pen()


@pytest.fixture
def witnessed(ready: Ready, pen: Pen) -> Ready:
    """One witness in the roster, and one needed."""
    require_witnesses(ready.system, [pen.key], 1)
    return ready


def test_without_a_cosignature_nothing_is_released(witnessed: Ready) -> None:
    outcome = witnessed.ask()

    assert reasons(outcome) == {"witness-cosignatures-missing"}
    (shown,) = witnessed.shown(outcome)
    assert (shown["found"], shown["expected"]) == ("0 cosignatures within 300 s", "1")


def test_a_fresh_one_releases_for_t_and_no_longer(witnessed: Ready, pen: Pen) -> None:
    system = witnessed.system
    assert hand_in(system, pen.cosigned(newest(system), seconds(system))) == 1

    witnessed.opened()
    system.clock.advance(seconds=T)
    witnessed.opened()
    system.clock.advance(seconds=1)
    assert reasons(witnessed.ask()) == {"witness-cosignatures-missing"}

    hand_in(system, pen.cosigned(newest(system), seconds(system)))
    witnessed.opened()


def test_what_is_kept_outlives_the_process_and_is_verified_again(
    witnessed: Ready, pen: Pen
) -> None:
    system = witnessed.system
    hand_in(system, pen.cosigned(newest(system), seconds(system)))
    (kept,) = (system.directory / "log" / "witnesses").glob("[0-9a-f]*")

    system.restart()
    witnessed.opened()

    kept.write_bytes(kept.read_bytes().replace(b"test.example", b"else.example"))
    system.restart()
    assert reasons(witnessed.ask()) == {"witness-cosignatures-missing"}


def test_one_name_more_or_less_is_the_same_witness(witnessed: Ready, pen: Pen) -> None:
    """A roster lists keys, so a key is a witness whatever it calls itself; and it is one."""
    system = witnessed.system
    twice = pen.cosigned(newest(system), seconds(system))
    twice = Pen("another.example/name", pen.key).cosigned(twice, seconds(system) - 5)

    assert hand_in(system, twice) == 1
    (found,) = cosignatures_of(parse_note(twice), [pen.verify_key])
    assert found.time == seconds(system)


def test_a_stranger_and_a_forgery_are_refused(witnessed: Ready, pen: Pen) -> None:
    system = witnessed.system
    stranger = Pen().cosigned(newest(system), seconds(system))
    forged = pen.cosigned(newest(system), seconds(system))
    with pytest.raises(UntrustedError, match="no witness of the roster"):
        hand_in(system, stranger)
    with pytest.raises(UntrustedError, match="no witness of the roster"):
        hand_in(system, newest(system))
    other = pen.line("another text\n", seconds(system)).encode()
    with pytest.raises(UntrustedError, match="does not verify"):
        hand_in(system, newest(system) + other)
    with pytest.raises(UntrustedError):
        hand_in(system, forged.replace(b"test.example/log\n", b"else.example/log\n", 1))

    assert reasons(witnessed.ask()) == {"witness-cosignatures-missing"}


def test_one_from_the_future_is_refused(witnessed: Ready, pen: Pen) -> None:
    system = witnessed.system
    hand_in(system, pen.cosigned(newest(system), seconds(system) + T))
    with pytest.raises(UntrustedError, match="future"):
        hand_in(system, pen.cosigned(newest(system), seconds(system) + T + 1))


def test_a_checkpoint_of_another_history_is_refused(witnessed: Ready, pen: Pen) -> None:
    system = witnessed.system
    at = system.keyholder.journal.log.checkpoint.checkpoint
    forked = Checkpoint(at.origin, at.size, Hash(bytes(32)))
    value = system.hsm.sign_log(forked.to_text().encode())
    line = system.keyholder.journal.log.checkpoint.note.signatures[0]
    note = parse_note(newest(system))
    own = type(line)(line.name, line.key_id, value)
    forged = type(note)(forked.to_text(), (own,)).to_bytes()

    with pytest.raises(LogRolledBack):
        hand_in(system, pen.cosigned(forged, seconds(system)))


def test_an_older_one_does_not_replace_a_newer(witnessed: Ready, pen: Pen) -> None:
    system = witnessed.system
    old = newest(system)
    witnessed.ask()  # its refusal is one entry more
    hand_in(system, pen.cosigned(newest(system), seconds(system)))
    before = system.keyholder.cosignatures.witnessed()
    hand_in(system, pen.cosigned(old, seconds(system) + 5))
    hand_in(system, pen.cosigned(newest(system), seconds(system) - 5))

    assert system.keyholder.cosignatures.witnessed() == before


def test_less_than_what_a_release_relied_on_is_refused(ready: Ready) -> None:
    """Two witnesses, one needed: the one that saw more falls silent."""
    system, slow, quick = ready.system, Pen("slow.example"), Pen("quick.example")
    require_witnesses(system, [slow.key, quick.key], 1)
    old = newest(system)
    ready.ask()
    hand_in(system, quick.cosigned(newest(system), seconds(system)))
    ready.opened()
    system.clock.advance(seconds=T + 1)
    hand_in(system, slow.cosigned(old, seconds(system)))

    assert reasons(ready.ask()) == {"witness-checkpoint-older"}
    system.restart()
    assert reasons(ready.ask()) == {"witness-checkpoint-older"}
    hand_in(system, slow.cosigned(newest(system), seconds(system)))
    ready.opened()


def test_a_key_that_left_the_roster_does_not_count(witnessed: Ready, pen: Pen) -> None:
    system = witnessed.system
    hand_in(system, pen.cosigned(newest(system), seconds(system)))
    require_witnesses(system, [ed25519.Ed25519PrivateKey.generate()], 1)

    assert reasons(witnessed.ask()) == {"witness-cosignatures-missing"}


def test_the_newest_checkpoint_is_shown_with_the_lines_over_it(witnessed: Ready, pen: Pen) -> None:
    system = witnessed.system
    before = newest(system)
    hand_in(system, pen.cosigned(before, seconds(system)))
    shown = str(system.keyholder.answer(AskCheckpoint())["note"]).encode()
    assert shown == pen.cosigned(before, seconds(system))

    witnessed.opened()
    shown = str(system.keyholder.answer(AskCheckpoint())["note"]).encode()
    assert shown == newest(system)


def test_a_loss_at_any_write_leaves_an_old_one_or_a_new_one(
    witnessed: Ready, pen: Pen, tmp_path: Path
) -> None:
    system = witnessed.system
    log, key, place = system.keyholder.journal.log, pen.verify_key, tmp_path / "kept"
    witnesses = Witnesses((key,), 1, T)
    notes = [pen.cosigned(newest(system), seconds(system) + more) for more in (0, 1)]
    Cosignatures(log, place).hand_in(notes[0], witnesses, system.clock())

    for step in steps():
        disk = DyingDisk(step)
        book = Cosignatures(log, place, disk)
        book.load((key,))
        died = False
        try:
            book.hand_in(notes[1], witnesses, system.clock())
        except (Crash, KeyturnError):
            died = True
        again = Cosignatures(log, place)
        again.load((key,))
        (found,) = again.witnessed().cosigned
        assert found.time - seconds(system) in ((0, 1) if died else (1,))
        if not died:
            return
    pytest.fail("it never ended")


def steps() -> Iterator[int]:
    yield from range(1, 40)


# ---- receipts ----


def receipt(system: System, index: int, under: Under = Under.COSIGNED) -> tuple[int, int]:
    """The size of the checkpoint that the entry is proved under, and how many lines it has."""
    answer = system.keyholder.answer(AskReceipt(index, under))["receipt"]
    assert isinstance(answer, dict)
    log = system.keyholder.journal.log
    found = verify_receipt(
        parse_receipt(dump(answer)), log.log_key, log.checkpoint.checkpoint.origin
    )
    assert found.index == index
    return found.checkpoint.checkpoint.size, len(found.checkpoint.note.signatures) - 1


@pytest.fixture
def two(ready: Ready) -> tuple[Ready, Pen, Pen]:
    """Two witnesses, both needed."""
    pens = Pen("one.example"), Pen("two.example")
    require_witnesses(ready.system, [each.key for each in pens], 2)
    return ready, *pens


def test_a_receipt_stands_under_the_largest_checkpoint_that_k_cosigned(
    two: tuple[Ready, Pen, Pen],
) -> None:
    ready, one, other = two
    system = ready.system
    log = system.keyholder.journal.log
    first, size = newest(system), log.size
    assert receipt(system, 1) == (size, 0)
    hand_in(system, one.cosigned(first, seconds(system)))
    assert receipt(system, 1) == (size, 1)  # the newest, with the line there is
    ready.ask()  # its refusal is one entry more
    hand_in(system, one.cosigned(newest(system), seconds(system)))
    hand_in(system, other.cosigned(first, seconds(system)))  # comes late

    assert receipt(system, 1) == (size, 2)
    assert receipt(system, size - 1) == (size, 2)
    assert receipt(system, size) == (size + 1, 1)  # not covered
    assert receipt(system, 1, Under.NEWEST) == (size + 1, 1)
    hand_in(system, other.cosigned(newest(system), seconds(system)))
    assert receipt(system, 1) == (size + 1, 2)
    with pytest.raises(KeyturnError):
        receipt(system, 10_000)


def test_it_outlives_the_process_and_is_verified_again(two: tuple[Ready, Pen, Pen]) -> None:
    ready, one, other = two
    system = ready.system
    size = system.keyholder.journal.log.size
    for each in (one, other):
        hand_in(system, each.cosigned(newest(system), seconds(system)))
    system.restart()
    assert receipt(system, 1) == (size, 2)

    kept = system.directory / "log" / "witnesses" / "together"
    kept.write_bytes(kept.read_bytes().replace(b"test.example", b"else.example"))
    system.restart()
    assert receipt(system, 1) == (system.keyholder.journal.log.size, 0)


def test_witnesses_that_left_the_roster_do_not_count(two: tuple[Ready, Pen, Pen]) -> None:
    ready, one, other = two
    system = ready.system
    for each in (one, other):
        hand_in(system, each.cosigned(newest(system), seconds(system)))
    require_witnesses(system, [one.key, Pen("three.example").key], 2)

    assert receipt(system, 1) == (system.keyholder.journal.log.size, 0)


def test_what_waits_for_other_lines_has_an_end(two: tuple[Ready, Pen, Pen]) -> None:
    ready, one, _ = two
    system = ready.system
    for _each in range(GATHERED + 3):
        hand_in(system, one.cosigned(newest(system), seconds(system)))
        require_witnesses(system, [one.key], 1)
    assert len(system.keyholder.cosignatures._gathered) == GATHERED


def test_each_witness_has_its_note(two: tuple[Ready, Pen, Pen]) -> None:
    ready, one, other = two
    system = ready.system
    assert system.keyholder.answer(AskCosignatures()) == {"ok": True, "notes": []}
    first = one.cosigned(newest(system), seconds(system))
    hand_in(system, first)
    ready.ask()
    second = other.cosigned(newest(system), seconds(system))
    hand_in(system, second)

    answer = system.keyholder.answer(AskCosignatures())
    assert answer == {"ok": True, "notes": [first.decode(), second.decode()]}
