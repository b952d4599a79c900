"""From one KEK to another, many DEKs at a time: opened, tag verified, wrapped, destroyed.

Each DEK is an object of the session for the length of one item; its value is never read.
"""

from collections.abc import Sequence

from keyturn.hsm.ckstructs import prepare
from keyturn.hsm.cryptoki import LOST, Rv
from keyturn.hsm.errors import HsmError, TokenError
from keyturn.hsm.keks import OpenKek
from keyturn.hsm.kekwork import RewrapItem, RewrapOutcome, Rewrapped
from keyturn.hsm.pkcs11 import Handle, Session
from keyturn.hsm.profiles import DEK_FORM, KEY_WRAP, TAG_MAC
from keyturn.hsm.protocol import WRAPPED_BY_KEK, model_tag_message

_NOT_THIS_MODEL = (Rv.SIGNATURE_INVALID, Rv.SIGNATURE_LEN_RANGE)


class Rewrapper:
    """`to` is the active KEK; `sources` all that a DEK may lie under, likeliest first."""

    def __init__(self, session: Session, to: OpenKek, sources: Sequence[OpenKek]) -> None:
        self._session = session
        self._to = to.handle
        self._sources = [each.handle for each in sources]
        self._form = prepare(DEK_FORM)

    def rewrap(self, item: RewrapItem) -> Rewrapped:
        """Raises HsmError for what no item can be blamed for."""
        opened = self._open(item.kek_wrapped)
        if opened is None:
            return Rewrapped(RewrapOutcome.DOES_NOT_OPEN, None)
        dek, source = opened
        try:
            if not self._is_of(dek, item):
                return Rewrapped(RewrapOutcome.OTHER_MODEL, None)
            if source == self._to:
                return Rewrapped(RewrapOutcome.ALREADY, item.kek_wrapped)
            wrapped = self._session.wrap(KEY_WRAP, self._to, dek)
        finally:
            self._session.destroy(dek)
        if len(wrapped) != WRAPPED_BY_KEK:
            raise TokenError("the token wraps a DEK to another size", found=f"{len(wrapped)} bytes")
        return Rewrapped(RewrapOutcome.REWRAPPED, wrapped)

    def _open(self, wrapped: bytes) -> tuple[Handle, Handle] | None:
        """The DEK and the KEK that opened it; RFC 3394 tells which. None: none does."""
        for place, source in enumerate(self._sources):
            try:
                dek = self._session.unwrap(KEY_WRAP, source, wrapped, self._form)
            except HsmError as error:
                if error.rv in LOST:
                    raise
                continue
            if place:  # its neighbours in the inventory most likely lie under the same
                self._sources.insert(0, self._sources.pop(place))
            return dek, source
        return None

    def _is_of(self, dek: Handle, item: RewrapItem) -> bool:
        message = model_tag_message(item.model_digest)
        try:
            self._session.verify(TAG_MAC, dek, message, item.tag)
        except HsmError as error:
            if error.rv in _NOT_THIS_MODEL or error.rv == Rv.KEY_SIZE_RANGE:
                return False
            raise
        return True
