"""Separation of duty: which roles must differ, and never one custodian (our protocol §2.6; I3)."""

import pytest

from keyturn.base.errors import MalformedError
from keyturn.base.strictjson import Fields
from keyturn.quorum.errors import MalformedStatement
from keyturn.quorum.kinds import Kind, Role
from keyturn.quorum.roster import Roster
from keyturn.quorum.separation import STRICT, Separation, check_separation, parse_separation
from support.authority import OFFICERS, Authority, Clock, Person
from unit.quorum.bodies_reader import Document, read_body

AUTHORITY = Authority(Clock())
BOTH = frozenset({Role.PROPOSER, Role.APPROVER})


def separation(apart: object = (), required: object = None) -> Separation:
    document = {"apart": list(apart), "required": required or {}}  # type: ignore[call-overload]
    return parse_separation(Fields(document, "separation"))


def roster(separated: object = None, **roles: tuple[str, ...]) -> Roster:
    """Five officers, with these roles instead of proposer and approver."""
    people = AUTHORITY.people
    entries = [Person(n, people[n].keys, roles.get(n, people[n].roles)).entry() for n in OFFICERS]
    body: Document = AUTHORITY.roster_body(officers=entries)
    if separated is not None:
        body["separation"] = separated
    found = read_body(Kind.ROSTER, body)
    assert isinstance(found, Roster)
    return found


def test_everything_is_read() -> None:
    found = separation([["approver", "proposer"]], {"custodian": 3})
    assert found == Separation(frozenset({BOTH}), {Role.CUSTODIAN: 3})


def test_a_roster_that_says_nothing_gets_the_strict_rule() -> None:
    assert roster().separation == STRICT
    with pytest.raises(
        MalformedStatement, match="emil holds two roles that must differ"
    ) as refused:
        roster(emil=("approver", "auditor"))
    assert refused.value.found == "approver, auditor"
    assert refused.value.expected == "not both of approver, auditor"


def test_a_looser_rule_must_be_written() -> None:
    written = {"apart": [], "required": {}}
    assert roster(written, emil=("approver", "auditor")).separation.apart == frozenset()


def test_two_roles_that_must_differ() -> None:
    apart = {"apart": [["proposer", "approver"]], "required": {}}
    with pytest.raises(MalformedStatement, match="ada holds two roles"):
        roster(apart)
    people = {name: ("approver",) for name in OFFICERS[1:]}
    assert roster(apart, ada=("proposer",), **people).separation.apart == {BOTH}


@pytest.mark.parametrize("keeping", [1, 2])
def test_no_officer_is_the_only_custodian(keeping: int) -> None:
    roles = {name: ("proposer", "approver", "custodian") for name in OFFICERS[:keeping]}
    if keeping > 1:
        assert roster(**roles)
        return
    for written in (None, {"apart": [], "required": {"custodian": 1}}):
        with pytest.raises(MalformedStatement, match="only custodian") as refused:
            roster(written, **roles)
        assert refused.value.found == "ada"


def test_a_required_role_is_held() -> None:
    needed = {"apart": [], "required": {"auditor": 2}}
    one = {"emil": ("auditor",)}
    with pytest.raises(
        MalformedStatement, match="too few officers with the role auditor"
    ) as refused:
        roster(needed, **one)
    assert (refused.value.found, refused.value.expected) == ("1", "at least 2")
    check_separation(separation([], {"auditor": 1}), [("emil", frozenset({Role.AUDITOR}))])


@pytest.mark.parametrize(
    ("document", "match"),
    [
        ({"apart": []}, "'required' is missing"),
        ({"required": {}}, "'apart' is missing"),
        ({"apart": [], "required": {}, "more": 1}, "unknown field"),
        ({"apart": [["approver"]], "required": {}}, r"apart\[0\]"),
        ({"apart": ["approver"], "required": {}}, r"apart\[0\]"),
        ({"apart": [["approver", "approver"]], "required": {}}, r"apart\[0\]"),
        ({"apart": [["approver", "king"]], "required": {}}, "not a role"),
        ({"apart": [["approver", 3]], "required": {}}, "not a role"),
        (
            {"apart": [["approver", "auditor"], ["auditor", "approver"]], "required": {}},
            "stands twice",
        ),
        ({"apart": [], "required": {"king": 1}}, "not a role"),
        ({"apart": [], "required": {"auditor": 0}}, "'auditor' is wrong"),
        ({"apart": [], "required": {"auditor": True}}, "'auditor' is wrong"),
        (None, "'separation' is wrong"),
    ],
)
def test_another_form_is_refused(document: object, match: str) -> None:
    body = AUTHORITY.roster_body(separation=document)
    with pytest.raises(MalformedError, match=match):
        read_body(Kind.ROSTER, body)
