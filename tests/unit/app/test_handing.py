"""A draft on its way from one page to another."""

import pytest

from keyturn.quorum.kinds import Kind
from keyturn_app.handing import Handed, handed


def test_what_is_handed_over_arrives_as_it_was() -> None:
    made = Handed(Kind.POLICY, "serving", {"lease_seconds": 60, "names": ["é", "b"]}, "why not")
    assert handed(made.target()) == made


@pytest.mark.parametrize(
    "target",
    [
        "",
        "new:policy:serving",
        "draft:",
        "draft:{}",
        'draft:{"kind":"policy","subject":"a","body":"","reason":""}',
        'draft:{"kind":"nothing","subject":"a","body":"e30","reason":""}',
        'draft:{"kind":"policy","subject":"a","body":"e30","reason":"","more":1}',
        "draft:\ud800",
    ],
)
def test_anything_else_is_no_draft(target: str) -> None:
    assert handed(target) is None
