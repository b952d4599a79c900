"""Ceremonies on a real token: KEKs made, rotated, backed up, restored, moved and destroyed."""

import os
import secrets
import signal
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from keyturn.base.errors import KeyturnError
from keyturn.hsm.backup import parse_backup
from keyturn.hsm.ceremonytasks import (
    ImportKek,
    MakeBackupKey,
    MakeTransport,
    ProveRestore,
    Restore,
    Secret,
    SetPin,
    TokenMade,
    TrustKey,
    Who,
    Zeroise,
)
from keyturn.hsm.client import HsmWorker
from keyturn.hsm.errors import (
    BackupRefused,
    HsmRequestError,
    HsmUnreachable,
    PinRefused,
    TokenError,
    UntrustedRecipient,
    WrappedKeyError,
)
from keyturn.hsm.kekwork import (
    MAX_BATCH,
    KekOrigin,
    KekProfile,
    KekState,
    RewrapOutcome,
)
from keyturn.hsm.protocol import Admission, Hsm
from keyturn.hsm.selftest import oaep_padding
from support.hsmceremonies import Desk, backup_of, item, order, packed
from support.hsmtoken import Model, Node, Orders, admit, make_model, sealed_to, spki

T = TypeVar("T")
ALREADY, REWRAPPED = RewrapOutcome.ALREADY, RewrapOutcome.REWRAPPED


@pytest.fixture(scope="module")
def node() -> Node:
    return Node()


@pytest.fixture
def orders() -> Orders:
    return Orders()


@pytest.fixture(scope="module")
def founded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Desk, TokenMade]:
    """A recoverable token with its first backup; tests that change it make their own."""
    desk = Desk.at(tmp_path_factory.mktemp("hsm") / "token")
    return desk, desk.make()


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    desk = Desk.at(tmp_path / "token")
    desk.make(KekProfile.NEVER_EXTRACTABLE, backed_up=False)
    return desk


@pytest.fixture
def worker(desk: Desk) -> Iterator[HsmWorker]:
    with desk.worker() as worker:
        yield worker


# What a token says of its KEK


def test_a_recoverable_kek_says_so_in_every_attribute(founded: tuple[Desk, TokenMade]) -> None:
    (kek,) = founded[1].report.keks
    said = {each.name: each.value for each in kek.attributes}
    assert (kek.profile, kek.state, kek.origin) == (
        KekProfile.RECOVERABLE,
        KekState.ACTIVE,
        KekOrigin.MADE,
    )
    assert kek.tight
    wanted = {"EXTRACTABLE": "True", "WRAP_WITH_TRUSTED": "True", "NEVER_EXTRACTABLE": "False"}
    wanted |= {"SENSITIVE": "True", "MODIFIABLE": "False", "COPYABLE": "False", "LOCAL": "True"}
    assert {name: said[name] for name in wanted} == wanted
    assert said["ALLOWED_MECHANISMS"] == "AES_KEY_WRAP"
    assert "SENSITIVE=True" in said["UNWRAP_TEMPLATE"]


def test_every_key_is_described(founded: tuple[Desk, TokenMade]) -> None:
    with founded[0].worker() as worker:
        report = worker.describe_keys()
    assert [(each.label, each.part) for each in report.keys] == [
        (label, part)
        for label in ("keyturn-ingest", "keyturn-log", "keyturn-result")
        for part in ("private", "public")
    ]
    assert all(attribute.checked for each in report.keys for attribute in each.attributes)
    assert report == founded[1].report


# Rotation


