"""A small sealed model on the disk, made by the real sealer, for every test of the vault."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from keyturn.base.signatures import KeyId
from keyturn.seal.identity import ModelId, ModelIdentity
from keyturn.seal.sealedkey import OaepHash, WrappedDek
from keyturn.vault.sealer import SealedModel, seal_directory

MIB = 1 << 20
IDENTITY = ModelIdentity(ModelId("tiny"), "Tiny", "1")
CREATED = datetime(2026, 11, 23, 8, tzinfo=UTC)


def pattern(size: int, seed: str = "") -> bytes:
    """`size` bytes that differ everywhere: SHAKE-128 of a seed."""
    return hashlib.shake_128(seed.encode()).digest(size)


class Counted:
    """Randomness for tests: different each time, the same in each run."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, size: int) -> bytes:
        self.calls += 1
        return pattern(size, f"random {self.calls}")


@dataclass(frozen=True)
class Sample:
    """A source directory, what was sealed of it, and the key that opens it."""

    source: Path
    sealed: SealedModel
    dek: bytearray
    files: dict[str, bytes]

    @property
    def out(self) -> Path:
        return self.sealed.directory


def fake_wrap(dek: bytearray | memoryview) -> WrappedDek:
    """Stands where the ingest key would: only `test_wrapping` needs a real one."""
    return WrappedDek(KeyId("0a" * 32), OaepHash.SHA256, bytes(384))


@pytest.fixture
def seal_kwargs() -> dict[str, object]:
    """Arguments of `seal_directory` that most tests do not care about."""
    return {
        "dek": bytearray(pattern(32, "dek")),
        "identity": IDENTITY,
        "created": CREATED,
        "randomness": Counted(),
        "wrap": fake_wrap,
    }


MakeSample = Callable[..., Sample]


@pytest.fixture
def make_sample(tmp_path: Path, seal_kwargs: dict[str, object]) -> MakeSample:
    """Build a sample out of files by path; `name` keeps several apart."""

    def make(files: dict[str, bytes], name: str = "model", **changes: object) -> Sample:
        source = tmp_path / f"{name}-source"
        for path, data in files.items():
            place = source / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(data)
        arguments = seal_kwargs | changes
        sealed = seal_directory(source, tmp_path / name, **arguments)
        return Sample(source, sealed, arguments["dek"], files)

    return make


@pytest.fixture
def sample(make_sample: MakeSample) -> Sample:
    """Three files: one of three segments, a small one below a directory, an empty one."""
    return make_sample(
        {
            "weights.bin": pattern(2 * MIB + 1000, "weights"),
            "config/config.json": b'{"hidden": 384}',
            "empty": b"",
        }
    )
