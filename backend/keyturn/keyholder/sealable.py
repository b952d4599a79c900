"""One keyholder process, sealed or not, behind one pair of sockets (our protocol §10.12).

Unsealing and sealing go one after the other; answers go on beside each other. Before the HSM is
let go, the answers that are under way come to their end.
"""

import logging
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from keyturn.base.errors import KeyturnError
from keyturn.ceremony.errors import CeremonyReason, CeremonyRefused, MalformedCeremony
from keyturn.ceremony.records import Record
from keyturn.ceremony.script import Part, ScriptKind
from keyturn.ceremony.steps import Place as SignedPlace
from keyturn.hsm.errors import PinRefused
from keyturn.hsm.pins import new_pin, pin_file
from keyturn.hsm.pkcs11 import wipe
from keyturn.keyholder.errors import KeyholderSealed, KeyholderStopped
from keyturn.keyholder.journal import Clock
from keyturn.keyholder.opening import Opened, open_keyholder
from keyturn.keyholder.sealedstate import Place, SealedState
from keyturn.keyholder.stepsigned import check_step
from keyturn.keyholder.unsealing import SEQ, Enough, done_record, opened_record
from keyturn.wire.keyholder import AnyRequest, AskHello, ok_answer
from keyturn.wire.unsealing import AskSeal, AskUnseal, HandShare, ShareTaken, UnsealNews

logger = logging.getLogger(__name__)

SEAL_STEP = "seal"
WHY = "why"
"""What who seals it says."""
DRAIN_SECONDS = 30.0
_PARTS = (Part.ADMINISTRATOR, Part.CUSTODIAN)


class PinRefusedBefore(CeremonyRefused):
    """The token refused the PIN of this share set: a second try could lock it for good."""

    def __init__(self) -> None:
        super().__init__(
            CeremonyReason.FAILED,
            "the token refused the PIN that these shares give",
            expected="the token whose PIN was shared",
            hint="Look whether the token was replaced or its PIN changed. Only then start the "
            "keyholder anew: every try may count.",
        )


