"""A token is lost and the log goes on: whole or not at all, and never from an older log (§6.2)."""

from dataclasses import replace
from itertools import count
from pathlib import Path
from shutil import copytree

import pytest

from keyturn.base.errors import KeyturnError
from keyturn.hsm.errors import HsmUnreachable
from keyturn.hsm.protocol import Hsm
from keyturn.keyholder import continuing, genesis
from keyturn.keyholder.config import KeyholderConfig, config_text, load_config
from keyturn.keyholder.continuing import Continuation, continue_log, continued_config
from keyturn.keyholder.errors import ClockRefused, KeyFileRefused, WrongToken
from keyturn.keyholder.genesis import log_signer
from keyturn.keyholder.logdisk import LogDisk
from keyturn.keyholder.logdisk_cut import CONTINUING
from keyturn.keyholder.logdisk_errors import LogDamaged, LogMissing, LogRolledBack
from keyturn.quorum.bundle import load_bundle
from keyturn.quorum.entries import EntryKind, parse_entry
from keyturn.quorum.errors import SubmissionReason, SubmissionRefused
from keyturn.quorum.kinds import Kind
from keyturn.tlog.checkpoints import Checkpoint, sign_checkpoint, verify_checkpoint
from keyturn.tlog.errors import UntrustedCheckpoint
from keyturn.tlog.merkle import Hash
from support.hsmtoken import Model
from support.hsmviews import HsmView
from support.ready import Ready
from support.system import NEXT_ORIGIN, ORIGIN, System, admission_body, keys_body
from unit.keyholder.failing_disk import CountingDisk, Crash, DyingDisk, PowerlessDisk
from unit.quorum.authority_log import platforms

SEAM = [EntryKind.ORIGIN, EntryKind.STATEMENT]


@pytest.fixture
def second(second_worker: Hsm) -> HsmView:
    return HsmView(second_worker)


@pytest.fixture
def stopped(system: System) -> System:
    """The keyholder is down, its token lost."""
    system.keyholder.close()
    return system


def go_on(system: System, hsm: Hsm, what: Continuation, directory: Path | None = None) -> bytes:
    log = directory or system.directory / "log"
    return continue_log(log, hsm, system.fingerprint, what, system.clock)


def kinds(system: System, hsm: Hsm, origin: str, directory: Path | None = None) -> list[EntryKind]:
    sign, key = log_signer(hsm)
    with LogDisk.open(directory or system.directory / "log", origin, sign, key) as log:
        return [parse_entry(each).kind for each in log.leaves()]


def test_the_log_goes_on_under_the_new_token(ready: Ready, second: HsmView) -> None:
    system = ready.system
    old = system.keyholder.journal.log.checkpoint
    system.replace_token(second)

    log = system.keyholder.journal.log
    bundle = system.bundle
    assert (bundle.origin, log.checkpoint.checkpoint.origin) == (NEXT_ORIGIN, NEXT_ORIGIN)
    at = old.checkpoint.size
    assert [parse_entry(each).kind for each in log.leaves(at, at + 2)] == SEAM
    assert log.root(at) == old.checkpoint.root
    verify_checkpoint(log.checkpoint.to_bytes(), bundle.log_key(), NEXT_ORIGIN)
    assert second.mark is not None
    system.restart()
    system.enact(Kind.PLATFORMS, "eu", platforms("amd-genoa-00"))


def test_again_is_the_same(stopped: System, second: HsmView) -> None:
    what = stopped.continuation(second)
    assert go_on(stopped, second, what) == go_on(stopped, second, what)
    assert kinds(stopped, second, NEXT_ORIGIN)[-2:] == SEAM


def test_further_statements_come_into_force_behind_it(stopped: System, second: HsmView) -> None:
    more = stopped.authority.approved(Kind.PLATFORMS, "eu", platforms("amd-genoa-00"))
    what = replace(stopped.continuation(second), further=((more.raw, more.approvals),))

    go_on(stopped, second, what)
    go_on(stopped, second, what)

    assert kinds(stopped, second, NEXT_ORIGIN)[-3:] == [*SEAM, EntryKind.STATEMENT]


