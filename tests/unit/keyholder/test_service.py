"""The keyholder's start, and every question of our protocol §7.1."""

import threading
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509

from keyturn.base.collateral import CollateralDocument
from keyturn.base.encoding import b64, digest_of
from keyturn.base.errors import KeyturnError, NotFoundError
from keyturn.base.strictjson import JsonObject, dump, load_object
from keyturn.hsm.protocol import PublicKey, Purpose
from keyturn.keyholder.errors import (
    ClockRefused,
    CollateralMemoryDamaged,
    KeyholderStopped,
    WrongToken,
)
from keyturn.keyholder.logdisk_errors import LogRolledBack
from keyturn.quorum.approvals import WITHDRAWAL_TYPE, withdrawal_payload
from keyturn.quorum.entries import EntryKind, parse_entry
from keyturn.quorum.kinds import Kind
from keyturn.tlog.checkpoints import verify_checkpoint
from keyturn.tlog.receipts import parse_receipt, verify_receipt
from keyturn.wire import keyholder as asked
from keyturn.wire.keyholder import AnyRequest, read_answer
from support.authority import policy_body, sign
from support.collateral import amd_crl
from support.hsmtoken import TestToken
from support.hsmviews import HsmView
from support.ready import Ready
from support.system import ORIGIN, System, model_digest, reasons


def ask(system: System, request: AnyRequest) -> object:
    """As over the socket: through JSON and the asking end's reader."""
    answer = load_object(dump(system.keyholder.answer(request)), limit=8 << 20, what="an answer")
    return read_answer(request, answer)


def view_of(system: System) -> HsmView:
    assert isinstance(system.hsm, HsmView)
    return system.hsm


# ---- start ----


def test_every_start_is_an_entry(system: System) -> None:
    log = system.keyholder.journal.log
    first = parse_entry(log.leaf(log.size - 1))
    system.restart()
    log = system.keyholder.journal.log
    second = parse_entry(log.leaf(log.size - 1))

    assert first.kind is second.kind is EntryKind.START
    assert first.fields.hex("boot", size=16) != second.fields.hex("boot", size=16)


def test_the_token_remembers_a_start(system: System) -> None:
    mark = view_of(system).mark
    assert mark is not None
    seen = verify_checkpoint(mark, system.keyholder.journal.log.log_key, ORIGIN)

    assert seen.checkpoint.size == system.keyholder.journal.log.size


def test_a_token_without_a_mark_is_refused(system: System) -> None:
    """Genesis stores one. A token that has none would let any older log pass."""
    system.keyholder.close()
    view_of(system).mark = None

    with pytest.raises(LogRolledBack, match="no log"):
        system.start()


def test_a_mark_of_another_log_is_refused(system: System) -> None:
    system.keyholder.close()
    view_of(system).mark = b"example.com/other\n1\nAAAA\n\n"

    with pytest.raises(KeyturnError):
        system.start()


def test_another_token_is_refused(system: System, tmp_path: Path) -> None:
    """Even one whose log key signed this log: its other keys must be those in force."""
    system.keyholder.close()

    class Exchanged(HsmView):
        def public_keys(self) -> dict[Purpose, PublicKey]:
            keys = dict(super().public_keys())
            keys[Purpose.RESULT] = keys[Purpose.INGEST]
            return keys

    view = view_of(system)
    system.hsm = Exchanged(view.worker, view.mark)
    with pytest.raises(WrongToken, match="result key"):
        system.start()
    system.hsm = view
    system.start()


def test_a_keyholder_that_cannot_start_leaves_no_thread(system: System) -> None:
    system.keyholder.close()
    system.clock.advance(seconds=-1)
    before = threading.active_count()

    with pytest.raises(ClockRefused):
        system.start()

    assert threading.active_count() == before
    system.clock.advance(seconds=1)
    system.start()


# ---- questions ----


