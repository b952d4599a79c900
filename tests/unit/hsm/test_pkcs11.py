"""The binding itself, on a SoftHSM 2 token in this process, and what a thief of its login gets."""

import ctypes.util
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.keywrap import aes_key_wrap

from keyturn.hsm.ckstructs import Mechanism, Template
from keyturn.hsm.cryptoki import Attr, KeyType, Mech, ObjectClass, Rv
from keyturn.hsm.errors import HsmError, HsmUnreachable, TokenError
from keyturn.hsm.genesis import initialise, make_keys, write_configuration
from keyturn.hsm.pkcs11 import Handle, Library, Session, raw_template, wipe
from keyturn.hsm.profiles import DEK_FORM, INGEST, KEK, KEY_WRAP, Label, key_query
from keyturn.hsm.token import find_key, find_token
from support.hsmtoken import softhsm_module

PIN, SO_PIN = b"user-pin-of-this-test", b"officer-pin-of-this-test"


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    """Initialised and finalised once: SoftHSM reads its configuration at C_Initialize."""
    configuration = write_configuration(tmp_path_factory.mktemp("pkcs11"))
    before = os.environ.get("SOFTHSM2_CONF")
    os.environ["SOFTHSM2_CONF"] = str(configuration)
    library = Library(softhsm_module())
    initialise(library, "binding", bytearray(SO_PIN), bytearray(PIN))
    yield library
    library.close()
    if before is None:
        del os.environ["SOFTHSM2_CONF"]
    else:
        os.environ["SOFTHSM2_CONF"] = before


@pytest.fixture(scope="module")
def session(library: Library) -> Iterator[Session]:
    with library.session(find_token(library, "binding").slot) as session:
        session.login(bytearray(PIN))
        make_keys(session)
        yield session


@pytest.fixture(scope="module")
def kek(session: Session) -> Handle:
    return find_key(session, Label.KEK, ObjectClass.SECRET_KEY)


@pytest.fixture(scope="module")
def ingest(session: Session) -> Handle:
    return find_key(session, Label.INGEST, ObjectClass.PRIVATE_KEY)


@pytest.fixture(scope="module")
def blob(session: Session, kek: Handle) -> bytes:
    key = session.create(DEK_FORM.plus((Attr.VALUE, b"d" * 32)))
    try:
        return session.wrap(KEY_WRAP, kek, key)
    finally:
        session.destroy(key)


def test_a_wrap_is_rfc_3394(session: Session) -> None:
    outer = session.create(
        Template(
            (
                (Attr.CLASS, ObjectClass.SECRET_KEY),
                (Attr.KEY_TYPE, KeyType.AES),
                (Attr.TOKEN, False),
                (Attr.WRAP, True),
                (Attr.VALUE, b"k" * 32),
            )
        )
    )
    inner = session.create(DEK_FORM.plus((Attr.VALUE, b"d" * 32)))
    assert session.wrap(KEY_WRAP, outer, inner) == aes_key_wrap(b"k" * 32, b"d" * 32)
    session.destroy(outer)
    session.destroy(inner)


def test_the_value_of_an_opened_key_is_not_given(
    session: Session, kek: Handle, blob: bytes
) -> None:
    key = session.unwrap(KEY_WRAP, kek, blob, DEK_FORM)
    with pytest.raises(HsmError) as refused:
        session.read(key, Attr.VALUE)
    assert refused.value.rv == Rv.ATTRIBUTE_SENSITIVE
    session.destroy(key)


@pytest.mark.parametrize(
    "form",
    [
        DEK_FORM.plus((Attr.SENSITIVE, False)),
        DEK_FORM.plus((Attr.TOKEN, True)),
        DEK_FORM.plus((Attr.DECRYPT, True)),
        DEK_FORM.plus((Attr.SIGN, True)),
        DEK_FORM.plus((Attr.KEY_TYPE, KeyType.AES)),
        Template(tuple(pair for pair in DEK_FORM.items if pair[0] != Attr.SENSITIVE)),
        Template(DEK_FORM.items[:2]),
    ],
)
def test_a_key_opens_in_no_other_form(
    session: Session, kek: Handle, blob: bytes, form: Template
) -> None:
    with pytest.raises(HsmError) as refused:
        session.unwrap(KEY_WRAP, kek, blob, form)
    assert refused.value.rv == Rv.TEMPLATE_INCONSISTENT
    session.destroy(session.unwrap(KEY_WRAP, kek, blob, DEK_FORM))


