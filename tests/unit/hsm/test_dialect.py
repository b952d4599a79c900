"""A module's own number for RFC 3394 in every call and list; real bytes at the C boundary."""

import ctypes
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from keyturn.hsm.attributes import check_attributes
from keyturn.hsm.ckstructs import CkAttribute, Template
from keyturn.hsm.cryptoki import Attr, Mech
from keyturn.hsm.dialect import Dialect
from keyturn.hsm.errors import HsmError
from keyturn.hsm.genesis import make_keys
from keyturn.hsm.pkcs11 import Handle, Session
from keyturn.hsm.profiles import DEK_FORM, KEK, KEY_WRAP, TAG_MAC, Label, expected
from keyturn.hsm.protocol import OaepHash
from keyturn.hsm.selftest import oaep
from keyturn.hsm.token import check_keys, find_token
from keyturn.hsm.tokeninfo import ModuleInfo, Slot, TokenInfo
from keyturn.hsm.vendors import CLOUDHSM, SOFTHSM
from support.hsmsession import open_slot
from support.hsmtoken import LABEL

OWN = 0x8000_2109
"""CKM_CLOUDHSM_AES_KEY_WRAP_NO_PAD."""


class Recorded:
    """The function list, played: what each call was given, in C's form."""

    def __init__(self, dialect: Dialect) -> None:
        self.dialect = dialect
        self.mechanisms: list[int] = []
        self.lists: list[tuple[int, ...]] = []
        self.told: tuple[int, ...] = ()

    def call(self, name: str, _session: int, *arguments: Any) -> None:
        for each in arguments:
            if isinstance(each, ctypes.Array) and each._type_ is CkAttribute:
                self._attributes(name, each)
            elif hasattr(each, "_obj") and hasattr(each._obj, "mechanism"):
                self.mechanisms.append(each._obj.mechanism)

    def _attributes(self, name: str, array: Any) -> None:
        for each in array:
            if each.type != Attr.ALLOWED_MECHANISMS:
                continue
            if name == "C_GetAttributeValue":
                raw = (ctypes.c_ulong * len(self.told))(*self.told)
                each.length = ctypes.sizeof(raw)
                if each.value:
                    ctypes.memmove(each.value, raw, each.length)
                return
            said = ctypes.string_at(each.value, each.length)
            self.lists.append(tuple(memoryview(said).cast("L").tolist()))


def _session(dialect: Dialect) -> tuple[Recorded, Session]:
    recorded = Recorded(dialect)
    return recorded, Session(recorded, 1)  # type: ignore[arg-type]


def test_every_call_is_made_by_the_modules_number() -> None:
    recorded, session = _session(Dialect({Mech.AES_KEY_WRAP: OWN}))
    session.wrap(KEY_WRAP, Handle(1), Handle(2))
    session.unwrap(KEY_WRAP, Handle(1), bytes(40), DEK_FORM)
    session.decrypt_init(KEY_WRAP, Handle(1))
    assert recorded.mechanisms == [OWN] * 3
    recorded.mechanisms.clear()
    session.verify(TAG_MAC, Handle(1), b"", b"")
    session.wrap(oaep(OaepHash.SHA1), Handle(1), Handle(2))
    assert recorded.mechanisms == [Mech.SHA256_HMAC, Mech.RSA_PKCS_OAEP]


def test_what_a_key_may_be_used_for_is_asked_and_read_by_it() -> None:
    recorded, session = _session(Dialect({Mech.AES_KEY_WRAP: OWN}))
    session.create(KEK)
    session.create(Template(((Attr.UNWRAP_TEMPLATE, Template(KEK.items[-2:-1])),)))
    assert recorded.lists == [(OWN,)]
    wanted = (int(Mech.AES_KEY_WRAP),)
    recorded.told = (OWN,)
    assert session.read_like(Handle(1), Attr.ALLOWED_MECHANISMS, wanted) == wanted
    recorded.told = (int(Mech.AES_KEY_WRAP),)  # there it is another mechanism
    recorded.dialect = Dialect({Mech.AES_KEY_WRAP: OWN, Mech.AES_ECB: int(Mech.AES_KEY_WRAP)})
    assert session.read_like(Handle(1), Attr.ALLOWED_MECHANISMS, wanted) == (Mech.AES_ECB,)


