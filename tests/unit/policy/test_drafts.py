"""A draft in force, for asking what if: no quorum is proved by it."""

from datetime import timedelta

import pytest

from keyturn.base.encoding import digest_of
from keyturn.base.errors import MalformedError
from keyturn.base.strictjson import dump
from keyturn.policy.drafts import draft_of, draft_of_body, with_draft
from keyturn.quorum.kinds import Kind
from support.authority import policy_body
from unit.policy.test_preview import fleet


def test_a_body_is_the_next_version_of_its_subject() -> None:
    here = fleet()
    draft = draft_of_body(Kind.POLICY, "serving", policy_body(), here.state, here.now)  # type: ignore[arg-type]
    newest = here.state.newest[(Kind.POLICY, "serving")].statement

    assert (draft.statement.version, draft.statement.replaces) == (2, newest.digest)
    assert draft.proposed is None
    assert draft.body_digest == digest_of(dump(policy_body()))
    after = with_draft(here.state, draft, here.now)
    assert after.policy("serving", here.now) == draft.body
    assert here.state.newest[(Kind.POLICY, "serving")].statement is newest


def test_a_proposal_keeps_its_digest_and_one_in_force_changes_nothing() -> None:
    here = fleet()
    statement = here.state.newest[(Kind.POLICY, "serving")].statement
    draft = draft_of(statement)

    assert draft.proposed == statement.digest
    assert draft.body_digest == digest_of(dump(policy_body()))
    assert with_draft(here.state, draft, here.now) is here.state


def test_a_body_that_cannot_be_read() -> None:
    here = fleet()
    with pytest.raises(MalformedError):
        draft_of_body(Kind.POLICY, "serving", {"tees": ["snp"]}, here.state, here.now)


def test_a_draft_of_something_new_and_a_revocation() -> None:
    here = fleet()
    body = {"target_kind": "node", "target": "n"}
    draft = draft_of_body(Kind.REVOCATION, "node:n", dict(body), here.state, here.now)
    assert (draft.statement.version, draft.statement.expires) == (1, None)
    assert len(with_draft(here.state, draft, here.now).revoked) == 1


def test_a_draft_that_takes_a_revocation_back() -> None:
    """Nobody has approved a draft: its proposer's word alone is the oldest."""
    here = fleet()
    listed = {"platforms": [{"id": "amd-genoa-" + "0" * 128, "site": "here", "note": ""}]}
    gone = {"target_kind": "platform", "target": "amd-genoa-" + "0" * 128}
    revoked = draft_of_body(
        Kind.REVOCATION, f"platform:{gone['target']}", dict(gone), here.state, here.now
    )
    state = with_draft(here.state, revoked, here.now)
    assert len(state.revoked) == 1
    later = here.now + timedelta(minutes=1)
    draft = draft_of_body(Kind.PLATFORMS, "hall", dict(listed), state, later)
    assert with_draft(state, draft, later).revoked == {}