@pytest.mark.parametrize("fill", [0, 250], ids=["in the tail", "over the end of a tile"])
def test_killed_at_every_step_and_run_again(
    stopped: System, second: HsmView, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, fill: int
) -> None:
    """Whoever comes after the kill: the ceremony again, or the old token, if it still is."""
    sign, key = log_signer(stopped.hsm)
    with LogDisk.open(stopped.directory / "log", ORIGIN, sign, key) as log:
        last = next(log.leaves(log.size - 1, log.size))
        while fill and log.size % 256 != 255:
            log.append(_start(last))
    disk = CountingDisk()

    class Disk(LogDisk):
        def __init__(self, *arguments: object, **named: object) -> None:
            super().__init__(*arguments, **{**named, "io": disk})  # type: ignore[arg-type]

    monkeypatch.setattr(continuing, "LogDisk", Disk)
    monkeypatch.setattr(genesis, "LogDisk", Disk)
    what = stopped.continuation(second)
    before = kinds(stopped, stopped.hsm, ORIGIN)
    for step in count():
        place = tmp_path / f"copy-{step}"
        copytree(stopped.directory / "log", place)
        disk = DyingDisk(step)
        try:
            go_on(stopped, second, what, place)
        except Crash:
            disk = CountingDisk()
            _old_token_finds_it_whole(stopped, place, tmp_path / f"old-{step}", before)
            go_on(stopped, second, what, place)
            assert kinds(stopped, second, NEXT_ORIGIN, place) == [*before, *SEAM]
            assert not (place / CONTINUING).exists()
        else:
            break
    assert step > 20


