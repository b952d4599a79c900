"""`keyturn.contents.json`: the plaintext's hashes, themselves sealed (our protocol §3).

Published hashes would confirm guesses about a model. The content id, a hash over all of
them, lets whoever may open a model recognise its copies and descendants.
"""

import hashlib
from dataclasses import dataclass
from typing import NewType

from keyturn.base.encoding import Digest, digest_bytes, lp
from keyturn.base.strictjson import Fields, dump, parse_object
from keyturn.seal.errors import MalformedSealedModel, SealBroken
from keyturn.seal.manifest import MAX_FILES, Manifest
from keyturn.seal.paths import CONTENTS_PATH, ModelPath, check_paths, parse_path
from keyturn.seal.stream import MAX_SIZE

ContentId = NewType("ContentId", Digest)

MAX_CONTENTS = 16 << 20
TYPE = "sealed-contents"


@dataclass(frozen=True, slots=True)
class ContentEntry:
    """One plaintext file: size in bytes, SHA-256 of its bytes."""

    path: ModelPath
    size: int
    sha256: Digest


@dataclass(frozen=True, slots=True)
class Contents:
    """All plaintext files of a model, in the order of their paths."""

    files: tuple[ContentEntry, ...]

    def __post_init__(self) -> None:
        paths = [each.path for each in self.files]
        if paths != sorted(paths, key=str.encode):
            raise MalformedSealedModel("contents: files are not in the order of their paths")
        if CONTENTS_PATH in paths:
            raise MalformedSealedModel("contents: the list lists itself")
        check_paths(paths)

    @property
    def content_id(self) -> ContentId:
        """SHA-256 over each file, sorted by path: lp(path) ‖ u64 size ‖ 32 bytes SHA-256."""
        total = hashlib.sha256()
        for each in self.files:
            total.update(lp(each.path.encode()))
            total.update(each.size.to_bytes(8, "big") + digest_bytes(each.sha256))
        return ContentId(Digest("sha256:" + total.hexdigest()))

    def to_bytes(self) -> bytes:
        return dump(
            {
                "type": TYPE,
                "format": 1,
                "files": [
                    {"path": each.path, "size": each.size, "sha256": each.sha256}
                    for each in self.files
                ],
            }
        )


def parse_contents(raw: bytes) -> Contents:
    """Read the list strictly. Raises MalformedError."""
    fields = parse_object(raw, limit=MAX_CONTENTS, what="contents")
    fields.literal("type", TYPE)
    fields.literal("format", 1)
    files = tuple(_parse_entry(each) for each in fields.objects("files", limit=MAX_FILES))
    fields.done()
    return Contents(files)


def check_contents(contents: Contents, manifest: Manifest) -> None:
    """Raises SealBroken unless the contents list names the manifest's files, no more, no less."""
    listed = [(each.path, each.size) for each in contents.files]
    expected = [(each.path, each.size) for each in manifest.model_files]
    if listed != expected:
        raise SealBroken(
            CONTENTS_PATH,
            None,
            "it does not list the files of the manifest",
            found=f"{len(listed)} files",
            expected=f"{len(expected)} files with the manifest's paths and sizes",
        )


def _parse_entry(fields: Fields) -> ContentEntry:
    entry = ContentEntry(
        parse_path(fields.text("path")),
        fields.integer("size", high=MAX_SIZE),
        fields.digest("sha256"),
    )
    fields.done()
    return entry
