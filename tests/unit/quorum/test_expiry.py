"""What expires soon (DESIGN §5.1: silence must not keep a rule alive)."""

from datetime import timedelta

import pytest

from keyturn.quorum.expiry import WARNING, expiring, in_force
from keyturn.quorum.kinds import Kind
from support.authority import policy_body
from unit.quorum.authority_log import AuthorityLog, platforms

LIST = platforms("amd-genoa-00")


@pytest.fixture
def log() -> AuthorityLog:
    made = AuthorityLog()
    for subject, days in (("late", 30), ("soon", 10), ("sooner", 3)):
        made.enact(Kind.PLATFORMS, subject, LIST, life=timedelta(days=days))
    made.revoke("node", "n1")
    return made


def subjects(log: AuthorityLog, **within: float) -> list[str]:
    soon = timedelta(**within) if within else WARNING
    return [each.statement.subject for each in expiring(log.state, log.clock(), soon)]


def test_the_first_to_expire_comes_first(log: AuthorityLog) -> None:
    assert subjects(log) == ["sooner", "soon"]
    assert subjects(log, days=30) == ["sooner", "soon", "late"]
    assert subjects(log, days=400) == ["sooner", "soon", "late", "roster"]
    assert subjects(log, days=3) == ["sooner"]
    assert subjects(log, days=3, seconds=-1) == []


def test_only_what_is_in_force(log: AuthorityLog) -> None:
    log.enact(Kind.POLICY, "serving", policy_body(), life=timedelta(days=2))
    log.revoke("policy", "serving")
    log.enact(Kind.PLATFORMS, "soon", LIST)
    assert subjects(log) == ["sooner"]
    log.clock.advance(days=3)
    assert subjects(log) == []
    log.remove("bela", compromised=["bela"], approvers=("chen", "dora", "emil"))
    assert [each.statement.kind for each in in_force(log.state, log.clock())] == [
        Kind.REVOCATION,
        Kind.REVOCATION,
        Kind.ROSTER,
    ]
