"""Previews of an officer: computed here, kept here, the newest of a proposal found again."""

import os
from datetime import timedelta
from pathlib import Path

import pytest

from keyturn.base.encoding import Digest, digest_of
from keyturn.client.errors import FileUnusable
from keyturn.client.previews import KEPT, PreviewShelf, check_impact, impact_of, position_of
from keyturn.policy.drafts import draft_of, draft_of_body
from keyturn.policy.impact import Group
from keyturn.policy.impact_document import PreviewDisagrees, preview_bytes
from keyturn.policy.preview import preview
from keyturn.quorum.kinds import Kind
from support.authority import policy_body
from unit.client.test_evidence import Fleet, fleet
from unit.client.test_examination import seen
from unit.policy.test_preview import AT
from unit.policy.test_preview import fleet as nodes

__all__ = ["fleet"]


def test_an_impact_is_of_every_node_that_the_log_knows(fleet: Fleet) -> None:
    look, now = seen(fleet.desk), fleet.desk.clock()
    body = policy_body(gpu={"count": 2})
    draft = draft_of_body(Kind.POLICY, "serving", body, look.state, now)  # type: ignore[arg-type]
    told: list[tuple[int, int]] = []
    found = impact_of(draft, look, fleet.evidence, now, lambda *each: told.append(each))

    assert {each.group for each in found.nodes} == {Group.LOSES}
    assert len(found.nodes) == 3
    assert found.position == position_of(look)
    assert told[-1] == (3, 3)
    assert check_impact(preview_bytes(found), draft, look, fleet.evidence, now) == found

    fleet.release("n1")
    with pytest.raises(PreviewDisagrees):
        check_impact(preview_bytes(found), draft, seen(fleet.desk), fleet.evidence, now)


def test_anchors_are_tried_on_the_same_evidence(fleet: Fleet) -> None:
    look, now = seen(fleet.desk), fleet.desk.clock()
    body = {"hardware": "pinned", "simulated": []}
    draft = draft_of_body(Kind.TRUST_ANCHORS, "trust-anchors", dict(body), look.state, now)
    found = impact_of(draft, look, fleet.evidence, now)
    assert {each.group for each in found.nodes} == {Group.LOSES}


def document(at: timedelta = timedelta()) -> tuple[bytes, Digest]:
    here = nodes()
    statement = here.state.newest[(Kind.POLICY, "serving")].statement
    made = preview(draft_of(statement), here.state, [here.node(0)], AT, here.now + at)
    return preview_bytes(made), statement.digest


def test_the_newest_of_a_statement(tmp_path: Path) -> None:
    shelf = PreviewShelf(tmp_path / "previews")
    old, statement = document()
    new, _ = document(timedelta(hours=1))
    start = nodes().now
    ever = (start, start + timedelta(days=1))
    assert shelf.newest(statement, *ever) is None
    digest = shelf.put(new)
    shelf.put(old)

    found = shelf.newest(statement, *ever)
    assert found is not None
    assert found[0] == digest == digest_of(new)
    assert shelf.newest(Digest("sha256:" + "1" * 64), *ever) is None
    assert shelf.get(digest) == new
    assert (tmp_path / "previews").stat().st_mode & 0o777 == 0o700


def test_a_changed_file_is_none(tmp_path: Path) -> None:
    shelf = PreviewShelf(tmp_path)
    raw, statement = document()
    digest = shelf.put(raw)
    path = tmp_path / f"{digest.removeprefix('sha256:')}.json"
    path.write_bytes(raw + b" ")
    assert shelf.get(digest) is None
    start = nodes().now
    assert shelf.newest(statement, start, start + timedelta(days=1)) is None


def test_one_that_says_it_is_of_the_future_or_is_too_old_is_not_the_newest(
    tmp_path: Path,
) -> None:
    """The attack: a colleague's file, once named by hand, says it is of next year, and would be
    signed with every later approval in place of what this officer computed."""
    shelf = PreviewShelf(tmp_path)
    theirs, statement = document(timedelta(days=365))
    mine, _ = document()
    shelf.put(theirs)
    digest = shelf.put(mine)
    start, hour = nodes().now, timedelta(hours=1)

    found = shelf.newest(statement, start - hour, start)
    assert found is not None
    assert found[0] == digest
    assert shelf.newest(statement, start + hour, start + 2 * hour) is None


def test_the_oldest_go(tmp_path: Path) -> None:
    shelf = PreviewShelf(tmp_path)
    for number in range(KEPT + 2):
        digest = shelf.put(b"%d" % number)
        path = tmp_path / f"{digest.removeprefix('sha256:')}.json"
        os.utime(path, (number, number))
    assert len(list(tmp_path.iterdir())) == KEPT
    assert shelf.get(digest_of(b"0")) is None


def test_a_disk_that_says_no(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(FileUnusable):
        PreviewShelf(tmp_path / "file").put(b"x")
