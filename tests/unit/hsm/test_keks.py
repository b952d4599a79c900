"""Which KEKs a token has, with the token's files and objects tampered with on the way."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from keyturn.base.signatures import KeyId
from keyturn.hsm.cryptoki import Attr
from keyturn.hsm.errors import HsmRequestError, TokenError
from keyturn.hsm.kekid import kek_id
from keyturn.hsm.kekmaking import generate_kek
from keyturn.hsm.keks import load_record, open_keks, remove_kek, store_record
from keyturn.hsm.kekwork import KekProfile, KekState
from keyturn.hsm.pkcs11 import Session
from keyturn.hsm.profiles import (
    KEK,
    KEK_GENERATOR,
    Label,
    data_object,
    kek_query,
    kek_template,
    named,
)
from keyturn.hsm.selftest import make_canary
from support.hsmsession import open_slot

NEVER = KekProfile.NEVER_EXTRACTABLE


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    with open_slot(tmp_path / "t") as slot:
        yield slot.session


def _active(session: Session, profile: KekProfile = NEVER) -> KeyId:
    made = generate_kek(session, profile)
    assert made.id is not None
    store_record(session, load_record(session).activated(made.id))
    return made.id


def test_the_active_one_is_tried_first_and_then_the_newest(session: Session) -> None:
    first, second, third = (_active(session) for _ in range(3))
    waiting = generate_kek(session, NEVER)
    keks = open_keks(session)
    assert keks.active.id == third
    assert [each.id for each in keks.opening()] == [third, second, first]
    assert [each.id for each in keks.reports()] == [first, second, third, waiting.id]
    with pytest.raises(HsmRequestError, match="no such KEK"):
        keks.by_id(KeyId("00" * 32))


def test_a_token_from_before_there_was_a_record_goes_on(session: Session) -> None:
    """Its one KEK has its label as CKA_ID, its canary is a data object, and there is no record."""
    handle = session.generate(KEK_GENERATOR, named(KEK, Label.KEK))
    canary = make_canary(session, handle, b"c" * 32)
    session.create(data_object(Label.CANARY, canary.to_bytes()))
    (old,) = open_keks(session).live
    assert (old.id, old.canary) == (kek_id(session, handle), canary)
    assert (old.report.state, old.report.profile) == (KekState.ACTIVE, NEVER)
    new = _active(session)
    assert [(each.id, each.state) for each in open_keks(session).reports()] == [
        (old.id, KekState.DEACTIVATED),
        (new, KekState.ACTIVE),
    ]
    assert load_record(session).keks[0].name == b"keyturn-kek"
    remove_kek(session, b"keyturn-kek")
    with pytest.raises(TokenError, match="exactly one keyturn-kek"):
        open_keks(session)


def test_a_kek_from_before_without_its_canary_is_a_fault(session: Session) -> None:
    session.generate(KEK_GENERATOR, named(KEK, Label.KEK))
    with pytest.raises(TokenError, match="exactly one keyturn-canary"):
        open_keks(session)


def test_a_token_without_an_active_kek_does_not_open(session: Session) -> None:
    with pytest.raises(TokenError, match="no active KEK"):
        open_keks(session)
    generate_kek(session, NEVER)
    with pytest.raises(TokenError, match="no active KEK"):
        open_keks(session)


def test_a_kek_that_is_gone_without_a_ceremony_is_a_fault(session: Session) -> None:
    _active(session)
    record = load_record(session)
    remove_kek(session, record.keks[0].name)
    with pytest.raises(TokenError, match="exactly one keyturn-kek"):
        open_keks(session)


def test_another_key_under_the_same_name_is_found_out(session: Session) -> None:
    _active(session)
    (recorded,) = load_record(session)
    remove_kek(session, recorded.name)
    session.generate(KEK_GENERATOR, named(kek_template(NEVER), Label.KEK, recorded.name))
    with pytest.raises(TokenError, match="canary"):
        open_keks(session)


def test_a_record_with_another_id_or_profile_is_found_out(session: Session) -> None:
    _active(session)
    (recorded,) = load_record(session)
    for lie in (
        replace(recorded, id=KeyId("00" * 32)),
        replace(recorded, profile=KekProfile.RECOVERABLE),
    ):
        store_record(session, load_record(session).changed(recorded.name, lie))
        with pytest.raises(TokenError, match=r"record says|not as it was made"):
            open_keks(session)


def test_a_kek_with_more_rights_than_it_was_made_with_is_refused(session: Session) -> None:
    made = generate_kek(session, NEVER)
    remove_kek(session, made.name)
    loose = kek_template(NEVER).plus((Attr.MODIFIABLE, True))
    session.generate(KEK_GENERATOR, named(loose, Label.KEK, made.name))
    with pytest.raises(TokenError, match="MODIFIABLE"):
        open_keks(session)


def test_a_destruction_that_was_cut_off_is_ended_at_the_next_opening(session: Session) -> None:
    """Recorded as destroyed, and killed before the key was: it must not stay for ever."""
    old = _active(session)
    _active(session)
    record = load_record(session)
    recorded = record.by_id(old)
    gone = replace(recorded, state=KekState.DESTROYED)
    store_record(session, record.changed(recorded.name, gone))
    assert session.find(kek_query(recorded.name))
    assert [each.state for each in open_keks(session).reports()] == [
        KekState.DESTROYED,
        KekState.ACTIVE,
    ]
    assert not session.find(kek_query(recorded.name))