def test_hello(system: System) -> None:
    found = ask(system, asked.AskHello())

    assert isinstance(found, asked.Hello)
    assert (found.fingerprint, found.origin) == (system.fingerprint, ORIGIN)
    assert (found.simulation, found.size) == (True, system.keyholder.journal.log.size)
    assert found.software.startswith("keyturn ")


def test_a_release_over_the_wire(ready: Ready) -> None:
    issued = ask(ready.system, asked.AskChallenge())
    assert isinstance(issued, asked.IssuedChallenge)
    assert issued.valid_seconds == 120
    raw = ready.node.request(bytes.fromhex(issued.challenge), model_digest(ready.model))

    released = ask(ready.system, asked.AskRelease(raw, ready.wrapped))

    assert isinstance(released, asked.Released)
    assert released.granted
    assert released.index == ready.system.keyholder.journal.log.size - 1


def test_a_submission_over_the_wire(system: System) -> None:
    proposal = system.authority.approved(Kind.POLICY, "serving", policy_body())

    found = ask(system, asked.Submit(proposal.raw, tuple(proposal.approvals)))

    assert isinstance(found, asked.Submitted)
    assert found.in_force
    assert found.wrapped is None
    check_receipt(system, found.receipt, found.index)


def check_receipt(system: System, document: JsonObject | None, index: int | None) -> None:
    assert document is not None
    receipt = parse_receipt(dump(document))
    assert receipt.index == index
    verify_receipt(receipt, system.keyholder.journal.log.log_key, ORIGIN)


def test_a_withdrawal_over_the_wire(system: System) -> None:
    proposal = system.authority.approved(Kind.POLICY, "serving", policy_body())
    payload = withdrawal_payload(
        proposal.digest, officer="ada", time=system.clock(), reason="second thoughts"
    )
    envelope = sign(WITHDRAWAL_TYPE, payload, *system.authority.people["ada"].keys[:1])

    found = ask(system, asked.Withdraw(proposal.raw, envelope))

    assert isinstance(found, asked.Logged)
    check_receipt(system, found.receipt, found.index)


def test_entries_receipts_and_checkpoint(ready: Ready) -> None:
    system = ready.system
    log = system.keyholder.journal.log
    found = ask(system, asked.AskEntries(1, 4))
    assert isinstance(found, asked.Entries)
    assert found.leaves == tuple(log.leaves(1, 4))
    assert found.size == log.size
    beyond = ask(system, asked.AskEntries(log.size + 5, log.size + 9))
    assert isinstance(beyond, asked.Entries)
    assert beyond.leaves == ()

    note = ask(system, asked.AskCheckpoint())
    assert isinstance(note, str)
    assert verify_checkpoint(note.encode(), log.log_key, ORIGIN).checkpoint.size == log.size
    check_receipt(system, ask(system, asked.AskReceipt(2)), 2)  # type: ignore[arg-type]
    proof = ask(system, asked.AskConsistency(2, log.size))
    assert proof == tuple(each.hex() for each in log.consistency(2, log.size))


def test_objects_by_their_digest(system: System) -> None:
    proposal = system.authority.approved(Kind.POLICY, "serving", policy_body())
    system.submit(proposal)

    assert ask(system, asked.AskObject(digest_of(proposal.raw))) == proposal.raw
    with pytest.raises(NotFoundError):
        system.keyholder.answer(asked.AskObject(digest_of(b"nothing")))


@pytest.mark.parametrize(
    "question",
    [asked.AskReceipt(10_000), asked.AskConsistency(5, 10_000)],
    ids=["receipt", "proof"],
)
def test_what_lies_outside_the_log_is_an_error(system: System, question: AnyRequest) -> None:
    with pytest.raises(KeyturnError):
        system.keyholder.answer(question)
    assert ask(system, asked.AskHello())


