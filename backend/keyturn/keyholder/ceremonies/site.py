"""What ceremonies act on: a directory, its log, its token, the authority in force.

There are two: of a running keyholder, and of a process on the ceremony's machine, whose token is
locked until custodians have entered enough shares, or is not there at all.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from keyturn.base.encoding import Digest, parse_digest
from keyturn.base.errors import KeyturnError
from keyturn.ceremony.errors import CeremonyReason, CeremonyRefused
from keyturn.ceremony.plan import Plan
from keyturn.ceremony.records import Event, Record
from keyturn.ceremony.script import ScriptKind
from keyturn.hsm.ceremonytasks import TokenPlace
from keyturn.hsm.client import HsmWorker, WorkerConfig
from keyturn.hsm.errors import HsmUnreachable
from keyturn.hsm.genesis import CONFIGURATION
from keyturn.hsm.kekwork import HsmCeremonies
from keyturn.hsm.modules import check_module, find_softhsm
from keyturn.hsm.pins import new_pin
from keyturn.hsm.pool import HsmPool
from keyturn.hsm.protocol import Hsm
from keyturn.keyholder.ceremonies.keptpin import KeptPin
from keyturn.keyholder.config import KeyholderConfig, load_config
from keyturn.keyholder.initialise import Founder
from keyturn.keyholder.journal import Clock, Journal
from keyturn.keyholder.logdisk import LogDisk
from keyturn.keyholder.logreading import read_log
from keyturn.keyholder.rewraps import Rewraps
from keyturn.keyholder.token import check_keys
from keyturn.quorum.bundle import make_bundle
from keyturn.quorum.entries import CeremonyEntry
from keyturn.quorum.state import AuthorityState
from keyturn.seal.keys import wipe
from keyturn.tlog.checkpoints import parse_checkpoint
from keyturn.tlog.notes import parse_note
from keyturn.tlog.tiles import CHECKPOINT_PATH
from keyturn.wire.rewrapping import ItemToRewrap

logger = logging.getLogger(__name__)

BUNDLE = "authority.bundle"
CONFIG = "keyholder.toml"
LOG = "log"
BACKUP = "kek-backup.json"
BACKUP_KEY = "kek-backup-key.json"
TOKEN = "token"  # noqa: S105 - a directory's name
EMPTY_ROOT = bytes.fromhex("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
"""The root of a tree without leaves (RFC 6962 §2.1): SHA-256 of nothing."""

Remember = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class LogHead:
    """What the host says its log is."""

    size: int
    root: bytes


class Site:
    """One directory. `hsm` is None while its token is locked, `journal` while it has no log."""

    def __init__(
        self, directory: Path, clock: Clock, module: Path | None, *, rehearsal: bool = False
    ) -> None:
        """`module`: of its token; None is SoftHSM 2. Raises HsmUnreachable without one."""
        self.directory = directory
        self.module = check_module(module) if module is not None else find_softhsm()
        self.config: KeyholderConfig | None = None
        self.rehearsal = rehearsal
        self.journal: Journal | None = None
        self.hsm: Hsm | None = None
        self.fresh: HsmWorker | None = None
        """The token that a ceremony is making, open."""
        self.rewraps: dict[str, Rewraps] = {}
        """By ceremony, what this process has seen under its new KEK."""
        self.clock = clock
        self._remember: Remember | None = None
        self._latest: datetime | None = None
        self._lock = threading.Lock()

    @property
    def state(self) -> AuthorityState | None:
        """The authority in force; None before there is one."""
        return self.journal.state if self.journal is not None else None

    @property
    def fingerprint(self) -> Digest | None:
        state = self.state
        return state.fingerprint if state is not None else None

    def now(self) -> datetime:
        """Whole seconds, never before one that was told earlier. Raises ClockRefused, and
        CeremonyRefused where there is no log yet to say so."""
        if self.journal is not None:
            return self.journal.now()
        with self._lock:
            now = self.clock().astimezone(UTC).replace(microsecond=0)
            if self._latest is not None and now < self._latest:
                raise CeremonyRefused(
                    CeremonyReason.WRONG_TIME,
                    "the clock went back",
                    found=now.isoformat(),
                    expected=f"at least {self._latest.isoformat()}",
                    hint="set this machine's clock right, then go on",
                )
            self._latest = now
            return now

    def not_before(self, time: datetime) -> None:
        """A record of that time is there: no later one is earlier."""
        with self._lock:
            if self._latest is None or time > self._latest:
                self._latest = time

    def head(self) -> LogHead:
        if self.journal is None:
            return LogHead(0, EMPTY_ROOT)
        at = self.journal.log.checkpoint.checkpoint
        return LogHead(at.size, at.root)

    @property
    def locked(self) -> bool:
        """Whether there is a token that must be opened by shares before it does anything."""
        return self.hsm is None and self.journal is not None

    def worker_config(self, label: str) -> WorkerConfig:
        """Of the token in use; `label` is of one that is being made."""
        config = self.config
        if config is None:
            return WorkerConfig(self.module, label, self.directory / TOKEN / CONFIGURATION)
        return WorkerConfig(self.module, config.token_label, config.softhsm_configuration)

    def token_place(self, label: str) -> TokenPlace:
        """As `worker_config`, for a task of its own."""
        config = self.worker_config(label)
        return TokenPlace(config.module, config.token_label, config.softhsm_configuration)

    def pin_changed(self, secret: bytearray) -> None:
        """The token has another user PIN from now on: whoever opens it again needs to know."""

    @contextmanager
    def user_pin(self) -> Iterator[int]:
        """The user PIN of the token in use, for a task of its own. Raises CeremonyRefused."""
        if not isinstance(self.hsm, HsmPool):
            raise CeremonyRefused(
                CeremonyReason.LOCKED,
                "this is done at the running keyholder, which has its token open",
            )
        with self.hsm.pin() as descriptor:
            yield descriptor

    def require_hsm(self) -> Hsm:
        """Raises CeremonyRefused while the token is locked."""
        if self.hsm is None:
            raise CeremonyRefused(
                CeremonyReason.LOCKED,
                "the token is locked",
                expected="enough custodians' shares of the user PIN",
                hint="custodians enter their shares, then this step goes on",
            )
        return self.hsm

    # ---- the log ----

    def enter(self, kind: ScriptKind, records: tuple[Record, ...]) -> None:
        """Enter those of a ceremony's records that the log does not have yet, where it can be
        written now; what cannot is entered later, at the next call.

        Raises LogFull, ClockRefused, and what the HSM raises.
        """
        journal = self.journal
        if journal is None or self.rehearsal or self.hsm is None or not records:
            return
        with journal.ordered():
            known = journal.state.ceremonies.get(records[0].ceremony, 0)
            for each in records[known:]:
                destroyed = _destroyed(kind, each)
                spare = destroyed is not None  # all else leaves the reserve to revocations
                entry = CeremonyEntry(
                    each.ceremony,
                    kind.value,
                    each.seq,
                    each.event.value,
                    journal.put_object(each.raw, reserved=spare),
                    destroyed,
                )
                committed = journal.commit_ceremony(entry, reserved=spare)
                self.remembered(committed.index)

    def remembered(self, index: int) -> None:
        """Have the token remember the log from this entry on. Inside `ordered`."""
        if self._remember is not None:
            self._remember(index)
        elif self.journal is not None and self.hsm is not None:
            self.hsm.store_mark(self.journal.log.checkpoint.to_bytes())

    def serve(self, journal: Journal, hsm: Hsm, remember: Remember) -> None:
        """In a running keyholder: its log, its token, and how it remembers."""
        self.journal, self.hsm, self._remember = journal, hsm, remember

    def unlock(self, label: str, pin_fd: int) -> None:  # noqa: ARG002 - the desk's needs them
        """Open the token with a PIN. Raises CeremonyRefused where that is not done here."""
        raise CeremonyRefused(
            CeremonyReason.LOCKED,
            "this keyholder's token is not opened by a ceremony's step",
            hint="unseal the keyholder",
        )

    def rest(self) -> None:
        """A ceremony is over: let go of what only it needed."""

    def close(self) -> None:
        """What this site opened itself."""


def _destroyed(kind: ScriptKind, record: Record) -> Digest | None:
    """The model whose key this record destroyed: from its entry on, nobody gets it any more."""
    model = record.facts.get("model")
    if kind is not ScriptKind.MODEL_KEY_DESTRUCTION or record.event is not Event.DONE:
        return None
    return parse_digest(model) if isinstance(model, str) else None


class KeyholderSite(Site):
    """A running keyholder's: its token is open, and stays so."""

    def __init__(self, directory: Path, clock: Clock, config: KeyholderConfig) -> None:
        super().__init__(directory, clock, config.module)
        self.config = config

    def pin_changed(self, secret: bytearray) -> None:
        """For workers that are started later. Where that cannot be, it is told and goes on: the
        token has its new PIN."""
        if not isinstance(self.hsm, HsmPool):
            return
        pin = new_pin(bytes(secret))
        try:
            self.hsm.pin_changed(pin)
        except HsmUnreachable as error:
            logger.warning("%s; %s", error, error.hint)
        finally:
            wipe(pin)


