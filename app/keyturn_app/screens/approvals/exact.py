"""The bytes that are signed, as received: text, and hex beside it. No Qt."""

from dataclasses import dataclass

from keyturn.base.encoding import digest_of
from keyturn.quorum.statements import Statement
from keyturn_app import wording

_WIDTH = 16
SHOWN = 64 << 10
"""Bytes shown; the digest is of all of them."""


@dataclass(frozen=True, slots=True)
class Exact:
    """`digest` is computed here from `text`'s bytes; signatures are over them with their type."""

    payload_type: str
    size: str
    digest: str
    text: str
    dump: str
    signatures: tuple[str, ...]  # key ids
    cut: bool


def exact(statement: Statement) -> Exact:
    payload = statement.envelope.payload
    shown = payload[:SHOWN]
    return Exact(
        statement.envelope.payload_type,
        wording.size(len(payload)),
        digest_of(payload),
        shown.decode("utf-8", errors="replace"),
        hex_dump(shown),
        tuple(each.key_id for each in statement.envelope.signatures),
        len(payload) > SHOWN,
    )


def hex_dump(data: bytes) -> str:
    """Offset, sixteen bytes in hex, and what of them is printable ASCII."""
    lines = []
    for at in range(0, len(data), _WIDTH):
        part = data[at : at + _WIDTH]
        digits = " ".join(f"{each:02x}" for each in part)
        text = "".join(chr(each) if 32 <= each < 127 else "·" for each in part)
        lines.append(f"{at:06x}  {digits:<{3 * _WIDTH - 1}}  {text}")
    return "\n".join(lines)
