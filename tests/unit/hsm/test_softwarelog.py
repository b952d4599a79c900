"""A software log key on a token that cannot sign, and what is done to it by who is logged in."""

import hmac
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import load_der_public_key

from keyturn.base.strictjson import dump
from keyturn.hsm.ckstructs import Template
from keyturn.hsm.cryptoki import Attr, ObjectClass, Rv
from keyturn.hsm.errors import HsmError, TokenError
from keyturn.hsm.genesis import check_no_keys, make_pairs
from keyturn.hsm.pkcs11 import Session
from keyturn.hsm.profiles import (
    DEK_FORM,
    KEY_WRAP,
    LOG_WRAP,
    LOG_WRAP_GENERATOR,
    Label,
    data_object,
    data_query,
    key_query,
    label_query,
    named,
)
from keyturn.hsm.publickeys import spki_of
from keyturn.hsm.softwarelog import (
    HELD_IN_SOFTWARE,
    WrappedLogKey,
    is_in_software,
    make_software_log_key,
    open_software_log_key,
    parse_wrapped_log_key,
    report_software_log_key,
    unwrap_log_key,
    why_no_ed25519,
    wrap_log_key,
)
from keyturn.hsm.token import report_pairs
from support.hsmsession import open_slot

GIVEN = WrappedLogKey(b"p" * 44, bytes(32), bytes(12), bytes(48))
MESSAGE = b"keyturn.example/log\n7\nroot\n"


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    """Of a token with a software log key and no other."""
    with open_slot(tmp_path / "t", ed25519=False) as slot:
        make_software_log_key(slot.session)
        yield slot.session


def _stored(session: Session) -> bytes:
    (handle,) = session.find(data_query(Label.LOG_WRAPPED))
    return session.read(handle, Attr.VALUE)


def _exchanged(session: Session, raw: bytes) -> None:
    """What somebody with the PIN can do: another object in the place of the wrapped key."""
    for each in session.find(data_query(Label.LOG_WRAPPED)):
        session.destroy(each)
    session.create(data_object(Label.LOG_WRAPPED, raw))


def test_it_signs_what_its_public_half_verifies_and_is_the_same_when_opened_again(
    session: Session,
) -> None:
    assert is_in_software(session)
    key = open_software_log_key(session)
    public: Any = load_der_public_key(key.spki)
    public.verify(key.sign(MESSAGE), MESSAGE)
    assert open_software_log_key(session).spki == key.spki


def test_the_wrapped_form_is_the_protocols(session: Session) -> None:
    """Built here from the text of our protocol §10.17, not by the code under test."""
    w, salt, nonce, seed = b"w" * 32, bytes(range(32)), bytes(range(12)), bytes(range(32, 64))
    spki = bytes.fromhex("302a300506032b6570032100") + _public(seed)
    context, length = b"keyturn-software-log-key-v1", len(spki).to_bytes(4, "big")
    key = hmac.digest(w, context + (32).to_bytes(4, "big") + salt + length + spki, "sha256")
    sealed = AESGCM(key).encrypt(nonce, seed, context + length + spki)
    known = tuple(each for each in LOG_WRAP.items if each[0] is not Attr.VALUE_LEN)
    wrap = session.create(named(Template(known).plus((Attr.VALUE, w)), Label.TRIAL))
    wrapped = WrappedLogKey(spki, salt, nonce, sealed)
    assert unwrap_log_key(session, wrap, wrapped).private_bytes_raw() == seed


def _public(seed: bytes) -> bytes:
    return Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()


def test_wiped_it_signs_nothing(session: Session) -> None:
    key = open_software_log_key(session)
    key.wipe()
    with pytest.raises(TokenError, match="wiped"):
        key.sign(MESSAGE)


def test_it_signs_nothing_once_the_token_has_lost_the_wrapping_key(session: Session) -> None:
    key = open_software_log_key(session)
    (wrap,) = session.find(label_query(Label.LOG_WRAP))
    session.destroy(wrap)
    with pytest.raises(HsmError):
        key.sign(MESSAGE)


