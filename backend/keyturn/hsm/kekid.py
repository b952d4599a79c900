"""A KEK's id: computed with the key, so that a restored one has the id of the lost one.

SHA-256("keyturn-kek-id-v1" ‖ AES-KW(KEK, 32 zero bytes)) in hex (our protocol §10.13).
"""

from cryptography.hazmat.primitives.keywrap import aes_key_wrap

from keyturn.base.encoding import sha256
from keyturn.base.signatures import KeyId
from keyturn.hsm.cryptoki import Attr
from keyturn.hsm.pkcs11 import Handle, Session
from keyturn.hsm.profiles import DEK_FORM, KEY_WRAP

_CONTEXT = b"keyturn-kek-id-v1"
_ZEROS = bytes(32)


def kek_id(session: Session, kek: Handle) -> KeyId:
    """Of a KEK in the token, which must have WRAP. Raises HsmError."""
    known = session.create(DEK_FORM.plus((Attr.VALUE, _ZEROS)))
    try:
        return _id(session.wrap(KEY_WRAP, kek, known))
    finally:
        session.destroy(known)


def kek_id_of(value: bytes | bytearray) -> KeyId:
    """Of a KEK in this process's memory: a restore's, before it is in the token."""
    return _id(aes_key_wrap(bytes(value), _ZEROS))


def _id(wrapped: bytes) -> KeyId:
    return KeyId(sha256(_CONTEXT + wrapped).hex())
