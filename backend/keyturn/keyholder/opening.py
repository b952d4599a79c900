"""A keyholder with its HSM: workers started, log opened for writing, the start logged."""

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from keyturn.ceremony.records import Record
from keyturn.ceremony.script import ScriptKind
from keyturn.hsm.client import WorkerConfig
from keyturn.hsm.modules import check_module, find_softhsm
from keyturn.hsm.pool import HsmPool
from keyturn.keyholder.ceremonies.engine import CeremonyHost
from keyturn.keyholder.ceremonies.site import KeyholderSite
from keyturn.keyholder.config import KeyholderConfig, told
from keyturn.keyholder.genesis import open_log
from keyturn.keyholder.hsmtold import HsmTeller
from keyturn.keyholder.identity import FILE as IDENTITY
from keyturn.keyholder.identity import (
    BrokenIdentityKey,
    WrongIdentityKey,
    check_identity,
    load_identity,
)
from keyturn.keyholder.replaying import Replay
from keyturn.keyholder.service import Keyholder
from keyturn.quorum.entries import CeremonyEntry
from keyturn.quorum.policy_body import Caveat
from keyturn.tlog.checkpoints import SignedCheckpoint
from keyturn.wire.ceremonies import CeremonyRequest
from keyturn.wire.keyholder import AnyRequest

logger = logging.getLogger(__name__)

MAX_GAP = timedelta(hours=24)
"""A start longer after the log's last entry needs someone who says that the clock is right."""


@dataclass(slots=True)
class Opened:
    """A keyholder that answers everything, and its HSM. Close it."""

    keyholder: Keyholder
    hsm: HsmPool
    ceremonies: CeremonyHost

    def enter(self, kind: ScriptKind, records: Sequence[Record]) -> int:
        """Log a whole ceremony; the index of its last entry. Raises LogFull, ClockRefused."""
        journal, index = self.keyholder.journal, 0
        with journal.ordered():
            for each in records:
                entry = CeremonyEntry(
                    each.ceremony,
                    kind.value,
                    each.seq,
                    each.event.value,
                    journal.put_object(each.raw),
                    None,
                )
                index = journal.commit_ceremony(entry, reserved=True).index
            self.keyholder.submissions.remember(index)
        return index

    def answer(self, request: AnyRequest) -> dict[str, object]:
        """As `Keyholder.answer`, and about ceremonies as `CeremonyHost.answer`."""
        if isinstance(request, CeremonyRequest):
            return self.ceremonies.answer(request)
        return self.keyholder.answer(request)

    def close(self) -> None:
        """Forget every share, write what waits, let go of the disk, end the HSM's workers."""
        try:
            self.ceremonies.close()
        finally:
            try:
                self.keyholder.close()
            finally:
                self.hsm.close()


def open_keyholder(
    config: KeyholderConfig,
    beside: Path,
    pin_fd: int,
    *,
    accept_clock: bool = False,
    replayed: tuple[Replay, SignedCheckpoint] | None = None,
) -> Opened:
    """`beside`: the directory of its settings. `pin_fd` is read by the workers, never here; it
    stays the caller's.

    `replayed`: what this process knows of the log already, and under which checkpoint.
    Raises PinRefused, TokenError, HsmUnreachable, LogRolledBack, and as `Keyholder`; then no worker
    is left and the log is let go.
    """
    hsm = HsmPool(worker_config(config), pin_fd, config.workers)
    try:
        teller = HsmTeller(hsm, config.workers, beside, clock)
        keyholder = _keyholder(config, hsm, teller, replayed, accept_clock=accept_clock)
        try:
            return Opened(keyholder, hsm, _ceremonies(keyholder, hsm, config, beside))
        except BaseException:
            keyholder.close()
            raise
    except BaseException:
        hsm.close()
        raise


def _ceremonies(
    keyholder: Keyholder, hsm: HsmPool, config: KeyholderConfig, beside: Path
) -> CeremonyHost:
    """With another key than `keys` names, custodians' programs refuse what is not signed by it:
    the keyholder goes on, so that a new `keys` statement can name its new one."""
    keys = keyholder.journal.state.newest_keys
    try:
        identity = check_identity(load_identity(beside / IDENTITY), keys)
    except (WrongIdentityKey, BrokenIdentityKey) as error:
        logger.error("host keys are not signed: %s", error)
        identity = None
    site = KeyholderSite(beside, clock, config)
    site.serve(keyholder.journal, hsm, keyholder.submissions.remember)
    return CeremonyHost(site, sign=None if identity is None else identity.sign)


def _keyholder(
    config: KeyholderConfig,
    hsm: HsmPool,
    teller: HsmTeller,
    replayed: tuple[Replay, SignedCheckpoint] | None,
    *,
    accept_clock: bool,
) -> Keyholder:
    log = open_log(config.log, config.origin, hsm, reserve=config.reserve)
    if log.recovery.torn_path is not None:
        logger.warning(
            "the log's torn tail (%d bytes) was saved as %s",
            log.recovery.torn_bytes,
            log.recovery.torn_path,
        )
    try:
        if replayed is not None:
            log.check_extends(replayed[1].checkpoint)
        return Keyholder(
            log,
            hsm,
            config.fingerprint,
            clock,
            caveats=caveats_of(hsm),
            boottime=boottime,
            max_gap=None if accept_clock else MAX_GAP,
            settings=told(config),
            teller=teller,
            replayed=None if replayed is None else replayed[0],
        )
    except BaseException:
        log.close()
        raise


def worker_config(config: KeyholderConfig) -> WorkerConfig:
    """Where the token is, for the HSM workers. Raises HsmUnreachable."""
    module = check_module(config.module) if config.module else find_softhsm()
    return WorkerConfig(module, config.token_label, config.softhsm_configuration)


def caveats_of(hsm: HsmPool) -> frozenset[Caveat]:
    """What the HSM workers' processes could not get from the kernel (I11)."""
    return frozenset() if hsm.hello.memory_locked else frozenset({Caveat.UNLOCKED_MEMORY})


def clock() -> datetime:
    return datetime.now(UTC)


def boottime() -> float:
    """Seconds since boot, suspended ones too; nobody can set them."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)
