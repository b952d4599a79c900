"""The C structures of PKCS#11 v2.40, and attribute templates to and from them.

Layout: CK_ULONG is the platform's `unsigned long`, natural alignment (Unix; v2.40 §2 allows
both, every Unix module uses this one).
"""

import ctypes
from ctypes import Structure, c_char, c_ubyte, c_ulong, c_void_p
from dataclasses import dataclass
from typing import Any, Union

from keyturn.hsm.cryptoki import ARRAY, CKZ_DATA_SPECIFIED, Attr, Mech

AttributeValue = Union[bool, int, bytes, tuple[int, ...], "Template"]


@dataclass(frozen=True, slots=True)
class Template:
    """Attributes of one object. A tuple of ints is a list of mechanisms."""

    items: tuple[tuple[Attr, AttributeValue], ...]

    def plus(self, *more: tuple[Attr, AttributeValue]) -> "Template":
        """The same with more attributes; one that is named again is replaced."""
        return Template(tuple((dict(self.items) | dict(more)).items()))

    def __getitem__(self, attribute: Attr) -> AttributeValue:
        return dict(self.items)[attribute]


class CkVersion(Structure):
    _fields_ = (("major", c_ubyte), ("minor", c_ubyte))


class CkInfo(Structure):
    _fields_ = (
        ("cryptoki", CkVersion),
        ("manufacturer", c_char * 32),
        ("flags", c_ulong),
        ("description", c_char * 32),
        ("version", CkVersion),
    )


class CkSlotInfo(Structure):
    _fields_ = (
        ("description", c_char * 64),
        ("manufacturer", c_char * 32),
        ("flags", c_ulong),
        ("hardware", CkVersion),
        ("firmware", CkVersion),
    )


class CkTokenInfo(Structure):
    _fields_ = (
        ("label", c_char * 32),
        ("manufacturer", c_char * 32),
        ("model", c_char * 16),
        ("serial", c_char * 16),
        ("flags", c_ulong),
        ("limits", c_ulong * 10),
        ("hardware", CkVersion),
        ("firmware", CkVersion),
        ("utc_time", c_char * 16),
    )


class CkInitializeArgs(Structure):
    _fields_ = (
        ("create_mutex", c_void_p),
        ("destroy_mutex", c_void_p),
        ("lock_mutex", c_void_p),
        ("unlock_mutex", c_void_p),
        ("flags", c_ulong),
        ("reserved", c_void_p),
    )


class CkInitializeArgsReserved(Structure):
    """As NSS reads it when `reserved` is set: a C string, and a NULL after it (its pkcs11t.h)."""

    _fields_ = (*CkInitializeArgs._fields_, ("after_reserved", c_void_p))


class CkAttribute(Structure):
    _fields_ = (("type", c_ulong), ("value", c_void_p), ("length", c_ulong))


class CkMechanism(Structure):
    _fields_ = (("mechanism", c_ulong), ("parameter", c_void_p), ("length", c_ulong))


class CkOaepParams(Structure):
    _fields_ = (
        ("hash", c_ulong),
        ("mgf", c_ulong),
        ("source", c_ulong),
        ("data", c_void_p),
        ("data_length", c_ulong),
    )


_ORDER = """Initialize Finalize GetInfo GetFunctionList GetSlotList GetSlotInfo GetTokenInfo
GetMechanismList GetMechanismInfo InitToken InitPIN SetPIN OpenSession CloseSession
CloseAllSessions GetSessionInfo GetOperationState SetOperationState Login Logout CreateObject
CopyObject DestroyObject GetObjectSize GetAttributeValue SetAttributeValue FindObjectsInit
FindObjects FindObjectsFinal EncryptInit Encrypt EncryptUpdate EncryptFinal DecryptInit Decrypt
DecryptUpdate DecryptFinal DigestInit Digest DigestUpdate DigestKey DigestFinal SignInit Sign
SignUpdate SignFinal SignRecoverInit SignRecover VerifyInit Verify VerifyUpdate VerifyFinal
VerifyRecoverInit VerifyRecover DigestEncryptUpdate DecryptDigestUpdate SignEncryptUpdate
DecryptVerifyUpdate GenerateKey GenerateKeyPair WrapKey UnwrapKey DeriveKey SeedRandom
GenerateRandom GetFunctionStatus CancelFunction WaitForSlotEvent"""
FUNCTIONS = tuple(_ORDER.split())
"""The order of CK_FUNCTION_LIST (pkcs11f.h, v2.40); every name starts with `C_`."""


