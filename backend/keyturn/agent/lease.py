"""The lease as a machine: events in, commands out, every transition in this file.

No I/O and no clock: each event comes with `now`, in seconds on a clock that also runs in
suspend (CLOCK_BOOTTIME). A lease counts from the *sending* of the challenge request (our
protocol §5.8), so that whatever the answer took is not gained. Fail closed: an event that comes
after the end, a clock that runs backwards, a renewal that is refused or not proved → wipe.
"""

from dataclasses import dataclass, replace

from keyturn.agent.leaseparts import (
    Ask,
    AskChallenge,
    Attesting,
    ChallengeReceived,
    CheckFailed,
    CollectEvidence,
    Command,
    ControlLost,
    EndReason,
    Event,
    EvidenceCollected,
    Extend,
    Granted,
    InFlight,
    Lease,
    Open,
    Opened,
    OpenFailed,
    Opening,
    Refused,
    RenewalWanted,
    Report,
    RevocationReceived,
    Serve,
    Serving,
    Start,
    Starting,
    State,
    Step,
    Stop,
    StopServing,
    Tick,
    Waiting,
    Wipe,
    Wiped,
    WipeDone,
    Wiping,
)
from keyturn.keyrelease.binding import Purpose


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds. `retry_refused`: ask again after a refused release, or None to end then."""

    retry_first: float = 1.0
    retry_longest: float = 30.0
    retry_refused: float | None = None

    def backoff(self, failures: int) -> float:
        return float(min(self.retry_longest, self.retry_first * 2 ** min(failures, 16)))


class UnexpectedEvent(RuntimeError):
    """The driver sent what cannot happen in this state: a bug, and the process must end."""


class LeaseMachine:
    """Feed it events with `handle`, carry out what it returns, wake it at `wake_at`."""

    def __init__(self, timing: Timing) -> None:
        self._timing = timing
        self._state: State = Starting()
        self._latest = float("-inf")

    @property
    def state(self) -> State:
        return self._state

    def may_serve(self, now: float) -> bool:
        """Whether a request at `now` may be answered (checked once for each)."""
        state = self._state
        return isinstance(state, Serving) and self._latest <= now < state.lease.ends_at

    def wake_at(self) -> float | None:
        """When a Tick is due, or None if only an event can change anything."""
        state = self._state
        times = []
        if isinstance(state, Attesting | Opening | Serving) and isinstance(state.exchange, Waiting):
            times.append(state.exchange.until)
        if isinstance(state, Opening | Serving):
            times.append(state.lease.ends_at)
        return min(times, default=None)

    def handle(self, event: Event, now: float) -> tuple[Command, ...]:
        """The next state and what is to be done. Raises UnexpectedEvent on a driver's bug."""
        if isinstance(self._state, Wiped):
            return ()
        if isinstance(self._state, Wiping):
            return self._finish(self._state, event)
        jumped, self._latest = now < self._latest, max(now, self._latest)
        end = self._end_reason(event, now, jumped)
        if end is not None:
            return self._wipe(end)
        return self._advance(event, now)

    def _end_reason(self, event: Event, now: float, jumped: bool) -> EndReason | None:
        """What ends any state at once, whatever else the event says."""
        if isinstance(event, RevocationReceived):
            return EndReason.REVOKED
        if isinstance(event, Stop):
            return EndReason.CRASHED if event.crashed else EndReason.STOPPED
        if jumped:
            return EndReason.CLOCK_JUMPED
        if isinstance(self._state, Opening | Serving) and now >= self._state.lease.ends_at:
            return EndReason.LEASE_ENDED
        if isinstance(event, CheckFailed):
            return EndReason.CHECK_FAILED
        if isinstance(event, OpenFailed):
            return EndReason.OPEN_FAILED
        return None

    def _advance(self, event: Event, now: float) -> tuple[Command, ...]:
        state = self._state
        if isinstance(event, Tick):
            return self._tick(now)
        if isinstance(event, RenewalWanted):
            return self._hurry(now)
        if isinstance(state, Starting) and isinstance(event, Start):
            self._state = Attesting(Waiting(now))
            return self._tick(now)
        if isinstance(state, Opening) and isinstance(event, Opened):
            self._state = Serving(state.lease, state.exchange)
            return (Serve(state.lease.ends_at),)
        if isinstance(state, Attesting | Opening | Serving):
            return self._exchange(state, event, now)
        raise UnexpectedEvent(f"{type(event).__name__} while {state.name}")

    def _tick(self, now: float) -> tuple[Command, ...]:
        state = self._state
        if isinstance(state, Starting | Wiping | Wiped):
            return ()
        exchange = state.exchange
        if isinstance(exchange, InFlight) or now < exchange.until:
            return ()
        self._state = replace(state, exchange=InFlight(Step.CHALLENGE, now, exchange.failures))
        return (AskChallenge(_purpose(state)),)

    def _hurry(self, now: float) -> tuple[Command, ...]:
        """Renew now; after the back-off where one failed just before; again where one is under way.

        In each case by a challenge that is sent after this moment.
        """
        state = self._state
        if isinstance(state, Attesting | Opening | Serving) and isinstance(
            state.exchange, InFlight
        ):
            self._state = replace(state, exchange=replace(state.exchange, again=True))
            return ()
        if isinstance(state, Opening | Serving) and isinstance(state.exchange, Waiting):
            if not state.exchange.failures:
                self._state = replace(state, exchange=Waiting(now))
            return self._tick(now)
        return ()

    def _exchange(
        self, state: Attesting | Opening | Serving, event: Event, now: float
    ) -> tuple[Command, ...]:
        exchange = state.exchange
        if not isinstance(exchange, InFlight):
            raise UnexpectedEvent(f"{type(event).__name__} without an exchange")
        purpose = _purpose(state)
        match exchange.step, event:
            case _, ControlLost():
                wait = now + self._timing.backoff(exchange.failures)
                self._state = replace(state, exchange=Waiting(wait, exchange.failures + 1))
                return ()
            case Step.CHALLENGE, ChallengeReceived(challenge, sent_at):
                if sent_at > now:
                    return self._wipe(EndReason.CLOCK_JUMPED)
                flight = replace(exchange, step=Step.EVIDENCE, sent_at=sent_at)
                self._state = replace(state, exchange=flight)
                lease = None if isinstance(state, Attesting) else state.lease.id
                return (CollectEvidence(purpose, challenge, lease),)
            case Step.EVIDENCE, EvidenceCollected():
                self._state = replace(state, exchange=replace(exchange, step=Step.ANSWER))
                return (Ask(purpose),)
            case Step.ANSWER, Granted():
                return self._granted(state, event, exchange, now)
            case Step.ANSWER, Refused():
                return self._refused(state, now)
        raise UnexpectedEvent(f"{type(event).__name__} at step {exchange.step.value}")

    def _granted(
        self, state: Attesting | Opening | Serving, grant: Granted, done: InFlight, now: float
    ) -> tuple[Command, ...]:
        lease = Lease(grant.lease, done.sent_at + grant.seconds)
        if now >= lease.ends_at:
            return self._wipe(EndReason.LEASE_ENDED)
        renew = Waiting(now if done.again else max(now, done.sent_at + grant.seconds / 2))
        if isinstance(state, Attesting):
            self._state = Opening(lease, renew)
            return (Open(),)
        if lease.id != state.lease.id:
            return self._wipe(EndReason.CHECK_FAILED)
        self._state = replace(state, lease=lease, exchange=renew)
        return (Extend(lease.ends_at),)

    def _refused(self, state: State, now: float) -> tuple[Command, ...]:
        if not isinstance(state, Attesting):
            return self._wipe(EndReason.RENEWAL_REFUSED)
        if self._timing.retry_refused is None:
            return self._wipe(EndReason.REFUSED)
        self._state = Attesting(Waiting(now + self._timing.retry_refused))
        return ()

    def _wipe(self, reason: EndReason) -> tuple[Command, ...]:
        serving = isinstance(self._state, Serving)
        self._state = Wiping(reason)
        return (StopServing(reason), Wipe(reason)) if serving else (Wipe(reason),)

    def _finish(self, state: Wiping, event: Event) -> tuple[Command, ...]:
        if isinstance(event, Stop) and event.crashed:  # the wipe itself: its owner wipes again
            self._state = Wiped(EndReason.CRASHED)
            return (Report(EndReason.CRASHED, None),)
        if not isinstance(event, WipeDone):
            return ()  # what was under way no longer matters
        self._state = Wiped(state.reason)
        return (Report(state.reason, event.milliseconds),)


def _purpose(state: Attesting | Opening | Serving) -> Purpose:
    return Purpose.RELEASE if isinstance(state, Attesting) else Purpose.RENEWAL
