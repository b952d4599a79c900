"""`keyturn.json`, the manifest of a sealed model (our protocol §3).

Lists every sealed file by path, sizes and SHA-256 of its sealed bytes, so that a copy can
be checked without any key. The SHA-256 of the manifest's exact bytes is the model digest:
what officers approve, and what the data key's tag is made over. Nothing in it is a secret,
and it says nothing of the plaintext but sizes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType

from keyturn.base.encoding import Digest, digest_of
from keyturn.base.strictjson import Fields, JsonObject, dump, parse_object
from keyturn.base.times import format_time
from keyturn.seal.errors import MalformedSealedModel, WrongManifest
from keyturn.seal.identity import MAX_NAME, MAX_VERSION, ModelIdentity, parse_model_id
from keyturn.seal.paths import CONTENTS_PATH, ModelPath, check_paths, parse_path
from keyturn.seal.stream import MAX_SIZE, sealed_size

MAX_MANIFEST = 16 << 20
MAX_FILES = 10_000
TYPE = "sealed-model"


@dataclass(frozen=True, slots=True)
class FileEntry:
    """One sealed file. Sizes in bytes; `sealed_sha256` is of the sealed bytes."""

    path: ModelPath
    size: int
    sealed_size: int
    sealed_sha256: Digest

    def __post_init__(self) -> None:
        if self.sealed_size != sealed_size(self.size):
            raise MalformedSealedModel(
                f"manifest: sizes of {self.path!r} do not fit each other",
                found=f"{self.sealed_size} sealed bytes",
                expected=f"{sealed_size(self.size)} for {self.size} bytes",
            )


@dataclass(frozen=True, slots=True)
class Provenance:
    """How the model was sealed: by what, how many files, how many bytes of plaintext.

    Counts the model's own files, not the contents list.
    """

    tool: str
    tool_version: str
    files: int
    size: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """A checked manifest. It is the approved one only if its digest is (`check_manifest`)."""

    identity: ModelIdentity
    created: datetime
    files: tuple[FileEntry, ...]
    provenance: Provenance

    def __post_init__(self) -> None:
        paths = [each.path for each in self.files]
        if paths != sorted(paths, key=str.encode):
            raise MalformedSealedModel("manifest: files are not in the order of their paths")
        if CONTENTS_PATH not in paths:
            raise MalformedSealedModel(f"manifest: {CONTENTS_PATH!r} is not listed")
        check_paths(paths)
        own = self.model_files
        found = (self.provenance.files, self.provenance.size)
        counted = (len(own), sum(each.size for each in own))
        if found != counted:
            raise MalformedSealedModel(
                "manifest: provenance does not fit the files",
                found=f"{found[0]} files, {found[1]} bytes",
                expected=f"{counted[0]} files, {counted[1]} bytes",
            )

    @property
    def model_files(self) -> tuple[FileEntry, ...]:
        """The model's own files: all but the contents list."""
        return tuple(each for each in self.files if each.path != CONTENTS_PATH)

    @property
    def by_path(self) -> Mapping[ModelPath, FileEntry]:
        return MappingProxyType({each.path: each for each in self.files})

    @property
    def sealed_bytes(self) -> int:
        """Bytes of all sealed files together."""
        return sum(each.sealed_size for each in self.files)

    def to_bytes(self) -> bytes:
        """The bytes to store. Their digest is the model digest."""
        return dump(
            {
                "type": TYPE,
                "format": 1,
                "model_id": self.identity.model_id,
                "name": self.identity.name,
                "version": self.identity.version,
                "created": format_time(self.created),
                "files": [_file_json(each) for each in self.files],
                "provenance": {
                    "tool": self.provenance.tool,
                    "tool_version": self.provenance.tool_version,
                    "files": self.provenance.files,
                    "bytes": self.provenance.size,
                },
            }
        )


def parse_manifest(raw: bytes) -> Manifest:
    """Read a manifest strictly. Raises MalformedError. Parsed is not approved."""
    fields = parse_object(raw, limit=MAX_MANIFEST, what="manifest")
    fields.literal("type", TYPE)
    fields.literal("format", 1)
    identity = ModelIdentity(
        parse_model_id(fields.text("model_id", limit=64)),
        fields.text("name", limit=MAX_NAME),
        fields.text("version", limit=MAX_VERSION),
    )
    created = fields.time("created")
    files = tuple(_parse_file(each) for each in fields.objects("files", limit=MAX_FILES))
    provenance = _parse_provenance(fields.fields("provenance"))
    fields.done()
    return Manifest(identity, created, files, provenance)


def check_manifest(raw: bytes, model_digest: Digest) -> Manifest:
    """Read the manifest that was approved under `model_digest`.

    The digest is compared before anything is parsed. Raises WrongManifest, MalformedError.
    """
    found = digest_of(raw)
    if found != model_digest:
        raise WrongManifest(
            "the manifest is not the approved one", found=found, expected=model_digest
        )
    return parse_manifest(raw)


def _file_json(entry: FileEntry) -> JsonObject:
    return {
        "path": entry.path,
        "size": entry.size,
        "sealed_size": entry.sealed_size,
        "sealed_sha256": entry.sealed_sha256,
    }


def _parse_file(fields: Fields) -> FileEntry:
    entry = FileEntry(
        parse_path(fields.text("path")),
        fields.integer("size", high=MAX_SIZE),
        fields.integer("sealed_size"),
        fields.digest("sealed_sha256"),
    )
    fields.done()
    return entry


def _parse_provenance(fields: Fields) -> Provenance:
    provenance = Provenance(
        fields.text("tool", limit=64),
        fields.text("tool_version", limit=64),
        fields.integer("files", high=MAX_FILES),
        fields.integer("bytes"),
    )
    fields.done()
    return provenance
