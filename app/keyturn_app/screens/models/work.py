"""The slow local work of this page, for the one door: look, seal, check, read. No Qt in here."""

import os
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from keyturn.base.encoding import Digest
from keyturn.client.admitting import SealedFiles, read_sealed_files
from keyturn.quorum.bundle import MAX_BUNDLE, Authority, load_bundle
from keyturn.seal.identity import ModelIdentity
from keyturn.seal.sealedkey import OaepHash
from keyturn.vault.copies import CopyReport, verify_copies
from keyturn.vault.errors import SealCancelled, storage_errors
from keyturn.vault.files import read_small
from keyturn.vault.hygiene import harden_process
from keyturn.vault.sealer import SealedModel
from keyturn.vault.sealing import IngestKey, seal_to_key, unfinished
from keyturn.vault.source import Survey, survey_source
from keyturn_app.tasks import Cancelled, Job, Progress, Work

TELL_EVERY = 0.05
"""Seconds between two reports: people cannot read faster, and each crosses a thread."""

Tell = Callable[[Progress], None]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a sealed model is to appear. `free` in bytes; `left`: of sealings that were killed."""

    out: Path
    exists: bool
    writable: bool
    free: int
    left: tuple[Path, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that sealing needs; nothing in it is secret."""

    source: Path
    out: Path
    identity: ModelIdentity
    to: IngestKey
    created: datetime


@dataclass(frozen=True, slots=True)
class Sealed:
    """What sealing made. `notes`: caveats of this machine's memory, for people (I4, I11)."""

    model: SealedModel
    seconds: float
    notes: tuple[str, ...]


def throttled(
    tell: Tell, clock: Callable[[], float] = time.monotonic
) -> Callable[[int, int], None]:
    """A vault's progress that tells at most every TELL_EVERY seconds, and always the last."""
    told = [float("-inf")]

    def report(done: int, total: int) -> None:
        now = clock()
        if done >= total or now - told[0] >= TELL_EVERY:
            told[0] = now
            tell(Progress(done, total))

    return report


def look(root: Path) -> Work[Survey]:
    def work(job: Job, _tell: Tell) -> Survey:
        try:
            return survey_source(root, lambda: job.cancelled)
        except SealCancelled as error:
            raise _stopped(job) from error

    return work


def look_at_place(out: Path) -> Work[Place]:
    def work(_job: Job, _tell: Tell) -> Place:
        parent = out.parent
        with storage_errors(f"cannot look at {parent}"):
            return Place(
                out,
                os.path.lexists(out),
                os.access(parent, os.W_OK | os.X_OK),
                shutil.disk_usage(parent).free,
                tuple(unfinished(out)),
            )

    return work


def read_authority(path: Path, fingerprint: Digest, now: datetime) -> Work[Authority]:
    """A bundle out of a file, verified against the pinned fingerprint."""

    def work(_job: Job, _tell: Tell) -> Authority:
        return load_bundle(read_small(path, MAX_BUNDLE), fingerprint, now)

    return work


def ingest_key_of(authority: Authority) -> IngestKey:
    hash_name = authority.ingest_oaep_hash().value
    return IngestKey(authority.ingest_key().spki, OaepHash(hash_name))


def seal(plan: Plan) -> Work[Sealed]:
    """Nothing is left at `plan.out` or beside it when it is stopped or fails."""

    def work(job: Job, tell: Tell) -> Sealed:
        started = time.monotonic()
        hygiene = harden_process()
        job.check()
        try:
            made = seal_to_key(
                plan.source,
                plan.out,
                to=plan.to,
                identity=plan.identity,
                created=plan.created,
                progress=throttled(tell),
                cancel=lambda: job.cancelled,
            )
        except SealCancelled as error:
            raise _stopped(job) from error
        return Sealed(made, time.monotonic() - started, hygiene.notes)

    return work


def check_copy(directory: Path, digest: Digest | None) -> Work[CopyReport]:
    """Raises CopyDamaged, WrongManifest."""

    def work(job: Job, tell: Tell) -> CopyReport:
        try:
            return verify_copies(
                directory,
                model_digest=digest,
                progress=throttled(tell),
                cancel=lambda: job.cancelled,
            )
        except SealCancelled as error:
            raise _stopped(job) from error

    return work


def read_files(directory: Path) -> Work[SealedFiles]:
    def work(_job: Job, _tell: Tell) -> SealedFiles:
        return read_sealed_files(directory)

    return work


def _stopped(job: Job) -> Cancelled:
    return Cancelled(f"stopped: {job.label}")