class _Inside:
    """Answers that are under way in an open keyholder."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._count = 0
        self._closed = False

    @contextmanager
    def one(self) -> Iterator[None]:
        with self._changed:
            if self._closed:
                raise KeyholderSealed
            self._count += 1
        try:
            yield
        finally:
            with self._changed:
                self._count -= 1
                if self._closed:
                    self._changed.notify_all()

    def drain(self) -> None:
        """Let nobody in any more, and wait for those inside. Raises KeyholderStopped."""
        with self._changed:
            self._closed = True
            if not self._changed.wait_for(lambda: self._count == 0, DRAIN_SECONDS):
                raise KeyholderStopped("answers did not come to an end while sealing")


@dataclass(slots=True)
class _Running:
    """An open keyholder, and the record that sealing it begins with."""

    opened: Opened
    seal: Record
    inside: _Inside
    pin_fd: int | None = None  # ours to wipe

    def close(self) -> None:
        try:
            self.opened.close()
        finally:
            if self.pin_fd is not None:
                _wipe_file(self.pin_fd)
                self.pin_fd = None


class Sealable:
    """Answers every question of §7.1, as it stands. Safe for many threads; close it."""

    def __init__(self, place: Place, clock: Clock, *, accept_clock: bool = False) -> None:
        self._place, self._clock, self._accept_clock = place, clock, accept_clock
        self._changing = threading.RLock()
        self._sealed: SealedState | None = None
        self._running: _Running | None = None
        self._pin_refused = False

    def begin_sealed(self) -> None:
        """Raises as `SealedState`."""
        self._sealed = SealedState(self._place, self._clock, accept_clock=self._accept_clock)
        logger.info("the keyholder is sealed; %s", _who(self._sealed.news()))

    def begin_open(self, pin_fd: int) -> None:
        """Raises as `open_keyholder`."""
        opened = open_keyholder(
            self._place.config, self._place.beside, pin_fd, accept_clock=self._accept_clock
        )
        self._running = self._run(opened, None)

    @property
    def is_sealed(self) -> bool:
        return self._running is None

    def answer(self, request: AnyRequest) -> dict[str, object]:
        """Raises KeyholderSealed, and as `Keyholder.answer`."""
        match request:
            case AskUnseal():
                return ok_answer(self.news().document())
            case HandShare():
                return ok_answer(self._take(request).document())
            case AskSeal(envelope=envelope):
                return ok_answer({"index": self._seal(envelope)})
            case _:
                return self._further(request)

    def news(self) -> UnsealNews:
        """How it stands (our protocol §10.12)."""
        with self._changing:
            if self._sealed is not None:
                return self._sealed.news()
            running = self._the_running()
            boot = running.opened.keyholder.boot
            return UnsealNews(boot, False, b"", None, running.seal.raw, (), (), 0)

    def tick(self) -> None:
        """Now and then."""
        with self._changing, suppress(KeyturnError):
            if self._sealed is not None:
                self._sealed.tick()

    def close(self) -> None:
        with self._changing:
            if self._running is not None:
                self._running.close()
            if self._sealed is not None:
                self._sealed.close()
            self._running = self._sealed = None

    def _further(self, request: AnyRequest) -> dict[str, object]:
        running, sealed = self._running, self._sealed
        if running is not None:
            with running.inside.one():
                return running.opened.answer(request)
        if sealed is None:
            raise KeyholderSealed  # between the two
        if isinstance(request, AskHello):
            return ok_answer(sealed.hello())
        return ok_answer(sealed.answer(request))

    def _the_running(self) -> _Running:
        if self._running is None:
            raise KeyholderSealed
        return self._running

    # ---- unsealing ----

    def _take(self, share: HandShare) -> ShareTaken:
        with self._changing:
            sealed = self._sealed
            if sealed is None:
                raise CeremonyRefused(
                    CeremonyReason.OVER,
                    "the keyholder is not sealed",
                    found="a keyholder that answers",
                    expected="a sealed one",
                    hint="no share is needed",
                )
            if self._pin_refused:
                raise PinRefusedBefore
            try:
                taken = sealed.take(share)
            except CeremonyRefused:
                if sealed.session.spent:
                    sealed.renew()  # shares that are each right gave no secret
                raise
            if isinstance(taken, ShareTaken):
                return taken
            self._unseal(sealed, taken)
        logger.info("the keyholder is unsealed")
        return ShareTaken((), 0, sealed=False)

    def _unseal(self, sealed: SealedState, enough: Enough) -> None:
        """The token gets this PIN once. Whatever fails, the next try is another session."""
        pin = new_pin(enough.secret)
        wipe(enough.secret)
        pin_fd = pin_file(pin)
        wipe(pin)
        try:
            sealed.log.close()  # the writer is next; nobody else had it since
            opened = open_keyholder(
                self._place.config,
                self._place.beside,
                pin_fd,
                accept_clock=self._accept_clock,
                replayed=(sealed.log.replay, sealed.log.checkpoint),
            )
            try:
                opened.enter(ScriptKind.UNSEAL, (sealed.session.opened, enough.done))
                running = self._run(opened, pin_fd)
            except BaseException:
                opened.close()
                raise
        except BaseException as error:
            _wipe_file(pin_fd)
            self._pin_refused = isinstance(error, PinRefused)
            sealed.close()
            self._sealed = None
            self.begin_sealed()
            raise
        sealed.session.wipe()
        self._running, self._sealed = running, None

    def _run(self, opened: Opened, pin_fd: int | None) -> _Running:
        keyholder = opened.keyholder
        boot, now = keyholder.boot, keyholder.journal.now()
        record = opened_record(ScriptKind.SEAL, boot, f"keyholder {boot}", (), now)
        return _Running(opened, record, _Inside(), pin_fd)

    # ---- sealing ----

    def _seal(self, envelope: bytes) -> int:
        with self._changing:
            running = self._the_running()
            journal = running.opened.keyholder.journal
            now, first = journal.now(), running.seal
            roster = journal.state.roster
            if roster is None:
                raise KeyholderStopped("no roster is in force")
            at = SignedPlace(first.ceremony, False, SEQ, first.digest)
            signature = check_step(envelope, at, SEAL_STEP, roster, _PARTS, now)
            if signature.entered.keys() != {WHY} or not signature.entered[WHY].strip():
                raise MalformedCeremony(
                    "ceremony-step: why it is sealed",
                    found=repr(sorted(signature.entered))[:100],
                    expected="a sentence, and nothing else",
                )
            done = done_record(first, SEAL_STEP, (signature.raw,), {}, now)
            index = running.opened.enter(ScriptKind.SEAL, (first, done))
            running.inside.drain()
            self._running = None
            running.close()
            try:
                self.begin_sealed()
            except KeyturnError as error:
                raise KeyholderStopped(f"sealed, and not to be unsealed: {error}") from error
        return index


def _who(news: UnsealNews) -> str:
    if not news.shares:
        return "no share set is known: nobody can unseal it"
    return f"{news.missing} shares open it"


def _wipe_file(descriptor: int) -> None:
    """Overwrite a PIN's memory file and let it go."""
    try:
        os.pwrite(descriptor, bytes(os.fstat(descriptor).st_size), 0)
    finally:
        os.close(descriptor)
