"""A small PKCS#11 binding over ctypes: what Keyturn calls, and nothing else.

Why our own: published bindings initialise the module without locking, or know neither
UNWRAP_TEMPLATE nor all wrap mechanisms. One `Library` a process; a `Session` is used by one
thread at a time. Never fork after loading.
Every call that does not return CKR_OK raises `HsmError` with the function and the return
value's name; no argument ever enters a message. Source: OASIS PKCS#11 v2.40, v3.0.
"""

import ctypes
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from ctypes import POINTER, byref, c_ubyte, c_ulong, c_void_p
from pathlib import Path
from typing import Any, NewType

from keyturn.hsm.ckstructs import (
    AttributeValue,
    CkAttribute,
    CkFunctionList,
    CkInfo,
    CkInitializeArgsReserved,
    CkMechanism,
    CkSlotInfo,
    CkTokenInfo,
    Mechanism,
    Prepared,
    Template,
    c_ubyte_array,
    decode_value,
    encode_template,
    padded,
    unpadded,
)
from keyturn.hsm.cryptoki import (
    CK_UNAVAILABLE_INFORMATION,
    CKF_HW_SLOT,
    CKF_OS_LOCKING_OK,
    CKF_RW_SESSION,
    CKF_SERIAL_SESSION,
    CKF_TOKEN_INITIALIZED,
    CKU_CONTEXT_SPECIFIC,
    CKU_SO,
    CKU_USER,
    Attr,
    Rv,
)
from keyturn.hsm.dialect import Dialect
from keyturn.hsm.errors import HsmError, HsmUnreachable
from keyturn.hsm.tokeninfo import ModuleInfo, Slot, TokenInfo

Handle = NewType("Handle", int)
"""An object of a session or token; valid in the process that got it."""

_OUTPUT = 8192  # bytes; the longest answer here is an RSA modulus or a checkpoint
_MAX_PIN, _MIN_PIN, _FREE_PRIVATE = 4, 5, 9  # places among the ten limits of CK_TOKEN_INFO
_FOUND = 64  # objects a find may return; more of one name is a broken token


