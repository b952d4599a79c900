"""Which characters a signed text may hold: what an officer reads is what was signed (§2.2).

A terminal obeys control characters, and bidirectional formatting shows a text in another order
than it has: either lets a proposer show an approver something else than the digest covers.
"""

import re

from keyturn.base.strictjson import Json, JsonObject
from keyturn.quorum.errors import MalformedStatement

HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f"  # C0 but tab and newline, DEL, C1
    "\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]"  # line separators, bidirectional controls
)
"""One character that is obeyed rather than shown."""


def check_texts(document: JsonObject, what: str) -> None:
    """Raises MalformedStatement when any text in `document`, names included, hides something."""
    waiting: list[Json] = [document]
    while waiting:
        value = waiting.pop()
        if isinstance(value, str):
            _check(value, what)
        elif isinstance(value, dict):
            waiting.extend(value)
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)


def _check(text: str, what: str) -> None:
    found = HIDDEN.search(text)
    if found is not None:
        raise MalformedStatement(
            f"{what}: a text holds a character that is obeyed, not shown",
            found=f"U+{ord(found[0]):04X} in {ascii(text)[:80]}",
            expected="no control characters but newline and tab, no bidirectional controls",
        )
