"""Killed at every step: nothing lost, nothing released unlogged (DESIGN §7, I2, I5).

The disk dies, by a kill or by a loss of power, in each of the calls that change it; the HSM
worker dies before each thing it is asked and after each thing it has done. No step is named
here: a scene is played once whole to count them.
"""

from collections.abc import Callable
from pathlib import Path

import pytest

from keyturn.hsm.errors import HsmUnreachable
from keyturn.keyholder.errors import KeyholderStopped
from keyturn.keyrelease.entries import read_grant
from keyturn.quorum.approvals import WITHDRAWAL_TYPE, Decision, withdrawal_payload
from keyturn.quorum.entries import parse_entry
from keyturn.quorum.errors import SubmissionReason, SubmissionRefused
from keyturn.quorum.kinds import Kind
from keyturn.tlog.receipts import Receipt
from support.authority import Proposal, policy_body, sign
from support.crash import (
    Act,
    Scene,
    attempt,
    audited,
    check_after,
    copied,
    power_lost,
    receipt_of,
    staged,
)
from support.hsmtoken import make_model
from support.ready import Ready
from support.system import reasons
from unit.keyholder.failing_disk import CountingDisk, Crash, DyingDisk, PowerlessDisk

NEVER = 1 << 30
SLACK = 6  # objects that share a directory by chance take fewer steps than were counted
Then = Callable[[Scene], None]


# ---- what may be interrupted, and what must hold of it afterwards ----


def release(scene: Scene) -> Receipt:
    return receipt_of(scene.ready, scene.asked)


def refuse(scene: Scene) -> Receipt:
    wrong = scene.ready.node.sim.with_firmware(b"\xee" * 48)
    outcome = scene.ready.ask(sim=wrong)
    assert outcome.index is not None
    return scene.system.keyholder.journal.receipt(outcome.index)


def submit(scene: Scene) -> Receipt:
    return scene.system.submit(policy(scene)).receipt


def in_force_or_not(scene: Scene) -> None:
    """Never half: it governs, or it can be handed in again."""
    assert scene.ready.opened()[0].grant.lease_seconds in (60, 45)
    scene.system.submit(policy(scene))
    assert scene.ready.opened()[0].grant.lease_seconds == 45


def policy(scene: Scene, subject: str = "serving") -> Proposal:
    """The one of this scene, the same bytes whenever asked."""
    authority = scene.system.authority
    if subject not in scene.proposals:
        body = policy_body(lease_seconds=45)
        scene.proposals[subject] = authority.approved(Kind.POLICY, subject, body)
    return scene.proposals[subject]


def admit(scene: Scene) -> Receipt:
    return scene.system.admit(make_model()).receipt


def revoke(scene: Scene) -> Receipt:
    body: dict[str, object] = {"target_kind": "node", "target": "another"}
    return scene.system.enact(Kind.REVOCATION, "node:another", body).receipt


def withdraw(scene: Scene) -> Receipt:
    system, proposal = scene.system, policy(scene, "another")
    payload = withdrawal_payload(
        proposal.digest, officer="ada", time=system.clock(), reason="second thoughts"
    )
    envelope = sign(WITHDRAWAL_TYPE, payload, *system.authority.people["ada"].keys[:1])
    return system.keyholder.submissions.withdraw(proposal.raw, envelope)[1]


def withdrawn_for_ever(scene: Scene) -> None:
    proposal = policy(scene, "another")
    if proposal.digest not in scene.system.keyholder.journal.state.withdrawn:
        withdraw(scene)
    with pytest.raises(SubmissionRefused) as refused:
        scene.system.submit(proposal)
    assert refused.value.reason is SubmissionReason.WITHDRAWN


def reject(scene: Scene) -> Receipt:
    system, proposal = scene.system, policy(scene, "rejected")
    said = system.authority.approval(proposal.digest, "chen", decision=Decision.REJECT)
    index = system.keyholder.decisions.record(proposal.raw, said)
    return system.keyholder.journal.receipt(index)


def rejected_for_ever(scene: Scene) -> None:
    proposal = policy(scene, "rejected")
    if proposal.digest not in scene.system.keyholder.journal.state.decisions:
        reject(scene)
    with pytest.raises(SubmissionRefused) as refused:
        scene.system.submit(proposal)
    assert refused.value.reason is SubmissionReason.TOO_FEW_APPROVALS


def nothing_more(scene: Scene) -> None: ...


ACTS: dict[str, tuple[Act, Then]] = {
    "release": (release, nothing_more),
    "refusal": (refuse, nothing_more),
    "statement": (submit, in_force_or_not),
    "withdrawal": (withdraw, withdrawn_for_ever),
    "decision": (reject, rejected_for_ever),
    "admission": (admit, nothing_more),
    "revocation": (revoke, nothing_more),
}