def test_a_rotation_rewraps_every_key_and_the_old_kek_goes(
    worker: HsmWorker, node: Node, orders: Orders
) -> None:
    models = [make_model() for _ in range(5)]
    wrapped = [admit(worker, model) for model in models]
    (old,) = worker.keks()
    new = worker.make_kek(order(), KekProfile.RECOVERABLE)
    assert new.state is KekState.PRE_ACTIVATION
    assert worker.activate_kek(order(), new.id).state is KekState.ACTIVE
    batch = [item(model, each) for model, each in zip(models, wrapped, strict=True)]
    done = worker.rewrap(order(), new.id, batch)
    assert {each.outcome for each in done} == {REWRAPPED}
    assert not {each.kek_wrapped for each in done} & set(wrapped)
    moved = [each.kek_wrapped or b"" for each in done]
    assert worker.retire_kek(order(), old.id).state is KekState.DEACTIVATED
    assert worker.destroy_kek(order(), old.id).state is KekState.DESTROYED
    for model, each in zip(models, moved, strict=True):
        assert node.open(worker.release(each, orders(model, node.spki))) == model.dek
    with pytest.raises(WrappedKeyError):
        worker.release(wrapped[0], orders(models[0], node.spki))


def test_what_is_under_the_new_kek_is_answered_as_it_is(worker: HsmWorker) -> None:
    first, second = make_model(), make_model()
    old = admit(worker, first)
    new = worker.make_kek(order(), KekProfile.NEVER_EXTRACTABLE)
    worker.activate_kek(order(), new.id)
    fresh = admit(worker, second)
    one, two = worker.rewrap(order(), new.id, [item(first, old), item(second, fresh)])
    assert (two.outcome, two.kek_wrapped) == (ALREADY, fresh)
    again = worker.rewrap(order(), new.id, [item(first, one.kek_wrapped or b"")])
    assert [(each.outcome, each.kek_wrapped) for each in again] == [(ALREADY, one.kek_wrapped)]


def test_one_bad_item_costs_no_other(worker: HsmWorker) -> None:
    good, other = make_model(), make_model()
    wrapped = admit(worker, good)
    new = worker.make_kek(order(), KekProfile.NEVER_EXTRACTABLE)
    worker.activate_kek(order(), new.id)
    torn = bytes([wrapped[0] ^ 1]) + wrapped[1:]
    batch = [item(good, torn), item(other, wrapped), item(good, wrapped)]
    done = worker.rewrap(order(), new.id, batch)
    assert [each.outcome for each in done] == [
        RewrapOutcome.DOES_NOT_OPEN,
        RewrapOutcome.OTHER_MODEL,
        REWRAPPED,
    ]
    assert [each.kek_wrapped is None for each in done] == [True, True, False]


def test_a_whole_batch_fits_in_a_frame(worker: HsmWorker) -> None:
    model = make_model()
    each = item(model, admit(worker, model))
    (kek,) = worker.keks()
    done = worker.rewrap(order(), kek.id, [each] * MAX_BATCH)
    assert [one.outcome for one in done] == [ALREADY] * MAX_BATCH
    with pytest.raises(HsmRequestError, match="batch"):
        worker.rewrap(order(), kek.id, [each] * (MAX_BATCH + 1))


def test_each_order_is_answered_once_and_parts_rise(worker: HsmWorker) -> None:
    model = make_model()
    batch = [item(model, admit(worker, model))]
    (kek,) = worker.keks()
    first = order(part=3)
    worker.rewrap(first, kek.id, batch)
    for stale in (first, replace(first, part=2), replace(first, part=4, record=bytes(32))):
        with pytest.raises(HsmRequestError, match="step"):
            worker.rewrap(stale, kek.id, batch)
    assert worker.rewrap(replace(first, part=4), kek.id, batch)


def test_wrapping_is_under_the_active_kek_only(worker: HsmWorker) -> None:
    model = make_model()
    batch = [item(model, admit(worker, model))]
    new = worker.make_kek(order(), KekProfile.NEVER_EXTRACTABLE)
    with pytest.raises(HsmRequestError, match="active"):
        worker.rewrap(order(), new.id, batch)


