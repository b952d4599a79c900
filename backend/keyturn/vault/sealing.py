"""Seal to an ingest key: the data key is made here, used once, and wiped; nobody else sees it (I1).

What the command line and the app do alike, whatever asks and shows.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from keyturn.seal.identity import ModelIdentity
from keyturn.seal.keys import DEK_SIZE, wipe
from keyturn.seal.sealedkey import OaepHash
from keyturn.vault.errors import StorageFailed, storage_errors
from keyturn.vault.parallel import Cancel, Progress
from keyturn.vault.sealer import SealedModel, seal_directory
from keyturn.vault.wrapping import wrap_dek_rsa_oaep

_RANDOM = Path("/dev/urandom")


@dataclass(frozen=True, slots=True)
class IngestKey:
    """Whom to seal to: DER of the public key, and its OAEP hash, both of the `keys` statement."""

    spki: bytes
    oaep_hash: OaepHash


def seal_to_key(
    source: Path,
    out: Path,
    *,
    to: IngestKey,
    identity: ModelIdentity,
    created: datetime,
    threads: int | None = None,
    progress: Progress | None = None,
    cancel: Cancel | None = None,
) -> SealedModel:
    """Seal `source` into the new directory `out` under a fresh data key. Raises as the sealer."""
    dek = bytearray(DEK_SIZE)
    try:
        _fill(dek)
        return seal_directory(
            source,
            out,
            dek=dek,
            identity=identity,
            created=created,
            randomness=secrets.token_bytes,
            wrap=lambda secret: wrap_dek_rsa_oaep(to.spki, to.oaep_hash, secret),
            threads=threads,
            progress=progress,
            cancel=cancel,
        )
    finally:
        wipe(dek)


def unfinished(out: Path) -> list[Path]:
    """What killed sealings to the same place left: nothing in it can be opened."""
    prefix = f".{out.name}.sealing-"
    return sorted(each for each in out.absolute().parent.iterdir() if each.name.startswith(prefix))


def _fill(dek: bytearray) -> None:
    """Random bytes straight from the system into `dek`: `secrets` would leave a copy (I8)."""
    with storage_errors("cannot read /dev/urandom"), _RANDOM.open("rb", buffering=0) as source:
        if source.readinto(dek) != len(dek):
            raise StorageFailed("/dev/urandom gave too few bytes")
