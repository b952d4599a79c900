"""Data objects on the token that are replaced without a moment in which there is none.

An object's value is a u64 counter ‖ content. The new one is there before the old one goes, so a
kill between them leaves two, of which the higher counter counts.
"""

import struct
from dataclasses import dataclass

from keyturn.hsm.cryptoki import Attr
from keyturn.hsm.errors import TokenError
from keyturn.hsm.pkcs11 import Handle, Session
from keyturn.hsm.profiles import Label, data_object, data_query

_COUNTER = struct.Struct(">Q")


@dataclass(frozen=True, slots=True)
class Numbered:
    number: int
    content: bytes
    handle: Handle


def read_numbered(session: Session, label: Label) -> tuple[Numbered, ...]:
    """Newest first. Raises TokenError on one without content."""
    found = []
    for handle in session.find(data_query(label)):
        raw = session.read(handle, Attr.VALUE)
        if len(raw) <= _COUNTER.size:
            raise TokenError(f"the token's {label.value} is damaged", found=f"{len(raw)} bytes")
        found.append(Numbered(_COUNTER.unpack_from(raw)[0], raw[_COUNTER.size :], handle))
    return tuple(sorted(found, key=lambda each: each.number, reverse=True))


def store_numbered(session: Session, label: Label, content: bytes) -> None:
    """Keep `content`, then let go of what was there before."""
    old = read_numbered(session, label)
    number = old[0].number + 1 if old else 0
    session.create(data_object(label, _COUNTER.pack(number) + content))
    for each in old:
        session.destroy(each.handle)
