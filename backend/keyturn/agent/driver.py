"""Carries out what the lease machine commands: the only place where events and I/O meet.

One asyncio task feeds the machine; whatever blocks runs in a thread of its own and comes back as
an event. Threads are daemons: a server that hangs does not keep a node from ending. Whatever
ends this, the model and the keys are wiped before it returns.
"""

import asyncio
import contextlib
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from keyturn.agent.attester import EvidenceSource, TpmSource
from keyturn.agent.authority import PinnedAuthority
from keyturn.agent.beat import Beater
from keyturn.agent.control import Control
from keyturn.agent.errors import ControlAnswerMalformed, ControlRefused
from keyturn.agent.exchange import (
    Accepted,
    Identity,
    Pending,
    conclude,
    only_the_challenge,
    prepare,
)
from keyturn.agent.heartbeat import Heartbeats
from keyturn.agent.keys import NodeKeys
from keyturn.agent.lease import LeaseMachine, Timing
from keyturn.agent.leaseparts import (
    Ask,
    AskChallenge,
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
    LeaseId,
    Open,
    Opened,
    OpenFailed,
    Refused,
    Report,
    Serve,
    Start,
    Starting,
    Stop,
    StopServing,
    Tick,
    Wipe,
    WipeDone,
)
from keyturn.agent.model import ModelInMemory
from keyturn.agent.revocation import Self, VerifiedRevocation
from keyturn.agent.service import Closed, Service
from keyturn.agent.service import Open as OpenGate
from keyturn.attest.tdx_quote import parse_tdx_quote
from keyturn.base.errors import KeyturnError, UnreachableError
from keyturn.keyrelease.answer import CheckedAnswer
from keyturn.keyrelease.binding import Purpose
from keyturn.keyrelease.grant import RefusalDocument, ReleaseAnswer
from keyturn.keyrelease.request import ReleaseRequest, SnpEvidence, TdxEvidence
from keyturn.seal.keys import wipe
from keyturn.wire.errors import PinMismatch
from keyturn.wire.heartbeat import NodeReport

LONGEST_SLEEP = 1.0
"""Seconds. The loop's timers stand still in suspend; the lease's clock does not."""

log = logging.getLogger("keyturn.agent")


