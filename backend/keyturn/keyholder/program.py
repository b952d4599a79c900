"""Running a keyholder: token, log, sockets, until it is told to stop or cannot go on."""

import logging
import signal
import threading
from pathlib import Path

from keyturn.hsm.hardening import harden
from keyturn.keyholder.config import KeyholderConfig
from keyturn.keyholder.errors import KeyholderStopped
from keyturn.keyholder.opening import clock
from keyturn.keyholder.sealable import Sealable
from keyturn.keyholder.sealedstate import Place
from keyturn.keyholder.selfevidence import evidence_device
from keyturn.keyholder.server import KeyholderServer

logger = logging.getLogger(__name__)


def run_keyholder(
    config: KeyholderConfig, beside: Path, pin_fd: int | None, *, accept_clock: bool = False
) -> None:
    """Serve until SIGTERM or SIGINT. `beside`: the directory of its settings.

    The PIN's descriptor is passed on, never read here; without one the keyholder is sealed until
    custodians enter their shares. `accept_clock`: somebody looked at the clock, so that the log may
    go on after a long rest.

    Raises KeyholderStopped when it ended because it could not go on, and what opening raises.
    """
    harden()
    place = Place(config, beside, evidence_device(config))
    keyholder = Sealable(place, clock, accept_clock=accept_clock)
    ended: list[str] = []
    try:
        if pin_fd is None:
            keyholder.begin_sealed()
        else:
            keyholder.begin_open(pin_fd)
        _serve(config, keyholder, ended)
    finally:
        keyholder.close()
    if ended:
        raise KeyholderStopped(ended[0], hint="start it again: it replays its log")


def _serve(config: KeyholderConfig, keyholder: Sealable, ended: list[str]) -> None:
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
        keyholder.tick()
        if not thread.is_alive():
            ended.append("the listener ended")
            break
    server.stop()