def test_states_follow_one_another_only_as_they_should(worker: HsmWorker) -> None:
    (first,) = worker.keks()
    for act in (worker.retire_kek, worker.destroy_kek):
        with pytest.raises(HsmRequestError):
            act(order(), first.id)
    second = worker.make_kek(order(), KekProfile.NEVER_EXTRACTABLE)
    with pytest.raises(HsmRequestError, match="only a retired"):
        worker.destroy_kek(order(), second.id)
    worker.activate_kek(order(), second.id)
    with pytest.raises(HsmRequestError, match="not used again"):
        worker.activate_kek(order(), first.id)
    worker.destroy_kek(order(), first.id)
    assert worker.destroy_kek(order(), first.id).state is KekState.DESTROYED
    with pytest.raises(HsmRequestError, match="no such KEK"):
        worker.activate_kek(order(), first.id)
    assert [each.state for each in worker.keks()] == [KekState.DESTROYED, KekState.ACTIVE]


def test_a_second_worker_sees_what_the_first_did(desk: Desk, worker: HsmWorker) -> None:
    with desk.worker() as other:
        new = worker.make_kek(order(), KekProfile.NEVER_EXTRACTABLE)
        worker.activate_kek(order(), new.id)
        other.describe_keys()
        assert other.keks() == worker.keks()
        model = make_model()
        (done,) = worker.rewrap(order(), new.id, [item(model, admit(other, model))])
        assert done.outcome is ALREADY


def test_a_pool_changes_keks_while_it_releases_and_every_worker_follows(
    desk: Desk, node: Node
) -> None:
    """Two workers; one is killed meanwhile, and what takes its place is no other token."""
    model, done = make_model(), threading.Event()
    faults: list[Exception] = []
    with desk.pool(2) as pool:
        wrapped = [admit(pool, model)]

        def release() -> None:
            orders = Orders(1 << 20)
            try:
                while not done.is_set():
                    assert node.open(pool.release(wrapped[0], orders(model, node.spki)))
            except (KeyturnError, AssertionError) as fault:
                faults.append(fault)

        thread = threading.Thread(target=release)
        thread.start()
        try:
            new = pool.make_kek(order(), KekProfile.NEVER_EXTRACTABLE)
            pool.activate_kek(order(), new.id)
            with pool.checkout() as worker:
                os.kill(worker.pid, signal.SIGKILL)
            (moved,) = _tried(lambda: pool.rewrap(order(), new.id, [item(model, wrapped[0])]))
            wrapped[0] = moved.kek_wrapped or b""
            old = pool.keks()[0].id
            pool.retire_kek(order(), old)
        finally:
            done.set()
            thread.join(60)
        assert not [each for each in faults if not isinstance(each, HsmUnreachable)]
        pool.destroy_kek(order(), old)
        assert [each.state for each in pool.keks()] == [KekState.DESTROYED, KekState.ACTIVE]
        for number in range(4):  # whichever worker it is
            released = pool.release(wrapped[0], Orders(1 << (30 + number))(model, node.spki))
            assert node.open(released) == model.dek
            assert pool.rewrap_admission(_admission(pool, model)).kek == new.id


# Backup and restore


def test_a_backup_restores_the_kek_on_a_second_fresh_token(
    founded: tuple[Desk, TokenMade], tmp_path: Path, node: Node, orders: Orders
) -> None:
    desk, made = founded
    model = make_model()
    with desk.worker() as worker:
        wrapped = admit(worker, model)
    backup = parse_backup(backup_of(made).to_bytes())
    second = Desk.at(tmp_path / "second", desk.held[Secret.BACKUP_SECRET])
    restored = second.do(Restore(backup))
    (kek,) = restored.report.keks
    assert (kek.id, kek.origin, kek.state) == (
        backup.wrapped.kek,
        KekOrigin.RESTORED,
        KekState.ACTIVE,
    )
    assert kek.tight  # made by C_CreateObject: neither modifiable nor copyable
    proved = second.do(ProveRestore(backup, (item(model, wrapped),)))
    assert proved == kek
    with second.worker() as worker:
        assert node.open(worker.release(wrapped, orders(model, node.spki))) == model.dek
        again = worker.backup_kek(order(), kek.id, backup.key.spki)
    third = Desk.at(tmp_path / "third", desk.held[Secret.BACKUP_SECRET])
    assert third.do(Restore(packed(again, backup.key))).report.keks[0].id == kek.id