class CkFunctionList(Structure):
    _fields_ = (("version", CkVersion), *((f"C_{name}", c_void_p) for name in FUNCTIONS))


Pinned = list[Any]
"""Buffers that a structure points into; they must live until the call is over."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A template in C's form, for many calls. Not for one that holds a secret: it stays."""

    array: ctypes.Array[CkAttribute]
    pinned: Pinned


def prepare(template: Template) -> Prepared:
    return Prepared(*encode_template(template))


def encode_template(template: Template) -> tuple[ctypes.Array[CkAttribute], Pinned]:
    """The C array of a template, and what it points into."""
    array = (CkAttribute * len(template.items))()
    pinned: Pinned = [array]
    for slot, (attribute, value) in zip(array, template.items, strict=True):
        buffer = _encode_value(value, pinned)
        pinned.append(buffer)
        slot.type = attribute
        slot.value = ctypes.cast(buffer, c_void_p)
        slot.length = ctypes.sizeof(buffer)
    return array, pinned


def _encode_value(value: AttributeValue, pinned: Pinned) -> Any:
    if isinstance(value, bool):
        return c_ubyte_array(bytes([value]))
    if isinstance(value, int):
        return (c_ulong * 1)(value)
    if isinstance(value, bytes):
        return c_ubyte_array(value)
    if isinstance(value, Template):
        array, inner = encode_template(value)
        pinned.extend(inner)
        return array
    return (c_ulong * len(value))(*value)


def c_ubyte_array(data: bytes) -> ctypes.Array[c_ubyte]:
    """A C array with a copy of `data`."""
    return (c_ubyte * len(data)).from_buffer_copy(data)


def decode_value(attribute: Attr, raw: bytes, like: AttributeValue) -> AttributeValue | None:
    """Read an attribute of the kind that `like` has; None when its size does not fit."""
    if isinstance(like, bool):
        return raw == b"\x01" if len(raw) == 1 and raw[0] <= 1 else None
    if isinstance(like, bytes):
        return raw
    word = ctypes.sizeof(c_ulong)
    if len(raw) % word or (isinstance(like, int) and len(raw) != word):
        return None
    words = memoryview(raw).cast("L").tolist()
    if isinstance(like, int):
        return int(words[0])
    if attribute & ARRAY and isinstance(like, tuple):
        return tuple(sorted(words))
    return None


@dataclass(frozen=True, slots=True)
class Mechanism:
    """A mechanism and its parameter: empty, or the OAEP hash (a digest mechanism)."""

    kind: Mech
    oaep_hash: Mech | None = None

    def encode(self) -> tuple[CkMechanism, Pinned]:
        if self.oaep_hash is None:
            return CkMechanism(self.kind, None, 0), []
        params = CkOaepParams(self.oaep_hash, _MGF1[self.oaep_hash], CKZ_DATA_SPECIFIED, None, 0)
        address = ctypes.cast(ctypes.pointer(params), c_void_p)
        return CkMechanism(self.kind, address, ctypes.sizeof(params)), [params]


_MGF1 = {Mech.SHA_1: 1, Mech.SHA256: 2, Mech.SHA384: 3}  # CKG_MGF1_SHA1, _SHA256, _SHA384


def padded(text: str, size: int) -> bytes:
    """A text as PKCS#11 pads it: with blanks, no zero at the end (v2.40 §3.2)."""
    raw = text.encode()
    if len(raw) > size:
        raise ValueError(f"{len(raw)} bytes, at most {size}")
    return raw.ljust(size)


def unpadded(raw: bytes) -> str:
    return raw.rstrip(b" \0").decode("utf-8", "replace")