@dataclass(frozen=True, slots=True)
class Node:
    """Everything that a driver drives. `clock` in seconds, runs in suspend; `now` is UTC."""

    identity: Identity
    keys: NodeKeys
    control: Control
    source: EvidenceSource
    authority: PinnedAuthority
    model: ModelInMemory
    service: Service
    clock: Callable[[], float]
    now: Callable[[], datetime]
    tpm: TpmSource | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a node ended: why, how long the wipe took, and what the operator should be told."""

    reason: EndReason
    milliseconds: int | None
    failure: KeyturnError | RefusalDocument | VerifiedRevocation | None


class Driver:
    """One life of a node, from attestation to wipe. Run once."""

    def __init__(
        self,
        node: Node,
        timing: Timing,
        heartbeat: float,
        on_state: Callable[[str, EndReason | None], None],
    ) -> None:
        """`on_state` hears each new state's name; it must not block. What it raises is logged."""
        self._node = node
        self._machine = LeaseMachine(timing)
        self._heartbeat = heartbeat
        self._on_state = on_state
        self._state = Starting.name
        self._events: asyncio.Queue[Event] = asyncio.Queue()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ended = threading.Event()
        self._pending: Pending | None = None
        self._accepted: Accepted | None = None
        self._failure: KeyturnError | RefusalDocument | None = None
        self._crash: Exception | None = None
        self._beater = Beater(
            node.control,
            Heartbeats(node.keys, node.identity.node, node.identity.model),
            node.authority,
            node.now,
            self.post,
        )

    def post(self, event: Event) -> None:
        """Hand in an event, from any thread."""
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop has ended: nobody is interested
                self._loop.call_soon_threadsafe(self._events.put_nowait, event)

    def stop(self) -> None:
        """Stop serving, wipe, end. Idempotent."""
        self.post(Stop())

    async def run(self) -> Outcome:
        """Until wiped. Raises what crashed it, after the wipe."""
        self._loop = asyncio.get_running_loop()
        self._thread("heartbeat", lambda: self._beater.run(self._heartbeat, self._ended))
        try:
            report = await self._life()
        finally:
            self._ended.set()
            self._node.service.gate = Closed("wiped")
            await asyncio.to_thread(self._wipe_everything)
        await asyncio.to_thread(self._beater.report_wiped, report.milliseconds)
        if self._crash is not None:
            raise self._crash
        named = self._beater.named_by if report.reason is EndReason.REVOKED else None
        return Outcome(report.reason, report.milliseconds, named or self._failure)

    async def _life(self) -> Report:
        event: Event = Start()
        while True:
            for command in self._machine.handle(event, self._node.clock()):
                if isinstance(command, Report):
                    self._tell_state()
                    return command
                self._carry_out(command)
            self._tell_state()
            event = await self._next_event()

    async def _next_event(self) -> Event:
        wake = self._machine.wake_at()
        sleep = LONGEST_SLEEP
        if wake is not None:
            sleep = min(sleep, max(0.0, wake - self._node.clock()))
        try:
            async with asyncio.timeout(sleep):
                return await self._events.get()
        except TimeoutError:
            return Tick()

    def _carry_out(self, command: Command) -> None:
        service, model = self._node.service, self._node.model
        match command:
            case AskChallenge(purpose):
                self._do(purpose, self._ask_challenge)
            case CollectEvidence(purpose, challenge, lease):
                self._do(purpose, lambda: self._collect(purpose, challenge, lease))
            case Ask(purpose):
                self._do(purpose, lambda: self._ask(purpose))
            case Open():
                self._do(None, self._open)
            case Serve(until):
                if model.engine is not None:
                    service.gate = OpenGate(model.engine, until)
                    self._beater.state = NodeReport.SERVING
            case Extend(until):
                service.extend(until)
            case StopServing(reason):
                service.gate = Closed(reason.value)
            case Wipe(reason):
                service.gate = Closed(reason.value)
                self._do(None, lambda: WipeDone(self._node.model.wipe()))

    # ---- what blocks; each ends in one event ----

    def _ask_challenge(self) -> Event:
        sent_at = self._node.clock()
        return ChallengeReceived(self._node.control.challenge(), sent_at)

    def _collect(self, purpose: Purpose, challenge: bytes, lease: LeaseId | None) -> Event:
        node = self._node
        self._pending = prepare(
            purpose, challenge, lease, node.identity, node.keys, node.source, node.tpm
        )
        return EvidenceCollected()

    def _ask(self, purpose: Purpose) -> Event:
        pending = self._pending
        if pending is None:
            raise RuntimeError("asked without a request")
        answer = self._node.control.release(pending.request.raw)
        if isinstance(answer, RefusalDocument):
            self._failure = answer
            if self._node.tpm is not None:
                self._node.tpm.forget()
            return ControlLost() if only_the_challenge(answer) else Refused()
        accepted = self._conclude(pending, answer)
        self._pending = None
        if purpose is Purpose.RELEASE:
            self._accepted = accepted
        self._beater.lease = LeaseId(accepted.checked.grant.lease)
        self._beater.us = _self(pending.request, accepted.checked)
        self._node.service.proof = accepted.proof
        return Granted(LeaseId(accepted.checked.grant.lease), accepted.checked.grant.lease_seconds)

    def _conclude(self, pending: Pending, answer: ReleaseAnswer) -> Accepted:
        """With the bundle we have, else with the server's newest (keys may have been rotated)."""
        node = self._node
        try:
            return conclude(pending, answer, node.keys, node.authority.current, node.now())
        except KeyturnError:
            if not node.authority.refresh(node.control.authority()):
                raise
            return conclude(pending, answer, node.keys, node.authority.current, node.now())

    def _open(self) -> Event:
        accepted = self._accepted
        if accepted is None or accepted.dek is None:
            raise RuntimeError("opening without a key")
        try:
            self._node.model.open(accepted.dek, accepted.checked.grant.tag)
        except KeyturnError as error:
            self._failure = error
            return OpenFailed()
        return Opened()

    def _do(self, purpose: Purpose | None, work: Callable[[], Event]) -> None:
        """Run `work` in a thread; an error becomes the event that it means for `purpose`."""

        def run() -> None:
            try:
                event = work()
            except KeyturnError as error:
                self._failure = error
                event = _meaning(error, purpose)
                log.warning("%s: %s", purpose.value if purpose else "node", error)
            except Exception as error:  # noqa: BLE001 - the outermost frame of this thread
                self._crash = error
                event = Stop(crashed=True)
            self.post(event)

        self._thread("work", run)

    def _thread(self, name: str, work: Callable[[], None]) -> None:
        threading.Thread(target=work, name=f"keyturn-{name}", daemon=True).start()

    def _wipe_everything(self) -> None:
        """Again, whatever happened: an answer may have come after the wipe was ordered."""
        self._node.model.wipe()
        if self._accepted is not None and self._accepted.dek is not None:
            wipe(self._accepted.dek)
        self._accepted = self._pending = None

    def _tell_state(self) -> None:
        state = self._machine.state
        if state.name != self._state:
            self._state = state.name
            if not isinstance(self._node.service.gate, OpenGate):
                self._node.service.gate = Closed(state.name)
            try:
                self._on_state(state.name, getattr(state, "reason", None))
            except Exception:  # whoever listens must not keep the node from wiping and saying so
                log.exception("the listener to states failed at %s", state.name)


def _meaning(error: KeyturnError, purpose: Purpose | None) -> Event:
    """What an error is to the lease.

    In a renewal, whatever did not come from the keyholder counts as silence: a broken or hostile
    network must not end a lease early. An answer that fails its checks is not silence.
    """
    if isinstance(error, UnreachableError):
        return ControlLost()
    foreign = isinstance(error, PinMismatch | ControlRefused | ControlAnswerMalformed)
    if purpose is Purpose.RENEWAL and foreign:
        return ControlLost()
    return Refused() if isinstance(error, ControlRefused) else CheckFailed()


def _self(request: ReleaseRequest, checked: CheckedAnswer) -> Self:
    return Self(
        node=request.claims.node,
        model=request.model,
        platform=checked.entry.platform,
        measurement=_measurement(request.evidence.cpu).hex(),
        gpus=len(request.evidence.gpus),
    )


def _measurement(cpu: SnpEvidence | TdxEvidence) -> bytes:
    """48 bytes: the launch measurement that this node itself reports."""
    if isinstance(cpu, TdxEvidence):
        return parse_tdx_quote(cpu.quote).report.mr_td
    return cpu.report[0x90:0xC0]  # AMD 56860, ATTESTATION_REPORT.MEASUREMENT
