"""What may be done with keys now: in force, in its time, by people who still are what it takes."""

from datetime import timedelta

import pytest

from keyturn.quorum.authorised import authorised
from keyturn.quorum.errors import SubmissionReason, SubmissionRefused
from keyturn.quorum.kinds import Kind
from support.authority import START
from unit.quorum.authority_log import CAST, AuthorityLog, ceremony, platforms, restore

OPENS, CLOSES = START + timedelta(days=1), START + timedelta(days=2)
KEK = "7e" * 32


def refused(log: AuthorityLog, kind: Kind, subject: str) -> SubmissionReason:
    with pytest.raises(SubmissionRefused) as found:
        authorised(log.state, kind, subject, log.clock())
    return found.value.reason


@pytest.fixture
def log() -> AuthorityLog:
    made = AuthorityLog(cast=CAST)
    made.enact(Kind.CEREMONY, "c-1", ceremony())
    made.enact(Kind.RESTORE, KEK, restore())
    return made


@pytest.mark.parametrize(("kind", "subject"), [(Kind.CEREMONY, "c-1"), (Kind.RESTORE, KEK)])
def test_from_its_first_second_until_before_its_last(
    log: AuthorityLog, kind: Kind, subject: str
) -> None:
    assert refused(log, kind, subject) is SubmissionReason.NOT_OPEN
    for moment in (OPENS, CLOSES - timedelta(seconds=1)):
        log.clock.now = moment
        found, body = authorised(log.state, kind, subject, moment)
        assert (found.statement.subject, found.statement.body) == (subject, body)
    log.clock.now = CLOSES
    assert refused(log, kind, subject) is SubmissionReason.WINDOW_OVER


def test_who_lost_a_role_since_takes_no_part(log: AuthorityLog) -> None:
    log.authority.people["dora"].roles = ("proposer", "approver", "custodian")
    log.authority.people["bela"].roles = ("approver",)
    log.enact(Kind.ROSTER, "roster", log.authority.roster_body())
    log.clock.now = OPENS
    assert refused(log, Kind.CEREMONY, "c-1") is SubmissionReason.UNFIT_PARTICIPANT
    assert refused(log, Kind.RESTORE, KEK) is SubmissionReason.UNFIT_PARTICIPANT


def test_replaced_only_the_newest_counts(log: AuthorityLog) -> None:
    later = {"not_before": "2026-11-27T08:00:00Z", "not_after": "2026-11-28T08:00:00Z"}
    log.enact(Kind.CEREMONY, "c-1", ceremony(**later))
    log.clock.now = OPENS
    assert refused(log, Kind.CEREMONY, "c-1") is SubmissionReason.NOT_OPEN


def test_expired_never_there_or_of_another_kind(log: AuthorityLog) -> None:
    log.enact(Kind.PLATFORMS, "eu", platforms("amd-genoa-00"))
    assert refused(log, Kind.CEREMONY, "c-2") is SubmissionReason.NOT_IN_FORCE
    assert refused(log, Kind.PLATFORMS, "eu") is SubmissionReason.NOT_IN_FORCE


def test_by_an_expired_roster_nobody_is_fit() -> None:
    log = AuthorityLog(cast=CAST)
    short = log.authority.approved(
        Kind.ROSTER, "roster", log.authority.roster_body(), life=timedelta(hours=30)
    )
    log.submit(short)
    log.enact(Kind.CEREMONY, "c-1", ceremony())
    log.clock.now = START + timedelta(hours=31)
    assert refused(log, Kind.CEREMONY, "c-1") is SubmissionReason.ROSTER_EXPIRED