def test_power_lost_at_every_step_of_it(
    stopped: System, second: HsmView, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """What was not synced is gone, and still there is one log, whole."""
    disk: CountingDisk = CountingDisk()

    class Disk(LogDisk):
        def __init__(self, *arguments: object, **named: object) -> None:
            super().__init__(*arguments, **{**named, "io": disk})  # type: ignore[arg-type]

    monkeypatch.setattr(continuing, "LogDisk", Disk)
    monkeypatch.setattr(genesis, "LogDisk", Disk)
    what = stopped.continuation(second)
    before = kinds(stopped, stopped.hsm, ORIGIN)
    for step in count():
        place, after = tmp_path / f"copy-{step}", tmp_path / f"after-{step}"
        copytree(stopped.directory / "log", place)
        disk = powerless = PowerlessDisk(place, step)
        try:
            go_on(stopped, second, what, place)
        except Crash:
            powerless.after_power_loss(after)
            disk = CountingDisk()
            _old_token_finds_it_whole(stopped, after, tmp_path / f"old-{step}", before)
            go_on(stopped, second, what, after)
            assert kinds(stopped, second, NEXT_ORIGIN, after) == [*before, *SEAM]
        else:
            break
    assert step > 20


def _start(leaf: bytes) -> bytes:
    return leaf if parse_entry(leaf).kind is EntryKind.START else pytest.fail("no start entry")


def _old_token_finds_it_whole(
    system: System, place: Path, copy: Path, before: list[EntryKind]
) -> None:
    """The log as it was, or one that goes on under another key; never a half of it."""
    copytree(place, copy)
    try:
        found = kinds(system, system.hsm, ORIGIN, copy)
    except LogDamaged:  # the checkpoint is by the other key already
        return
    assert found == before


def test_the_hsm_dies_at_every_step(stopped: System, second: HsmView, tmp_path: Path) -> None:
    what = stopped.continuation(second)
    for step in count():
        place = tmp_path / f"copy-{step}"
        copytree(stopped.directory / "log", place)
        dying = second.another()
        dying.lose(step, for_good=True)
        try:
            go_on(stopped, dying, what, place)
        except HsmUnreachable:
            dying.revive()
            go_on(stopped, dying, what, place)
            assert kinds(stopped, second, NEXT_ORIGIN, place)[-2:] == SEAM
            assert dying.mark is not None
        else:
            break
    assert step >= 4


def test_entries_without_a_checkpoint_are_cut_off_and_saved(
    stopped: System, second: HsmView
) -> None:
    """The token died while it should have signed: nobody was told of that entry."""
    _, key = log_signer(stopped.hsm)

    def dead(_message: bytes) -> bytes:
        raise HsmUnreachable("the token is gone")

    with LogDisk.open(stopped.directory / "log", ORIGIN, dead, key) as log:
        size = log.size
        last = next(log.leaves(size - 1, size))
        with pytest.raises(HsmUnreachable):
            log.append_many([last] * 600)  # some of them into full tiles
    go_on(stopped, second, stopped.continuation(second))

    found = kinds(stopped, second, NEXT_ORIGIN)
    assert found[size:] == SEAM
    assert list((stopped.directory / "log" / "torn").iterdir())


def test_a_quorum_is_needed(stopped: System, second: HsmView) -> None:
    what = stopped.continuation(second)
    raw, approvals = what.keys
    before = kinds(stopped, stopped.hsm, ORIGIN)

    with pytest.raises(SubmissionRefused) as refused:
        go_on(stopped, second, replace(what, keys=(raw, approvals[:-1])))

    assert refused.value.reason is SubmissionReason.TOO_FEW_APPROVALS
    assert kinds(stopped, stopped.hsm, ORIGIN) == before


def test_the_keys_are_those_of_the_token(stopped: System, second: HsmView) -> None:
    with pytest.raises(WrongToken):
        go_on(stopped, second, stopped.continuation(stopped.hsm))
    roster = stopped.authority.approved(Kind.ROSTER, "roster", stopped.authority.roster_body())
    with pytest.raises(KeyturnError, match="not a keys statement"):
        go_on(stopped, second, Continuation((roster.raw, roster.approvals)))


def test_the_same_origin_is_no_other_log(stopped: System, second: HsmView) -> None:
    with pytest.raises(LogDamaged):
        go_on(stopped, second, stopped.continuation(second, ORIGIN))
    assert kinds(stopped, stopped.hsm, ORIGIN)


def test_a_log_put_back_is_refused_by_what_others_saw(
    system: System, second: HsmView, tmp_path: Path
) -> None:
    older = tmp_path / "older"
    system.keyholder.close()
    copytree(system.directory / "log", older)
    system.start()
    system.enact(Kind.PLATFORMS, "eu", platforms("amd-genoa-00"))
    seen = system.keyholder.journal.log.checkpoint.to_bytes()
    system.keyholder.close()
    what = replace(system.continuation(second), seen=(seen,))

    with pytest.raises(LogRolledBack, match="shorter"):
        go_on(system, second, what, older)
    go_on(system, second, what)
    go_on(system, second, what)


def test_what_others_saw_is_signed_by_the_log(stopped: System, second: HsmView) -> None:
    sign, key = log_signer(second)
    forged = sign_checkpoint(Checkpoint(ORIGIN, 1, Hash(bytes(32))), key, sign)
    what = replace(stopped.continuation(second), seen=(forged.to_bytes(),))

    with pytest.raises(UntrustedCheckpoint):
        go_on(stopped, second, what)


def test_the_older_key_signs_nothing_beyond(system: System, second: HsmView) -> None:
    """Somebody kept the old token, and shows its checkpoint as one that was seen."""
    old = system.hsm
    what = system.replace_token(second)
    at = system.keyholder.journal.log.checkpoint.checkpoint
    sign, key = log_signer(old)
    forged = sign_checkpoint(Checkpoint(ORIGIN, at.size, at.root), key, sign)
    system.keyholder.close()

    with pytest.raises(UntrustedCheckpoint, match="older log key"):
        go_on(system, second, replace(what, seen=(forged.to_bytes(),)))


def test_the_old_token_does_not_go_on_with_it(system: System, second: HsmView) -> None:
    old, size = system.hsm, system.keyholder.journal.log.size
    system.replace_token(second)
    system.keyholder.close()
    assert kinds(system, second, NEXT_ORIGIN)[size : size + 2] == SEAM

    system.hsm, system.origin = old, ORIGIN
    with pytest.raises(LogDamaged):
        system.start()
    system.hsm, system.origin = second, NEXT_ORIGIN
    system.start()


def test_other_keys_after_it_went_on_are_refused(stopped: System, second: HsmView) -> None:
    go_on(stopped, second, stopped.continuation(second))
    stopped.clock.advance(seconds=1)
    with pytest.raises(WrongToken, match="other keys already"):
        go_on(stopped, second, stopped.continuation(second))


def test_a_clock_before_the_log_is_refused(stopped: System, second: HsmView) -> None:
    what = stopped.continuation(second)
    stopped.clock.advance(seconds=-5)
    with pytest.raises(ClockRefused):
        go_on(stopped, second, what)


def test_there_must_be_a_log(stopped: System, second: HsmView, tmp_path: Path) -> None:
    with pytest.raises(LogMissing):
        go_on(stopped, second, stopped.continuation(second), tmp_path / "nowhere")


def test_a_token_without_the_mark_is_refused_until_it_went_on(
    stopped: System, second: HsmView
) -> None:
    what = stopped.continuation(second)
    go_on(stopped, second, what)
    stopped.hsm, stopped.origin, mark = second, NEXT_ORIGIN, second.mark
    second.mark = None
    with pytest.raises(LogRolledBack, match="remembers no log"):
        stopped.start()

    second.mark = mark
    stopped.start()


def test_a_mark_by_the_older_key_still_binds(system: System, second: HsmView) -> None:
    """The same token was given new keys: its mark is of the log's older name."""
    old = system.keyholder.journal.log.checkpoint.to_bytes()
    system.replace_token(second)
    second.mark = old
    system.restart()

    size = old.split(b"\n")[1]
    second.mark = old.replace(b"\n%s\n" % size, b"\n%d\n" % (int(size) + 1))
    with pytest.raises(KeyturnError):
        system.restart()
    second.mark = old
    system.start()


def test_a_model_sealed_to_the_older_ingest_key_is_sealed_again(
    ready: Ready, second: HsmView, model: Model
) -> None:
    system = ready.system
    old_key = system.key_file(model)
    system.replace_token(second)
    proposal = system.authority.approved(
        Kind.MODEL, str(admission_body(model)["model"]), admission_body(model)
    )

    with pytest.raises(KeyFileRefused, match="another ingest key") as refused:
        system.submit(proposal, old_key)

    assert "seal the model again" in refused.value.hint


def test_the_settings_of_the_new_token(tmp_path: Path, system: System) -> None:
    path = tmp_path / "keyholder.toml"
    config = KeyholderConfig(
        log=tmp_path / "log",
        socket=tmp_path / "keyholder.sock",
        origin=ORIGIN,
        fingerprint=system.fingerprint,
        token_label="old",
        module=None,
        softhsm_configuration=tmp_path / "old.conf",
        workers=2,
        reserve=7,
    )
    path.write_text(config_text(config, tmp_path))
    text = continued_config(
        path,
        origin=NEXT_ORIGIN,
        token_label="new",
        module=None,
        softhsm_configuration=tmp_path / "new.conf",
    )
    path.write_text(text)

    assert load_config(path, {}) == replace(
        config,
        origin=NEXT_ORIGIN,
        token_label="new",
        softhsm_configuration=tmp_path / "new.conf",
    )


def test_the_bundle_names_the_new_log(stopped: System, second: HsmView) -> None:
    raw = go_on(stopped, second, stopped.continuation(second))
    bundle = load_bundle(raw, stopped.fingerprint, stopped.clock())
    assert bundle.origin == NEXT_ORIGIN
    assert keys_body(second, NEXT_ORIGIN)["origin"] == bundle.origin
