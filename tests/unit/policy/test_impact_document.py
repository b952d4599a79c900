"""The preview as a document: the same bytes from the same inputs, and recomputed (§8.9)."""

from dataclasses import replace
from datetime import timedelta

import pytest

from keyturn.base.encoding import Digest, digest_of
from keyturn.base.errors import MalformedError
from keyturn.policy.drafts import draft_of
from keyturn.policy.impact import LogPosition
from keyturn.policy.impact_document import (
    PreviewDisagrees,
    preview_bytes,
    preview_digest,
    verify_preview,
)
from keyturn.policy.impact_reading import read_preview
from keyturn.policy.preview import preview
from keyturn.quorum.kinds import Kind
from support.observednodes import varied
from unit.policy.test_preview import AT, fleet


def test_two_who_look_at_the_same_get_the_same_digest_in_whatever_order() -> None:
    here = fleet()
    nodes = varied(here.cpu, here.gpu, [here.desk.digest], 20, here.now)
    draft = here.policy(gpu={"count": 0})
    one = preview(draft, here.state, nodes, AT, here.now)
    other = preview(draft, here.state, nodes[::-1], AT, here.now + timedelta(microseconds=9))

    assert preview_bytes(one) == preview_bytes(other)
    assert preview_digest(one) == digest_of(preview_bytes(one))


@pytest.mark.parametrize("what", ["time", "root", "draft", "evidence", "outcome"])
def test_anything_else_is_another_digest(what: str) -> None:
    here = fleet()
    node, draft, at, now = here.node(0), here.policy(), AT, here.now
    before = preview_digest(preview(draft, here.state, [node], at, now))
    if what == "time":
        now += timedelta(seconds=1)
    if what == "root":
        at = LogPosition(7, "cd" * 32)
    if what == "draft":
        draft = here.policy(lease_seconds=61)
    if what == "evidence":
        node = replace(node, evidence=digest_of(b"newer"))
    if what == "outcome":
        node = here.node(0, gpus=2)
    assert preview_digest(preview(draft, here.state, [node], at, now)) != before


def test_it_verifies_where_the_same_was_seen() -> None:
    here, node = fleet(), fleet().node(0)
    draft = here.policy(gpu={"count": 3})
    made = preview(draft, here.state, [node], AT, here.now)

    assert verify_preview(preview_bytes(made), draft, here.state, [node], AT) == made


def test_a_forged_outcome_and_newer_evidence_are_told_apart() -> None:
    here, node = fleet(), fleet().node(0)
    draft = here.policy(gpu={"count": 3})
    raw = preview_bytes(preview(draft, here.state, [node], AT, here.now))
    forged = raw.replace(b'"outcome":"loses-keys"', b'"outcome":"keeps-keys"').replace(
        b'"loses-keys":1,"keeps-keys":0', b'"loses-keys":0,"keeps-keys":1'
    )
    assert forged != raw
    with pytest.raises(PreviewDisagrees) as refused:
        verify_preview(forged, draft, here.state, [node], AT)
    assert refused.value.found == "node node-0 keeps-keys, now loses-keys"

    newer = replace(node, evidence=digest_of(b"newer"))
    with pytest.raises(PreviewDisagrees) as refused:
        verify_preview(raw, draft, here.state, [newer], AT)
    assert refused.value.found == "node node-0 shows other evidence"


def test_other_bytes_of_the_same_are_not_it() -> None:
    here = fleet()
    raw = preview_bytes(preview(here.policy(), here.state, [], AT, here.now))
    with pytest.raises(PreviewDisagrees, match="asking again"):
        verify_preview(raw + b" ", here.policy(), here.state, [], AT)
    with pytest.raises(MalformedError):
        verify_preview(b"{}", here.policy(), here.state, [], AT)


def test_a_proposed_statement_is_named_by_its_digest() -> None:
    here = fleet()
    statement = here.state.newest[(Kind.POLICY, "serving")].statement
    said = read_preview(
        preview_bytes(preview(draft_of(statement), here.state, [here.node(0)], AT, here.now))
    )
    assert said.statement == Digest(statement.digest)
    assert said.nodes[0].decisive == ()