class Library:
    """A loaded and initialised module. `close` finalises it, unless another started it."""

    def __init__(
        self, module: Path, *, reserved: str = "", started_elsewhere_is_fine: bool = False
    ) -> None:
        """`reserved`: the text that some modules must be given to start (`vendors`).

        Raises HsmUnreachable when there is no such module, or it does not start.
        """
        try:
            library = ctypes.CDLL(str(module))
            get_list = library.C_GetFunctionList
        except (OSError, AttributeError) as error:
            raise HsmUnreachable(f"cannot load the PKCS#11 module: {error}") from error
        pointer = POINTER(CkFunctionList)()
        get_list.restype = c_ulong
        _check("C_GetFunctionList", get_list(byref(pointer)))
        self._functions = pointer.contents
        self._cache: dict[str, Any] = {}
        self.dialect = Dialect()
        self._ours = True
        # Without the flag SoftHSM runs without any mutex (notes, fact 2).
        arguments = CkInitializeArgsReserved(flags=CKF_OS_LOCKING_OK)
        text = ctypes.create_string_buffer(reserved.encode())
        if reserved:
            arguments.reserved = ctypes.cast(text, c_void_p)
        try:
            self.call("C_Initialize", byref(arguments))
        except HsmError as error:
            running = error.rv == Rv.CRYPTOKI_ALREADY_INITIALIZED
            if not (running and started_elsewhere_is_fine):
                raise HsmUnreachable(
                    "the PKCS#11 module does not start", found=error.found, expected="CKR_OK"
                ) from error
            self._ours = False

    def close(self) -> None:
        if self._ours:
            self.call("C_Finalize", None)

    def call(self, name: str, *arguments: Any) -> None:
        """Call a function of the list; ints are passed as CK_ULONG. Raises HsmError."""
        function = self._cache.get(name)
        if function is None:
            address = getattr(self._functions, name)
            if not address:
                raise HsmError(name, Rv.FUNCTION_NOT_SUPPORTED)
            function = self._cache[name] = ctypes.CFUNCTYPE(c_ulong)(address)
        wide = (c_ulong(each) if isinstance(each, int) else each for each in arguments)
        _check(name, function(*wide))

    def describe(self) -> str:
        """The module's own description and version."""
        about = self.about()
        return f"{about.description} {about.version}"

    def about(self) -> ModuleInfo:
        """What the module says of itself."""
        info = CkInfo()
        self.call("C_GetInfo", byref(info))
        return ModuleInfo(
            unpadded(info.manufacturer), unpadded(info.description), _version(info.version)
        )

    def tokens(self) -> tuple[TokenInfo, ...]:
        """Every token present, initialised or not."""
        return tuple(self.token(slot) for slot in self.slots())

    def slots(self) -> tuple[Slot, ...]:
        """The slots that have a token in them at this moment."""
        count = c_ulong()
        self.call("C_GetSlotList", c_ubyte(1), None, byref(count))
        slots = (c_ulong * count.value)()
        self.call("C_GetSlotList", c_ubyte(1), slots, byref(count))
        return tuple(Slot(slot) for slot in slots[: count.value])

    def token(self, slot: Slot) -> TokenInfo:
        """What the token in that slot says now."""
        info, place = CkTokenInfo(), CkSlotInfo()
        self.call("C_GetTokenInfo", slot, byref(info))
        self.call("C_GetSlotInfo", slot, byref(place))
        return TokenInfo(
            slot,
            unpadded(info.label),
            unpadded(info.manufacturer),
            unpadded(info.model),
            unpadded(info.serial),
            bool(info.flags & CKF_TOKEN_INITIALIZED),
            bool(place.flags & CKF_HW_SLOT),
            info.flags,
            range(info.limits[_MIN_PIN], info.limits[_MAX_PIN] + 1),
            _version(info.hardware),
            _version(info.firmware),
            unpadded(info.utc_time),
            _known(info.limits[_FREE_PRIVATE]),
        )

    def init_token(self, slot: Slot, so_pin: bytearray, label: str) -> None:
        """Erase the token and give it an SO PIN. The slot's number may change."""
        name = c_ubyte_array(padded(label, 32))
        self.call("C_InitToken", slot, _pin(so_pin), len(so_pin), name)

    @contextmanager
    def session(self, slot: Slot) -> Iterator["Session"]:
        """A read-write session, closed at the end."""
        session = self.open_session(slot)
        try:
            yield session
        finally:
            session.close()

    def open_session(self, slot: Slot, *, writable: bool = True) -> "Session":
        """A session; closing the last one of a token logs out."""
        handle = c_ulong()
        flags = CKF_SERIAL_SESSION | (CKF_RW_SESSION if writable else 0)
        self.call("C_OpenSession", slot, flags, None, None, byref(handle))
        return Session(self, handle.value)


