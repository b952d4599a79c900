"""Which preview an approval names, beside the one that is shown: the same, another, or none."""

from dataclasses import replace
from datetime import timedelta

from keyturn.base.encoding import Digest
from keyturn.client.proposals import Status
from keyturn.policy.drafts import draft_of
from keyturn.policy.impact import Impact, LogPosition
from keyturn.policy.impact_document import preview_bytes, preview_digest
from keyturn.policy.impact_reading import read_preview
from keyturn.policy.observed import Observed
from keyturn.policy.preview import preview
from keyturn.quorum.approvals import Approval, Decision, parse_approval
from keyturn.quorum.kinds import Kind
from keyturn.quorum.statements import Statement, parse_statement
from keyturn_app.screens.approvals.case import Case
from keyturn_app.screens.approvals.signedpreviews import (
    NOTHING_HELD,
    Held,
    differing,
    signed_preview,
)
from support.authority import Authority, Clock, policy_body
from unit.policy.test_preview import AT, fleet

AUTHORITY = Authority(Clock())


def statement(kind: Kind = Kind.POLICY, count: int = 2) -> Statement:
    if kind is Kind.ROSTER:
        return parse_statement(AUTHORITY.propose(kind, "roster", AUTHORITY.roster_body()).raw)
    body = policy_body(gpu={"count": count})
    return parse_statement(AUTHORITY.propose(kind, "serving", body).raw)


def approval(
    of: Statement, named: Digest | None, decision: Decision = Decision.APPROVE
) -> Approval:
    made = parse_approval(AUTHORITY.approval(of.digest, "bela", decision=decision))
    return replace(made, preview=named)


def case(of: Statement) -> Case:
    roster = fleet().state.roster
    assert roster is not None
    return Case(of, (), (), (), 2, roster, None, Status.OPEN)


def impact(
    of: Statement, *nodes: Observed, later: timedelta = timedelta(), size: int = 7
) -> Impact:
    here = fleet()
    at = LogPosition(size, AT.root)
    return preview(draft_of(of), here.state, nodes, at, here.now + later)


def held(shown: Impact | None, *others: Impact) -> Held:
    kept = {preview_digest(each): read_preview(preview_bytes(each)) for each in others}
    if shown is None:
        return Held(others=kept)
    return Held(preview_digest(shown), preview_bytes(shown), kept)


def text(of: Statement, named: Impact | None, here: Held = NOTHING_HELD) -> tuple[str, str]:
    digest = None if named is None else preview_digest(named)
    said = signed_preview(case(of), approval(of, digest), here)
    assert said is not None
    assert said.digest == digest
    return said.text, said.token


def test_none_is_said_and_the_same_is_the_same() -> None:
    of, node = statement(), fleet().node(0)
    assert text(of, None) == ("Signed without an impact preview", "stale")
    shown = impact(of, node)
    assert text(of, shown, held(shown)) == ("Signed the impact preview shown here", "ok")


def test_another_that_is_not_kept_is_another_and_no_more_is_claimed() -> None:
    of, node = statement(), fleet().node(0)
    other = impact(of, node, size=8)
    said, token = text(of, other, held(impact(of, node)))
    assert said.startswith("Signed another impact preview, sha256 ")
    assert said.endswith("it is not kept on this machine")
    assert token == "text2"


def test_a_longer_log_alone_changes_nothing() -> None:
    of, node = statement(), fleet().node(0)
    shown = impact(of, node, later=timedelta(minutes=1), size=9)
    said, token = text(of, impact(of, node), held(shown, impact(of, node)))
    assert said.endswith("the same outcome for every node")
    assert token == "ok"


def test_what_differs_is_named_and_long_lists_are_cut() -> None:
    of, here = statement(), fleet()
    then = impact(of, here.node(0), here.node(1), size=6)
    now = impact(of, here.node(0, gpus=2), here.node(2))
    said, token = text(of, then, held(now, then))
    assert "node-0: Would lose keys, now Would newly get keys" in said
    assert "node-1 is gone; node-2 was not there" in said
    assert token == "stale"

    many = impact(of, *(here.node(each) for each in range(5)), size=6)
    assert "and 2 more" in text(of, many, held(impact(of), many))[0]
    documents = [read_preview(preview_bytes(each)) for each in (many, impact(of))]
    assert len(differing(*documents)) == 5


def test_kept_and_none_shown() -> None:
    of = statement()
    other = impact(of, fleet().node(0))
    assert text(of, other, held(None, other))[0].endswith(", kept here")


def test_the_preview_of_something_else_is_no_preview_of_this() -> None:
    of, other = statement(), impact(statement(count=3), fleet().node(0))
    said, token = text(of, other, held(None, other))
    assert said.startswith("Signed the impact preview of something else")
    assert token == "danger"


def test_rejections_and_other_kinds_name_none() -> None:
    of = statement()
    assert signed_preview(case(of), approval(of, None, Decision.REJECT), NOTHING_HELD) is None
    roster = statement(Kind.ROSTER)
    assert signed_preview(case(roster), approval(roster, None), NOTHING_HELD) is None
