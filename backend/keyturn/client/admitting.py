"""What admitting a sealed model signs: read from the model's own files, never from the server."""

from dataclasses import dataclass
from pathlib import Path

from keyturn.base.encoding import Digest, digest_of
from keyturn.base.strictjson import JsonObject
from keyturn.client.errors import FileUnusable
from keyturn.client.offline import read_file
from keyturn.seal.identity import ModelIdentity
from keyturn.seal.manifest import MAX_MANIFEST, parse_manifest
from keyturn.seal.paths import KEY_NAME, MANIFEST_NAME
from keyturn.seal.sealedkey import MAX_KEY_FILE, parse_sealed_key


@dataclass(frozen=True, slots=True)
class SealedFiles:
    """A sealed model's manifest and key file, byte by byte, and what they say."""

    manifest: bytes
    key: bytes
    digest: Digest
    identity: ModelIdentity
    tag: bytes
    ingest_key: str

    def admission_body(self, policy: str) -> JsonObject:
        """The body that admits it under `policy`; its subject is the digest."""
        return {
            "model": self.digest,
            "name": self.identity.name,
            "version": self.identity.version,
            "tag": self.tag.hex(),
            "policy": policy,
        }


def sealed_files(manifest: bytes, key: bytes) -> SealedFiles:
    """Raises MalformedError."""
    sealed = parse_sealed_key(key)
    identity = parse_manifest(manifest).identity
    ingest = sealed.wrapped.ingest_key_id
    return SealedFiles(manifest, key, digest_of(manifest), identity, sealed.tag, ingest)


def read_sealed_files(directory: Path) -> SealedFiles:
    """Raises FileUnusable, MalformedError: a name in the inventory is not enough."""
    if not directory.is_dir():
        raise FileUnusable(
            "an admission is signed over a sealed model's own files",
            found=str(directory),
            expected="the directory that `keyturn seal` wrote",
            hint="Get keyturn.json and keyturn.key from whoever sealed it, into one directory.",
        )
    return sealed_files(
        read_file(directory / MANIFEST_NAME, MAX_MANIFEST),
        read_file(directory / KEY_NAME, MAX_KEY_FILE),
    )