def played(*names: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(("act", "then"), [ACTS[name] for name in names], ids=names)


def steps_of(ready: Ready, directory: Path, act: Act, count: Callable[[Scene], int]) -> int:
    """How many steps it takes when nothing dies."""
    with staged(ready, directory) as scene:
        before = count(scene)
        assert attempt(scene, act)
        steps = count(scene) - before
    assert steps >= 2
    return steps


def dying(_: Path) -> CountingDisk:
    return DyingDisk(NEVER)


def powerless(log: Path) -> CountingDisk:
    return PowerlessDisk(log, NEVER)


def kill_disk(scene: Scene, after: int) -> None:
    assert isinstance(scene.disk, DyingDisk)
    scene.disk.die_after(after)


# ---- the disk ----


@played("release", "refusal", "statement", "withdrawal", "decision")
def test_killed_at_every_step_of_the_disk(
    ready: Ready, tmp_path: Path, act: Act, then: Then
) -> None:
    steps = steps_of(ready, tmp_path / "whole", act, lambda it: len(it.disk.steps))
    for step in range(steps):
        with staged(ready, tmp_path / str(step), dying) as scene:
            kill_disk(scene, step)
            assert not attempt(scene, act) or step >= steps - SLACK
            check_after(scene)
            then(scene)


@played("release", "statement")
def test_power_lost_at_every_step_of_the_disk(
    ready: Ready, tmp_path: Path, act: Act, then: Then
) -> None:
    steps = steps_of(ready, tmp_path / "whole", act, lambda it: len(it.disk.steps))
    for step in range(steps):
        with staged(ready, tmp_path / str(step), powerless) as scene:
            kill_disk(scene, step)
            assert not attempt(scene, act) or step >= steps - SLACK
            check_after(scene, power_lost(scene, tmp_path / f"{step}-after"))
            then(scene)


def test_power_lost_after_an_answer_loses_nothing(ready: Ready, tmp_path: Path) -> None:
    for name, (act, then) in ACTS.items():
        with staged(ready, tmp_path / name, powerless) as scene:
            assert attempt(scene, act)
            check_after(scene, power_lost(scene, tmp_path / f"{name}-after"))
            then(scene)


def test_killed_at_every_step_of_a_start(ready: Ready, tmp_path: Path) -> None:
    with staged(ready, tmp_path / "whole") as scene:
        steps = len(scene.disk.steps)
    size = ready.system.keyholder.journal.log.size
    for step in range(steps):
        copy = copied(ready, tmp_path / str(step))
        with pytest.raises(Crash):
            copy.system.start(DyingDisk(step))
        log = copy.system.start(CountingDisk()).journal.log
        assert log.size - size in (1, 2)  # one start, or the one that was cut off too
        copy.opened()
        audited(log, copy.system.fingerprint)
        copy.system.keyholder.close()


def test_killed_again_while_recovering(ready: Ready, tmp_path: Path) -> None:
    """A grant whole in the tail and under no checkpoint; the recovery of that is killed too."""
    with staged(ready, tmp_path / "first", dying) as scene:
        kill_disk(scene, 2)  # the entry is written and synced, its checkpoint is not
        assert not attempt(scene, release)
        assert scene.view.issued == []
    with staged(scene.ready, tmp_path / "whole") as whole:
        steps = len(whole.disk.steps)
    for step in range(steps):
        copy = copied(scene.ready, tmp_path / str(step))
        with pytest.raises(Crash):
            copy.system.start(DyingDisk(step))
        log = copy.system.start(CountingDisk()).journal.log
        assert len(copy.entries("grant")) == 1
        copy.opened()
        audited(log, copy.system.fingerprint)
        copy.system.keyholder.close()


# ---- the HSM worker ----


@played(*ACTS)
@pytest.mark.parametrize("for_good", [False, True], ids=["replaced", "gone for good"])
def test_the_worker_dies_at_every_step(
    ready: Ready, tmp_path: Path, act: Act, then: Then, for_good: bool
) -> None:
    for step in range(steps_of(ready, tmp_path / "whole", act, lambda it: len(it.view.steps))):
        with staged(ready, tmp_path / str(step)) as scene:
            scene.view.lose(step, for_good=for_good)
            assert not attempt(scene, act)
            check_after(scene)
            then(scene)


def test_after_a_lost_signature_of_a_checkpoint_nothing_goes_on(ready: Ready) -> None:
    """Whether the entry is in the log is then unknown: a restart finds out."""
    view = ready.system.hsm
    raw = ready.request()
    view.lose(2)  # type: ignore[attr-defined]
    with pytest.raises(HsmUnreachable):
        ready.release(raw)

    for ask in (ready.system.challenge, ready.system.set_policy, ready.request):
        with pytest.raises(KeyholderStopped):
            ask()

    ready.system.restart()
    ready.opened()
    assert len(ready.entries("grant")) == 2  # the one that nobody got, and this


def test_a_lost_mark_does_not_undo_a_statement(ready: Ready) -> None:
    """It is in force and in the log; handing it in again answers that, and stores the mark."""
    system = ready.system
    proposal = system.authority.approved(Kind.POLICY, "serving", policy_body(lease_seconds=45))
    system.hsm.lose(2)  # type: ignore[attr-defined]
    with pytest.raises(HsmUnreachable, match="store mark"):
        system.submit(proposal)

    assert ready.opened()[0].grant.lease_seconds == 45
    assert system.submit(proposal).index == system.keyholder.journal.log.size - 2


# ---- what was in the balance ----


def test_a_grant_that_nobody_got_leaves_its_trace(ready: Ready, tmp_path: Path) -> None:
    """Killed after the entry and before the HSM: the log says granted, no key left."""
    with staged(ready, tmp_path / "copy", dying) as scene:
        kill_disk(scene, 2)
        assert not attempt(scene, release)
        assert scene.view.issued == []
        check_after(scene)
        (first, _) = scene.ready.entries("grant")
        assert read_grant(parse_entry(first)).node == "node-1"


def test_another_process_voids_what_was_asked_of_the_first(ready: Ready, tmp_path: Path) -> None:
    raw = ready.request()
    copy = copied(ready, tmp_path / "copy")
    copy.system.start()

    assert reasons(copy.release(raw)) == {"challenge-forged"}
    copy.system.keyholder.close()