def test_a_real_token_keeps_its_mark_over_processes(
    system: System, token_template: TestToken, tmp_path: Path
) -> None:
    """What the views of these tests stand for: the mark lies in the token itself."""
    token = token_template.copied_to(tmp_path / "copy")
    with token.worker() as first:
        first.store_mark(b"a mark")
    with token.worker() as second:
        assert second.load_mark() == b"a mark"
        assert b64(second.public_keys()[Purpose.LOG].spki) == b64(
            system.hsm.public_keys()[Purpose.LOG].spki
        )


def test_the_first_failed_append_stops_the_keyholder(ready: Ready) -> None:
    """Not only the next question: nobody may come, and a supervisor waits for the end."""
    raw = ready.request()
    view_of(ready.system).lose(2)  # the log's signature

    with pytest.raises(KeyholderStopped, match="HSM worker died"):
        ready.system.keyholder.answer(asked.AskRelease(raw, ready.wrapped))
    ready.system.restart()


# ---- collateral ----


def crl_of(system: System, number: int, *revoked: int, by_ask: bool = False) -> CollateralDocument:
    issued = system.clock() - timedelta(hours=1)
    return amd_crl(system.vendors, issued, number, revoked, by_ask=by_ask)


def test_a_keyholder_without_workers_tells_nothing_of_a_token(ready: Ready) -> None:
    with pytest.raises(NotFoundError, match="tells nothing"):
        ready.system.keyholder.answer(asked.AskHsm())


def test_collateral_is_judged_one_by_one(ready: Ready) -> None:
    system = ready.system
    good, bad = crl_of(system, 2), replace(crl_of(system, 3), scope="vcek/Milan")
    answer = ask(system, asked.HandCollateral((good, bad)))

    assert answer.kept == (good.digest,)  # type: ignore[attr-defined]
    (refused,) = answer.refused  # type: ignore[attr-defined]
    assert (refused.kind, refused.scope) == ("amd-crl", "vcek/Milan")
    assert ask(system, asked.HandCollateral((good,))).kept == (good.digest,)  # type: ignore[attr-defined]
    older = ask(system, asked.HandCollateral((crl_of(system, 1),)))
    assert [each.reason for each in older.refused] == ["collateral-older"]  # type: ignore[attr-defined]


@pytest.mark.parametrize("restart", [False, True])
def test_a_chip_whose_key_amd_revoked_gets_nothing_any_more(ready: Ready, restart: bool) -> None:
    ready.opened()
    system = ready.system
    serial = x509.load_der_x509_certificate(ready.node.sim.vek).serial_number
    ask(system, asked.HandCollateral((crl_of(system, 2, serial, by_ask=True),)))
    if restart:
        system.restart()

    assert reasons(ready.ask()) == {"cert-revoked"}
    system.clock.advance(days=31)  # that list is not current any more
    assert "cert-revoked" in reasons(ready.ask())


def test_a_policy_that_asks_for_lists_is_met_by_handing_one_in(ready: Ready) -> None:
    system = ready.system
    system.set_policy(collateral={"amd-crl": 7200})
    assert reasons(ready.ask()) == {"collateral-missing"}
    ask(system, asked.HandCollateral((crl_of(system, 2),)))
    ready.opened()
    system.clock.advance(seconds=3601)
    assert reasons(ready.ask()) == {"collateral-too-old"}
    assert ask(system, asked.HandCollateral((crl_of(system, 3),))).refused == ()  # type: ignore[attr-defined]
    ready.opened()


def test_a_damaged_memory_of_collateral_ends_the_start(ready: Ready) -> None:
    system = ready.system
    ask(system, asked.HandCollateral((crl_of(system, 2),)))
    memory = system.directory / "log" / "collateral" / "memory"
    was = memory.read_bytes()
    memory.write_bytes(was[:-1])
    system.keyholder.close()
    with pytest.raises(CollateralMemoryDamaged):
        system.start()
    memory.write_bytes(was)
    system.start()
    ready.opened()
