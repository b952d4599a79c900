"""The first entries of a log: made once, completed after a kill, never over something else."""

from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest

from keyturn.base.errors import KeyturnError
from keyturn.hsm.protocol import Hsm
from keyturn.keyholder import genesis
from keyturn.keyholder.errors import WrongToken
from keyturn.keyholder.genesis import Founding, found, log_signer
from keyturn.keyholder.logdisk import LogDisk
from keyturn.keyholder.logdisk_errors import LogMissing
from keyturn.quorum.bundle import load_bundle
from keyturn.quorum.entries import EntryKind, parse_entry
from keyturn.quorum.errors import LogInconsistent, SubmissionReason, SubmissionRefused
from keyturn.quorum.kinds import Kind
from support.authority import Authority, Clock, Proposal
from support.hsmviews import HsmView
from support.system import ORIGIN, keys_body
from unit.keyholder.failing_disk import CountingDisk, Crash, DyingDisk


class Ceremony:
    """Five officers and a token about to make an authority."""

    def __init__(self, directory: Path, hsm: Hsm) -> None:
        self.log = directory / "log"
        self.view = HsmView(hsm)
        self.clock = Clock()
        self.authority = Authority(self.clock)
        self.roster = self.authority.approved(Kind.ROSTER, "roster", self.authority.roster_body())
        self.keys = self.authority.approved(Kind.KEYS, "keys", keys_body(self.view))

    def found(self, roster: Proposal | None = None, keys: Proposal | None = None) -> bytes:
        first, second = roster or self.roster, keys or self.keys
        founding = Founding((first.raw, first.approvals), (second.raw, second.approvals))
        return found(self.log, ORIGIN, self.view, self.roster.digest, founding, self.clock)

    def leaves(self) -> list[EntryKind]:
        sign, key = log_signer(self.view)
        with LogDisk.open(self.log, ORIGIN, sign, key) as log:
            return [parse_entry(each).kind for each in log.leaves()]


FIRST = [EntryKind.ORIGIN, EntryKind.STATEMENT, EntryKind.STATEMENT]


@pytest.fixture
def ceremony(tmp_path: Path, hsm_worker: Hsm) -> Ceremony:
    return Ceremony(tmp_path, hsm_worker)


def test_origin_roster_and_keys_are_the_first_entries(ceremony: Ceremony) -> None:
    bundle = load_bundle(ceremony.found(), ceremony.roster.digest, ceremony.clock())

    assert ceremony.leaves() == FIRST
    assert bundle.origin == ORIGIN
    assert bundle.roster.simulation
    assert ceremony.view.mark is not None
    assert ceremony.log.stat().st_mode & 0o777 == 0o700


def test_genesis_again_is_the_same_genesis(ceremony: Ceremony) -> None:
    assert ceremony.found() == ceremony.found()
    assert ceremony.leaves() == FIRST


def test_killed_at_every_step_and_run_again(
    tmp_path: Path, hsm_worker: Hsm, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = CountingDisk()

    class Disk(LogDisk):
        """On whatever disk the test says."""

        def __init__(self, *arguments: object, **named: object) -> None:
            super().__init__(*arguments, **{**named, "io": disk})  # type: ignore[arg-type]

    monkeypatch.setattr(genesis, "LogDisk", Disk)
    for step in count():
        ceremony = Ceremony(tmp_path / str(step), hsm_worker)
        disk = DyingDisk(step)
        try:
            ceremony.found()
        except Crash:
            disk = CountingDisk()
            load_bundle(ceremony.found(), ceremony.roster.digest, ceremony.clock())
            assert ceremony.leaves() == FIRST
        else:
            break
    assert step > 30


def test_a_roster_of_another_fingerprint_is_refused(ceremony: Ceremony) -> None:
    other = ceremony.authority.approved(
        Kind.ROSTER, "roster", ceremony.authority.roster_body(), by="bela"
    )

    with pytest.raises(SubmissionRefused) as refused:
        ceremony.found(roster=other)

    assert refused.value.reason is SubmissionReason.WRONG_FINGERPRINT


@pytest.mark.parametrize("which", ["roster", "keys"])
def test_one_approval_short_founds_nothing(ceremony: Ceremony, which: str) -> None:
    whole: Proposal = getattr(ceremony, which)
    short = replace(whole, approvals=whole.approvals[:-1])

    with pytest.raises(SubmissionRefused) as refused:
        ceremony.found(**{which: short})
    assert refused.value.reason is SubmissionReason.TOO_FEW_APPROVALS

    ceremony.found()
    assert ceremony.leaves() == FIRST


def test_keys_of_another_log_are_refused_before_they_are_entered(ceremony: Ceremony) -> None:
    body = {**keys_body(ceremony.view), "origin": "other.example/log"}
    foreign = ceremony.authority.approved(Kind.KEYS, "keys", body)

    with pytest.raises(WrongToken, match="another log"):
        ceremony.found(keys=foreign)

    ceremony.found()
    assert ceremony.leaves() == FIRST


def test_another_genesis_over_a_log_is_refused(ceremony: Ceremony, hsm_worker: Hsm) -> None:
    ceremony.found()
    other = Ceremony(ceremony.log.parent, hsm_worker)

    with pytest.raises(LogInconsistent, match="another authority"):
        other.found()
    assert ceremony.leaves() == FIRST


def test_something_else_instead_of_keys_is_refused(ceremony: Ceremony) -> None:
    with pytest.raises(KeyturnError):
        ceremony.found(keys=ceremony.roster)


def test_there_is_no_log_to_open(ceremony: Ceremony) -> None:
    with pytest.raises(LogMissing):
        genesis.open_log(ceremony.log, ORIGIN, ceremony.view)
