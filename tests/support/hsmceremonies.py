"""Tokens in ceremonies: PINs and secrets at hand, tasks of the ceremony child, orders."""

import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import TypeVar

from keyturn.hsm.backup import BackupKey, KekBackup
from keyturn.hsm.ceremonytasks import (
    MakeToken,
    Secret,
    Task,
    TokenMade,
    TokenPlace,
    run_task,
)
from keyturn.hsm.client import HsmWorker, WorkerConfig
from keyturn.hsm.genesis import write_configuration
from keyturn.hsm.kekwork import CeremonyOrder, KekProfile, RewrapItem, WrappedKek
from keyturn.hsm.pins import pin_file
from keyturn.hsm.pool import HsmPool
from support.hsmtoken import Model, softhsm_module
from support.softwarelog import without_ed25519

R = TypeVar("R")
LABEL = "keyturn-test"
NOON = datetime(2026, 11, 29, 12, tzinfo=UTC)
_records = count()


def order(ceremony: str = "kek-rotation-1", part: int = 0) -> CeremonyOrder:
    """A step that no test has had yet."""
    number = next(_records)
    return CeremonyOrder(ceremony, number, number.to_bytes(32, "big"), part)


def item(model: Model, wrapped: bytes) -> RewrapItem:
    return RewrapItem(model.digest, model.tag, wrapped)


def fresh_secret() -> bytes:
    """A PIN, or a backup secret when doubled."""
    return secrets.token_bytes(16).hex().encode()


@contextmanager
def descriptors(values: Mapping[Secret, bytes]) -> Iterator[dict[Secret, int]]:
    with ExitStack() as stack:
        opened = {}
        for name, value in values.items():
            opened[name] = pin_file(bytearray(value), name.value)
            stack.callback(os.close, opened[name])
        yield opened


@dataclass
class Desk:
    """A SoftHSM 2 slot with a token in it sooner or later, and who holds what."""

    place: TokenPlace
    held: dict[Secret, bytes] = field(default_factory=dict)

    @classmethod
    def at(cls, directory: Path, secret: bytes | None = None, *, ed25519: bool = True) -> "Desk":
        configuration = write_configuration(directory)
        if not ed25519:
            without_ed25519(configuration)
        place = TokenPlace(softhsm_module(), LABEL, configuration)
        held = {Secret.SO_PIN: fresh_secret(), Secret.PIN: fresh_secret()}
        held[Secret.BACKUP_SECRET] = secret or fresh_secret() * 2
        return cls(place, held)

    def do(self, task: Task[R], *more: Secret, **other: bytes) -> R:
        """With what it needs and `more`, of what is held, or of `other` (names with _)."""
        names = task.needs | set(more)
        values = {each: self.held[each] for each in names if each in self.held}
        values |= {Secret(name.replace("_", "-")): value for name, value in other.items()}
        with descriptors(values) as opened:
            return run_task(task, self.place, opened)

    def make(
        self, profile: KekProfile = KekProfile.RECOVERABLE, *, backed_up: bool = True
    ) -> TokenMade:
        return self.do(MakeToken(profile), *([Secret.BACKUP_SECRET] if backed_up else []))

    @property
    def config(self) -> WorkerConfig:
        return WorkerConfig(self.place.module, LABEL, self.place.softhsm_configuration)

    @contextmanager
    def pool(self, size: int) -> Iterator[HsmPool]:
        descriptor = pin_file(bytearray(self.held[Secret.PIN]))
        try:
            with HsmPool(self.config, descriptor, size) as pool:
                yield pool
        finally:
            os.close(descriptor)

    @contextmanager
    def worker(self) -> Iterator[HsmWorker]:
        config = self.config
        descriptor = pin_file(bytearray(self.held[Secret.PIN]))
        try:
            with HsmWorker(config, descriptor) as worker:
                yield worker
        finally:
            os.close(descriptor)


def backup_of(made: TokenMade) -> KekBackup:
    """The first backup of a genesis."""
    assert made.wrapped is not None
    assert made.backup_key is not None
    return packed(made.wrapped, made.backup_key)


def packed(wrapped: WrappedKek, key: BackupKey) -> KekBackup:
    return KekBackup(wrapped, key, NOON, "genesis-1", f"{LABEL} of a test")
