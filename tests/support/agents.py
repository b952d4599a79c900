"""What an agent needs beside itself: a simulated machine, and a model sealed to a keyholder."""

import secrets
from pathlib import Path

from keyturn.base.encoding import digest_bytes
from keyturn.seal.identity import ModelId, ModelIdentity
from keyturn.seal.sealedkey import OaepHash, WrappedDek
from keyturn.vault.sealer import SealedModel, seal_directory
from support.hsmtoken import Model, sealed_to
from support.nodes import SimSource
from support.system import System

__all__ = ["SimSource", "seal_for"]


def seal_for(system: System, source: Path, out: Path, name: str) -> tuple[SealedModel, Model]:
    """Seal a directory to a keyholder's ingest key; also what only a test may know of it."""
    dek = bytearray(secrets.token_bytes(32))

    def wrap(key: bytearray | memoryview) -> WrappedDek:
        ciphertext, oaep = sealed_to(system.hsm, bytes(key))
        ingest = system.bundle.ingest_key()
        return WrappedDek(ingest.key_id, OaepHash(oaep.value), ciphertext)

    sealed = seal_directory(
        source,
        out,
        dek=dek,
        identity=ModelIdentity(ModelId(name), name, "1"),
        created=system.clock(),
        randomness=secrets.token_bytes,
        wrap=wrap,
        threads=1,
    )
    return sealed, Model(bytes(dek), digest_bytes(sealed.model_digest), sealed.key.tag)
