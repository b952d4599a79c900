"""Tokens, models and nodes for HSM tests: real SoftHSM 2 tokens, keys made by `cryptography`."""

import hmac
import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from keyturn.hsm.client import HsmWorker, WorkerConfig
from keyturn.hsm.errors import HsmUnreachable
from keyturn.hsm.genesis import CONFIGURATION, make_softhsm_token
from keyturn.hsm.modules import find_softhsm
from keyturn.hsm.pins import new_pin, pin_file
from keyturn.hsm.protocol import Admission, Hsm, OaepHash, Purpose, ReleaseOrder, Wrapped
from keyturn.hsm.selftest import oaep_padding

ROOT = Path(__file__).resolve().parents[2]
LABEL = "keyturn-test"


def softhsm_module() -> Path:
    """SoftHSM's module, also from packages unpacked into the checkout; skips without."""
    try:
        return find_softhsm(ROOT / ".cache" / "debian" / "root")
    except HsmUnreachable as error:
        pytest.skip(f"{error}")


@dataclass(frozen=True, slots=True)
class TestToken:
    """A finished token of one test run, its PINs, and how to start a worker on it."""

    __test__ = False

    config: WorkerConfig
    directory: Path
    so_pin: bytes
    pin: bytes

    @contextmanager
    def pin_fd(self, pin: bytes | None = None) -> Iterator[int]:
        descriptor = pin_file(bytearray(pin or self.pin))
        try:
            yield descriptor
        finally:
            os.close(descriptor)

    def copied_to(self, directory: Path) -> "TestToken":
        """The same SoftHSM token in another place, much faster than making one."""
        shutil.copytree(self.directory, directory)
        configuration = directory / CONFIGURATION
        text = configuration.read_text()
        configuration.write_text(text.replace(str(self.directory), str(directory)))
        config = replace(self.config, softhsm_configuration=configuration)
        return replace(self, config=config, directory=directory)

    @contextmanager
    def worker(self, **changed: float) -> Iterator[HsmWorker]:
        config = replace(self.config, **changed)  # type: ignore[arg-type]
        with self.pin_fd() as descriptor, HsmWorker(config, descriptor) as worker:
            yield worker


def make_softhsm(directory: Path) -> TestToken:
    """A new SoftHSM 2 token with all keys, below `directory`."""
    module = softhsm_module()
    so_pin, pin = bytes(new_pin(secrets.token_bytes(16))), bytes(new_pin(secrets.token_bytes(16)))
    so_fd, pin_fd = pin_file(bytearray(so_pin)), pin_file(bytearray(pin))
    try:
        made = make_softhsm_token(directory, module, LABEL, so_fd, pin_fd)
    finally:
        os.close(so_fd)
        os.close(pin_fd)
    return TestToken(WorkerConfig(module, LABEL, made.configuration), directory, so_pin, pin)


MakeToken = Callable[[Path], TestToken]


@dataclass(frozen=True, slots=True)
class Model:
    """A model version as a sealer and an admission statement know it."""

    dek: bytes
    digest: bytes
    tag: bytes


def make_model(dek: bytes | None = None) -> Model:
    """The tag is computed here from the design's words (§5.2), not by the code under test."""
    dek = dek or secrets.token_bytes(32)
    digest = secrets.token_bytes(32)
    return Model(dek, digest, hmac.digest(dek, b"keyturn-model-v1" + digest, "sha256"))


def sealed_to(hsm: Hsm, dek: bytes) -> tuple[bytes, OaepHash]:
    """What a sealer does: wrap to the ingest key that the `keys` statement names."""
    ingest = hsm.public_keys()[Purpose.INGEST]
    key = serialization.load_der_public_key(ingest.spki)
    assert isinstance(key, rsa.RSAPublicKey)
    assert ingest.oaep_hash is not None
    return key.encrypt(dek, oaep_padding(ingest.oaep_hash)), ingest.oaep_hash


def admit(hsm: Hsm, model: Model) -> bytes:
    wrapped, hash_ = sealed_to(hsm, model.dek)
    return hsm.rewrap_admission(Admission(wrapped, hash_, model.digest, model.tag)).value


class Node:
    """A node's RSA key pair, as its evidence would bind it."""

    def __init__(self, bits: int = 3072) -> None:
        self._private = rsa.generate_private_key(65537, bits)
        self.spki = spki(self._private.public_key())

    def open(self, wrapped: Wrapped) -> bytes:
        return self._private.decrypt(wrapped.ciphertext, oaep_padding(wrapped.oaep_hash))


def spki(key: object) -> bytes:
    return key.public_bytes(  # type: ignore[attr-defined,no-any-return]
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )


class Orders:
    """Release orders with log indexes that never repeat."""

    def __init__(self, start: int = 0) -> None:
        self._next = start

    def __call__(self, model: Model, node_spki: bytes) -> ReleaseOrder:
        self._next += 1
        entry = secrets.token_bytes(32)
        return ReleaseOrder(model.digest, model.tag, node_spki, self._next, entry)
