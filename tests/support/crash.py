"""A keyholder that dies: its directory copied, its disk or HSM killed at a step, and opened again.

What must hold afterwards, whatever the step (DESIGN §7): every answer that was given has its
entry under a checkpoint, no key left the HSM without its grant in the log, the log replays and
passes the audit, the challenge of before is void, and a new release works.
"""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from keyturn.base.encoding import Digest, sha256
from keyturn.base.errors import KeyturnError
from keyturn.base.strictjson import dump
from keyturn.keyholder.logdisk import LogDisk
from keyturn.keyrelease.audit import Audited, audit_log
from keyturn.keyrelease.grant import parse_answer
from keyturn.tlog.checkpoints import Checkpoint
from keyturn.tlog.receipts import Receipt, parse_receipt
from support.authority import Clock, Proposal
from support.hsmviews import HsmView
from support.ready import Ready
from support.system import System, reasons
from unit.keyholder.failing_disk import CountingDisk, Crash, PowerlessDisk


@dataclass
class Scene:
    """One copy of a keyholder in which something is about to happen, and what came of it."""

    ready: Ready
    disk: CountingDisk
    asked: bytes  # a request over a challenge of before
    before: Checkpoint
    receipts: list[Receipt] = field(default_factory=list)  # of every answer that was given
    proposals: dict[str, Proposal] = field(default_factory=dict)

    @property
    def system(self) -> System:
        return self.ready.system

    @property
    def view(self) -> HsmView:
        return view_of(self.system)


Act = Callable[[Scene], Receipt]
MakeDisk = Callable[[Path], CountingDisk]


def counting(_: Path) -> CountingDisk:
    return CountingDisk()


def view_of(system: System) -> HsmView:
    assert isinstance(system.hsm, HsmView)
    return system.hsm


def copied(ready: Ready, directory: Path) -> Ready:
    """The same keyholder in another directory, stopped; the token's mark goes along."""
    directory.mkdir(exist_ok=True)
    shutil.copytree(ready.system.directory / "log", directory / "log")
    authority = ready.system.authority
    clock = Clock(ready.system.clock())
    system = replace(
        ready.system,
        directory=directory,
        hsm=view_of(ready.system).another(),
        clock=clock,
        authority=authority.forked(clock),
    )
    return replace(ready, system=system)


@contextmanager
def staged(ready: Ready, directory: Path, make_disk: MakeDisk = counting) -> Iterator[Scene]:
    """A started copy, with a challenge issued; closed at the end, dead or alive."""
    copy = copied(ready, directory)
    disk = make_disk(directory / "log")
    copy.system.start(disk)
    try:
        log = copy.system.keyholder.journal.log
        yield Scene(copy, disk, copy.request(), log.checkpoint.checkpoint)
    finally:
        copy.system.keyholder.close()


def attempt(scene: Scene, act: Act) -> bool:
    """Let it happen. True when an answer was given, False when the process or worker died."""
    try:
        scene.receipts.append(act(scene))
    except (Crash, KeyturnError):
        return False
    return True


def check_after(scene: Scene, directory: Path | None = None) -> Audited:
    """Start again, on the directory as it is or as a loss of power left it: nothing is lost."""
    system = scene.system
    with suppress(Crash):
        system.keyholder.close()
    issued = list(scene.view.issued)
    system.directory = directory or system.directory
    system.hsm = scene.view.another()
    log = system.start(CountingDisk()).journal.log
    log.check_extends(scene.before)
    for receipt in scene.receipts:
        assert log.leaf(receipt.index) == receipt.leaf
    for order in issued:
        assert sha256(log.leaf(order.log_index)) == order.entry_digest
    assert reasons(scene.ready.release(scene.asked)) == {"challenge-forged"}
    scene.ready.opened()
    return audited(log, system.fingerprint)


def audited(log: LogDisk, fingerprint: Digest) -> Audited:
    return audit_log(log.leaves(), fingerprint, log.object)


def receipt_of(ready: Ready, raw: bytes) -> Receipt:
    """Ask; the receipt in the answer, checked as a node must."""
    outcome = ready.release(raw)
    ready.checked(raw, outcome)
    return parse_receipt(parse_answer(dump(outcome.answer)).receipt)


def power_lost(scene: Scene, target: Path) -> Path:
    """The directory as a disk without its caches would have it."""
    assert isinstance(scene.disk, PowerlessDisk)
    with suppress(Crash):
        scene.system.keyholder.close()
    target.mkdir()
    scene.disk.after_power_loss(target / "log")
    return target
