"""Running a keyholder: token, log, socket, until it is told to stop or cannot go on."""

import logging
import signal
import threading
import time
from datetime import UTC, datetime, timedelta

from keyturn.hsm.client import WorkerConfig
from keyturn.hsm.hardening import harden
from keyturn.hsm.modules import check_module, find_softhsm
from keyturn.hsm.pool import HsmPool
from keyturn.keyholder.config import KeyholderConfig, told
from keyturn.keyholder.errors import KeyholderStopped
from keyturn.keyholder.genesis import open_log
from keyturn.keyholder.hsmtold import HsmTeller
from keyturn.keyholder.server import KeyholderServer
from keyturn.keyholder.service import Keyholder
from keyturn.quorum.policy_body import Caveat

logger = logging.getLogger(__name__)

MAX_GAP = timedelta(hours=24)
"""A start longer after the log's last entry needs someone who says that the clock is right."""


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


def run_keyholder(config: KeyholderConfig, pin_fd: int, *, accept_clock: bool = False) -> None:
    """Serve until SIGTERM or SIGINT. The PIN's descriptor is passed on, never read here.

    `accept_clock`: somebody looked at the clock, so that the log may go on after a long rest.

    Raises KeyholderStopped when it ended because it could not go on, and what opening raises.
    """
    harden()
    ended: list[str] = []
    with HsmPool(worker_config(config), pin_fd, config.workers) as hsm:
        log = open_log(config.log, config.origin, hsm, reserve=config.reserve)
        if log.recovery.torn_path is not None:
            logger.warning(
                "the log's torn tail (%d bytes) was saved as %s",
                log.recovery.torn_bytes,
                log.recovery.torn_path,
            )
        try:
            keyholder = Keyholder(
                log,
                hsm,
                config.fingerprint,
                clock,
                caveats=caveats_of(hsm),
                boottime=boottime,
                max_gap=None if accept_clock else MAX_GAP,
                settings=told(config),
                teller=HsmTeller(hsm, config.workers, config.log.parent, clock),
            )
        except BaseException:
            log.close()
            raise
        try:
            _serve(config, keyholder, ended)
        finally:
            keyholder.close()
    if ended:
        raise KeyholderStopped(ended[0], hint="start it again: it replays its log")


def _serve(config: KeyholderConfig, keyholder: Keyholder, ended: list[str]) -> None:
    """Until a signal, or a fault in a connection's thread."""
    stop = threading.Event()

    def fatal(why: str) -> None:
        ended.append(why)
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    server = KeyholderServer(config.socket, keyholder.answer, fatal)
    thread = threading.Thread(target=server.serve, name="listener", daemon=True)
    thread.start()
    logger.info("the keyholder serves")
    while not stop.wait(1.0):
        if not thread.is_alive():
            ended.append("the listener ended")
            break
    server.stop()