@pytest.mark.parametrize("attribute", [Attr.DECRYPT, Attr.EXTRACTABLE, Attr.ENCRYPT])
def test_the_kek_gains_no_right(session: Session, kek: Handle, attribute: Attr) -> None:
    more = Template(((attribute, True),))
    with pytest.raises(HsmError):
        session.set(kek, more)
    with pytest.raises(HsmError):
        session.copy(kek, more)


def test_the_kek_is_not_read_and_not_wrapped(session: Session, kek: Handle) -> None:
    with pytest.raises(HsmError) as reading:
        session.read(kek, Attr.VALUE)
    with pytest.raises(HsmError) as wrapping:
        session.wrap(KEY_WRAP, kek, kek)
    assert reading.value.rv == Rv.ATTRIBUTE_SENSITIVE
    assert wrapping.value.rv in (Rv.KEY_UNEXTRACTABLE, Rv.KEY_NOT_WRAPPABLE)


def test_neither_key_decrypts(session: Session, kek: Handle, ingest: Handle) -> None:
    oaep = Mechanism(Mech.RSA_PKCS_OAEP, Mech.SHA_1)
    for key, mechanism in ((kek, Mechanism(Mech.AES_ECB)), (ingest, oaep)):
        with pytest.raises(HsmError) as refused:
            session.decrypt_init(mechanism, key)
        assert refused.value.rv in (Rv.KEY_FUNCTION_NOT_PERMITTED, Rv.MECHANISM_INVALID)


def test_attributes_read_back_with_the_nested_template(session: Session, kek: Handle) -> None:
    template = KEK[Attr.UNWRAP_TEMPLATE]
    assert isinstance(template, Template)
    assert session.read_like(kek, Attr.UNWRAP_TEMPLATE, template) == raw_template(template)
    fewer = Template(template.items[:-1])
    assert session.read_like(kek, Attr.UNWRAP_TEMPLATE, fewer) is None


def test_keys_are_made_once(session: Session) -> None:
    with pytest.raises(TokenError, match="already"):
        make_keys(session)


def test_find_wants_every_attribute(session: Session) -> None:
    assert len(session.find(key_query(Label.INGEST, ObjectClass.PRIVATE_KEY))) == 1
    assert session.find(key_query(Label.MARK, ObjectClass.PRIVATE_KEY)) == ()
    plain = Template(INGEST.private.items[:8])
    assert len(session.find(plain)) == 1
    assert session.find(plain.plus((Attr.EXTRACTABLE, True))) == ()


def test_a_second_login_is_no_error(session: Session) -> None:
    session.login(bytearray(PIN))
    assert session.find(key_query(Label.KEK, ObjectClass.SECRET_KEY))


def test_a_changed_pin_is_the_pin(library: Library, session: Session) -> None:
    new = bytearray(b"another-pin-of-this-test")
    session.set_pin(bytearray(PIN), new)
    with pytest.raises(HsmError) as refused:
        session.set_pin(bytearray(PIN), bytearray(PIN))
    assert refused.value.rv == Rv.PIN_INCORRECT
    session.set_pin(new, bytearray(PIN))


def test_no_argument_is_in_an_error(library: Library) -> None:
    slot = find_token(library, "binding").slot
    with library.session(slot) as second, pytest.raises(HsmError) as refused:
        second.set_pin(bytearray(b"secret-guess"), bytearray(b"secret-guess"))
    assert "secret" not in repr(refused.value.args) + str(refused.value)


def test_a_pin_is_wiped_in_place() -> None:
    pin = bytearray(b"1234")
    view = memoryview(pin)
    wipe(pin)
    assert bytes(view) == bytes(4)


def test_no_module_is_unreachable(tmp_path: Path) -> None:
    with pytest.raises(HsmUnreachable):
        Library(tmp_path / "none.so")


def test_a_library_that_is_no_module_is_unreachable() -> None:
    libc = ctypes.util.find_library("c")
    assert libc is not None
    with pytest.raises(HsmUnreachable, match="C_GetFunctionList"):
        Library(Path(libc))
