import hashlib
import json

import pytest

from keyturn.base.encoding import Digest, digest_of
from keyturn.base.errors import MalformedError
from keyturn.seal.contents import ContentEntry, Contents, check_contents, parse_contents
from keyturn.seal.errors import SealBroken
from keyturn.seal.paths import CONTENTS_PATH, ModelPath


def contents(*paths):
    return Contents(tuple(ContentEntry(ModelPath(p), 3, digest_of(p.encode())) for p in paths))


def test_parse_after_write_is_identity():
    original = contents("a", "b/c")
    assert parse_contents(original.to_bytes()) == original
    assert json.loads(original.to_bytes())["type"] == "sealed-contents"


def test_content_id_is_the_hash_of_the_protocol():
    expected = hashlib.sha256(
        b"\0\0\0\1a" + (3).to_bytes(8, "big") + hashlib.sha256(b"a").digest()
        + b"\0\0\0\3b/c" + (3).to_bytes(8, "big") + hashlib.sha256(b"b/c").digest()
    ).hexdigest()  # fmt: skip
    assert contents("a", "b/c").content_id == "sha256:" + expected


@pytest.mark.parametrize(
    ("paths", "problem"),
    [(("b", "a"), "order"), (("a", "a"), "share a name"), ((CONTENTS_PATH,), "lists itself")],
)
def test_wrong_lists_are_refused(paths, problem):
    with pytest.raises(MalformedError, match=problem):
        contents(*paths)


@pytest.mark.parametrize("bad", [b"", b"{}", contents("a").to_bytes() + b"\0"])
def test_wrong_bytes_are_refused(bad):
    with pytest.raises(MalformedError):
        parse_contents(bad)


class Listed:
    """As much of a manifest as `check_contents` looks at."""

    def __init__(self, *files):
        self.model_files = [ContentEntry(ModelPath(p), s, Digest("")) for p, s in files]


def test_it_must_list_the_files_of_the_manifest():
    check_contents(contents("a", "b"), Listed(("a", 3), ("b", 3)))
    for other in (Listed(("a", 3)), Listed(("a", 3), ("c", 3)), Listed(("a", 3), ("b", 4))):
        with pytest.raises(SealBroken, match="does not list the files"):
            check_contents(contents("a", "b"), other)
