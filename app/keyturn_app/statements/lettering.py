"""Characters that are in a text and cannot be seen in it, or look like others. No Qt.

What a terminal or a window would obey is refused when a statement is parsed
(`keyturn.quorum.texts`). What is left can still make two names look alike that are not.
"""

import json
import re
import unicodedata
from collections.abc import Iterator

from keyturn.base.strictjson import Json

_UNSEEN = frozenset({"Cc", "Cf", "Co", "Cn", "Cs", "Zl", "Zp", "Zs"})
_BLANK = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
"""Letters and signs that draw nothing."""
_NOT_ASCII = re.compile(r"[^\x00-\x7f]")


def unseen(text: str) -> str:
    """The first character that cannot be seen, as `U+200B`; empty when there is none."""
    found = next((each for each in _NOT_ASCII.findall(text) if _is_unseen(each)), "")
    return code(found)


def foreign(text: str) -> str:
    """The first character of a name that is not ASCII, as `U+0435`; empty when there is none."""
    found = _NOT_ASCII.search(text)
    return "" if found is None else code(found[0])


def visible(text: str) -> str:
    """`text` with what cannot be seen written as JSON's escapes."""
    if text.isascii():
        return text
    return _NOT_ASCII.sub(lambda found: _escaped(found[0]), text)


def code(character: str) -> str:
    return f"U+{ord(character):04X}" if character else ""


def texts_in(value: Json) -> Iterator[str]:
    """Every text in a document, names of fields among them."""
    waiting: list[Json] = [value]
    while waiting:
        each = waiting.pop()
        if isinstance(each, str):
            yield each
        elif isinstance(each, dict):
            yield from each
            waiting.extend(each.values())
        elif isinstance(each, list):
            waiting.extend(each)


def _is_unseen(character: str) -> bool:
    return unicodedata.category(character) in _UNSEEN or character in _BLANK


def _escaped(character: str) -> str:
    return json.dumps(character)[1:-1] if _is_unseen(character) else character