class Session:
    """Calls within one session. One thread at a time."""

    def __init__(self, library: Library, handle: int) -> None:
        self._library = library
        self._handle = handle

    def _call(self, name: str, *arguments: Any) -> None:
        self._library.call(name, self._handle, *arguments)

    def close(self) -> None:
        self._call("C_CloseSession")

    def login(self, pin: bytearray, *, security_officer: bool = False) -> None:
        """Log in; to be logged in already is not an error. The PIN is not copied by us."""
        try:
            user = CKU_SO if security_officer else CKU_USER
            self._call("C_Login", user, _pin(pin), len(pin))
        except HsmError as error:
            if error.rv != Rv.USER_ALREADY_LOGGED_IN:
                raise

    def login_user(self, pin: bytearray | None, *, once_more: bool = False) -> None:
        """Log in where nobody of this process is yet, else USER_ALREADY_LOGGED_IN is raised.

        None: the PIN is typed at the reader. `once_more`: for the signature that was begun.
        """
        user = CKU_CONTEXT_SPECIFIC if once_more else CKU_USER
        secret = (None, 0) if pin is None else (_pin(pin), len(pin))
        self._call("C_Login", user, *secret)

    def logout(self) -> None:
        self._call("C_Logout")

    def init_pin(self, pin: bytearray) -> None:
        """As SO: set the user PIN of a fresh token."""
        self._call("C_InitPIN", _pin(pin), len(pin))

    def set_pin(self, old: bytearray, new: bytearray) -> None:
        """Change the PIN of whoever is logged in."""
        self._call("C_SetPIN", _pin(old), len(old), _pin(new), len(new))

    def find(self, template: Template) -> tuple[Handle, ...]:
        """Objects that have all these attributes, at most 64."""
        array, pinned = self._library.dialect.template(template)
        found, count = (c_ulong * _FOUND)(), c_ulong()
        self._call("C_FindObjectsInit", array, len(array))
        try:
            self._call("C_FindObjects", found, _FOUND, byref(count))
        finally:
            self._call("C_FindObjectsFinal")
        del pinned
        return tuple(Handle(each) for each in found[: count.value])

    def generate(self, mechanism: Mechanism, template: Template) -> Handle:
        """A new secret key."""
        ck, pinned = self._library.dialect.mechanism(mechanism)
        array, held = self._library.dialect.template(template)
        handle = c_ulong()
        self._call("C_GenerateKey", byref(ck), array, len(array), byref(handle))
        del pinned, held
        return Handle(handle.value)

    def generate_pair(
        self, mechanism: Mechanism, public: Template, private: Template
    ) -> tuple[Handle, Handle]:
        """A new key pair: (public, private)."""
        ck, pinned = self._library.dialect.mechanism(mechanism)
        first, held = self._library.dialect.template(public)
        second, also = self._library.dialect.template(private)
        handles = c_ulong(), c_ulong()
        self._call(
            "C_GenerateKeyPair",
            byref(ck),
            *(first, len(first), second, len(second)),
            *(byref(each) for each in handles),
        )
        del pinned, held, also
        return Handle(handles[0].value), Handle(handles[1].value)

    def create(self, template: Template) -> Handle:
        """Make an object of given attributes."""
        array, pinned = self._library.dialect.template(template)
        handle = c_ulong()
        self._call("C_CreateObject", array, len(array), byref(handle))
        del pinned
        return Handle(handle.value)

    def copy(self, handle: Handle, template: Template) -> Handle:
        array, pinned = self._library.dialect.template(template)
        made = c_ulong()
        self._call("C_CopyObject", handle, array, len(array), byref(made))
        del pinned
        return Handle(made.value)

    def destroy(self, handle: Handle) -> None:
        self._call("C_DestroyObject", handle)

    def set(self, handle: Handle, template: Template) -> None:
        array, pinned = self._library.dialect.template(template)
        self._call("C_SetAttributeValue", handle, array, len(array))
        del pinned

    def read(self, handle: Handle, attribute: Attr) -> bytes:
        """The raw bytes of one attribute. Raises HsmError, also when it is sensitive."""
        one = (CkAttribute * 1)(CkAttribute(attribute, None, 0))
        self._call("C_GetAttributeValue", handle, one, 1)
        if one[0].length == CK_UNAVAILABLE_INFORMATION:
            raise HsmError("C_GetAttributeValue", Rv.ATTRIBUTE_TYPE_INVALID)
        buffer = (c_ubyte * max(one[0].length, 1))()
        one[0].value = ctypes.cast(buffer, c_void_p)
        self._call("C_GetAttributeValue", handle, one, 1)
        return bytes(buffer[: one[0].length])

    def read_like(
        self, handle: Handle, attribute: Attr, like: AttributeValue
    ) -> AttributeValue | None:
        """One attribute of the kind that `like` has; None when it has another kind or size."""
        if isinstance(like, Template):
            return self._read_template(handle, attribute, tuple(a for a, _ in like.items))
        value = decode_value(attribute, self.read(handle, attribute), like)
        return self._library.dialect.heard(value)

    def _read_template(
        self, handle: Handle, attribute: Attr, kinds: tuple[Attr, ...]
    ) -> Template | None:
        """An attribute that is itself a template; None unless it has as many as `kinds`.

        Values are returned as the bytes that they are; compare with `raw_template`. The kinds
        are filled in beforehand: SoftHSM looks values up by them, others write them.
        """
        inner = (CkAttribute * len(kinds))()
        buffers = [(c_ubyte * 64)() for _ in kinds]
        for slot, kind, buffer in zip(inner, kinds, buffers, strict=True):
            slot.type = kind
            slot.value, slot.length = ctypes.cast(buffer, c_void_p), ctypes.sizeof(buffer)
        one = (CkAttribute * 1)(CkAttribute(attribute, None, 0))
        self._call("C_GetAttributeValue", handle, one, 1)
        if one[0].length != ctypes.sizeof(inner):
            return None
        one[0].value = ctypes.cast(inner, c_void_p)
        self._call("C_GetAttributeValue", handle, one, 1)
        pairs = zip(inner, buffers, strict=True)
        return Template(
            tuple(sorted((Attr(s.type), bytes(b[: s.length])) for s, b in pairs if s.length <= 64))
        )

    def wrap(self, mechanism: Mechanism, wrapping: Handle, key: Handle) -> bytes:
        """`key` encrypted under `wrapping`."""
        ck, pinned = self._library.dialect.mechanism(mechanism)
        out, length = (c_ubyte * _OUTPUT)(), c_ulong(_OUTPUT)
        self._call("C_WrapKey", byref(ck), wrapping, key, out, byref(length))
        del pinned
        return ctypes.string_at(out, length.value)

    def unwrap(
        self,
        mechanism: Mechanism,
        unwrapping: Handle,
        wrapped: bytes,
        template: Template | Prepared,
    ) -> Handle:
        """A new key object from `wrapped`; the value stays in the token."""
        ck, pinned = self._library.dialect.mechanism(mechanism)
        if isinstance(template, Prepared):
            array, held = template.array, template.pinned
        else:
            array, held = self._library.dialect.template(template)
        data, handle = c_ubyte_array(wrapped), c_ulong()
        self._call(
            "C_UnwrapKey",
            byref(ck),
            *(unwrapping, data, len(wrapped)),
            *(array, len(array), byref(handle)),
        )
        del pinned, held
        return Handle(handle.value)

    def sign(
        self,
        mechanism: Mechanism,
        key: Handle,
        message: bytes,
        begun: Callable[[], None] | None = None,
    ) -> bytes:
        """`begun` is called between beginning and signing: some keys want a PIN just there."""
        data, out, length = c_ubyte_array(message), (c_ubyte * _OUTPUT)(), c_ulong(_OUTPUT)
        self._begin("C_SignInit", mechanism, key)
        if begun is not None:
            try:
                begun()
            except BaseException:
                with suppress(HsmError):  # ends what was begun, or no other can begin
                    self._call("C_Sign", data, len(message), out, byref(length))
                raise
        self._call("C_Sign", data, len(message), out, byref(length))
        return bytes(out[: length.value])

    def verify(self, mechanism: Mechanism, key: Handle, message: bytes, signature: bytes) -> None:
        """Raises HsmError (SIGNATURE_INVALID or SIGNATURE_LEN_RANGE) when it does not verify."""
        self._begin("C_VerifyInit", mechanism, key)
        self._call(
            "C_Verify",
            *(c_ubyte_array(message), len(message)),
            *(c_ubyte_array(signature), len(signature)),
        )

    def decrypt_init(self, mechanism: Mechanism, key: Handle) -> None:
        """Only begin to decrypt: pre-flight asks whether a key that must not would."""
        self._begin("C_DecryptInit", mechanism, key)

    def _begin(self, name: str, mechanism: Mechanism, key: Handle) -> None:
        ck: CkMechanism
        ck, pinned = self._library.dialect.mechanism(mechanism)
        self._call(name, byref(ck), key)
        del pinned


def raw_template(template: Template) -> Template:
    """A template in the form in which `Session.read_like` returns one: sorted, as bytes."""
    array, pinned = encode_template(template)
    raw = tuple(sorted((Attr(s.type), ctypes.string_at(s.value, s.length)) for s in array))
    del pinned
    return Template(raw)


def _pin(pin: bytearray) -> ctypes.Array[c_ubyte]:
    """The caller's own buffer, so that wiping it leaves no copy of ours."""
    return (c_ubyte * len(pin)).from_buffer(pin)


def wipe(secret: bytearray) -> None:
    """Overwrite with zeros, in place."""
    ctypes.memset((c_ubyte * len(secret)).from_buffer(secret), 0, len(secret))


def _version(version: Any) -> str:
    return f"{version.major}.{version.minor}"


def _known(limit: int) -> int | None:
    return None if limit == CK_UNAVAILABLE_INFORMATION else int(limit)


def _check(name: str, rv: int) -> None:
    if rv != Rv.OK:
        raise HsmError(name, rv)
