"""Making KEKs, and every way out of the token that somebody with a PIN could try."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from keyturn.base.signatures import KeyId
from keyturn.hsm.ckstructs import Template
from keyturn.hsm.cryptoki import Attr, ObjectClass, Rv
from keyturn.hsm.errors import HsmError, HsmRequestError, TokenError, UntrustedRecipient
from keyturn.hsm.kekid import kek_id_of
from keyturn.hsm.kekmaking import begin_kek, finish_kek, generate_kek, trusted_keys, wrap_out
from keyturn.hsm.keks import OpenKek, load_record, open_keks, store_record
from keyturn.hsm.kekwork import MAX_LIVE, KekOrigin, KekProfile
from keyturn.hsm.pkcs11 import Handle, Session
from keyturn.hsm.profiles import (
    KEK_GENERATOR,
    KEY_WRAP,
    Label,
    kek_query,
    kek_template,
    kek_value,
    key_query,
    named,
    trusted_key,
)
from keyturn.hsm.protocol import OaepHash
from keyturn.hsm.selftest import oaep, oaep_padding
from support.hsmsession import OpenSlot, open_slot
from support.hsmtoken import spki

NEVER, RECOVERABLE = KekProfile.NEVER_EXTRACTABLE, KekProfile.RECOVERABLE
SHA1 = OaepHash.SHA1


@pytest.fixture
def slot(tmp_path: Path) -> Iterator[OpenSlot]:
    with open_slot(tmp_path / "t") as slot:
        yield slot


@pytest.fixture(scope="module")
def backup_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 4096)


def _modulus(key: rsa.RSAPrivateKey) -> bytes:
    return key.public_key().public_numbers().n.to_bytes(512, "big")


def _active(session: Session, profile: KekProfile = RECOVERABLE) -> OpenKek:
    made = generate_kek(session, profile)
    assert made.id is not None
    store_record(session, load_record(session).activated(made.id))
    return open_keks(session).active


def _trusted(slot: OpenSlot, key: rsa.RSAPrivateKey) -> None:
    with slot.officer() as session:
        session.create(named(trusted_key(_modulus(key)), Label.BACKUP))


def test_a_kek_goes_out_to_the_trusted_key_of_the_order_only(
    slot: OpenSlot, backup_key: rsa.RSAPrivateKey
) -> None:
    _trusted(slot, backup_key)
    kek, hers = _active(slot.session), spki(backup_key.public_key())
    assert set(trusted_keys(slot.session)) == {hers}
    out = wrap_out(slot.session, kek, hers, SHA1)
    value = backup_key.decrypt(out.value, oaep_padding(SHA1))
    assert kek_id_of(value) == out.kek == kek.id
    other = spki(rsa.generate_private_key(65537, 4096).public_key())
    with pytest.raises(UntrustedRecipient):
        wrap_out(slot.session, kek, other, SHA1)


def test_a_never_extractable_kek_goes_out_to_nobody(
    slot: OpenSlot, backup_key: rsa.RSAPrivateKey
) -> None:
    _trusted(slot, backup_key)
    kek = _active(slot.session, NEVER)
    with pytest.raises(HsmRequestError, match="never leaves"):
        wrap_out(slot.session, kek, spki(backup_key.public_key()), SHA1)
    (trusted,) = trusted_keys(slot.session).values()
    with pytest.raises(HsmError) as refused:  # and past our own check, the token says no
        slot.session.wrap(oaep(SHA1), trusted, kek.handle)
    assert refused.value.rv == Rv.KEY_UNEXTRACTABLE


def test_the_user_alone_gets_a_recoverable_kek_out_to_no_key_of_his(
    slot: OpenSlot, backup_key: rsa.RSAPrivateKey
) -> None:
    """With the user PIN and the module in hand, and not the SO PIN."""
    session, kek = slot.session, _active(slot.session)
    own = trusted_key(_modulus(backup_key)).plus((Attr.TOKEN, False))
    with pytest.raises(HsmError):  # he cannot make a trusted key
        session.create(own)
    plain = session.create(own.plus((Attr.TRUSTED, False), (Attr.MODIFIABLE, True)))
    aes = session.generate(KEK_GENERATOR, kek_template(NEVER).plus((Attr.TOKEN, False)))
    with pytest.raises(HsmError):  # nor make one trusted
        session.set(plain, Template(((Attr.TRUSTED, True),)))
    with pytest.raises(HsmError):  # nor free the KEK of its condition
        session.set(kek.handle, Template(((Attr.WRAP_WITH_TRUSTED, False),)))
    with pytest.raises(HsmError):
        session.copy(kek.handle, Template(((Attr.WRAP_WITH_TRUSTED, False),)))
    for mechanism, key in ((oaep(SHA1), plain), (KEY_WRAP, aes), (KEY_WRAP, kek.handle)):
        with pytest.raises(HsmError) as refused:
            session.wrap(mechanism, key, kek.handle)
        assert refused.value.rv == Rv.KEY_NOT_WRAPPABLE


def test_the_officer_alone_does_not_see_the_kek(
    slot: OpenSlot, backup_key: rsa.RSAPrivateKey
) -> None:
    """His own key is trusted, and there is nothing for him to wrap to it."""
    kek = _active(slot.session)
    _trusted(slot, backup_key)
    with slot.officer() as session:
        assert not session.find(key_query(Label.KEK, ObjectClass.SECRET_KEY))
        (trusted,) = trusted_keys(session).values()
        with pytest.raises(HsmError) as refused:
            session.wrap(oaep(SHA1), trusted, kek.handle)
        assert refused.value.rv == Rv.KEY_HANDLE_INVALID


def test_an_officer_who_sets_a_new_user_pin_becomes_the_user(
    slot: OpenSlot, backup_key: rsa.RSAPrivateKey
) -> None:
    """The limit of PKCS#11, on SoftHSM (docs/THREAT-MODEL.md, I3): C_InitPIN needs no user PIN,
    and whoever then logs in has every key. What is noticed: the old PIN opens nothing more."""
    _active(slot.session)
    _trusted(slot, backup_key)
    session, own = slot.session, bytearray(b"9" * 32)
    session.logout()
    session.login(slot.so_pin, security_officer=True)
    session.init_pin(own)
    session.logout()
    with pytest.raises(HsmError) as refused:
        session.login(slot.pin)
    assert refused.value.rv == Rv.PIN_INCORRECT
    session.login(own)
    kek, (trusted,) = open_keks(session).active, trusted_keys(session).values()
    value = backup_key.decrypt(session.wrap(oaep(SHA1), trusted, kek.handle), oaep_padding(SHA1))
    assert kek_id_of(value) == kek.id


def test_one_that_was_cut_off_leaves_nothing_that_stays(slot: OpenSlot) -> None:
    session = slot.session
    _active(session)
    _, begun = begin_kek(session, NEVER, KekOrigin.MADE)
    session.generate(KEK_GENERATOR, named(kek_template(NEVER), Label.KEK, begun.name))
    assert len(open_keks(session).live) == 1  # killed here: the token opens as before
    generate_kek(session, NEVER)
    assert not session.find(kek_query(begun.name))
    assert len(open_keks(session).live) == 2


def test_a_kek_that_is_not_the_expected_one_is_destroyed(slot: OpenSlot) -> None:
    session = slot.session
    record, begun = begin_kek(session, NEVER, KekOrigin.MADE)
    handle: Handle = session.generate(
        KEK_GENERATOR, named(kek_template(NEVER), Label.KEK, begun.name)
    )
    with pytest.raises(TokenError, match="another KEK"):
        finish_kek(session, record, begun, handle, KeyId("00" * 32))
    assert not session.find(kek_query(begun.name))


def test_a_kek_that_the_token_has_or_had_does_not_come_in_twice(slot: OpenSlot) -> None:
    """A record with one id twice would keep the token from opening for ever."""
    session, value = slot.session, bytes(range(32))

    def bring_in() -> None:
        record, begun = begin_kek(session, RECOVERABLE, KekOrigin.RESTORED)
        template = named(kek_value(RECOVERABLE, value), Label.KEK, begun.name)
        finish_kek(session, record, begun, session.create(template))

    _active(session)
    bring_in()
    with pytest.raises(TokenError, match="knows this KEK already"):
        bring_in()
    assert len(open_keks(session).live) == 2
    assert len(session.find(key_query(Label.KEK, ObjectClass.SECRET_KEY))) == 2


def test_a_token_holds_only_so_many(slot: OpenSlot) -> None:
    for _ in range(MAX_LIVE):
        generate_kek(slot.session, NEVER)
    with pytest.raises(HsmRequestError, match="too many"):
        generate_kek(slot.session, NEVER)
