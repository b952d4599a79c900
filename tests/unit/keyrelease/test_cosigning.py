"""What stands on the disk reads back, and nothing else does."""

import pytest

from keyturn.base.encoding import Digest
from keyturn.keyrelease.cosigning import MAX_FOUND, LogState, Pending, owed, parse_state
from keyturn.keyrelease.errors import DamagedState
from keyturn.quorum.approvals import parse_approval
from keyturn.quorum.errors import SubmissionReason, SubmissionRefused
from keyturn.quorum.kinds import Kind
from keyturn.quorum.statements import parse_statement
from keyturn.tlog.merkle import Hash
from unit.quorum.authority_log import AuthorityLog

DIGEST = Digest("sha256:" + "11" * 32)
STATE = LogState(
    "a.example/log",
    5,
    Hash(b"\x22" * 32),
    "note\n",
    17,
    (Pending(DIGEST, "node:a", 2, 5, 17), Pending(DIGEST, "node:b", 1, 5, 17)),
    {"node:c": 3},
)


def test_it_reads_back() -> None:
    assert parse_state(STATE.to_bytes()) == STATE


@pytest.mark.parametrize("spoil", [b"{}", b"", STATE.to_bytes()[:-1], STATE.to_bytes() + b"x"])
def test_what_is_damaged_is_refused(spoil: bytes) -> None:
    with pytest.raises(DamagedState):
        parse_state(spoil)


def test_a_later_version_settles_an_earlier_one() -> None:
    assert [each.subject for each in STATE.settled("node:a", 1, 4, 99).pending] == [
        "node:a",
        "node:b",
    ]
    assert [each.subject for each in STATE.settled("node:a", 2, 4, 0).pending] == ["node:b"]
    assert [each.subject for each in STATE.settled("node:a", 1, 5, 17).pending] == ["node:b"]
    assert STATE.settled("node:a", 1, 5, 16).pending == STATE.pending
    assert STATE.settled("node:c", 1, 9, 99).found == {"node:c": 3}


def test_only_so_many_are_remembered() -> None:
    state = LogState("a.example/log")
    for each in range(MAX_FOUND + 5):
        state = state.settled(f"node:{each}", 1, 0, 0)
    assert len(state.found) == MAX_FOUND
    assert f"node:{MAX_FOUND + 4}" in state.found


def test_another_authoritys_revocation_is_not_owed_by_this_log() -> None:
    """Of the same officers: it would keep this log from being cosigned for ever."""
    log = AuthorityLog()
    body: dict[str, object] = {"target_kind": "node", "target": "n1"}
    for each in (log, AuthorityLog(like=log)):
        made = each.authority.approved(Kind.REVOCATION, "node:n1", body)
        statement, approvals = parse_statement(made.raw), [parse_approval(made.approvals[0])]
        now = each.clock()
        if each is log:
            assert owed(statement, approvals, log.state, 2, now).subject == "node:n1"
            continue
        with pytest.raises(SubmissionRefused) as refused:
            owed(statement, approvals, log.state, 2, now)
        assert refused.value.reason is SubmissionReason.OTHER_AUTHORITY