def test_a_proof_of_a_restore_fails_for_another_models_key(
    founded: tuple[Desk, TokenMade],
) -> None:
    desk, made = founded
    model = make_model()
    with desk.worker() as worker:
        wrapped = admit(worker, model)
    with pytest.raises(BackupRefused, match="other model"):
        desk.do(ProveRestore(backup_of(made), (item(make_model(), wrapped),)))


def test_m_minus_one_custodians_restore_nothing(
    founded: tuple[Desk, TokenMade], tmp_path: Path
) -> None:
    """Fewer shares than needed give another secret, or none: what they get is a refusal."""
    made = founded[1]
    other = Desk.at(tmp_path / "other")
    for secret in (other.held[Secret.BACKUP_SECRET], b"00" * 31, b"x" * 64):
        with pytest.raises(BackupRefused):
            other.do(Restore(backup_of(made)), backup_secret=secret)
    assert not any((tmp_path / "other" / "tokens").iterdir())


def test_a_backup_that_lies_about_its_kek_restores_nothing(
    founded: tuple[Desk, TokenMade], tmp_path: Path
) -> None:
    desk, made = founded
    backup = backup_of(made)
    other = Desk.at(tmp_path / "other", desk.held[Secret.BACKUP_SECRET])
    lie = replace(backup, wrapped=replace(backup.wrapped, kek="ab" * 32))  # type: ignore[arg-type]
    with pytest.raises(BackupRefused, match="another KEK"):
        other.do(Restore(lie))
    assert not any((tmp_path / "other" / "tokens").iterdir())


def test_a_later_backup_needs_no_secret_but_the_officers_key(desk: Desk, tmp_path: Path) -> None:
    """A never extractable KEK is not backed up, whoever asks; a recoverable one can be later."""
    key = desk.do(MakeBackupKey())
    with desk.worker() as worker:
        (never,) = worker.keks()
        with pytest.raises(HsmRequestError, match="never leaves"):
            worker.backup_kek(order(), never.id, key.spki)
        new = worker.make_kek(order(), KekProfile.RECOVERABLE)
        backup = packed(worker.backup_kek(order(), new.id, key.spki), key)
    second = Desk.at(tmp_path / "second", desk.held[Secret.BACKUP_SECRET])
    assert second.do(Restore(backup)).report.keks[0].id == new.id


# The security officer alone


def test_an_officer_who_trusts_a_key_of_his_own_gets_no_kek(
    founded: tuple[Desk, TokenMade],
) -> None:
    """The SO may put any key on the token as TRUSTED; the worker wraps to the order's key only,
    and an order for a key that is not there is refused."""
    desk, made = founded
    own = rsa.generate_private_key(65537, 4096)
    desk.do(TrustKey(spki(own.public_key())))
    backup = backup_of(made)
    with desk.worker() as worker:
        (kek,) = worker.keks()
        wrapped = worker.backup_kek(order(), kek.id, backup.key.spki)
        with pytest.raises(ValueError, match="failed"):
            own.decrypt(wrapped.value, oaep_padding(wrapped.oaep_hash))
        stranger = spki(rsa.generate_private_key(65537, 4096).public_key())
        with pytest.raises(UntrustedRecipient):
            worker.backup_kek(order(), kek.id, stranger)


def test_a_wrong_pin_is_told_and_nothing_is_made(desk: Desk) -> None:
    with pytest.raises(PinRefused):
        desk.do(MakeTransport(), pin=b"0" * 32)
    with pytest.raises(PinRefused):
        desk.do(MakeBackupKey(), so_pin=b"0" * 32)
    with pytest.raises(PinRefused):
        desk.do(Zeroise(), so_pin=b"0" * 32)
    with desk.worker() as worker:
        assert worker.keks()[0].state is KekState.ACTIVE