class _Locked:
    """Signs for the log as soon as the token is open."""

    def __init__(self) -> None:
        self.hsm: Hsm | None = None

    def sign(self, message: bytes) -> bytes:
        if self.hsm is None:
            raise CeremonyRefused(CeremonyReason.LOCKED, "the token is locked: nothing is logged")
        return self.hsm.sign_log(message)


class DeskSite(Site):
    """A directory on the ceremony's machine. Its token is open from shares to the end."""

    def __init__(
        self, directory: Path, clock: Clock, module: Path | None, *, rehearsal: bool = False
    ) -> None:
        """Open the log where there is one. Raises LogInUse (its keyholder runs), LogDamaged …"""
        super().__init__(directory, clock, module, rehearsal=rehearsal)
        self._signer = _Locked()
        self._worker: HsmWorker | None = None
        self.fresh_pin = KeptPin()
        """Of the token that replaces another, from the step that makes it to its use."""
        self.rehearsed_pin = KeptPin()
        """Of a rehearsal's token, where what is rehearsed is done at a running keyholder."""
        self.founders: tuple[Founder, ...] = ()
        """Who signs for a rehearsal's log."""
        self.inventory: tuple[ItemToRewrap, ...] = ()
        """A rehearsal's models, which no control plane has."""
        if self.is_founded:
            self.open_log()

    @contextmanager
    def user_pin(self) -> Iterator[int]:
        if self.rehearsed_pin.is_there:
            yield self.rehearsed_pin.require()
            return
        with super().user_pin() as descriptor:
            yield descriptor

    @property
    def is_founded(self) -> bool:
        return (self.directory / CONFIG).is_file()

    def open_log(self) -> None:
        """Read-only while the token is locked. Its name and key are those that it proves itself: a
        kill may have come between its going on under another key and the settings that say so.

        Raises as `read_log` and `LogDisk.open`.
        """
        config = load_config(self.directory / CONFIG, {})
        note = parse_note((config.log / CHECKPOINT_PATH).read_bytes())
        origin = parse_checkpoint(note.text).origin
        with read_log(config.log, origin, config.fingerprint) as read:
            key = read.log_key
        log = LogDisk.open(config.log, origin, self._signer.sign, key, reserve=config.reserve)
        try:
            self.journal = Journal(log, config.fingerprint, self.clock)
        except BaseException:
            log.close()
            raise
        self.config = config

    def unlock(self, label: str, pin_fd: int) -> None:
        """Start a worker. Raises PinRefused, TokenError, HsmUnreachable, WrongToken."""
        self.lock_token()
        worker = HsmWorker(self.worker_config(label), pin_fd)
        try:
            keys = self.state.newest_keys if self.state is not None else None
            if keys is not None and self.journal is not None:
                check_keys(keys, worker, self.journal.origin)
        except BaseException:
            worker.close()
            raise
        self._worker = self.hsm = self._signer.hsm = worker

    def rest(self) -> None:
        self.lock_token()
        self.lock_fresh()

    # ---- a token that is not in use yet ----

    def fresh_directory(self, plan: Plan) -> Path:
        return self.directory / f"{TOKEN}-{plan.ceremony}"

    def fresh_place(self, plan: Plan) -> TokenPlace:
        return TokenPlace(self.module, plan.token, self.fresh_directory(plan) / CONFIGURATION)

    def unlock_fresh(self, plan: Plan, pin_fd: int) -> None:
        """Start a worker on it. Raises PinRefused, TokenError, HsmUnreachable."""
        self._close_fresh()
        place = self.fresh_place(plan)
        config = WorkerConfig(place.module, place.label, place.softhsm_configuration)
        self.fresh = HsmWorker(config, pin_fd)

    def require_fresh(self) -> HsmWorker:
        """Raises CeremonyRefused."""
        if self.fresh is None:
            raise CeremonyRefused(CeremonyReason.LOCKED, "the fresh token is locked")
        return self.fresh

    def used_directory(self) -> str:
        """Where the token in use lies, below this site's directory; its name."""
        used = self.config.softhsm_configuration if self.config is not None else None
        return used.parent.name if used is not None else ""

    def lock_fresh(self) -> None:
        self.fresh_pin.forget()
        self._close_fresh()

    def _close_fresh(self) -> None:
        if self.fresh is not None:
            self.fresh.close()
        self.fresh = None

    def take_fresh(self) -> None:
        """It is the one in use from now on."""
        self.lock_token()
        self._worker = self.hsm = self._signer.hsm = self.fresh
        self.fresh = None

    def uses_fresh(self, plan: Plan) -> bool:
        """Whether the settings name it already."""
        used = self.config.softhsm_configuration if self.config is not None else None
        return used is not None and used.parent == self.fresh_directory(plan)

    def lock_token(self) -> None:
        """Let go of the token: shares open it again."""
        if self._worker is not None:
            self._worker.close()
        self._worker = self.hsm = self._signer.hsm = None

    def close_log(self) -> None:
        if self.journal is not None:
            self.journal.close()
        self.journal, self.config = None, None

    def close(self) -> None:
        with ExitStack() as stack:
            stack.callback(self.lock_token)
            stack.callback(self.lock_fresh)
            stack.callback(self.rehearsed_pin.forget)
            stack.callback(self.close_log)


def bundle_of(site: Site) -> bytes | None:
    """The authority's bundle as of now; None where there is no authority yet."""
    state = site.state
    if state is None or state.newest_keys is None:
        return None
    try:
        return make_bundle(state)
    except KeyturnError:
        return None


def desk_of(site: Site) -> DeskSite:
    """Raises CeremonyRefused where it is a running keyholder's."""
    if not isinstance(site, DeskSite):
        raise CeremonyRefused(
            CeremonyReason.WRONG_CEREMONY,
            "a running keyholder makes no token",
            hint="hold this ceremony at a host process of its own",
        )
    return site


def ceremonies_of(site: Site) -> HsmCeremonies:
    """The open token, for what only a ceremony may ask. Raises CeremonyRefused."""
    hsm = site.require_hsm()
    if not isinstance(hsm, HsmWorker | HsmPool):
        raise CeremonyRefused(CeremonyReason.FAILED, "this HSM takes no orders of ceremonies")
    return hsm
