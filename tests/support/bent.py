"""Documents bent in one place: each way in which a JSON document of ours must not be written.

`bent` yields (how, bytes); none of them may be read. What is inside a signed payload is bent before
it is signed, by whoever calls.
"""

import json
from collections.abc import Iterator
from typing import Any

Path = tuple[Any, ...]
DEEP = 40
"""Levels: more than a document may have."""


def objects_in(value: Any, path: Path = ()) -> list[Path]:
    """Where objects stand in a document, itself included."""
    if not isinstance(value, dict | list):
        return []
    found = [path] if isinstance(value, dict) else []
    inner = value.items() if isinstance(value, dict) else enumerate(value)
    for key, each in inner:
        found += objects_in(each, (*path, key))
    return found


def texts_in(value: Any, path: Path = ()) -> list[Path]:
    """Where texts stand."""
    if isinstance(value, str):
        return [path]
    if not isinstance(value, dict | list):
        return []
    inner = value.items() if isinstance(value, dict) else enumerate(value)
    return [found for key, each in inner for found in texts_in(each, (*path, key))]


def at(document: Any, path: Path) -> Any:
    for step in path:
        document = document[step]
    return document


def changed(document: Any, path: Path, value: Any) -> Any:
    """A copy with another value at a path that is not the root."""
    copy = json.loads(json.dumps(document))
    at(copy, path[:-1])[path[-1]] = value
    return copy


def bent(
    document: dict[str, Any], *, open_maps: tuple[str, ...] = ()
) -> Iterator[tuple[str, bytes]]:
    """`open_maps`: fields whose objects have keys of their own, where one more may be right."""
    plain = json.dumps(document).encode()
    yield "trailing", plain + b"{}"
    yield "a byte order mark", b"\xef\xbb\xbf" + plain
    yield "not UTF-8", b'{"\xff": 1, ' + plain[1:]
    yield "a list around it", b"[" + plain + b"]"
    yield "cut", plain[:-1]
    yield "empty", b""
    for path in objects_in(document):
        where = "/".join(map(str, path)) or "the document"
        inner = at(document, path)
        for key in inner:
            yield f"{where}: {key} twice", _twice(document, path, key)
        if path and path[-1] in open_maps:
            continue
        yield f"{where}: one more field", _with(document, path, "more", 1)
        for key in inner:
            yield f"{where}: without {key}", _without(document, path, key)
            yield f"{where}: {key} is a float", _with(document, path, key, 1.0)
            yield f"{where}: {key} is huge", _with(document, path, key, 2**53)
            yield f"{where}: {key} is deep", _with(document, path, key, _deep())
            yield f"{where}: {key} is not finite", _with(document, path, key, float("nan"))


def base64_bent(text: str) -> list[str]:
    """Other spellings of the same bytes, and none: RFC 4648 §3.5 and §4."""
    found = [text + "\n", " " + text, text.rstrip("=") + "====", text.replace("=", "", 1) + "!"]
    if text.endswith("="):
        found.append(text.rstrip("="))
        last = text.rstrip("=")[-1]
        alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
        other = alphabet[alphabet.index(last) | 1]
        if other != last:  # bits beyond the last byte that are not zero
            found.append(text.rstrip("=")[:-1] + other + "=" * text.count("="))
    if "+" in text or "/" in text:
        found.append(text.replace("+", "-").replace("/", "_"))
    return found


def _deep() -> Any:
    value: Any = 1
    for _ in range(DEEP):
        value = [value]
    return value


def _with(document: Any, path: Path, key: str, value: Any) -> bytes:
    copy = json.loads(json.dumps(document))
    at(copy, path)[key] = value
    return json.dumps(copy).encode()


def _without(document: Any, path: Path, key: str) -> bytes:
    copy = json.loads(json.dumps(document))
    del at(copy, path)[key]
    return json.dumps(copy).encode()


def _twice(document: Any, path: Path, key: str) -> bytes:
    """JSON text in which one object has a key twice, with one value."""
    marker = "keyturn-bent-marker"
    copy = json.loads(json.dumps(document))
    inner = at(copy, path)
    inner[marker] = inner[key]
    return json.dumps(copy).replace(json.dumps(marker), json.dumps(key)).encode()