# PINs and the end of a token


def test_pins_are_changed_by_whoever_knows_them(desk: Desk) -> None:
    for who, secret in ((Who.USER, Secret.PIN), (Who.SO, Secret.SO_PIN)):
        old, new = desk.held[secret], secrets.token_bytes(16).hex().encode()
        with pytest.raises(PinRefused):
            desk.do(SetPin(who), new_pin=new, **{secret.value.replace("-", "_"): b"0" * 32})
        desk.do(SetPin(who), secret, new_pin=new)
        desk.held[secret] = new
        with pytest.raises(PinRefused):
            desk.do(SetPin(who), new_pin=old, **{secret.value.replace("-", "_"): old})
    with desk.worker() as worker:
        assert worker.keks()


def test_a_zeroised_token_holds_nothing_of_ours(desk: Desk, tmp_path: Path) -> None:
    with desk.worker() as worker:
        worker.make_kek(order(), KekProfile.RECOVERABLE)
    assert desk.do(Zeroise(), Secret.PIN) == 9  # two KEKs, their record, three pairs
    with pytest.raises((PinRefused, HsmUnreachable, TokenError)), desk.worker():
        pass


# From one token to another


def test_a_kek_moves_to_another_token_and_opens_there(
    founded: tuple[Desk, TokenMade], tmp_path: Path, node: Node, orders: Orders
) -> None:
    source = founded[0]
    model = make_model()
    target = Desk.at(tmp_path / "target")
    target.make(backed_up=False)
    transport = target.do(MakeTransport())
    with source.worker() as worker:
        wrapped = admit(worker, model)
        kek = worker.keks()[0].id
        with pytest.raises(UntrustedRecipient):
            worker.backup_kek(order(), kek, transport)
    source.do(TrustKey(transport))
    with source.worker() as worker:
        out = worker.backup_kek(order(), kek, transport)
    imported = target.do(ImportKek(out, activate=False))
    assert target.do(ImportKek(out, activate=False)) == imported  # a kill lost the first answer
    assert (imported.id, imported.origin, imported.state) == (
        kek,
        KekOrigin.IMPORTED,
        KekState.DEACTIVATED,
    )
    loose = [each.name for each in imported.attributes if not each.checked]
    assert set(loose) <= {"MODIFIABLE", "VALUE_LEN"}  # SoftHSM: every unwrapped key is modifiable
    with target.worker() as worker:
        assert node.open(worker.release(wrapped, orders(model, node.spki))) == model.dek
        active = worker.keks()[0].id
        (done,) = worker.rewrap(order(), active, [item(model, wrapped)])
        assert done.outcome is REWRAPPED
        worker.destroy_kek(order(), kek)
        moved = done.kek_wrapped or b""
        assert node.open(worker.release(moved, orders(model, node.spki))) == model.dek
    with pytest.raises(TokenError, match="no transport key"):
        target.do(ImportKek(out, activate=False))  # it was destroyed here: it does not come back


def test_what_was_wrapped_to_another_transport_key_is_refused(
    founded: tuple[Desk, TokenMade], tmp_path: Path
) -> None:
    _, made = founded
    target = Desk.at(tmp_path / "target")
    target.make(backed_up=False)
    target.do(MakeTransport())
    backup = backup_of(made)
    with pytest.raises(BackupRefused):
        target.do(ImportKek(backup.wrapped, activate=True))
    with target.worker() as worker:
        assert [each.state for each in worker.keks()] == [KekState.ACTIVE]


def _tried(act: Callable[[], T]) -> T:
    """Once more after a worker that was killed is found so; another takes its place."""
    try:
        return act()
    except HsmUnreachable:
        return act()


def _admission(hsm: Hsm, model: Model) -> Admission:
    wrapped, hash_ = sealed_to(hsm, model.dek)
    return Admission(wrapped, hash_, model.digest, model.tag)
