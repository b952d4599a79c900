"""Doing a step, once all have signed it: in a thread, recorded as done or as failed."""

import logging
import threading

from keyturn.base.errors import KeyturnError
from keyturn.ceremony.course import CourseState
from keyturn.ceremony.errors import CeremonyReason, CeremonyRefused
from keyturn.ceremony.factreading import MAX_TEXT
from keyturn.ceremony.facts import Facts, Failed
from keyturn.ceremony.records import Event
from keyturn.hsm.errors import HsmError, HsmUnreachable, PinRefused, TokenError
from keyturn.keyholder.ceremonies.authorising import check_step, check_still
from keyturn.keyholder.ceremonies.doing import Doing
from keyturn.keyholder.ceremonies.hosting import Hosting
from keyturn.keyholder.ceremonies.running import Running
from keyturn.keyholder.ceremonies.sharing import BEFORE, BOXES
from keyturn.keyholder.errors import KeyholderStopped
from keyturn.keyholder.logdisk_errors import disk_error
from keyturn.quorum.texts import HIDDEN
from keyturn.wire.ceremonies import Progress

logger = logging.getLogger(__name__)

_ADVICE: tuple[tuple[type[KeyturnError], str], ...] = (
    (
        PinRefused,
        "Do not try it again at once: a token counts wrong PINs, and locks itself. See that it is "
        "the token whose PIN was shared.",
    ),
    (HsmUnreachable, "See that the token is plugged in and its driver runs."),
    (TokenError, "See that it is the token that the plan names, and run the pre-flight on it."),
    (HsmError, "See that the token is plugged in, and run the pre-flight on it."),
)
"""What to do, where an error of a token does not say so itself."""


class Acting:
    """One action at a time. The host's lock is held while one begins and while it is recorded."""

    def __init__(self, hosting: Hosting) -> None:
        self._hosting = hosting
        self._thread: threading.Thread | None = None
        self.unrecorded: KeyturnError | None = None
        """Why the newest action has no record, where it was done or failed without one."""

    def begin(self, running: Running) -> threading.Thread:
        """Under the lock. Every signature is there."""
        hosting = self._hosting
        hosting.acting = running.id
        self.unrecorded = None
        doing = hosting.doing(running)
        running.progress = Progress(0, 1, doing.step.title)
        thread = threading.Thread(
            target=self._act, args=(running, doing), name="ceremony-action", daemon=True
        )
        self._thread = thread
        thread.start()
        return thread

    def join(self, seconds: float | None = None) -> None:
        """Until the action that is being done is over. Not under the lock."""
        thread = self._thread
        if thread is not None:
            thread.join(seconds)

    def _act(self, running: Running, doing: Doing) -> None:
        hosting = self._hosting
        try:
            outcome = self._done(doing)
            with hosting.lock:
                self._record(running, doing, outcome)
        except KeyholderStopped as error:
            hosting.fault = str(error)
        except KeyturnError as error:
            # No record could be written. What the action made is found by its next attempt.
            logger.error("a step of %s was not recorded: %s", running.id, error)
            self.unrecorded = error
        except Exception as error:  # outermost loop of a thread
            logger.exception("a fault in a ceremony's step")
            hosting.fault = f"fault: {type(error).__name__}"
        finally:
            with hosting.lock:
                running.void()
                hosting.acting = None

    def _done(self, doing: Doing) -> Facts | KeyturnError:
        try:
            plan, site = doing.plan, doing.site
            check_step(plan, doing.step.action, site, doing.files, doing.now())
            for each in doing.signatures:
                check_still(plan, site, each.officer, each.envelope)
            return self._hosting.act(doing.step).do(doing)
        except KeyholderStopped:
            raise
        except KeyturnError as error:
            return error
        except OSError as error:
            return disk_error(error, f"doing the step {doing.step.id}")

    def _record(self, running: Running, doing: Doing, outcome: Facts | KeyturnError) -> None:
        hosting, step = self._hosting, doing.step
        signed = tuple(each.raw for each in doing.signatures)
        if isinstance(outcome, KeyturnError):
            logger.warning("step %s of %s failed: %s", step.id, running.id, outcome)
            facts = _failure(outcome, hosting.act(step).left)
            hosting.record(
                running, Event.FAILED, step=step.id, signed=signed, facts=facts.document()
            )
            return
        shares, keeps = running.shares, hosting.act(step).keeps(doing.plan)
        if shares is not None and keeps:
            running.shares = None  # kept for the step that uses them
        hosting.record(
            running,
            Event.DONE,
            step=step.id,
            signed=signed,
            facts=outcome.document(),
        )
        if shares is not None:
            for use in keeps:
                running.hold(use, shares.part(use))
            shares.wipe()
        if running.course.over:
            end(hosting, running)


def _failure(error: KeyturnError, left: str) -> Failed:
    reason = error.reason if isinstance(error, CeremonyRefused) else CeremonyReason.FAILED
    found = f"{error.message}; found {error.found}" if error.found else error.message
    hint = error.hint or next((text for kind, text in _ADVICE if isinstance(error, kind)), "")
    if hint:  # what is left, and what to do
        left = f"{left}. {hint[:1].upper()}{hint[1:]}"
    return Failed(reason, _shown(found), _shown(error.expected), _shown(left))


def not_recorded(error: KeyturnError) -> CeremonyRefused:
    """For who signed last: else nobody knows where the signatures went."""
    return CeremonyRefused(
        CeremonyReason.FAILED,
        "the step could not be recorded: all signatures of it are void",
        found=str(error)[:400],
        expected="a record of it on the host's disk",
        hint=f"{error.hint} Then everybody signs the step again; what was made is found.".strip(),
    )


def _shown(text: str) -> str:
    """Without characters that are obeyed, and not longer than a record takes."""
    return HIDDEN.sub("?", text)[:MAX_TEXT]


def end(hosting: Hosting, running: Running) -> None:
    """It is over: nothing of it stays but its records, and what it made where it was done."""
    running.lock()
    if running.course.state is CourseState.ABORTED:
        undo(hosting, running)
    running.files.forget(BOXES, BEFORE)
    hosting.site.rest()


def undo(hosting: Hosting, running: Running) -> None:
    """Take back what an aborted ceremony made. Done again at the start, where it was cut off."""
    take_back = hosting.undos.get(running.course.plan.kind)
    if take_back is not None:
        take_back(running.files, hosting.site, running.course)
    running.files.forget(*running.files.names())
