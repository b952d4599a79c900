"""Names inside a sealed model: what a path may be, and what its sealed file is called.

A path was chosen by whoever sealed, and will be joined to a directory by whoever opens:
so it is relative, POSIX, NFC, without `.`, `..`, control characters or backslashes, and
bounded. Nothing here touches a file system.
"""

import unicodedata
from collections.abc import Iterable
from pathlib import PurePosixPath
from typing import NewType

from keyturn.seal.errors import MalformedSealedModel

ModelPath = NewType("ModelPath", str)
"""A valid path of one file of a model, e.g. `onnx/model.onnx`."""

MANIFEST_NAME = "keyturn.json"
KEY_NAME = "keyturn.key"
CONTENTS_PATH = ModelPath("keyturn.contents.json")
SUFFIX = ".sealed"

MAX_PATH = 1024
"""Bytes of a whole path in UTF-8."""
MAX_PART = 255 - len(SUFFIX)
"""Bytes of one part in UTF-8: with the suffix it must fit NAME_MAX (255 on Linux)."""
MAX_PARTS = 32

_RESERVED = frozenset({MANIFEST_NAME, KEY_NAME})


def parse_path(text: str) -> ModelPath:
    """Check one path. Raises MalformedSealedModel naming the rule that it breaks."""
    problem = _problem(text)
    if problem:
        raise MalformedSealedModel(
            "path in a sealed model is refused: " + problem, found=_show(text)
        )
    return ModelPath(text)


def sealed_name(path: ModelPath) -> str:
    """The sealed file's own path, relative to the sealed model's directory."""
    return path + SUFFIX


def check_paths(paths: Iterable[ModelPath]) -> None:
    """Refuse a set of paths that cannot all be files of one tree, sealed or opened.

    Raises MalformedSealedModel on a repeat, and where one is a directory of another
    (`a` and `a/b`; or `a` and `a.sealed/b`, whose sealed names collide).
    """
    plain = tuple(paths)
    _check_tree(plain)
    _check_tree(tuple(sealed_name(each) for each in plain))


def _check_tree(names: tuple[str, ...]) -> None:
    known = set(names)
    if len(known) != len(names):
        twice = next(each for each in names if names.count(each) > 1)
        raise MalformedSealedModel("two files of a model share a name", found=_show(twice))
    for name in names:
        for parent in PurePosixPath(name).parents:
            if str(parent) in known:
                raise MalformedSealedModel(
                    "a path is both a file and a directory", found=_show(str(parent))
                )


def _problem(text: str) -> str:
    try:
        size = len(text.encode("utf-8"))
    except UnicodeEncodeError:
        return "it is not valid Unicode"
    if not 0 < size <= MAX_PATH:
        return f"it must have 1 to {MAX_PATH} bytes"
    if any(ord(each) < 0x20 or ord(each) == 0x7F for each in text):
        return "it holds a control character"
    if "\\" in text:
        return "it holds a backslash"
    if not unicodedata.is_normalized("NFC", text):
        return "it is not in Unicode form NFC"
    if text in _RESERVED:
        return "the name is reserved"
    return _part_problem(text.split("/"))


def _part_problem(parts: list[str]) -> str:
    if len(parts) > MAX_PARTS:
        return f"it is more than {MAX_PARTS} levels deep"
    for part in parts:
        if part in ("", ".", ".."):
            return "it must be relative, without empty parts, '.' or '..'"
        if len(part.encode("utf-8")) > MAX_PART:
            return f"a part is longer than {MAX_PART} bytes"
    return ""


def _show(text: str) -> str:
    return ascii(text[:80])