def test_genesis_makes_it_only_where_the_token_proves_no_ed25519(tmp_path: Path) -> None:
    with open_slot(tmp_path / "narrow", ed25519=False) as slot:
        assert "CKR_MECHANISM_INVALID" in why_no_ed25519(slot.session)
        make_pairs(slot.session)
        assert is_in_software(slot.session)
        assert not slot.session.find(label_query(Label.LOG))
        with pytest.raises(TokenError, match="already"):
            check_no_keys(slot.session)
    with open_slot(tmp_path / "whole") as slot:
        assert why_no_ed25519(slot.session) == ""
        make_pairs(slot.session)
        assert not is_in_software(slot.session)
        assert len(slot.session.find(label_query(Label.LOG))) == 2


def test_a_fault_is_no_reason_for_less(monkeypatch: pytest.MonkeyPatch, session: Session) -> None:
    """A token that fails is not one without Ed25519: no software key is made by accident."""

    def failing(*_: object) -> None:
        raise HsmError("C_GenerateKeyPair", Rv.DEVICE_MEMORY)

    monkeypatch.setattr(session, "generate_pair", failing)
    with pytest.raises(HsmError):
        why_no_ed25519(session)


def test_a_pair_that_does_not_sign_what_it_should_is_not_used(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """CKR_OK alone proves nothing."""
    with open_slot(tmp_path / "t") as slot:
        monkeypatch.setattr(slot.session, "sign", lambda *_: bytes(64))
        assert "do not belong together" in why_no_ed25519(slot.session)


def test_the_report_says_first_what_it_is_and_nothing_of_a_pair(session: Session) -> None:
    report = report_software_log_key(session)
    assert (report.label, report.part) == ("keyturn-log", "wrapped")
    assert report.attributes[0] == HELD_IN_SOFTWARE
    said = {each.name: each.value for each in report.attributes}
    assert "NEVER_EXTRACTABLE" not in said, "the log key itself is no such thing"
    assert said["WRAPPING_NEVER_EXTRACTABLE"] == "True"
    assert said["WRAPPING_ALLOWED_MECHANISMS"] == "SHA256_HMAC"
    assert all(each.checked for each in report.attributes)


def test_it_stands_among_the_pairs(tmp_path: Path) -> None:
    with open_slot(tmp_path / "t", ed25519=False) as slot:
        make_pairs(slot.session)
        parts = [(each.label, each.part) for each in report_pairs(slot.session)]
    assert parts[2] == ("keyturn-log", "wrapped")
    assert len(parts) == 5


# Attacks


def test_no_dek_comes_out_under_the_key_that_it_lies_under(session: Session) -> None:
    """Whoever is logged in could wrap a DEK under it and open that as readable, if it wrapped."""
    (wrap,) = session.find(label_query(Label.LOG_WRAP))
    dek = session.create(DEK_FORM.plus((Attr.VALUE, bytes(32))))
    with pytest.raises(HsmError):
        session.wrap(KEY_WRAP, wrap, dek)
    with pytest.raises(HsmError):
        session.unwrap(KEY_WRAP, wrap, bytes(40), DEK_FORM)
    with pytest.raises(HsmError):
        session.read(wrap, Attr.VALUE)
    for right in (Attr.WRAP, Attr.UNWRAP, Attr.ENCRYPT, Attr.EXTRACTABLE):
        with pytest.raises(HsmError):
            session.set(wrap, Template(((right, True),)))
        with pytest.raises(HsmError):
            session.copy(wrap, Template(((right, True),)))


def test_every_changed_byte_is_refused(session: Session) -> None:
    wrapped = parse_wrapped_log_key(_stored(session))
    flips: list[WrappedLogKey] = []
    for name, size in (("spki", 44), ("salt", 32), ("nonce", 12), ("ciphertext", 48)):
        raw = getattr(wrapped, name)
        for place in (0, size // 2, size - 1):
            changed = raw[:place] + bytes([raw[place] ^ 1]) + raw[place + 1 :]
            flips.append(replace(wrapped, **{name: changed}))
    for each in flips:
        _exchanged(session, each.to_bytes())
        with pytest.raises(TokenError, match="does not open"):
            open_software_log_key(session)
    _exchanged(session, wrapped.to_bytes())
    open_software_log_key(session)


def test_another_tokens_wrapped_key_is_refused(session: Session) -> None:
    """Two tokens in one process are one module: another wrapping key stands for the other."""
    template = named(LOG_WRAP, Label.TRIAL)
    other = session.generate(LOG_WRAP_GENERATOR, template)
    foreign = wrap_log_key(session, other, Ed25519PrivateKey.generate())
    assert unwrap_log_key(session, other, foreign)
    _exchanged(session, foreign.to_bytes())
    with pytest.raises(TokenError, match="does not open"):
        open_software_log_key(session)


def test_another_public_half_is_refused(session: Session) -> None:
    wrapped = parse_wrapped_log_key(_stored(session))
    other = spki_of(Ed25519PrivateKey.generate().public_key())
    _exchanged(session, replace(wrapped, spki=other).to_bytes())
    with pytest.raises(TokenError, match="does not open"):
        open_software_log_key(session)


@pytest.mark.parametrize(
    "damage",
    [
        lambda raw: raw[:-1],
        lambda raw: raw + b" ",
        lambda raw: b"",
        lambda raw: b"\x00" * 64,
        lambda raw: raw.replace(b'"format":1', b'"format":2'),
        lambda raw: raw.replace(b'{"type"', b'{ "type"'),
        lambda raw: raw.replace(b"software-log-key", b"kek-backup-key"),
        lambda raw: dump({**GIVEN_FIELDS, "more": 1}),
        lambda raw: dump({n: v for n, v in GIVEN_FIELDS.items() if n != "nonce"}),
        lambda raw: dump({**GIVEN_FIELDS, "salt": "AAAA"}),
        lambda raw: dump({**GIVEN_FIELDS, "ciphertext": None}),
        lambda raw: b"[" * 2000,
    ],
)
def test_what_is_not_in_the_one_form_is_refused(damage: Callable[[bytes], bytes]) -> None:
    raw = GIVEN.to_bytes()
    assert parse_wrapped_log_key(raw) == GIVEN
    with pytest.raises(TokenError, match="software log key"):
        parse_wrapped_log_key(damage(raw))


GIVEN_FIELDS: dict[str, object] = {
    "type": "software-log-key",
    "format": 1,
    "spki": "cHBw",
    "salt": "A" * 43 + "=",
    "nonce": "A" * 16,
    "ciphertext": "A" * 64,
}


def test_two_wrapped_keys_are_refused(session: Session) -> None:
    session.create(data_object(Label.LOG_WRAPPED, _stored(session)))
    with pytest.raises(TokenError, match="exactly one keyturn-log-key"):
        open_software_log_key(session)


def test_a_wrapped_key_without_what_it_lies_under_is_refused(session: Session) -> None:
    (wrap,) = session.find(label_query(Label.LOG_WRAP))
    session.destroy(wrap)
    with pytest.raises(TokenError, match="exactly one keyturn-log-wrap"):
        open_software_log_key(session)


def test_a_wrapping_key_of_known_value_is_refused(session: Session) -> None:
    """Somebody with the PIN puts a W of his own there, and wraps a key of his own under it."""
    (wrap,) = session.find(label_query(Label.LOG_WRAP))
    session.destroy(wrap)
    kept = tuple(each for each in LOG_WRAP.items if each[0] is not Attr.VALUE_LEN)
    value = Template(kept).plus((Attr.VALUE, b"k" * 32))
    own = session.create(named(value, Label.LOG_WRAP))
    _exchanged(session, wrap_log_key(session, own, Ed25519PrivateKey.generate()).to_bytes())
    with pytest.raises(TokenError, match="LOCAL is not as it was made"):
        open_software_log_key(session)


def test_a_pair_beside_it_is_refused(tmp_path: Path) -> None:
    with open_slot(tmp_path / "t") as slot:
        make_pairs(slot.session)
        make_software_log_key(slot.session)
        with pytest.raises(TokenError, match="two log keys"):
            is_in_software(slot.session)
        (private,) = slot.session.find(key_query(Label.LOG, ObjectClass.PRIVATE_KEY))
        slot.session.destroy(private)
        with pytest.raises(TokenError, match="two log keys"):
            is_in_software(slot.session)


def test_without_a_login_there_is_nothing_to_see(tmp_path: Path) -> None:
    with open_slot(tmp_path / "t", ed25519=False) as slot:
        make_software_log_key(slot.session)
        slot.session.logout()
        assert not slot.session.find(label_query(Label.LOG_WRAPPED))
        assert not slot.session.find(label_query(Label.LOG_WRAP))
        slot.session.login(slot.pin)
        open_software_log_key(slot.session)