def test_a_list_within_a_template_is_translated_too() -> None:
    inner = Template(((Attr.ALLOWED_MECHANISMS, (int(Mech.AES_KEY_WRAP), 9)),))
    array, pinned = Dialect({Mech.AES_KEY_WRAP: OWN}).template(
        Template(((Attr.UNWRAP_TEMPLATE, inner),))
    )
    nested = ctypes.cast(array[0].value, ctypes.POINTER(CkAttribute))[0]
    raw = ctypes.string_at(nested.value, nested.length)
    assert memoryview(raw).cast("L").tolist() == [OWN, 9]
    assert pinned


def test_a_module_that_speaks_the_standard_is_left_alone() -> None:
    recorded, session = _session(Dialect(SOFTHSM.numbers))
    session.wrap(KEY_WRAP, Handle(1), Handle(2))
    session.create(KEK)
    assert (recorded.mechanisms, recorded.lists) == ([0x2109], [(0x2109,)])
    recorded.told = (9, 1)
    assert session.read_like(Handle(1), Attr.ALLOWED_MECHANISMS, (1,)) == (1, 9)


def test_a_token_is_spoken_to_in_its_vendors_numbers() -> None:
    token = TokenInfo(Slot(0), LABEL, "Marvell Semiconductors", "", "1", True, True)
    assert CLOUDHSM.numbers == {Mech.AES_KEY_WRAP: OWN}
    for maker, number in (("Marvell", OWN), ("SoftHSM project", 0x2109)):
        library = _Library(replace(token, manufacturer=maker))
        find_token(library, LABEL)  # type: ignore[arg-type]
        assert library.dialect.mechanism(KEY_WRAP)[0].mechanism == number


class _Library:
    def __init__(self, token: TokenInfo) -> None:
        self._token = token
        self.dialect = Dialect()

    def tokens(self) -> tuple[TokenInfo, ...]:
        return (self._token,)

    def about(self) -> ModuleInfo:
        return ModuleInfo("", "", "1.0")


def test_a_real_token_is_opened_by_the_number_of_its_profile_and_by_no_other(
    tmp_path: Path,
) -> None:
    with open_slot(tmp_path / "t") as slot:
        slot.library.dialect = Dialect({Mech.AES_KEY_WRAP: 0x2109})
        make_keys(slot.session)
        keys = check_keys(slot.session)
        check_attributes(slot.session, keys.keks.active.handle, Label.KEK, expected(KEK))
        slot.library.dialect = Dialect({Mech.AES_KEY_WRAP: OWN})
        with pytest.raises(HsmError, match="CKR_MECHANISM_INVALID"):
            slot.session.unwrap(KEY_WRAP, keys.keks.active.handle, bytes(40), DEK_FORM)


def test_a_key_that_is_unwrapped_is_given_the_modules_number() -> None:
    """A KEK that is restored or imported: it could not be used by the standard's."""
    recorded, session = _session(Dialect({Mech.AES_KEY_WRAP: OWN}))
    session.unwrap(oaep(OaepHash.SHA256), Handle(1), bytes(512), KEK)
    assert recorded.lists == [(OWN,)]


def test_the_standards_number_is_not_the_modules_own() -> None:
    """There it may be any mechanism of the vendor's: it is not read as RFC 3394."""
    dialect = Dialect({Mech.AES_KEY_WRAP: OWN})
    assert dialect.heard((OWN,)) == (Mech.AES_KEY_WRAP,)
    assert dialect.heard((int(Mech.AES_KEY_WRAP),)) != (Mech.AES_KEY_WRAP,)
