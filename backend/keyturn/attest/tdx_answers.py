"""Intel's answers as they come: a document and the signature over its exact text.

Source: Intel PCS API v4, "Get TDX TCB Info" and "Get TDX QE Identity": `{"tcbInfo": {…},
"signature": "<hex>"}` and `{"enclaveIdentity": {…}, "signature": "<hex>"}`. The signature is over
the text of the inner object as it stands, so it is cut out and never written anew.
"""

import json
import re

from keyturn.attest.errors import MalformedEvidence
from keyturn.attest.tdx_collateral import MAX_DOCUMENT
from keyturn.base.errors import MalformedError
from keyturn.base.strictjson import load_object

_SPACE = r"[ \t\r\n]*"
_AFTER = re.compile(
    rf'{_SPACE},{_SPACE}"signature"{_SPACE}:{_SPACE}"([0-9a-fA-F]{{128}})"{_SPACE}\}}{_SPACE}\Z'
)
_OBJECT = json.JSONDecoder()


def split_tcb_info(answer: bytes) -> tuple[bytes, bytes]:
    """The signed text and the 64 bytes of its signature, r || s. Raises MalformedEvidence."""
    return _split(answer, "tcbInfo", "TCB info's answer")


def split_qe_identity(answer: bytes) -> tuple[bytes, bytes]:
    """As `split_tcb_info`, of a QE identity."""
    return _split(answer, "enclaveIdentity", "QE identity's answer")


def _split(answer: bytes, name: str, what: str) -> tuple[bytes, bytes]:
    try:
        fields = load_object(answer, limit=MAX_DOCUMENT + 1024, what=what)
    except MalformedError as error:
        raise MalformedEvidence(error.message, found=error.found) from error
    text = answer.decode()
    before = re.match(rf'{_SPACE}\{{{_SPACE}"{name}"{_SPACE}:{_SPACE}', text)
    if before is None or set(fields) != {name, "signature"}:
        raise MalformedEvidence(
            f"{what} has another form",
            found=", ".join(sorted(fields))[:80],
            expected=f"{name}, then signature",
        )
    _, end = _OBJECT.raw_decode(text, before.end())  # it was read whole before
    after = _AFTER.match(text, end)
    if after is None:
        raise MalformedEvidence(
            f"{what} has another form", expected="a signature of 128 hex digits at its end"
        )
    return text[before.end() : end].encode(), bytes.fromhex(after[1])
